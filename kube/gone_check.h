#ifndef TI_KUBE_GONE_CHECK_H
#define TI_KUBE_GONE_CHECK_H

/*
 * Is a resource really absent from the API? A 404 on a list does not say so: a proxy may have said it, or an
 * API server that has just started and does not know its CustomResourceDefinitions yet. And absence deletes
 * everything that others hold of the resource, so it is taken for true only on positive evidence:
 *
 *   1. discovery answers with the list of groups, which lacks the group or the version, or with the list of
 * the group's resources, which lacks the resource;
 *   2. the CustomResourceDefinition of that name, read from etcd, is not found, by a Status that says so; or
 * we may not read it (then only discovery is left).
 *
 * Everything else is doubt. Callers ask twice, some time apart.
 */

#include "base/buf.h"
#include "base/gvr.h"
#include "kube/call.h"

enum gone { GONE_ABSENT, GONE_PRESENT, GONE_DOUBT };

struct gone_check {
    struct gvr gvr;
    void (*done)(void *arg, enum gone gone, const char *reason); /* once; may start again; reason: one line */
    void *arg;
    int step;
    struct call call;
    struct buf body;
};

void gone_check_init(struct gone_check *check, struct rest *rest, const struct gvr *gvr,
                     void (*done)(void *arg, enum gone gone, const char *reason), void *arg);
void gone_check_start(struct gone_check *check);  /* must be idle */
void gone_check_cancel(struct gone_check *check); /* no callback after it; idempotent, ends init too */

#endif
