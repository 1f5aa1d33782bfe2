#ifndef TI_KUBE_REST_H
#define TI_KUBE_REST_H

/*
 * A Kubernetes API, seen as requests whose answers stream. Everything in kube/ that speaks to a cluster goes
 * through this: over it stand the pager, the reflector, discovery and the applier; under it the HTTP client
 * (kube/http.h), or an API server in this process (tests, simulation).
 *
 * Contract of every implementation:
 *  - start() never calls back before it has returned, and never fails: what goes wrong arrives in done().
 *  - headers() comes at most once, before any body(); body() comes zero or more times; done() exactly once,
 * last.
 *  - After cancel() no callback comes. cancel() and done() both end the call; its memory is the
 * implementation's again. cancel() may be called from inside a callback of that call.
 *  - Callbacks run on the loop thread. Body bytes are borrowed until the callback returns.
 */

#include <stddef.h>
#include <stdint.h>

enum rest_result {
    REST_OK,          /* the answer ended as its headers said; the status may still be an error */
    REST_REFUSED,     /* nothing listens there (connection refused) */
    REST_UNREACHABLE, /* name does not resolve, no route, TLS or credentials failed before a request was made
                       */
    REST_BROKEN,      /* the connection ended in mid-answer */
    REST_TIMEOUT,     /* timeout_ms went by, or idle_timeout_ms without a byte */
};

struct rest_request {
    const char *method;       /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;         /* "/api/v1/pods?limit=500", already escaped */
    const char *accept;       /* NULL: application/json */
    const char *content_type; /* NULL where there is no body */
    const char *body;         /* borrowed until start() returns */
    size_t body_len;
    int64_t timeout_ms;      /* for the whole answer; 0: none */
    int64_t idle_timeout_ms; /* between two bytes; 0: none */
};

struct rest_callbacks {
    void (*headers)(void *arg, int status,
                    int64_t retry_after_ms); /* retry_after_ms: -1 where absent; may be NULL */
    void (*body)(void *arg, const char *data, size_t len);
    void (*done)(void *arg, enum rest_result result,
                 const char *reason); /* reason: one line, "" for REST_OK */
};

struct rest_call;
struct rest;

struct rest_ops {
    struct rest_call *(*start)(struct rest *rest, const struct rest_request *request,
                               const struct rest_callbacks *callbacks, void *arg);
    void (*cancel)(struct rest_call *call);
};

/* Embedded by an implementation as its first member. */
struct rest {
    const struct rest_ops *ops;
};

static inline struct rest_call *rest_start(struct rest *rest, const struct rest_request *request,
                                           const struct rest_callbacks *callbacks, void *arg)
{
    return rest->ops->start(rest, request, callbacks, arg);
}

static inline void rest_cancel(struct rest *rest, struct rest_call *call)
{
    rest->ops->cancel(call);
}

#endif
