/*
 * A witness hears every change of one replica's store and holds it against the cluster's history:
 *
 *  - what is added or modified is, byte for byte, what the cluster had at the resourceVersion it says;
 *  - of one name, versions never go back, and another uid is a deletion and an addition;
 *  - what is deleted, the cluster has deleted: that uid, before now.
 */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <uthash.h>

#include "apiserver/storage.h"
#include "base/mem.h"

struct seen {
    UT_hash_handle hh;
    uint64_t revision;
    char key[];
};

struct witness {
    struct world *world;
    struct informer_replica *replica;
    size_t resource;
    struct store_observer observer;
    struct seen *seen;
};

static uint64_t revision_of(const struct object *object)
{
    struct slice text = object_resource_version(object);
    char digits[24] = "";
    if (text.len < sizeof(digits))
        memcpy(digits, text.data, text.len);
    return strtoull(digits, NULL, 10);
}

static struct collection *collection_of(const struct world *world, size_t resource)
{
    return apiserver_collection(world->server, &world->gvrs[resource]);
}

/* What the cluster committed at a revision, or NULL. Revisions are one per event over all collections, so
 * they ascend. */
static const struct event *event_at(const struct world *world, size_t resource, uint64_t revision)
{
    const struct event *event = collection_event_after(collection_of(world, resource), revision - 1);
    return event && event->revision == revision ? event : NULL;
}

static struct object *as_mirrored(const struct world *world, size_t resource, const struct object *object)
{
    struct object *mirrored = NULL;
    struct slice bytes = object_bytes(object);
    object_create(bytes.data, bytes.len, &world->rules[resource], &mirrored);
    return mirrored;
}

static void check_state(struct witness *witness, struct object *object)
{
    struct world *world = witness->world;
    uint64_t revision = revision_of(object);
    const struct event *event = event_at(world, witness->resource, revision);
    cleanup_with(object_unrefp) struct object *truth =
        event ? as_mirrored(world, witness->resource, event->object) : NULL;
    if (!truth || event->type == EVENT_DELETED || !object_equal(truth, object))
        world_fail(world, "%s: told a state at revision %" PRIu64 " that the cluster never had",
                   object_key(object), revision);

    struct seen *seen;
    HASH_FIND_STR(witness->seen, object_key(object), seen);
    if (!seen) {
        size_t len = strlen(object_key(object));
        seen = mem_zalloc(sizeof(*seen) + len + 1);
        memcpy(seen->key, object_key(object), len);
        HASH_ADD_KEYPTR(hh, witness->seen, seen->key, len, seen);
    }
    if (revision <= seen->revision)
        world_fail(world, "%s: went back from revision %" PRIu64 " to %" PRIu64, object_key(object),
                   seen->revision, revision);
    seen->revision = revision;
}

static bool same_uid(const struct object *a, const struct object *b)
{
    struct slice uid = object_uid(a), other = object_uid(b);
    return uid.len == other.len && memcmp(uid.data, other.data, uid.len) == 0;
}

static bool was_deleted(const struct world *world, size_t resource, const struct object *object)
{
    const struct collection *collection = collection_of(world, resource);
    const struct event *event = collection_event_after(collection, revision_of(object));
    for (; event; event = collection_event_after(collection, event->revision))
        if (event->type == EVENT_DELETED && strcmp(object_key(event->object), object_key(object)) == 0)
            return object_uid(event->object).len == object_uid(object).len &&
                   memcmp(object_uid(event->object).data, object_uid(object).data, object_uid(object).len) ==
                       0;
    return false;
}

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    (void)unseen;
    struct witness *witness = arg;
    struct world *world = witness->world;
    struct digest digest = object_digest(new_ ? new_ : old);
    world->result.told++;
    world_trace(world, &digest, sizeof(digest));
    if (old && new_ && !same_uid(old, new_))
        world_fail(world, "%s: another object of the same name was told as a change", object_key(old));
    if (new_)
        check_state(witness, new_);
    else if (!was_deleted(world, witness->resource, old))
        world_fail(world, "%s: told a deletion that the cluster did not make", object_key(old));
}

struct witness *witness_create(struct world *world, struct informer_replica *replica)
{
    struct witness *witness = mem_zalloc(sizeof(*witness));
    witness->world = world;
    witness->replica = replica;
    while (witness->resource < WORLD_RESOURCES &&
           !gvr_equal(&world->gvrs[witness->resource], replica_gvr(replica)))
        witness->resource++;
    if (witness->resource == WORLD_RESOURCES) {
        world_fail(world, "a replica of a resource that was never shared");
        witness->resource = 0;
    }
    witness->observer = (struct store_observer){.changed = on_changed, .arg = witness};
    store_observe(replica_store(replica), &witness->observer);
    return witness;
}

void witness_destroy(struct witness *witness)
{
    if (!witness)
        return;
    struct seen *seen, *next;
    HASH_ITER (hh, witness->seen, seen, next) {
        HASH_DEL(witness->seen, seen);
        free(seen);
    }
    store_unobserve(replica_store(witness->replica), &witness->observer);
    free(witness);
}

/* ---- the end ---- */

static void say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (out)
        vfprintf(out, format, args);
    va_end(args);
}

static struct informer_replica *replica_of(struct informer_cluster *cluster, const struct gvr *gvr)
{
    struct informer_replica *replica = NULL;
    while (cluster && (replica = cluster_next_replica(cluster, replica)))
        if (gvr_equal(replica_gvr(replica), gvr))
            return replica;
    return NULL;
}

static bool replica_equals(struct world *world, size_t resource, struct informer_replica *replica, FILE *out)
{
    const struct object_set *truth = &collection_of(world, resource)->objects;
    struct store *store = replica_store(replica);
    if (!replica_synced(replica))
        return say(out, "%s: not synced\n", world_resource_names[resource]), false;
    if (store_count(store) != truth->count)
        return say(out, "%s: %zu objects instead of %zu\n", world_resource_names[resource],
                   store_count(store), truth->count),
               false;
    for (size_t i = 0; i < truth->count; i++) {
        cleanup_with(object_unrefp) struct object *wanted = as_mirrored(world, resource, truth->items[i]);
        struct object *got = store_get(store, object_key(wanted));
        if (!got || !object_equal(got, wanted))
            return say(out, "%s %s: %s\n", world_resource_names[resource], object_key(wanted),
                       got ? "differs" : "missing"),
                   false;
    }
    return true;
}

bool world_converged(struct world *world, FILE *out)
{
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        if (!world->informers[i])
            return say(out, "informer %d is down\n", i), false;
        struct informer_cluster *cluster =
            informer_next_cluster(informer_site_informer(world->informers[i]), NULL);
        if (!cluster || !cluster_synced(cluster))
            return say(out, "informer %d: cluster not synced\n", i), false;
        for (size_t k = 0; k < WORLD_RESOURCES; k++) {
            struct informer_replica *replica = replica_of(cluster, &world->gvrs[k]);
            if (!replica)
                return say(out, "informer %d: no %s\n", i, world_resource_names[k]), false;
            if (!replica_equals(world, k, replica, out))
                return say(out, "  at informer %d\n", i), false;
        }
    }
    return true;
}
