#ifndef TI_INFORMER_SNAPSHOT_H
#define TI_INFORMER_SNAPSHOT_H

/*
 * A snapshot while it is received. Chunks come in order and cover the key hashes from 0 to the last one; each
 * is the state of its range after the event it names, and later ones may name later events. Deltas that
 * arrive meanwhile are gathered by key, the newest state of each. When all chunks are there, each gathered
 * change that is newer than its key's chunk is laid over them, and what comes out is the state after the last
 * delta: if its root and count are those that the provider promised for that point, it is whole and right,
 * and not otherwise.
 *
 * Memory is bounded by the number of objects, not by how long it takes: objects that we have already are
 * shared.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "transport/envelope.h"

struct snapshot;

/* have: what is shared, and what patches start from; only read. codec: reads patches. Both are borrowed. */
struct snapshot *snapshot_create(uint64_t nonce, struct codec *codec, const struct store *have);
void snapshot_destroy(struct snapshot *snapshot);

uint64_t snapshot_nonce(const struct snapshot *snapshot);
uint64_t snapshot_epoch(const struct snapshot *snapshot); /* 0 until the first answer */
uint64_t snapshot_chunks(const struct snapshot *snapshot);
uint64_t snapshot_gathered_size(const struct snapshot *snapshot);    /* bytes of what deltas told meanwhile */
const struct store *snapshot_state(const struct snapshot *snapshot); /* what the chunks so far hold */

enum {
    SNAPSHOT_E_FOREIGN = 1,   /* of another epoch than the first answer */
    SNAPSHOT_E_GAP = 2,       /* not the chunk that comes next (or one that was here already: harmless) */
    SNAPSHOT_E_MALFORMED = 3, /* ranges or objects that make no sense */
};
int snapshot_add_chunk(struct snapshot *snapshot, const struct message *chunk);
/* The answer "equal": what we have is the state at equal->to. 0, SNAPSHOT_E_FOREIGN, SNAPSHOT_E_MALFORMED. */
int snapshot_set_equal(struct snapshot *snapshot, const struct message *equal);

/* A delta, which may be of any epoch as long as none is known. The next one that is wanted, or 0 for any. */
uint64_t snapshot_next_delta(const struct snapshot *snapshot);
int snapshot_add_delta(struct snapshot *snapshot,
                       const struct message *delta); /* 0, SNAPSHOT_E_FOREIGN, _MALFORMED */

enum snapshot_state {
    SNAPSHOT_INCOMPLETE, /* chunks are missing */
    SNAPSHOT_LAGGING,    /* all chunks are there; deltas that were sent before the last one are not */
    SNAPSHOT_BROKEN,     /* deltas in between are lost, or the root differs: start again */
    SNAPSHOT_VERIFIED,
};
enum snapshot_state snapshot_check(
    struct snapshot *snapshot); /* O(changes gathered) when complete; not again after BROKEN or VERIFIED */

/* Once verified. The state is at this sequence. Either it is to be taken whole, and is yours, or what we have
 * was equal and just has the changes gathered since to be laid over it. */
uint64_t snapshot_sequence(const struct snapshot *snapshot);
bool snapshot_equal(const struct snapshot *snapshot);
struct store *snapshot_take(struct snapshot *snapshot);
void snapshot_lay_over(const struct snapshot *snapshot, struct store *have);

#endif
