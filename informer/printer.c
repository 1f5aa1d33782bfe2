#include "informer/printer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
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
    struct timer turn; /* prints the rows gathered in this turn of the loop */
    struct gvr gvr;    /* of the table that is being printed */
    bool namespaced;   /* as are its objects */
    bool synced;       /* or it is the table of SYNCED lines */
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

/* "deployment.apps/nginx", as kubectl has it. */
static void name_cell(struct printer *printer, const struct gvr *gvr, const struct object *object)
{
    struct slice name = object_name(object), kind = json_member(object_bytes(object), "kind");
    if (!printer->config.kinds || !kind.len) {
        slice_cell(printer, name);
        return;
    }
    buf_clear(&printer->line);
    for (size_t i = 0; i < kind.len; i++)
        buf_append_char(&printer->line, (char)tolower((unsigned char)kind.data[i]));
    buf_appendf(&printer->line, "%s%s/%.*s", gvr->group[0] ? "." : "", gvr->group, SLICE_ARGS(name));
    cell(printer, printer->line.data);
}

static void begin_table(struct printer *printer, const struct gvr *gvr, bool namespaced, bool synced)
{
    if (printer->rows.columns && printer->synced == synced &&
        (synced || (printer->namespaced == namespaced && gvr_equal(&printer->gvr, gvr))))
        return;
    print_rows(printer);
    printer->gvr = *gvr;
    printer->namespaced = namespaced;
    printer->synced = synced;

    static const char *const synced_headers[] = {"EVENT", "CLUSTER", "RESOURCE", "OBJECTS"};
    const char *headers[ROWS_COLUMNS_MAX] = {"EVENT", "CLUSTER"};
    size_t count = 2;
    if (namespaced)
        headers[count++] = "NAMESPACE";
    headers[count++] = "NAME";
    rows_begin(&printer->rows, synced ? synced_headers : headers,
               synced ? array_size(synced_headers) : count);
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
    struct slice namespace_ = object_namespace(object);
    begin_table(printer, gvr, namespace_.len != 0, false);
    cell(printer, event_type_text(type));
    cell(printer, cluster);
    if (namespace_.len)
        slice_cell(printer, namespace_);
    name_cell(printer, gvr, object);
    gathered(printer);
}

void printer_synced(struct printer *printer, const char *cluster, const struct gvr *gvr, size_t count)
{
    char text[GVR_TEXT_MAX], number[24];
    if (printer->config.format == PRINTER_JSON) {
        write_json(printer, cluster, gvr, "SYNCED", (struct slice){"{}", 2});
        return;
    }
    begin_table(printer, gvr, false, true);
    cell(printer, "SYNCED");
    cell(printer, cluster);
    cell(printer, gvr_text(gvr, text));
    snprintf(number, sizeof(number), "%zu", count);
    cell(printer, number);
    gathered(printer);
}

int printer_flush(struct printer *printer)
{
    print_rows(printer);
    return output_flush(printer->output);
}
