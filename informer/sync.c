/*
 * Syncs. Those who want one queue up, and run as long as there is credit for their answers (credit.c). A sync
 * has a nonce, and only answers that echo it count. One that gets no answer for a while is given up, goes to
 * the end of the queue after a growing delay, and starts anew with another nonce.
 */
#include "informer/informer_internal.h"

#include <string.h>

#include "base/mem.h"
#include "informer/changes.h"

#define ANSWER_US (5 * LOOP_SECOND)
#define ANSWER_EACH_US (20 * LOOP_MS) /* more for each answer that may be on the way before it */
#define RETRY_MIN_US (250 * LOOP_MS)
#define RETRY_MAX_US (30 * LOOP_SECOND)
#define RETRY_RESET_US (120 * LOOP_SECOND)
#define INSTALL_BYTES ((size_t)128 << 10) /* of objects that change, in one turn */
#define LATER_US LOOP_SECOND
#define REFUSED_US (60 * LOOP_SECOND)
#define UNLISTED_TRIES 3
#define UNLISTED_US (60 * LOOP_SECOND)
#define SETTLED_US (10 * LOOP_SECOND)
#define HERD_US (500 * LOOP_MS) /* over which all who follow a provider ask it once it has begun anew */

static void on_retry(void *arg);
static void on_install(void *arg);

void sync_init(struct informer_replica *replica)
{
    struct loop *loop = replica->informer->loop;
    backoff_init(&replica->backoff, RETRY_MIN_US, RETRY_MAX_US, RETRY_RESET_US, 1.0);
    timer_init(&replica->retry, loop, on_retry, replica);
    timer_init(&replica->install, loop, on_install, replica);
}

/* Each cluster has a line of its own, and those with somebody in line take turns. */
static void unqueue(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    struct informer_cluster *cluster = replica->cluster;
    if (!replica->queued)
        return;
    DL_DELETE2(cluster->queue, replica, queue_prev, queue_next);
    replica->queued = false;
    informer->queued--;
    if (!cluster->queue) {
        DL_DELETE2(informer->turns, cluster, turn_prev, turn_next);
        informer->turn_count--;
    }
}

static void enqueue(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    struct informer_cluster *cluster = replica->cluster;
    if (replica->queued)
        return;
    if (!cluster->queue) {
        DL_APPEND2(informer->turns, cluster, turn_prev, turn_next);
        informer->turn_count++;
    }
    DL_APPEND2(cluster->queue, replica, queue_prev, queue_next);
    replica->queued = true;
    informer->queued++;
}

/* No answer counts any more. */
static void sync_close(struct informer_replica *replica)
{
    timer_stop(&replica->retry);
    if (!replica->snapshot)
        return;
    credit_return(replica);
    replica->informer->syncing--;
    discards_add(&replica->informer->discards, snapshot_release(replica->snapshot));
    snapshot_destroy(replica->snapshot);
    replica->snapshot = NULL;
}

/* Ends what is under way, whatever it is. The store stays as it is. */
static void sync_abandon(struct informer_replica *replica)
{
    sync_close(replica);
    timer_stop(&replica->install);
    discards_add(&replica->informer->discards, replica->fresh);
    discards_add(&replica->informer->discards, replica->gone);
    replica->fresh = replica->gone = NULL;
}

void sync_deinit(struct informer_replica *replica)
{
    unqueue(replica);
    sync_abandon(replica);
}

void sync_stop(struct informer_replica *replica)
{
    unqueue(replica);
    if (replica->phase == REPLICA_IDLE)
        return;
    sync_abandon(replica);
    replica_drop_held(replica);
    replica_set_phase(replica, REPLICA_IDLE);
    sync_admit(replica->informer);
}

/* ---- asking ---- */

/* What a sync and its credit name the stream by: the topic without provider, which topics.h builds. */
void sync_path(const struct informer_replica *replica, topics_text out)
{
    topics_text topic, presence;
    const struct topics *topics = &replica->informer->options.topics;
    topics_stream(topics, replica->cluster->name, replica->audience, &replica->gvr, topic);
    topics_presence(topics, replica->cluster->name, presence);
    strcpy(out, topic + strlen(presence) + 1);
}

static bool send_signal(struct informer_replica *replica, struct message message)
{
    topics_text path;
    sync_path(replica, path);
    message.body = (struct slice){path, strlen(path)};
    return informer_signal(replica->informer, replica->cluster->name, &message);
}

static void sync_await(struct informer_replica *replica)
{
    timer_start(&replica->retry, ANSWER_US + (int64_t)replica->informer->promised * ANSWER_EACH_US);
}

/* Nothing may lead through what we have no room for; and a repair that failed in this epoch would fail again.
 */
