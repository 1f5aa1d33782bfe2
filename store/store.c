/*
 * A chained hash table whose slot is the top bits of the key hash, and whose chains are sorted by (hash,
 * key): walking the slots walks the hashes in order. The table doubles when it is full; a slot then splits
 * into two neighbours, which keeps the order, so a position named by a hash stays good over growth. It halves
 * when seven eighths of it are empty, so that a walk never looks at many empty slots.
 */
#include "store/store.h"

#include <string.h>

#include "base/mem.h"

#define SLOT_BITS_MIN 4

struct node {
    struct node *next;
    struct object *object;
};

struct store {
    struct node **slots;
    unsigned slot_bits;
    size_t count;
    uint64_t size;
    struct digest root;
    struct store_observer *observers;
    struct store_observer *notifying; /* the next one to be told, so that one may leave meanwhile */
};

static size_t slot_of(const struct store *store, uint64_t hash)
{
    return (size_t)(hash >> (64 - store->slot_bits));
}

static int node_order(const struct node *node, uint64_t hash, const char *key)
{
    uint64_t own = object_key_hash(node->object);
    return own != hash ? (own < hash ? -1 : 1) : strcmp(object_key(node->object), key);
}

/* The link that holds the first node not before (hash, key). */
static struct node **store_link(const struct store *store, uint64_t hash, const char *key)
{
    struct node **link = &store->slots[slot_of(store, hash)];
    while (*link && node_order(*link, hash, key) < 0)
        link = &(*link)->next;
    return link;
}

static struct node **store_find(const struct store *store, const char *key)
{
    uint64_t hash = key_hash(key, strlen(key));
    struct node **link = store_link(store, hash, key);
    return *link && node_order(*link, hash, key) == 0 ? link : NULL;
}

struct store *store_create(void)
{
    struct store *store = mem_zalloc(sizeof(*store));
    store->slot_bits = SLOT_BITS_MIN;
    store->slots = mem_zalloc(sizeof(*store->slots) << store->slot_bits);
    return store;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < (size_t)1 << store->slot_bits; i++) {
        for (struct node *node = store->slots[i], *next; node; node = next) {
            next = node->next;
            object_unref(node->object);
            free(node);
        }
    }
    free(store->slots);
    free(store);
}

/* A chain is in order, and so are the two that it becomes: cut it where the new bit turns to 1. */
static void store_grow(struct store *store)
{
    size_t old_count = (size_t)1 << store->slot_bits++;
    struct node **slots = mem_zalloc(sizeof(*slots) * old_count * 2);
    for (size_t i = 0; i < old_count; i++) {
        slots[2 * i] = store->slots[i];
        struct node **link = &slots[2 * i];
        while (*link && slot_of(store, object_key_hash((*link)->object)) == 2 * i)
            link = &(*link)->next;
        slots[2 * i + 1] = *link;
        *link = NULL;
    }
    free(store->slots);
    store->slots = slots;
}

/* Two neighbours become one slot, the lower first. */
static void store_shrink(struct store *store)
{
    size_t new_count = (size_t)1 << --store->slot_bits;
    struct node **slots = mem_zalloc(sizeof(*slots) * new_count);
    for (size_t i = 0; i < new_count; i++) {
        struct node **link = &slots[i];
        *link = store->slots[2 * i];
        while (*link)
            link = &(*link)->next;
        *link = store->slots[2 * i + 1];
    }
    free(store->slots);
    store->slots = slots;
}

void store_observe(struct store *store, struct store_observer *observer)
{
    observer->next = store->observers;
    store->observers = observer;
}

void store_unobserve(struct store *store, struct store_observer *observer)
{
    if (store->notifying == observer)
        store->notifying = observer->next;
    struct store_observer **link = &store->observers;
    while (*link && *link != observer)
        link = &(*link)->next;
    if (*link)
        *link = observer->next;
}

static void store_notify(struct store *store, struct object *old, struct object *new_, bool unseen)
{
    for (struct store_observer *observer = store->observers; observer; observer = store->notifying) {
        store->notifying = observer->next;
        observer->changed(observer->arg, old, new_, unseen);
    }
}

