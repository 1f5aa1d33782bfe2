#ifndef TI_AGENT_APPLIER_INTERNAL_H
#define TI_AGENT_APPLIER_INTERNAL_H

#include "agent/applier.h"

#include <uthash.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "kube/apply.h"
#include "provider/mirror.h"

enum work_phase {
    WORK_IDLE,    /* nothing to do until something changes */
    WORK_QUEUED,  /* to be looked at when there is room */
    WORK_WAITING, /* to be looked at when the timer fires */
    WORK_BUSY,    /* a request is under way */
};

enum work_step { STEP_LOOK, STEP_APPLY, STEP_FORCE, STEP_NAMESPACE, STEP_DELETE, STEP_MARK };

/* What is to be done about one key on the target. */
struct work {
    struct applier *applier;
    char *key;    /* on the target */
    char *source; /* at the source, as last heard of; NULL where only the target has told of it */
    enum work_phase phase;
    enum work_step step; /* of the request under way */
    struct apply_call *call;
    struct timer timer;
    struct backoff retry;  /* after failures */
    struct backoff repair; /* between repairs */
    int64_t repair_from_us;
    bool again;     /* something changed while a request was under way */
    bool urgent;    /* and it must not wait for the target's watch */
    bool tombstone; /* the source has said that this one is deleted */
    bool namespace_tried;
    bool repairing; /* the request under way is a repair */

    bool known;           /* the next two are of the last apply that went well */
    uint64_t applied;     /* hash of the manifest */
    uint64_t fingerprint; /* what the target made of it */
    struct buf manifest;  /* of the request under way */
    uint64_t sending;     /* its hash */
    uint64_t deleted_uid; /* hash of the uid whose deletion was accepted; 0: none */
    int forced;           /* applies by force in the window that began at: */
    int64_t forced_us;
    bool fought; /* that was not the end of it */

    unsigned
        era; /* of the source when the object was looked at last: behind the applier's it is to be marked */

    enum applier_condition condition;
    char *reason;
    struct work *prev, *next; /* in the queue */
    UT_hash_handle hh;
};

struct applier {
    struct loop *loop;
    struct rest *rest;
    struct log *log;
    const struct applier_ops *ops;
    void *arg;
    struct gvr gvr;
    struct manifest_rules rules; /* its texts are owned here */
    char *source_namespace, *default_namespace;
    char **namespaces; /* owned; NULL: all */
    bool adopt;

    struct store *source; /* borrowed; NULL while detached */
    struct store_observer source_observer;
    bool source_synced; /* at this moment */
    char *unseen;       /* key of the deletion that nobody saw, if that was the last event; NULL: none */
    char *store_id;     /* NULL until the source was synced once */
    bool following;     /* since synced(), until stale() */
    bool version_told;  /* of what the source is now */
    bool numbered;      /* it is a number: */
    uint64_t version;   /* the source is complete up to it */
    uint64_t highest;   /* that this store told, or that an object of it carries, */
    bool looked;        /* which has been looked at */
    unsigned era;       /* how often the source went back, */
    uint64_t lost;      /* and from where */

    struct object_rules target_rules;
    struct store *target;
    struct store_observer target_observer;
    struct mirror *mirror;

    struct work *works; /* by key */
    struct work *queue;
    struct timer pump;
    struct applier_stats stats;
};

/* applier.c */
void work_enqueue(struct work *work, bool urgent);
void work_wait(struct work *work, int64_t delay_us);
void work_forget(struct work *work);
void work_condition(struct work *work, enum applier_condition condition, const char *reason);
void applier_pump_soon(struct applier *applier);

/* generation.c */
void generation_reset(struct applier *applier); /* another store */
/* Whether what was applied may be newer than that version: then it says nothing of a source that is newer as
 * well. */
bool generation_may_be_behind(const struct applier *applier, const char *resource_version);
void generation_said(struct applier *applier, const struct object *source); /* it has that object */
bool generation_is_ahead(struct applier *applier,
                         const struct object *object); /* of the source, as it is now */
void generation_look(struct applier *applier);         /* its version was told, and the target is known */
/* The merge patch by which an object is of the store as it was before it went back. */
void generation_mark(const struct applier *applier, const struct object *object, struct buf *out);
bool generation_has_mark(struct slice store);                               /* one of these, of any store */
bool generation_is_mark(const struct applier *applier, struct slice store); /* of ours */

void applier_look(struct applier *applier); /* at everything */

/* applier_work.c */
void work_run(struct work *work); /* look, and do one thing */

#endif
