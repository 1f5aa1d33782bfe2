#ifndef TI_INFORMER_INFORMER_INTERNAL_H
#define TI_INFORMER_INFORMER_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "base/allowance.h"
#include "base/backoff.h"
#include "informer/changes.h"
#include "informer/informer.h"
#include "informer/snapshot.h"
#include "store/discards.h"
#include "transport/split.h"

#define BODY_LIMIT ((size_t)32 << 20)
#define SUPERSEDED_MAX 4
#define STREAMS_OF_CLUSTER_MAX (2 * CATALOG_STREAMS_MAX) /* one catalog for all, one for us */
#define CLUSTER_HELD_BYTES_MAX ((size_t)32 << 20)

enum replica_phase {
    REPLICA_IDLE,       /* not known to be right; a sync is queued, or waits for its time */
    REPLICA_SYNCING,    /* a sync was sent */
    REPLICA_INSTALLING, /* a verified snapshot is put in place, slice by slice */
    REPLICA_LIVE,       /* equal to what is published, delta by delta */
};

/* A delta that came before the one in front of it. */
struct held {
    struct message message;
    char *body; /* owned */
    struct held *prev, *next;
};

/* Of the informer's counters those that are kept for each replica, too. */
struct replica_stats {
    uint64_t messages, bytes; /* of the stream, and answers */
    uint64_t events, syncs, syncs_equal, syncs_repair, syncs_snapshot, syncs_failed;
    uint64_t gaps, divergences, bases_missing;
    uint64_t duplicates, held_dropped, foreign, refused;
};

/* Counts for the replica and for its informer. */
#define REPLICA_COUNT(replica, member, more)                                                                 \
    ((replica)->stats.member += (more), (replica)->informer->stats.member += (more))

struct informer_replica {
    struct informer *informer;
    struct informer_cluster *cluster;
    char audience[TOPICS_PARTICIPANT_MAX + 1];
    struct gvr gvr;
    char *path; /* audience/group/version/resource: what the cluster finds it by */
    char kind[64];
    bool namespaced;
    char *names;              /* packed; NULL: not known */
    bool seen;                /* while a catalog is read: in it */
    bool listed;              /* in the catalog of the boot that we follow */
    bool awaited;             /* not in it, but it is not complete yet */
    int unlisted_tries;       /* syncs sent since it was not */
    bool departing;           /* its objects are being taken away, and then it is dropped (departure.c) */
    uint64_t announced_epoch; /* of the catalog; 0: nothing of it is published now */
    enum stream_state state;
    int64_t age_s, age_at_us;
    bool leased;            /* it is published only while it is of interest: */
    int64_t lease_until_us; /* so long, as the provider said last */
    struct {
        uint64_t epoch, sequence;
        char version[64]; /* the resourceVersion up to which that state is complete */
    } complete, promised; /* of the state that was reached last; of the one in the last heartbeat */

    struct replica_stats stats;
    enum replica_phase phase;
    bool whole; /* it was live once, or is restored from a run in which it was */
    struct store *store;
    uint64_t epoch, sequence; /* of the store; while installing, of `fresh` */
    struct store *fresh;      /* while installing: what is to be, */
    struct store *gone;       /* or, where this is there, what comes, and what does not stay (snapshot.h) */
    struct digest root;       /* of the whole then */
    uint64_t cursor;          /* while installing: key hashes below are done */

    struct snapshot *snapshot;      /* while syncing */
    size_t credit, answers, window; /* while syncing: answers promised, come, and to be ahead (credit.c) */
    uint64_t told;                  /* while syncing: haves sent */
    uint64_t unrepaired;            /* the epoch in which a repair failed */
    bool queued;
    int64_t live_us;     /* when it last became live */
    int64_t replayed_us; /* when a delta last came that was sent once more, for us alone; 0: never */
    struct backoff backoff;
    struct allowance anew;                  /* to be asked for at once, since another epoch was announced */
    bool refused;                           /* the last try: it would pass the bounds */
    uint64_t counted_objects, counted_size; /* in the cluster's */
    struct timer retry;                     /* idle: when to queue; syncing: when to give up */
    struct timer install;                   /* the next slice */

