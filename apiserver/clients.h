#ifndef TI_APISERVER_CLIENTS_H
#define TI_APISERVER_CLIENTS_H

/*
 * Who is connected to a listener, and how long each may keep it waiting. A client waits for us, or we for it:
 * for the whole of its next request, or for room for the next piece of its answer. One that takes longer than
 * patience allows is cut off, and so is one that has died meanwhile; nobody else notices. What may lie in the
 * kernel for one client is bounded, too. Between two requests it may take twice as long, and ten times for
 * the whole of an answer that has an end. Who came when all seats were taken is there only to be told so, and
 * has a tenth of the time for it.
 *
 * The socket is the library's. It is shut down here, and the library finds out.
 */

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/loop.h"

/* Written and not yet acknowledged. */
#define CLIENT_PENDING_BYTES (128 << 10)

enum client_wait {
    CLIENT_SENDS,  /* we wait for a request: patience is for all of it */
    CLIENT_READS,  /* we wait for room: patience is for each piece */
    CLIENT_SERVED, /* it waits for us */
    CLIENT_IDLE,   /* there is nothing to wait for but the next request */
};

/* How many may be connected, to all listeners that share them. */
struct seats {
    unsigned limit, taken;
};

/* As many as are asked for, as far as this process may have descriptors; it gets all that it may. */
void seats_init(struct seats *seats, unsigned asked);

struct client_stats {
    uint64_t open;                             /* now */
    uint64_t accepted, refused;                /* ever; of those, beyond the limit */
    uint64_t slow_senders, slow_readers, idle; /* cut off; and … */
    uint64_t died;                             /* … whose end had not been noticed */
};

struct keypair;

struct client {
    struct clients *clients;
    int fd;
    bool refused; /* no seat was free when it came: its request is to be answered with 429 */
    bool is_cut;
    struct greeting *greeting; /* NULL without TLS */
    struct keypair *shown;     /* over TLS, as soon as it has asked for that; a reference */
    bool endless;              /* its answer has no end that could be waited for */
    enum client_wait wait;
    int64_t since_us, asked_us; /* that it waits so; that its request was complete */
    /* That it is cut off while it is CLIENT_SERVED, when the library does not look at its socket. */
    void (*lost)(void *arg);
    void *arg;
    struct client *next, **link;
};

struct clients {
    struct loop *loop;
    struct log *log; /* may be NULL */
    struct seats *seats;
    int64_t patience_us;
    struct timer sweep;
    struct client *first, *swept; /* all; and whom the sweep under way looks at next, NULL: there is none */
    struct client_stats stats, before_sweep;
};

/* seats are borrowed. */
void clients_init(struct clients *clients, struct loop *loop, struct log *log, struct seats *seats,
                  int64_t patience_us);
void clients_deinit(struct clients *clients); /* all must have left */

struct client *clients_join(struct clients *clients, struct MHD_Connection *connection);
void clients_leave(struct client *client);
void client_wait(struct client *client, enum client_wait wait); /* from now on */
void client_asked(struct client *client, bool endless);         /* its request is complete */

/* instance: labels that tell this listener from others. */
void clients_counters(const struct clients *clients, const char *instance, struct counters *out);

#endif
