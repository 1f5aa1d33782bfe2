#ifndef TI_AGENT_APPLIER_H
#define TI_AGENT_APPLIER_H

/*
 * Makes the objects of one resource on a target cluster what a source says they are, by server-side apply,
 * and keeps them so. A state machine over struct rest and a loop.
 *
 *     source store (an informer's copy) ──┐
 *                                         ├─▶ works, one per key on the target ─▶ at most 8 requests in
 * flight own mirror of what carries our label┘
 *
 * A work compares what is wanted with what is there, and does one thing about it: applies, deletes, or
 * nothing. Whatever changes on either side only says "look again", so that nothing depends on the order of
 * events, and a restart is one round of looking at everything.
 *
 *  - What was deleted on the target comes back, what was changed there is put right (spec, our labels and
 * annotations; changes of status are nobody's drift), at a rate that falls off, so that two who disagree do
 * not chase each other.
 *  - An object that is there and not ours is left alone and reported, not taken over. So is a conflict with
 * another field manager; where the object is ours, drift is put right by force three times in ten minutes,
 * then it is a conflict.
 *  - Nothing is deleted but what carries our label and, in its annotations, the id of the store that we
 * follow, and then only if the source has said so (a deletion that was seen, or a label that went), or if a
 * whole verified copy of the source lacks it. Deletes name the uid. Namespaces are made where they are
 * missing, and never deleted.
 *  - An object of another store (a hub emptied, or a second one) is frozen: neither changed nor deleted until
 * the operator adopts; and then only what the new source has is taken over.
 *  - So is every object of a store that went back: that tells an older resourceVersion than one it told
 * before, or than one that an object of it carries (a source restored from a backup). What it lacks now it
 * may have had since. Those objects are marked as of the store before that, so that the next run knows, too.
 *
 * Loop thread only.
 */

#include <stdbool.h>
#include <stddef.h>

#include "agent/manifest.h"
#include "base/attic.h"
#include "base/buf.h"
#include "base/gvr.h"
#include "base/log.h"
#include "base/loop.h"
#include "kube/reflector.h"
#include "kube/rest.h"
#include "store/store.h"

enum applier_condition {
    APPLIER_PENDING,   /* not looked at yet, or being worked on */
    APPLIER_APPLIED,   /* as the source says */
    APPLIER_PRUNED,    /* deleted, as the source says; on its way out */
    APPLIER_CONFLICT,  /* somebody else's; tried again slowly */
    APPLIER_FROZEN,    /* of another store */
    APPLIER_FORBIDDEN, /* we may not; tried again slowly */
    APPLIER_INVALID,   /* the target refuses it as it is; tried again slowly, and at once when the source
                          changes */
    APPLIER_RETRYING,  /* something that may pass */
};
#define APPLIER_CONDITIONS (APPLIER_RETRYING + 1)

const char *applier_condition_text(enum applier_condition condition); /* "applied" … */

struct applier_ops {
    /* The condition of one object changed, or its reason. key: on the target; reason: one line, "" where all
     * is well. The log has been told. May be NULL. Must not destroy the applier. */
    void (*condition)(void *arg, const char *key, enum applier_condition condition, const char *reason);
};

struct applier_config {
    struct loop *loop;   /* borrowed, as rest and log are */
    struct rest *rest;   /* the target */
    struct log *log;     /* may be NULL */
    struct attic *attic; /* where what is on the target is kept; borrowed, may be NULL */
    struct gvr gvr;
    const char *kind;              /* "Deployment"; copied, as all texts are */
    const char *source_namespace;  /* of the source, only what is there; NULL: all */
    const char *default_namespace; /* on the target; NULL: "default" */
    const char *const *namespaces; /* on the target, only these, NULL-terminated; NULL: all */
    bool all;                      /* also source objects without the label MANIFEST_SELECTED */
    bool adopt;                    /* take over objects of another store that this source has, too */
};

struct applier_stats {
    uint64_t applied;  /* requests that went well, as below */
    uint64_t repaired; /* of which because of drift or a deletion on the target */
    uint64_t deleted;
    uint64_t failed; /* requests that did not */
    size_t in_flight;
    size_t works[APPLIER_CONDITIONS]; /* how many objects are in each condition now */
};

struct applier;

struct applier *applier_create(const struct applier_config *config, const struct applier_ops *ops, void *arg);
void applier_destroy(struct applier *applier); /* NULL is fine; requests under way are cancelled */

void applier_start(struct applier *applier); /* begins to watch the target */

/* The source: a store that somebody else keeps, borrowed until detach. Nothing is done before synced() and
 * version() have been called. */
void applier_source_attach(struct applier *applier, struct store *source);
/* The store is a whole, verified copy, and goes on with deltas that are verified too. store_id: of the source
 * (the uid of its cluster). An id that is none, or NULL (a source that keeps nothing), is refused with a line
 * in the log. */
void applier_source_synced(struct applier *applier, const char *store_id);
/* The source is complete up to this resourceVersion of its cluster; exact: and has nothing that came after
 * it, without which it is only told that it is no older. To be told after each synced(), which is when it is
 * held against what was told before, and when it moves on. Where it is no number, whether the source went
 * back cannot be told; then nothing is deleted for being absent, but only what the source says is deleted. */
void applier_source_version(struct applier *applier, const char *resource_version, bool exact);
/* It is not known to be up to date any more: absence says nothing until synced() comes again. What is there
 * stays wanted. */
void applier_source_stale(struct applier *applier);
void applier_source_detach(struct applier *applier);

const struct applier_stats *applier_stats(const struct applier *applier);
void applier_counters(const struct applier *applier, struct counters *out);
enum reflector_state applier_target_state(const struct applier *applier);
/* What is on the target and carries our label; for those who report status. */
struct store *applier_inventory(const struct applier *applier);

#endif