static void store_insert(struct store *store, struct node **link, struct object *object)
{
    struct node *node = mem_alloc(sizeof(*node));
    *node = (struct node){.next = *link, .object = object_ref(object)};
    *link = node;
    store->count++;
    store->size += object_size(object);
    digest_add(&store->root, object_digest(object));
    if (store->count > (size_t)1 << store->slot_bits)
        store_grow(store);
    store_notify(store, NULL, object, false);
}

static void store_remove(struct store *store, struct node **link, bool unseen)
{
    struct node *node = *link;
    *link = node->next;
    store->count--;
    store->size -= object_size(node->object);
    digest_sub(&store->root, object_digest(node->object));
    store_notify(store, node->object, NULL, unseen);
    object_unref(node->object);
    free(node);
    if (store->slot_bits > SLOT_BITS_MIN && store->count < ((size_t)1 << store->slot_bits) / 8)
        store_shrink(store);
}

static enum store_outcome store_swap(struct store *store, struct node *node, struct object *object)
{
    struct object *old = node->object;
    node->object = object_ref(object);
    store->size += object_size(object) - object_size(old);
    digest_sub(&store->root, object_digest(old));
    digest_add(&store->root, object_digest(object));
    store_notify(store, old, object, false);
    object_unref(old);
    return STORE_MODIFIED;
}

static bool same_uid(const struct object *a, const struct object *b)
{
    struct slice uid = object_uid(a), other = object_uid(b);
    return uid.len == other.len && memcmp(uid.data, other.data, uid.len) == 0;
}

enum store_outcome store_put(struct store *store, struct object *object)
{
    struct node **link = store_find(store, object_key(object));
    if (link && object_equal((*link)->object, object))
        return STORE_UNCHANGED;
    if (link && same_uid((*link)->object, object))
        return store_swap(store, *link, object);
    if (link)
        store_remove(store, link, true);
    store_insert(store, store_link(store, object_key_hash(object), object_key(object)), object);
    return STORE_ADDED;
}

enum store_outcome store_delete(struct store *store, const char *key, bool unseen)
{
    struct node **link = store_find(store, key);
    if (!link)
        return STORE_UNCHANGED;
    store_remove(store, link, unseen);
    return STORE_DELETED;
}

struct object *store_get(const struct store *store, const char *key)
{
    struct node **link = store_find(store, key);
    return link ? (*link)->object : NULL;
}

bool store_is_sole(const struct store *store, const struct object *object)
{
    uint64_t hash = object_key_hash(object);
    const struct node *node = *store_link(store, hash, "");
    return node && node->object == object && !(node->next && object_key_hash(node->next->object) == hash);
}

size_t store_count(const struct store *store)
{
    return store->count;
}

uint64_t store_size(const struct store *store)
{
    return store->size;
}

struct digest store_root(const struct store *store)
{
    return store->root;
}

static struct object *first_from_slot(const struct store *store, size_t slot)
{
    for (; slot < (size_t)1 << store->slot_bits; slot++)
        if (store->slots[slot])
            return store->slots[slot]->object;
    return NULL;
}

struct object *store_seek(const struct store *store, uint64_t hash)
{
    struct node *node = *store_link(store, hash, "");
    return node ? node->object : first_from_slot(store, slot_of(store, hash) + 1);
}

size_t store_delete_some(struct store *store, size_t max, bool unseen)
{
    struct object *object;
    size_t count = 0;
    for (uint64_t hash = 0; count < max && (object = store_seek(store, hash)); count++) {
        hash = object_key_hash(object);
        store_delete(store, object_key(object), unseen);
    }
    return count;
}

struct object *store_after(const struct store *store, const struct object *object)
{
    uint64_t hash = object_key_hash(object);
    struct node *node = *store_link(store, hash, object_key(object));
    if (node && node_order(node, hash, object_key(object)) == 0)
        node = node->next;
    return node ? node->object : first_from_slot(store, slot_of(store, hash) + 1);
}
