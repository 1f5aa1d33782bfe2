/*
 * The copy of one stream, and what deltas do to it.
 *
 *      IDLE ──sync admitted──▶ SYNCING ──verified──▶ INSTALLING ──▶ LIVE
 *        ▲                        │  (equal: straight to LIVE)        │
 *        └──no answer, broken─────┘                                   │
 *        └──gap, root differs, other epoch ───────────────────────────┘
 *
 * A delta that comes too early is held for a moment, since networks reorder; one that is old is dropped. A
 * delta is applied only when the root that it would lead to is the one that it promises.
 */
#include "informer/informer_internal.h"

#include <string.h>

#include "base/mem.h"
#include "informer/changes.h"

#define REORDER_US (500 * LOOP_MS)
#define BEATS_BEHIND_MAX 3
#define LAG_US (2 * LOOP_SECOND)
#define ANEW_US (10 * LOOP_SECOND)
#define ANEW_BURST 2
#define DIVERGENCE_LOG_US (10 * LOOP_SECOND)
#define HELD_MAX 256
#define DRAIN_DELTAS 4 /* in one turn: each may stand for 256 KiB of objects */
#define HELD_BYTES_MAX ((size_t)8 << 20)

static void on_reorder(void *arg);
static void on_drain(void *arg);
static void on_lag(void *arg);

static char *replica_path(const char *audience, const struct gvr *gvr)
{
    return mem_printf("%s/%s/%s/%s", audience, gvr->group, gvr->version, gvr->resource);
}

struct informer_replica *cluster_find(struct informer_cluster *cluster, const char *audience,
                                      const struct gvr *gvr)
{
    struct informer_replica *replica;
    cleanup_free char *path = replica_path(audience, gvr);
    HASH_FIND_STR(cluster->replicas_by_path, path, replica);
    return replica;
}

struct informer_replica *replica_create(struct informer_cluster *cluster, const char *audience,
                                        const struct catalog_entry *entry)
{
    struct informer *informer = cluster->informer;
    struct informer_replica *replica = mem_zalloc(sizeof(*replica));
    replica->informer = informer;
    replica->cluster = cluster;
    snprintf(replica->audience, sizeof(replica->audience), "%s", audience);
    replica->gvr = entry->gvr;
    memcpy(replica->kind, entry->kind, sizeof(replica->kind));
    replica->namespaced = entry->namespaced;
    replica->names = names_pack(&entry->names); /* who is told of the replica looks at them */
    replica->age_s = -1;
    replica->state = STREAM_STARTING;
    struct shelf *shelf = attic_shelf(informer->options.attic, &entry->gvr);
    replica->store = store_create_on(shelf);
    shelf_unref(shelf);
    timer_init(&replica->reorder, informer->loop, on_reorder, replica);
    timer_init(&replica->drain, informer->loop, on_drain, replica);
    timer_init(&replica->lag, informer->loop, on_lag, replica);
    sync_init(replica);
    replica->path = replica_path(audience, &entry->gvr);
    DL_APPEND(cluster->replicas, replica);
    HASH_ADD_KEYPTR(hh, cluster->replicas_by_path, replica->path, strlen(replica->path), replica);
    cluster->replica_count++;
    informer->replica_count++;
    if (informer->ops->replica)
        informer->ops->replica(informer->arg, replica);
    return replica;
}

static void held_free(struct informer_replica *replica, struct held *held)
{
    DL_DELETE(replica->held, held);
    replica->held_count--;
    replica->held_bytes -= held->message.body.len;
    replica->cluster->held_bytes -= held->message.body.len;
    free(held->body);
    free(held);
}

void replica_drop_held(struct informer_replica *replica)
{
    timer_stop(&replica->reorder);
    timer_stop(&replica->drain);
    while (replica->held)
        held_free(replica, replica->held);
}

void replica_destroy(struct informer_replica *replica)
{
    DL_DELETE(replica->cluster->replicas, replica);
    HASH_DEL(replica->cluster->replicas_by_path, replica);
    sync_deinit(replica);
    replica_drop_held(replica);
    timer_stop(&replica->lag);
    replica->cluster->replica_count--;
    replica->informer->replica_count--;
    replica->cluster->objects -= replica->counted_objects;
    replica->cluster->size -= replica->counted_size;
    store_destroy(replica->store);
    free(replica->path);
    free(replica->names);
    free(replica);
}

