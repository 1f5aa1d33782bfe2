/*
 * A witness hears every change of one replica's store and holds it against the record of its cluster:
 *
 *  - what is added or modified is, byte for byte, what the cluster had;
 *  - of one key, states come in the order in which they were, and another uid is a deletion and an addition;
 *  - what is deleted, the cluster has deleted, later than the state told before.
 */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "informer/informer_internal.h"

/* How far a key's history has been told. */
struct seen {
    UT_hash_handle hh;
    size_t state; /* number in the record */
    char key[];
};

struct witness {
    struct world *world;
    struct informer_replica *replica;
    struct kube *kube;
    struct kube_resource *resource;
    struct store_observer observer;
    struct seen *seen;
};

static struct seen *seen_get(struct witness *witness, const char *key)
{
    struct seen *seen;
    HASH_FIND_STR(witness->seen, key, seen);
    if (seen)
        return seen;
    size_t len = strlen(key);
    seen = mem_zalloc(sizeof(*seen) + len + 1);
    memcpy(seen->key, key, len);
    HASH_ADD_KEYPTR(hh, witness->seen, seen->key, len, seen);
    return seen;
}

/* Where two providers of one name have told of one cluster, each was right, but they take turns. Where they
 * have told of two clusters, the other one's coming takes the objects of the one away. */
static bool may_be_impostors(const struct witness *witness, const char *key, const struct object *object)
{
    const struct world *world = witness->world;
    if (!world->impostor_was || strcmp(witness->kube->name, world->kubes[0].name) != 0)
        return false;
    return !object || (world->impostor_same && record_knows(witness->resource->record, key, object));
}

/* Two clusters may come under one name: which one it is, the informer says. */
static struct kube *kube_of(struct world *world, const struct informer_replica *replica)
{
    char uid[KUBE_UID_MAX];
    struct kube *other = &world->kubes[WORLD_KUBES];
    const struct informer_cluster *cluster = replica_cluster(replica);
    bool is_other = strcmp(cluster_name(cluster), other->name) == 0 &&
                    strcmp(cluster_uid(cluster), kube_uid(other, uid)) == 0;
    return is_other ? other : world_kube(world, cluster_name(cluster));
}

/* The cluster is another one, or passes for it: where nothing checks what is sent, a bit of its uid may be
 * flipped in a message that comes twice. What is told of the old one is void. */
static bool is_replaced(const struct witness *witness)
{
    char uid[KUBE_UID_MAX];
    const struct informer_cluster *cluster = replica_cluster(witness->replica);
    bool goes = cluster->claim_boot && cluster->departing == cluster->replica_count;
    return goes || strcmp(cluster_uid(cluster), kube_uid(witness->kube, uid)) != 0;
}

static void check(struct witness *witness, const char *key, const struct object *object)
{
    if (!witness->resource) {
        world_fail(witness->world, "bytes", "%s: told of a resource that was never shared", key);
        return;
    }
    struct seen *seen = seen_get(witness, key);
    if (may_be_impostors(witness, key, object))
        return;
    size_t state = record_find(witness->resource->record, key, object, seen->state);
    const struct kube *kube = witness->kube;
    if (state)
        seen->state = state;
    else if (!object && is_replaced(witness))
        return;
    else if (!object)
        world_fail(witness->world, "deletion", "%s %s %s: told a deletion that the cluster did not make",
                   kube->name, witness->resource->gvr.resource, key);
    else if (record_knows(witness->resource->record, key, object))
        world_fail(witness->world, "order", "%s %s %s: went back to what it was before", kube->name,
                   witness->resource->gvr.resource, key);
    else
        world_fail(witness->world, "bytes", "%s %s %s: told a state that the cluster never had", kube->name,
                   witness->resource->gvr.resource, key);
}

static bool same_uid(const struct object *a, const struct object *b)
{
    struct slice uid = object_uid(a), other = object_uid(b);
    return uid.len == other.len && memcmp(uid.data, other.data, uid.len) == 0;
}

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct witness *witness = arg;
    struct world *world = witness->world;
    struct digest digest = object_digest(new_ ? new_ : old);
    world->result.told++;
    world_trace(world, &digest, sizeof(digest));
    if (world->options.verbose && witness->resource)
        fprintf(world->log.out, "%10.3f %s %s %s%s: state %zu\n",
                (double)loop_now_us(world->loop) / LOOP_SECOND, witness->kube->name,
                object_key(new_ ? new_ : old), new_ ? "told" : "told deleted", unseen ? " (unseen)" : "",
                record_find(witness->resource->record, object_key(new_ ? new_ : old), new_,
                            seen_get(witness, object_key(new_ ? new_ : old))->state));
    if (old && new_ && !same_uid(old, new_))
        world_fail(world, "uid", "%s: another object of the same name was told as a change", object_key(old));
    check(witness, object_key(new_ ? new_ : old), new_);
}

