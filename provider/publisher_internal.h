#ifndef TI_PROVIDER_PUBLISHER_INTERNAL_H
#define TI_PROVIDER_PUBLISHER_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "base/allowance.h"
#include "provider/askers.h"
#include "provider/publisher.h"
#include "store/discards.h"
#include "transport/bytes.h"

#define HEARTBEAT_DEFAULT_US (15 * LOOP_SECOND)
#define WINDOW_BYTES ((size_t)4 << 20)
#define WINDOW_MESSAGES 64
#define BODY_LIMIT ((size_t)32 << 20)
#define OBJECT_SIZE_MAX (BODY_LIMIT - 65536) /* one alone fits a message, in either encoding */
#define HEADER_ROOM 128                      /* bytes: no header is longer, in either encoding but plain */
#define TRANSFERS_MAX 64                     /* at a time, per stream */
#define TRANSFER_WINDOW ((size_t)128 << 10)  /* bytes in flight of all transfers */
#define TRANSFER_IDLE_US (60 * LOOP_SECOND)

struct transfer;
struct publisher_stream;

/* Sends the next message. True where it was the last one. */
typedef bool transfer_send_fn(struct publisher_stream *stream, struct transfer *transfer);

/* An answer of several messages on its way to one informer. */
struct transfer {
    char informer[TOPICS_PARTICIPANT_MAX + 1];
    topics_text topic;
    uint64_t nonce;
    transfer_send_fn *send; /* NULL while the informer's turn is */
    uint64_t cursor;        /* where the next message begins: a key hash; a replay's: a sequence */
    uint64_t index;         /* of the next message */
    uint64_t credit;        /* messages allowed in all */
    int64_t last_us;        /* when it last moved: was asked for more, or sent something */
    /* of a repair: */
    unsigned bits;       /* of a bucket's number */
    char *have_body;     /* owned; the have that is answered, */
    struct reader have;  /* what of it is not answered yet, */
    uint64_t have_next;  /* and the least bucket that may come there */
    uint64_t have_index; /* of the next one */
    bool have_last;      /* this one is the last */
    struct transfer *prev, *next;
};

/* A key that was changed and not yet published. */
struct pending {
    UT_hash_handle hh;
    struct pending *prev, *next; /* oldest first */
    struct object *object;       /* one of that key: the first state that waited */
};

struct audience {
    char name[TOPICS_PARTICIPANT_MAX + 1];
    topics_text topic;
    uint64_t catalog;                /* hash of the one published last, */
    uint64_t revision;               /* and how many others there were, with it */
    uint64_t heartbeats;             /* so far */
    bool catalog_due, heartbeat_due; /* to be published as soon as we can */
    struct publisher_stream *streams;
    UT_hash_handle hh; /* by name: a hub has one for each of its clusters */
};

/* Of the publisher's counters those that are kept for each stream, too. */
struct stream_stats {
    uint64_t events, coalesced, messages, bytes, too_large;
    uint64_t syncs_equal, syncs_replay, syncs_repair, syncs_snapshot;
};

/* Counts for the stream and for its publisher. */
#define STREAM_COUNT(stream, member, more)                                                                   \
    ((stream)->stats.member += (more), (stream)->publisher->stats.member += (more))

struct publisher_stream {
    struct publisher *publisher;
    struct audience *audience;
    struct gvr gvr;
    char kind[64];
    bool namespaced;
    char *names; /* packed; NULL: not known */
    topics_text topic;
    struct stream_stats stats;
    const char *path;         /* the part of topic behind the provider: what a sync names the stream by */
    uint64_t epoch, sequence; /* 0 while it is not ready */
    bool ready;
    enum stream_state state;
    const struct publisher_stream_ops *ops;
    void *arg;
    bool version_due;     /* it could not be told, since events were pending */
    struct store *source; /* borrowed */
    struct store *published;
    struct store_observer observer;
    struct pending *pending_by_key, *pending;
    struct transfer *transfers;
    struct sent *sent; /* replay.c */
    size_t sent_bytes;
    struct publisher_stream *prev, *next;
    struct publisher_stream *work_prev, *work_next; /* in publisher->work while there is something to send */
    bool working;
    struct publisher_stream *turn_prev, *turn_next; /* in publisher->turns while a transfer may go on */
    bool in_turn;
};

