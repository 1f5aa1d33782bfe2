#include "apiserver/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/mem.h"

#define TEXT_LIMIT ((size_t)1 << 20)

static void append_authority(struct buf *text, const char *pem)
{
    buf_append_str(text, "    certificate-authority-data: ");
    base64_encode(pem, strlen(pem), text);
    buf_append_char(text, '\n');
}

static void append_text(struct buf *text, const struct kubeconfig_out *out)
{
    const char *name = out->name;
    buf_appendf(text, "apiVersion: v1\nkind: Config\nclusters:\n- name: %s\n  cluster:\n    server: %s\n",
                name, out->url);
    if (out->ca_pem)
        append_authority(text, out->ca_pem);
    buf_appendf(text,
                "contexts:\n- name: %s\n  context:\n    cluster: %s\n    user: %s\ncurrent-context: %s\n"
                "users:\n- name: %s\n  user:",
                name, name, name, name, name);
    if (out->token)
        buf_appendf(text, "\n    token: %s\n", out->token);
    else
        buf_append_str(text, " {}\n");
}

static int write_file(const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write(fd, text->data, text->len) == (ssize_t)text->len ? 0 : -errno;
    if (close(fd) != 0 && r == 0)
        r = -errno;
    return r;
}

int kubeconfig_write(const struct kubeconfig_out *out, struct error *err)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(TEXT_LIMIT);
    cleanup_free char *beside = mem_printf("%s.%d.new", out->path, (int)getpid());
    append_text(&text, out);
    int r = write_file(beside, &text);
    if (r == 0 && rename(beside, out->path) != 0)
        r = -errno;
    if (r == 0)
        return 0;
    unlink(beside);
    return error_set(err, EX_CANTCREAT,
                     "--kubeconfig-out %s: %s: name a file in a directory that can be written", out->path,
                     strerror(-r));
}
