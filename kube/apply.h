#ifndef TI_KUBE_APPLY_H
#define TI_KUBE_APPLY_H

/*
 * Single objects, read and written: each call is one request and one answer. What a refusal means is for the
 * caller to decide, by the outcome: OUTCOME_CONFLICT (another field manager owns a field and force was not
 * given; a uid that is another by now), OUTCOME_NOT_FOUND, OUTCOME_FORBIDDEN, OUTCOME_INVALID;
 * OUTCOME_TOO_MANY, OUTCOME_INTERNAL, OUTCOME_LOST and OUTCOME_REFUSED may pass, status.retry_after_ms being
 * what the server asked for.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/gvr.h"
#include "base/json.h"
#include "kube/rest.h"
#include "kube/status.h"

#define APPLY_FIELD_MANAGER "transport-informer"

/* Names as they are, no escapes of JSON or URL: json_text() (kube/url.h) makes them from a slice of an
 * object. */
struct apply_target {
    struct gvr gvr;
    const char *namespace_; /* NULL or "" for cluster scope */
    const char *name;
};

/* Once, never from inside the call that began it. answer: the body of a success, borrowed; absent if longer
 * than 16 MiB. */
struct apply_ops {
    void (*done)(void *arg, const struct status *status, struct slice answer);
};

struct apply_call;

struct apply_call *apply_get(struct rest *rest, const struct apply_target *target,
                             const struct apply_ops *ops, void *arg);

/* Server-side apply: creates the object, or makes the fields of the body ours. The body is JSON, copied. */
struct apply_call *apply_patch(struct rest *rest, const struct apply_target *target, struct slice body,
                               bool force, const struct apply_ops *ops, void *arg);

/* A merge patch, for a few fields of an object that is not ours. */
struct apply_call *apply_merge(struct rest *rest, const struct apply_target *target, struct slice body,
                               const struct apply_ops *ops, void *arg);

/* Deletes that very object: uid is a precondition, raw JSON text; what it owns goes in the background. */
struct apply_call *apply_delete(struct rest *rest, const struct apply_target *target, struct slice uid,
                                const struct apply_ops *ops, void *arg);

/* OUTCOME_OK where it was there already, too. */
struct apply_call *apply_namespace(struct rest *rest, const char *name, const struct apply_ops *ops,
                                   void *arg);

void apply_cancel(struct apply_call *call); /* no callback after it; NULL is fine. Not after done(). */

#endif
