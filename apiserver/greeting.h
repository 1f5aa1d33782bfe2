#ifndef TI_APISERVER_GREETING_H
#define TI_APISERVER_GREETING_H

/*
 * What comes before the first request over TLS, of all clients of a listener: so many steps of it before each
 * run of libmicrohttpd, in the order in which clients have sent what these need. A step costs a millisecond,
 * and thousands of clients may come at once, as after a restart; the library would do them all in one run.
 * Nor does it wait for the rest of a handshake: it asks again, for as long as there is none.
 *
 * So a connection may read when it is admitted, and until there is no more; then it is suspended. Once its
 * first request has begun it is over, and the library reads as it likes.
 */

#include <microhttpd.h>
#include <stdbool.h>

struct greeting {
    struct greetings *greetings;
    struct MHD_Connection *connection;
    int fd;
    bool admitted, suspended, over;
    struct greeting *prev, *next;
};

struct greetings {
    int epoll_fd; /* of those that are suspended: to be watched for reading. -1: none can be begun */
    struct greeting *first;
};

int greetings_init(struct greetings *greetings); /* 0, -errno */
/* All are over, so that the library may end its connections. Whoever watches the descriptor has stopped. */
void greetings_end(struct greetings *greetings);

/* Of a connection over TLS, as soon as there is one. */
struct greeting *greeting_begin(struct greetings *greetings, struct MHD_Connection *connection);
void greeting_over(struct greeting *greeting);    /* NULL is fine */
void greeting_destroy(struct greeting *greeting); /* NULL is fine; its connection reads no more */

/* Takes up some that have something to read. */
void greetings_admit(struct greetings *greetings);

#endif
