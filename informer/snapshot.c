#include "informer/snapshot.h"

#include <string.h>

#include "base/mem.h"
#include "informer/changes.h"
#include "informer/gathered.h"
#include "informer/repair.h"

#define CHUNK_ITEMS_MAX 65536

struct range {
    uint64_t last_hash;
    uint64_t sequence;
};

struct snapshot {
    uint64_t nonce, epoch;
    const struct store *have;
    struct store *state;  /* what the answers hold */
    struct store *gone;   /* what of ours does not stay; NULL where nothing of it counts */
    struct range *ranges; /* of chunks or digests */
    size_t range_count, range_cap;
    uint64_t answers;
    struct repair *repair; /* NULL where it is none */
    bool ranged;           /* the ranges are complete */
    bool complete, equal;
    uint64_t to;        /* of the newest answer */
    struct digest root; /* of the whole, then */
    uint64_t count;
    struct gathered *gathered;
};

struct snapshot *snapshot_create(uint64_t nonce, struct codec *codec, const struct store *have)
{
    struct snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
    snapshot->nonce = nonce;
    snapshot->have = have;
    snapshot->state = store_create();
    snapshot->gathered = gathered_create(codec, have, snapshot->state);
    return snapshot;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    gathered_destroy(snapshot->gathered);
    repair_destroy(snapshot->repair);
    store_destroy(snapshot->gone);
    store_destroy(snapshot->state);
    free(snapshot->ranges);
    free(snapshot);
}

struct store *snapshot_release(struct snapshot *snapshot)
{
    return snapshot ? mem_steal(snapshot->state) : NULL;
}

uint64_t snapshot_nonce(const struct snapshot *snapshot)
{
    return snapshot->nonce;
}

uint64_t snapshot_epoch(const struct snapshot *snapshot)
{
    return snapshot->epoch;
}

uint64_t snapshot_answers(const struct snapshot *snapshot)
{
    return snapshot->answers;
}

const struct store *snapshot_state(const struct snapshot *snapshot)
{
    return snapshot->state;
}

uint64_t snapshot_size(const struct snapshot *snapshot)
{
    uint64_t size = store_size(snapshot->state);
    return snapshot->gone ? size + store_size(snapshot->have) - store_size(snapshot->gone) : size;
}

static size_t count_of(const struct snapshot *snapshot)
{
    size_t count = store_count(snapshot->state);
    return snapshot->gone ? count + store_count(snapshot->have) - store_count(snapshot->gone) : count;
}

static struct digest root_of(const struct snapshot *snapshot)
{
    struct digest root = store_root(snapshot->state);
    if (snapshot->gone) {
        digest_add(&root, store_root(snapshot->have));
        digest_sub(&root, store_root(snapshot->gone));
    }
    return root;
}

uint64_t snapshot_gathered_size(const struct snapshot *snapshot)
{
    return gathered_size(snapshot->gathered);
}

size_t snapshot_gathered_entries(const struct snapshot *snapshot)
{
    return gathered_entries(snapshot->gathered);
}

/* ---- answers ---- */

static bool epoch_adopt(struct snapshot *snapshot, uint64_t epoch)
{
    if (snapshot->epoch == 0) {
        snapshot->epoch = epoch;
        if (gathered_epoch(snapshot->gathered) != epoch)
            gathered_clear(snapshot->gathered);
    }
    return snapshot->epoch == epoch;
}

static void range_add(struct snapshot *snapshot, uint64_t last_hash, uint64_t sequence)
{
    if (snapshot->range_count == snapshot->range_cap) {
        snapshot->range_cap = snapshot->range_cap ? snapshot->range_cap * 2 : 16;
        snapshot->ranges = mem_realloc(snapshot->ranges, snapshot->range_cap * sizeof(*snapshot->ranges));
    }
    snapshot->ranges[snapshot->range_count++] = (struct range){last_hash, sequence};
}

static bool range_follows(const struct snapshot *snapshot, const struct message *answer)
{
    uint64_t first = snapshot->range_count ? snapshot->ranges[snapshot->range_count - 1].last_hash + 1 : 0;
    bool any = answer->body.len || answer->last; /* else it could go on like that for ever */
    return any && answer->first == first && answer->last_hash >= first &&
           answer->last == (answer->last_hash == UINT64_MAX);
}

