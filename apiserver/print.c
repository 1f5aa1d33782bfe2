/*
 * The three forms share one frame: a list is head, items with commas, tail; an event is type and one object.
 * What differs is how an item is printed, and which kind the frame has.
 */

#include "apiserver/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/definition.h"
#include "apiserver/served.h"
#include "base/table.h"

static void choose_table(struct printer *printer)
{
    const struct resource *resource = printer->resource;
    struct slice version = definition_version(printer->exchange, resource);
    if (version.data)
        printer->custom = table_custom_create(json_member(version, "additionalPrinterColumns"));
    printer->table = resource->table ? resource->table
                     : version.data  ? printer->custom
                                     : table_of(resource->gvr.group, resource->kind);
}

void print_init(struct printer *printer, struct exchange *exchange, const struct resource *resource)
{
    *printer = (struct printer){
        .exchange = exchange,
        .resource = resource,
        .form = exchange->request.form == FORM_TABLE || exchange->request.form == FORM_PARTIAL
                    ? exchange->request.form
                    : FORM_JSON,
        .include = request_param(&exchange->request, "includeObject"),
    };
    printer->clusters =
        exchange->server->storage.fleet && !exchange->request.cluster && !(resource->flags & RESOURCE_HUB);
    if (printer->form == FORM_TABLE)
        choose_table(printer);
}

void print_deinit(struct printer *printer)
{
    table_custom_destroy(printer->custom);
}

static void print_string(struct buf *out, const char *text)
{
    buf_append_json_string(out, text, strlen(text));
}

static void print_column(const struct table_column *column, struct buf *out)
{
    buf_append_str(out, "{\"name\":");
    print_string(out, column->name);
    buf_appendf(out, ",\"type\":\"%s\",\"format\":", column->type);
    print_string(out, column->format);
    buf_append_str(out, ",\"description\":");
    print_string(out, column->help);
    buf_appendf(out, ",\"priority\":%d}", column->priority);
}

static void print_columns(const struct printer *printer, struct buf *out)
{
    static const struct table_column cluster = {
        .name = "Cluster", .type = "string", .format = "", .help = "The cluster that has the object."};
    buf_append_char(out, '[');
    if (printer->clusters)
        print_column(&cluster, out);
    for (size_t i = 0; i < printer->table->count; i++) {
        if (i || printer->clusters)
            buf_append_char(out, ',');
        print_column(&printer->table->columns[i], out);
    }
    buf_append_char(out, ']');
}

static void print_partial(const struct item *item, struct buf *out)
{
    struct slice metadata = json_member(object_bytes(item->object), "metadata");
    buf_append_str(out,
                   "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":");
    served_append(item, metadata, out);
    buf_append_char(out, '}');
}

static void print_cells(const struct printer *printer, const struct item *item, struct buf *out)
{
    struct table_object row = table_object(object_bytes(item->object));
    int64_t now_us = apiserver_wall_us(printer->exchange->server);
    buf_append_char(out, '[');
    if (printer->clusters)
        print_string(out, item->partition->name);
    for (size_t i = 0; i < printer->table->count; i++) {
        if (i || printer->clusters)
            buf_append_char(out, ',');
        table_cell_json(&printer->table->columns[i], &row, now_us, out);
    }
    buf_append_char(out, ']');
}

static void print_row(const struct printer *printer, const struct item *item, struct buf *out)
{
    buf_append_str(out, "{\"cells\":");
    print_cells(printer, item, out);
    buf_append_str(out, ",\"object\":");
    if (!strcmp(printer->include, "None"))
        buf_append_str(out, "null");
    else if (!strcmp(printer->include, "Object"))
        served_append(item, object_bytes(item->object), out);
    else
        print_partial(item, out);
    buf_append_char(out, '}');
}

/* Up to and with the bracket before the rows. A watch tells the columns once. */
static void open_table(struct printer *printer, const char *metadata, struct buf *out)
{
    buf_appendf(
        out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":%s,\"columnDefinitions\":",
        metadata);
    if (printer->columns_told)
        buf_append_str(out, "null");
    else
        print_columns(printer, out);
    printer->columns_told = true;
    buf_append_str(out, ",\"rows\":[");
}

void print_open(struct printer *printer, const char *metadata, struct buf *out)
{
    char version[320];
    if (printer->form == FORM_TABLE)
        open_table(printer, metadata, out);
    else if (printer->form == FORM_PARTIAL)
        buf_appendf(
            out,
            "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":%s,"
            "\"items\":[",
            metadata);
    else
        buf_appendf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s,\"items\":[",
                    printer->resource->list_kind, resource_api_version(printer->resource, version), metadata);
}

