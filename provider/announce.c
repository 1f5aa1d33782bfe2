/*
 * Presence, catalog and heartbeat: how informers learn that we are here, what there is, and how far each
 * stream is. The presence is retained, but only announces; being alive is shown by heartbeats, which are not.
 *
 * We watch our own presence. Another boot under our name is what a run before us left behind (retained, or
 * its last will come late), which we put right, or, where it comes after our own, another provider with our
 * name, which is said loudly: both publish whole and right streams of their own epochs, but informers would
 * follow now one and now the other.
 */
#include "provider/publisher_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define PRESENCE_LIMIT ((size_t)64 << 10)
#define SELF_TEST_US (15 * LOOP_SECOND)
#define REASSERT_US (2 * LOOP_SECOND)
#define CONFLICT_LOG_US (30 * LOOP_SECOND)
#define SLICE_AUDIENCES 64 /* announced to in one turn of the loop: a hub has thousands */
#define FULL_US (50 * LOOP_MS)

static void publish_presence(struct publisher *publisher)
{
    struct buf body = BUF_INIT(PRESENCE_LIMIT);
    presence_format(&body, &publisher->presence);
    struct message message = {
        .kind = MESSAGE_PRESENCE, .boot = publisher->boot, .body = {body.data, body.len}};
    if (publisher_send(publisher, publisher->presence_topic, &message, true))
        publisher->presence_due = false;
    buf_deinit(&body);
}

static void publish_catalog(struct publisher *publisher, struct audience *audience)
{
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    struct publisher_stream *stream;
    size_t count = 0, total = 0;
    DL_COUNT(audience->streams, stream, total);
    cleanup_free struct catalog_entry *entries = mem_zalloc(sizeof(*entries) * (total + 1));
    DL_FOREACH(audience->streams, stream)
    {
        struct catalog_entry *entry = &entries[count++];
        entry->gvr = stream->gvr;
        entry->namespaced = stream->namespaced;
        entry->epoch = stream->epoch;
        strcpy(entry->kind, stream->kind);
        names_unpack(stream->names, &entry->names);
    }
    catalog_format(&body, publisher->complete, entries, count);
    uint64_t hash = catalog_hash((struct slice){body.data, body.len});
    audience->revision += hash != audience->catalog;
    audience->catalog = hash;
    struct message message = {.kind = MESSAGE_CATALOG,
                              .boot = publisher->boot,
                              .revision = audience->revision,
                              .body = {body.data, body.len}};
    if (publisher_send(publisher, audience->topic, &message, false))
        audience->catalog_due = false;
    buf_deinit(&body);
}

/* Up to where what is published is complete, and no further: said only where both are the same. While events
 * wait that is not known, and readers go by the last word. */
static const char *version_of(struct publisher_stream *stream)
{
    const struct publisher_stream_ops *ops = stream->ops;
    const char *version =
        ops && ops->version && stream->ready && !stream->pending ? ops->version(stream->arg) : "";
    stream->version_due = stream->pending != NULL;
    return catalog_version_valid(version) ? version : "";
}

void announce_version(struct publisher_stream *stream)
{
    if (!stream->version_due || stream->pending)
        return;
    stream->version_due = false;
    stream->audience->heartbeat_due = true;
    announce_soon(stream->publisher, 0);
}

static int64_t seconds(struct publisher_stream *stream, int64_t (*us)(void *arg))
{
    int64_t value = us ? us(stream->arg) : -1;
    return value < 0 ? -1 : value / LOOP_SECOND;
}

static void heartbeat_entry(struct publisher_stream *stream, struct heartbeat_entry *entry)
{
    static const struct publisher_stream_ops none = {.age_us = NULL};
    const struct publisher_stream_ops *ops = stream->ops ? stream->ops : &none;
    *entry = (struct heartbeat_entry){
        .sequence = stream->sequence,
        .age_s = seconds(stream, ops->age_us),
        .state = stream->state,
        .lease_s = seconds(stream, ops->lease_us),
    };
    strcpy(entry->version, version_of(stream));
}

