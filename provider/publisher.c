#include "provider/publisher_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "transport/split.h"

#define REPAIR_BYTES ((size_t)256 << 10) /* what is less is a chunk or two */
#define SLICE_OBJECTS 4096
#define TURN_MESSAGES 64 /* sent in one turn of the loop, before others get theirs */
#define TURN_EFFORT ((uint64_t)256 << 10)
#define TURN_EVENTS 128
#define WHOIS_JITTER_US (500 * LOOP_MS)
#define NOISE_LOG_US (10 * LOOP_SECOND)
#define WANT_PATHS_MAX 64 /* looked at in one want */
#define WANT_LEASE_MAX_S 86400
#define WANT_ECHO_US (100 * LOOP_MS)

bool publisher_may_send(const struct publisher *publisher)
{
    return publisher->connected &&
           transport_in_flight(publisher->transport) < publisher->options.window_bytes &&
           transport_in_flight_count(publisher->transport) < publisher->options.window_messages;
}

static bool publish(struct publisher *publisher, const char *topic, struct slice payload, bool retain)
{
    int r = retain ? transport_publish(publisher->transport, topic, payload.data, payload.len, 1, true)
                   : split_publish(publisher->transport, topic, payload, loop_random(publisher->loop));
    publisher->stats.messages++;
    publisher->stats.bytes += payload.len;
    publisher->effort += payload.len;
    publisher->stats.unsent += r != 0;
    if (r == TRANSPORT_E_TOO_BIG)
        log_error(publisher->options.log, "publisher", "%s: %zu bytes are more than the transport takes",
                  topic, payload.len);
    return r == 0;
}

bool publisher_send_payload(struct publisher_stream *stream, const char *topic, struct slice payload)
{
    stream->stats.messages++;
    stream->stats.bytes += payload.len;
    return publish(stream->publisher, topic, payload, false);
}

bool publisher_send(struct publisher *publisher, const char *topic, const struct message *message,
                    bool retain)
{
    return publish(publisher, topic, codec_encode(publisher->codec, message), retain);
}

void publisher_flush_soon(struct publisher *publisher)
{
    if (publisher->connected && !timer_active(&publisher->flush))
        timer_start(&publisher->flush, 0);
}

/* A message of each stream in turn, so that no busy resource keeps a quiet one waiting. */
static bool deltas_may_go(const struct publisher *publisher)
{
    return publisher->work && publisher_may_send(publisher);
}

static void deltas_go(struct publisher *publisher)
{
    struct publisher_stream *stream = publisher->work;
    DL_DELETE2(publisher->work, stream, work_prev, work_next);
    stream->working = stream_pump(stream);
    if (stream->working)
        DL_APPEND2(publisher->work, stream, work_prev, work_next);
}

/* Deltas and transfers in turn: where the window is all but full, which it is under load, whoever came first
 * each time would leave the others nothing. */
static bool send_next(struct publisher *publisher)
{
    bool deltas = deltas_may_go(publisher), turns = turns_may_go(publisher);
    if (turns && (!deltas || publisher->turns_next)) {
        publisher->turns_next = false;
        turns_go(publisher);
    } else if (deltas) {
        publisher->turns_next = true;
        deltas_go(publisher);
    }
    return deltas || turns;
}

static void on_flush(void *arg)
{
    struct publisher *publisher = arg;
    uint64_t enough = publisher->effort + TURN_EFFORT, events = publisher->stats.events + TURN_EVENTS;
    for (int i = 0; i < TURN_MESSAGES && send_next(publisher); i++)
        if (publisher->effort >= enough || publisher->stats.events >= events)
            break;
    if (deltas_may_go(publisher) || turns_may_go(publisher))
        publisher_flush_soon(publisher);
}

/* ---- signals ---- */

static struct publisher_stream *stream_by_path(const struct publisher *publisher, struct slice path)
{
    const char *slash = path.len ? memchr(path.data, '/', path.len) : NULL;
    struct audience *audience =
        slash ? audience_find(publisher, path.data, (size_t)(slash - path.data)) : NULL;
    struct publisher_stream *stream = audience ? audience->streams : NULL;
    while (stream && !slice_equal(path, stream->path))
        stream = stream->next;
    return stream;
}

