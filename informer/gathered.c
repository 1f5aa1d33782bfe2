#include "informer/gathered.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"
#include "informer/changes.h"

#define WAITING_MAX ((size_t)8 << 20)    /* bytes of patches without a base */
#define WAITING_ROOM ((size_t)256 << 20) /* bytes by which all of them make their objects larger */

/* A patch whose base is still to come. */
struct waiting {
    uint64_t sequence;
    uint32_t base;
    struct slice patch; /* owned */
    struct waiting *prev, *next;
};

/* One key. Its name is not known while all that was told of it are patches; then those wait here. */
struct entry {
    char *key;
    struct object *object; /* NULL: deleted, where the key is known */
    struct waiting *waiting;
    uint64_t sequence; /* of the last change */
    struct entry *prev, *next;
};

/* All keys of one hash: one, in all likelihood. */
struct slot {
    UT_hash_handle hh;
    uint64_t hash;
    struct entry *entries;
};

struct gathered {
    struct codec *codec;
    const struct store *have;
    struct slot *slots;
    size_t waiting_bytes;
    uint64_t size; /* bytes of all objects */
    size_t room;   /* patched_object()'s, for the delta that is read */
    uint64_t epoch, first, last;
    struct digest root;
};

struct gathered *gathered_create(struct codec *codec, const struct store *have)
{
    struct gathered *gathered = mem_zalloc(sizeof(*gathered));
    gathered->codec = codec;
    gathered->have = have;
    return gathered;
}

static void waiting_free(struct gathered *gathered, struct entry *entry)
{
    struct waiting *waiting, *next;
    DL_FOREACH_SAFE(entry->waiting, waiting, next)
    {
        gathered->waiting_bytes -= sizeof(*waiting) + waiting->patch.len;
        free((char *)waiting->patch.data);
        free(waiting);
    }
    entry->waiting = NULL;
}

/* With what it costs to remember a key. */
static uint64_t size_of(const struct entry *entry)
{
    return sizeof(struct slot) + sizeof(*entry) + (entry->object ? object_size(entry->object) : 0);
}

static void entry_free(struct gathered *gathered, struct slot *slot, struct entry *entry)
{
    DL_DELETE(slot->entries, entry);
    waiting_free(gathered, entry);
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
        HASH_DEL(gathered->slots, slot);
        free(slot);
    }
    gathered->first = gathered->last = 0;
}

void gathered_destroy(struct gathered *gathered)
{
    if (!gathered)
        return;
    gathered_clear(gathered);
    free(gathered);
}

/* ---- one change ---- */

static struct slot *slot_get(struct gathered *gathered, uint64_t hash)
{
    struct slot *slot;
    HASH_FIND(hh, gathered->slots, &hash, sizeof(hash), slot);
    if (slot)
        return slot;
    slot = mem_zalloc(sizeof(*slot));
    slot->hash = hash;
    HASH_ADD(hh, gathered->slots, hash, sizeof(slot->hash), slot);
    return slot;
}

static struct entry *entry_add(struct gathered *gathered, struct slot *slot, const char *key)
{
    struct entry *entry = mem_zalloc(sizeof(*entry));
    entry->key = key ? mem_strdup(key) : NULL;
    gathered->size += size_of(entry);
    DL_APPEND(slot->entries, entry);
    return entry;
}

/* Takes the reference to the object. Patches that wait were of this key, and are overtaken. */
static void set_state(struct gathered *gathered, const char *key, uint64_t hash, struct object *object,
                      uint64_t sequence)
{
    struct slot *slot = slot_get(gathered, hash);
    struct entry *entry, *next, *found = NULL;
    DL_FOREACH_SAFE(slot->entries, entry, next)
    {
        if (!entry->key)
            entry_free(gathered, slot, entry);
        else if (strcmp(entry->key, key) == 0)
            found = entry;
    }
    if (!found)
        found = entry_add(gathered, slot, key);
    gathered->size -= size_of(found);
    object_unref(found->object);
    found->object = object;
    gathered->size += size_of(found);
    found->sequence = sequence;
}

static int add_waiting(struct gathered *gathered, struct entry *entry, const struct item *item,
                       uint64_t sequence)
{
    struct waiting *waiting = mem_alloc(sizeof(*waiting));
    *waiting = (struct waiting){.sequence = sequence,
                                .base = item->base,
                                .patch = {mem_dup(item->patch.data, item->patch.len), item->patch.len}};
    DL_APPEND(entry->waiting, waiting);
    entry->sequence = sequence;
    gathered->waiting_bytes += sizeof(*waiting) + item->patch.len;
    return gathered->waiting_bytes > WAITING_MAX;
}

static int apply_patch(struct gathered *gathered, const struct item *item, struct object *base,
                       uint64_t sequence)
{
    struct object *object = patched_object(gathered->codec, item, base, &gathered->room);
    if (!object)
        return 1;
    set_state(gathered, object_key(object), item->key_hash, object, sequence);
    return 0;
}

