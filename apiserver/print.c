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
#include "base/mem.h"
#include "base/table.h"

#define AROUND_BYTES 512 /* of an object: what a fleet says of it, and the frame of its event */

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
    free(printer->tail);
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

static void print_cells(const struct printer *printer, const char *cluster, struct slice bytes,
                        struct buf *out)
{
    struct table_object row = table_object(bytes);
    int64_t now_us = apiserver_wall_us(printer->exchange->server);
    buf_append_char(out, '[');
    if (printer->clusters)
        print_string(out, cluster);
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
    print_cells(printer, item->partition->name, object_bytes(item->object), out);
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

static void print_metadata(const struct print_page *page, struct buf *out)
{
    buf_appendf(out, "{\"resourceVersion\":\"%" PRIu64 "\"", page->revision);
    if (page->continue_[0])
        buf_appendf(out, ",\"continue\":\"%s\"", page->continue_);
    if (page->counted)
        buf_appendf(out, ",\"remainingItemCount\":%zu", page->left);
    buf_append_char(out, '}');
}

/* A list of custom objects has its keys in the order of the alphabet, and so its metadata at the end. */
static void open_custom(struct printer *printer, const struct print_page *page, struct buf *out)
{
    char version[320], left[64] = "";
    if (page->counted)
        snprintf(left, sizeof(left), ",\"remainingItemCount\":%zu", page->left);
    printer->tail = mem_printf("],\"kind\":\"%s\",\"metadata\":{\"continue\":\"%s\"%s,"
                               "\"resourceVersion\":\"%" PRIu64 "\"}}\n",
                               printer->resource->list_kind, page->continue_, left, page->revision);
    buf_appendf(out, "{\"apiVersion\":\"%s\",\"items\":[", resource_api_version(printer->resource, version));
}

static void open_typed(struct printer *printer, const char *metadata, struct buf *out)
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

void print_open(struct printer *printer, const struct print_page *page, struct buf *out)
{
    cleanup_with(buf_deinit) struct buf metadata = BUF_INIT(SIZE_MAX / 4);
    if (printer->form == FORM_JSON && printer->resource->flags & RESOURCE_CUSTOM) {
        open_custom(printer, page, out);
        return;
    }
    print_metadata(page, &metadata);
    open_typed(printer, metadata.data, out);
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

size_t print_size(const struct item *item)
{
    return object_size(item->object) + AROUND_BYTES;
}

void print_close(struct printer *printer, struct buf *out)
{
    buf_append_str(out, printer->tail ? printer->tail : "]}\n");
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

/* A row as that of an object of which nothing is known. */
static void print_bookmark_table(struct printer *printer, uint64_t revision, const char *metadata,
                                 struct buf *out)
{
    char version[320];
    cleanup_free char *object =
        mem_printf("{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s}", printer->resource->kind,
                   resource_api_version(printer->resource, version), metadata);
    cleanup_free char *plain = mem_printf("{\"resourceVersion\":\"%" PRIu64 "\"}", revision);
    open_table(printer, plain, out);
    buf_append_str(out, "{\"cells\":");
    print_cells(printer, "", (struct slice){object, strlen(object)}, out);
    buf_appendf(out,
                ",\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                "\"metadata\":%s}}]",
                metadata);
}

/* A definition may have other columns by now, and a watch tells its columns with its first event. */
static bool is_shared(const struct printer *printer)
{
    return !printer->custom && (printer->form != FORM_TABLE || printer->columns_told);
}

void print_shared_event(struct printer *printer, enum event_type type, const struct item *item,
                        struct buf *out)
{
    struct event_prints *prints = &printer->exchange->server->prints;
    struct event_form form = {.revision = item->revision,
                              .type = type,
                              .form = printer->form,
                              .clusters = printer->clusters,
                              .include = printer->include};
    bool shared = is_shared(printer);
    const struct buf *kept = shared ? event_prints_find(prints, &form) : NULL;
    size_t start = out->len;
    if (kept)
        buf_append(out, kept->data, kept->len);
    else
        print_event(printer, type, item, out);
    if (shared && !kept)
        event_prints_keep(prints, &form, out->data + start, out->len - start);
}

void print_bookmark(struct printer *printer, uint64_t revision, bool initial_end, struct buf *out)
{
    char version[320], metadata[160];
    snprintf(metadata, sizeof(metadata), "{\"resourceVersion\":\"%" PRIu64 "\"%s}", revision,
             initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
    buf_append_str(out, "{\"type\":\"BOOKMARK\",\"object\":");
    if (printer->form == FORM_TABLE) {
        print_bookmark_table(printer, revision, metadata, out);
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