/* 0 where it is the next one, of the epoch followed, and not of a time before. */
static int answer_follows(struct snapshot *snapshot, const struct message *answer)
{
    if (answer->epoch == 0)
        return SNAPSHOT_E_MALFORMED;
    if (!epoch_adopt(snapshot, answer->epoch))
        return SNAPSHOT_E_FOREIGN;
    if (snapshot->complete || answer->index != snapshot->answers)
        return SNAPSHOT_E_GAP;
    return answer->to >= snapshot->to ? 0 : SNAPSHOT_E_MALFORMED;
}

static void answer_taken(struct snapshot *snapshot, const struct message *answer)
{
    snapshot->answers++;
    snapshot->to = answer->to;
    snapshot->root = answer->root;
    snapshot->count = answer->count;
}

static int chunk_items(struct snapshot *snapshot, const struct message *chunk)
{
    struct item item;
    size_t cursor = 0, items = 0;
    while (message_next_item(chunk, &cursor, &item)) {
        cleanup_with(object_unrefp) struct object *object =
            item.type == EVENT_DELETED ? NULL : item_object(&item, snapshot->have);
        if (!object || ++items > CHUNK_ITEMS_MAX || object_key_hash(object) < chunk->first ||
            object_key_hash(object) > chunk->last_hash)
            return SNAPSHOT_E_MALFORMED;
        store_put(snapshot->state, object);
        gathered_answered(snapshot->gathered, object, chunk->to);
    }
    return cursor == chunk->body.len ? 0 : SNAPSHOT_E_MALFORMED;
}

int snapshot_add_chunk(struct snapshot *snapshot, const struct message *chunk)
{
    int r = answer_follows(snapshot, chunk);
    if (r != 0)
        return r;
    if (snapshot->repair || !range_follows(snapshot, chunk) || chunk_items(snapshot, chunk) != 0)
        return SNAPSHOT_E_MALFORMED;
    range_add(snapshot, chunk->last_hash, chunk->to);
    answer_taken(snapshot, chunk);
    snapshot->complete = chunk->last;
    return 0;
}

static struct repair *repair_of(struct snapshot *snapshot)
{
    struct repair_target target = {.come = snapshot->state, .gathered = snapshot->gathered};
    if (snapshot->repair)
        return snapshot->repair;
    target.gone = snapshot->gone = store_create();
    return snapshot->repair = repair_create(snapshot->have, target);
}

int snapshot_add_digests(struct snapshot *snapshot, const struct message *digests)
{
    int r = answer_follows(snapshot, digests);
    if (r != 0)
        return r;
    if ((snapshot->answers && !snapshot->repair) || snapshot->ranged || !range_follows(snapshot, digests))
        return SNAPSHOT_E_MALFORMED;
    r = repair_compare(repair_of(snapshot), digests);
    if (r != 0)
        return r == REPAIR_E_UNLIKE ? SNAPSHOT_E_UNLIKE : SNAPSHOT_E_MALFORMED;
    range_add(snapshot, digests->last_hash, digests->to);
    answer_taken(snapshot, digests);
    snapshot->ranged = digests->last;
    return 0;
}

bool snapshot_tell(struct snapshot *snapshot, struct buf *body, bool *last)
{
    return snapshot->ranged && repair_tell(snapshot->repair, body, last);
}

int snapshot_add_repair(struct snapshot *snapshot, const struct message *repair)
{
    int r = answer_follows(snapshot, repair);
    if (r != 0)
        return r;
    if (!snapshot->ranged || repair_take(snapshot->repair, repair) != 0 ||
        repair->last != repair_done(snapshot->repair))
        return SNAPSHOT_E_MALFORMED;
    answer_taken(snapshot, repair);
    snapshot->complete = repair->last;
    return 0;
}

