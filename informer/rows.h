#ifndef TI_INFORMER_ROWS_H
#define TI_INFORMER_ROWS_H

/* A table that is printed as it grows: cells are gathered, and rows_print() appends them with columns as wide
 * as all cells of this table so far need. The header is printed with the first rows, and a blank line parts
 * two tables. */

#include "base/buf.h"

#define ROWS_COLUMNS_MAX 32

struct rows {
    struct buf cells; /* escaped, each ended by NUL */
    size_t columns;
    size_t count; /* cells gathered */
    size_t widths[ROWS_COLUMNS_MAX];
    bool header_waits; /* the first row gathered is the header */
    bool printed;      /* a table was printed before */
};

void rows_init(struct rows *rows);
void rows_deinit(struct rows *rows);

void rows_begin(struct rows *rows, const char *const *headers, size_t columns); /* nothing may be waiting */
void rows_cell(struct rows *rows, const char *text, size_t len);                /* left to right */
void rows_print(struct rows *rows, struct buf *out); /* whole rows only; out may not be limited */

#endif
