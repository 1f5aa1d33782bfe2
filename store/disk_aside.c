#include "store/disk_aside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"

/* Whoever names a file by mistake keeps it: what a hub makes is for no others to read. */
static int check_ours(const char *path, struct error *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return error_set(err, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    if (S_ISREG(status.st_mode) && !(status.st_mode & S_IRWXO))
        return 0;
    return error_set(
        err, EX_DATAERR,
        "%s: no store, or a damaged one that others may read, as no hub makes any: it is left as "
        "it is. Give another --store, or move it away",
        path);
}

static int move(const char *from, const char *to, struct error *err)
{
    return rename(from, to) == 0 ? 0
                                 : error_set(err, EX_CANTCREAT, "%s: damaged, and cannot be moved to %s: %s",
                                             from, to, strerror(errno));
}

/* The log first: without its file it says nothing, but beside a new one it might. */
static int move_both(const char *from, const char *to, struct error *err)
{
    cleanup_free char *from_log = mem_printf("%s-wal", from), *to_log = mem_printf("%s-wal", to);
    struct stat status;
    int r = stat(from_log, &status) == 0 ? move(from_log, to_log, err) : 0;
    return r == 0 ? move(from, to, err) : r;
}

int disk_set_aside(const char *path, int64_t wall_s, char **to, struct error *err)
{
    cleanup_free char *real = realpath(path, NULL); /* SQLite has the log beside that one */
    char when[24];
    struct tm tm;
    time_t now = (time_t)wall_s;
    if (!real)
        return error_set(err, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    int r = check_ours(real, err);
    if (r != 0)
        return r;
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    cleanup_free char *aside = mem_printf("%s.damaged-%s", real, when);
    r = move_both(real, aside, err);
    if (r == 0)
        *to = mem_steal(aside);
    return r;
}
