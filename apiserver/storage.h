#ifndef TI_APISERVER_STORAGE_H
#define TI_APISERVER_STORAGE_H

/*
 * What etcd and the watch cache are to a real API server: one revision counter over all resources, the
 * current objects of each, and the events that led there, as far back as a limit allows.
 *
 * A collection is one resource's share. Its objects are in partitions: one for each cluster of a fleet, or a
 * single one without a name where this is the cluster. Its events are a ring; those that fall out of it (by
 * count, by bytes, or by storage_compact()) raise `dropped`, and a watch or a pinned list that needs them
 * gets 410. Watches hold no queue of their own: each is a position in this ring, so that however slow its
 * reader is, it costs nothing. Those that are up to date wait in an audience: of one partition, where a watch
 * is about that alone, so that what changes in one cluster costs nothing to those who watch another.
 *
 * The state at an earlier revision (view.h) is the current one with the later events undone, for which
 * each event knows the object it replaced.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apiserver/audience.h"
#include "apiserver/object_set.h"
#include "apiserver/resource.h"
#include "base/event.h"

#define PARTITION_STALE_MAX 24
#define PARTITION_NOT_WHOLE "not whole yet"
#define PARTITION_NOT_MIRRORED "not mirrored" /* it is empty, and that says nothing */

struct partition {
    struct collection *collection;
    struct object_set objects;
    unsigned holders; /* the collection, its events, and views */
    bool dropped;     /* no part of the collection any more */
    uint64_t begun;   /* all its events are behind that revision */
    uint64_t lost;    /* revision of the last of them that is not to be had */
    struct audience audience;
    /* Of a fleet: since when it is not known to be up to date, or one of the words above; "" where it is. */
    char stale[PARTITION_STALE_MAX];
    char name[];
};

struct event {
    uint64_t revision;
    enum event_type type; /* ADDED, MODIFIED, DELETED */
    struct partition *partition;
    struct object *object; /* as it is at this revision; for DELETED the last state */
    struct object *old;    /* what it replaced; NULL for ADDED */
    uint64_t old_revision;
};

struct collection {
    struct resource resource;
    struct partition **partitions; /* in the order of their names */
    size_t partition_count, partition_cap;
    struct partition *own; /* the one without a name; NULL in a fleet */
    struct event *events;  /* ring of `cap` slots, `count` of them used from `first` */
    size_t first, count, cap;
    size_t event_bytes;
    uint64_t dropped;    /* events up to this revision are not to be had */
    uint64_t lost;       /* revision of the last event that is not to be had */
    uint64_t cache_from; /* watches can start at this revision or later: the watch cache was filled then */
    struct audience audience; /* of all its partitions; each has one of its own, too */
    bool served;    /* false once its CustomResourceDefinition is gone; the collection itself stays */
    bool forbidden; /* every request is answered with 403 */
    struct storage *storage;
    struct collection *next;
};

struct storage {
    uint64_t revision;        /* of the last commit */
    uint64_t compacted;       /* states before this revision are not to be had */
    struct collection *first; /* in the order of creation */
    struct collection **last;
    bool fleet;            /* set before the first collection */
    size_t history_events; /* events kept per collection; 0: no limit */
    size_t history_bytes;  /* and their bytes; 0: no limit */
    struct herald herald;  /* tells who waits that something was committed, by its revision */
    /* After each commit; both borrowed. May be NULL. Must not change the storage from inside. */
    void (*committed)(void *arg, struct collection *collection, const struct event *event);
    void *arg;
};

void storage_init(struct storage *storage, struct loop *loop);
void storage_deinit(struct storage *storage); /* nobody may wait for a change of it any more */

struct collection *storage_add(struct storage *storage,
                               const struct resource *resource); /* served; or served again */
struct collection *storage_find(const struct storage *storage, const char *group, const char *version,
                                const char *resource);
struct collection *storage_find_kind(const struct storage *storage, const char *group, const char *kind);

/* The partition of that name; made where there is none. */
struct partition *collection_partition(struct collection *collection, const char *name);
struct partition *collection_find(const struct collection *collection, const char *name); /* NULL: none */
/* Deletes so many of its objects at most, with an event each. False where none is left. */
bool partition_empty(struct partition *partition, size_t most);
void partition_drop(struct partition *partition);    /* an empty one: it is no more */
void partition_release(struct partition *partition); /* by one of its holders */

/* Makes `object` the state of its key (or, with deleted, its last state) under the next revision. */
void storage_commit(struct partition *partition, struct object *object, bool deleted);

/* Forgets what lies before that revision: a state or an event older than it is 410 from now on. */
void storage_compact(struct storage *storage, uint64_t revision);

enum { STORAGE_E_EXPIRED = 1 };

/* What comes back from a backup: all is as it was at that revision, later events have never been, and their
 * revisions are given anew. Watchers are not told. 0, or STORAGE_E_EXPIRED, and nothing is changed. */
int storage_restore(struct storage *storage, uint64_t revision);

/* Puts other bytes in the place of an object's that is there, without an event and without a revision. */
void storage_rewrite(struct collection *collection, struct object *object);

/* The i-th of the events that are kept (`count`), oldest first. Borrowed until the next commit. */
const struct event *collection_event(const struct collection *collection, size_t i);
void event_undo(const struct event *event, struct object_set *objects); /* of its partition */

/* How many of those that are kept are of that revision or before. */
size_t collection_events_until(const struct collection *collection, uint64_t revision);

/* The first event after a revision, NULL where there is none yet. Borrowed until the next commit. */
const struct event *collection_event_after(const struct collection *collection, uint64_t revision);

/* The first event after a revision over all collections: the history as etcd has it. */
const struct event *storage_event_after(const struct storage *storage, uint64_t revision,
                                        const struct collection **collection);

/* Not served any more: its watches end. */
void collection_retire(struct collection *collection);

#endif
