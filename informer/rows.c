#include "informer/rows.h"

#include <string.h>

#include "base/escape.h"

#define CELLS_LIMIT ((size_t)256 << 20) /* never reached: the printer prints each 64 KiB */
#define CELL_MAX 1024                   /* bytes of one cell; the rest is cut off */
#define GAP 3

void rows_init(struct rows *rows)
{
    *rows = (struct rows){.cells = BUF_INIT(CELLS_LIMIT)};
}

void rows_deinit(struct rows *rows)
{
    buf_deinit(&rows->cells);
}

void rows_begin(struct rows *rows, const char *const *headers, size_t columns)
{
    memset(rows->widths, 0, sizeof(rows->widths));
    rows->columns = columns < ROWS_COLUMNS_MAX ? columns : ROWS_COLUMNS_MAX;
    for (size_t i = 0; i < rows->columns; i++)
        rows_cell(rows, headers[i], strlen(headers[i]));
    rows->header_waits = true;
}

void rows_cell(struct rows *rows, const char *text, size_t len)
{
    size_t start = rows->cells.len, column = rows->count % rows->columns;
    escape_append(&rows->cells, text, len < CELL_MAX ? len : CELL_MAX);
    buf_append(&rows->cells, "", 1);
    size_t width = escape_width(rows->cells.data + start);
    if (width > rows->widths[column])
        rows->widths[column] = width;
    rows->count++;
}

/* Appends one row; returns the cell behind it. */
static const char *print_row(const struct rows *rows, const char *cell, struct buf *out)
{
    size_t pad = 0;
    for (size_t i = 0; i < rows->columns; i++) {
        buf_appendf(out, "%*s%s", (int)pad, "", cell);
        pad = rows->widths[i] - escape_width(cell) + GAP;
        cell += strlen(cell) + 1;
    }
    buf_append_char(out, '\n');
    return cell;
}

void rows_print(struct rows *rows, struct buf *out)
{
    if (rows->count == 0)
        return;
    if (rows->header_waits && rows->printed)
        buf_append_char(out, '\n');
    const char *cell = rows->cells.data;
    for (size_t row = 0; row < rows->count / rows->columns; row++)
        cell = print_row(rows, cell, out);
    rows->printed = true;
    rows->header_waits = false;
    rows->count = 0;
    buf_clear(&rows->cells);
}
