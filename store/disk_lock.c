#include "store/disk_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"

struct disk_lock {
    int fd;
};

static int make(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* NULL, and errno. Whoever has the lock may put the file aside between two looks, but makes a new one then.
 */
static char *find(const char *path)
{
    char *real = NULL;
    for (int tries = 0; !real && tries < 3; tries++) {
        int fd = make(path);
        if (fd < 0)
            return NULL;
        close(fd);
        real = realpath(path, NULL);
    }
    return real;
}

static int fail(const char *path, struct error *err)
{
    if (errno != EWOULDBLOCK)
        return error_set(err, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    return error_set(err, EX_TEMPFAIL,
                     "%s: another process has it open: stop that one, or give each hub a --store of its own",
                     path);
}

int disk_lock_take(const char *path, struct disk_lock **out, struct error *err)
{
    cleanup_free char *real = find(path);
    *out = NULL;
    if (!real)
        return fail(path, err);
    cleanup_free char *beside = mem_printf("%s-lock", real);
    int fd = make(beside);
    if (fd < 0)
        return fail(beside, err);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fail(path, err);
        close(fd);
        return err->code;
    }
    *out = mem_zalloc(sizeof(**out));
    (*out)->fd = fd;
    return 0;
}

void disk_lock_release(struct disk_lock *lock)
{
    if (!lock)
        return;
    close(lock->fd);
    free(lock);
}
