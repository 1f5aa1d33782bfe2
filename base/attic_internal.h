#ifndef TI_BASE_ATTIC_INTERNAL_H
#define TI_BASE_ATTIC_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "base/attic.h"
#include "base/dictionary.h"
#include "base/object_internal.h"
#include "base/pool.h"

#define DICTIONARIES_MAX 4
#define SAMPLES_MAX 256

struct attic {
    struct loop *loop;
    struct attic_options options;
    struct pool *pool;
    struct packer *packer;
    struct shelf *shelves;
    struct body *hot; /* looked at longest ago first, as far as is known */
    size_t hot_count, hot_bytes, hot_bytes_peak;
    size_t unpacked_bytes; /* bodies freed since memory was given back */
    uint32_t tick;         /* counts quarters of the idle time */
    bool draining;         /* the bound was passed */
    bool busy;             /* something was packed or unpacked since the last tick */
    bool rested;           /* no tables are held */
    struct timer ticker, work;
    uint64_t packs, unpacks;
};

/* One that was made, and how many objects need it. */
struct volume {
    struct dictionary *dictionary;
    size_t objects;
};

struct shelf {
    struct attic *attic;
    struct gvr gvr;
    size_t refs;
    struct body *waiting; /* for the first dictionary */
    size_t waiting_count, waiting_bytes;
    struct volume volumes[DICTIONARIES_MAX];
    uint8_t current;
    uint64_t packed_in, challenge_at; /* bytes packed in all, and when to try a new dictionary */
    size_t packed, packed_bytes;
    UT_hash_handle hh;
};

/* shelf.c: dictionaries */
bool shelf_has_dictionary(const struct shelf *shelf);
bool shelf_can_start(const struct shelf *shelf); /* enough waits for a first one */
void shelf_start(struct shelf *shelf);           /* makes it; who waited is hot */
bool shelf_must_try(const struct shelf *shelf);
void shelf_try(struct shelf *shelf); /* another one than the current, made of what is hot */
void shelf_rest(struct shelf *shelf);
bool shelf_pack(struct body *body); /* false where that does not pay. The body goes. */
void shelf_drop_packed(struct attic *attic, struct packed *packed);

/* attic.c */
size_t body_memory(const struct object *object);
void attic_heat(struct attic *attic, struct body *body); /* it is in no list */

#endif
