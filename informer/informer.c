#include "informer/informer_internal.h"

#include <string.h>

#include "base/mem.h"
#include "informer/bounds.h"

#define SEEK_US                                                                                              \
    (15 * LOOP_SECOND) /* and up to twice that: how often a provider that is not heard is asked              \
                        */
#define CLUSTERS_MAX 20000
#define STREAMS_MAX 262144
#define SLICE_OBJECTS 256
#define REPLAY_HELD 64 /* more may be coming than could be held until it has come */
#define LEASE_S 300
#define ASSEMBLER_TOTAL ((size_t)64 << 20)
#define MALFORMED_LOG_US (10 * LOOP_SECOND)
#define NAMESAKE_LOG_US (600 * LOOP_SECOND)
#define PREDECESSOR_US (60 * LOOP_SECOND) /* so long the answers to the run before ours may come */

bool informer_signal(struct informer *informer, const char *provider, const struct message *message)
{
    topics_text topic;
    if (!informer->connected ||
        topics_signal(&informer->options.topics, provider, informer->name, topic) != 0)
        return false;
    struct slice payload = codec_encode(informer->signals, message);
    int r = transport_publish(informer->transport, topic, payload.data, payload.len, 1, false);
    informer->stats.unsent += r != 0;
    return r == 0;
}

/* What others send may be anything: counted, and said once in a while. */
void informer_malformed(struct informer *informer, const char *what)
{
    informer->stats.malformed++;
    if (allowance_take(&informer->malformed_log, loop_now_us(informer->loop), MALFORMED_LOG_US, 1))
        log_warn(informer->options.log, "informer", "%s: message not understood, dropped (%llu so far)", what,
                 (unsigned long long)informer->stats.malformed);
}

/* ---- messages ---- */

/* The stream that the topic names, or the one that has its deltas sent to us once more. */
static struct informer_replica *replica_of_delta(struct informer_cluster *cluster, const struct topic *topic,
                                                 uint64_t epoch)
{
    struct informer_replica *named = cluster_find(cluster, topic->informer, &topic->gvr), *replica;
    if (strcmp(topic->informer, TOPICS_ALL) == 0 || (named && replica_follows(named, epoch)))
        return named;
    DL_FOREACH(cluster->replicas, replica)
    if (gvr_equal(&replica->gvr, &topic->gvr) && replica_follows(replica, epoch))
        return replica;
    return named;
}

/* Answers to a nonce of our run come too late. Others were asked for by an informer of the same name: the run
 * before this one, whose answers soon end, or others that get all our answers as we get theirs. */
static void on_unasked(struct informer *informer, uint64_t nonce)
{
    informer->stats.unasked++;
    if (nonce_run(nonce) == informer->run)
        return;
    informer->stats.namesakes++;
    if (loop_now_us(informer->loop) - informer->begun_us < PREDECESSOR_US)
        return;
    if (allowance_take(&informer->namesake_log, loop_now_us(informer->loop), NAMESAKE_LOG_US, 1))
        log_warn(
            informer->options.log, "informer",
            "answers come that were not asked for here: other informers run as '%s', too, and each is sent "
            "all answers to the others; give each a --name (or a user of the broker) of its own",
            informer->name);
}

/* An answer comes on our own topic, whatever the audience of the stream it is about. */
static struct informer_replica *replica_of_answer(struct informer_cluster *cluster, const struct topic *topic,
                                                  uint64_t nonce)
{
    struct informer_replica *replica = cluster->replicas;
    while (replica && !(replica->snapshot && snapshot_nonce(replica->snapshot) == nonce &&
                        gvr_equal(&replica->gvr, &topic->gvr)))
        replica = replica->next;
    return replica;
}

static struct informer_replica *replica_of(struct informer_cluster *cluster, const struct topic *topic,
                                           const struct message *message)
{
    if (message->kind == MESSAGE_DELTA)
        return replica_of_delta(cluster, topic, message->epoch);
    if (message->nonce)
        return replica_of_answer(cluster, topic, message->nonce);
    return cluster_find(cluster, topic->informer, &topic->gvr);
}

static void on_unclaimed(struct informer *informer, const struct message *message)
{
    if (message->kind == MESSAGE_DELTA)
        informer->stats.foreign++;
    else if (message->nonce)
        on_unasked(informer, message->nonce);
}

