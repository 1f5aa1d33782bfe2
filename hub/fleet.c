#include "hub/fleet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"
#include "hub/clusters.h"

#define SLICE 64 /* objects put in, or taken out, in one turn of the loop */

enum phase {
    WAITS, /* for a partition that another one has: of a cluster of this name before, or for another audience
            */
    FILLS, /* with what its store had before; changes are followed meanwhile */
    LIVE,  /* it has what its store has */
    EMPTIES, /* its replica is gone */
};

struct mirrored {
    UT_hash_handle hh; /* by replica; not in there when it EMPTIES */
    const struct informer_replica *replica;
    UT_hash_handle hh_place; /* by partition, which is its alone; not in there while it WAITS */
    struct partition *partition;
    struct store_observer observer;
    enum phase phase;
    uint64_t filled;              /* FILLS: up to that key hash */
    struct mirrored *prev, *next; /* of those at work (FILLS and EMPTIES), or of those that wait */
};

struct fleet {
    struct loop *loop;
    struct storage *storage;
    struct mirrored *replicas, *places, *working, *waiting;
    struct timer work;
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

/* What its cluster tells, and what every cluster has of a kind that is built in. */
static struct resource resource_of(const struct informer_replica *replica)
{
    const struct resource *built_in = resource_built_in(replica_gvr(replica));
    struct resource resource = built_in ? *built_in : resource_made(replica);
    struct names names;
    replica_names(replica, &names);
    resource.flags &= RESOURCE_CUSTOM | RESOURCE_LABEL_NAMES | RESOURCE_STATUS | RESOURCE_SCALE;
    resource.flags |= RESOURCE_READ_ONLY | (replica_namespaced(replica) ? RESOURCE_NAMESPACED : 0) |
                      (names_have(names.subresources, "status") ? RESOURCE_STATUS : 0) |
                      (names_have(names.subresources, "scale") ? RESOURCE_SCALE : 0);
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
    if (new_ || mirrored->phase == LIVE || object_set_find(&mirrored->partition->objects, object_key(old)))
        storage_commit(mirrored->partition, new_ ? new_ : old, !new_);
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
    if (!mirrored || mirrored->phase == WAITS)
        return;
    char *stale = mirrored->partition->stale;
    struct replica_freshness freshness = replica_freshness(replica);
    if (stale[0] && freshness.synced)
        describe(fleet, replica);
    stale[0] = '\0';
    if (!freshness.whole || mirrored->phase == FILLS)
        strcpy(stale, PARTITION_NOT_WHOLE);
    else if (!freshness.synced)
        print_time(fleet, freshness.age_s < 0 ? 0 : freshness.age_s, stale);
}

void fleet_renamed(struct fleet *fleet, const struct informer_replica *replica)
{
    const struct mirrored *mirrored = find(fleet, replica);
    if (mirrored && mirrored->phase != WAITS)
        describe(fleet, replica);
}

void fleet_cluster(struct fleet *fleet, const struct informer_cluster *cluster)
{
    const struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        fleet_heard(fleet, replica);
}

/* ---- work, slice by slice ---- */

static void work_begin(struct fleet *fleet, struct mirrored *mirrored, enum phase phase)
{
    mirrored->phase = phase;
    DL_APPEND(fleet->working, mirrored);
    if (!timer_active(&fleet->work))
        timer_start(&fleet->work, 0);
}

static void fill_slice(struct fleet *fleet, struct mirrored *mirrored)
{
    const struct store *store = replica_store(mirrored->replica);
    struct object *object = store_seek(store, mirrored->filled);
    for (int i = 0; i < SLICE && object; i++, object = store_after(store, object)) {
        const struct object_entry *entry = object_set_find(&mirrored->partition->objects, object_key(object));
        if (!entry || entry->object != object)
            storage_commit(mirrored->partition, object, false);
    }
    if (object) {
        mirrored->filled = object_key_hash(object);
        return;
    }
    DL_DELETE(fleet->working, mirrored);
    mirrored->phase = LIVE;
    fleet_heard(fleet, mirrored->replica);
}

static void start(struct fleet *fleet, struct mirrored *mirrored)
{
    struct store *store = replica_store(mirrored->replica);
    mirrored->partition = collection_partition(describe(fleet, mirrored->replica),
                                               cluster_name(replica_cluster(mirrored->replica)));
    HASH_ADD(hh_place, fleet->places, partition, sizeof(mirrored->partition), mirrored);
    mirrored->observer = (struct store_observer){.changed = on_changed, .arg = mirrored};
    store_observe(store, &mirrored->observer);
    mirrored->phase = LIVE;
    if (store_count(store))
        work_begin(fleet, mirrored, FILLS);
    fleet_heard(fleet, mirrored->replica);
}

static bool is_of(const struct informer_replica *replica, const struct gvr *gvr, const char *cluster)
{
    return gvr_equal(replica_gvr(replica), gvr) && !strcmp(cluster_name(replica_cluster(replica)), cluster);
}

/* Of those that wait, who is next in a place that has become free. */
static struct mirrored *heir_of(const struct fleet *fleet, const struct gvr *gvr, const char *cluster)
{
    struct mirrored *mirrored;
    DL_FOREACH(fleet->waiting, mirrored)
    {
        if (is_of(mirrored->replica, gvr, cluster))
            return mirrored;
    }
    return NULL;
}

static void empty_slice(struct fleet *fleet, struct mirrored *mirrored)
{
    struct partition *partition = mirrored->partition;
    if (partition_empty(partition, SLICE))
        return;
    struct collection *collection = partition->collection;
    struct mirrored *heir = heir_of(fleet, &collection->resource.gvr, partition->name);
    HASH_DELETE(hh_place, fleet->places, mirrored);
    partition_drop(partition);
    DL_DELETE(fleet->working, mirrored);
    free(mirrored);
    if (heir) {
        DL_DELETE(fleet->waiting, heir);
        start(fleet, heir);
    } else if (!collection->partition_count && collection->resource.flags & RESOURCE_CUSTOM) {
        collection_retire(collection); /* nobody defines it any more */
    }
}

static void on_work(void *arg)
{
    struct fleet *fleet = arg;
    if (fleet->working->phase == FILLS)
        fill_slice(fleet, fleet->working);
    else
        empty_slice(fleet, fleet->working);
    if (fleet->working)
        timer_start(&fleet->work, 0);
}

/* ---- replicas come and go ---- */

/* A cluster may publish one resource for several audiences, and one of another uid may come under its name:
 * first come, first served. */
static bool place_taken(const struct fleet *fleet, const struct informer_replica *replica)
{
    const struct gvr *gvr = replica_gvr(replica);
    const struct collection *collection =
        storage_find(fleet->storage, gvr->group, gvr->version, gvr->resource);
    const struct partition *partition =
        collection ? collection_find(collection, cluster_name(replica_cluster(replica))) : NULL;
    struct mirrored *there;
    HASH_FIND(hh_place, fleet->places, &partition, sizeof(partition), there);
    return there;
}

/* What the hub tells of itself no cluster tells, even one that is a hub. */
static bool is_own(const struct informer_replica *replica)
{
    return !strcmp(replica_gvr(replica)->group, CLUSTERS_GROUP);
}

void fleet_replica(struct fleet *fleet, struct informer_replica *replica)
{
    if (!fleet || is_own(replica))
        return;
    struct mirrored *mirrored = mem_zalloc(sizeof(*mirrored));
    mirrored->replica = replica;
    HASH_ADD_PTR(fleet->replicas, replica, mirrored);
    serve_events(fleet, cluster_name(replica_cluster(replica)));
    if (place_taken(fleet, replica))
        DL_APPEND(fleet->waiting, mirrored);
    else
        start(fleet, mirrored);
}

static void forget(struct fleet *fleet, struct mirrored *mirrored)
{
    if (mirrored->phase == WAITS)
        DL_DELETE(fleet->waiting, mirrored);
    else
        store_unobserve(replica_store(mirrored->replica), &mirrored->observer);
    if (mirrored->phase == FILLS)
        DL_DELETE(fleet->working, mirrored);
    HASH_DEL(fleet->replicas, mirrored); /* it is in there. NOLINT(clang-analyzer-core.NullDereference) */
}

void fleet_dropped(struct fleet *fleet, struct informer_replica *replica)
{
    struct mirrored *mirrored = find(fleet, replica);
    if (!mirrored)
        return;
    forget(fleet, mirrored);
    if (mirrored->partition)
        work_begin(fleet, mirrored, EMPTIES);
    else
        free(mirrored);
}

struct fleet *fleet_create(struct loop *loop, struct storage *storage)
{
    struct fleet *fleet = mem_zalloc(sizeof(*fleet));
    fleet->loop = loop;
    fleet->storage = storage;
    timer_init(&fleet->work, loop, on_work, fleet);
    return fleet;
}

void fleet_destroy(struct fleet *fleet)
{
    struct mirrored *mirrored, *next;
    if (!fleet)
        return;
    timer_stop(&fleet->work);
    HASH_CLEAR(hh_place, fleet->places);
    HASH_ITER (hh, fleet->replicas, mirrored, next) {
        forget(fleet, mirrored);
        free(mirrored);
    }
    DL_FOREACH_SAFE(fleet->working, mirrored, next)
    free(mirrored);
    free(fleet);
}
