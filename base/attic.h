#ifndef TI_BASE_ATTIC_H
#define TI_BASE_ATTIC_H

/*
 * Where objects are kept that nobody looks at: packed to about a tenth, with a dictionary made of their like.
 * A program has one attic, and in it a shelf for each resource, from whatever cluster its objects are; they
 * are put there by being created on it (struct object_rules).
 *
 * An object is hot until nobody has looked at it for a while (`idle_us`), or until the hot ones together pass
 * a bound (`hot_bytes`): then those that were looked at longest ago are packed, in turns of the loop of their
 * own that take about half a millisecond each. Looking at a packed one (any accessor but those of key, name,
 * namespace, hash, size and digest) unpacks it, and makes it hot again.
 *
 * A shelf with too little on it for a dictionary has nothing packed. Later a new dictionary is tried now and
 * then, each time twice as much has been packed as before, and takes over where it is better by a tenth; the
 * older ones go with the last object that needs them.
 *
 * Loop thread only. Needs no clock but the loop's timers, and is the same in a simulated loop.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/gvr.h"
#include "base/loop.h"
#include "base/options.h"

struct attic_options {
    int64_t hot_bytes;        /* those that are hot, together; passed for moments only */
    int64_t idle_us;          /* 0: 30 s. Not touched for so long (and up to twice that): packed */
    int64_t dictionary_bytes; /* 0: 64 KiB at most */
    int64_t dictionary_from;  /* 0: a shelf's first dictionary is made from 32 KiB of objects or more */
};

/* --hot-memory, for a program that is to be small, and for one that follows many clusters. */
struct option_group attic_option_group_small(struct attic_options *options);
struct option_group attic_option_group_large(struct attic_options *options);

struct attic_stats {
    uint64_t hot, hot_bytes;         /* objects that are raw, and what they take */
    uint64_t waiting, waiting_bytes; /* raw as well: of shelves without a dictionary */
    uint64_t packed, packed_bytes;   /* objects that have a packed form, and what that takes */
    uint64_t pool_bytes;             /* packed forms, what all objects have at hand, and room for more */
    uint64_t dictionaries, dictionary_bytes;
    uint64_t hot_bytes_peak; /* so far, as are these: */
    uint64_t packs, unpacks;
};

struct attic;

struct attic *attic_create(struct loop *loop, const struct attic_options *options);
/* After all objects on it, and whatever holds a shelf. NULL is fine. */
void attic_destroy(struct attic *attic);
struct attic_stats attic_stats(const struct attic *attic); /* O(shelves) */
void attic_counters(const struct attic *attic, struct counters *out);

struct shelf;

/* The shelf of a resource, with one reference. attic NULL: none, that is NULL, which is fine below as well.
 */
struct shelf *attic_shelf(struct attic *attic, const struct gvr *gvr);
struct shelf *shelf_ref(struct shelf *shelf);
void shelf_unref(struct shelf *shelf);
/* For small pieces that live as long as objects do, and would stand between their texts; good as long as the
 * shelf is held. NULL: none. */
struct pool *shelf_pool(struct shelf *shelf);

#endif
