#ifndef TI_SAMPLES_MINICLUSTER_CONTROLLER_H
#define TI_SAMPLES_MINICLUSTER_CONTROLLER_H

/*
 * What the controllers share. A controller hears of every event, queues the keys that it concerns, and later
 * brings each of them one step nearer to what its object asks for; its own writes are events again. It keeps
 * nothing that is not in the API server, so that it may be asked about any key at any time.
 */

#include "apiserver/server.h"
#include "apiserver/tree.h"
#include "samples/minicluster/cluster.h"
#include "samples/minicluster/owners.h"
#include "samples/minicluster/queue.h"

struct cluster;
struct controller;

struct controller_ops {
    /* May queue keys; must not change anything. */
    void (*changed)(struct controller *controller, struct collection *collection, const struct event *event);
    void (*reconcile)(struct controller *controller, const char *key);
};

struct controller {
    const struct controller_ops *ops;
    struct cluster *cluster;
    struct queue queue;
};

extern const struct controller_ops deployment_controller, replicaset_controller, daemonset_controller,
    statefulset_controller, cronjob_controller, endpoints_controller, pod_controller, job_controller,
    lease_controller, node_controller, taint_eviction_controller, disruption_controller, event_controller,
    garbage_controller, namespace_controller;

extern const struct gvr gvr_pods, gvr_replicasets, gvr_deployments, gvr_daemonsets, gvr_statefulsets,
    gvr_jobs, gvr_cronjobs, gvr_nodes, gvr_leases, gvr_namespaces;

const struct owners *cluster_owners(struct cluster *cluster);
int64_t cluster_node_grace_us(const struct cluster *cluster); /* a node may be silent for so long */
unsigned cluster_next_address(struct cluster *cluster);       /* for pods: 1, 2, … */

bool event_is_of(const struct collection *collection, const struct gvr *gvr);
/* Queues the keys of the object's owners of that kind. */
void queue_owners(struct controller *controller, const struct object *object, const char *kind);

/* Queues all of a kind that are in that namespace. */
void queue_all_in(struct controller *controller, const struct gvr *gvr, struct slice namespace_,
                  int64_t delay_us);

/* Through the API server's direct interface. Failures are logged at debug level: whoever was quicker has made
 * an event, which brings the controller back. */
cJSON *cluster_read(struct cluster *cluster, const struct gvr *gvr,
                    const char *key); /* NULL where absent; yours */
/* What a tree's owner reference with "controller" leads to; NULL where there is none. Yours. */
cJSON *cluster_read_controller(struct cluster *cluster, const cJSON *tree);
struct object *cluster_peek(struct cluster *cluster, const struct gvr *gvr, const char *key); /* borrowed */
int cluster_write(struct cluster *cluster, const struct gvr *gvr,
                  const cJSON *tree); /* creates, or updates */
int cluster_write_status(struct cluster *cluster, const struct gvr *gvr, const cJSON *tree);
/* As a client does, by background propagation. */
void cluster_delete(struct cluster *cluster, const struct collection *collection, const char *key);

void cluster_delete_foreground(struct cluster *cluster, const struct gvr *gvr, const char *key);
/* The same as the first, and nobody is given time to end it. */
void cluster_delete_now(struct cluster *cluster, const struct gvr *gvr, const char *key);

/* An owner reference that makes `owner` the controller of `tree`. */
void set_controller(cJSON *tree, const cJSON *owner);

cJSON *json(const char *format, ...)
    __attribute__((format(printf, 1, 2))); /* never NULL; the format must make JSON */

int64_t time_us(struct slice text); /* "2026-01-01T00:00:00Z" in µs since 1970; -1: it is no time */

/* A condition, whose lastTransitionTime changes only with its status. is: "True", "False", "Unknown". False
 * where it was so before. */
bool set_condition(struct cluster *cluster, cJSON *status, const char *type, const char *is,
                   const char *reason, const char *message);
cJSON *find_condition(const cJSON *status, const char *type); /* NULL where absent */
bool condition_is(const cJSON *status, const char *type);
bool condition_is_false(const cJSON *status, const char *type);

/* A number, or "25%" of the whole, as a count. */
int share_of(const cJSON *value, int whole, double (*rounded)(double));

/* Numbers that are zero are left out, as a real server's types have it. */
void set_count(cJSON *status, const char *name, int count);

/* The collection of a kind of owner: "Deployment" in group "apps". */
bool is_controlled_by(const cJSON *tree, const char *uid);

#endif
