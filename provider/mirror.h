#ifndef TI_PROVIDER_MIRROR_H
#define TI_PROVIDER_MIRROR_H

/*
 * Keeps a store equal to what a cluster has of one resource: a reflector, and the way from its lists and
 * events into the store.
 *
 * A list is gathered apart, in a second store that shares the objects which the first one has already, so
 * that memory does not double. When the list is whole, the first store is made equal to it by one walk over
 * both in the order of their key hashes, in slices, so that no callback of the loop takes long. Events that
 * come meanwhile go into the store at once, and into the part of the list that is not yet walked over; so
 * each object's versions are seen in order, and absence from a list deletes only what no event has brought
 * since.
 *
 * Synced, for the owner, is when that walk has ended.
 */

#include "kube/reflector.h"
#include "store/store.h"

struct mirror_ops {
    /* The store equals a whole list; told after each list, before the state. */
    void (*synced)(void *arg, const char *resource_version);
    /* The store is complete up to this version. Not told during a walk. */
    void (*bookmark)(void *arg, const char *resource_version);
    /* As the reflector's, but REFLECTOR_SYNCED only once the walk has ended. The store keeps its objects in
     * any state. */
    void (*state)(void *arg, enum reflector_state state, const char *reason);
    /* A whole list has come, complete up to this version, and the store is to be made equal to it. False: not
     * before mirror_replace(), or the next list. NULL: at once. */
    bool (*may_replace)(void *arg, const char *resource_version);
    /* A watch that was begun anew brings its first event. False: that one and all behind it wait until
     * mirror_follow(). NULL: they go on at once. */
    bool (*may_follow)(void *arg);
};

struct mirror;

/* The store is borrowed, as is what config lends. Any of ops may be NULL; none may call mirror_destroy(). */
struct mirror *mirror_create(const struct reflector_config *config, struct store *store,
                             const struct mirror_ops *ops, void *arg);
void mirror_destroy(struct mirror *mirror); /* NULL is fine; the store keeps its objects */

void mirror_start(struct mirror *mirror);
void mirror_stop(struct mirror *mirror);    /* the store keeps its objects */
void mirror_replace(struct mirror *mirror); /* what may_replace() has put off; nothing where there is none */

void mirror_follow(struct mirror *mirror); /* what may_follow() has put off; the same */

bool mirror_synced(const struct mirror *mirror); /* a whole list has been handed over since the start */
enum reflector_state mirror_state(const struct mirror *mirror); /* as last told */
/* The resourceVersion up to which the store is complete, as far as can be told; "" before the first list is
 * whole, and while a later one is put in place. Borrowed until the loop runs on. */
const char *mirror_version(const struct mirror *mirror);
const struct reflector *mirror_reflector(const struct mirror *mirror);

#endif
