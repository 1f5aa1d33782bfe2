#ifndef TI_TRANSPORT_MQTT_H
#define TI_TRANSPORT_MQTT_H

/*
 * A transport over a real broker, by libmosquitto. MQTT 5 where the broker speaks it, else 3.1.1; always a
 * clean start, so that nothing old comes after a reconnect; TLS with the system's authorities or given ones.
 *
 * Every attempt to connect is a session of its own (mqtt_session.h), with a thread of its own and fresh
 * state: files for password and certificates are read again, and what the last connection left undone is
 * gone. This side belongs to the loop thread alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "transport/transport.h"

/* Everything is copied but the log, which is borrowed. Zero is the default of each but broker and client_id.
 */
struct mqtt_options {
    const char *broker;    /* URL, see mqtt_url.h */
    const char *client_id; /* made unique by a random part, so that two processes with one id do not evict
                              each other; another one where that does not help */
    const char *username;
    const char *password_file; /* its first line; read at each attempt */
    const char *tls_ca;        /* PEM files, as those below; without it, the system's authorities */
    const char *tls_cert, *tls_key;
    const char *will_topic; /* NULL: no will. QoS 1 */
    const void *will_payload;
    size_t will_len;
    bool will_retain;
    int keepalive_s;          /* 30; at least 5 */
    size_t inbound_bytes;     /* the broker has to wait while the loop is so far behind; 16 MiB */
    size_t inbound_count;     /* the same in messages; 10,000 */
    size_t outbound_bytes;    /* unacknowledged or unsent, before TRANSPORT_E_FULL; 8 MiB */
    size_t outbound_count;    /* the same in messages; 10,000 */
    int64_t reconnect_min_us; /* the wait doubles up to the maximum, and up to twice that by chance; 500 ms */
    int64_t reconnect_max_us; /* 30 s */
    int64_t attempt_us;       /* how long an attempt may take; 15 s */
    struct log *log;          /* what is refused while connected: subscriptions, messages */
};

/* The loop must be a real one. 0; EX_USAGE with the option at fault in err. Whether files and broker are
 * there shows at the first attempt, as the reason of disconnected(). */
int mqtt_create(struct loop *loop, const struct mqtt_options *options, struct transport **out,
                struct error *err);

/* transport_destroy() says goodbye, in turns of the loop that come after it (loop_destroy() waits for them):
 * it sends what was published, waiting for the broker at most 2 s. */

#endif