    struct held *held; /* by sequence */
    size_t held_count, held_bytes;
    struct timer reorder;            /* how long to wait for what is missing in front of them */
    struct timer drain;              /* others of them follow: the next turn takes them */
    struct timer lag;                /* how long a heartbeat may be ahead of us, and nothing come */
    uint64_t lag_sequence, lag_from; /* what it said, and where we were then */
    uint64_t beat_sequence;          /* the highest that a heartbeat has told since the last sync */
    int beats_behind;                /* heartbeats in a row that were behind us, and no delta between them */
    int64_t beat_behind_us;          /* when the last of these came */

    struct informer_replica *prev, *next;             /* the cluster's */
    UT_hash_handle hh;                                /* the cluster's, by path */
    struct informer_replica *queue_prev, *queue_next; /* the cluster's */
};

/* One catalog: replicas in its order, NULL where we do not want one. */
/* At QoS 0 a heartbeat overtakes the catalog that it names, which comes at QoS 1: it is held until then. */
struct early_heartbeat {
    uint64_t catalog;
    struct heartbeat_entry *entries; /* NULL: none */
    size_t count;
};

struct catalog {
    char audience[TOPICS_PARTICIPANT_MAX + 1];
    uint64_t hash, revision;
    uint64_t beat;    /* revision of the heartbeat that came last; 0: any may come */
    int64_t named_us; /* when a heartbeat named it last, or it came */
    bool complete;
    struct informer_replica **replicas;
    size_t count;
    struct early_heartbeat early;
    struct catalog *next;
};

struct informer_cluster {
    struct informer *informer;
    char name[TOPICS_PARTICIPANT_MAX + 1];
    uint64_t boot; /* the one we follow; 0: none yet */
    uint64_t superseded[SUPERSEDED_MAX];
    struct presence presence;
    bool uid_stated;     /* by the boot that we follow */
    uint64_t claim_boot; /* 0: none. A boot that was heard once to be of another cluster, and of which */
    char claim_cluster[64];
    bool alive;
    bool was_synced;  /* once, at least */
    int64_t since_s;  /* wall time: when this cluster was first known, in this run or in one before */
    int64_t heard_us; /* the last sign of life of that boot */
    struct timer silence;
    struct catalog *catalogs;
    int64_t whois_us; /* when last sent */
    struct allowance announcing, asking;
    struct allowance conflict_log, refused_log, state_log, divergence_log;
    struct timer want; /* when lapsing leases are renewed */
    int64_t want_us;   /* when last sent */
    struct informer_replica *replicas, *replicas_by_path;
    size_t replica_count, departing; /* of which so many go, a slice in a turn: */
    struct timer departure;
    struct informer_replica *queue; /* want to sync */
    struct informer_cluster *turn_prev, *turn_next;
    size_t promised;        /* as the informer's */
    uint64_t objects, size; /* of all replicas */
    size_t held_bytes;      /* the same */
    UT_hash_handle hh;
};

struct informer {
    struct loop *loop;
    struct transport *transport;
    struct codec *codec,
        *signals; /* to read, to write: a body that is read must outlive what is written meanwhile */
    struct assembler *assembler;
    struct informer_options options;
    const struct informer_ops *ops;
    void *arg;
    char name[TOPICS_PARTICIPANT_MAX + 1];
    char provider[TOPICS_PARTICIPANT_MAX + 1];
    uint64_t run; /* the upper half of all nonces; 0: none yet */
    int64_t begun_us;
    int64_t asked_us;           /* when it was first asked who is there; 0: not yet */
    bool connected, answerable; /* the first transport; the one that brings answers */
    struct informer_cluster *clusters;
    struct informer_cluster *turns; /* those with replicas that want to sync; the next one first */
    size_t turn_count;
    size_t queued, syncing, replica_count;
    size_t promised;   /* answers that may be on their way (credit.c) */
    struct timer seek; /* of one that follows a certain provider */
    struct allowance malformed_log, crowded_log, namesake_log, whois;
    struct discards discards; /* stores that no sync needs any more */
    struct informer_stats stats;
};

/* replica.c: what comes in */
struct informer_replica *cluster_find(struct informer_cluster *cluster, const char *audience,
                                      const struct gvr *gvr);
bool replica_follows(const struct informer_replica *replica, uint64_t epoch); /* takes deltas of it */
struct informer_replica *replica_create(struct informer_cluster *cluster, const char *audience,
                                        const struct catalog_entry *entry);