static void answer_equal(struct publisher_stream *stream, const char *informer, const struct message *sync)
{
    struct publisher *publisher = stream->publisher;
    topics_text topic;
    struct message equal = {
        .kind = MESSAGE_EQUAL,
        .nonce = sync->nonce,
        .epoch = stream->epoch,
        .to = stream->sequence,
        .root = store_root(stream->published),
        .count = store_count(stream->published),
    };
    if (topics_stream(&publisher->options.topics, publisher->name, informer, &stream->gvr, topic) != 0)
        return;
    STREAM_COUNT(stream, syncs_equal, 1);
    publisher_send(publisher, topic, &equal, false);
}

/* What a path names, whether or not there is such a stream. */
static bool path_parse(const struct publisher *publisher, struct slice path, struct topic *out)
{
    cleanup_free char *topic = mem_printf("%s/%.*s", publisher->presence_topic, SLICE_ARGS(path));
    return topics_parse(&publisher->options.topics, topic, out) == 0 && out->kind == TOPIC_STREAM;
}

/* Of a stream that is not there: whether it is over is the owner's to know. The epoch is the one that the
 * asker has, and so is right for it alone. */
static void answer_absent(struct publisher *publisher, const char *informer, const struct message *sync)
{
    struct topic stream;
    topics_text topic;
    bool known = publisher->ops && publisher->ops->absent && path_parse(publisher, sync->body, &stream);
    int reason = known ? publisher->ops->absent(publisher->arg, stream.informer, &stream.gvr) : 0;
    if (!reason ||
        topics_stream(&publisher->options.topics, publisher->name, informer, &stream.gvr, topic) != 0) {
        publisher->stats.syncs_refused++;
        return;
    }
    struct message end = {.kind = MESSAGE_END,
                          .epoch = sync->epoch,
                          .nonce = sync->nonce,
                          .from = sync->to + 1,
                          .reason = (uint64_t)reason};
    publisher->stats.syncs_ended++;
    publisher_send(publisher, topic, &end, false);
}

static bool may_read(const struct publisher_stream *stream, const char *informer)
{
    return strcmp(stream->audience->name, TOPICS_ALL) == 0 || strcmp(stream->audience->name, informer) == 0;
}

static void on_sync(struct publisher *publisher, const char *informer, const struct message *sync)
{
    struct publisher_stream *stream = stream_by_path(publisher, sync->body);
    if (!stream)
        answer_absent(publisher, informer, sync);
    else if (!stream->ready || !may_read(stream, informer))
        publisher->stats.syncs_refused++;
    else if (sync->count == store_count(stream->published) &&
             digest_equal(sync->root, store_root(stream->published)))
        answer_equal(stream, informer, sync);
    else if (!sync->whole && replay_can(stream, sync))
        replay_start(stream, informer, sync);
    else if (!sync->whole && repair_can(stream, sync))
        repair_start(stream, informer, sync);
    else
        chunks_start(stream, informer, sync);
}

static void want_one(struct publisher *publisher, const char *informer, struct slice path, uint64_t lease_s)
{
    struct publisher_stream *stream = stream_by_path(publisher, path);
    if (!stream || !may_read(stream, informer)) {
        publisher->stats.wants_refused++;
    } else if (stream->ops && stream->ops->wanted) {
        stream->ops->wanted(stream->arg, informer, (int64_t)lease_s * LOOP_SECOND);
        stream->audience->heartbeat_due = true;
    }
}

/* The heartbeat behind it tells all informers that the lease was renewed. */
static void on_want(struct publisher *publisher, const char *informer, const struct message *want)
{
    struct slice rest = want->body;
    uint64_t lease_s = want->lease < WANT_LEASE_MAX_S ? want->lease : WANT_LEASE_MAX_S;
    for (size_t i = 0; i < WANT_PATHS_MAX && rest.len; i++) {
        const char *space = memchr(rest.data, ' ', rest.len);
        size_t len = space ? (size_t)(space - rest.data) : rest.len;
        want_one(publisher, informer, (struct slice){rest.data, len}, lease_s);
        rest = (struct slice){rest.data + len + (space != NULL), rest.len - len - (space != NULL)};
    }
    publisher->stats.wants_refused += rest.len > 0;
    announce_soon(publisher, WANT_ECHO_US);
}

