#include "informer/printer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/table.h"
#include "informer/output.h"
#include "informer/rows.h"

#define OUTPUT_LIMIT ((size_t)16 << 20)
#define LINE_LIMIT ((size_t)1 << 30)
#define GATHER_BYTES                                                                                         \
    ((size_t)64 << 10) /* of rows, before they are printed without waiting for the turn's end */

struct printer {
    struct printer_config config;
    struct output *output;
    struct buf line;
    struct rows rows;
    struct timer turn;         /* prints the rows gathered in this turn of the loop */
    struct gvr gvr;            /* of the table that is being printed */
    const struct table *table; /* NULL: it is that of SYNCED and STALE lines */
    bool namespaced;           /* as are its objects */
};

static void print_rows(void *arg)
{
    struct printer *printer = arg;
    buf_clear(&printer->line);
    rows_print(&printer->rows, &printer->line);
    if (printer->line.len)
        output_write(printer->output, printer->line.data, printer->line.len);
}

struct printer *printer_create(struct loop *loop, const struct printer_config *config)
{
    struct printer *printer = mem_zalloc(sizeof(*printer));
    printer->config = *config;
    printer->output = output_create(loop, config->fd, OUTPUT_LIMIT, config->closed, config->arg);
    buf_init(&printer->line, LINE_LIMIT);
    rows_init(&printer->rows);
    timer_init(&printer->turn, loop, print_rows, printer);
    return printer;
}

void printer_destroy(struct printer *printer)
{
    if (!printer)
        return;
    timer_stop(&printer->turn);
    output_destroy(printer->output);
    buf_deinit(&printer->line);
    rows_deinit(&printer->rows);
    free(printer);
}

static void write_json(struct printer *printer, const char *cluster, const struct gvr *gvr, const char *type,
                       struct slice object)
{
    struct buf *line = &printer->line;
    buf_clear(line);
    buf_appendf(line, "{\"type\":\"%s\",\"cluster\":", type);
    buf_append_json_string(line, cluster, strlen(cluster));
    buf_appendf(line, ",\"group\":\"%s\",\"version\":\"%s\",\"resource\":\"%s\",\"object\":", gvr->group,
                gvr->version, gvr->resource);
    size_t start = line->len;
    buf_append(line, object.data, object.len);
    for (char *c = line->data + start; (c = strpbrk(c, "\r\n")); c++)
        *c = ' '; /* in JSON, such a character stands between values only */
    buf_append(line, "}\n", 2);
    output_write(printer->output, line->data, line->len);
}

static void cell(struct printer *printer, const char *text)
{
    rows_cell(&printer->rows, text, strlen(text));
}

static void slice_cell(struct printer *printer, struct slice slice)
{
    rows_cell(&printer->rows, slice.data ? slice.data : "", slice.len);
}

/* "deployment.apps/" before the name, as kubectl has it where there are several kinds. */
static void put_kind(struct printer *printer, const struct gvr *gvr, struct slice kind, struct buf *out)
{
    if (!printer->config.kinds || !kind.len)
        return;
    for (size_t i = 0; i < kind.len; i++)
        buf_append_char(out, (char)tolower((unsigned char)kind.data[i]));
    buf_appendf(out, "%s%s/", gvr->group[0] ? "." : "", gvr->group);
}

static int64_t wall_us(struct printer *printer)
{
    struct timespec now;
    if (printer->config.wall_us)
        return printer->config.wall_us();
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * LOOP_SECOND + now.tv_nsec / 1000;
}

static void object_cells(struct printer *printer, const struct gvr *gvr, struct slice object)
{
    struct buf *text = &printer->line;
    struct table_object row = table_object(object);
    int64_t now_us = wall_us(printer);
    for (size_t i = 0; i < printer->table->count; i++) {
        const struct table_column *column = &printer->table->columns[i];
        if (column->priority > 0)
            continue;
        buf_clear(text);
        if (column->format[0] == 'n')
            put_kind(printer, gvr, json_member(object, "kind"), text);
        table_cell_text(column, &row, now_us, text);
        rows_cell(&printer->rows, text->data ? text->data : "", text->len);
    }
}

