#ifndef TI_INFORMER_ONCE_H
#define TI_INFORMER_ONCE_H

/*
 * Waits until what was asked for is synced, prints it, and is done. What that is: so many clusters; or,
 * where no number was given, every cluster that gives a sign of life, once no other has appeared for a while.
 * What was named and is not there is said in the log: an empty answer must not look like an empty cluster.
 */

#include "informer/viewer.h"
#include "transport/connection.h"

struct once_config {
    struct loop *loop; /* borrowed, as all that follows */
    struct log *log;   /* may be NULL */
    const struct informer *informer;
    struct viewer *viewer;
    const struct viewer_options *view;   /* the viewer's */
    const struct connection *connection; /* may be NULL */
    int64_t expect;                      /* clusters; 0: those that are there */
    int64_t timeout_us;                  /* 0: none */
    int64_t quiet_us;                    /* without expect: how long nothing new must have appeared */
    /* Once. 0: it was printed; EX_TEMPFAIL: the time is over, and err says what is missing. */
    void (*done)(void *arg, int code, const struct error *err);
    void *arg;
};

struct once;

struct once *once_create(const struct once_config *config);
void once_destroy(struct once *once); /* NULL is fine */

#endif