static bool sync_must_be_whole(const struct informer_replica *replica)
{
    return replica->refused || (replica->unrepaired && replica->unrepaired == replica->announced_epoch);
}

/* One of our run (envelope.h), which the first one begins. */
static uint64_t next_nonce(struct informer *informer)
{
    uint64_t random = loop_random(informer->loop) | 1;
    if (!informer->run)
        informer->run = random >> 32;
    return informer->run << 32 | (uint32_t)random;
}

static void sync_send(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    replica->snapshot = snapshot_create(next_nonce(informer), informer->codec, replica->store);
    credit_start(replica);
    replica->told = 0;
    replica_drop_held(replica);
    timer_stop(&replica->lag);
    informer->syncing++;
    REPLICA_COUNT(replica, syncs, 1);
    replica_set_phase(replica, REPLICA_SYNCING);
    struct message sync = {
        .kind = MESSAGE_SYNC,
        .whole = sync_must_be_whole(replica),
        .nonce = snapshot_nonce(replica->snapshot),
        .epoch = replica->epoch,
        .to = replica->sequence,
        .root = store_root(replica->store),
        .count = store_count(replica->store),
        .credit = replica->credit,
    };
    send_signal(replica, sync);
    sync_await(replica);
}

static void sync_later(struct informer_replica *replica)
{
    int64_t delay_us = LATER_US + (int64_t)loop_random_below(replica->informer->loop, LATER_US);
    timer_start(&replica->retry, delay_us);
}

/* The next in line of a cluster that may ask for more. NULL where there is none. */
static struct informer_replica *next_in_line(struct informer *informer)
{
    for (size_t left = informer->turn_count; left; left--) {
        struct informer_cluster *cluster = informer->turns;
        DL_DELETE2(informer->turns, cluster, turn_prev, turn_next);
        DL_APPEND2(informer->turns, cluster, turn_prev, turn_next);
        if (credit_left_for(cluster))
            return cluster->queue;
    }
    return NULL;
}

void sync_admit(struct informer *informer)
{
    struct informer_replica *replica;
    while (informer->connected && informer->answerable && credit_left(informer) &&
           (replica = next_in_line(informer))) {
        unqueue(replica);
        if (!replica->cluster->alive)
            continue;
        if (bounds_sync(replica->cluster))
            sync_send(replica);
        else
            sync_later(replica);
    }
}

/* One that was right only for a moment waits before it asks again: whatever keeps going wrong must not become
 * a storm. And who has streams for one participant has them for many, who all hear at once that it has begun
 * anew: they do not ask all at once. */
static bool sync_must_wait(struct informer_replica *replica)
{
    struct loop *loop = replica->informer->loop;
    if (!replica->live_us || loop_now_us(loop) - replica->live_us > SETTLED_US) {
        backoff_reset(&replica->backoff);
        if (replica->epoch == replica->announced_epoch || strcmp(replica->audience, TOPICS_ALL) == 0)
            return false;
        timer_start(&replica->retry, (int64_t)loop_random_below(loop, HERD_US));
        return true;
    }
    timer_start(&replica->retry, backoff_next(&replica->backoff, loop));
    return true;
}

/* While its cluster is silent it waits for the next heartbeat, which asks again; what the provider does not
 * publish, for the next catalog; and one that has a time to wait waits, whatever is said meanwhile: no
 * announcement makes a storm of a sync that keeps failing. */
void sync_want(struct informer_replica *replica)
{
    bool was_right = replica->phase == REPLICA_LIVE || replica->phase == REPLICA_INSTALLING;
    if (replica->departing || replica->phase == REPLICA_SYNCING ||
        (replica->phase == REPLICA_IDLE && timer_active(&replica->retry)))
        return;
    sync_abandon(replica);
    replica_drop_held(replica);
    replica_set_phase(replica, REPLICA_IDLE);
    if (!replica->cluster->alive || (was_right && sync_must_wait(replica)))
        return;
    if (replica->listed ? !replica->announced_epoch : replica->awaited)
        return;
    enqueue(replica);
    sync_admit(replica->informer);
}

/* One that the catalog lacks may be over, and the provider may have to find that out first, or never know: it
 * is asked for on and on, but soon slowly. */
static int64_t retry_delay(struct informer_replica *replica)
{
    struct loop *loop = replica->informer->loop;
    if (replica->listed || ++replica->unlisted_tries < UNLISTED_TRIES)
        return backoff_next(&replica->backoff, loop);
    return UNLISTED_US + (int64_t)loop_random_below(loop, UNLISTED_US);
}

