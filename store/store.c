#include "store/store.h"

#include <string.h>

#include "base/mem.h"
#include "store/object_table.h"

struct store {
    struct object_table table;
    struct shelf *shelf;
    uint64_t size;
    struct digest root;
    struct store_observer *observers;
    struct store_observer *notifying; /* the next one to be told, so that one may leave meanwhile */
};

struct store *store_create_on(struct shelf *shelf)
{
    struct store *store = mem_zalloc(sizeof(*store));
    store->shelf = shelf_ref(shelf);
    store->table.pool = shelf_pool(shelf);
    return store;
}

struct store *store_create(void)
{
    return store_create_on(NULL);
}

struct shelf *store_shelf(const struct store *store)
{
    return store->shelf;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    object_table_deinit(&store->table);
    shelf_unref(store->shelf);
    free(store);
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

static void store_insert(struct store *store, struct object *object)
{
    object_table_insert(&store->table, object);
    store->size += object_size(object);
    digest_add(&store->root, object_digest(object));
    store_notify(store, NULL, object, false);
}

static void store_remove(struct store *store, struct object *object, bool unseen)
{
    object_table_remove(&store->table, object);
    store->size -= object_size(object);
    digest_sub(&store->root, object_digest(object));
    store_notify(store, object, NULL, unseen);
    object_unref(object);
}

static enum store_outcome store_swap(struct store *store, struct object **place, struct object *object)
{
    struct object *old = *place;
    *place = object_ref(object);
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

static struct object **find_like(const struct store *store, const struct object *object)
{
    return object_table_find(&store->table, object_key_hash(object), object_key(object));
}

static struct object **find(const struct store *store, const char *key)
{
    return object_table_find(&store->table, key_hash(key, strlen(key)), key);
}

enum store_outcome store_put(struct store *store, struct object *object)
{
    struct object **place = find_like(store, object);
    if (place && object_equal(*place, object))
        return STORE_UNCHANGED;
    if (place && same_uid(*place, object))
        return store_swap(store, place, object);
    if (place)
        store_remove(store, *place, true);
    store_insert(store, object);
    return STORE_ADDED;
}

enum store_outcome store_delete(struct store *store, const char *key, bool unseen)
{
    struct object **place = find(store, key);
    if (!place)
        return STORE_UNCHANGED;
    store_remove(store, *place, unseen);
    return STORE_DELETED;
}

struct object *store_get(const struct store *store, const char *key)
{
    struct object **place = find(store, key);
    return place ? *place : NULL;
}

struct object *store_get_like(const struct store *store, const struct object *object)
{
    struct object **place = find_like(store, object);
    return place ? *place : NULL;
}

size_t store_count(const struct store *store)
{
    return store->table.count;
}

uint64_t store_size(const struct store *store)
{
    return store->size;
}

struct digest store_root(const struct store *store)
{
    return store->root;
}

struct object *store_seek(const struct store *store, uint64_t hash)
{
    return object_table_from(&store->table, hash, "");
}

struct object *store_after(const struct store *store, const struct object *object)
{
    return object_table_after(&store->table, object_key_hash(object), object_key(object));
}

bool store_is_sole(const struct store *store, const struct object *object)
{
    return object_table_is_sole(&store->table, object_key_hash(object));
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
