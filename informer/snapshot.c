#include "informer/snapshot.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "informer/changes.h"

/* The newest state of a key that a delta told. */
struct gathered {
    UT_hash_handle hh;
    struct object *object; /* NULL: deleted */
    uint64_t sequence;
    char key[];
};

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
    uint64_t delta_epoch, delta_first, delta_last; /* sequences gathered without a gap; first 0: none */
    struct digest delta_root;
};

struct snapshot *snapshot_create(uint64_t nonce, const struct store *have)
{
    struct snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
    snapshot->nonce = nonce;
    snapshot->have = have;
    snapshot->state = store_create();
    return snapshot;
}

static void gathered_clear(struct snapshot *snapshot)
{
    struct gathered *entry, *next;
    HASH_ITER (hh, snapshot->gathered, entry, next) {
        HASH_DEL(snapshot->gathered, entry);
        object_unref(entry->object);
        free(entry);
    }
    snapshot->delta_first = snapshot->delta_last = 0;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    gathered_clear(snapshot);
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

/* ---- answers ---- */

static bool epoch_adopt(struct snapshot *snapshot, uint64_t epoch)
{
    if (snapshot->epoch == 0) {
        snapshot->epoch = epoch;
        if (snapshot->delta_epoch != epoch)
            gathered_clear(snapshot);
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
    return chunk->first == first && chunk->last_hash >= first && (!before || chunk->to >= before->sequence) &&
           chunk->last == (chunk->last_hash == UINT64_MAX);
}

static int chunk_items(struct snapshot *snapshot, const struct message *chunk)
{
    struct item item;
    size_t cursor = 0;
    while (message_next_item(chunk, &cursor, &item)) {
        cleanup_with(object_unrefp) struct object *object =
            item.type == EVENT_DELETED ? NULL : item_object(&item, snapshot->have);
        if (!object || object_key_hash(object) < chunk->first || object_key_hash(object) > chunk->last_hash)
            return SNAPSHOT_E_MALFORMED;
        store_put(snapshot->state, object);
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
    return snapshot->delta_first ? snapshot->delta_last + 1 : 0;
}

static void gather(struct snapshot *snapshot, const char *key, struct object *object, uint64_t sequence)
{
    struct gathered *entry;
    HASH_FIND_STR(snapshot->gathered, key, entry);
    if (!entry) {
        size_t len = strlen(key);
        entry = mem_alloc(sizeof(*entry) + len + 1);
        memcpy(entry->key, key, len + 1);
        entry->object = NULL;
        HASH_ADD_KEYPTR(hh, snapshot->gathered, entry->key, len, entry);
    }
    object_unref(entry->object);
    entry->object = object ? object_ref(object) : NULL;
    entry->sequence = sequence;
}

static int gather_item(struct snapshot *snapshot, const struct item *item, uint64_t sequence)
{
    if (item->type == EVENT_DELETED) {
        char key[OBJECT_KEY_MAX];
        if (item_key(item, key) != 0)
            return SNAPSHOT_E_MALFORMED;
        gather(snapshot, key, NULL, sequence);
        return 0;
    }
    cleanup_with(object_unrefp) struct object *object = item_object(item, snapshot->have);
    if (!object)
        return SNAPSHOT_E_MALFORMED;
    gather(snapshot, object_key(object), object, sequence);
    return 0;
}

static int gather_items(struct snapshot *snapshot, const struct message *delta)
{
    struct item item;
    size_t cursor = 0;
    uint64_t sequence = delta->from;
    while (message_next_item(delta, &cursor, &item))
        if (gather_item(snapshot, &item, sequence++) != 0)
            return SNAPSHOT_E_MALFORMED;
    return cursor == delta->body.len && sequence == delta->from + delta->items ? 0 : SNAPSHOT_E_MALFORMED;
}

int snapshot_add_delta(struct snapshot *snapshot, const struct message *delta)
{
    if (snapshot->epoch && snapshot->epoch != delta->epoch)
        return SNAPSHOT_E_FOREIGN;
    if (snapshot->delta_epoch != delta->epoch ||
        (snapshot->delta_first && delta->from != snapshot->delta_last + 1))
        gathered_clear(snapshot);
    snapshot->delta_epoch = delta->epoch;
    if (gather_items(snapshot, delta) != 0) {
        gathered_clear(snapshot);
        return SNAPSHOT_E_MALFORMED;
    }
    if (!snapshot->delta_first)
        snapshot->delta_first = delta->from;
    snapshot->delta_last = delta->from + delta->items - 1;
    snapshot->delta_root = delta->root;
    return 0;
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

static bool newer_than_range(const struct snapshot *snapshot, const struct gathered *entry)
{
    return entry->sequence > range_sequence(snapshot, key_hash(entry->key, strlen(entry->key)));
}

static void lay_over(const struct snapshot *snapshot, struct store *state)
{
    struct gathered *entry, *next;
    HASH_ITER (hh, snapshot->gathered, entry, next) {
        if (!newer_than_range(snapshot, entry))
            continue;
        if (entry->object)
            store_put(state, entry->object);
        else
            store_delete(state, entry->key, false);
    }
}

/* What the root of what we have would be with the gathered changes laid over it. */
static struct digest root_laid_over(const struct snapshot *snapshot)
{
    struct digest root = store_root(snapshot->have);
    struct gathered *entry, *next;
    HASH_ITER (hh, snapshot->gathered, entry, next) {
        if (!newer_than_range(snapshot, entry))
            continue;
        struct object *old = store_get(snapshot->have, entry->key);
        if (old)
            digest_sub(&root, object_digest(old));
        if (entry->object)
            digest_add(&root, object_digest(entry->object));
    }
    return root;
}

static bool verified(const struct snapshot *snapshot, bool deltas_lead)
{
    struct digest promised = deltas_lead ? snapshot->delta_root : snapshot->root;
    if (snapshot->equal)
        return digest_equal(root_laid_over(snapshot), promised);
    lay_over(snapshot, snapshot->state);
    return digest_equal(store_root(snapshot->state), promised) &&
           (deltas_lead || store_count(snapshot->state) == snapshot->count);
}

enum snapshot_state snapshot_check(struct snapshot *snapshot)
{
    if (!snapshot->complete)
        return SNAPSHOT_INCOMPLETE;
    uint64_t first = snapshot->ranges[0].sequence;
    uint64_t last = snapshot->ranges[snapshot->range_count - 1].sequence;
    bool any = snapshot->delta_first != 0 && snapshot->delta_last > first;
    if (!any && first != last)
        return SNAPSHOT_LAGGING;
    if (any && snapshot->delta_first > first + 1)
        return SNAPSHOT_BROKEN;
    if (any && snapshot->delta_last < last)
        return SNAPSHOT_LAGGING;
    return verified(snapshot, any && snapshot->delta_last > last) ? SNAPSHOT_VERIFIED : SNAPSHOT_BROKEN;
}

uint64_t snapshot_sequence(const struct snapshot *snapshot)
{
    uint64_t last = snapshot->ranges[snapshot->range_count - 1].sequence;
    return snapshot->delta_first && snapshot->delta_last > last ? snapshot->delta_last : last;
}

bool snapshot_equal(const struct snapshot *snapshot)
{
    return snapshot->equal;
}

void snapshot_lay_over(const struct snapshot *snapshot, struct store *have)
{
    lay_over(snapshot, have);
}

struct store *snapshot_take(struct snapshot *snapshot)
{
    return mem_steal(snapshot->state);
}
