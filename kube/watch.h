#ifndef TI_KUBE_WATCH_H
#define TI_KUBE_WATCH_H

/*
 * One watch: a request whose answer is a stream of events, until the server ends it. The server is asked to
 * do so after 5 to 10 minutes, chosen at random so that the watches of many clients do not end together; a
 * watch that says nothing for longer than that is half-open, and ends as lost.
 *
 * An ERROR event ends the watch with the Status that it carries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "kube/call.h"
#include "kube/collection.h"
#include "kube/watch_decoder.h"

struct watch_ops {
    void (*established)(void *arg);                            /* the server has accepted it */
    void (*event)(void *arg, const struct watch_event *event); /* never ERROR; may cancel the watch */
    void (*done)(void *arg, const struct status *status);      /* OK: ended in order; may start again */
};

struct watch {
    const struct collection *collection; /* borrowed */
    const struct watch_ops *ops;
    void *arg;
    struct loop *loop;
    struct call call;
    struct watch_decoder decoder;
    int64_t started_us;
    int64_t last_byte_us; /* when the last bytes came, of this watch or one before it; 0: never */
    size_t events;        /* of this watch */
    struct status error;  /* of an ERROR event, while it leaves the decoder */
    bool feeding, cancelled;
};

void watch_init(struct watch *watch, struct loop *loop, struct rest *rest,
                const struct collection *collection, const struct watch_ops *ops, void *arg);

/* resource_version: from where on; "" with initial_events: the state of now, as ADDED events and a bookmark
 * behind them (WatchList). Must be idle. */
void watch_start(struct watch *watch, const char *resource_version, bool initial_events);
void watch_cancel(struct watch *watch); /* no callback after it; idempotent, ends init too */

#endif
