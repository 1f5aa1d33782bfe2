#ifndef TI_KUBE_CALL_H
#define TI_KUBE_CALL_H

/*
 * One request over struct rest: the body of a success streams through, the body of a refusal is gathered
 * (bounded) and read as a Status, and the end comes once, as a struct status. Embedded; one call at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kube/rest.h"
#include "kube/status.h"

struct call_ops {
    void (*accepted)(void *arg);                           /* a 2xx came; may be NULL */
    void (*body)(void *arg, const char *data, size_t len); /* of a 2xx; may cancel the call; may be NULL */
    void (*done)(void *arg, const struct status *status);  /* once, last; may start the next call */
};

struct call {
    struct rest *rest;           /* borrowed */
    struct rest_call *under_way; /* NULL where idle */
    const struct call_ops *ops;
    void *arg;
    int code;
    int64_t retry_after_ms;
    struct buf refusal;
};

void call_init(struct call *call, struct rest *rest, const struct call_ops *ops, void *arg);
void call_start(struct call *call, const struct rest_request *request); /* must be idle */
void call_cancel(struct call *call); /* no callback after it; idempotent, ends init too */
bool call_active(const struct call *call);

#endif
