/*
 * A provider is trusted about its own cluster, and may be broken or hostile all the same. What it can make us
 * keep is bounded for each of them, so that the others do not pay for it: streams, objects, bytes, deltas
 * that are held; and how often it can make us work: announcements by their bytes, syncs by their number.
 */
#include "informer/bounds.h"

#include <inttypes.h>

#include "base/mem.h"
#include "informer/informer_internal.h"

#define ANNOUNCING_INTERVAL_US 1000 /* a KiB of presence, catalog or heartbeat */
#define ANNOUNCING_BURST 8192
#define SYNCS_INTERVAL_US (10 * LOOP_MS)
#define SYNCS_BURST (4 * CATALOG_STREAMS_MAX)
#define REFUSED_LOG_US (30 * LOOP_SECOND)

static const struct option_spec specs[] = {
    {.name = "cluster-objects",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "1000000",
     .least = 1,
     .most = INT64_C(1) << 40,
     .help = "so many objects of one cluster at most; a resource whose objects would be more stays as it was "
             "last, stale",
     .offset = offsetof(struct bounds_options, objects)},
    {.name = "cluster-size",
     .type = OPTION_SIZE,
     .value = "SIZE",
     .fallback = "4096MiB",
     .least = 1,
     .most = INT64_C(1) << 50,
     .help = "the same in bytes of JSON",
     .offset = offsetof(struct bounds_options, size)},
};

struct option_group bounds_option_group(struct bounds_options *options)
{
    return (struct option_group){"Bounds", specs, array_size(specs), options};
}

bool bounds_announcing(struct informer_cluster *cluster, size_t len)
{
    int64_t now = loop_now_us(cluster->informer->loop), kib = (int64_t)(len >> 10) + 1;
    if (allowance_take_some(&cluster->announcing, now, ANNOUNCING_INTERVAL_US, ANNOUNCING_BURST, kib))
        return true;
    cluster->informer->stats.excess++;
    return false;
}

bool bounds_sync(struct informer_cluster *cluster)
{
    if (allowance_take(&cluster->asking, loop_now_us(cluster->informer->loop), SYNCS_INTERVAL_US,
                       SYNCS_BURST))
        return true;
    cluster->informer->stats.syncs_delayed++;
    return false;
}

/* ---- streams ---- */

static void report_refused(struct informer_cluster *cluster, const char *resource, const char *what)
{
    struct informer *informer = cluster->informer;
    if (allowance_take(&cluster->refused_log, loop_now_us(informer->loop), REFUSED_LOG_US, 1))
        log_error(informer->options.log, "informer", "%s %s: refused: %s", cluster->name, resource, what);
}

bool bounds_stream(struct informer_cluster *cluster, const struct gvr *gvr)
{
    struct informer *informer = cluster->informer;
    if (cluster->replica_count < STREAMS_OF_CLUSTER_MAX &&
        informer->replica_count < informer->options.streams_max)
        return true;
    informer->stats.streams_refused++;
    report_refused(cluster, gvr->resource,
                   cluster->replica_count >= STREAMS_OF_CLUSTER_MAX
                       ? "its provider has announced more streams than any cluster has resources"
                       : "all providers together announce more streams than can be followed");
    return false;
}

/* A catalog that changes again and again would leave behind what nobody announces any more. What holds no
 * object is no loss. */
void bounds_forget_streams(struct informer_cluster *cluster)
{
    struct informer_replica *replica, *next;
    if (cluster->replica_count <= CATALOG_STREAMS_MAX)
        return;
    DL_FOREACH_SAFE(cluster->replicas, replica, next)
    if (!replica->listed && store_count(replica->store) == 0)
        replica_drop(replica);
}

/* ---- objects ---- */

void bounds_account(struct informer_replica *replica)
{
    struct informer_cluster *cluster = replica->cluster;
    cluster->objects += store_count(replica->store) - replica->counted_objects;
    cluster->size += store_size(replica->store) - replica->counted_size;
    replica->counted_objects = store_count(replica->store);
    replica->counted_size = store_size(replica->store);
}

static bool fits(const struct informer_replica *replica, uint64_t objects, uint64_t size)
{
    const struct informer_cluster *cluster = replica->cluster;
    const struct informer_options *options = &replica->informer->options;
    return cluster->objects - replica->counted_objects + objects <= options->objects_max &&
           cluster->size - replica->counted_size + size <= options->size_max;
}

bool bounds_fit_snapshot(const struct informer_replica *replica, const struct snapshot *snapshot,
                         uint64_t count)
{
    uint64_t have = store_count(snapshot_state(snapshot));
    return fits(replica, count > have ? count : have, snapshot_size(snapshot));
}

/* How much larger the store is once they are applied. */
static void growth(const struct changes *changes, const struct store *store, int64_t *objects, int64_t *size)
{
    *objects = *size = 0;
    for (size_t i = 0; i < changes->count; i++) {
        const struct object *new_ = changes->list[i].object;
        const struct object *old = store_get(store, new_ ? object_key(new_) : changes->list[i].key);
        *objects += (new_ != NULL) - (old != NULL);
        *size += (int64_t)(new_ ? object_size(new_) : 0) - (int64_t)(old ? object_size(old) : 0);
    }
}

/* Far from the bound, which is nearly always, it takes no looking up. */
bool bounds_fit_changes(const struct informer_replica *replica, const struct changes *changes,
                        const struct store *target)
{
    uint64_t count = store_count(target), size = store_size(target), more = 0;
    int64_t objects, bytes;
    for (size_t i = 0; i < changes->count; i++)
        more += changes->list[i].object ? object_size(changes->list[i].object) : 0;
    if (fits(replica, count + changes->count, size + more))
        return true;
    growth(changes, target, &objects, &bytes);
    if (objects <= 0 && bytes <= 0) /* what makes room is always welcome */
        return true;
    return fits(replica, count + (uint64_t)objects, size + (uint64_t)bytes);
}

void bounds_refuse(struct informer_replica *replica)
{
    REPLICA_COUNT(replica, refused, 1);
    replica->refused = true;
    report_refused(replica->cluster, replica->gvr.resource,
                   "the cluster's objects would pass the bound (--cluster-objects, --cluster-size); what is "
                   "here stays as it was, stale");
}
