#ifndef TI_TRANSPORT_TRANSPORT_H
#define TI_TRANSPORT_TRANSPORT_H

/*
 * A connection to a broker, as a state machine sees it: topics, payloads, and no promise beyond MQTT's.
 * Messages may be lost, repeated, delayed, and reordered between topics; what is published while not
 * connected is refused, never queued. Implementations: transport/mqtt.h (libmosquitto) and
 * transport/loopback.h (in process, for tests and simulation).
 *
 * Contract of every implementation:
 *  - Callbacks run on the loop thread, never from inside a call of this interface.
 *  - connected() follows every (re)connect after the broker has taken the subscriptions again: what others
 *    publish from then on arrives. No message comes before it. disconnected() follows every loss, and every
 *    attempt that failed, with a one-line reason that says what to do.
 *  - publish() takes a copy. At QoS 1 it counts as in flight until the broker has acknowledged it or the
 *    connection is lost; drained() comes whenever the bytes in flight have fallen.
 *  - After destroy() no callback comes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRANSPORT_E_FULL = 1,    /* the queue is at its bound: try again after drained() */
    TRANSPORT_E_OFFLINE = 2, /* not connected: try again after connected() */
    TRANSPORT_E_TOO_BIG = 3, /* longer than transport_max_payload() or than a topic may be */
};

struct transport_callbacks {
    void (*connected)(void *arg);
    void (*disconnected)(void *arg, const char *reason);
    void (*message)(void *arg, const char *topic, const void *payload, size_t len, bool retained);
    void (*drained)(void *arg);
};

struct transport;

struct transport_ops {
    void (*start)(struct transport *transport, const struct transport_callbacks *callbacks, void *arg);
    /* Remembered, and sent again at each connect. qos 0 or 1. */
    void (*subscribe)(struct transport *transport, const char *filter, int qos);
    int (*publish)(struct transport *transport, const char *topic, const void *payload, size_t len, int qos,
                   bool retain);
    size_t (*in_flight)(struct transport *transport);       /* bytes of QoS 1 payloads not yet acknowledged */
    size_t (*in_flight_count)(struct transport *transport); /* how many they are */
    /* Bytes that were in flight and are not any more, acknowledged or lost, since it was created. What is
     * published stands at this plus in_flight(): once this has come there, it is through. */
    uint64_t (*landed)(struct transport *transport);
    size_t (*max_payload)(struct transport *transport); /* bytes; the broker's limit where it tells one */
    void (*destroy)(struct transport *transport);
};

/* Embedded by an implementation as its first member; zeroed but for the ops. */
struct transport {
    const struct transport_ops *ops;
    uint64_t sent_messages, sent_bytes; /* that publish() took */
};

static inline void transport_start(struct transport *transport, const struct transport_callbacks *callbacks,
                                   void *arg)
{
    transport->ops->start(transport, callbacks, arg);
}

static inline void transport_subscribe(struct transport *transport, const char *filter, int qos)
{
    transport->ops->subscribe(transport, filter, qos);
}

static inline int transport_publish(struct transport *transport, const char *topic, const void *payload,
                                    size_t len, int qos, bool retain)
{
    int r = transport->ops->publish(transport, topic, payload, len, qos, retain);
    if (r == 0) {
        transport->sent_messages++;
        transport->sent_bytes += len;
    }
    return r;
}

static inline size_t transport_in_flight(struct transport *transport)
{
    return transport->ops->in_flight(transport);
}

static inline size_t transport_in_flight_count(struct transport *transport)
{
    return transport->ops->in_flight_count(transport);
}

static inline uint64_t transport_landed(struct transport *transport)
{
    return transport->ops->landed(transport);
}

static inline size_t transport_max_payload(struct transport *transport)
{
    return transport->ops->max_payload(transport);
}

static inline void transport_destroy(struct transport *transport)
{
    if (transport)
        transport->ops->destroy(transport);
}

#endif
