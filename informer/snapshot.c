#include "informer/snapshot.h"

#include <string.h>

#include "base/mem.h"
#include "informer/changes.h"
#include "informer/gathered.h"

#define CHUNK_ITEMS_MAX 65536

struct range {
    uint64_t last_hash;
    uint64_t sequence;
};

struct snapshot {
    uint64_t nonce, epoch;
    const struct store *have;
    struct store *state;
    struct range *ranges;
    size_t range_count, range_cap;
    bool complete, equal;
    struct digest root; /* of the whole, at the last range's sequence */
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
    store_destroy(snapshot->state);
    free(snapshot->ranges);
    free(snapshot);
}

uint64_t snapshot_nonce(const struct snapshot *snapshot)
{
    return snapshot->nonce;
}

uint64_t snapshot_epoch(const struct snapshot *snapshot)
{
    return snapshot->epoch;
}

uint64_t snapshot_chunks(const struct snapshot *snapshot)
{
    return snapshot->range_count;
}

const struct store *snapshot_state(const struct snapshot *snapshot)
{
    return snapshot->state;
}

uint64_t snapshot_gathered_size(const struct snapshot *snapshot)
{
    return gathered_size(snapshot->gathered);
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

static bool range_follows(const struct snapshot *snapshot, const struct message *chunk)
{
    const struct range *before = snapshot->range_count ? &snapshot->ranges[snapshot->range_count - 1] : NULL;
    uint64_t first = before ? before->last_hash + 1 : 0;
    bool any = chunk->body.len || chunk->last; /* else it could go on like that for ever */
    return any && chunk->first == first && chunk->last_hash >= first &&
           (!before || chunk->to >= before->sequence) && chunk->last == (chunk->last_hash == UINT64_MAX);
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
    if (chunk->epoch == 0)
        return SNAPSHOT_E_MALFORMED;
    if (!epoch_adopt(snapshot, chunk->epoch))
        return SNAPSHOT_E_FOREIGN;
    if (snapshot->complete || chunk->index != snapshot->range_count)
        return SNAPSHOT_E_GAP;
    if (!range_follows(snapshot, chunk) || chunk_items(snapshot, chunk) != 0)
        return SNAPSHOT_E_MALFORMED;
    range_add(snapshot, chunk->last_hash, chunk->to);
    snapshot->complete = chunk->last;
    snapshot->root = chunk->root;
    snapshot->count = chunk->count;
    return 0;
}

int snapshot_set_equal(struct snapshot *snapshot, const struct message *equal)
{
    if (equal->epoch == 0)
        return SNAPSHOT_E_MALFORMED;
    if (!epoch_adopt(snapshot, equal->epoch))
        return SNAPSHOT_E_FOREIGN;
    if (snapshot->range_count || equal->count != store_count(snapshot->have) ||
        !digest_equal(equal->root, store_root(snapshot->have)))
        return SNAPSHOT_E_MALFORMED;
    range_add(snapshot, UINT64_MAX, equal->to);
    snapshot->complete = snapshot->equal = true;
    snapshot->root = equal->root;
    snapshot->count = equal->count;
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

static uint64_t range_sequence(const void *arg, uint64_t hash)
{
    const struct snapshot *snapshot = arg;
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

static struct gathered_since since_ranges(const struct snapshot *snapshot)
{
    return (struct gathered_since){range_sequence, snapshot};
}

static bool verified(struct snapshot *snapshot, bool deltas_lead)
{
    struct digest promised = deltas_lead ? gathered_root(snapshot->gathered) : snapshot->root;
    struct gathered_since since = since_ranges(snapshot);
    if (gathered_resolve(snapshot->gathered, &since) != 0)
        return false;
    if (snapshot->equal)
        return digest_equal(gathered_foretell(snapshot->gathered, &since, snapshot->have), promised);
    gathered_lay_over(snapshot->gathered, &since, snapshot->state);
    return digest_equal(store_root(snapshot->state), promised) &&
           (deltas_lead || store_count(snapshot->state) == snapshot->count);
}

enum snapshot_state snapshot_check(struct snapshot *snapshot)
{
    if (!snapshot->complete)
        return SNAPSHOT_INCOMPLETE;
    uint64_t first = snapshot->ranges[0].sequence;
    uint64_t last = snapshot->ranges[snapshot->range_count - 1].sequence;
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
    uint64_t last = snapshot->ranges[snapshot->range_count - 1].sequence;
    uint64_t told = gathered_last(snapshot->gathered); /* 0 where nothing was */
    return told > last ? told : last;
}

bool snapshot_equal(const struct snapshot *snapshot)
{
    return snapshot->equal;
}

void snapshot_lay_over(const struct snapshot *snapshot, struct store *have)
{
    struct gathered_since since = since_ranges(snapshot);
    gathered_lay_over(snapshot->gathered, &since, have);
}

struct store *snapshot_take(struct snapshot *snapshot)
{
    return mem_steal(snapshot->state);
}
