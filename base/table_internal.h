#ifndef TI_BASE_TABLE_INTERNAL_H
#define TI_BASE_TABLE_INTERNAL_H

/* What the tables of single kinds are made of. Cells are printed as JSON string contents, escapes and all,
 * since that is what the objects hold; table.c makes text of them where that is wanted. */

#include "base/table.h"

struct table_cell {
    const struct table_object *object;
    int64_t now_us;
    const char *path;
    struct buf *out;
    /* Set by the printer: what it has printed is a number or a boolean; or there is no value, which is null.
     * Else it is a string's contents. */
    bool literal, absent;
};

#define COLUMN(name, type, format, help, priority, print, path)                                              \
    {                                                                                                        \
        name, type, format, help, priority, print, path                                                      \
    }
#define NAME_COLUMN                                                                                          \
    COLUMN("Name", "string", "name", "Name must be unique within a namespace.", 0, cell_path, "metadata.name")
#define AGE_COLUMN                                                                                           \
    COLUMN("Age", "string", "",                                                                              \
           "CreationTimestamp is a timestamp representing the server time when this object was "             \
           "created.",                                                                                       \
           0, cell_age, "metadata.creationTimestamp")
#define TEXT(name, path) COLUMN(name, "string", "", "", 0, cell_path, path)
#define TEXT_WIDE(name, path) COLUMN(name, "string", "", "", 1, cell_path, path)
#define NUMBER(name, path) COLUMN(name, "integer", "", "", 0, cell_number, path)
#define COUNT(name, path) COLUMN(name, "integer", "", "", 0, cell_count, path)
#define MADE(name, print) COLUMN(name, "string", "", "", 0, print, NULL)
#define MADE_WIDE(name, print) COLUMN(name, "string", "", "", 1, print, NULL)
#define TABLE(group, kind, columns)                                                                          \
    {                                                                                                        \
        group, kind, columns, sizeof(columns) / sizeof((columns)[0])                                         \
    }

extern const struct table table_workloads[], table_core[],
    table_others[]; /* each ended by one without a kind */

struct slice json_at(struct slice object, const char *path); /* "status.phase"; absent where any part is */
struct slice cell_at(const struct table_cell *cell, const char *path); /* the same of the cell's object */
int64_t slice_number(struct slice value, int64_t otherwise);
bool slice_true(struct slice value);
size_t json_count(struct slice container); /* members or elements */

void cell_append(struct table_cell *cell, struct slice text);
void cell_text(struct table_cell *cell, const char *text);

/* Printers for any kind, beside those of table.h. */
void cell_none(struct table_cell *cell);            /* the value there, "<none>" where absent */
void cell_count(struct table_cell *cell);           /* how many members or elements it has */
void cell_labels(struct table_cell *cell);          /* "a=b,c=d"; "<none>" */
void cell_selector(struct table_cell *cell);        /* a LabelSelector: "a=b,c in (d,e)"; "<none>" */
void cell_container_names(struct table_cell *cell); /* path: of the list */
void cell_container_images(struct table_cell *cell);

void print_list(struct table_cell *cell, struct slice array,
                const char *member); /* that of each element, with commas */

#endif
