/*
 * One provider, as we see it: which run of it (boot) we follow, whether it is alive, and its catalogs.
 *
 * A boot is adopted from a presence only, which says which cluster it is. A new boot of the same cluster is a
 * restart and is followed at once. One of another cluster under the same name, or one that we had left
 * before, has to wait until the one that we follow has said goodbye or been silent for a while: that is two
 * providers with one name, or an old message come late.
 */
#include "informer/informer_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define HEARTBEAT_MIN_MS 1000
#define HEARTBEAT_MAX_MS 600000
#define SILENT_BEATS 3
#define WHOIS_US (2 * LOOP_SECOND)
#define WHOIS_INTERVAL_US LOOP_MS /* to all together */
#define WHOIS_BURST 1000
#define CONFLICT_LOG_US (30 * LOOP_SECOND)
#define CROWDED_LOG_US (60 * LOOP_SECOND)
#define STATE_LOG_US (10 * LOOP_SECOND)
#define STATE_LOG_BURST 10

static void tell(struct informer_cluster *cluster)
{
    struct informer *informer = cluster->informer;
    if (informer->ops->cluster)
        informer->ops->cluster(informer->arg, cluster);
}

static int64_t silence_us(const struct informer_cluster *cluster)
{
    int64_t beat_ms = cluster->presence.heartbeat_ms;
    if (beat_ms < HEARTBEAT_MIN_MS)
        beat_ms = HEARTBEAT_MIN_MS;
    if (beat_ms > HEARTBEAT_MAX_MS)
        beat_ms = HEARTBEAT_MAX_MS;
    return SILENT_BEATS * beat_ms * LOOP_MS;
}

/* A provider that says now this and now that does not fill the log. */
static void report_state(struct informer_cluster *cluster, const char *text)
{
    struct informer *informer = cluster->informer;
    if (allowance_take(&cluster->state_log, loop_now_us(informer->loop), STATE_LOG_US, STATE_LOG_BURST))
        log_info(informer->options.log, "informer", "%s: %s", cluster->name, text);
}

static void set_alive(struct informer_cluster *cluster, bool alive)
{
    if (cluster->alive == alive)
        return;
    cluster->alive = alive;
    /* In the plain form, which has no check, a bit flipped may have made one too high, and all that come
     * after it late: so whoever has gone silent begins anew. */
    for (struct catalog *catalog = cluster->catalogs; catalog && !alive; catalog = catalog->next)
        catalog->beat = 0;
    if (!alive)
        timer_stop(&cluster->silence);
    report_state(cluster, alive ? "alive" : "silent: its objects are stale");
    tell(cluster);
}

static void on_silence(void *arg)
{
    set_alive(arg, false);
}

static void heard(struct informer_cluster *cluster)
{
    cluster->heard_us = loop_now_us(cluster->informer->loop);
    timer_start(&cluster->silence, silence_us(cluster));
}

static void report_crowded(struct informer *informer, const char *name)
{
    informer->stats.clusters_refused++;
    if (allowance_take(&informer->crowded_log, loop_now_us(informer->loop), CROWDED_LOG_US, 1))
        log_error(
            informer->options.log, "informer",
            "%s: left out: %zu clusters are known already, and more are not followed; start again if some "
            "of them are gone",
            name, informer->options.clusters_max);
}

static int64_t wall_s(const struct informer *informer)
{
    return loop_wall_us(informer->loop) / LOOP_SECOND;
}

struct informer_cluster *cluster_get(struct informer *informer, const char *name)
{
    struct informer_cluster *cluster;
    HASH_FIND_STR(informer->clusters, name, cluster);
    if (cluster)
        return cluster;
    if (HASH_COUNT(informer->clusters) >= informer->options.clusters_max) {
        report_crowded(informer, name);
        return NULL;
    }
    cluster = mem_zalloc(sizeof(*cluster));
    cluster->informer = informer;
    cluster->since_s = wall_s(informer);
    snprintf(cluster->name, sizeof(cluster->name), "%s", name);
    timer_init(&cluster->silence, informer->loop, on_silence, cluster);
    want_init(cluster);
    departure_init(cluster);
    HASH_ADD_STR(informer->clusters, name, cluster);
    return cluster;
}

