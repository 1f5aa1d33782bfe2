#ifndef TI_APISERVER_SERVER_INTERNAL_H
#define TI_APISERVER_SERVER_INTERNAL_H

/* What the files of this folder share: the server itself, and an exchange as those see it that produce its
 * answer. */

#include "apiserver/event_prints.h"
#include "apiserver/exchange.h"
#include "apiserver/request.h"
#include "apiserver/server.h"
#include "apiserver/view.h"
#include "apiserver/status.h"

#define SLICE_OBJECTS 256 /* how many objects are looked at for one slice of a long answer */

struct apiserver_stats {
    uint64_t ok, refused, failed; /* answers by class of status */
    uint64_t bytes;               /* of bodies, read */
    uint64_t outpaced;            /* watches whose reader was too slow */
};

struct apiserver {
    struct loop *loop;
    struct log *log;
    int64_t bookmark_us;
    size_t body_limit;
    int64_t toleration_s;
    bool graceful;
    struct storage storage;
    struct event_prints prints;
    const struct apiserver_filter *filter; /* NULL: none */
    const char *unready;                   /* the check that fails; NULL: none */
    struct exchange *exchanges;
    struct apiserver_stats stats;
    uint64_t next_address; /* of the cluster IPs that services get */
};

void apiserver_count(struct apiserver *server, int status); /* an answer is over */

/* Where a streamed answer comes from. fill() appends to exchange->out, which is the reader's memory as far as
 * that goes (buf_lend()): one item, and as many more as exchange_fits() lets it. True where there may be more
 * later. When it appends nothing, the reader waits for exchange_wake(), of which exchange_later() makes one
 * in the next turn of the loop. */
struct exchange_source {
    bool (*fill)(struct exchange *exchange);
    void (*close)(struct exchange *exchange);
};

struct exchange {
    struct apiserver *server;
    struct request request;
    struct asker asker;
    int status;
    const char *content_type;
    int retry_after_s;
    struct buf warning;                   /* for the header of that name; empty: none */
    struct buf out;                       /* printed, and not read */
    size_t sent;                          /* of out, where something is left */
    const struct exchange_source *source; /* NULL: out is all there is */
    void *state;                          /* the source's */
    struct timer again; /* wakes the reader where fill() has more to do than one turn of the loop is for */
    struct timer hold;
    bool ended, broken, watch;
    bool quiet; /* fill() has told all that there is, and nobody has woken the reader since */
    const uint64_t *horizon;
    void (*readable)(void *arg);
    void *arg;
    struct exchange *next, **link;
};

/* The revision that this exchange's replica has seen. */
uint64_t exchange_horizon(const struct exchange *exchange);

void exchange_later(struct exchange *exchange);

/* The slice that is being printed is empty, or has room for so many more bytes. */
bool exchange_fits(const struct exchange *exchange, size_t len);

/* Is it served, to this request? */
bool server_sees(const struct exchange *exchange, const struct collection *collection);

/* The collections that this request may see, one after the other: those of its cluster, or all. NULL: the
 * first, and the end. */
const struct collection *server_next(const struct exchange *exchange, const struct collection *after);

/* The partition that a request speaks about: its cluster's. NULL: all of them. */
struct partition *server_partition(const struct exchange *exchange, const struct collection *collection);

/* The objects that a request's namespace and selectors choose, now. 0, or an HTTP code with status set. */
int server_select(const struct exchange *exchange, const struct collection *collection,
                  struct object_set *out, struct status *status);

/* The ways to answer; each fills the exchange. dispatch.c chooses. */
void server_dispatch(struct exchange *exchange);
void server_answer_list(struct exchange *exchange, struct collection *collection);
void server_answer_get(struct exchange *exchange, struct collection *collection);
/* 504: the replica that was asked has not seen that revision yet. Returns the code. */
int server_too_large(const struct exchange *exchange, uint64_t wanted, struct status *status);
void server_answer_watch(struct exchange *exchange, struct collection *collection);
/* An open watch is told that its revision is too old, and ends. */
void server_expire_watch(struct exchange *exchange);
void server_answer_write(struct exchange *exchange, struct collection *collection);
void server_answer_discovery(struct exchange *exchange);

#endif