/* len: of the message as it was sent. */
static void on_stream_message(struct informer_cluster *cluster, const struct topic *topic,
                              const struct message *message, size_t len)
{
    struct informer_replica *replica = replica_of(cluster, topic, message);
    if (!replica) {
        on_unclaimed(cluster->informer, message);
        return;
    }
    replica->stats.messages++;
    replica->stats.bytes += len;
    if (message->kind == MESSAGE_DELTA && strcmp(topic->informer, replica->audience) != 0)
        replica->replayed_us = loop_now_us(cluster->informer->loop);
    if (message->kind == MESSAGE_DELTA)
        replica_delta(replica, message);
    else if (message->kind == MESSAGE_END)
        replica_end(replica, message);
    else if (message->nonce)
        sync_answer(replica, message);
}

static bool kind_fits(enum topic_kind topic, enum message_kind kind)
{
    switch (topic) {
    case TOPIC_PRESENCE:
        return kind == MESSAGE_PRESENCE;
    case TOPIC_AUDIENCE:
        return kind == MESSAGE_CATALOG || kind == MESSAGE_HEARTBEAT;
    case TOPIC_STREAM:
        return kind == MESSAGE_DELTA || kind == MESSAGE_END || kind == MESSAGE_EQUAL ||
               kind == MESSAGE_CHUNK || kind == MESSAGE_DIGESTS || kind == MESSAGE_REPAIR;
    default:
        return false;
    }
}

static void on_decoded(struct informer *informer, const struct topic *topic, const struct message *message,
                       size_t len)
{
    struct informer_cluster *cluster = cluster_get(informer, topic->provider);
    if (!cluster || (topic->kind != TOPIC_STREAM && !bounds_announcing(cluster, message->body.len)))
        return;
    if (message->kind == MESSAGE_PRESENCE)
        cluster_presence(cluster, message);
    else if (message->kind == MESSAGE_CATALOG)
        cluster_catalog(cluster, topic->informer, message);
    else if (message->kind == MESSAGE_HEARTBEAT)
        cluster_heartbeat(cluster, topic->informer, message);
    else
        on_stream_message(cluster, topic, message, len);
}

/* What a participant publishes itself is no news to it. */
static bool is_followed(const struct informer *informer, const char *provider)
{
    if (informer->provider[0])
        return strcmp(provider, informer->provider) == 0;
    return strcmp(provider, informer->name) != 0;
}

void informer_on_message(struct informer *informer, const char *name, const void *payload, size_t len)
{
    struct topic topic;
    struct message message;
    struct slice whole;
    if (topics_parse(&informer->options.topics, name, &topic) != 0 || topic.kind == TOPIC_SIGNAL ||
        topic.kind == TOPIC_WHOIS || len == 0 || !is_followed(informer, topic.provider))
        return;
    int r = assembler_add(informer->assembler, topic.provider, name, (struct slice){payload, len}, &whole);
    informer->stats.parts_given_up = assembler_given_up(informer->assembler);
    if (r == ASSEMBLER_E_MORE)
        return;
    if (r != 0 || codec_decode(informer->codec, whole.data, whole.len, &message) != 0 ||
        !kind_fits(topic.kind, message.kind)) {
        informer_malformed(informer, name);
        return;
    }
    on_decoded(informer, &topic, &message, whole.len);
}

static bool is_alive(const struct informer *informer)
{
    const struct informer_cluster *cluster = informer->clusters;
    while (cluster && !cluster->alive)
        cluster = cluster->hh.next;
    return cluster;
}

/* A provider that has nothing for anybody yet sends no heartbeats: it is heard only where it is asked, and
 * what is asked may be lost. */
static void seek(void *arg)
{
    struct informer *informer = arg;
    struct message whois = {.kind = MESSAGE_WHOIS};
    if (informer->connected && informer->answerable && !is_alive(informer))
        informer_signal(informer, informer->provider, &whois);
    timer_start(&informer->seek, SEEK_US + (int64_t)loop_random_below(informer->loop, SEEK_US));
}

/* Answers would be lost before both are there. */
static void informer_begin(struct informer *informer)
{
    topics_text topic;
    struct message whois = {.kind = MESSAGE_WHOIS};
    if (!informer->connected || !informer->answerable)
        return;
    if (!informer->asked_us)
        informer->asked_us = loop_now_us(informer->loop);
    if (informer->provider[0]) {
        informer_signal(informer, informer->provider, &whois);
        timer_start(&informer->seek, SEEK_US);
    } else if (topics_whois(&informer->options.topics, informer->name, topic) == 0) {
        struct slice payload = codec_encode(informer->signals, &whois);
        transport_publish(informer->transport, topic, payload.data, payload.len, 1, false);
    }
    sync_admit(informer);
}

