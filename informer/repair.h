#ifndef TI_INFORMER_REPAIR_H
#define TI_INFORMER_REPAIR_H

/*
 * A repair while it is received (docs/protocol.md 3.7). Digests are compared with what we have, bucket by
 * bucket; what we have in those that differ is told; and the answers say what of that goes, and what comes.
 * A bucket that differs stands at the sequence of its answer, every other one at that of its digest.
 *
 * What is kept is by the bucket that differs, and the objects that come and go; what is told is bounded.
 */

#include <stdbool.h>
#include <stdint.h>

#include "informer/gathered.h"

struct repair;

/* Where answers go: objects that come, objects of ours that do not stay (those that are replaced are in
 * both), and who waits for either. All borrowed. */
struct repair_target {
    struct store *come, *gone;
    struct gathered *gathered;
};

/* have: what we have; borrowed, and must not change meanwhile. */
struct repair *repair_create(const struct store *have, struct repair_target target);
void repair_destroy(struct repair *repair); /* NULL is fine */

enum {
    REPAIR_E_MALFORMED = 1,
    REPAIR_E_UNLIKE = 2, /* what we have is too different for this way */
};
/* Digests, in the order of their ranges, which the caller has checked. 0, REPAIR_E_*. */
int repair_compare(struct repair *repair, const struct message *digests);
/* Once all digests are compared: the next part of what is to be told, behind the path that is in `body`
 * already. False while the part before is not answered, and when there is no more. */
bool repair_tell(struct repair *repair, struct buf *body, bool *last);
int repair_take(struct repair *repair, const struct message *answer); /* 0, REPAIR_E_MALFORMED */
bool repair_done(const struct repair *repair);                        /* everything is answered */

/* Of the answer about that key hash; false where its bucket does not differ. */
bool repair_sequence(const struct repair *repair, uint64_t key_hash, uint64_t *sequence);

#endif
