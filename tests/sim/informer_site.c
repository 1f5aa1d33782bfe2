/* An informer of all clusters, with a witness at each replica. */
#include "tests/sim/world.h"

#include <string.h>

#include "base/mem.h"
#include "informer/inlet.h"

#define REPLICAS_MAX 64

struct site {
    struct world *world;
    struct attic *attic;
    int index;
    struct transport *transport;
    struct connection *connection; /* owns the transport */
    struct connection *transfers;  /* NULL in half of the seeds */
    struct informer *informer;
    struct keep *keep; /* borrowed; NULL: none */
    struct timer write;
    char uids[WORLD_KUBES][KUBE_UID_MAX]; /* of the clusters, as last told */
    struct witness *witnesses[REPLICAS_MAX];
    struct informer_replica *watched[REPLICAS_MAX];
};

static bool on_wanted(void *arg, const char *cluster, const struct gvr *gvr)
{
    struct site *site = arg;
    struct kube *kube = world_kube(site->world, cluster);
    const struct kube_resource *resource = kube ? kube_resource(kube, gvr) : NULL;
    return !resource || (site->world->wants[site->index] >> (resource - kube->resources) & 1);
}

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct site *site = arg;
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        if (site->witnesses[i])
            continue;
        site->witnesses[i] = witness_create(site->world, replica);
        site->watched[i] = replica;
        return;
    }
    world_fail(site->world, "bounds", "an informer made more than %d replicas", REPLICAS_MAX);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    struct site *site = arg;
    world_cover(site->world, COVER_ENDED);
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        if (site->watched[i] != replica)
            continue;
        witness_destroy(site->witnesses[i]);
        site->witnesses[i] = NULL;
        site->watched[i] = NULL;
    }
}

/* Another cluster under an old name begins with nothing. */
static void on_cluster(void *arg, struct informer_cluster *cluster)
{
    struct site *site = arg;
    int which = world_kube_index(site->world, cluster_name(cluster));
    const char *uid = cluster_uid(cluster);
    if (which < 0 || !uid[0] || strcmp(site->uids[which], uid) == 0)
        return;
    char current[KUBE_UID_MAX];
    kube_uid(&site->world->kubes[which], current);
    bool other = site->uids[which][0];
    if (strcmp(site->uids[which], current) == 0 && !site->world->impostor_was)
        world_fail(site->world, "identity", "%s: is the cluster again that it was before",
                   cluster_name(cluster));
    snprintf(site->uids[which], sizeof(site->uids[which]), "%s", uid);
    struct informer_replica *replica = NULL;
    while (other && (replica = cluster_next_replica(cluster, replica)))
        if (store_count(replica_store(replica)) > 0)
            world_fail(site->world, "identity", "%s: another cluster inherits %s", cluster_name(cluster),
                       replica_gvr(replica)->resource);
}

/* As seldom as a disk that is slow. */
static void on_write(void *arg)
{
    struct site *site = arg;
    keep_write(site->keep, site->informer);
    timer_start(&site->write, (int64_t)world_dice(site->world, 20 * LOOP_SECOND));
}

static void restore(struct site *site)
{
    timer_init(&site->write, site->world->loop, on_write, site);
    if (!site->keep)
        return;
    for (int i = 0; i < site->world->kube_count; i++)
        snprintf(site->uids[i], sizeof(site->uids[i]), "%s",
                 keep_uid(site->keep, site->world->kubes[i].name));
    if (keep_restore(site->keep, site->informer))
        world_cover(site->world, COVER_KEPT);
    timer_start(&site->write, LOOP_SECOND);
}

/* A replica that says it is synced need not equal the cluster at this moment, but it is never empty by
 * accident: that, and everything else, the witnesses see. */
static const struct informer_ops site_ops = {
    .wanted = on_wanted, .cluster = on_cluster, .replica = on_replica, .dropped = on_dropped};

/* In a quarter of the seeds the others run under the name of the first. */
static const char *participant(struct world *world, int index)
{
    bool namesake = index > 0 && world->options.seed % 4 == 1;
    if (namesake)
        world_cover(world, COVER_NAMESAKES);
    return actor_name(&world->informers[namesake ? 0 : index]);
}

static void *site_start(struct world *world, int index)
{
    const char *name = actor_name(&world->informers[index]);
    struct site *site = mem_zalloc(sizeof(*site));
    struct loopback_options options = {.name = name, .max_payload = world->max_payload};
    struct log *log = world->options.verbose ? &world->log : NULL;
    site->world = world;
    site->index = index;
    site->attic = world_attic(world);
    site->transport = loopback_create(world->broker, &options);
    site->connection = connection_over(site->transport, log, "loopback");
    struct informer_options informer = {
        .name = participant(world, index),
        .topics = world_topics(),
        .encoding = world->encoding,
        .attic = site->attic,
        .slice_objects = 1 + world_dice(world, 8),
        .replay_held = world->impatient ? 1 + (size_t)world_dice(world, 8) : 0,
        .lease_s = 20 + (int64_t)world_dice(world, 40),
        .log = log,
    };
    if (world->options.seed % 2) {
        char second[32];
        snprintf(second, sizeof(second), "%s" ACTOR_TRANSFERS, name);
        options.name = second;
        site->transfers = connection_over(loopback_create(world->broker, &options), log, "loopback");
    }
    site->informer = inlet_create(world->loop, site->connection, site->transfers, &informer, &site_ops, site);
    site->keep = world->keeps[index];
    restore(site);
    connection_start(site->connection);
    if (site->transfers)
        connection_start(site->transfers);
    return site;
}

static void site_end(void *process, bool graceful)
{
    struct site *site = process;
    world_count_informer(site->world, informer_stats(site->informer));
    timer_stop(&site->write);
    if (graceful && site->keep)
        keep_write(site->keep, site->informer);
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        witness_destroy(site->witnesses[i]);
    informer_destroy(site->informer);
    if (!graceful)
        loopback_doom(site->transport);
    connection_destroy(site->connection);
    connection_destroy(site->transfers);
    attic_destroy(site->attic);
    free(site);
}

static struct transport *site_transport(void *process)
{
    return ((struct site *)process)->transport;
}

static struct transport *site_transfers(void *process)
{
    const struct site *site = process;
    return site->transfers ? connection_transport(site->transfers) : NULL;
}

const struct actor_ops informer_actor = {site_start, site_end, site_transport, site_transfers};

struct informer *informer_process_informer(const void *process)
{
    return ((const struct site *)process)->informer;
}