void cluster_known(struct informer_cluster *cluster, const struct record *record)
{
    struct presence *presence = &cluster->presence;
    if (record->since_s && record->since_s < cluster->since_s)
        cluster->since_s = record->since_s;
    if (cluster->boot || presence->cluster[0])
        return;
    snprintf(presence->cluster, sizeof(presence->cluster), "%s", record->uid);
    snprintf(presence->version, sizeof(presence->version), "%s", record->version);
    tell(cluster);
}

static void catalogs_free(struct informer_cluster *cluster)
{
    for (struct catalog *catalog = cluster->catalogs, *next; catalog; catalog = next) {
        next = catalog->next;
        free(catalog->early.entries);
        free(catalog->replicas);
        free(catalog);
    }
    cluster->catalogs = NULL;
}

void cluster_destroy(struct informer_cluster *cluster)
{
    while (cluster->replicas)
        replica_destroy(cluster->replicas);
    catalogs_free(cluster);
    timer_stop(&cluster->silence);
    want_deinit(cluster);
    departure_deinit(cluster);
    HASH_DEL(cluster->informer->clusters, cluster);
    free(cluster);
}

/* Asks for presence and catalog. Not more often than every other second, whatever the reason; and however
 * many names there are, not all at once: each heartbeat is a reason anew. */
void cluster_whois(struct informer_cluster *cluster)
{
    struct informer *informer = cluster->informer;
    int64_t now = loop_now_us(informer->loop);
    if (cluster->whois_us && now - cluster->whois_us < WHOIS_US)
        return;
    if (!allowance_take(&informer->whois, now, WHOIS_INTERVAL_US, WHOIS_BURST))
        return;
    struct message whois = {.kind = MESSAGE_WHOIS};
    if (informer_signal(informer, cluster->name, &whois)) {
        cluster->whois_us = now;
        informer->stats.whois++;
    }
}

void cluster_report_conflict(struct informer_cluster *cluster, uint64_t other)
{
    struct informer *informer = cluster->informer;
    informer->stats.conflicts++;
    if (!allowance_take(&cluster->conflict_log, loop_now_us(informer->loop), CONFLICT_LOG_US, 1))
        return;
    log_warn(informer->options.log, "informer",
             "%s: two providers publish under this name (the other one: %016" PRIx64
             "); give each cluster a name of its own",
             cluster->name, other);
}

/* ---- presence ---- */

static bool was_superseded(const struct informer_cluster *cluster, uint64_t boot)
{
    for (int i = 0; i < SUPERSEDED_MAX; i++)
        if (cluster->superseded[i] == boot)
            return true;
    return false;
}

/* Only known uids tell: a provider that cannot reach its API server yet does not know its own. */
static bool is_other_cluster(const struct informer_cluster *cluster, const struct presence *presence)
{
    return cluster->presence.cluster[0] && presence->cluster[0] &&
           strcmp(cluster->presence.cluster, presence->cluster) != 0;
}

static bool may_adopt(const struct informer_cluster *cluster, uint64_t boot, const struct presence *presence)
{
    if (cluster->boot == 0 || loop_now_us(cluster->informer->loop) - cluster->heard_us > silence_us(cluster))
        return true;
    return !cluster->alive || (!was_superseded(cluster, boot) && !is_other_cluster(cluster, presence));
}

/* The same name, another cluster: nothing of the old one holds for it. */
static bool forget_objects(struct informer_cluster *cluster)
{
    if (cluster->replicas && !cluster->departing)
        report_state(cluster, "is another cluster now: starting from nothing");
    catalogs_free(cluster);
    return cluster_depart(cluster);
}

