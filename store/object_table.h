#ifndef TI_STORE_OBJECT_TABLE_H
#define TI_STORE_OBJECT_TABLE_H

/*
 * Objects in the order of (key hash, key): pages of at most 64 objects, and a directory of pages by their
 * first hash. A search halves the directory, then a page; hashes stand beside the objects, so that it touches
 * no object but the one it is for. Nothing depends on how hashes are spread: a snapshot fills a table range
 * by range. And nothing is ever rebuilt as a whole: the longest step is to move the directory's end by one,
 * 16 bytes for each 64 objects.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/object.h"
#include "base/pool.h"

struct object_page;

struct object_table {
    struct object_chapter {
        uint64_t first; /* no hash in the page is below it, none in front of the page above */
        struct object_page *page;
    } * chapters;
    size_t chapter_count, chapter_cap;
    size_t count;      /* of objects */
    struct pool *pool; /* for pages; borrowed. NULL: malloc() */
};

/* A zeroed table is empty; a pool may be set as long as it is. */
void object_table_deinit(struct object_table *table); /* drops its references */

/* Where the object stands, which may be replaced there by another one of its key; good until the next insert
 * or remove. NULL where there is none. hash is key_hash() of key. */
struct object **object_table_find(const struct object_table *table, uint64_t hash, const char *key);
void object_table_insert(struct object_table *table,
                         struct object *object); /* takes a reference; not there */
void object_table_remove(struct object_table *table, const struct object *object); /* it is; the reference is
                                                                                      now the caller's */

bool object_table_is_sole(const struct object_table *table, uint64_t hash); /* of one that is there */

/* The first object in order not before (hash, key), and the one behind it; NULL at the end. */
struct object *object_table_from(const struct object_table *table, uint64_t hash, const char *key);
struct object *object_table_after(const struct object_table *table, uint64_t hash, const char *key);

#endif
