#include "apiserver/kubeconfig.h"

#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"

#define TEXT_LIMIT ((size_t)1 << 20)

static void append_authority(struct buf *text, const char *pem)
{
    buf_append_str(text, "    certificate-authority-data: ");
    base64_encode(pem, strlen(pem), text);
    buf_append_char(text, '\n');
}

static void append_cluster(struct buf *text, const struct kubeconfig_entry *entry)
{
    buf_appendf(text, "- name: %s\n  cluster:\n    server: %s\n", entry->name, entry->url);
    if (entry->ca_pem)
        append_authority(text, entry->ca_pem);
}

static void append_context(struct buf *text, const struct kubeconfig_entry *entry)
{
    buf_appendf(text, "- name: %s\n  context:\n    cluster: %s\n    user: %s\n", entry->name, entry->name,
                entry->name);
}

static void append_user(struct buf *text, const struct kubeconfig_entry *entry)
{
    buf_appendf(text, "- name: %s\n  user:", entry->name);
    if (entry->token)
        buf_appendf(text, "\n    token: %s\n", entry->token);
    else
        buf_append_str(text, " {}\n");
}

static void append_text(struct buf *text, const struct kubeconfig_entry *entries, size_t count)
{
    buf_append_str(text, "apiVersion: v1\nkind: Config\nclusters:\n");
    for (size_t i = 0; i < count; i++)
        append_cluster(text, &entries[i]);
    buf_append_str(text, "contexts:\n");
    for (size_t i = 0; i < count; i++)
        append_context(text, &entries[i]);
    buf_appendf(text, "current-context: %s\nusers:\n", entries[0].name);
    for (size_t i = 0; i < count; i++)
        append_user(text, &entries[i]);
}

int kubeconfig_write(const char *path, const struct kubeconfig_entry *entries, size_t count,
                     struct error *err)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(TEXT_LIMIT);
    append_text(&text, entries, count);
    int r = file_put(path, &text);
    return r == 0 ? 0
                  : error_set(err, EX_CANTCREAT,
                              "--kubeconfig-out %s: %s: name a file in a directory that can be written", path,
                              strerror(-r));
}
