#ifndef TI_APISERVER_EXCHANGE_H
#define TI_APISERVER_EXCHANGE_H

/*
 * One request and its answer. The answer is pulled: the reader takes bytes when it has room for them, and is
 * told when there may be some after it got none. What it asks for is printed into the memory that it reads
 * into; only an item that is larger is printed beside it. So a slow reader holds one item at most, whatever
 * happens in the server: a list is a set of references that is printed as it is read, and a watch is a
 * position in the history.
 */

#include <stddef.h>
#include <sys/types.h>

#include "apiserver/request.h"
#include "apiserver/server.h"
#include "kube/rest.h"

struct exchange;

enum {
    EXCHANGE_WAIT = 0,    /* nothing now; readable() comes when there is */
    EXCHANGE_END = -1,    /* the answer is complete */
    EXCHANGE_BROKEN = -2, /* the connection is to be cut: the server went away in mid-answer */
};

/* Who asks. */
struct asker {
    char name[64];  /* "": nobody is known */
    bool reader;    /* may only read, and no Secrets */
    uint64_t token; /* of access.h; 0: none was asked for */
};

/* Takes the request; nothing of it is kept. asker: NULL where nobody is known, who may do all. readable()
 * may come at any time until exchange_close(), from within whatever changed the server: it must do no more
 * than remember to read. horizon, where not NULL, is the revision up to which this replica of the server has
 * seen the history; it is read whenever it matters, and whoever raises it calls exchange_wake(). */
struct exchange *exchange_open(struct apiserver *server, const struct rest_request *request,
                               const struct asker *asker, const uint64_t *horizon,
                               void (*readable)(void *arg), void *arg);
void exchange_close(struct exchange *exchange); /* at any time; NULL is fine */

/* It has no status and no bytes yet, since a filter holds it back. readable() comes when it is over. */
bool exchange_held(const struct exchange *exchange);
bool exchange_broken(
    const struct exchange *exchange); /* what EXCHANGE_BROKEN says; before the first read, too */

int exchange_status(const struct exchange *exchange);
const char *exchange_content_type(const struct exchange *exchange);
int exchange_retry_after_s(const struct exchange *exchange);   /* 0: none */
const char *exchange_warning(const struct exchange *exchange); /* lines of ASCII; NULL: none */
bool exchange_streams(const struct exchange *exchange);        /* a watch */

/* The whole answer, where it is complete already, nothing of it was read, and it is no longer than that: it
 * ends so. False: it is to be read. */
bool exchange_take(struct exchange *exchange, size_t size, struct buf *out);
/* > 0: so many bytes; or one of the above. */
ssize_t exchange_read(struct exchange *exchange, char *out, size_t size);
/* All that there is has been told: the reader need not ask, and readable() comes when there is more. */
bool exchange_quiet(const struct exchange *exchange);
void exchange_wake(struct exchange *exchange); /* calls readable() */

/*
 * What a filter may do with a request: answer it in the place of the server, or let it through and change how
 * the answer flows.
 */
const struct request *exchange_request(const struct exchange *exchange);
/* The answer is that Status, in the place of anything printed so far. Returns its code. */
int exchange_fail(struct exchange *exchange, const struct status *status);
/* The answer is that JSON, with 200. */
void exchange_answer(struct exchange *exchange, const char *json, size_t len);
void exchange_hold(struct exchange *exchange, int64_t delay_us); /* the answer comes that much later */
void exchange_break(struct exchange *exchange);                  /* the connection is cut, now */
/* A watch says that Status, as an event, and ends; where it is none, nothing happens. */
void exchange_end_watch(struct exchange *exchange, const struct status *status);
/* In the place of the horizon of exchange_open(). */
void exchange_follow(struct exchange *exchange, const uint64_t *horizon);

#endif
