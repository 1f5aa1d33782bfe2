#include "informer/gathered.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"
#include "informer/changes.h"

#define WAITING_MAX ((size_t)32 << 20)   /* bytes of patches without a base */
#define WAITING_ROOM ((size_t)256 << 20) /* bytes by which all of them make their objects larger */

/* A patch whose base is still to come. */
struct waiting {
    uint64_t sequence;
    uint32_t base;
    struct slice patch; /* owned */
    struct waiting *prev, *next;
};

/* What was told of one key. */
struct entry {
    char *key;
    struct object *object; /* NULL: deleted */
    uint64_t sequence;     /* of the last change */
    struct entry *prev, *next;
};

/* All keys of one hash: one, in all likelihood. The patches that wait are of a single key, since none are
 * sent while two have one hash; which one it is their base will tell. */
struct slot {
    UT_hash_handle hh;
    uint64_t hash;
    struct entry *entries;
    struct waiting *waiting; /* in order */
};

struct gathered {
    struct codec *codec;
    const struct store *have, *answers;
    struct slot *slots;
    size_t entry_count, waiting_count, waiting_bytes;
    uint64_t size;       /* bytes of all entries */
    size_t room;         /* patched_object()'s, for the delta that is read */
    size_t waiting_room; /* the same for all that wait */
    uint64_t epoch, first, last;
    struct digest root;
};

struct gathered *gathered_create(struct codec *codec, const struct store *have, const struct store *answers)
{
    struct gathered *gathered = mem_zalloc(sizeof(*gathered));
    gathered->codec = codec;
    gathered->have = have;
    gathered->answers = answers;
    gathered->waiting_room = WAITING_ROOM;
    return gathered;
}

static void waiting_free(struct gathered *gathered, struct slot *slot, struct waiting *waiting)
{
    DL_DELETE(slot->waiting, waiting);
    gathered->waiting_count--;
    gathered->waiting_bytes -= sizeof(*waiting) + waiting->patch.len;
    free((char *)waiting->patch.data);
    free(waiting);
}

static uint64_t size_of(const struct entry *entry)
{
    return sizeof(*entry) + (entry->object ? object_size(entry->object) : 0);
}

static void entry_free(struct gathered *gathered, struct slot *slot, struct entry *entry)
{
    DL_DELETE(slot->entries, entry);
    gathered->entry_count--;
    gathered->size -= size_of(entry);
    object_unref(entry->object);
    free(entry->key);
    free(entry);
}

void gathered_clear(struct gathered *gathered)
{
    struct slot *slot, *next;
    HASH_ITER (hh, gathered->slots, slot, next) {
        while (slot->entries)
            entry_free(gathered, slot, slot->entries);
        while (slot->waiting)
            waiting_free(gathered, slot, slot->waiting);
        HASH_DEL(gathered->slots, slot); /* NOLINT(clang-analyzer-core.NullDereference) */
        free(slot);
    }
    gathered->first = gathered->last = 0;
    gathered->waiting_room = WAITING_ROOM;
}

void gathered_destroy(struct gathered *gathered)
{
    if (!gathered)
        return;
    gathered_clear(gathered);
    free(gathered);
}

/* ---- one change ---- */

static struct slot *slot_find(const struct gathered *gathered, uint64_t hash)
{
    struct slot *slot;
    HASH_FIND(hh, gathered->slots, &hash, sizeof(hash), slot);
    return slot;
}

static struct slot *slot_get(struct gathered *gathered, uint64_t hash)
{
    struct slot *slot = slot_find(gathered, hash);
    if (slot)
        return slot;
    slot = mem_zalloc(sizeof(*slot));
    slot->hash = hash;
    HASH_ADD(hh, gathered->slots, hash, sizeof(slot->hash), slot);
    return slot;
}

