#ifndef TI_KUBE_PAGER_H
#define TI_KUBE_PAGER_H

/*
 * A whole list, page after page, items handed on as their bytes arrive.
 *
 * A consistent list (no resourceVersion) is asked for in pages of 500, which the API server reads from etcd.
 * A list "not older than" a resourceVersion is asked for in one piece, because only so it comes out of the
 * server's watch cache. Pages after the first carry the continue token and no resourceVersion. Where a token
 * has expired on the way, the list starts over in one piece, and the items so far are void.
 *
 * Nothing is true until done() says OUTCOME_OK: an answer of another kind, or cut off, is noticed at its end.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "kube/call.h"
#include "kube/collection.h"
#include "kube/list_decoder.h"

#define PAGER_PAGE_SIZE 500

struct pager_ops {
    void (*item)(void *arg, struct slice json); /* borrowed text; may cancel the pager */
    void (*restart)(void *arg);                 /* the items so far are void */
    void (*done)(void *arg, const struct status *status, const char *resource_version); /* may start again */
};

struct pager {
    const struct collection *collection; /* borrowed */
    const struct pager_ops *ops;
    void *arg;
    struct call call;
    struct list_decoder decoder;
    char *resource_version; /* asked for; owned, NULL for a consistent list */
    char *found_version;    /* the list's own, from its first page; owned */
    char *continue_token;   /* owned; NULL for the first page */
    bool whole;             /* in one piece */
    bool feeding, cancelled;
};

void pager_init(struct pager *pager, struct rest *rest, const struct collection *collection,
                const struct pager_ops *ops, void *arg);
void pager_start(struct pager *pager,
                 const char *resource_version); /* "" or NULL: consistent; must be idle */
void pager_cancel(struct pager *pager);         /* no callback after it; idempotent, ends init too */

#endif