/* The path, and a line behind it what the informer has. */
static void on_have(struct publisher *publisher, const char *informer, const struct message *have)
{
    const char *newline = have->body.len ? memchr(have->body.data, '\n', have->body.len) : NULL;
    size_t path_len = newline ? (size_t)(newline - have->body.data) : 0;
    struct publisher_stream *stream = stream_by_path(publisher, (struct slice){have->body.data, path_len});
    if (stream)
        repair_have(stream, informer, have, (struct slice){newline + 1, have->body.len - path_len - 1});
}

static void audience_due(struct publisher *publisher, const char *name)
{
    struct audience *audience = audience_find(publisher, name, strlen(name));
    if (audience)
        audience->catalog_due = true;
}

/* What others send may be anything: counted by its caller, and said once in a while. */
static void report_noise(struct publisher *publisher, const char *informer, const char *what)
{
    const struct publisher_stats *stats = &publisher->stats;
    if (allowance_take(&publisher->noise_log, loop_now_us(publisher->loop), NOISE_LOG_US, 1))
        log_warn(publisher->options.log, "publisher",
                 "signal of %s: %s; dropped (so far %" PRIu64 " were not understood, %" PRIu64
                 " were too many)",
                 informer, what, stats->malformed, stats->excess);
}

static void on_malformed(struct publisher *publisher, const char *informer)
{
    publisher->stats.malformed++;
    report_noise(publisher, informer, "not understood");
}

static void on_excess(struct publisher *publisher, const char *informer)
{
    publisher->stats.excess++;
    report_noise(publisher, informer, "it asks more often than any informer has to");
}

static void on_whois(struct publisher *publisher, const char *informer, int64_t delay_us)
{
    if (!askers_take_whois(&publisher->askers, informer, loop_now_us(publisher->loop))) {
        on_excess(publisher, informer);
        return;
    }
    if (publisher->ops && publisher->ops->asked)
        publisher->ops->asked(publisher->arg, informer);
    publisher->presence_due = true;
    audience_due(publisher, TOPICS_ALL);
    audience_due(publisher, informer);
    announce_soon(publisher, delay_us);
}

static void on_signal(struct publisher *publisher, const struct topic *topic, const void *payload, size_t len)
{
    struct message message;
    struct publisher_stream *stream;
    if (!askers_take(&publisher->askers, topic->informer, loop_now_us(publisher->loop))) {
        on_excess(publisher, topic->informer);
        return;
    }
    if (codec_decode(publisher->codec, payload, len, &message) != 0) {
        on_malformed(publisher, topic->informer);
        return;
    }
    switch (message.kind) {
    case MESSAGE_SYNC:
        on_sync(publisher, topic->informer, &message);
        break;
    case MESSAGE_CREDIT:
        stream = stream_by_path(publisher, message.body);
        if (stream && stream->ready)
            transfer_credit(stream, topic->informer, &message);
        break;
    case MESSAGE_HAVE:
        on_have(publisher, topic->informer, &message);
        break;
    case MESSAGE_WANT:
        on_want(publisher, topic->informer, &message);
        break;
    case MESSAGE_WHOIS:
        on_whois(publisher, topic->informer,
                 topic->kind == TOPIC_WHOIS ? (int64_t)loop_random_below(publisher->loop, WHOIS_JITTER_US)
                                            : 0);
        break;
    default:
        on_malformed(publisher, topic->informer);
    }
}

void publisher_on_message(struct publisher *publisher, const char *topic, const void *payload, size_t len)
{
    struct topic parsed;
    if (topics_parse(&publisher->options.topics, topic, &parsed) != 0)
        return;
    if (parsed.kind == TOPIC_WHOIS ||
        (parsed.kind == TOPIC_SIGNAL && strcmp(parsed.provider, publisher->name) == 0))
        on_signal(publisher, &parsed, payload, len);
    else if (parsed.kind == TOPIC_PRESENCE && strcmp(parsed.provider, publisher->name) == 0)
        announce_own_presence(publisher, payload, len);
}

void publisher_on_disconnected(struct publisher *publisher)
{
    publisher->connected = false;
    timer_stop(&publisher->flush);
}

void publisher_on_drained(struct publisher *publisher)
{
    if (publisher->work || publisher->turns)
        publisher_flush_soon(publisher);
}

/* ---- life ---- */

