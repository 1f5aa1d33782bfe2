#ifndef TI_TRANSPORT_CONNECTION_H
#define TI_TRANSPORT_CONNECTION_H

/*
 * A program's connection to its broker: made from its options, shared by the halves that speak over it, and
 * said aloud once when it comes and once for each reason for which it goes, however often it is tried.
 */

#include "base/buf.h"
#include "base/checks.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/loop.h"
#include "transport/broker_options.h"
#include "transport/transport.h"

/* One half: an informer or a publisher. Each looks at the topics of what comes, and takes what is its own. */
struct connection_client {
    void (*connected)(void *client);
    void (*disconnected)(void *client);
    void (*message)(void *client, const char *topic, const void *payload, size_t len);
    void (*drained)(void *client);
};

/* What is published in our stead when we are lost; nothing where topic is NULL. */
struct connection_will {
    const char *topic;
    struct slice payload;
};

struct connection;

/* options and will are copied. name: this participant's. role: what a second connection is for, in one word;
 * NULL for the first. 0; EX_USAGE with the option at fault in err. */
int connection_create(struct loop *loop, struct log *log, const struct broker_options *options,
                      const char *name, const char *role, const struct connection_will *will,
                      struct connection **out, struct error *err);
/* The same over a transport that is there already, and becomes the connection's. broker: what it is called in
 * the log. */
struct connection *connection_over(struct transport *transport, struct log *log, const char *broker);
/* Sends what was published, waiting for the broker at most 2 s. NULL is fine. No client hears of it. */
void connection_destroy(struct connection *connection);

/* Why there is no connection, in one line; NULL while there is one, and before the first attempt has ended.
 * Borrowed until the loop runs on. */
const char *connection_reason(const struct connection *connection);

/* name: which of the program's connections this is. */
void connection_counters(const struct connection *connection, const char *name, struct counters *out);
void connection_ready(const struct connection *connection, const char *name, struct checks *out);

struct transport *connection_transport(struct connection *connection);

/* Before the start; ops is borrowed, as the client is until the connection's end. */
void connection_add(struct connection *connection, const struct connection_client *ops, void *client);
void connection_start(struct connection *connection); /* idempotent */

#endif