/* No catalog may go on pointing at it; one that is not listed is in none. */
void replica_drop(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    struct catalog *catalog = replica->listed ? replica->cluster->catalogs : NULL;
    for (; catalog; catalog = catalog->next)
        for (size_t i = 0; i < catalog->count; i++)
            if (catalog->replicas[i] == replica)
                catalog->replicas[i] = NULL;
    if (informer->ops->dropped)
        informer->ops->dropped(informer->arg, replica);
    replica_destroy(replica);
}

static bool is_reached(const struct informer_replica *replica)
{
    return replica->phase == REPLICA_LIVE && replica->promised.epoch == replica->epoch &&
           replica->sequence >= replica->promised.sequence;
}

void replica_set_phase(struct informer_replica *replica, enum replica_phase phase)
{
    struct informer *informer = replica->informer;
    enum replica_phase before = replica->phase;
    if (is_reached(replica)) /* what was said of it is not taken back */
        replica->complete = replica->promised;
    replica->phase = phase;
    if (phase == REPLICA_LIVE) {
        replica->live_us = loop_now_us(informer->loop);
        replica->refused = false;
        replica->whole = true;
        bounds_account(replica);
        cluster_settle(replica->cluster);
    }
    if (before == REPLICA_LIVE && phase != REPLICA_LIVE && informer->ops->stale)
        informer->ops->stale(informer->arg, replica);
    if (phase == REPLICA_LIVE && informer->ops->synced)
        informer->ops->synced(informer->arg, replica);
}

/* ---- what the provider says about the stream ---- */

/* What was begun anew may be right, whatever was wrong before: it does not have to wait. */
static void announced_anew(struct informer_replica *replica)
{
    int64_t now = loop_now_us(replica->informer->loop);
    if (!timer_active(&replica->retry) || !allowance_take(&replica->anew, now, ANEW_US, ANEW_BURST))
        return;
    timer_stop(&replica->retry);
    backoff_reset(&replica->backoff);
}

/* Of another kind it may be, too, where its end was missed. That is what it is called, and no more: what
 * becomes of the objects a sync tells. */
static void take_description(struct informer_replica *replica, const struct catalog_entry *entry)
{
    struct informer *informer = replica->informer;
    cleanup_free char *before = replica->names;
    replica->names = names_pack(&entry->names);
    bool same = before && replica->names ? !strcmp(before, replica->names) : before == replica->names;
    same = same && !strcmp(replica->kind, entry->kind) && replica->namespaced == entry->namespaced;
    memcpy(replica->kind, entry->kind, sizeof(replica->kind));
    replica->namespaced = entry->namespaced;
    if (!same && informer->ops->renamed)
        informer->ops->renamed(informer->arg, replica);
}

void replica_announced(struct informer_replica *replica, const struct catalog_entry *entry)
{
    uint64_t epoch = entry->epoch;
    bool another = replica->announced_epoch != epoch;
    take_description(replica, entry);
    replica->listed = true;
    replica->unlisted_tries = 0;
    if (epoch == 0 && replica->announced_epoch != 0)
        replica->state = STREAM_STARTING; /* until the heartbeat says why */
    else if (epoch && (replica->state == STREAM_STARTING || replica->state == STREAM_UNWANTED))
        replica->state = STREAM_ACTIVE;
    replica->announced_epoch = epoch;
    if (epoch == 0) {
        sync_stop(replica);
        return;
    }
    bool following = replica->phase == REPLICA_LIVE || replica->phase == REPLICA_INSTALLING;
    if (replica->phase == REPLICA_IDLE && another)
        announced_anew(replica);
    if (replica->phase == REPLICA_SYNCING && another && snapshot_epoch(replica->snapshot) == 0)
        replica_drop_held(replica); /* what is held is of the epoch that is followed, always */
    if (replica->phase == REPLICA_IDLE || (following && replica->epoch != epoch))
        sync_want(replica);
}

/* It may have ended, and we missed it: a sync is answered with the end then. Nothing is concluded from
 * absence; and a provider that has only begun to find out what there is would not even answer. */
void replica_unlisted(struct informer_replica *replica, bool complete)
{
    replica->listed = false;
    replica->awaited = !complete;
    if (replica->epoch == 0 && store_count(replica->store) == 0) /* nothing of it has ever been here */
        replica_drop(replica);
    else
        sync_want(replica);
}

static void replica_promised(struct informer_replica *replica, const struct heartbeat_entry *entry)
{
    if (is_reached(replica))
        replica->complete = replica->promised;
    if (!entry->version[0] && replica->promised.epoch == replica->announced_epoch)
        return; /* not known just now */
    replica->promised.epoch = replica->announced_epoch;
    replica->promised.sequence = entry->sequence;
    memcpy(replica->promised.version, entry->version, sizeof(entry->version));
}