static bool skip(struct slice *bytes, const char *text)
{
    size_t len = strlen(text);
    if (bytes->len < len || memcmp(bytes->data, text, len) != 0)
        return false;
    *bytes = (struct slice){bytes->data + len, bytes->len - len};
    return true;
}

/* Items of built-in kinds have no kind and apiVersion: those are the first two members of what is stored. */
static void print_untyped(const struct resource *resource, const struct item *item, struct buf *out)
{
    const struct gvr *gvr = &resource->gvr;
    struct slice bytes = object_bytes(item->object), rest = bytes;
    bool typed = skip(&rest, "{\"kind\":\"") && skip(&rest, resource->kind) &&
                 skip(&rest, "\",\"apiVersion\":\"") && skip(&rest, gvr->group) &&
                 (!gvr->group[0] || skip(&rest, "/")) && skip(&rest, gvr->version) && skip(&rest, "\",");
    if (typed && !(resource->flags & RESOURCE_CUSTOM)) {
        buf_append_char(out, '{');
        bytes = rest;
    }
    served_append(item, bytes, out);
}

void print_item(struct printer *printer, const struct item *item, struct buf *out)
{
    if (printer->items++)
        buf_append_char(out, ',');
    if (printer->form == FORM_TABLE)
        print_row(printer, item, out);
    else if (printer->form == FORM_PARTIAL)
        print_partial(item, out);
    else
        print_untyped(printer->resource, item, out);
}

void print_close(struct printer *printer, struct buf *out)
{
    (void)printer;
    buf_append_str(out, "]}\n");
}

static void print_one(struct printer *printer, const struct item *item, struct buf *out)
{
    char metadata[64];
    if (printer->form == FORM_TABLE) {
        snprintf(metadata, sizeof(metadata), "{\"resourceVersion\":\"%" PRIu64 "\"}", item->revision);
        open_table(printer, metadata, out);
        print_row(printer, item, out);
        buf_append_str(out, "]}");
    } else if (printer->form == FORM_PARTIAL) {
        print_partial(item, out);
    } else {
        served_append(item, object_bytes(item->object), out);
    }
}

void print_single(struct printer *printer, const struct item *item, struct buf *out)
{
    print_one(printer, item, out);
    buf_append_char(out, '\n');
}

void print_event(struct printer *printer, enum event_type type, const struct item *item, struct buf *out)
{
    buf_appendf(out, "{\"type\":\"%s\",\"object\":", event_type_text(type));
    print_one(printer, item, out);
    buf_append_str(out, "}\n");
}

void print_bookmark(struct printer *printer, uint64_t revision, bool initial_end, struct buf *out)
{
    char version[320], metadata[160];
    snprintf(metadata, sizeof(metadata), "{\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null%s}",
             revision, initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
    buf_append_str(out, "{\"type\":\"BOOKMARK\",\"object\":");
    if (printer->form == FORM_TABLE) {
        open_table(printer, metadata, out);
        buf_append_str(out, "]");
    } else if (printer->form == FORM_PARTIAL) {
        buf_appendf(out,
                    "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":%s",
                    metadata);
    } else {
        buf_appendf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s", printer->resource->kind,
                    resource_api_version(printer->resource, version), metadata);
    }
    buf_append_str(out, "}}\n");
}
