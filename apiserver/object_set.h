#ifndef TI_APISERVER_OBJECT_SET_H
#define TI_APISERVER_OBJECT_SET_H

/*
 * Objects in the order of their keys ("namespace/name"), which is the order in which an API server lists
 * them: pages of at most 64, and a directory of pages. A lookup halves the directory, then a page.
 *
 * A copy shares its pages with the original, and whichever of the two is changed first takes a page of its
 * own: so the state at one moment can be held for as long as it takes somebody to read it, at the price of
 * one pointer for each 64 objects and of the pages that change in the meantime.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/object.h"

struct object_entry {
    struct object *object;
    uint64_t revision; /* at which it came */
};

struct object_set {
    struct object_set_page **pages; /* none is empty */
    size_t page_count, page_cap;
    size_t count; /* of objects */
};

/* A place in a set, good until that set changes. Zeroed: the first. */
struct object_place {
    size_t page, slot;
};

void object_set_deinit(struct object_set *set);
void object_set_copy(struct object_set *out, const struct object_set *set); /* out is empty */

const struct object_entry *object_set_find(const struct object_set *set,
                                           const char *key); /* borrowed, NULL where absent */
struct object *object_set_get(const struct object_set *set, const char *key); /* likewise */

/* Takes a reference, replaces the one of that key. */
void object_set_put(struct object_set *set, struct object *object, uint64_t revision);
void object_set_remove(struct object_set *set, const char *key); /* nothing where absent */

/* The first place whose key is not before `key`. */
struct object_place object_set_seek(const struct object_set *set, const char *key);
/* What is at a place, which moves on by one; NULL at the end. */
const struct object_entry *object_set_next(const struct object_set *set, struct object_place *place);
size_t object_set_rank(const struct object_set *set, struct object_place place); /* how many are before it */
struct object_place object_set_at(const struct object_set *set, size_t rank);    /* that many are before it */

/* The places of one namespace (NULL: of all objects): [*from, *to). */
void object_set_range(const struct object_set *set, const char *namespace_, struct object_place *from,
                      struct object_place *to);

#endif