/* One heartbeat may have been overtaken, and so may all its copies, and those that an asker made come right
 * behind it. But a provider that goes on saying less than we have is right: in the plain form, which has no
 * check, a bit flipped may have told us a sequence that is too high, and all deltas up to there would pass
 * for old. */
static void heartbeat_behind(struct informer_replica *replica, uint64_t sequence)
{
    if (sequence < replica->beat_sequence)
        return; /* overtaken */
    replica->beat_sequence = sequence;
    if (sequence >= replica->sequence) {
        replica->beats_behind = 0;
        return;
    }
    int64_t now = loop_now_us(replica->informer->loop);
    if (replica->beats_behind && now - replica->beat_behind_us < REORDER_US)
        return;
    replica->beat_behind_us = now;
    if (++replica->beats_behind < BEATS_BEHIND_MAX)
        return;
    replica->beats_behind = 0;
    REPLICA_COUNT(replica, gaps, 1);
    sync_want(replica);
}

static void await_lag(struct informer_replica *replica)
{
    replica->lag_from = replica->sequence;
    timer_start(&replica->lag, LAG_US + (int64_t)loop_random_below(replica->informer->loop, LAG_US / 2));
}

void replica_heartbeat(struct informer_replica *replica, const struct heartbeat_entry *entry)
{
    replica->state = entry->state;
    replica->age_s = entry->age_s;
    replica->age_at_us = loop_now_us(replica->informer->loop);
    bool following = replica->phase == REPLICA_LIVE || replica->phase == REPLICA_INSTALLING;
    if (following && replica->epoch != replica->announced_epoch) {
        sync_want(replica); /* a late answer of the run before */
    } else if (following && entry->sequence > replica->sequence && !timer_active(&replica->lag)) {
        replica->lag_sequence = entry->sequence;
        await_lag(replica);
    }
    if (following)
        heartbeat_behind(replica, entry->sequence);
    if (replica->phase == REPLICA_IDLE)
        sync_want(replica);
    replica_promised(replica, entry);
    want_heard(replica, entry->lease_s);
    if (replica->informer->ops->heard)
        replica->informer->ops->heard(replica->informer->arg, replica);
}

/* While deltas come, what is missing may be on its way behind them. */
static void on_lag(void *arg)
{
    struct informer_replica *replica = arg;
    bool following = replica->phase == REPLICA_LIVE || replica->phase == REPLICA_INSTALLING;
    if (!following || replica->sequence >= replica->lag_sequence)
        return;
    if (replica->sequence > replica->lag_from) {
        await_lag(replica);
        return;
    }
    REPLICA_COUNT(replica, gaps, 1);
    sync_want(replica);
}

/* ---- deltas ---- */

static void report_divergence(struct informer_replica *replica, const struct message *delta)
{
    struct informer *informer = replica->informer;
    REPLICA_COUNT(replica, divergences, 1);
    if (allowance_take(&replica->cluster->divergence_log, loop_now_us(informer->loop), DIVERGENCE_LOG_US, 1))
        log_warn(informer->options.log, "informer", "%s %s: root differs after event %llu: asking again",
                 replica->cluster->name, replica->gvr.resource,
                 (unsigned long long)(delta->from + delta->items - 1));
}

static void apply_changes(struct informer_replica *replica, const struct changes *changes,
                          struct store *target)
{
    struct informer *informer = replica->informer;
    changes_apply(changes, target, UINT64_MAX);
    if (replica->fresh && replica->cursor)
        changes_apply(changes, replica->store, replica->cursor - 1);
    bounds_account(replica);
    replica->sequence += changes->count;
    replica->beats_behind = 0;
    REPLICA_COUNT(replica, events, changes->count);
    informer->stats.patched += changes->patched;
    informer->stats.deltas++;
}

/* Applies one that follows, or nothing of it, and asks anew. */
static void replica_apply(struct informer_replica *replica, const struct message *delta)
{
    struct store *target = replica->fresh ? replica->fresh : replica->store;
    struct informer *informer = replica->informer;
    struct changes changes;
    int r = changes_decode(&changes, informer->codec, delta, target);
    REPLICA_COUNT(replica, bases_missing, r == CHANGES_E_BASE);
    if (r == CHANGES_E_MALFORMED)
        informer_malformed(informer, replica->cluster->name);
    if (r != 0) {
        sync_want(replica);
        return;
    }
    if (!digest_equal(changes_root(&changes, target), delta->root)) {
        report_divergence(replica, delta);
        sync_want(replica);
    } else if (!bounds_fit_changes(replica, &changes, target)) {
        sync_refuse(replica);
    } else {
        apply_changes(replica, &changes, target);
    }
    changes_deinit(&changes);
}

