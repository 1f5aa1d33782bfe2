#include "hub/fleet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "base/mem.h"

struct mirrored {
    UT_hash_handle hh;
    const struct informer_replica *replica;
    struct partition *partition;
    struct store_observer observer;
};

struct fleet {
    struct loop *loop;
    struct storage *storage;
    struct mirrored *replicas;
};

/* ---- which resource it is ---- */

/* As its cluster calls it; where that tells no singular, it is the kind in lower case, as everywhere. */
static void set_names(struct resource *resource, const struct informer_replica *replica)
{
    struct names names;
    replica_names(replica, &names);
    strcpy(resource->short_names, names.short_names);
    strcpy(resource->category, names.categories);
    strcpy(resource->singular, names.singular);
    for (size_t i = 0; !names.singular[0] && resource->kind[i]; i++)
        resource->singular[i] = (char)tolower((unsigned char)resource->kind[i]);
}

/* Of one that is not built in. */
static struct resource resource_made(const struct informer_replica *replica)
{
    struct resource resource = {.gvr = *replica_gvr(replica), .flags = RESOURCE_CUSTOM};
    const char *kind = replica_kind(replica);
    snprintf(resource.kind, sizeof(resource.kind), "%s", kind);
    snprintf(resource.list_kind, sizeof(resource.list_kind), "%sList", kind);
    set_names(&resource, replica);
    return resource;
}

static struct resource resource_of(const struct informer_replica *replica)
{
    const struct resource *built_in = resource_built_in(replica_gvr(replica));
    struct resource resource = built_in ? *built_in : resource_made(replica);
    resource.flags &= RESOURCE_CUSTOM | RESOURCE_LABEL_NAMES;
    resource.flags |= RESOURCE_READ_ONLY | (replica_namespaced(replica) ? RESOURCE_NAMESPACED : 0);
    return resource;
}

/* Its collection. What was said of the resource last holds; each sync says it again, since a cluster may have
 * become another version meanwhile. */
static struct collection *describe(struct fleet *fleet, const struct informer_replica *replica)
{
    struct resource resource = resource_of(replica);
    return storage_add(fleet->storage, &resource);
}

/* ---- replicas ---- */

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    const struct mirrored *mirrored = arg;
    (void)unseen;
    storage_commit(mirrored->partition, new_ ? new_ : old, !new_);
}

static void fill(const struct mirrored *mirrored)
{
    const struct store *store = replica_store(mirrored->replica);
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        storage_commit(mirrored->partition, object, false);
}

/* 'kubectl describe' asks for events whatever it describes, and fails where there is no such thing. */
static void serve_events(struct fleet *fleet, const char *cluster)
{
    static const struct gvr events = {"", "v1", "events"};
    struct resource resource = *resource_built_in(&events);
    resource.flags |= RESOURCE_READ_ONLY;
    struct collection *collection = storage_add(fleet->storage, &resource);
    if (!collection_find(collection, cluster))
        strcpy(collection_partition(collection, cluster)->stale, PARTITION_NOT_MIRRORED);
}

void fleet_replica(struct fleet *fleet, struct informer_replica *replica)
{
    if (!fleet)
        return;
    const char *cluster = cluster_name(replica_cluster(replica));
    serve_events(fleet, cluster);
    struct collection *collection = describe(fleet, replica);
    struct mirrored *mirrored = mem_zalloc(sizeof(*mirrored));
    mirrored->replica = replica;
    mirrored->partition = collection_partition(collection, cluster);
    mirrored->observer = (struct store_observer){.changed = on_changed, .arg = mirrored};
    HASH_ADD_PTR(fleet->replicas, replica, mirrored);
    store_observe(replica_store(replica), &mirrored->observer);
    fill(mirrored);
    fleet_heard(fleet, replica);
}

static struct mirrored *find(struct fleet *fleet, const struct informer_replica *replica)
{
    struct mirrored *mirrored = NULL;
    if (fleet)
        HASH_FIND_PTR(fleet->replicas, &replica, mirrored);
    return mirrored;
}

/* When its API server was heard about it last. */
static void print_time(const struct fleet *fleet, int64_t age_s, char out[PARTITION_STALE_MAX])
{
    struct tm tm;
    time_t then = (time_t)(loop_wall_us(fleet->loop) / LOOP_SECOND - age_s);
    strftime(out, PARTITION_STALE_MAX, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &tm));
}

void fleet_heard(struct fleet *fleet, const struct informer_replica *replica)
{
    struct mirrored *mirrored = find(fleet, replica);
    if (!mirrored)
        return;
    char *stale = mirrored->partition->stale;
    struct replica_freshness freshness = replica_freshness(replica);
    if (stale[0] && freshness.synced)
        describe(fleet, replica);
    stale[0] = '\0';
    if (!freshness.whole)
        strcpy(stale, PARTITION_NOT_WHOLE);
    else if (!freshness.synced)
        print_time(fleet, freshness.age_s < 0 ? 0 : freshness.age_s, stale);
}

void fleet_cluster(struct fleet *fleet, const struct informer_cluster *cluster)
{
    const struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        fleet_heard(fleet, replica);
}

static void forget(struct fleet *fleet, struct mirrored *mirrored)
{
    store_unobserve(replica_store(mirrored->replica), &mirrored->observer);
    HASH_DEL(fleet->replicas, mirrored); /* it is in there. NOLINT(clang-analyzer-core.NullDereference) */
    free(mirrored);
}

void fleet_dropped(struct fleet *fleet, struct informer_replica *replica)
{
    struct mirrored *mirrored = find(fleet, replica);
    if (!mirrored)
        return;
    partition_drop(mirrored->partition);
    forget(fleet, mirrored);
}

struct fleet *fleet_create(struct loop *loop, struct storage *storage)
{
    struct fleet *fleet = mem_zalloc(sizeof(*fleet));
    fleet->loop = loop;
    fleet->storage = storage;
    return fleet;
}

void fleet_destroy(struct fleet *fleet)
{
    struct mirrored *mirrored, *next;
    if (!fleet)
        return;
    HASH_ITER (hh, fleet->replicas, mirrored, next)
        forget(fleet, mirrored);
    free(fleet);
}
