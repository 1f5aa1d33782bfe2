#ifndef TI_KUBE_VERSION_CHECK_H
#define TI_KUBE_VERSION_CHECK_H

/*
 * Up to which resourceVersion is the API server now? A watch cannot tell: one that is taken up from a version
 * that the server has not reached is silent until it has, and what happens until then is never told. That is
 * so after a restore from a backup. A consistent list of one object tells, at the cost of one small request.
 */

#include "base/buf.h"
#include "kube/call.h"
#include "kube/collection.h"

struct version_check {
    const struct collection *collection; /* borrowed */
    /* Once; may start again. OUTCOME_OK: version is the server's; borrowed. */
    void (*done)(void *arg, const struct status *status, const char *version);
    void *arg;
    struct call call;
    struct buf body;
};

void version_check_init(struct version_check *check, struct rest *rest, const struct collection *collection,
                        void (*done)(void *arg, const struct status *status, const char *version), void *arg);
void version_check_start(struct version_check *check);  /* must be idle */
void version_check_cancel(struct version_check *check); /* no callback after it; idempotent, ends init too */

#endif