/* The answer may be that what we have was right, and the deltas since: then those that come now follow these,
 * and wait for them. Any other answer is told with all that came. */
static bool awaits_replay(const struct informer_replica *replica)
{
    return replica->phase == REPLICA_SYNCING && replica->epoch &&
           replica->epoch == replica->announced_epoch && snapshot_epoch(replica->snapshot) == 0 &&
           snapshot_next_delta(replica->snapshot) == 0;
}

/* The sequence that a delta must start at to be taken now; 0: any. */
static uint64_t next_sequence(const struct informer_replica *replica)
{
    if (replica->phase != REPLICA_SYNCING || awaits_replay(replica))
        return replica->sequence + 1;
    return snapshot_next_delta(replica->snapshot);
}

static void take(struct informer_replica *replica, const struct message *delta)
{
    if (replica->phase == REPLICA_SYNCING) {
        if (snapshot_add_delta(replica->snapshot, delta) == SNAPSHOT_E_MALFORMED)
            informer_malformed(replica->informer, replica->cluster->name);
        if (snapshot_gathered_size(replica->snapshot) > replica->informer->options.size_max)
            sync_refuse(replica);
        else
            sync_advance(replica);
    } else {
        replica_apply(replica, delta);
    }
}

/* Takes the first one, whatever is missing in front of it. */
static void take_held(struct informer_replica *replica)
{
    struct held *held = replica->held;
    if (!held)
        return;
    take(replica, &held->message);
    if (replica->held == held) /* a sync may have dropped them */
        held_free(replica, held);
    replica_drain_held(replica);
}

/* More than can be held: what is missing in front is taken as lost. */
static void held_overflow(struct informer_replica *replica)
{
    REPLICA_COUNT(replica, gaps, 1);
    REPLICA_COUNT(replica, held_dropped, replica->held_count);
    if (replica->phase == REPLICA_SYNCING)
        replica_drop_held(replica);
    else
        sync_want(replica);
}

/* Networks reorder what is sent at one time. What is sent once more comes as its way lets it. */
static int64_t patience_us(const struct informer_replica *replica)
{
    int64_t since = loop_now_us(replica->informer->loop) - replica->replayed_us;
    return awaits_replay(replica) || (replica->replayed_us && since < LAG_US) ? LAG_US : REORDER_US;
}

static void hold(struct informer_replica *replica, const struct message *delta)
{
    struct held *after, *held;
    DL_FOREACH(replica->held, after)
    {
        if (after->message.from == delta->from)
            return;
        if (after->message.from > delta->from)
            break;
    }
    held = mem_zalloc(sizeof(*held));
    held->message = *delta;
    held->body = mem_dup(delta->body.data, delta->body.len);
    held->message.body.data = held->body;
    DL_PREPEND_ELEM(replica->held, after, held);
    replica->held_count++;
    replica->held_bytes += delta->body.len;
    replica->cluster->held_bytes += delta->body.len;
    if (awaits_replay(replica) && replica->held_count > replica->informer->options.replay_held)
        take_held(replica);
    else if (replica->held_count > HELD_MAX || replica->held_bytes > HELD_BYTES_MAX ||
             replica->cluster->held_bytes > CLUSTER_HELD_BYTES_MAX)
        held_overflow(replica);
    else if (!timer_active(&replica->reorder) && !timer_active(&replica->drain) && !replica->gone)
        timer_start(&replica->reorder, patience_us(replica));
}

/* Takes those held that follow now, or are old, a few in a turn of the loop. What is missing in front of the
 * others is another one than before, and has its own time to come. */
void replica_drain_held(struct informer_replica *replica)
{
    timer_stop(&replica->reorder);
    timer_stop(&replica->drain);
    for (int taken = 0; replica->held && replica->phase != REPLICA_IDLE && !replica->gone; taken++) {
        struct held *held = replica->held;
        uint64_t next = next_sequence(replica);
        if (next && held->message.from > next) {
            timer_start(&replica->reorder, patience_us(replica));
            return;
        }
        if (taken == DRAIN_DELTAS) {
            timer_start(&replica->drain, 0);
            return;
        }
        if (!next || held->message.from == next)
            take(replica, &held->message);
        if (replica->held == held)
            held_free(replica, held);
    }
}