static void publisher_subscribe(struct publisher *publisher)
{
    topics_text filter;
    topics_filter_signals(&publisher->options.topics, publisher->name, filter);
    transport_subscribe(publisher->transport, filter, 1);
    topics_filter_whois(&publisher->options.topics, filter);
    transport_subscribe(publisher->transport, filter, 1);
    transport_subscribe(publisher->transport, publisher->presence_topic, 1);
}

struct publisher *publisher_create(struct loop *loop, struct transport *transport,
                                   const struct publisher_options *options, const struct publisher_ops *ops,
                                   void *arg)
{
    struct publisher *publisher = mem_zalloc(sizeof(*publisher));
    publisher->loop = loop;
    publisher->transport = transport;
    publisher->options = *options;
    publisher->ops = ops;
    publisher->arg = arg;
    publisher->boot = loop_random(loop) | 1;
    if (!publisher->options.heartbeat_us)
        publisher->options.heartbeat_us = HEARTBEAT_DEFAULT_US;
    if (!publisher->options.window_bytes)
        publisher->options.window_bytes = WINDOW_BYTES;
    if (!publisher->options.window_messages)
        publisher->options.window_messages = WINDOW_MESSAGES;
    if (!publisher->options.repair_bytes)
        publisher->options.repair_bytes = REPAIR_BYTES;
    if (!publisher->options.slice_objects)
        publisher->options.slice_objects = SLICE_OBJECTS;
    snprintf(publisher->name, sizeof(publisher->name), "%s", options->name);
    topics_presence(&publisher->options.topics, publisher->name, publisher->presence_topic);
    publisher->presence =
        (struct presence){.alive = true, .heartbeat_ms = publisher->options.heartbeat_us / LOOP_MS};
    publisher->codec = codec_create(options->encoding, BODY_LIMIT);
    buf_init(&publisher->body, BODY_LIMIT);
    timer_init(&publisher->flush, loop, on_flush, publisher);
    discards_init(&publisher->discards, loop);
    announce_init(publisher);
    publisher_subscribe(publisher);
    timer_start(&publisher->heartbeat, publisher->options.heartbeat_us);
    return publisher;
}

void publisher_set_boot(struct publisher *publisher, uint64_t boot)
{
    publisher->boot = boot;
}

struct slice publisher_will(struct codec *codec, uint64_t boot)
{
    struct buf body = BUF_INIT(1024);
    presence_format(&body, &(struct presence){.alive = false});
    struct message message = {.kind = MESSAGE_PRESENCE, .boot = boot, .body = {body.data, body.len}};
    struct slice payload = codec_encode(codec, &message);
    buf_deinit(&body);
    return payload;
}

void publisher_destroy(struct publisher *publisher)
{
    if (!publisher)
        return;
    struct audience *audience, *next;
    HASH_ITER (hh, publisher->audiences, audience, next) {
        while (audience->streams)
            stream_destroy(audience->streams);
        HASH_DEL(publisher->audiences, audience);
        free(audience);
    }
    discards_deinit(&publisher->discards);
    turns_deinit(publisher);
    askers_deinit(&publisher->askers);
    timer_stop(&publisher->flush);
    timer_stop(&publisher->heartbeat);
    timer_stop(&publisher->announce);
    timer_stop(&publisher->self_test);
    codec_destroy(publisher->codec);
    buf_deinit(&publisher->body);
    free(publisher);
}

static void raise(uint64_t *most, uint64_t value)
{
    if (value > *most)
        *most = value;
}

static void add_memory(struct publisher_memory *memory, const struct publisher_stream *stream)
{
    const struct transfer *transfer;
    uint64_t transfers;
    DL_COUNT(stream->transfers, transfer, transfers);
    raise(&memory->pending, HASH_COUNT(stream->pending_by_key));
    raise(&memory->replay_bytes, stream->sent_bytes);
    raise(&memory->transfers, transfers);
}

struct publisher_memory publisher_memory(const struct publisher *publisher)
{
    struct publisher_memory memory = {.replays_bytes = publisher->sent_bytes,
                                      .crossing_bytes = publisher->crossing_bytes};
    for (const struct audience *audience = publisher->audiences; audience; audience = audience->hh.next)
        for (const struct publisher_stream *stream = audience->streams; stream; stream = stream->next)
            add_memory(&memory, stream);
    return memory;
}
