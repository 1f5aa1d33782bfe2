#ifndef TI_STORE_STORE_H
#define TI_STORE_STORE_H

/*
 * The objects of one resource of one cluster, by key: what etcd holds under one prefix, as last seen.
 *
 * They are ordered by key hash, and stay so when the table grows (object_table.h). So "the objects from hash
 * h on" is a question that can be asked again at any time and costs nothing to keep open, however the store
 * changes in between; snapshots, range digests and replacement in slices all stand on that.
 *
 * Count, size and root (the wrapping sum of all objects' digests) are kept up to date with each change: O(1).
 *
 * Loop thread only. Objects are held by reference.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attic.h"
#include "base/object.h"

struct store;

/* old NULL: added; new NULL: deleted; neither: modified. unseen: a deletion that nobody watched (found by
 * absence in a whole list), old being the last state known. Both are borrowed. An observer must not change
 * the store from inside. */
struct store_observer {
    void (*changed)(void *arg, struct object *old, struct object *new_, bool unseen);
    void *arg;
    struct store_observer *next; /* the store's */
};

enum store_outcome { STORE_UNCHANGED, STORE_ADDED, STORE_MODIFIED, STORE_DELETED };

struct store *store_create(void);
/* shelf: where the objects are kept that are made for this store; the store holds a reference. May be NULL.
 */
struct store *store_create_on(struct shelf *shelf);
struct shelf *store_shelf(const struct store *store); /* borrowed; NULL where there is none */
void store_destroy(struct store *store);              /* observers hear nothing; NULL is fine */

void store_observe(struct store *store,
                   struct store_observer *observer); /* borrowed until unobserve or destroy */
void store_unobserve(struct store *store,
                     struct store_observer *observer); /* allowed from inside a callback */

/* Takes its own reference. Same bytes, key and uid: STORE_UNCHANGED, and nobody is told. An object of the
 * same key and another uid is another object: observers see it DELETED, then ADDED. */
enum store_outcome store_put(struct store *store, struct object *object);
enum store_outcome store_delete(struct store *store, const char *key,
                                bool unseen); /* STORE_DELETED, or UNCHANGED where absent */
/* The first ones in order, `max` at most; returns how many they were. O(table + deleted): emptying a large
 * store one store_seek(store, 0) after the other would look at all the empty slots in front again and again.
 */
size_t store_delete_some(struct store *store, size_t max, bool unseen);

struct object *store_get(const struct store *store, const char *key); /* borrowed, NULL where absent */
struct object *store_get_like(const struct store *store,
                              const struct object *object); /* the one of that object's key; likewise */
/* Of an object that is there: no other one has its key hash. */
bool store_is_sole(const struct store *store, const struct object *object);
size_t store_count(const struct store *store);
uint64_t store_size(const struct store *store); /* the sum of object_size() */
struct digest store_root(const struct store *store);

/* In the order of (key hash, key): the first object whose hash is at least `hash`, and the one after a given
 * key. NULL at the end. Borrowed until the next change. */
struct object *store_seek(const struct store *store, uint64_t hash);
struct object *store_after(const struct store *store, const struct object *object);

#endif