static struct entry *entry_get(struct gathered *gathered, struct slot *slot, const char *key)
{
    struct entry *entry;
    DL_FOREACH(slot->entries, entry)
    if (strcmp(entry->key, key) == 0)
        return entry;
    entry = mem_zalloc(sizeof(*entry));
    entry->key = mem_strdup(key);
    gathered->size += size_of(entry);
    DL_APPEND(slot->entries, entry);
    gathered->entry_count++;
    return entry;
}

/* Takes the reference to the object. What waited may turn out to be older than what was told since. */
static void set_state(struct gathered *gathered, struct slot *slot, const char *key, struct object *object,
                      uint64_t sequence)
{
    struct entry *entry = entry_get(gathered, slot, key);
    if (entry->sequence > sequence) {
        object_unref(object);
        return;
    }
    gathered->size -= size_of(entry);
    object_unref(entry->object);
    entry->object = object;
    gathered->size += size_of(entry);
    entry->sequence = sequence;
}

static int add_waiting(struct gathered *gathered, struct slot *slot, const struct item *item,
                       uint64_t sequence)
{
    struct waiting *waiting = mem_alloc(sizeof(*waiting));
    *waiting = (struct waiting){.sequence = sequence,
                                .base = item->base,
                                .patch = {mem_dup(item->patch.data, item->patch.len), item->patch.len}};
    DL_APPEND(slot->waiting, waiting);
    gathered->waiting_count++;
    gathered->waiting_bytes += sizeof(*waiting) + item->patch.len;
    return gathered->waiting_bytes > WAITING_MAX ? GATHERED_E_FULL : 0;
}

/* What a patch starts from, as far as it is there already. */
static struct object *base_of(const struct gathered *gathered, const struct slot *slot,
                              const struct item *item)
{
    struct entry *entry;
    DL_FOREACH(slot->entries, entry)
    if (entry->object && patch_fits(item->base, entry->object))
        return entry->object;
    if (slot->waiting)
        return NULL;
    struct object *base = patch_base(item, gathered->have);
    return base ? base : patch_base(item, gathered->answers);
}

static int add_patch(struct gathered *gathered, const struct item *item, uint64_t sequence)
{
    struct slot *slot = slot_get(gathered, item->key_hash);
    struct object *base = base_of(gathered, slot, item);
    if (!base)
        return add_waiting(gathered, slot, item, sequence);
    struct object *object = patched_object(gathered->codec, item, base, &gathered->room);
    if (!object)
        return GATHERED_E_MALFORMED;
    set_state(gathered, slot, object_key(object), object, sequence);
    return 0;
}

static int add_item(struct gathered *gathered, const struct item *item, uint64_t sequence)
{
    if (item->patch.data)
        return add_patch(gathered, item, sequence);
    if (item->type == EVENT_DELETED) {
        char key[OBJECT_KEY_MAX];
        if (item_key(item, key) != 0)
            return GATHERED_E_MALFORMED;
        set_state(gathered, slot_get(gathered, key_hash(key, strlen(key))), key, NULL, sequence);
        return 0;
    }
    struct object *object = item_object(item, gathered->have);
    if (!object)
        return GATHERED_E_MALFORMED;
    set_state(gathered, slot_get(gathered, object_key_hash(object)), object_key(object), object, sequence);
    return 0;
}

/* ---- a delta ---- */

static int add_items(struct gathered *gathered, const struct message *delta)
{
    struct item item;
    size_t cursor = 0;
    uint64_t sequence = delta->from;
    gathered->room = DELTA_ROOM;
    while (message_next_item(delta, &cursor, &item)) {
        int r = add_item(gathered, &item, sequence++);
        if (r != 0)
            return r;
    }
    return cursor == delta->body.len && sequence == delta->from + delta->items ? 0 : GATHERED_E_MALFORMED;
}

