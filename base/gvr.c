#include "base/gvr.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool gvr_equal(const struct gvr *a, const struct gvr *b)
{
    return gvr_compare(a, b) == 0;
}

int gvr_compare(const struct gvr *a, const struct gvr *b)
{
    int order = strcmp(a->group, b->group);
    if (order == 0)
        order = strcmp(a->version, b->version);
    return order != 0 ? order : strcmp(a->resource, b->resource);
}

static bool alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool label_valid(const char *text, size_t len)
{
    if (len < 1 || len > 63 || !alphanumeric(text[0]) || !alphanumeric(text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!alphanumeric(text[i]) && text[i] != '-')
            return false;
    return true;
}

bool dns_label_valid(const char *text)
{
    return label_valid(text, strlen(text));
}

bool kind_valid(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > 63 || !isalpha((unsigned char)text[0]) || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-')
            return false;
    return true;
}

bool dns_subdomain_valid(const char *text)
{
    if (strlen(text) > 253)
        return false;
    for (;;) {
        size_t len = strcspn(text, ".");
        if (!label_valid(text, len))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

int gvr_set(struct gvr *gvr, const char *group, const char *version, const char *resource)
{
    if ((group[0] && !dns_subdomain_valid(group)) || !dns_label_valid(version) || !dns_label_valid(resource))
        return 1;
    memset(gvr, 0, sizeof(*gvr));
    strcpy(gvr->group, group);
    strcpy(gvr->version, version);
    strcpy(gvr->resource, resource);
    return 0;
}

const char *gvr_text(const struct gvr *gvr, char *out)
{
    snprintf(out, GVR_TEXT_MAX, "%s%s%s", gvr->resource, gvr->group[0] ? "." : "", gvr->group);
    return out;
}

const char *gvr_path(const struct gvr *gvr, const char *namespace_, char *out, size_t size)
{
    int n = gvr->group[0] ? snprintf(out, size, "/apis/%s/%s", gvr->group, gvr->version)
                          : snprintf(out, size, "/api/%s", gvr->version);
    if (n < 0 || (size_t)n >= size)
        return out;
    if (namespace_)
        snprintf(out + n, size - (size_t)n, "/namespaces/%s/%s", namespace_, gvr->resource);
    else
        snprintf(out + n, size - (size_t)n, "/%s", gvr->resource);
    return out;
}