void informer_on_connected(struct informer *informer)
{
    informer->connected = true;
    informer_begin(informer);
}

void informer_on_transfers(struct informer *informer, bool connected)
{
    informer->answerable = connected;
    informer_begin(informer);
}

void informer_on_disconnected(struct informer *informer)
{
    informer->connected = false;
}

void informer_on_drained(struct informer *informer)
{
    (void)informer;
}

/* ---- life ---- */

static void informer_subscribe(struct informer *informer)
{
    topics_text filter;
    const struct topics *topics = &informer->options.topics;
    const char *provider = informer->provider[0] ? informer->provider : NULL;
    if (provider)
        topics_presence(topics, provider, filter);
    else
        topics_filter_presences(topics, filter);
    transport_subscribe(informer->transport, filter, 0);
    topics_filter_streams(topics, provider, informer->name, filter);
    transport_subscribe(informer->options.transfers ? informer->options.transfers : informer->transport,
                        filter, 1);
    if (provider)
        return;
    topics_filter_streams(topics, NULL, TOPICS_ALL, filter);
    transport_subscribe(informer->transport, filter, 1);
}

struct informer *informer_create(struct loop *loop, struct transport *transport,
                                 const struct informer_options *options, const struct informer_ops *ops,
                                 void *arg)
{
    struct informer *informer = mem_zalloc(sizeof(*informer));
    informer->loop = loop;
    informer->transport = transport;
    informer->options = *options;
    informer->ops = ops;
    informer->arg = arg;
    if (!informer->options.clusters_max)
        informer->options.clusters_max = CLUSTERS_MAX;
    if (!informer->options.streams_max)
        informer->options.streams_max = STREAMS_MAX;
    if (!informer->options.objects_max)
        informer->options.objects_max = BOUNDS_OBJECTS;
    if (!informer->options.size_max)
        informer->options.size_max = BOUNDS_SIZE;
    if (!informer->options.lease_s)
        informer->options.lease_s = LEASE_S;
    if (!informer->options.slice_objects)
        informer->options.slice_objects = SLICE_OBJECTS;
    if (!informer->options.replay_held)
        informer->options.replay_held = REPLAY_HELD;
    snprintf(informer->name, sizeof(informer->name), "%s", options->name);
    snprintf(informer->provider, sizeof(informer->provider), "%s",
             options->provider ? options->provider : "");
    informer->answerable = !options->transfers;
    informer->begun_us = loop_now_us(loop);
    informer->codec = codec_create(options->encoding, BODY_LIMIT);
    informer->signals = codec_create(options->encoding, BODY_LIMIT);
    informer->assembler = assembler_create(BODY_LIMIT, ASSEMBLER_TOTAL);
    discards_init(&informer->discards, loop);
    timer_init(&informer->seek, loop, seek, informer);
    informer_subscribe(informer);
    return informer;
}

void informer_farewell(struct informer *informer)
{
    struct informer_cluster *cluster = informer ? informer->clusters : NULL;
    for (; cluster; cluster = cluster->hh.next)
        want_no_more(cluster);
}

void informer_destroy(struct informer *informer)
{
    if (!informer)
        return;
    informer->connected = false; /* nobody is asked any more */
    timer_stop(&informer->seek);
    while (informer->clusters)
        cluster_destroy(informer->clusters);
    codec_destroy(informer->codec);
    codec_destroy(informer->signals);
    assembler_destroy(informer->assembler);
    discards_deinit(&informer->discards);
    free(informer);
}

static void raise(uint64_t *most, uint64_t value)
{
    if (value > *most)
        *most = value;
}

static void add_memory(struct informer_memory *memory, const struct informer_replica *replica)
{
    raise(&memory->held, replica->held_count);
    if (!replica->snapshot)
        return;
    raise(&memory->gathered, snapshot_gathered_entries(replica->snapshot));
    raise(&memory->answered, store_count(snapshot_state(replica->snapshot)));
}

struct informer_memory informer_memory(const struct informer *informer)
{
    struct informer_memory memory = {.unfinished_bytes = assembler_total(informer->assembler)};
    for (const struct informer_cluster *cluster = informer->clusters; cluster; cluster = cluster->hh.next)
        for (const struct informer_replica *replica = cluster->replicas; replica; replica = replica->next)
            add_memory(&memory, replica);
    return memory;
}
