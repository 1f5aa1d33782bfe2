#ifndef TI_KUBE_REFLECTOR_H
#define TI_KUBE_REFLECTOR_H

/*
 * List and watch of one resource: tells its owner everything that a cache needs to stay equal to the API
 * server's, in order, and starts over by itself whatever goes wrong.
 *
 *     sync ──(stream, or list)──▶ replace ──▶ watch ──▶ events, bookmarks
 *       ▲                                       │
 *       └───── expired, unsafe, gone back ──────┘
 *
 * The first sync after the start is consistent (no resourceVersion), so that a lagging API server never takes
 * us back in time; later ones are "not older than" the last version seen, and consistent again where the
 * server has lost that one. Where the server can stream a list (WatchList) that is asked for first; where it
 * cannot, or says nothing, pages are.
 *
 * A watch that ends is taken up where it ended; only the server's word that it cannot (410, an ERROR event)
 * leads to a sync. One whose connection broke, or where a bookmark is older than what was seen, is taken up
 * only when the server is found not to have gone back (kube/version_check.h). A 404 means "gone" only after
 * gone_check.h has found so twice, ten seconds apart.
 *
 * The reflector owns no store, and no half list ever gets into one: replace_commit() is called only for a
 * list that is whole. Loop thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/event.h"
#include "base/gvr.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/object.h"
#include "kube/rest.h"

enum reflector_state {
    REFLECTOR_STARTING,
    REFLECTOR_SYNCED,      /* what was told is the whole, and a watch keeps it so */
    REFLECTOR_FORBIDDEN,   /* 403; tried again, slowly once it has stayed so */
    REFLECTOR_GONE,        /* the resource is really absent from the API; tried again slowly */
    REFLECTOR_UNAVAILABLE, /* anything else that keeps us from knowing; tried again with backoff */
};

const char *reflector_state_text(enum reflector_state state); /* "synced" … */

/* Objects are borrowed: object_ref() what is to be kept. Texts are borrowed until the callback returns. Every
 * callback may call reflector_stop(); none may call reflector_start() or reflector_destroy(). */
struct reflector_ops {
    /* A whole new state follows: gather it apart. Between begin and commit or abort come items only. An item
     * of type EVENT_DELETED takes back one that came before. */
    void (*replace_begin)(void *arg);
    void (*replace_item)(void *arg, enum event_type type, struct object *object);
    void (*replace_abort)(void *arg); /* what was gathered is void; the old state stays */
    void (*replace_commit)(void *arg, const char *resource_version);

    void (*event)(void *arg, enum event_type type, struct object *object); /* ADDED, MODIFIED, DELETED */
    void (*bookmark)(void *arg, const char *resource_version);             /* nothing happened up to here */

    /* Changed, in state or reason. reason: one line for people, "" where all is well. */
    void (*state)(void *arg, enum reflector_state state, const char *reason);
};

struct reflector_config {
    struct loop *loop; /* borrowed, as rest, log and rules are, for the reflector's life */
    struct rest *rest;
    struct log *log;                  /* may be NULL */
    const struct object_rules *rules; /* kind and api_version also tell which events are of another kind */
    struct gvr gvr;
    const char *namespace_;     /* NULL: all, or cluster scope */
    const char *label_selector; /* NULL: everything */
    const char *field_selector; /* NULL: everything */
    size_t object_limit;        /* bytes of one object; 0: 16 MiB */
    bool no_watch_list;         /* do not even ask for a streamed list */
    bool outages_told;          /* REFLECTOR_UNAVAILABLE is for the owner to log: it has many of these */
};

struct reflector_stats {
    uint64_t lists, streams, watches; /* begun */
    uint64_t events;                  /* told to the owner */
    uint64_t refused;                 /* objects that the scanner refused */
    uint64_t ignored;                 /* events of another kind or an unknown type */
};

struct reflector;

struct reflector *reflector_create(const struct reflector_config *config, const struct reflector_ops *ops,
                                   void *arg);
void reflector_destroy(struct reflector *reflector); /* NULL is fine; no callback after it */

void reflector_start(struct reflector *reflector); /* from the beginning: STARTING, and a consistent sync */
void reflector_stop(
    struct reflector *reflector); /* no callback after it, but replace_abort where one is open; idempotent */

enum reflector_state reflector_state(const struct reflector *reflector);
const struct reflector_stats *reflector_stats(const struct reflector *reflector);
/* labels: of the resource (base/metrics.h). */
void reflector_metrics(const struct reflector *reflector, const char *labels, struct metrics *out);
const char *reflector_resource_version(
    const struct reflector *reflector); /* the last one seen; "" before the first sync */
int64_t
reflector_last_byte_us(const struct reflector *reflector); /* when the watch last said anything; 0: never */

#endif
