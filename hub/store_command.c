#include "hub/store_command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/disk_check.h"
#include "store/disk_file.h"
#include "store/disk_lock.h"

/* The streams of one cluster. */
struct found {
    const char *cluster;
    uint64_t *ids;
    size_t count, objects;
};

static int on_stream(void *arg, uint64_t id, const struct record *record)
{
    struct found *found = arg;
    if (strcmp(record->cluster, found->cluster) != 0)
        return 0;
    found->ids = mem_realloc(found->ids, (found->count + 1) * sizeof(*found->ids));
    found->ids[found->count++] = id;
    found->objects += record->count == RECORD_BETWEEN ? 0 : record->count;
    return 0;
}

static int drop_all(struct disk_file *file, const struct found *found, struct error *err)
{
    int r = disk_file_begin(file, err);
    for (size_t i = 0; r == 0 && i < found->count; i++)
        r = disk_file_drop_stream(file, found->ids[i], err);
    return r == 0 ? disk_file_commit(file, err) : r;
}

static int purge_all(struct disk_file *file, const struct found *found, struct error *err)
{
    bool more;
    int r = 0;
    for (size_t i = 0; r == 0 && i < found->count; i += !more)
        r = disk_file_purge(file, found->ids[i], &more, err);
    return r;
}

static int forget_locked(const char *path, const char *cluster, struct error *err)
{
    struct found found = {.cluster = cluster};
    struct disk_file *file;
    int r = disk_file_open(path, DISK_MAKE, &file, err);
    if (r != 0)
        return r;
    r = disk_file_each_stream(file, on_stream, &found, err);
    if (r == 0 && !found.count)
        r = error_set(err, EX_DATAERR, "%s: has no cluster '%s'", path, cluster);
    if (r == 0)
        r = drop_all(file, &found, err);
    if (r == 0)
        r = purge_all(file, &found, err);
    disk_file_close(file);
    free(found.ids);
    if (r == 0)
        printf("%s: forgot %s, with %zu objects\n", path, cluster, found.objects);
    return r;
}

static int forget(const char *path, const char *cluster, struct error *err)
{
    struct disk_lock *lock;
    if (access(path, F_OK) != 0)
        return error_set(err, EX_NOINPUT, "%s: %s", path, strerror(errno));
    int r = disk_lock_take(path, &lock, err);
    if (r == 0)
        r = forget_locked(path, cluster, err);
    disk_lock_release(lock);
    return r;
}

int store_command(int argc, char **argv)
{
    struct error err = {0};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        printf("Usage:\n"
               "  hub store check FILE             is it as it was written, and what is in it?\n"
               "  hub store forget FILE CLUSTER    removes a cluster that will not come back; no hub may "
               "have it open\n");
    else if (argc == 3 && strcmp(argv[1], "check") == 0)
        disk_check(argv[2], stdout, &err);
    else if (argc == 4 && strcmp(argv[1], "forget") == 0)
        forget(argv[2], argv[3], &err);
    else
        error_set(&err, EX_USAGE,
                  "what is to be done? hub store check FILE, or hub store forget FILE CLUSTER");
    if (err.code)
        fprintf(stderr, "hub: %s\n", err.text);
    return err.code;
}