static void on_drain(void *arg)
{
    replica_drain_held(arg);
}

/* What is missing does not come any more. */
static void on_reorder(void *arg)
{
    struct informer_replica *replica = arg;
    REPLICA_COUNT(replica, gaps, !awaits_replay(replica));
    if (replica->phase == REPLICA_SYNCING)
        take_held(replica);
    else
        sync_want(replica);
}

bool replica_follows(const struct informer_replica *replica, uint64_t epoch)
{
    if (replica->phase != REPLICA_SYNCING)
        return epoch == replica->epoch;
    uint64_t answered = snapshot_epoch(replica->snapshot);
    return epoch == (answered ? answered : replica->announced_epoch);
}

void replica_delta(struct informer_replica *replica, const struct message *delta)
{
    if (replica->phase == REPLICA_IDLE || delta->items == 0 || delta->from == 0)
        return;
    if (!replica_follows(replica, delta->epoch)) {
        REPLICA_COUNT(replica, foreign, 1);
        cluster_whois(replica->cluster);
        return;
    }
    uint64_t next = next_sequence(replica);
    if (next && delta->from < next) {
        REPLICA_COUNT(replica, duplicates, 1);
    } else if ((next && delta->from > next) || replica->gone) {
        hold(replica, delta); /* also while a repair is put in place, which is a matter of a moment */
    } else {
        take(replica, delta);
        replica_drain_held(replica);
    }
}

void replica_end(struct informer_replica *replica, const struct message *end)
{
    struct informer *informer = replica->informer;
    bool answer = replica->phase == REPLICA_SYNCING && end->nonce == snapshot_nonce(replica->snapshot) &&
                  end->epoch == replica->epoch;
    bool follows = replica->phase == REPLICA_LIVE && end->nonce == 0 && end->epoch == replica->epoch &&
                   end->from == replica->sequence + 1;
    if (end->reason != END_GONE && end->reason != END_REVOKED) {
        informer_malformed(informer, replica->cluster->name);
    } else if (answer && replica->listed) {
        REPLICA_COUNT(replica, foreign,
                      1); /* the run that we follow has it: another provider has said that */
        cluster_whois(replica->cluster);
    } else if (answer || follows) {
        informer->stats.syncs_ended += answer;
        log_info(informer->options.log, "informer", "%s %s: %s", replica->cluster->name,
                 replica->gvr.resource,
                 end->reason == END_GONE ? "the cluster does not have this resource any more"
                                         : "no longer shared");
        replica_depart(replica);
    } else if (end->nonce == 0 && end->epoch == replica->epoch) {
        sync_want(replica);
    }
}

/* ---- access ---- */

struct informer_cluster *replica_cluster(const struct informer_replica *replica)
{
    return replica->cluster;
}

const struct gvr *replica_gvr(const struct informer_replica *replica)
{
    return &replica->gvr;
}

const char *replica_kind(const struct informer_replica *replica)
{
    return replica->kind;
}

void replica_names(const struct informer_replica *replica, struct names *out)
{
    names_unpack(replica->names, out);
}

bool replica_namespaced(const struct informer_replica *replica)
{
    return replica->namespaced;
}

struct store *replica_store(const struct informer_replica *replica)
{
    return replica->store;
}

bool replica_synced(const struct informer_replica *replica)
{
    return replica->phase == REPLICA_LIVE && replica->cluster->alive && replica->state == STREAM_ACTIVE;
}

bool replica_refused(const struct informer_replica *replica)
{
    return replica->refused;
}

enum stream_state replica_state(const struct informer_replica *replica)
{
    return replica->state;
}

static int64_t age_s(const struct informer_replica *replica)
{
    if (replica->age_s < 0)
        return -1;
    return replica->age_s + (loop_now_us(replica->informer->loop) - replica->age_at_us) / LOOP_SECOND;
}

static const char *version(const struct informer_replica *replica)
{
    if (is_reached(replica))
        return replica->promised.version;
    return replica->complete.epoch == replica->epoch ? replica->complete.version : "";
}

struct replica_freshness replica_freshness(const struct informer_replica *replica)
{
    return (struct replica_freshness){
        .alive = replica->cluster->alive,
        .synced = replica_synced(replica),
        .whole = replica->whole,
        .state = replica->state,
        .age_s = age_s(replica),
        .resource_version = version(replica),
        .exact = is_reached(replica) && replica->sequence == replica->promised.sequence,
    };
}