static void sync_fail(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    REPLICA_COUNT(replica, syncs_failed, 1);
    if (snapshot_kind(replica->snapshot) == SNAPSHOT_REPAIR)
        replica->unrepaired = snapshot_epoch(replica->snapshot);
    sync_abandon(replica);
    replica_drop_held(replica);
    replica_set_phase(replica, REPLICA_IDLE);
    timer_start(&replica->retry, retry_delay(replica));
    sync_admit(informer);
}

void sync_refuse(struct informer_replica *replica)
{
    struct informer *informer = replica->informer;
    bounds_refuse(replica);
    sync_abandon(replica);
    replica_drop_held(replica);
    replica_set_phase(replica, REPLICA_IDLE);
    timer_start(&replica->retry, REFUSED_US + (int64_t)loop_random_below(informer->loop, REFUSED_US));
    sync_admit(informer);
}

static void on_retry(void *arg)
{
    struct informer_replica *replica = arg;
    if (replica->phase == REPLICA_SYNCING)
        sync_fail(replica);
    else
        sync_want(replica);
}

/* ---- answers ---- */

static void sync_done(struct informer_replica *replica, uint64_t epoch, uint64_t sequence)
{
    struct informer *informer = replica->informer;
    replica->epoch = epoch;
    replica->sequence = sequence;
    replica->beat_sequence = 0;
    replica->beats_behind = 0;
    sync_close(replica);
    sync_admit(informer);
}

static void count_outcome(struct informer_replica *replica, enum snapshot_kind kind)
{
    REPLICA_COUNT(replica, syncs_equal, kind == SNAPSHOT_EQUAL);
    REPLICA_COUNT(replica, syncs_repair, kind == SNAPSHOT_REPAIR);
    REPLICA_COUNT(replica, syncs_snapshot, kind == SNAPSHOT_WHOLE);
}

/* What changes little is in place at once. */
static void sync_verified(struct informer_replica *replica)
{
    struct snapshot *snapshot = replica->snapshot;
    count_outcome(replica, snapshot_kind(snapshot));
    if (snapshot_kind(snapshot) == SNAPSHOT_EQUAL) /* to what was: the deltas since may follow */
        replica->replayed_us = loop_now_us(replica->informer->loop);
    replica->root = snapshot_take(snapshot, &replica->fresh, &replica->gone);
    replica->cursor = 0;
    replica->unrepaired = 0;
    replica_set_phase(replica, REPLICA_INSTALLING);
    sync_done(replica, snapshot_epoch(snapshot), snapshot_sequence(snapshot));
    if (replica->gone) {
        on_install(replica);
    } else {
        timer_start(&replica->install, 0);
        replica_drain_held(replica);
    }
}

void sync_advance(struct informer_replica *replica)
{
    switch (snapshot_check(replica->snapshot)) {
    case SNAPSHOT_VERIFIED:
        sync_verified(replica);
        break;
    case SNAPSHOT_BROKEN:
        sync_fail(replica);
        break;
    case SNAPSHOT_LAGGING:
    case SNAPSHOT_INCOMPLETE:
        break;
    }
}

static void sync_credit(struct informer_replica *replica)
{
    if (!credit_renew(replica))
        return;
    struct message credit = {
        .kind = MESSAGE_CREDIT, .nonce = snapshot_nonce(replica->snapshot), .credit = replica->credit};
    send_signal(replica, credit);
}

static bool more_to_come(const struct message *answer)
{
    return answer->kind == MESSAGE_DIGESTS || (answer->kind != MESSAGE_EQUAL && !answer->last);
}

/* What we have in buckets that differ, once it is our turn. */
static void sync_tell(struct informer_replica *replica)
{
    topics_text path;
    struct message have = {.kind = MESSAGE_HAVE, .nonce = snapshot_nonce(replica->snapshot)};
    struct buf body = BUF_INIT(BODY_LIMIT);
    sync_path(replica, path);
    buf_appendf(&body, "%s\n", path);
    if (snapshot_tell(replica->snapshot, &body, &have.last)) {
        have.index = replica->told++;
        have.body = (struct slice){body.data, body.len};
        replica->informer->stats.haves++;
        informer_signal(replica->informer, replica->cluster->name, &have);
    }
    buf_deinit(&body);
}

/* An answer was taken. */
static void sync_answered(struct informer_replica *replica, const struct message *message, bool first)
{
    struct informer *informer = replica->informer;
    sync_await(replica);
    credit_answered(replica);
    if (more_to_come(message))
        sync_credit(replica);
    else
        credit_return(replica);
    sync_tell(replica);
    sync_advance(replica);
    if (first && replica->phase == REPLICA_SYNCING)
        replica_drain_held(replica);
    sync_admit(informer);
}

/* Everyone who publishes under this name hears the sync, and another provider's objects are whole and right,
 * too. What the run that we follow has announced is the one thing that tells them apart. */