/* What was known of the streams was known of the run before: this one may not even have looked yet. */
static void adopt(struct informer_cluster *cluster, uint64_t boot)
{
    struct informer_replica *replica;
    DL_FOREACH(cluster->replicas, replica)
    replica->state = STREAM_STARTING;
    memmove(&cluster->superseded[1], &cluster->superseded[0], sizeof(cluster->superseded) - sizeof(uint64_t));
    cluster->superseded[0] = cluster->boot;
    cluster->boot = boot;
    cluster->uid_stated = false;
    cluster->heard_us = loop_now_us(cluster->informer->loop);
    catalogs_free(cluster);
}

/* To be another cluster has to be said twice: it takes all objects away, and stands on nothing but these
 * bytes, which the plain encoding does not even have a check for. */
static bool claimed_before(struct informer_cluster *cluster, uint64_t boot, const struct presence *presence)
{
    if (cluster->claim_boot == boot && strcmp(cluster->claim_cluster, presence->cluster) == 0)
        return true;
    cluster->claim_boot = boot;
    memcpy(cluster->claim_cluster, presence->cluster, sizeof(cluster->claim_cluster));
    return false;
}

static void presence_take(struct informer_cluster *cluster, struct presence *presence)
{
    cluster->claim_boot = 0;
    if (is_other_cluster(cluster, presence)) {
        cluster->since_s = wall_s(cluster->informer);
        cluster_whois(cluster);
    }
    if (presence->cluster[0])
        cluster->uid_stated = true;
    else
        memcpy(presence->cluster, cluster->presence.cluster, sizeof(presence->cluster));
    cluster->presence = *presence;
    tell(cluster);
}

void cluster_presence(struct informer_cluster *cluster, const struct message *message)
{
    struct presence presence;
    if (message->boot == 0 || presence_parse(message->body, &presence) != 0) {
        informer_malformed(cluster->informer, cluster->name);
        return;
    }
    if (!presence.alive) {
        if (message->boot == cluster->boot)
            set_alive(cluster, false);
        return;
    }
    bool follow = message->boot == cluster->boot, other = is_other_cluster(cluster, &presence);
    if (!follow && !may_adopt(cluster, message->boot, &presence)) {
        cluster_report_conflict(cluster, message->boot);
        return;
    }
    if (follow && other && cluster->uid_stated) { /* no run changes its cluster */
        informer_malformed(cluster->informer, cluster->name);
        return;
    }
    if (other && !claimed_before(cluster, message->boot, &presence)) {
        cluster_whois(cluster);
        return;
    }
    if (other && !forget_objects(cluster)) /* it is heard again once they are gone */
        return;
    if (!follow) {
        adopt(cluster, message->boot);
        cluster_whois(cluster);
    }
    presence_take(cluster, &presence);
}

/* ---- catalog ---- */

/* One that is not known yet is empty. */
static struct catalog *catalog_get(struct informer_cluster *cluster, const char *audience)
{
    struct catalog *catalog = cluster->catalogs;
    while (catalog && strcmp(catalog->audience, audience) != 0)
        catalog = catalog->next;
    if (catalog)
        return catalog;
    catalog = mem_zalloc(sizeof(*catalog));
    snprintf(catalog->audience, sizeof(catalog->audience), "%s", audience);
    catalog->next = cluster->catalogs;
    cluster->catalogs = catalog;
    return catalog;
}

/* NULL where it is not wanted, or one too many. */
static struct informer_replica *catalog_create(struct informer_cluster *cluster, const char *audience,
                                               const struct catalog_entry *entry)
{
    struct informer *informer = cluster->informer;
    if (informer->ops->wanted && !informer->ops->wanted(informer->arg, cluster->name, &entry->gvr))
        return NULL;
    return bounds_stream(cluster, &entry->gvr) ? replica_create(cluster, audience, entry) : NULL;
}