/* At QoS 0: the next one says it all again, and it must not wait behind what is unacknowledged. False where
 * the transport has no room. */
static bool publish_heartbeat(struct publisher *publisher, struct audience *audience)
{
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    struct publisher_stream *stream;
    size_t count = 0, total = 0;
    DL_COUNT(audience->streams, stream, total);
    cleanup_free struct heartbeat_entry *entries = mem_zalloc(sizeof(*entries) * (total + 1));
    DL_FOREACH(audience->streams, stream)
    heartbeat_entry(stream, &entries[count++]);
    heartbeat_format(&body, entries, count);
    struct message message = {.kind = MESSAGE_HEARTBEAT,
                              .boot = publisher->boot,
                              .catalog = audience->catalog,
                              .revision = ++audience->heartbeats,
                              .body = {body.data, body.len}};
    struct slice payload = codec_encode(publisher->codec, &message);
    int r = transport_publish(publisher->transport, audience->topic, payload.data, payload.len, 0, false);
    publisher->stats.heartbeats++;
    publisher->stats.unsent += r != 0;
    buf_deinit(&body);
    return r != TRANSPORT_E_FULL;
}

/* A catalog that changed goes first, so that the heartbeat can be read. False where it is to be tried again.
 */
static bool announce_audience(struct publisher *publisher, struct audience *audience)
{
    if (audience->catalog_due)
        publish_catalog(publisher, audience);
    audience->heartbeat_due = !publish_heartbeat(publisher, audience);
    return !audience->heartbeat_due;
}

static void audiences_due(struct publisher *publisher, bool catalog)
{
    for (struct audience *audience = publisher->audiences; audience; audience = audience->hh.next) {
        audience->catalog_due |= catalog;
        audience->heartbeat_due = true;
    }
}

static void on_heartbeat(void *arg)
{
    struct publisher *publisher = arg;
    timer_start(&publisher->heartbeat, publisher->options.heartbeat_us);
    audiences_due(publisher, false);
    announce_soon(publisher, 0);
}

/* A round goes over all audiences, in slices; where the transport is full it waits, so that those at the end
 * are not always the ones who hear nothing. */
static void on_announce(void *arg)
{
    struct publisher *publisher = arg;
    struct audience *audience = publisher->announce_next ? publisher->announce_next : publisher->audiences;
    if (!publisher->connected)
        return;
    if (publisher->presence_due)
        publish_presence(publisher);
    publisher->announce_next = NULL;
    for (int count = 0; audience; audience = audience->hh.next) {
        if (!audience->catalog_due && !audience->heartbeat_due)
            continue;
        if (++count > SLICE_AUDIENCES || !announce_audience(publisher, audience)) {
            publisher->announce_next = audience;
            timer_start(&publisher->announce, count > SLICE_AUDIENCES ? 0 : FULL_US);
            return;
        }
    }
    if (publisher->announce_again)
        timer_start(&publisher->announce, 0);
    publisher->announce_again = false;
}

static void on_self_test(void *arg)
{
    struct publisher *publisher = arg;
    if (!publisher->connected || publisher->presence_right)
        return;
    publisher->presence_due = true; /* it may only have been lost */
    announce_soon(publisher, 0);
    timer_start(&publisher->self_test, SELF_TEST_US);
    if (publisher->presence_seen || publisher->unheard)
        return;
    publisher->unheard = true;
    publisher->stats.unheard++;
    log_warn(publisher->options.log, "publisher",
             "%s: our own presence did not come back: the broker may deny us this topic without saying "
             "so (check its "
             "access list: write and read on %s, write below it)",
             publisher->presence_topic, publisher->presence_topic);
}

