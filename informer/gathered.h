#ifndef TI_INFORMER_GATHERED_H
#define TI_INFORMER_GATHERED_H

/*
 * The deltas that arrive while a sync is under way: of each key the newest state that was told, and when.
 * They follow one another; after a gap gathering begins anew.
 *
 * A patch whose base we have, or were told, becomes an object at once. The base of others is in an answer
 * that is still to come: these wait in a chain for each key hash, until an answer has that object. Since what
 * is gathered begins where the oldest answer ends at the latest, the base of each patch that is newer than
 * the answers is there in the end, and nobody has to be asked for it.
 *
 * Memory is bounded by the number of objects, not by how long a sync takes: objects that we have already are
 * shared, and what waits in chains has a limit, behind which gathering begins anew.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "transport/envelope.h"

struct gathered;

/* have: what we had before; answers: what was answered so far. Patches start from either, and objects of the
 * first are shared. codec: reads patches. All are borrowed, and stores are only read. */
struct gathered *gathered_create(struct codec *codec, const struct store *have, const struct store *answers);
void gathered_destroy(struct gathered *gathered); /* NULL is fine */
void gathered_clear(struct gathered *gathered);

enum {
    GATHERED_E_MALFORMED = 1,
    GATHERED_E_FULL = 2, /* more patches wait than may */
};
/* Of any epoch: what was gathered of another one is dropped. 0, or GATHERED_E_*, and all is dropped then. */
int gathered_add(struct gathered *gathered, const struct message *delta);

uint64_t gathered_epoch(const struct gathered *gathered);
uint64_t gathered_size(const struct gathered *gathered);  /* bytes of all that is kept, at most */
size_t gathered_entries(const struct gathered *gathered); /* number of keys that something was told of */
size_t gathered_waiting(const struct gathered *gathered); /* number of patches without their base */
/* The sequences that are there without a gap; first is 0 where there are none. */
uint64_t gathered_first(const struct gathered *gathered);
uint64_t gathered_last(const struct gathered *gathered);
struct digest gathered_root(const struct gathered *gathered); /* promised for the last one */

/* From which sequence on changes of a key are newer than what the answers say about it. */
struct gathered_since {
    uint64_t (*sequence)(const void *arg, uint64_t key_hash); /* of the answer that covers it */
    const void *arg;
};

/* An answer has this object, as of that sequence: what waits for it need not any more. */
void gathered_answered(struct gathered *gathered, struct object *object, uint64_t sequence);
/* All answers are there: applies what still waits. 0; 1 where a base is not there. To be called before the
 * following. */
int gathered_resolve(struct gathered *gathered, const struct gathered_since *since);
/* Each newest state that is newer than the answer about its key; object NULL: deleted. Both are borrowed. */
void gathered_each_newer(const struct gathered *gathered, const struct gathered_since *since,
                         void (*visit)(void *arg, const char *key, struct object *object), void *arg);

#endif
