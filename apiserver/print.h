#ifndef TI_APISERVER_PRINT_H
#define TI_APISERVER_PRINT_H

/*
 * Objects in the form that the client accepts: as they are, as Table (kubectl's columns), or as metadata
 * only. Used for single objects, items of a list and objects of watch events alike.
 */

#include "apiserver/server_internal.h"

struct table;

struct printer {
    struct exchange *exchange;
    const struct resource *resource;
    const struct table *table; /* where the form is a table */
    struct table *custom;      /* that one, where it was made of a definition; owned */
    enum api_form form;        /* JSON, TABLE or PARTIAL */
    const char *include;       /* "Metadata", "Object", "None" of a table's rows; borrowed from the request */
    bool clusters;             /* a table has a column for them: those of a whole fleet */
    bool columns_told;         /* the first Table of a watch has the columns, the later ones do not */
    size_t items;              /* printed so far in this list */
    char *tail;                /* of a list whose metadata stands behind its items; owned */
};

/* What the metadata of a list tells. */
struct print_page {
    uint64_t revision;
    const char *continue_; /* "": nothing more */
    bool counted;          /* it tells how many more there are */
    size_t left;
};

void print_init(struct printer *printer, struct exchange *exchange, const struct resource *resource);
void print_deinit(struct printer *printer); /* a zeroed one is fine */

/* A list: open, items, close. */
void print_open(struct printer *printer, const struct print_page *page, struct buf *out);
void print_item(struct printer *printer, const struct item *item, struct buf *out);
void print_close(struct printer *printer, struct buf *out);

/* How many bytes an item takes at most, in whatever form, but for a few: they cost a copy, no more. */
size_t print_size(const struct item *item);

void print_single(struct printer *printer, const struct item *item, struct buf *out); /* ended by a newline */
/* One event of a watch; and one that many watches are told of. */
void print_event(struct printer *printer, enum event_type type, const struct item *item, struct buf *out);
void print_shared_event(struct printer *printer, enum event_type type, const struct item *item,
                        struct buf *out);
/* initial_end: the bookmark that ends the initial events. */
void print_bookmark(struct printer *printer, uint64_t revision, bool initial_end, struct buf *out);

#endif
