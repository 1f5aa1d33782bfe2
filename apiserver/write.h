#ifndef TI_APISERVER_WRITE_H
#define TI_APISERVER_WRITE_H

/*
 * Changes: admission, defaults, metadata that only the server sets, optimistic locking, and the commit. Each
 * function returns 0 or an HTTP code with write->status set; on 0 write->result is what was stored (or, with
 * dry_run, what would have been), and write->code the HTTP status to answer with.
 *
 * A change that changes nothing is none: the object keeps its resourceVersion and nobody is told.
 */

#include "apiserver/server.h"
#include "apiserver/status.h"
#include "apiserver/tree.h"

/* What becomes of fields that are not known: they are dropped, with a warning or without, or it is a fault.
 */
enum write_unknown { UNKNOWN_DROPPED, UNKNOWN_WARNED, UNKNOWN_REFUSED };

struct write {
    struct apiserver *server;
    struct collection *collection;
    const char *namespace_;  /* NULL for cluster scope */
    const char *name;        /* "" where the object tells */
    const char *subresource; /* "", "status", "finalize" */
    const char *manager;     /* who writes, for managedFields; "" : nobody told */
    enum write_unknown unknown;
    struct buf *warnings; /* for the writer, one a line; NULL: nobody reads them */
    bool dry_run;
    bool patch;          /* the tree is what is there with some changes: what cannot be changed is a fault */
    bool owners_settled; /* managedFields of the tree are right already */
    struct status *status;
    int code;
    struct object *result; /* the caller's to unref */
};

/* The tree stays the caller's and is changed on the way. */
int write_create(struct write *write, cJSON *tree);
int write_update(struct write *write, cJSON *tree);
/* options: DeleteOptions, NULL where there are none. grace_s < 0: the default. */
int write_delete(struct write *write, const cJSON *options, long grace_s);

/* Takes an object out of its collection, now; returns its last state with the revision of the deletion in it,
 * for the caller to unref. */
struct object *write_remove(struct apiserver *server, struct collection *collection, struct object *object);

struct object *write_current(const struct write *write); /* borrowed, NULL where absent */
cJSON *write_tree_of(const struct object *object);       /* never NULL */

/* The bytes of an object under another resourceVersion; the caller's to unref. */
struct object *object_at_revision(const struct object *object, uint64_t revision);

#endif
