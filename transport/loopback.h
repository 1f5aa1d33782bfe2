#ifndef TI_TRANSPORT_LOOPBACK_H
#define TI_TRANSPORT_LOOPBACK_H

/*
 * A broker inside the process, and connections to it that keep the contract of transport.h: for tests, and
 * for the simulation, where it is the part that fails. Over a simulated loop all that it does is a function
 * of the loop's seed.
 *
 * Without faults it behaves as a good MQTT broker: retained messages, Last Will, '+' and '#', one copy for
 * each client however many of its filters match, order kept within a topic.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "transport/transport.h"

struct loopback_broker;

/* One message on one way: from a client to the broker, or from the broker to a client. */
struct loopback_passage {
    const char *client;
    bool to_client;
    const char *topic;
    const void *payload;
    size_t len;
};

/* All zero is no fault. Shares are 0–1 and hold for each way; a message lost on its way to the broker is
 * acknowledged all the same, as MQTT 3.1.1 does with what it denies. */
struct loopback_faults {
    double lose;
    double repeat;                      /* the second copy takes a delay of its own and may come late … */
    int64_t late_us;                    /* … by as much as this */
    double flip;                        /* one bit of the payload, at random */
    int64_t delay_min_us, delay_max_us; /* a message to a client takes two; topics overtake one another */
    bool reorder;                       /* messages of one topic overtake one another, too */
    size_t queue_limit;                 /* messages on the way to one client; more are lost. 0: no limit */
    /* Where set: true loses this message. */
    bool (*lose_this)(void *arg, const struct loopback_passage *passage);
    void *arg;
};

/* Messages, but for the first, count on both ways. */
struct loopback_stats {
    uint64_t delivered; /* message() was called */
    uint64_t lost, repeated, flipped;
    uint64_t overflowed; /* past queue_limit */
};

struct loopback_broker *loopback_broker_create(struct loop *loop);
void loopback_broker_destroy(struct loopback_broker *broker); /* after its clients */
void loopback_broker_set_faults(struct loopback_broker *broker, const struct loopback_faults *faults);
struct loopback_stats loopback_broker_stats(const struct loopback_broker *broker);

/* Down: every connection breaks, without wills, and attempts fail until it is up again. Idempotent, as up()
 * is. */
void loopback_broker_down(struct loopback_broker *broker);
void loopback_broker_up(struct loopback_broker *broker);
void loopback_broker_forget(struct loopback_broker *broker); /* all retained messages */

/* Everything is copied. Zero is the default of each. */
struct loopback_options {
    const char *name;       /* for reasons, and for passages */
    const char *will_topic; /* NULL: no will. It is published at QoS 1 */
    const void *will_payload;
    size_t will_len;
    bool will_retain;
    size_t max_payload;       /* bytes; 128 KiB */
    size_t window;            /* bytes in flight before TRANSPORT_E_FULL; 8 MiB */
    int64_t reconnect_min_us; /* 50 ms */
    int64_t reconnect_max_us; /* 500 ms */
    int64_t keepalive_us;     /* how long a cut connection lasts; 15 s */
};

struct transport *loopback_create(struct loopback_broker *broker, const struct loopback_options *options);

/* transport_destroy() says goodbye: all that was published arrives, and no will is sent. kill() is the death
 * of the process instead: some of it arrives, then the will, and the transport is gone. While cut nothing
 * arrives, and the broker finds out by the keepalive: the will comes late. */
void loopback_kill(struct transport *transport);

/* For a process that owns its transport: transport_destroy() will be its death, as kill(). */
void loopback_doom(struct transport *transport);

/* Breaks the connection, as kill(), but the client lives and connects again. */
void loopback_break(struct transport *transport);

/* While cut nothing passes, either way. After keepalive_us both ends take the connection for lost; if it is
 * joined before, all that waited passes. */
void loopback_cut(struct transport *transport);
void loopback_join(struct transport *transport);

#endif