int snapshot_set_equal(struct snapshot *snapshot, const struct message *equal)
{
    if (equal->epoch == 0)
        return SNAPSHOT_E_MALFORMED;
    if (!epoch_adopt(snapshot, equal->epoch))
        return SNAPSHOT_E_FOREIGN;
    if (snapshot->answers || equal->count != store_count(snapshot->have) ||
        !digest_equal(equal->root, store_root(snapshot->have)))
        return SNAPSHOT_E_MALFORMED;
    range_add(snapshot, UINT64_MAX, equal->to);
    answer_taken(snapshot, equal);
    snapshot->gone = store_create();
    snapshot->complete = snapshot->equal = true;
    return 0;
}

/* ---- deltas ---- */

uint64_t snapshot_next_delta(const struct snapshot *snapshot)
{
    return gathered_first(snapshot->gathered) ? gathered_last(snapshot->gathered) + 1 : 0;
}

int snapshot_add_delta(struct snapshot *snapshot, const struct message *delta)
{
    if (snapshot->epoch && snapshot->epoch != delta->epoch)
        return SNAPSHOT_E_FOREIGN;
    return gathered_add(snapshot->gathered, delta) == GATHERED_E_MALFORMED ? SNAPSHOT_E_MALFORMED : 0;
}

/* ---- the end ---- */

static uint64_t range_sequence(const struct snapshot *snapshot, uint64_t hash)
{
    size_t low = 0, high = snapshot->range_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snapshot->ranges[middle].last_hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return snapshot->ranges[low].sequence;
}

static uint64_t answer_sequence(const void *arg, uint64_t hash)
{
    const struct snapshot *snapshot = arg;
    uint64_t sequence;
    if (snapshot->repair && repair_sequence(snapshot->repair, hash, &sequence))
        return sequence;
    return range_sequence(snapshot, hash);
}

static void lay_over(void *arg, const char *key, struct object *object)
{
    struct snapshot *snapshot = arg;
    struct object *ours = snapshot->gone ? store_get(snapshot->have, key) : NULL;
    if (ours)
        store_put(snapshot->gone, ours);
    if (object)
        store_put(snapshot->state, object);
    else
        store_delete(snapshot->state, key, false);
}

static bool verified(struct snapshot *snapshot, bool deltas_lead)
{
    struct digest promised = deltas_lead ? gathered_root(snapshot->gathered) : snapshot->root;
    struct gathered_since since = {answer_sequence, snapshot};
    if (gathered_resolve(snapshot->gathered, &since) != 0)
        return false;
    gathered_each_newer(snapshot->gathered, &since, lay_over, snapshot);
    return digest_equal(root_of(snapshot), promised) &&
           (deltas_lead || count_of(snapshot) == snapshot->count);
}

enum snapshot_state snapshot_check(struct snapshot *snapshot)
{
    if (!snapshot->complete)
        return SNAPSHOT_INCOMPLETE;
    uint64_t first = snapshot->ranges[0].sequence, last = snapshot->to;
    uint64_t delta_first = gathered_first(snapshot->gathered), delta_last = gathered_last(snapshot->gathered);
    bool any = delta_first != 0 && delta_last > first;
    if (!any && first != last)
        return SNAPSHOT_LAGGING;
    if (any && delta_first > first + 1) {
        if (!snapshot->equal)
            return SNAPSHOT_BROKEN;
        gathered_clear(snapshot->gathered); /* what is missing in front is replayed, and these with it */
        any = false;
    }
    if (any && delta_last < last)
        return SNAPSHOT_LAGGING;
    return verified(snapshot, any && delta_last > last) ? SNAPSHOT_VERIFIED : SNAPSHOT_BROKEN;
}

uint64_t snapshot_sequence(const struct snapshot *snapshot)
{
    uint64_t told = gathered_last(snapshot->gathered); /* 0 where nothing was */
    return told > snapshot->to ? told : snapshot->to;
}

enum snapshot_kind snapshot_kind(const struct snapshot *snapshot)
{
    return snapshot->equal ? SNAPSHOT_EQUAL : snapshot->repair ? SNAPSHOT_REPAIR : SNAPSHOT_WHOLE;
}

struct digest snapshot_take(struct snapshot *snapshot, struct store **state, struct store **gone)
{
    struct digest root = root_of(snapshot);
    *state = mem_steal(snapshot->state);
    *gone = mem_steal(snapshot->gone);
    return root;
}
