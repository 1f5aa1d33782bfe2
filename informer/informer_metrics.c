/* What an informer counts, as it is shown. */
#include "base/mem.h"
#include "informer/informer_internal.h"

#define LABELS_LIMIT 2048
#define PART_CLUSTERS 8
#define NAMES_MAX 10
#define ANSWERS_US (3 * LOOP_SECOND) /* until it is likely that nobody is there */
#define ANSWER(name) "answer=\"" name "\""
#define REASON(name) "reason=\"" name "\""

static const struct metric events =
    METRIC_COUNTER("transport_informer_informer_events_total", "Changes of objects in replicas.");
static const struct metric patched =
    METRIC_COUNTER("transport_informer_informer_patched_events_total",
                   "Events that were told as what changed since the one before.");
static const struct metric deltas =
    METRIC_COUNTER("transport_informer_informer_deltas_total", "Messages with changes that were applied.");
static const struct metric unfit =
    METRIC_COUNTER("transport_informer_informer_unfit_deltas_total",
                   "Times that a change could not be applied to what is here, by reason: one before it is "
                   "missing (gap), another state would come out (root), or the object that it changes is "
                   "missing (base).");
static const struct metric syncs =
    METRIC_COUNTER("transport_informer_informer_syncs_total", "Syncs that were asked for.");
static const struct metric answers =
    METRIC_COUNTER("transport_informer_informer_sync_answers_total",
                   "Syncs that came to an end, by how: equal, repair (of the buckets that "
                   "differ), snapshot, ended (there is no such stream), or failed.");
static const struct metric haves =
    METRIC_COUNTER("transport_informer_informer_haves_total", "Messages of repairs that told what is here.");
static const struct metric delayed =
    METRIC_COUNTER("transport_informer_informer_syncs_delayed_total",
                   "Syncs that were put off, since a provider makes us sync too often.");
static const struct metric dropped =
    METRIC_COUNTER("transport_informer_informer_dropped_total",
                   "What was dropped, by reason: messages that came twice (duplicate), waited in "
                   "vain for one before them (held), are of a run that is not followed (foreign), "
                   "are old (old_catalog), were not asked for (unasked), do not decode "
                   "(malformed), lack parts (parts), are too many (excess), or pass bounds "
                   "(refused, stream_refused, cluster_refused); and signals that the broker's "
                   "queue refused (unsent).");
static const struct metric namesakes =
    METRIC_COUNTER("transport_informer_informer_namesake_answers_total",
                   "Answers to other informers of the same name; unasked, too.");
static const struct metric conflicts = METRIC_COUNTER("transport_informer_informer_conflicts_total",
                                                      "Times that two providers of one name were heard.");
static const struct metric whois =
    METRIC_COUNTER("transport_informer_informer_whois_total", "Times that was asked who is there.");
static const struct metric misinstalled =
    METRIC_COUNTER("transport_informer_informer_misinstalled_total",
                   "Snapshots put in place that were not what had been verified: a fault of this program.");

static const struct metric promised =
    METRIC_GAUGE("transport_informer_informer_answers_promised",
                 "Messages of answers that providers may send now: the credit in use.");
static const struct metric queued =
    METRIC_GAUGE("transport_informer_informer_syncs_queued", "Replicas that wait for their turn to sync.");
static const struct metric syncing =
    METRIC_GAUGE("transport_informer_informer_syncs_running", "Replicas that have asked for a sync.");

static const struct metric cluster_info =
    METRIC_GAUGE("transport_informer_cluster_info",
                 "1; a cluster that is known, its version of Kubernetes and its uid.");
static const struct metric cluster_connected =
    METRIC_GAUGE("transport_informer_cluster_connected", "1 while a cluster's provider is heard.");
static const struct metric cluster_is_synced =
    METRIC_GAUGE("transport_informer_cluster_synced",
                 "1 while all that may be had of a cluster is here, and up to date.");

static const struct metric replica_objects =
    METRIC_GAUGE("transport_informer_replica_objects", "Objects of a replica.");
static const struct metric replica_is_synced =
    METRIC_GAUGE("transport_informer_replica_synced",
                 "1 while a replica is known to be what its provider has.");
static const struct metric replica_age = METRIC_GAUGE(
    "transport_informer_replica_age_seconds",
    "Time since the cluster's API server was last heard about a resource, as far as is known here.");
static const struct metric replica_lag =
    METRIC_GAUGE("transport_informer_replica_lag_events",
                 "How many events a replica is behind what its provider has told of last.");
