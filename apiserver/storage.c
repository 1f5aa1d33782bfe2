#include "apiserver/storage.h"

#include <string.h>

#include "base/mem.h"

void storage_init(struct storage *storage, struct loop *loop)
{
    *storage = (struct storage){.history_events = 10000, .history_bytes = 64 << 20};
    storage->last = &storage->first;
    herald_init(&storage->herald, loop);
}

static struct event *event_at(const struct collection *collection, size_t i)
{
    /* There are some, so cap is not 0: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    return &collection->events[(collection->first + i) % collection->cap];
}

static size_t event_bytes(const struct event *event)
{
    return object_size(event->object);
}

const struct event *collection_event(const struct collection *collection, size_t i)
{
    return event_at(collection, i);
}

static void event_release(struct collection *collection, struct event *event)
{
    collection->event_bytes -= event_bytes(event);
    object_unref(event->object);
    object_unref(event->old);
    partition_release(event->partition);
}

static void drop_oldest(struct collection *collection)
{
    struct event *event = event_at(collection, 0);
    collection->dropped = collection->lost = event->partition->lost = event->revision;
    event_release(collection, event);
    collection->first = (collection->first + 1) % collection->cap;
    collection->count--;
}

static void collection_destroy(struct collection *collection)
{
    while (collection->count)
        drop_oldest(collection);
    for (size_t i = 0; i < collection->partition_count; i++)
        partition_release(collection->partitions[i]);
    free(collection->partitions);
    free(collection->events);
    free(collection);
}

void storage_deinit(struct storage *storage)
{
    while (storage->first) {
        struct collection *collection = storage->first;
        storage->first = collection->next;
        collection_destroy(collection);
    }
    storage->last = &storage->first;
    herald_deinit(&storage->herald);
}

struct collection *storage_find(const struct storage *storage, const char *group, const char *version,
                                const char *resource)
{
    for (struct collection *c = storage->first; c; c = c->next)
        if (!strcmp(c->resource.gvr.resource, resource) && !strcmp(c->resource.gvr.group, group) &&
            !strcmp(c->resource.gvr.version, version))
            return c;
    return NULL;
}

struct collection *storage_find_kind(const struct storage *storage, const char *group, const char *kind)
{
    for (struct collection *c = storage->first; c; c = c->next)
        if (c->served && !strcmp(c->resource.kind, kind) && !strcmp(c->resource.gvr.group, group))
            return c;
    return NULL;
}

struct collection *storage_add(struct storage *storage, const struct resource *resource)
{
    const struct gvr *gvr = &resource->gvr;
    struct collection *collection = storage_find(storage, gvr->group, gvr->version, gvr->resource);
    if (!collection) {
        collection = mem_zalloc(sizeof(*collection));
        collection->storage = storage;
        collection->dropped = storage->compacted;
        audience_init(&collection->audience, &storage->herald);
        if (!storage->fleet)
            collection->own = collection_partition(collection, "");
        *storage->last = collection;
        storage->last = &collection->next;
    }
    collection->resource = *resource;
    collection->served = true;
    return collection;
}

static void make_room(struct collection *collection, size_t bytes)
{
    const struct storage *storage = collection->storage;
    while (collection->count &&
           ((storage->history_events && collection->count >= storage->history_events) ||
            (storage->history_bytes && collection->event_bytes + bytes > storage->history_bytes)))
        drop_oldest(collection);
    if (collection->count < collection->cap)
        return;

    size_t cap = collection->cap ? collection->cap * 2 : 16;
    struct event *events = mem_alloc(cap * sizeof(*events));
    for (size_t i = 0; i < collection->count; i++)
        events[i] = *event_at(collection, i);
    free(collection->events);
    collection->events = events;
    collection->first = 0;
    collection->cap = cap;
}

static struct event *append_event(struct partition *partition, struct object *object, bool deleted)
{
    struct collection *collection = partition->collection;
    const struct object_entry *old = object_set_find(&partition->objects, object_key(object));
    make_room(collection, object_size(object));
    struct event *event = &collection->events[(collection->first + collection->count++) % collection->cap];
    *event = (struct event){
        .revision = ++collection->storage->revision,
        .type = deleted ? EVENT_DELETED
                : old   ? EVENT_MODIFIED
                        : EVENT_ADDED,
        .partition = partition,
        .object = object_ref(object),
        .old = old ? object_ref(old->object) : NULL,
        .old_revision = old ? old->revision : 0,
    };
    partition->holders++;
    collection->event_bytes += event_bytes(event);
    return event;
}

void storage_commit(struct partition *partition, struct object *object, bool deleted)
{
    struct collection *collection = partition->collection;
    struct storage *storage = collection->storage;
    const char *key = object_key(object);
    const struct event *event = append_event(partition, object, deleted);
    if (deleted)
        object_set_remove(&partition->objects, key);
    else
        object_set_put(&partition->objects, object, event->revision);

    if (storage->committed)
        storage->committed(storage->arg, collection, event);
    audience_call(&partition->audience, event->revision);
    audience_call(&collection->audience, event->revision);
}

void storage_compact(struct storage *storage, uint64_t revision)
{
    if (revision > storage->revision)
        revision = storage->revision;
    if (revision > storage->compacted)
        storage->compacted = revision;
    for (struct collection *c = storage->first; c; c = c->next) {
        while (c->count && event_at(c, 0)->revision <= revision)
            drop_oldest(c);
        if (c->dropped < revision)
            c->dropped = revision;
    }
}

void event_undo(const struct event *event, struct object_set *objects)
{
    const char *key = object_key(event->object);
    if (!event->old)
        object_set_remove(objects, key);
    else
        object_set_put(objects, event->old, event->old_revision);
}

static void drop_newest(struct collection *collection)
{
    event_release(collection, event_at(collection, --collection->count));
}

int storage_restore(struct storage *storage, uint64_t revision)
{
    for (const struct collection *c = storage->first; c; c = c->next)
        if (c->dropped > revision)
            return STORAGE_E_EXPIRED;
    for (struct collection *c = storage->first; c; c = c->next)
        while (c->count && event_at(c, c->count - 1)->revision > revision) {
            const struct event *event = event_at(c, c->count - 1);
            event_undo(event, &event->partition->objects);
            drop_newest(c);
        }
    storage->revision = revision;
    return 0;
}

void storage_rewrite(struct collection *collection, struct object *object)
{
    struct object_set *objects = &collection->own->objects;
    object_set_put(objects, object, object_set_find(objects, object_key(object))->revision);
}

size_t collection_events_until(const struct collection *collection, uint64_t revision)
{
    size_t low = 0, high = collection->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (event_at(collection, middle)->revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct event *collection_event_after(const struct collection *collection, uint64_t revision)
{
    size_t i = collection_events_until(collection, revision);
    return i < collection->count ? event_at(collection, i) : NULL;
}

const struct event *storage_event_after(const struct storage *storage, uint64_t revision,
                                        const struct collection **collection)
{
    const struct event *first = NULL;
    for (const struct collection *c = storage->first; c; c = c->next) {
        const struct event *event = collection_event_after(c, revision);
        if (event && (!first || event->revision < first->revision)) {
            first = event;
            *collection = c;
        }
    }
    return first;
}

void collection_retire(struct collection *collection)
{
    uint64_t next = collection->storage->revision + 1;
    collection->served = false;
    audience_call(&collection->audience, next);
    for (size_t i = 0; i < collection->partition_count; i++)
        audience_call(&collection->partitions[i]->audience, next);
}
