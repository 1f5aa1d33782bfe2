#ifndef TI_INFORMER_CHANGES_H
#define TI_INFORMER_CHANGES_H

/*
 * A delta, decoded: what it would do to a store can be asked before it is done. Each key occurs once (a
 * publisher gives the newest state of a key); a delta in which one occurs twice foretells a root that will
 * not match, and is refused so.
 */

#include <stddef.h>

#include "store/store.h"
#include "transport/envelope.h"

#define DELTA_ITEMS_MAX 4096
#define DELTA_ROOM                                                                                           \
    ((size_t)32 << 20) /* bytes by which the patches of one delta make their objects larger                  \
                        */

struct change {
    char *key;             /* owned; of a deletion, else NULL */
    struct object *object; /* owned; NULL for a deletion */
};

struct changes {
    struct change *list;
    size_t count, cap;
    size_t patched; /* of them */
};

enum {
    CHANGES_E_MALFORMED = 1,
    CHANGES_E_BASE = 2, /* a patch is of an object that we do not have */
};
/* 0, or CHANGES_E_* (changes is empty then). Objects equal to those in `have` are those. */
int changes_decode(struct changes *changes, struct codec *codec, const struct message *delta,
                   const struct store *have);
void changes_deinit(struct changes *changes);

struct digest changes_root(const struct changes *changes,
                           const struct store *store); /* of the store, once applied */
/* Applies those whose key hash is at most `last_hash`. */
void changes_apply(const struct changes *changes, struct store *store, uint64_t last_hash);

/* The object of an item, with one reference: the one in `have` where that is the same. NULL where it is none.
 */
struct object *item_object(const struct item *item, const struct store *have);

/* What an item's patch starts from, borrowed; NULL where it is not in `have`. */
struct object *patch_base(const struct item *item, const struct store *have);
/* What it leads to, with one reference. NULL where it makes no object of the same key, or one that is larger
 * than its base by more than what is left of *room: a patch of some bytes may lead to many, and a delta holds
 * thousands of them. */
struct object *patched_object(struct codec *codec, const struct item *item, const struct object *base,
                              size_t *room);

#endif
