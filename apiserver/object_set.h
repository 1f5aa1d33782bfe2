#ifndef TI_APISERVER_OBJECT_SET_H
#define TI_APISERVER_OBJECT_SET_H

/*
 * Objects in the order of their keys ("namespace/name"), which is the order in which an API server lists
 * them: a sorted array of references. A lookup is a binary search; a change moves pointers, 8 bytes an
 * object, which for the tens of thousands of objects that this is for costs microseconds.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/object.h"

struct object_set {
    struct object **items; /* each holds a reference */
    size_t count, cap;
};

void object_set_deinit(struct object_set *set);

/* Where the key is, or where it would be inserted. */
size_t object_set_find(const struct object_set *set, const char *key, bool *found);
struct object *object_set_get(const struct object_set *set,
                              const char *key); /* borrowed, NULL where absent */

void object_set_put(struct object_set *set,
                    struct object *object); /* takes a reference, replaces the one of that key */
void object_set_remove(struct object_set *set, const char *key); /* nothing where absent */

/* The objects of one namespace (NULL: all) as [*from, *to). */
void object_set_range(const struct object_set *set, const char *namespace_, size_t *from, size_t *to);

/* Fills an empty set with references to that range. */
void object_set_copy(struct object_set *out, const struct object_set *set, const char *namespace_);

#endif