static void begin_rows(struct printer *printer)
{
    struct buf heads = BUF_INIT(1 << 16);
    const char *headers[ROWS_COLUMNS_MAX] = {"EVENT", "CLUSTER"};
    size_t starts[ROWS_COLUMNS_MAX] = {0}, count = 2, first;
    if (printer->namespaced)
        headers[count++] = "NAMESPACE";
    first = count;
    for (size_t i = 0; i < printer->table->count && count < ROWS_COLUMNS_MAX; i++) {
        if (printer->table->columns[i].priority > 0)
            continue;
        starts[count++] = heads.len;
        table_head(&printer->table->columns[i], &heads);
        buf_append(&heads, "", 1);
    }
    for (size_t i = first; i < count; i++)
        headers[i] = heads.data + starts[i];
    rows_begin(&printer->rows, headers, count);
    buf_deinit(&heads);
}

static void begin_table(struct printer *printer, const struct gvr *gvr, const struct object *object)
{
    char kind[64];
    bool namespaced = object_namespace(object).len != 0;
    if (printer->table && printer->namespaced == namespaced && gvr_equal(&printer->gvr, gvr))
        return;
    print_rows(printer);
    snprintf(kind, sizeof(kind), "%.*s", SLICE_ARGS(json_member(object_bytes(object), "kind")));
    printer->gvr = *gvr;
    printer->namespaced = namespaced;
    printer->table = table_of(gvr->group, kind);
    begin_rows(printer);
}

static void begin_freshness(struct printer *printer)
{
    static const char *const headers[] = {"EVENT", "CLUSTER", "RESOURCE", "OBJECTS", "FRESHNESS"};
    if (printer->rows.columns && !printer->table)
        return;
    print_rows(printer);
    printer->table = NULL;
    rows_begin(&printer->rows, headers, array_size(headers));
}

static void gathered(struct printer *printer)
{
    if (printer->rows.cells.len >= GATHER_BYTES)
        print_rows(printer);
    else if (!timer_active(&printer->turn))
        timer_start(&printer->turn, 0);
}

void printer_event(struct printer *printer, const char *cluster, const struct gvr *gvr, enum event_type type,
                   const struct object *object)
{
    if (printer->config.format == PRINTER_JSON) {
        write_json(printer, cluster, gvr, event_type_text(type), object_bytes(object));
        return;
    }
    begin_table(printer, gvr, object);
    cell(printer, event_type_text(type));
    cell(printer, cluster);
    if (printer->namespaced)
        slice_cell(printer, object_namespace(object));
    object_cells(printer, gvr, object_bytes(object));
    gathered(printer);
}

static const char *reason_of(const struct replica_freshness *freshness)
{
    if (!freshness->alive)
        return "silent";
    return freshness->state == STREAM_ACTIVE ? "asking again" : stream_state_text(freshness->state);
}

static void freshness_json(const struct replica_freshness *freshness, struct buf *out)
{
    buf_append_char(out, '{');
    if (!freshness->synced)
        buf_appendf(out, "\"reason\":\"%s\",", reason_of(freshness));
    buf_appendf(out, "\"resourceVersion\":\"%s\",\"ageSeconds\":%" PRId64 "}", freshness->resource_version,
                freshness->age_s);
}

/* "silent, complete up to 17, heard 40s ago" */
static void freshness_text(const struct replica_freshness *freshness, struct buf *out)
{
    if (!freshness->synced)
        buf_append_str(out, reason_of(freshness));
    if (freshness->resource_version[0])
        buf_appendf(out, "%scomplete up to %s", out->len ? ", " : "", freshness->resource_version);
    if (!freshness->synced && freshness->age_s >= 0)
        buf_appendf(out, "%sheard %" PRId64 "s ago", out->len ? ", " : "", freshness->age_s);
}

void printer_freshness(struct printer *printer, const char *cluster, const struct gvr *gvr, size_t count,
                       const struct replica_freshness *freshness)
{
    char name[GVR_TEXT_MAX], number[24];
    const char *type = freshness->synced ? "SYNCED" : "STALE";
    struct buf text = BUF_INIT(1000);
    if (printer->config.format == PRINTER_JSON) {
        freshness_json(freshness, &text);
        write_json(printer, cluster, gvr, type, (struct slice){text.data, text.len});
    } else {
        freshness_text(freshness, &text);
        begin_freshness(printer);
        cell(printer, type);
        cell(printer, cluster);
        cell(printer, gvr_text(gvr, name));
        snprintf(number, sizeof(number), "%zu", count);
        cell(printer, number);
        slice_cell(printer, (struct slice){text.data, text.len});
        gathered(printer);
    }
    buf_deinit(&text);
}

int printer_flush(struct printer *printer)
{
    print_rows(printer);
    return output_flush(printer->output);
}
