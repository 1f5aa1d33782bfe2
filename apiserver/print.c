#include "apiserver/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void printer_init(struct printer *printer, struct exchange *exchange, const struct resource *resource)
{
    *printer = (struct printer){.exchange = exchange, .resource = resource};
}

void printer_deinit(struct printer *printer)
{
    (void)printer;
}

void printer_open(struct printer *printer, const char *metadata, struct buf *out)
{
    char version[320];
    buf_appendf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s,\"items\":[",
                printer->resource->list_kind, resource_api_version(printer->resource, version), metadata);
}

/* Items of built-in kinds have no kind and apiVersion: those are the first two members of what is stored. */
static struct slice without_type(const struct resource *resource, struct slice bytes)
{
    char prefix[512], version[320];
    if (resource->flags & RESOURCE_CUSTOM)
        return bytes;
    size_t len = (size_t)snprintf(prefix, sizeof(prefix), "{\"kind\":\"%s\",\"apiVersion\":\"%s\",",
                                  resource->kind, resource_api_version(resource, version));
    if (bytes.len <= len || memcmp(bytes.data, prefix, len))
        return bytes;
    /* The caller has printed the brace. */
    return (struct slice){bytes.data + len - 1, bytes.len - len + 1};
}

void printer_item(struct printer *printer, const struct object *object, struct buf *out)
{
    struct slice bytes = object_bytes(object);
    struct slice rest = without_type(printer->resource, bytes);
    if (printer->items++)
        buf_append_char(out, ',');
    if (rest.data != bytes.data) {
        buf_append_char(out, '{');
        rest.data++;
        rest.len--;
    }
    buf_append(out, rest.data, rest.len);
}

void printer_close(struct printer *printer, struct buf *out)
{
    (void)printer;
    buf_append_str(out, "]}\n");
}

void printer_single(struct printer *printer, const struct object *object, struct buf *out)
{
    (void)printer;
    struct slice bytes = object_bytes(object);
    buf_append(out, bytes.data, bytes.len);
    buf_append_char(out, '\n');
}

void printer_event(struct printer *printer, enum event_type type, const struct object *object,
                   struct buf *out)
{
    buf_appendf(out, "{\"type\":\"%s\",\"object\":", event_type_text(type));
    printer_single(printer, object, out);
    buf_truncate(out, out->len - 1);
    buf_append_str(out, "}\n");
}

void printer_bookmark(struct printer *printer, uint64_t revision, bool initial_end, struct buf *out)
{
    char version[320];
    buf_appendf(out,
                "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{"
                "\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null%s}}}\n",
                printer->resource->kind, resource_api_version(printer->resource, version), revision,
                initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}
