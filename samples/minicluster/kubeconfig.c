#include "samples/minicluster/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static char *kubeconfig_text(const char *server_url, const char *name)
{
    return mem_printf("apiVersion: v1\n"
                      "kind: Config\n"
                      "clusters:\n"
                      "- name: %s\n"
                      "  cluster:\n"
                      "    server: %s\n"
                      "contexts:\n"
                      "- name: %s\n"
                      "  context:\n"
                      "    cluster: %s\n"
                      "    user: %s\n"
                      "current-context: %s\n"
                      "users:\n"
                      "- name: %s\n"
                      "  user: {}\n",
                      name, server_url, name, name, name, name, name);
}

static int write_file(const char *path, const char *text)
{
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, len) == (ssize_t)len ? 0 : -errno;
    if (close(fd) != 0 && r == 0)
        r = -errno;
    return r;
}

int kubeconfig_write(const char *path, const char *server_url, const char *name, struct error *err)
{
    cleanup_free char *text = kubeconfig_text(server_url, name);
    cleanup_free char *beside = mem_printf("%s.%d.new", path, (int)getpid());
    int r = write_file(beside, text);
    if (r == 0 && rename(beside, path) != 0)
        r = -errno;
    if (r == 0)
        return 0;
    unlink(beside);
    return error_set(err, EX_CANTCREAT,
                     "--kubeconfig-out %s: %s: name a file in a directory that can be written", path,
                     strerror(-r));
}