static bool is_unannounced(const struct informer_replica *replica, const struct message *answer)
{
    return snapshot_epoch(replica->snapshot) == 0 && answer->epoch != 0 &&
           answer->epoch != replica->announced_epoch;
}

static int add_answer(struct snapshot *snapshot, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_EQUAL:
        return snapshot_set_equal(snapshot, message);
    case MESSAGE_DIGESTS:
        return snapshot_add_digests(snapshot, message);
    case MESSAGE_REPAIR:
        return snapshot_add_repair(snapshot, message);
    default:
        return snapshot_add_chunk(snapshot, message);
    }
}

void sync_answer(struct informer_replica *replica, const struct message *message)
{
    struct informer *informer = replica->informer;
    if (replica->phase != REPLICA_SYNCING || message->nonce != snapshot_nonce(replica->snapshot))
        return;
    if (is_unannounced(replica, message)) {
        REPLICA_COUNT(replica, foreign, 1);
        cluster_whois(replica->cluster);
        return;
    }
    bool first = snapshot_epoch(replica->snapshot) == 0;
    int r = add_answer(replica->snapshot, message);
    if (r == SNAPSHOT_E_FOREIGN) {
        cluster_report_conflict(replica->cluster, message->epoch);
    } else if (r == SNAPSHOT_E_MALFORMED) {
        informer_malformed(informer, replica->cluster->name);
        sync_fail(replica);
    } else if (r == SNAPSHOT_E_GAP) {
        if (message->index > snapshot_answers(replica->snapshot))
            sync_fail(replica);
    } else if (r == SNAPSHOT_E_UNLIKE) {
        sync_fail(replica);
    } else if (!bounds_fit_snapshot(replica, replica->snapshot, message->count)) {
        sync_refuse(replica);
    } else {
        sync_answered(replica, message, first);
    }
}

/* ---- installing ---- */

/* Those of ours that may have to go: all, or those that are known to. */
static const struct store *install_from(const struct informer_replica *replica)
{
    return replica->gone ? replica->gone : replica->store;
}

/* Brings all objects of one key hash to what they are in the fresh store. Gives the bytes that changed. */
static size_t install_hash(struct informer_replica *replica, uint64_t hash)
{
    const struct store *from = install_from(replica);
    struct object *object, *after;
    size_t bytes = 0;
    for (object = store_seek(from, hash); object && object_key_hash(object) == hash; object = after) {
        after = store_after(from, object);
        if (!store_get(replica->fresh, object_key(object))) {
            REPLICA_COUNT(replica, events, 1);
            bytes += object_size(object);
            store_delete(replica->store, object_key(object), true);
        }
    }
    for (object = store_seek(replica->fresh, hash); object && object_key_hash(object) == hash;
         object = store_after(replica->fresh, object))
        if (store_put(replica->store, object) != STORE_UNCHANGED) {
            REPLICA_COUNT(replica, events, 1);
            bytes += object_size(object);
        }
    return bytes;
}

/* The least key hash from the cursor on, in either store. False where there is none. */
static bool install_next(const struct informer_replica *replica, uint64_t *hash)
{
    struct object *ours = store_seek(install_from(replica), replica->cursor);
    struct object *theirs = store_seek(replica->fresh, replica->cursor);
    if (!ours && !theirs)
        return false;
    *hash = UINT64_MAX;
    if (ours)
        *hash = object_key_hash(ours);
    if (theirs && object_key_hash(theirs) < *hash)
        *hash = object_key_hash(theirs);
    return true;
}

static void install_finish(struct informer_replica *replica)
{
    struct digest wanted = replica->gone ? replica->root : store_root(replica->fresh);
    bool right = digest_equal(store_root(replica->store), wanted);
    discards_add(&replica->informer->discards, replica->fresh);
    discards_add(&replica->informer->discards, replica->gone);
    replica->fresh = replica->gone = NULL;
    if (!right) {
        replica->informer->stats.misinstalled++;
        log_error(replica->informer->options.log, "informer",
                  "%s %s: the installed snapshot differs; asking again", replica->cluster->name,
                  replica->gvr.resource);
        sync_want(replica);
        return;
    }
    replica_set_phase(replica, REPLICA_LIVE);
    replica_drain_held(replica);
}

static void on_install(void *arg)
{
    struct informer_replica *replica = arg;
    uint64_t hash;
    size_t bytes = 0;
    for (size_t i = 0; i < replica->informer->options.slice_objects && bytes < INSTALL_BYTES; i++) {
        if (!install_next(replica, &hash)) {
            install_finish(replica);
            return;
        }
        bytes += install_hash(replica, hash);
        if (hash == UINT64_MAX) {
            install_finish(replica);
            return;
        }
        replica->cursor = hash + 1;
    }
    bounds_account(replica);
    timer_start(&replica->install, 0);
}