void announce_init(struct publisher *publisher)
{
    timer_init(&publisher->heartbeat, publisher->loop, on_heartbeat, publisher);
    timer_init(&publisher->announce, publisher->loop, on_announce, publisher);
    timer_init(&publisher->self_test, publisher->loop, on_self_test, publisher);
}

/* Once for all that asked meanwhile. */
void announce_soon(struct publisher *publisher, int64_t delay_us)
{
    bool sooner = publisher->announce.due_us > loop_now_us(publisher->loop) + delay_us;
    if (publisher->announce_next)
        publisher->announce_again = true; /* the round under way may be past it */
    else if (!timer_active(&publisher->announce) || sooner)
        timer_start(&publisher->announce, delay_us);
}

void publisher_on_connected(struct publisher *publisher)
{
    publisher->connected = true;
    publisher->presence_due = true;
    publisher->presence_seen = publisher->presence_right = publisher->unheard = false;
    audiences_due(publisher, true);
    publisher->announce_next = NULL;
    timer_stop(&publisher->announce);
    timer_start(&publisher->self_test, SELF_TEST_US);
    on_announce(publisher);
    publisher_flush_soon(publisher);
}

void publisher_complete(struct publisher *publisher)
{
    if (publisher->complete)
        return;
    publisher->complete = true;
    audiences_due(publisher, true);
    announce_soon(publisher, 0);
}

void publisher_farewell(struct publisher *publisher)
{
    publisher->presence.alive = false;
    if (publisher->connected)
        publish_presence(publisher);
}

static void report_conflict(struct publisher *publisher, uint64_t boot)
{
    int64_t now = loop_now_us(publisher->loop);
    publisher->stats.conflicts++;
    if (publisher->conflict_logged_us && now - publisher->conflict_logged_us < CONFLICT_LOG_US)
        return;
    publisher->conflict_logged_us = now;
    log_error(publisher->options.log, "publisher",
              "another provider publishes as '%s' (boot %016" PRIx64
              "): give each cluster a --cluster name of its own, or "
              "stop the other one",
              publisher->name, boot);
}

/* What was heard last of ourselves is not how it is; the broker may have retained it so. */
static void reassert(struct publisher *publisher)
{
    publisher->presence_right = false;
    publisher->presence_due = true;
    if (!timer_active(&publisher->self_test))
        timer_start(&publisher->self_test, SELF_TEST_US);
    announce_soon(publisher, REASSERT_US + (int64_t)loop_random_below(publisher->loop, REASSERT_US));
}

/* In the plain form, which has no check, a bit flipped may have made it say anything. */
static bool is_as_said(const struct presence *heard, const struct presence *said)
{
    return (heard->alive || !said->alive) && strcmp(heard->cluster, said->cluster) == 0 &&
           strcmp(heard->version, said->version) == 0 && heard->heartbeat_ms == said->heartbeat_ms;
}

void announce_own_presence(struct publisher *publisher, const void *payload, size_t len)
{
    struct message message;
    struct presence presence;
    if (codec_decode(publisher->codec, payload, len, &message) != 0 || message.kind != MESSAGE_PRESENCE ||
        presence_parse(message.body, &presence) != 0) {
        publisher->stats.malformed++;
        reassert(publisher);
        return;
    }
    if (message.boot == publisher->boot) {
        publisher->presence_seen = true;
        publisher->presence_right = is_as_said(&presence, &publisher->presence);
        if (publisher->presence_right)
            return;
    } else if (presence.alive && publisher->presence_seen) {
        report_conflict(publisher, message.boot);
    }
    reassert(publisher);
}

void publisher_set_cluster(struct publisher *publisher, const char *uid, const char *version)
{
    struct presence *presence = &publisher->presence;
    snprintf(presence->cluster, sizeof(presence->cluster), "%s", uid);
    snprintf(presence->version, sizeof(presence->version), "%s", version);
    publisher->presence_due = true;
    announce_soon(publisher, 0);
}
