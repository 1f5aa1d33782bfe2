#ifndef TI_INFORMER_INFORMER_H
#define TI_INFORMER_INFORMER_H

/*
 * The receiving half of the protocol: topics → stores. A state machine over a transport and a loop, for any
 * number of providers.
 *
 * A cluster is what one provider publishes under its name; a replica is our copy of one of its streams. A
 * replica's store changes in two ways only: by a delta that follows the one before it without a gap and leads
 * to the root it promises (checked before anything is changed), and by a whole snapshot that was verified
 * first. Everything else that can happen, a gap, another epoch, a root that differs, leads to a sync; until
 * that is done the store stays as it was and says that it is stale.
 *
 * Loop thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/checks.h"
#include "base/counters.h"
#include "base/event.h"
#include "base/gvr.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/record.h"
#include "store/store.h"
#include "transport/catalog.h"
#include "transport/envelope.h"
#include "transport/topics.h"
#include "transport/transport.h"

struct informer;
struct informer_cluster;
struct informer_replica;

struct informer_options {
    const char *name;     /* this participant; copied */
    const char *provider; /* follow only that one, and what it has for us alone; NULL: all. Copied */
    struct topics topics;
    enum encoding encoding; /* of signals; any is understood */
    /* Brings what is for us alone, answers to syncs above all, so that they do not queue in front of live
     * deltas. Borrowed as the first one, and not started yet. NULL: the first one brings all. */
    struct transport *transfers;
    size_t clusters_max; /* 0: 20,000 */
    size_t streams_max;  /* of all clusters; 0: 262,144, which are some 300 MB */
    /* Of one cluster, in all its resources; 0: as bounds.h has them. What would pass them is refused: the
     * resource at fault stays as it was, stale, and all others go on. */
    uint64_t objects_max, size_max; /* size: bytes, as object_size() counts */
    size_t slice_objects;           /* of a snapshot, put in place in one turn of the loop; 0: 256 */
    size_t replay_held;             /* deltas that wait for a replay, at most; 0: 64 */
    int64_t lease_s;                /* of what is published only while it is of interest; 0: 300 */
    struct attic *attic;            /* where objects are kept; borrowed, may be NULL */
    struct log *log;                /* may be NULL */
};

struct informer_ops {
    /* May be NULL, each. wanted: is this resource to be followed? (NULL: all are) */
    bool (*wanted)(void *arg, const char *cluster, const struct gvr *gvr);
    /* It appeared, came alive, fell silent, said goodbye, or became another cluster. */
    void (*cluster)(void *arg, struct informer_cluster *cluster);
    /* A replica was made; its store is empty. The place to observe it. */
    void (*replica)(void *arg, struct informer_replica *replica);
    /* It is equal to what its provider publishes, verified. Again after each sync. */
    void (*synced)(void *arg, struct informer_replica *replica);
    /* It was synced and is not known to be up to date any more. */
    void (*stale)(void *arg, struct informer_replica *replica);
    /* Its provider has said anew how it is: what replica_freshness() gives may be another. */
    void (*heard)(void *arg, struct informer_replica *replica);
    /* Its catalog says other names of it than before: replica_names(). */
    void (*renamed)(void *arg, struct informer_replica *replica);
    /* The replica goes: its cluster is another one now, or the stream ended (the store is empty then). */
    void (*dropped)(void *arg, struct informer_replica *replica);
};

struct informer_stats {
    uint64_t events;  /* changes of stores */
    uint64_t patched; /* those of deltas that were told as what changed */
    uint64_t deltas, duplicates, gaps, divergences;
    uint64_t bases_missing; /* deltas with a patch of an object that we do not have */
    uint64_t held_dropped;  /* deltas that waited for one before them, in vain */
    uint64_t syncs, syncs_equal, syncs_repair, syncs_snapshot;
    uint64_t syncs_ended;     /* answered by an end */
    uint64_t haves;           /* sent */
    uint64_t syncs_failed;    /* broken, or without an answer */
    uint64_t syncs_delayed;   /* for a while, since the provider makes us sync too often */
    uint64_t foreign;         /* of an epoch or a boot that we do not follow */
    uint64_t catalogs_old;    /* of the boot that we follow, and older than the one that we have */
    uint64_t unasked;         /* answers that nobody here asked for, or that came too late */
    uint64_t namesakes;       /* of these, answers to somebody else of our name */
    uint64_t malformed;       /* payloads that did not decode, or made no sense */
    uint64_t parts_given_up;  /* payloads that never got all their parts */
    uint64_t excess;          /* announcements beyond what a provider may send */
    uint64_t refused;         /* syncs and deltas that would have passed the bounds of a cluster */
    uint64_t streams_refused; /* announced beyond what is followed */
    uint64_t clusters_refused;
    uint64_t conflicts;    /* two providers of one name */
    uint64_t whois;        /* sent */
    uint64_t misinstalled; /* snapshots put in place that were not what had been verified: a fault of ours */
    uint64_t unsent;       /* signals that the transport refused */
};

