#ifndef TI_TRANSPORT_LOOPBACK_INTERNAL_H
#define TI_TRANSPORT_LOOPBACK_INTERNAL_H

/*
 * The loopback in three parts: links (loopback_link.c) carry packets one way and are where the faults are;
 * the broker (loopback_broker.c) keeps what is retained and routes; a client (loopback.c) is a connection
 * with a link each way.
 */

#include <uthash.h>

#include "transport/loopback.h"

/* Shared and immutable. */
struct message {
    size_t refs;
    char *topic;   /* owned */
    char *payload; /* owned */
    size_t len;
    int qos;
    bool retain;
};

struct message *message_create(const char *topic, const void *payload, size_t len, int qos, bool retain);
struct message *message_ref(struct message *message);
void message_unref(struct message *message); /* NULL is fine */

struct client;

/* A message on its way, or, where message is NULL, the acknowledgement of so many bytes. */
struct packet {
    struct packet *prev, *next;
    struct link *link;
    struct timer timer;
    struct message *message; /* one reference */
    size_t acknowledged;
    int64_t due_us;
    bool retained; /* sent because it was retained */
    bool repeat;   /* the second copy */
};

struct link {
    struct client *client;
    bool to_client;
    void (*arrive)(struct client *client,
                   struct packet *packet); /* borrows the packet; last thing the link does */
    struct packet *packets;                /* in the order in which they were sent */
    size_t count;
    struct lane *lanes; /* by topic */
};

void link_init(struct link *link, struct client *client, bool to_client,
               void (*arrive)(struct client *client, struct packet *packet));
void link_send(struct link *link, struct message *message, bool retained); /* takes its own reference */
void link_acknowledge(struct link *link, size_t bytes);
void link_resume(struct link *link); /* after a cut: what should have arrived arrives at the next turn */
/* Lets the first `count` packets arrive now and loses the rest. */
void link_close(struct link *link, size_t count);
/* What the faults do to a message that arrives: false where it is lost; the packet's message may change. */
bool link_admits(struct packet *packet);

struct loopback_broker {
    struct loop *loop;
    struct client *clients; /* list */
    struct retained *retained;
    struct loopback_faults faults;
    struct loopback_stats stats;
    bool down;
};

void broker_route(struct loopback_broker *broker, struct message *message);
void broker_send_retained(struct loopback_broker *broker, struct client *client, const char *filter);

enum client_state {
    CLIENT_IDLE,    /* not started */
    CLIENT_WAITING, /* timer: the next attempt */
    CLIENT_ONLINE,  /* timer, where cut: the keepalive */
    CLIENT_LOST,    /* timer: disconnected() is due */
};

struct subscription {
    struct subscription *next;
    char *filter; /* owned */
};

struct client {
    struct transport transport; /* first */
    struct client *prev, *next;
    struct loopback_broker *broker;
    char *name; /* owned */
    struct message *will;
    size_t limit, window;
    int64_t reconnect_min_us, reconnect_max_us, keepalive_us;
    struct transport_callbacks callbacks;
    void *arg;
    enum client_state state;
    struct timer timer;
    bool cut, doomed;
    bool ghost; /* the process is gone, and the broker has not noticed: only the will is still to come */
    struct subscription *subscriptions;
    struct link up, down;
    size_t in_flight, in_flight_count;
    uint64_t landed;
    char reason[200];
};

void client_free(struct client *client);

/* The connection is gone: `arriving` packets still reach the broker, then the will, if it is to be sent. */
void client_lose(struct client *client, size_t arriving, bool will, const char *why);

#endif