/* Those that we have and it lists; others of its audience are listed no more. */
static void catalog_match(struct informer_cluster *cluster, struct catalog *catalog,
                          const struct catalog_entry *entries)
{
    struct informer_replica *replica, *next;
    DL_FOREACH(cluster->replicas, replica)
    replica->seen = false;
    for (size_t i = 0; i < catalog->count; i++) {
        replica = catalog->replicas[i] = cluster_find(cluster, catalog->audience, &entries[i].gvr);
        if (replica)
            replica->seen = replica->listed = true;
    }
    DL_FOREACH_SAFE(cluster->replicas, replica, next)
    if (strcmp(replica->audience, catalog->audience) == 0 && !replica->seen)
        replica_unlisted(replica, catalog->complete);
    bounds_forget_streams(cluster);
}

static void catalog_fill(struct informer_cluster *cluster, struct catalog *catalog,
                         const struct catalog_entry *entries, size_t count)
{
    free(catalog->replicas);
    catalog->replicas = mem_zalloc(sizeof(struct informer_replica *) * (count + 1));
    catalog->count = count;
    catalog_match(cluster, catalog, entries);
    for (size_t i = 0; i < count; i++)
        if (!catalog->replicas[i])
            catalog->replicas[i] = catalog_create(cluster, catalog->audience, &entries[i]);
    for (size_t i = 0; i < count; i++)
        if (catalog->replicas[i])
            replica_announced(catalog->replicas[i], &entries[i]);
}

static void catalog_heartbeat(struct catalog *catalog, const struct heartbeat_entry *entries)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->replicas[i])
            replica_heartbeat(catalog->replicas[i], &entries[i]);
}

/* What no catalog lists no heartbeat names: if its sync came to nothing in a silence, that is over. */
static void ask_for_unlisted(struct informer_cluster *cluster)
{
    struct informer_replica *replica, *next;
    DL_FOREACH_SAFE(cluster->replicas, replica, next)
    if (!replica->listed && replica->phase == REPLICA_IDLE)
        sync_want(replica);
}

/* Takes the entries. */
static void early_set(struct catalog *catalog, uint64_t hash, struct heartbeat_entry *entries, size_t count)
{
    free(catalog->early.entries);
    catalog->early = (struct early_heartbeat){hash, entries, count};
}

static void early_release(struct catalog *catalog)
{
    struct early_heartbeat early = catalog->early;
    if (!early.entries || early.catalog != catalog->hash || early.count != catalog->count)
        return;
    catalog->early = (struct early_heartbeat){0};
    catalog_heartbeat(catalog, early.entries);
    free(early.entries);
}

void cluster_catalog(struct informer_cluster *cluster, const char *audience, const struct message *message)
{
    struct catalog_entry *entries = NULL;
    size_t count;
    bool complete;
    if (cluster->departing) /* departure.c */
        return;
    if (cluster->boot == 0 || message->boot != cluster->boot) {
        cluster->informer->stats.foreign += cluster->boot != 0;
        cluster_whois(cluster);
        return;
    }
    if (catalog_parse(message->body, &complete, &entries, &count) != 0) {
        informer_malformed(cluster->informer, cluster->name);
        return;
    }
    struct catalog *catalog = catalog_get(cluster, audience);
    if (message->revision < catalog->revision) { /* it comes late, and proves nothing */
        cluster->informer->stats.catalogs_old++;
        free(entries);
        return;
    }
    heard(cluster);
    set_alive(cluster, true);
    catalog->hash = catalog_hash(message->body);
    catalog->revision = message->revision;
    catalog->named_us = cluster->heard_us;
    catalog->complete = complete;
    catalog_fill(cluster, catalog, entries, count);
    free(entries);
    early_release(catalog);
    cluster_settle(cluster);
}

/* ---- heartbeat ---- */