static const struct metric replica_messages =
    METRIC_COUNTER("transport_informer_replica_messages_total",
                   "Messages of a replica's stream, and answers to its syncs.");
static const struct metric replica_bytes =
    METRIC_COUNTER("transport_informer_replica_bytes_total", "Payloads of a replica's messages, in bytes.");
static const struct metric replica_events =
    METRIC_COUNTER("transport_informer_replica_events_total", "Changes of a replica's objects.");
static const struct metric replica_syncs =
    METRIC_COUNTER("transport_informer_replica_syncs_total", "Syncs of a replica that were asked for.");
static const struct metric replica_answers =
    METRIC_COUNTER("transport_informer_replica_sync_answers_total",
                   "Syncs of a replica that came to an end, by how.");
static const struct metric replica_unfit =
    METRIC_COUNTER("transport_informer_replica_unfit_deltas_total",
                   "Times that a change could not be applied to a replica, by reason.");
static const struct metric replica_dropped =
    METRIC_COUNTER("transport_informer_replica_dropped_total",
                   "What was dropped of a replica's messages, by reason.");

const struct informer_stats *informer_stats(const struct informer *informer)
{
    return &informer->stats;
}

void informer_counters(const struct informer *informer, struct counters *out)
{
#define STAT(...) COUNTER(struct informer_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(events, &events),
        STAT(patched, &patched),
        STAT(deltas, &deltas),
        STAT(duplicates, &dropped, REASON("duplicate")),
        STAT(gaps, &unfit, REASON("gap")),
        STAT(divergences, &unfit, REASON("root")),
        STAT(bases_missing, &unfit, REASON("base")),
        STAT(held_dropped, &dropped, REASON("held")),
        STAT(syncs, &syncs),
        STAT(syncs_equal, &answers, ANSWER("equal")),
        STAT(syncs_repair, &answers, ANSWER("repair")),
        STAT(syncs_ended, &answers, ANSWER("ended")),
        STAT(haves, &haves),
        STAT(syncs_snapshot, &answers, ANSWER("snapshot")),
        STAT(syncs_failed, &answers, ANSWER("failed")),
        STAT(syncs_delayed, &delayed),
        STAT(foreign, &dropped, REASON("foreign")),
        STAT(catalogs_old, &dropped, REASON("old_catalog")),
        STAT(unasked, &dropped, REASON("unasked")),
        STAT(namesakes, &namesakes),
        STAT(malformed, &dropped, REASON("malformed")),
        STAT(parts_given_up, &dropped, REASON("parts")),
        STAT(excess, &dropped, REASON("excess")),
        STAT(refused, &dropped, REASON("refused")),
        STAT(streams_refused, &dropped, REASON("stream_refused")),
        STAT(clusters_refused, &dropped, REASON("cluster_refused")),
        STAT(conflicts, &conflicts),
        STAT(whois, &whois),
        STAT(misinstalled, &misinstalled),
        STAT(unsent, &dropped, REASON("unsent")),
    };