int gathered_add(struct gathered *gathered, const struct message *delta)
{
    if (gathered->epoch != delta->epoch || (gathered->first && delta->from != gathered->last + 1))
        gathered_clear(gathered);
    gathered->epoch = delta->epoch;
    int r = delta->items > DELTA_ITEMS_MAX ? GATHERED_E_MALFORMED : add_items(gathered, delta);
    if (r != 0) {
        gathered_clear(gathered);
        return r;
    }
    if (!gathered->first)
        gathered->first = delta->from;
    gathered->last = delta->from + delta->items - 1;
    gathered->root = delta->root;
    return 0;
}

uint64_t gathered_size(const struct gathered *gathered)
{
    return gathered->size + gathered->waiting_bytes + HASH_COUNT(gathered->slots) * sizeof(struct slot);
}

size_t gathered_entries(const struct gathered *gathered)
{
    return gathered->entry_count;
}

size_t gathered_waiting(const struct gathered *gathered)
{
    return gathered->waiting_count;
}

uint64_t gathered_epoch(const struct gathered *gathered)
{
    return gathered->epoch;
}

uint64_t gathered_first(const struct gathered *gathered)
{
    return gathered->first;
}

uint64_t gathered_last(const struct gathered *gathered)
{
    return gathered->last;
}

struct digest gathered_root(const struct gathered *gathered)
{
    return gathered->root;
}

/* ---- what waits ---- */

static void drop_waiting(struct gathered *gathered, struct slot *slot, uint64_t up_to)
{
    while (slot->waiting && slot->waiting->sequence <= up_to)
        waiting_free(gathered, slot, slot->waiting);
}

/* One after the other, the first to this base. With one reference; NULL where one does not fit. */
static struct object *apply_waiting(struct gathered *gathered, const struct slot *slot, struct object *base)
{
    struct object *object = object_ref(base);
    struct waiting *waiting;
    DL_FOREACH(slot->waiting, waiting)
    {
        struct item item = {.patch = waiting->patch};
        struct object *next = NULL;
        if (patch_fits(waiting->base, object))
            next = patched_object(gathered->codec, &item, object, &gathered->waiting_room);
        object_unref(object);
        object = next;
        if (!object)
            return NULL;
    }
    return object;
}

static int settle(struct gathered *gathered, struct slot *slot, struct object *base)
{
    struct object *object = apply_waiting(gathered, slot, base);
    if (!object)
        return 1;
    set_state(gathered, slot, object_key(object), object, slot->waiting->prev->sequence);
    drop_waiting(gathered, slot, UINT64_MAX);
    return 0;
}

void gathered_answered(struct gathered *gathered, struct object *object, uint64_t sequence)
{
    struct slot *slot = slot_find(gathered, object_key_hash(object));
    if (!slot)
        return;
    drop_waiting(gathered, slot, sequence);
    if (slot->waiting)
        settle(gathered, slot, object);
}

int gathered_resolve(struct gathered *gathered, const struct gathered_since *since)
{
    for (struct slot *slot = gathered->slots; slot; slot = slot->hh.next) {
        drop_waiting(gathered, slot, slot->waiting ? since->sequence(since->arg, slot->hash) : 0);
        if (!slot->waiting)
            continue;
        struct item first = {.key_hash = slot->hash, .base = slot->waiting->base};
        struct object *base = patch_base(&first, gathered->answers);
        base = base ? base : patch_base(&first, gathered->have);
        if (!base || settle(gathered, slot, base) != 0)
            return 1;
    }
    return 0;
}

/* ---- laid over the answers ---- */

static bool is_newer(const struct gathered_since *since, uint64_t hash, const struct entry *entry)
{
    return entry->sequence > since->sequence(since->arg, hash);
}

void gathered_each_newer(const struct gathered *gathered, const struct gathered_since *since,
                         void (*visit)(void *arg, const char *key, struct object *object), void *arg)
{
    for (const struct slot *slot = gathered->slots; slot; slot = slot->hh.next) {
        const struct entry *entry;
        DL_FOREACH(slot->entries, entry)
        if (is_newer(since, slot->hash, entry))
            visit(arg, entry->key, entry->object);
    }
}