/* As publisher_create(): subscribes on the transport, which must not be started yet. */
struct informer *informer_create(struct loop *loop, struct transport *transport,
                                 const struct informer_options *options, const struct informer_ops *ops,
                                 void *arg);
/* Providers hear that nothing is of interest here any more. Before the destruction, where that is for good;
 * NULL is fine. */
void informer_farewell(struct informer *informer);
void informer_destroy(struct informer *informer); /* no callback comes; NULL is fine */

void informer_on_connected(struct informer *informer);
void informer_on_disconnected(struct informer *informer);
void informer_on_transfers(struct informer *informer, bool connected); /* of options.transfers */
void informer_on_message(struct informer *informer, const char *topic, const void *payload, size_t len);
void informer_on_drained(struct informer *informer);

/* What is held for a while: bounded, whatever providers say. */
struct informer_memory {
    /* Of the replica that has most: */
    uint64_t held;     /* deltas that wait for one before them; 256 */
    uint64_t gathered; /* keys that deltas have told of during a sync; as many as there are */
    uint64_t answered; /* objects in the answers to a sync so far; the same */
    /* Of all: */
    uint64_t unfinished_bytes; /* payloads that lack parts; one for each topic, and 64 MiB */
};
struct informer_memory informer_memory(const struct informer *informer); /* O(replicas) */

/* Of this part of the clusters and their replicas, counted from 0: a slice of work. False: it was the last
 * one. */
bool informer_metrics(const struct informer *informer, struct metrics *out, size_t part);
/* Connected, and each cluster that is heard has been followed to its present state once. */
void informer_ready(const struct informer *informer, struct checks *out);

const struct informer_stats *informer_stats(const struct informer *informer);
void informer_counters(const struct informer *informer, struct counters *out);

/* Clusters, in the order in which they appeared; start with NULL. */
struct informer_cluster *informer_next_cluster(const struct informer *informer,
                                               const struct informer_cluster *cluster);
const char *cluster_name(const struct informer_cluster *cluster);
const char *cluster_uid(const struct informer_cluster *cluster);     /* "" while unknown */
const char *cluster_version(const struct informer_cluster *cluster); /* of Kubernetes, "" while unknown */
/* Wall time: when it was first known, in this run or in one before. */
int64_t cluster_since_s(const struct informer_cluster *cluster);
bool cluster_alive(const struct informer_cluster *cluster); /* heartbeats come */
/* Its catalog is complete, and every replica of it synced, or not to be had: forbidden, say. */
bool cluster_synced(const struct informer_cluster *cluster);
/* So it is, and what was synced is up to date: its API server is heard. */
bool cluster_fresh(const struct informer_cluster *cluster);

struct informer_replica *cluster_next_replica(const struct informer_cluster *cluster,
                                              const struct informer_replica *replica);
struct informer_cluster *replica_cluster(const struct informer_replica *replica);
const struct gvr *replica_gvr(const struct informer_replica *replica);
const char *replica_kind(const struct informer_replica *replica);
bool replica_namespaced(const struct informer_replica *replica);
void replica_names(const struct informer_replica *replica, struct names *out);
struct store *replica_store(const struct informer_replica *replica);
bool replica_synced(const struct informer_replica *replica);  /* at this moment, as far as can be known */
bool replica_refused(const struct informer_replica *replica); /* it would pass the bounds of its cluster */
enum stream_state replica_state(const struct informer_replica *replica);
/* How far what we have can be trusted to be what the cluster has. */
struct replica_freshness {
    bool alive;              /* the provider's heartbeats come */
    bool synced;             /* as replica_synced() */
    bool whole;              /* all of it has been here once, in this run or in one before (below) */
    enum stream_state state; /* as the provider said last */
    int64_t age_s;           /* since the API server was last heard about it; -1: never */
    /* It is complete up to this resourceVersion of the cluster; "" where that is not known. Borrowed until
     * the loop runs on. */
    const char *resource_version;
    bool exact; /* and has nothing that came after it */
};
struct replica_freshness replica_freshness(const struct informer_replica *replica);

/* ---- what outlives the process ---- */

/* A replica as a run before left it. Its store, observed by whoever ops.replica() lets, is empty: the caller
 * puts into it what it held then, as with no other replica, and says that this is done, and whether it was
 * all there. All before the transports are started. NULL where it makes no sense, is there already, or would
 * pass a bound. */
struct informer_replica *informer_restore(struct informer *informer, const struct record *record);
void replica_restored(struct informer_replica *replica, bool whole);
/* What informer_restore() needs; count and root, which are the store's, are left out. */
void replica_record(const struct informer_replica *replica, struct record *record);

#endif