#undef STAT
    _Static_assert(sizeof(struct informer_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    counters_add(out, "informer", "", list, array_size(list), &informer->stats);
    if (!out->metrics)
        return;
    metrics_number(out->metrics, &promised, NULL, informer->promised);
    metrics_number(out->metrics, &queued, NULL, informer->queued);
    metrics_number(out->metrics, &syncing, NULL, informer->syncing);
}

/* ---- replicas ---- */

/* What comes only with trouble shows once there is some. */
static void add_replica_counters(const struct informer_replica *replica, const char *labels,
                                 struct metrics *out)
{
#define STAT(...) COUNTER(struct replica_stats, __VA_ARGS__)
    static const struct counter always[] = {
        STAT(messages, &replica_messages),
        STAT(bytes, &replica_bytes),
        STAT(events, &replica_events),
        STAT(syncs, &replica_syncs),
    };
    static const struct counter sparse[] = {
        STAT(syncs_equal, &replica_answers, ANSWER("equal")),
        STAT(syncs_repair, &replica_answers, ANSWER("repair")),
        STAT(syncs_snapshot, &replica_answers, ANSWER("snapshot")),
        STAT(syncs_failed, &replica_answers, ANSWER("failed")),
        STAT(gaps, &replica_unfit, REASON("gap")),
        STAT(divergences, &replica_unfit, REASON("root")),
        STAT(bases_missing, &replica_unfit, REASON("base")),
        STAT(duplicates, &replica_dropped, REASON("duplicate")),
        STAT(held_dropped, &replica_dropped, REASON("held")),
        STAT(foreign, &replica_dropped, REASON("foreign")),
        STAT(refused, &replica_dropped, REASON("refused")),
    };
#undef STAT
    _Static_assert(sizeof(struct replica_stats) ==
                       (array_size(always) + array_size(sparse)) * sizeof(uint64_t),
                   "one is missing");
    counters_add(&(struct counters){.metrics = out}, "replica", labels, always, array_size(always),
                 &replica->stats);
    counters_add(&(struct counters){.metrics = out, .sparse = true}, "replica", labels, sparse,
                 array_size(sparse), &replica->stats);
}

/* -1: it is not followed just now. */
static int64_t lag_of(const struct informer_replica *replica)
{
    if (replica->phase != REPLICA_LIVE && replica->phase != REPLICA_INSTALLING)
        return -1;
    return replica->beat_sequence > replica->sequence ? (int64_t)(replica->beat_sequence - replica->sequence)
                                                      : 0;
}

static void add_replica(const struct informer_replica *replica, struct metrics *out)
{
    struct replica_freshness freshness = replica_freshness(replica);
    struct buf labels = BUF_INIT(LABELS_LIMIT);
    topics_labels(replica->cluster->name, replica->audience, &replica->gvr, &labels);
    metrics_number(out, &replica_objects, labels.data, store_count(replica->store));
    metrics_number(out, &replica_is_synced, labels.data, freshness.synced);
    if (lag_of(replica) >= 0)
        metrics_number(out, &replica_lag, labels.data, (uint64_t)lag_of(replica));
    if (freshness.age_s >= 0)
        metrics_number(out, &replica_age, labels.data, (uint64_t)freshness.age_s);
    add_replica_counters(replica, labels.data, out);
    buf_deinit(&labels);
}

static void add_cluster(const struct informer_cluster *cluster, struct metrics *out)
{
    const struct informer_replica *replica;
    struct buf labels = BUF_INIT(LABELS_LIMIT);
    metric_label(&labels, "cluster", cluster->name);
    metrics_number(out, &cluster_connected, labels.data, cluster->alive);
    metrics_number(out, &cluster_is_synced, labels.data, cluster_fresh(cluster));
    metric_label(&labels, "kubernetes", cluster_version(cluster));
    metric_label(&labels, "uid", cluster_uid(cluster));
    metrics_number(out, &cluster_info, labels.data, 1);
    DL_FOREACH(cluster->replicas, replica)
    add_replica(replica, out);
    buf_deinit(&labels);
}

/* Clusters are never given up, so that the n-th one stays the n-th. */
bool informer_metrics(const struct informer *informer, struct metrics *out, size_t part)
{
    const struct informer_cluster *cluster = informer->clusters;
    for (size_t skip = part * PART_CLUSTERS; cluster && skip; skip--)
        cluster = cluster->hh.next;
    for (size_t i = 0; cluster && i < PART_CLUSTERS; i++, cluster = cluster->hh.next)
        add_cluster(cluster, out);
    return cluster != NULL;
}

/* ---- ready ---- */

/* Of those that are heard; the names of some of them. */
static size_t count_unsynced(const struct informer *informer, struct buf *names)
{
    size_t count = 0;
    for (const struct informer_cluster *cluster = informer->clusters; cluster; cluster = cluster->hh.next) {
        if (!cluster->alive || cluster->was_synced)
            continue;
        if (count < NAMES_MAX)
            buf_appendf(names, "%s%s", count ? ", " : "", cluster->name);
        count++;
    }
    if (count > NAMES_MAX)
        buf_append_str(names, ", …");
    return count;
}

void informer_ready(const struct informer *informer, struct checks *out)
{
    struct buf names = BUF_INIT(LABELS_LIMIT), reason = BUF_INIT(LABELS_LIMIT);
    size_t unsynced = count_unsynced(informer, &names);
    int64_t asked_us = informer->asked_us ? loop_now_us(informer->loop) - informer->asked_us : 0;
    if (unsynced)
        buf_appendf(&reason, "%zu of %u have not been synced yet: %s", unsynced,
                    HASH_COUNT(informer->clusters), names.data);
    else if (!informer->clusters && asked_us < ANSWERS_US)
        buf_append_str(&reason, "none is heard yet");
    checks_add(out, "clusters", reason.data);
    buf_deinit(&names);
    buf_deinit(&reason);
}
