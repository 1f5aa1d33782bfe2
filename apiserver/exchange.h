#ifndef TI_APISERVER_EXCHANGE_H
#define TI_APISERVER_EXCHANGE_H

/*
 * One request and its answer. The answer is pulled: the reader takes bytes when it has room for them, and is
 * told when there may be some after it got none. So a slow reader holds one buffer of bounded size, whatever
 * happens in the server: a list is a set of references that is printed as it is read, and a watch is a
 * position in the history.
 */

#include <stddef.h>
#include <sys/types.h>

#include "apiserver/server.h"
#include "kube/rest.h"

struct exchange;

enum {
    EXCHANGE_WAIT = 0,    /* nothing now; readable() comes when there is */
    EXCHANGE_END = -1,    /* the answer is complete */
    EXCHANGE_BROKEN = -2, /* the connection is to be cut: the server went away in mid-answer */
};

/* Takes the request; nothing of it is kept. readable() may come at any time until exchange_close(), from
 * within whatever changed the server: it must do no more than remember to read. horizon, where not NULL, is
 * the revision up to which this replica of the server has seen the history; it is read whenever it matters,
 * and whoever raises it calls exchange_wake(). */
struct exchange *exchange_open(struct apiserver *server, const struct rest_request *request,
                               const uint64_t *horizon, void (*readable)(void *arg), void *arg);
void exchange_close(struct exchange *exchange); /* at any time; NULL is fine */

int exchange_status(const struct exchange *exchange);
const char *exchange_content_type(const struct exchange *exchange);
int exchange_retry_after_s(const struct exchange *exchange);   /* 0: none */
const char *exchange_warning(const struct exchange *exchange); /* one line of ASCII; NULL: none */
bool exchange_streams(const struct exchange *exchange);        /* a watch */

/* The whole answer, where it is complete already and nothing of it was read: it ends with that. False: it is
 * to be read. */
bool exchange_take(struct exchange *exchange, struct buf *out);
/* > 0: so many bytes; or one of the above. */
ssize_t exchange_read(struct exchange *exchange, char *out, size_t size);
void exchange_wake(struct exchange *exchange); /* calls readable() */

#endif
