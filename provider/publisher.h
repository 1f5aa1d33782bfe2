#ifndef TI_PROVIDER_PUBLISHER_H
#define TI_PROVIDER_PUBLISHER_H

/*
 * The publishing half of the protocol: stores → topics. A state machine over a transport and a loop.
 *
 * A stream is one resource for one audience ("all", or one participant by name). It has an epoch, drawn when
 * it starts, and a sequence number for each event, given when the event is encoded: what changes again while
 * it waits is published once, in its newest state, and leaves no gap.
 *
 * Beside the source store, which is how things are, each stream keeps the store of what is published: the
 * same objects by reference, so it costs a few words an object. Root and count in messages are that store's,
 * snapshots are read from it, and so every message describes exactly the state after the sequence number it
 * carries, whatever is pending.
 *
 * A snapshot is a walk through the published store by key hash. A chunk carries the sequence at which it was
 * read; the informer brings all of them to one point with the deltas. Nothing is pinned or copied for a
 * transfer, however long it takes, and it may be abandoned at any time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/gvr.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/store.h"
#include "transport/catalog.h"
#include "transport/envelope.h"
#include "transport/topics.h"
#include "transport/transport.h"

struct publisher;
struct publisher_stream;

struct publisher_options {
    const char *name;     /* this participant; copied */
    struct topics topics; /* prefixes */
    enum encoding encoding;
    int64_t heartbeat_us;   /* 0: 15 s */
    size_t window_bytes;    /* published and not yet acknowledged; 0: 4 MiB */
    size_t window_messages; /* the same in messages; while it is full, events gather in batches. 0: 64 */
    size_t repair_bytes;    /* of objects: streams of less are never repaired, but sent. 0: 256 KiB */
    size_t slice_objects;   /* looked at for one message of a repair; 0: 4,096 */
    struct log *log;        /* may be NULL */
};

struct publisher_ops { /* may be NULL, each */
    /* An informer asks who is there, or for a stream of its own: a chance to add streams for that audience.
     */
    void (*asked)(void *arg, const char *informer);
    /* An informer asks for a stream that is not there. An enum end_reason where it is known that there is to
     * be none, and its objects are no more; 0: nothing is known, and nothing is said. */
    int (*absent)(void *arg, const char *audience, const struct gvr *gvr);
};

/* What the owner of a stream knows of its source, asked for with each heartbeat; may be NULL, each. */
struct publisher_stream_ops {
    int64_t (*age_us)(void *arg); /* since the API server was last heard; -1: not known */
    /* The resourceVersion up to which the source is complete; "": not known just now. Borrowed. */
    const char *(*version)(void *arg);
    int64_t (*lease_us)(void *arg); /* for how long it is still of interest; without it: in any case */
    /* An informer wants it for so long; 0: no longer. */
    void (*wanted)(void *arg, const char *informer, int64_t lease_us);
};

struct publisher_stats {
    uint64_t events;    /* encoded */
    uint64_t patched;   /* of these, as what changed since the one before */
    uint64_t coalesced; /* changes that were overtaken before they were encoded */
    uint64_t heartbeats;
    uint64_t messages, bytes; /* all others */
    uint64_t unsent;          /* of these, refused by the transport: full, not connected, too long */
    uint64_t syncs_equal, syncs_replay, syncs_repair, syncs_snapshot, syncs_ended;
    uint64_t deltas_replayed, digests, repairs; /* messages of these */
    uint64_t syncs_refused; /* of what is not there, or not theirs, or one transfer too many */
    uint64_t wants_refused; /* streams that informers want, and that are not to be had */
    uint64_t malformed;     /* signals that did not decode */
    uint64_t excess;        /* signals beyond what one informer may send (provider/askers.h) */
    uint64_t too_large;     /* states of objects that no message could hold */
    uint64_t conflicts;     /* presences of another provider under our name */
    uint64_t unheard;       /* times that our own presence did not come back: the broker denies us silently */
};

/* Subscribes on the transport, which is borrowed and must outlive the publisher, and must not be started yet.
 * The owner of the transport passes its callbacks on to the publisher_on_…() functions. */
struct publisher *publisher_create(struct loop *loop, struct transport *transport,
                                   const struct publisher_options *options, const struct publisher_ops *ops,
                                   void *arg);
void publisher_destroy(struct publisher *publisher); /* and its streams; NULL is fine */

/* The payload of the last will; give it to the transport when making it, with this presence topic and boot.
 */
struct slice publisher_will(struct codec *codec, uint64_t boot);
void publisher_set_boot(struct publisher *publisher, uint64_t boot); /* before the transport is started */

void publisher_set_cluster(struct publisher *publisher, const char *uid, const char *version);
/* From now on the catalogs hold all that there is to be: each wanted resource is there, or is known not to be
 * had. */
void publisher_complete(struct publisher *publisher);
void publisher_farewell(struct publisher *publisher); /* says that this provider is gone, on purpose */

void publisher_on_connected(struct publisher *publisher);
void publisher_on_disconnected(struct publisher *publisher);
void publisher_on_message(struct publisher *publisher, const char *topic, const void *payload, size_t len);
void publisher_on_drained(struct publisher *publisher);

/* From now on this audience hears of us, even while there is no stream for it. */
void publisher_audience(struct publisher *publisher, const char *audience);

/* A stream that is not ready yet: it follows the source in silence, and is in the catalog as one that may be
 * had. The source is borrowed. kind: the object's, for people. NULL where the names make no topic. */
struct publisher_stream *publisher_add(struct publisher *publisher, const char *audience,
                                       const struct gvr *gvr, const char *kind, bool namespaced,
                                       struct store *source);
void publisher_stream_attend(struct publisher_stream *stream, const struct publisher_stream_ops *ops,
                             void *arg);
void publisher_stream_names(struct publisher_stream *stream, const struct names *names); /* for people, too */
/* The source is complete: announces it, as a new epoch. Idempotent. */
void publisher_stream_ready(struct publisher_stream *stream);
/* Not ready any more: nothing is published, and informers keep what they have. */
void publisher_stream_unready(struct publisher_stream *stream);
void publisher_stream_state(struct publisher_stream *stream, enum stream_state state);
/* Ends it: to informers all its objects are gone for that reason. The stream is freed. */
void publisher_stream_end(struct publisher_stream *stream, enum end_reason reason);

/* What is held for a while: bounded, however much changes, and whatever informers ask. */
struct publisher_memory {
    /* Of the stream that has most: */
    uint64_t pending;      /* keys that wait to be published; as many as there are */
    uint64_t replay_bytes; /* deltas kept for a replay; 256 KiB */
    uint64_t transfers;    /* under way; two for each informer, and 64 */
    /* Of all: */
    uint64_t replays_bytes;  /* 2 MiB */
    uint64_t crossing_bytes; /* of transfers, in flight; 128 KiB and one message */
};
struct publisher_memory publisher_memory(const struct publisher *publisher); /* O(streams) */

/* Of each stream. */
void publisher_metrics(const struct publisher *publisher, struct metrics *out);

const struct publisher_stats *publisher_stats(const struct publisher *publisher);
void publisher_counters(const struct publisher *publisher, struct counters *out);

#endif