struct witness *witness_create(struct world *world, struct informer_replica *replica)
{
    struct witness *witness = mem_zalloc(sizeof(*witness));
    witness->world = world;
    witness->replica = replica;
    witness->kube = kube_of(world, replica);
    witness->resource = witness->kube ? kube_resource(witness->kube, replica_gvr(replica)) : NULL;
    if (!witness->resource && world->encoding != ENCODING_PLAIN) /* which has no check */
        world_fail(world, "bytes", "a replica of a resource that was never shared");
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

static struct informer_replica *replica_of(struct informer_cluster *cluster, const struct gvr *gvr)
{
    struct informer_replica *replica = NULL;
    while (cluster && (replica = cluster_next_replica(cluster, replica)))
        if (gvr_equal(replica_gvr(replica), gvr))
            return replica;
    return NULL;
}

static struct informer_cluster *cluster_of(const struct informer *informer, const char *name)
{
    struct informer_cluster *cluster = NULL;
    while ((cluster = informer_next_cluster(informer, cluster)))
        if (strcmp(cluster_name(cluster), name) == 0)
            return cluster;
    return NULL;
}

static bool replica_equals(const struct kube_resource *resource, struct informer_replica *replica, FILE *out)
{
    const struct store *truth = record_now(resource->record), *store = replica_store(replica);
    const char *name = resource->gvr.resource;
    if (!replica_synced(replica))
        return world_say(out, "%s is not synced", name);
    if (store_count(store) != store_count(truth))
        return world_say(out, "%s: %zu objects instead of %zu", name, store_count(store), store_count(truth));
    for (struct object *object = store_seek(truth, 0); object; object = store_after(truth, object)) {
        struct object *got = store_get(store, object_key(object));
        if (!got || !object_equal(got, object))
            return world_say(out, "%s %s %s", name, object_key(object), got ? "differs" : "is missing");
    }
    return true;
}

/* What the API has not is not there; or it was told of no more, which says nothing. */
static bool resource_converged(struct kube *kube, const struct kube_resource *resource,
                               struct informer_cluster *cluster, FILE *out)
{
    struct informer_replica *replica = replica_of(cluster, &resource->gvr);
    if (!kube_serves(kube, (enum kube_kind)(resource - kube->resources)))
        return !replica || store_count(replica_store(replica)) == 0 ||
               world_say(out, "%s is gone, and still there", resource->gvr.resource);
    if (!replica)
        return world_say(out, "no %s", resource->gvr.resource);
    return replica_equals(resource, replica, out);
}

static bool say_unsynced(const struct informer_cluster *cluster, FILE *out)
{
    const struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        if (!replica_synced(replica))
            return world_say(out, "%s not synced: its stream is %s", replica_gvr(replica)->resource,
                             stream_state_text(replica_state(replica)));
    return world_say(out, "cluster not synced: %s",
                     cluster_alive(cluster) ? "its catalog is not complete" : "silent");
}

static bool kube_converged(struct kube *kube, const struct informer *informer, unsigned wants, FILE *out)
{
    struct informer_cluster *cluster = cluster_of(informer, kube->name);
    if (!cluster)
        return world_say(out, "cluster not heard");
    if (!cluster_synced(cluster))
        return say_unsynced(cluster, out);
    for (size_t i = 0; i < KUBE_KINDS; i++)
        if (kube->resources[i].used && (wants >> i & 1) &&
            !resource_converged(kube, &kube->resources[i], cluster, out))
            return false;
    return true;
}

bool world_converged(struct world *world, FILE *out)
{
    for (int i = 0; i < world->informer_count; i++) {
        const struct actor *actor = &world->informers[i];
        if (!actor->process)
            return world_say(out, "informer %d is down", i);
        for (int k = 0; k < world->kube_count; k++)
            if (!kube_converged(&world->kubes[k], informer_process_informer(actor->process), world->wants[i],
                                out))
                return world_say(out, " (informer %d, %s)", i, world->kubes[k].name);
    }
    return true;
}
