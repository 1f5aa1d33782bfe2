#ifndef TI_STORE_OBJECT_TABLE_H
#define TI_STORE_OBJECT_TABLE_H

/*
 * Objects in the order of (key hash, key), in one array: linear probing from the slot that the top bits of
 * the hash name, with each run kept in order, which makes the whole array ordered. A slot holds the hash
 * beside the object, so that a search touches one or two cache lines and no object but the one it is for; and
 * growing is one pass over the array that touches none.
 *
 * It doubles when three quarters are taken, and halves when seven eighths are empty, so that a walk never
 * looks at many empty slots. Behind the slots that hashes name there is room for the last run; the last slot
 * of all is always empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/object.h"

struct object_slot {
    uint64_t hash;
    struct object *object; /* NULL: empty */
};

struct object_table {
    struct object_slot *slots;
    size_t room, count;
    unsigned bits;
};

void object_table_init(struct object_table *table);
void object_table_deinit(struct object_table *table); /* drops its references */

/* NULL where there is none. hash is key_hash() of key. Slots are good until the next insert or remove. */
struct object_slot *object_table_find(const struct object_table *table, uint64_t hash, const char *key);
void object_table_insert(struct object_table *table,
                         struct object *object); /* takes a reference; not there */
struct object *object_table_remove(struct object_table *table, struct object_slot *slot); /* gives it up */

/* The first object in order not before (hash, key), and the one behind it; NULL at the end. */
struct object *object_table_from(const struct object_table *table, uint64_t hash, const char *key);
struct object *object_table_after(const struct object_table *table, uint64_t hash, const char *key);

#endif