void replica_destroy(struct informer_replica *replica); /* tells nobody */
void replica_drop(struct informer_replica *replica);    /* tells dropped(), then destroys */
void replica_announced(struct informer_replica *replica, const struct catalog_entry *entry);
void replica_unlisted(struct informer_replica *replica, bool complete);
void replica_heartbeat(struct informer_replica *replica, const struct heartbeat_entry *entry);
void replica_delta(struct informer_replica *replica, const struct message *delta);
void replica_end(struct informer_replica *replica, const struct message *end); /* may destroy it */
void replica_set_phase(struct informer_replica *replica, enum replica_phase phase);
void replica_drain_held(struct informer_replica *replica);
void replica_drop_held(struct informer_replica *replica);

/* sync.c: how it gets right again */
void sync_init(struct informer_replica *replica);
void sync_deinit(struct informer_replica *replica);
void sync_want(struct informer_replica *replica);
void sync_admit(struct informer *informer);
void sync_answer(struct informer_replica *replica,
                 const struct message *message);     /* equal, chunk, digests, repair */
void sync_advance(struct informer_replica *replica); /* a delta was added to the snapshot */
void sync_stop(struct informer_replica *replica);    /* nothing is to be had; the store stays as it is */
/* What signals name the stream by: the topic without provider. */
void sync_path(const struct informer_replica *replica, topics_text out);

/* want.c: what providers publish only while it is of interest */
void want_init(struct informer_cluster *cluster);
void want_deinit(struct informer_cluster *cluster);
void want_heard(struct informer_replica *replica, int64_t lease_s); /* by a heartbeat; -1: needs none */
void want_no_more(struct informer_cluster *cluster);

void sync_refuse(struct informer_replica *replica); /* it would pass the bounds: not soon again */

/* departure.c: what goes, slice by slice */
void departure_init(struct informer_cluster *cluster);
void departure_deinit(struct informer_cluster *cluster);
/* Its objects are told as deleted, and it is dropped: at once where they are few. */
void replica_depart(struct informer_replica *replica);
/* The same of all replicas. True where none is left. */
bool cluster_depart(struct informer_cluster *cluster);

/* bounds.c: what one provider may make us hold and do. False: it is to be dropped, and is counted. */
bool bounds_announcing(struct informer_cluster *cluster, size_t len);
bool bounds_sync(struct informer_cluster *cluster);
bool bounds_stream(struct informer_cluster *cluster, const struct gvr *gvr);
void bounds_forget_streams(struct informer_cluster *cluster);
void bounds_account(struct informer_replica *replica); /* its store has changed */
/* Would the cluster's objects be within the bounds, with this state in the replica's place, of which there
 * will be `count` objects, or with these changes applied to what is or will be its store? */
bool bounds_fit_snapshot(const struct informer_replica *replica, const struct snapshot *snapshot,
                         uint64_t count);
bool bounds_fit_changes(const struct informer_replica *replica, const struct changes *changes,
                        const struct store *target);
void bounds_refuse(struct informer_replica *replica); /* counts, and says so once in a while */

/* credit.c */
bool credit_left(const struct informer *informer);
bool credit_left_for(const struct informer_cluster *cluster); /* for one sync more */
void credit_start(struct informer_replica *replica);
void credit_answered(struct informer_replica *replica); /* an answer came */
bool credit_renew(struct informer_replica *replica);    /* more are to come. True where credit has grown */
void credit_return(struct informer_replica *replica);   /* none are; idempotent */

/* cluster.c */
struct informer_cluster *cluster_get(struct informer *informer,
                                     const char *name); /* NULL where there are too many */
void cluster_known(struct informer_cluster *cluster,
                   const struct record *record); /* of a run before, where nothing newer is known */
void cluster_destroy(struct informer_cluster *cluster);
void cluster_presence(struct informer_cluster *cluster, const struct message *message);
void cluster_catalog(struct informer_cluster *cluster, const char *audience, const struct message *message);
void cluster_heartbeat(struct informer_cluster *cluster, const char *audience, const struct message *message);
void cluster_whois(struct informer_cluster *cluster);
void cluster_settle(struct informer_cluster *cluster);         /* notes whether it is synced now */
bool cluster_complete(const struct informer_cluster *cluster); /* it knows all that it has */
void cluster_report_conflict(struct informer_cluster *cluster, uint64_t other);

/* informer.c */
bool informer_signal(struct informer *informer, const char *provider, const struct message *message);
void informer_malformed(struct informer *informer, const char *what);

#endif
