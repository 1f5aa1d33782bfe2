#ifndef TI_APISERVER_SERVER_H
#define TI_APISERVER_SERVER_H

/*
 * A Kubernetes-style API server without a network. Requests come in as struct rest_request, answers are
 * pulled out of exchanges (exchange.h); apiserver/http.h puts HTTP around it, apiserver/local.h makes it a
 * struct rest in this process. It is a function of its inputs, its loop's clock and its loop's random source:
 * over a simulated loop every uid and time stamp repeats with the seed.
 *
 * Beside the requests there is a direct way in, for controllers, tests and simulations: changes by key and
 * JSON, the history of all revisions, and the faults of a real server, on command. What goes this way is
 * admitted, given defaults and stored as if it had come as a request.
 *
 * Loop thread only.
 */

#include "apiserver/storage.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"

/* Of Kubernetes: what tests/conformance holds this to. */
#define APISERVER_VERSION "v1.36.1"
#define APISERVER_MINOR "36"

struct apiserver;

struct apiserver_options {
    struct loop *loop;
    struct log *log;       /* may be NULL */
    size_t history_events; /* events kept per resource for watches; 0: all */
    size_t history_bytes;  /* and their bytes; 0: any */
    int64_t bookmark_us;   /* between the bookmarks of a watch that asked for them; 0: a minute */
    size_t body_limit;     /* bytes; longer requests get 413. 0: 3 MiB, as in a real server */
    bool fleet;            /* its partitions are clusters, filled by storage_commit(): nothing is built in */
    int64_t toleration_s;  /* how long pods stay on a node that is away; 0: 300, as in a real server */
    uint64_t revision;     /* where it begins to count; older ones are expired */
    bool graceful; /* controllers are there: pods on nodes and namespaces are only marked as deleted, and
                      whoever plays kubelet and namespace controller ends them. false: they go at once */
};

/* Holds the built-in resources, the namespaces default, kube-system, kube-public, kube-node-lease and nothing
 * else. */
struct apiserver *apiserver_create(const struct apiserver_options *options);
void apiserver_destroy(struct apiserver *server); /* every exchange must be closed; NULL is fine */

struct loop *apiserver_loop(struct apiserver *server);
struct storage *apiserver_storage(struct apiserver *server);        /* to read; and storage_compact() */
int64_t apiserver_wall_us(struct apiserver *server);                /* µs since 1970, by the loop's clock */
const char *apiserver_time(struct apiserver *server, char out[24]); /* "2026-01-01T00:00:00Z"; returns out */
uint64_t apiserver_revision(const struct apiserver *server);

/* Direct changes. 0, or EX_DATAERR with err set to the Status message a client would see. On 0 *out, where it
 * is not NULL, is what was stored, for the caller to unref. The json of an update may leave out
 * metadata.resourceVersion: the last writer wins then. With status the status subresource is written, as with
 * PUT …/status. */
int apiserver_create_object(struct apiserver *server, const struct gvr *gvr, const char *json, size_t len,
                            struct object **out, struct error *err);
int apiserver_update_object(struct apiserver *server, const struct gvr *gvr, const char *json, size_t len,
                            bool status, struct object **out, struct error *err);
/* Gone at once, whatever finalizers and grace periods say. */
int apiserver_delete_object(struct apiserver *server, const struct gvr *gvr, const char *key,
                            struct error *err);

/* Borrowed, NULL where absent. */
struct object *apiserver_get_object(struct apiserver *server, const struct gvr *gvr, const char *key);
struct collection *apiserver_collection(struct apiserver *server,
                                        const struct gvr *gvr); /* NULL where not served */

/* One request answered at once, for what does not stream: any but a watch. Returns the HTTP status; body is
 * appended. */
struct rest_request;
int apiserver_call(struct apiserver *server, const struct rest_request *request, struct buf *body);

/* Sees each request from outside that could be parsed, before the server does. */
struct exchange;
struct apiserver_filter {
    bool (*takes)(void *arg, struct exchange *exchange); /* true: it has answered (exchange.h) */
    void *arg;
};
void apiserver_set_filter(struct apiserver *server,
                          const struct apiserver_filter *filter); /* borrowed; NULL: none */

/* /readyz says that this check has failed. check: borrowed; NULL: it is ready, as it is to begin with. */
void apiserver_set_unready(struct apiserver *server, const char *check);

/* instance: labels that tell it from others in this process; "": there is one. */
void apiserver_counters(const struct apiserver *server, const char *instance, struct counters *out);

/* Faults. */
void apiserver_forbid(struct apiserver *server, const struct gvr *gvr,
                      bool forbidden);                               /* 403; open watches go on */
void apiserver_compact(struct apiserver *server, uint64_t revision); /* older lists and watches: 410 */
/* All watches are told that their revision is too old, and end; and the history is forgotten up to now. */
void apiserver_expire(struct apiserver *server);
/* The connections of those open exchanges break that are chosen. Returns how many. */
size_t apiserver_cut(struct apiserver *server, bool (*chosen)(void *arg, const struct exchange *exchange),
                     void *arg);
void apiserver_wake(struct apiserver *server); /* a horizon that exchanges follow has been raised */
/* As if the process had been started anew: every open exchange breaks, and the watch cache knows nothing from
 * before. */
void apiserver_restart(struct apiserver *server);
/* Restored from a backup of that revision, and started anew: later changes have never been, and revisions are
 * given a second time. Clients that remember one from the future are on their own, as with a real etcd. No
 * CustomResourceDefinition may have changed since. 0, or STORAGE_E_EXPIRED where the history does not reach
 * back so far. */
int apiserver_restore(struct apiserver *server, uint64_t revision);
/* Other bytes in the place of an object's, at the same resourceVersion and without an event: what another
 * version of the API server, or a conversion webhook, makes of what is stored. */
void apiserver_rewrite(struct apiserver *server, const struct gvr *gvr, struct object *object);
/* Ends all open watches as a server does that sheds load: the answers end well, in mid-stream. */
void apiserver_end_watches(struct apiserver *server);

#endif
