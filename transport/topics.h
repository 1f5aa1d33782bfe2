#ifndef TI_TRANSPORT_TOPICS_H
#define TI_TRANSPORT_TOPICS_H

/*
 * The topics of the protocol (docs/protocol.md): built here, and taken apart here, and nowhere else.
 *
 *     <signal>/<provider>/<informer>               informer → provider: sync, want, stop
 *     <signal>/all/<informer>                      whois: to every provider
 *     <payload>/<provider>                         presence
 *     <payload>/<provider>/<audience>              catalog and heartbeat
 *     <payload>/<provider>/<audience>/<g>/<v>/<r>  a stream: for "all", or for one participant by name
 *
 * The core group is written "core", and '.' in a group is written '~', which no name can contain: some
 * brokers refuse or mangle dots. Building and parsing are inverse to each other: a topic that parses is
 * exactly what is built from its parts.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/gvr.h"
#include "transport/filter.h"

enum {
    TOPICS_E_FOREIGN = 1,     /* parse: not a topic of the protocol under these prefixes */
    TOPICS_E_UNSPEAKABLE = 2, /* build: these names make no topic (longer than TOPIC_MAX, or not valid) */
};

#define TOPICS_PREFIX_MAX 100 /* leaves room for two names of any length; long groups are seen when built */
#define TOPICS_PARTICIPANT_MAX 63
#define TOPICS_ALL "all"
#define TOPICS_HUB "hub"

struct topics {
    char signal[TOPICS_PREFIX_MAX + 1];
    char payload[TOPICS_PREFIX_MAX + 1];
};

/* Checks and keeps the prefixes: 1–TOPICS_PREFIX_MAX bytes, no empty level but the first, no wildcard, no '$'
 * in front, neither equal nor one inside the other. 0; EX_USAGE with the flag at fault in err. */
int topics_init(struct topics *topics, const char *signal, const char *payload, struct error *err);

bool topics_participant_valid(const char *name); /* a DNS label, lower case, and not "all" */
bool topics_cluster_valid(const char *name);     /* a participant other than the hub */

/* Each writes a topic, or a filter, to out. 0, TOPICS_E_UNSPEAKABLE (out is "" then). */
typedef char topics_text[TOPIC_MAX + 1];
int topics_signal(const struct topics *topics, const char *provider, const char *informer, topics_text out);
int topics_whois(const struct topics *topics, const char *informer, topics_text out);
int topics_presence(const struct topics *topics, const char *provider, topics_text out);
int topics_audience(const struct topics *topics, const char *provider, const char *audience, topics_text out);
int topics_stream(const struct topics *topics, const char *provider, const char *audience,
                  const struct gvr *gvr, topics_text out); /* audience: TOPICS_ALL or a participant */

int topics_filter_signals(const struct topics *topics, const char *provider,
                          topics_text out); /* to that provider */
int topics_filter_whois(const struct topics *topics, topics_text out);
int topics_filter_presences(const struct topics *topics, topics_text out);
/* Streams, catalogs and heartbeats for that audience. provider may be NULL: of all. */
int topics_filter_streams(const struct topics *topics, const char *provider, const char *audience,
                          topics_text out);

/* The labels of a stream's samples (base/metrics.h): cluster (its provider), resource and version; and where
 * it is for one participant alone, audience. */
void topics_labels(const char *provider, const char *audience, const struct gvr *gvr, struct buf *out);

enum topic_kind { TOPIC_SIGNAL, TOPIC_WHOIS, TOPIC_PRESENCE, TOPIC_AUDIENCE, TOPIC_STREAM };

struct topic {
    enum topic_kind kind;
    char provider[TOPICS_PARTICIPANT_MAX + 1]; /* "" for TOPIC_WHOIS */
    char informer[TOPICS_PARTICIPANT_MAX + 1]; /* or the audience, TOPICS_ALL included; "" for presence */
    struct gvr gvr;                            /* TOPIC_STREAM only */
};

/* topic is any text whatever. 0, TOPICS_E_FOREIGN (out is undefined then). */
int topics_parse(const struct topics *topics, const char *topic, struct topic *out);

#endif
