#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int read_all(int fd, struct buf *out)
{
    char chunk[8192];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int r = buf_append(out, chunk, (size_t)n);
        if (r != 0)
            return r;
    }
}

int file_read(const char *path, struct buf *out)
{
    cleanup_with(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    size_t start = out->len;
    int r = read_all(fd, out);
    if (r != 0)
        buf_truncate(out, start);
    return r;
}

static int write_all(int fd, const struct buf *text)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

int file_put(const char *path, const struct buf *text)
{
    cleanup_free char *beside = mem_printf("%s.%d.new", path, (int)getpid());
    unlink(beside);
    cleanup_with(close_fd) int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, text);
    if (r == 0 && rename(beside, path) != 0)
        r = -errno;
    if (r != 0)
        unlink(beside);
    return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool file_changed(const char *path, struct stat *seen)
{
    struct stat now = {0};
    if (stat(path, &now) != 0)
        now = (struct stat){0};
    bool same = same_file(&now, seen);
    *seen = now;
    return !same;
}

char *file_beside(const char *config_path, const char *name)
{
    const char *slash = config_path ? strrchr(config_path, '/') : NULL;
    if (name[0] == '/' || !slash)
        return mem_strdup(name);
    return mem_printf("%.*s/%s", (int)(slash - config_path), config_path, name);
}
