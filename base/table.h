#ifndef TI_BASE_TABLE_H
#define TI_BASE_TABLE_H

/*
 * Objects as rows: the columns that kubectl shows for the common kinds, NAME and AGE for all others. The
 * columns and their words are those of kube-apiserver's printers, since it is the server that decides them:
 * ours for its clients, and the informer for people.
 *
 *     const struct table *table = table_of("apps", "Deployment");
 *     struct table_object row = table_object(object_bytes(object));
 *     for (size_t i = 0; i < table->count; i++)
 *         table_cell_text(&table->columns[i], &row, now_us, &out);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct table_cell; /* of table_internal.h */

struct table_column {
    const char *name;   /* "Up-to-date"; kubectl prints it in capitals */
    const char *type;   /* "string", "integer", "number", "boolean", "date" */
    const char *format; /* "name" for the name, else "" */
    const char *help;
    int priority; /* 0: always; more: only with -o wide */
    void (*print)(struct table_cell *cell);
    const char *path; /* what print works on, where it wants one: "status.phase" */
};

struct table {
    const char *group, *kind;
    const struct table_column *columns;
    size_t count;
};

/* Printers, for tables that are made elsewhere; each prints what is at the column's path. */
void cell_path(struct table_cell *cell);   /* the value; empty where absent */
void cell_number(struct table_cell *cell); /* 0 where absent */
void cell_age(struct table_cell *cell);    /* since that time; "<unknown>" where absent */

const struct table *table_of(const char *group, const char *kind); /* never NULL */

/* Name, and the columns of a custom resource: the JSON array `additionalPrinterColumns` of its definition, of
 * which at most 64 count; age where there are none. Destroying accepts NULL. */
struct table *table_custom_create(struct slice columns);
void table_custom_destroy(struct table *table);

/* An object whose row is to be printed: its text is borrowed, and has been gone through once for the parts
 * that nearly all cells are about. */
#define TABLE_PARTS 3
struct table_object {
    struct slice text;
    struct slice parts[TABLE_PARTS]; /* metadata, spec, status; absent where there is none */
};
struct table_object table_object(struct slice text);

/* One cell of an object's row is appended to out. now_us is wall time in µs since 1970, for ages. Returns 0,
 * BUF_E_LIMIT. As text it is one line: control characters as ^X, what follows a line break as "...". */
int table_cell_text(const struct table_column *column, const struct table_object *object, int64_t now_us,
                    struct buf *out);
int table_cell_json(const struct table_column *column, const struct table_object *object, int64_t now_us,
                    struct buf *out);

/* The head as kubectl prints it: "UP-TO-DATE". */
void table_head(const struct table_column *column, struct buf *out);

/* A span of time as kubectl prints it: "5m30s", "3d4h". */
void table_duration(int64_t seconds, struct buf *out);

/* "2026-01-01T00:00:00Z", with or without a fraction, to seconds since 1970; -1 where it is none. */
int64_t table_time(struct slice text);

#endif
