#ifndef TI_APISERVER_HTTP_H
#define TI_APISERVER_HTTP_H

/*
 * An API server on a socket: HTTP/1.1, with or without TLS, by libmicrohttpd, run from the loop without
 * threads. Clients are bounded: in number, in the length of what they send, and in time (clients.h); one that
 * reads slowly costs a buffer, one that has gone away is found out within seconds.
 */

#include "apiserver/clients.h"
#include "apiserver/gate.h"
#include "apiserver/server.h"
#include "base/counters.h"

struct listener;

struct listener_options {
    const char *host;              /* "127.0.0.1", "::1", "" for all addresses */
    uint16_t port;                 /* 0: any free one */
    struct seats *seats;           /* for connections, borrowed; more get 429. NULL: 1000 of its own */
    int64_t patience_us;           /* with a client's request, or its reading; 0: a minute */
    struct log *log;               /* may be NULL */
    struct gate gate;              /* who gets in; zeroed: everybody */
    const char *certificate, *key; /* PEM, for TLS 1.2 and later; NULL: plain http */
};

/* 0, or one of sysexits with err set. The server is borrowed; its loop must be a real one. */
int listener_create(struct apiserver *server, const struct listener_options *options, struct listener **out,
                    struct error *err);
/* From now on another certificate, to those who connect. 0, EX_CONFIG. */
int listener_show(struct listener *listener, const char *certificate, const char *key, struct error *err);
/* Ends all connections. The loop must run once more before it is destroyed. NULL is fine. */
void listener_destroy(struct listener *listener);

/* instance: labels that tell it from other listeners of this process; "": there is one. */
void listener_counters(const struct listener *listener, const char *instance, struct counters *out);
uint16_t listener_port(const struct listener *listener);

#endif
