#ifndef TI_TESTS_PUBLISHING_H
#define TI_TESTS_PUBLISHING_H

/* A provider without a cluster behind it: a store that the test changes, published as pods. */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "provider/publisher.h"
#include "tests/support/wire.h"

struct publishing {
    struct wire *wire;
    struct transport *transport;
    struct publisher *publisher;
    struct store *pods;
    struct publisher_stream *stream;
    int absent; /* enum end_reason: why streams that are not there are over; 0: not known */
};

struct publishing_options {
    const char *name; /* NULL: c1 */
    const char *uid;  /* NULL: uid-1; "" is not known yet */
    struct store *pods;
    size_t max_payload, window; /* 0: the defaults */
    size_t transport_window;
    enum encoding encoding;
    bool unready;
};

static inline void publishing_connected(void *arg)
{
    publisher_on_connected(((struct publishing *)arg)->publisher);
}

static inline void publishing_disconnected(void *arg, const char *reason)
{
    (void)reason;
    publisher_on_disconnected(((struct publishing *)arg)->publisher);
}

static inline void publishing_message(void *arg, const char *topic, const void *payload, size_t len,
                                      bool retained)
{
    (void)retained;
    publisher_on_message(((struct publishing *)arg)->publisher, topic, payload, len);
}

static inline void publishing_drained(void *arg)
{
    publisher_on_drained(((struct publishing *)arg)->publisher);
}

static inline int publishing_absent(void *arg, const char *audience, const struct gvr *gvr)
{
    (void)audience;
    (void)gvr;
    return ((struct publishing *)arg)->absent;
}

static inline struct gvr pods_gvr(void)
{
    struct gvr gvr;
    gvr_set(&gvr, "", "v1", "pods");
    return gvr;
}

static inline struct publisher_stream *publishing_add(struct publishing *p, const char *audience, bool ready)
{
    struct gvr gvr = pods_gvr();
    struct publisher_stream *stream = publisher_add(p->publisher, audience, &gvr, "Pod", true, p->pods);
    if (ready)
        publisher_stream_ready(stream);
    return stream;
}

static inline struct transport *publishing_transport(struct wire *wire,
                                                     const struct publishing_options *options,
                                                     const char *name, uint64_t boot)
{
    topics_text presence;
    struct codec *codec = codec_create(options->encoding, 4096);
    struct slice will = publisher_will(codec, boot);
    topics_presence(&wire->topics, name, presence);
    struct loopback_options loopback = {
        .name = name,
        .will_topic = presence,
        .will_payload = will.data,
        .will_len = will.len,
        .will_retain = true,
        .max_payload = options->max_payload,
        .window = options->transport_window,
    };
    struct transport *transport = loopback_create(wire->broker, &loopback);
    codec_destroy(codec);
    return transport;
}

/* Options as they are given are borrowed only for the call; pods longer. */
static inline void publishing_start(struct publishing *p, struct wire *wire,
                                    const struct publishing_options *options)
{
    static const struct transport_callbacks callbacks = {
        .connected = publishing_connected,
        .disconnected = publishing_disconnected,
        .message = publishing_message,
        .drained = publishing_drained,
    };
    static const struct publisher_ops ops = {.absent = publishing_absent};
    const char *name = options->name ? options->name : "c1";
    uint64_t boot = loop_random(wire->loop) | 1;
    *p = (struct publishing){.wire = wire, .pods = options->pods};
    p->transport = publishing_transport(wire, options, name, boot);
    struct publisher_options publisher = {
        .name = name,
        .topics = wire->topics,
        .encoding = options->encoding,
        .heartbeat_us = 2 * LOOP_SECOND,
        .window_bytes = options->window,
    };
    p->publisher = publisher_create(wire->loop, p->transport, &publisher, &ops, p);
    publisher_set_boot(p->publisher, boot);
    publisher_set_cluster(p->publisher, options->uid ? options->uid : "uid-1", "v1.36.1");
    p->stream = publishing_add(p, "all", !options->unready);
    publisher_complete(p->publisher);
    transport_start(p->transport, &callbacks, p);
}

/* Dies: what was published before is not lost, the will follows. */
static inline void publishing_kill(struct publishing *p)
{
    publisher_destroy(p->publisher);
    loopback_kill(p->transport);
    *p = (struct publishing){0};
}

static inline void publishing_stop(struct publishing *p)
{
    if (!p->publisher)
        return;
    publisher_farewell(p->publisher);
    publisher_destroy(p->publisher);
    transport_destroy(p->transport);
    *p = (struct publishing){0};
}

#endif