static int add_patch(struct gathered *gathered, const struct item *item, uint64_t sequence)
{
    struct slot *slot = slot_get(gathered, item->key_hash);
    struct entry *entry;
    DL_FOREACH(slot->entries, entry)
    {
        if (!entry->key)
            return add_waiting(gathered, entry, item, sequence);
        if (entry->object && patch_fits(item->base, entry->object))
            return apply_patch(gathered, item, entry->object, sequence);
    }
    struct object *base = patch_base(item, gathered->have);
    if (base)
        return apply_patch(gathered, item, base, sequence);
    return add_waiting(gathered, entry_add(gathered, slot, NULL), item, sequence);
}

static int add_item(struct gathered *gathered, const struct item *item, uint64_t sequence)
{
    if (item->patch.data)
        return add_patch(gathered, item, sequence);
    if (item->type == EVENT_DELETED) {
        char key[OBJECT_KEY_MAX];
        if (item_key(item, key) != 0)
            return 1;
        set_state(gathered, key, key_hash(key, strlen(key)), NULL, sequence);
        return 0;
    }
    struct object *object = item_object(item, gathered->have);
    if (!object)
        return 1;
    set_state(gathered, object_key(object), object_key_hash(object), object, sequence);
    return 0;
}

/* ---- a delta ---- */

static int add_items(struct gathered *gathered, const struct message *delta)
{
    struct item item;
    size_t cursor = 0;
    uint64_t sequence = delta->from;
    gathered->room = DELTA_ROOM;
    while (message_next_item(delta, &cursor, &item))
        if (add_item(gathered, &item, sequence++) != 0)
            return 1;
    return cursor == delta->body.len && sequence == delta->from + delta->items ? 0 : 1;
}

int gathered_add(struct gathered *gathered, const struct message *delta)
{
    if (gathered->epoch != delta->epoch || (gathered->first && delta->from != gathered->last + 1))
        gathered_clear(gathered);
    gathered->epoch = delta->epoch;
    if (delta->items > DELTA_ITEMS_MAX || add_items(gathered, delta) != 0) {
        gathered_clear(gathered);
        return 1;
    }
    if (!gathered->first)
        gathered->first = delta->from;
    gathered->last = delta->from + delta->items - 1;
    gathered->root = delta->root;
    return 0;
}

uint64_t gathered_size(const struct gathered *gathered)
{
    return gathered->size + gathered->waiting_bytes;
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

/* ---- laid over the answers ---- */

static bool is_newer(const struct gathered_since *since, uint64_t hash, const struct entry *entry)
{
    return entry->sequence > since->sequence(since->arg, hash);
}

/* One after the other, from what the answers have on. NULL where one does not fit. */
static struct object *apply_waiting(struct gathered *gathered, uint64_t hash, const struct entry *entry,
                                    uint64_t since, const struct store *answers)
{
    struct object *object = NULL;
    struct waiting *waiting;
    DL_FOREACH(entry->waiting, waiting)
    {
        struct item item = {.patch = waiting->patch, .key_hash = hash, .base = waiting->base};
        if (waiting->sequence <= since)
            continue;
        struct object *base = object ? object : patch_base(&item, answers);
        struct object *next = base && patch_fits(item.base, base)
                                  ? patched_object(gathered->codec, &item, base, &gathered->room)
                                  : NULL;
        object_unref(object);
        object = next;
        if (!object)
            return NULL;
    }
    return object;
}

int gathered_resolve(struct gathered *gathered, const struct gathered_since *since,
                     const struct store *answers)
{
    gathered->room = WAITING_ROOM;
    for (struct slot *slot = gathered->slots; slot; slot = slot->hh.next) {
        struct entry *entry = slot->entries;
        while (entry && entry->key)
            entry = entry->next;
        if (!entry || !is_newer(since, slot->hash, entry))
            continue;
        uint64_t sequence = entry->sequence;
        struct object *object =
            apply_waiting(gathered, slot->hash, entry, since->sequence(since->arg, slot->hash), answers);
        if (!object)
            return 1;
        set_state(gathered, object_key(object), slot->hash, object, sequence);
    }
    return 0;
}

struct digest gathered_foretell(const struct gathered *gathered, const struct gathered_since *since,
                                const struct store *store)
{
    struct digest root = store_root(store);
    for (const struct slot *slot = gathered->slots; slot; slot = slot->hh.next) {
        const struct entry *entry;
        DL_FOREACH(slot->entries, entry)
        {
            if (!entry->key || !is_newer(since, slot->hash, entry))
                continue;
            struct object *old = store_get(store, entry->key);
            if (old)
                digest_sub(&root, object_digest(old));
            if (entry->object)
                digest_add(&root, object_digest(entry->object));
        }
    }
    return root;
}

void gathered_lay_over(const struct gathered *gathered, const struct gathered_since *since,
                       struct store *store)
{
    for (const struct slot *slot = gathered->slots; slot; slot = slot->hh.next) {
        const struct entry *entry;
        DL_FOREACH(slot->entries, entry)
        {
            if (!entry->key || !is_newer(since, slot->hash, entry))
                continue;
            if (entry->object)
                store_put(store, entry->object);
            else
                store_delete(store, entry->key, false);
        }
    }
}