/* The heartbeat is late, or the catalog that it names has been overtaken or lost. But where ours is not named
 * for so long, what would take its place may pass for older: the plain form has no check, and any revision
 * may have been heard. */
static void catalog_misnamed(struct informer_cluster *cluster, struct catalog *catalog)
{
    if (loop_now_us(cluster->informer->loop) - catalog->named_us > silence_us(cluster))
        catalog->revision = 0;
    cluster_whois(cluster);
}

void cluster_heartbeat(struct informer_cluster *cluster, const char *audience, const struct message *message)
{
    struct heartbeat_entry *entries = NULL;
    size_t count;
    if (cluster->boot == 0 || message->boot != cluster->boot) {
        cluster->informer->stats.foreign += cluster->boot != 0;
        cluster_whois(cluster);
        return;
    }
    if (heartbeat_parse(message->body, &entries, &count) != 0) {
        informer_malformed(cluster->informer, cluster->name);
        return;
    }
    struct catalog *catalog = catalog_get(cluster, audience);
    if (message->revision && message->revision <= catalog->beat) { /* overtaken, or once more */
        cluster->informer->stats.duplicates++;
        free(entries);
        return;
    }
    catalog->beat = message->revision;
    heard(cluster);
    set_alive(cluster, true);
    if (catalog->hash != message->catalog || catalog->count != count) {
        early_set(catalog, message->catalog, entries, count);
        catalog_misnamed(cluster, catalog);
        return;
    }
    catalog->named_us = cluster->heard_us;
    early_set(catalog, 0, NULL, 0);
    catalog_heartbeat(catalog, entries);
    free(entries);
    ask_for_unlisted(cluster);
    cluster_settle(cluster);
}

/* ---- access ---- */

struct informer_cluster *informer_next_cluster(const struct informer *informer,
                                               const struct informer_cluster *cluster)
{
    return cluster ? cluster->hh.next : informer->clusters;
}

const char *cluster_name(const struct informer_cluster *cluster)
{
    return cluster->name;
}

const char *cluster_uid(const struct informer_cluster *cluster)
{
    return cluster->presence.cluster;
}

const char *cluster_version(const struct informer_cluster *cluster)
{
    return cluster->presence.version;
}

int64_t cluster_since_s(const struct informer_cluster *cluster)
{
    return cluster->since_s;
}

bool cluster_alive(const struct informer_cluster *cluster)
{
    return cluster->alive;
}

bool cluster_complete(const struct informer_cluster *cluster)
{
    bool complete = cluster->alive && cluster->catalogs;
    for (const struct catalog *catalog = cluster->catalogs; catalog; catalog = catalog->next)
        complete = complete && catalog->complete;
    return complete;
}

/* Nothing better is to be had for now. */
static bool is_settled(const struct informer_replica *replica)
{
    bool refused = replica->state == STREAM_FORBIDDEN || replica->state == STREAM_UNAVAILABLE;
    return !replica->listed || replica->phase == REPLICA_LIVE || (!replica->announced_epoch && refused);
}

bool cluster_synced(const struct informer_cluster *cluster)
{
    bool settled = cluster_complete(cluster);
    const struct informer_replica *replica;
    DL_FOREACH(cluster->replicas, replica)
    settled = settled && is_settled(replica);
    return settled;
}

bool cluster_fresh(const struct informer_cluster *cluster)
{
    bool fresh = cluster_synced(cluster);
    const struct informer_replica *replica;
    DL_FOREACH(cluster->replicas, replica)
    fresh = fresh && (replica->phase != REPLICA_LIVE || replica_synced(replica));
    return fresh;
}

void cluster_settle(struct informer_cluster *cluster)
{
    cluster->was_synced = cluster->was_synced || cluster_synced(cluster);
}

struct informer_replica *cluster_next_replica(const struct informer_cluster *cluster,
                                              const struct informer_replica *replica)
{
    return replica ? replica->next : cluster->replicas;
}
