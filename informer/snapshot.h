#ifndef TI_INFORMER_SNAPSHOT_H
#define TI_INFORMER_SNAPSHOT_H

/*
 * The answer to a sync while it is received, on its way to a whole that can be verified. Three ways lead
 * there:
 *
 *  - chunks come in order and cover the key hashes from 0 to the last one;
 *  - equal: what we have is what the provider has;
 *  - repair: what we have, but for the buckets of key hashes that differ (repair.h).
 *
 * Each answer is the state of its range after the event it names, and later ones may name later events.
 * Deltas that arrive meanwhile are gathered by key, the newest state of each. When all answers are there,
 * each gathered change that is newer than the answer about its key is laid over them, and what comes out is
 * the state after the last delta: if its root and count are those that the provider promised for that point,
 * it is whole and right, and not otherwise.
 *
 * Memory is bounded by the number of objects, not by how long it takes: objects that we have already are
 * shared. What is equal or repaired costs only what differs.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "transport/envelope.h"

struct snapshot;

/* have: what is shared, and what patches start from; only read. codec: reads patches. Both are borrowed. */
struct snapshot *snapshot_create(uint64_t nonce, struct codec *codec, const struct store *have);
void snapshot_destroy(struct snapshot *snapshot);
/* What it has gathered of chunks, yours, for an end without haste; of no use to it any more. NULL is fine. */
struct store *snapshot_release(struct snapshot *snapshot);

uint64_t snapshot_nonce(const struct snapshot *snapshot);
uint64_t snapshot_epoch(const struct snapshot *snapshot);   /* 0 until the first answer */
uint64_t snapshot_answers(const struct snapshot *snapshot); /* the index of the one that comes next */
uint64_t snapshot_size(const struct snapshot *snapshot); /* of the objects so far, as store_size() counts */
uint64_t snapshot_gathered_size(const struct snapshot *snapshot);    /* bytes of what deltas told meanwhile */
size_t snapshot_gathered_entries(const struct snapshot *snapshot);   /* number of keys that is */
const struct store *snapshot_state(const struct snapshot *snapshot); /* what the answers so far hold */

enum {
    SNAPSHOT_E_FOREIGN = 1,   /* of another epoch than the first answer */
    SNAPSHOT_E_GAP = 2,       /* not the answer that comes next (or one that was here already: harmless) */
    SNAPSHOT_E_MALFORMED = 3, /* ranges or objects that make no sense */
    SNAPSHOT_E_UNLIKE = 4,    /* what we have is too different to be repaired */
};
int snapshot_add_chunk(struct snapshot *snapshot, const struct message *chunk);
int snapshot_add_digests(struct snapshot *snapshot, const struct message *digests);
int snapshot_add_repair(struct snapshot *snapshot, const struct message *repair);
/* What is to be told the provider now, behind what is in the body already; last: and nothing after it. False
 * where it is not our turn. */
bool snapshot_tell(struct snapshot *snapshot, struct buf *body, bool *last);
/* The answer "equal": what we have is the state at equal->to. 0, SNAPSHOT_E_FOREIGN, SNAPSHOT_E_MALFORMED. */
int snapshot_set_equal(struct snapshot *snapshot, const struct message *equal);

/* A delta, which may be of any epoch as long as none is known. The next one that is wanted, or 0 for any. */
uint64_t snapshot_next_delta(const struct snapshot *snapshot);
int snapshot_add_delta(struct snapshot *snapshot,
                       const struct message *delta); /* 0, SNAPSHOT_E_FOREIGN, _MALFORMED */

enum snapshot_state {
    SNAPSHOT_INCOMPLETE, /* answers are missing */
    SNAPSHOT_LAGGING,    /* all answers are there; deltas that were sent before the last one are not */
    SNAPSHOT_BROKEN,     /* deltas in between are lost, or the root differs: start again */
    SNAPSHOT_VERIFIED,
};
enum snapshot_state snapshot_check(
    struct snapshot *snapshot); /* O(changes gathered) when complete; not again after BROKEN or VERIFIED */

enum snapshot_kind { SNAPSHOT_WHOLE, SNAPSHOT_EQUAL, SNAPSHOT_REPAIR };
enum snapshot_kind snapshot_kind(const struct snapshot *snapshot); /* as far as is known */

/* Once verified. The state after this event is `state`, or, where there is `gone`, what we have without the
 * objects in `gone`, and with those in `state` (what is replaced is in both). Both are yours. Returns the
 * root. */
uint64_t snapshot_sequence(const struct snapshot *snapshot);
struct digest snapshot_take(struct snapshot *snapshot, struct store **state, struct store **gone);

#endif
