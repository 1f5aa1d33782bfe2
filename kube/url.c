#include "kube/url.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

static void url_escape(struct buf *url, const char *text)
{
    for (; *text; text++) {
        if (unreserved(*text))
            buf_append_char(url, *text);
        else
            buf_appendf(url, "%%%02X", (unsigned char)*text);
    }
}

void url_collection(struct buf *url, const struct gvr *gvr, const char *namespace_)
{
    if (gvr->group[0])
        buf_appendf(url, "/apis/%s/%s", gvr->group, gvr->version);
    else
        buf_appendf(url, "/api/%s", gvr->version);
    if (namespace_ && namespace_[0]) {
        buf_append_str(url, "/namespaces/");
        url_escape(url, namespace_);
    }
    buf_appendf(url, "/%s", gvr->resource);
}

void url_object(struct buf *url, const struct gvr *gvr, const char *namespace_, const char *name)
{
    url_collection(url, gvr, namespace_);
    buf_append_char(url, '/');
    url_escape(url, name);
}

void url_query(struct buf *url, const char *name, const char *value)
{
    buf_appendf(url, "%c%s=", url->data && strchr(url->data, '?') ? '&' : '?', name);
    url_escape(url, value);
}

void url_query_number(struct buf *url, const char *name, long long value)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", value);
    url_query(url, name, text);
}

char *json_text(struct slice quoted_inside)
{
    if (!quoted_inside.data || memchr(quoted_inside.data, '\0', quoted_inside.len))
        return NULL;
    if (!memchr(quoted_inside.data, '\\', quoted_inside.len))
        return mem_dup(quoted_inside.data, quoted_inside.len);

    if (memmem(quoted_inside.data, quoted_inside.len, "\\u0000", 6))
        return NULL;
    struct buf quoted = BUF_INIT(quoted_inside.len + 2);
    buf_append_char(&quoted, '"');
    buf_append(&quoted, quoted_inside.data, quoted_inside.len);
    buf_append_char(&quoted, '"');
    cJSON *json = cJSON_ParseWithLength(quoted.data, quoted.len);
    char *text = mem_strdup(cJSON_GetStringValue(json));
    cJSON_Delete(json);
    buf_deinit(&quoted);
    return text;
}