struct publisher {
    struct loop *loop;
    struct transport *transport;
    struct codec *codec;
    struct publisher_options options;
    const struct publisher_ops *ops;
    void *arg;
    char name[TOPICS_PARTICIPANT_MAX + 1];
    topics_text presence_topic;
    uint64_t boot;
    struct presence presence;
    bool connected, presence_due, presence_seen, complete;
    bool presence_right; /* what was last heard of it is how it is */
    bool unheard;        /* it has not come back, and that was said */
    int64_t conflict_logged_us;
    struct audience *audiences;
    struct audience *announce_next; /* where the round of announcing goes on; NULL between rounds */
    bool announce_again;            /* asked for meanwhile */
    struct publisher_stream *work;  /* streams with events to send */
    struct publisher_stream *turns; /* streams with transfers that may go on, the next one first */
    bool turns_next;                /* it is their turn, and not the deltas' */
    struct crossing *crossings;     /* messages of transfers in flight (turns.c), oldest first */
    size_t crossing_bytes;
    struct sent *sent; /* of all streams, oldest first */
    size_t sent_bytes;
    struct askers askers;
    struct discards discards; /* what streams that ended had published */
    struct allowance noise_log;
    struct buf body;
    uint64_t effort; /* bytes sent, and bytes of objects read for that: what bounds a turn */
    struct timer flush, heartbeat, announce, self_test;
    struct publisher_stats stats;
};

/* stream.c */
void stream_destroy(struct publisher_stream *stream);
void stream_work(struct publisher_stream *stream); /* there are events to send */
bool stream_pump(struct publisher_stream *stream); /* sends one delta at most; false where there is none */
size_t stream_body_max(const struct publisher *publisher);

/* transfer.c */
/* The one transfer of this run of the informer and stream, for the sync given. NULL where there are too many.
 */
struct transfer *transfer_begin(struct publisher_stream *stream, const char *informer,
                                const struct message *sync, transfer_send_fn *send);
struct transfer *transfer_find(struct publisher_stream *stream, const char *informer, uint64_t nonce);
void transfer_credit(struct publisher_stream *stream, const char *informer, const struct message *credit);
void transfer_free(struct publisher_stream *stream, struct transfer *transfer); /* NULL is fine */
bool transfer_pump(struct publisher_stream *stream); /* one message at most; false where none may be sent */

/* turns.c */
void turns_want(struct publisher_stream *stream);  /* a transfer of it may go on */
void turns_leave(struct publisher_stream *stream); /* idempotent */
bool turns_may_go(struct publisher *publisher);    /* somebody wants to, and there is room */
void turns_go(struct publisher *publisher);        /* one message of the next stream, if there still is one */
bool turns_send_payload(struct publisher_stream *stream, const char *topic, struct slice payload);
bool turns_send(struct publisher_stream *stream, const char *topic, const struct message *message);
void turns_deinit(struct publisher *publisher);

/* chunks.c */
void chunks_start(struct publisher_stream *stream, const char *informer, const struct message *sync);

/* replay.c */
/* Remembers a delta that was sent; root and count are of what was published before it. */
void replay_keep(struct publisher_stream *stream, const struct message *delta, struct slice payload,
                 struct digest root, uint64_t count);
void replay_forget(struct publisher_stream *stream);
/* Is what the informer has a state that we were in, with all deltas since at hand? */
bool replay_can(const struct publisher_stream *stream, const struct message *sync);
void replay_start(struct publisher_stream *stream, const char *informer, const struct message *sync);

/* repair.c */
/* Is it likely that this is less than a snapshot? */
bool repair_can(const struct publisher_stream *stream, const struct message *sync);
void repair_start(struct publisher_stream *stream, const char *informer, const struct message *sync);
/* told: the body of the have behind the path. */
void repair_have(struct publisher_stream *stream, const char *informer, const struct message *have,
                 struct slice told);

struct audience *audience_find(const struct publisher *publisher, const char *name, size_t len);

/* publisher.c */
bool publisher_may_send(const struct publisher *publisher);
/* Encodes and publishes at QoS 1. True where it was taken. */
bool publisher_send(struct publisher *publisher, const char *topic, const struct message *message,
                    bool retain);
/* Of the stream, which it is counted for. */
bool publisher_send_payload(struct publisher_stream *stream, const char *topic, struct slice payload);
void publisher_flush_soon(struct publisher *publisher);

/* announce.c */
void announce_init(struct publisher *publisher);
void announce_soon(struct publisher *publisher, int64_t delay_us);
void announce_version(struct publisher_stream *stream); /* events have gone */
void announce_own_presence(struct publisher *publisher, const void *payload, size_t len);

#endif
