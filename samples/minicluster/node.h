#ifndef TI_SAMPLES_MINICLUSTER_NODE_H
#define TI_SAMPLES_MINICLUSTER_NODE_H

/* Pretended nodes: what their kubelets say of them, and which pods they take. */

#include "samples/minicluster/controller.h"

/* An annotation by which a node's kubelet is made to fall silent: "stopped". It renews no Lease and does
 * nothing to its pods until that is gone. */
#define NODE_KUBELET "minicluster/kubelet"

cJSON *node_status(const char *name, const char *now); /* as a kubelet registers it */
cJSON *node_conditions(const char *now);               /* all is well */
cJSON *node_conditions_unknown(const char *now);       /* nothing was heard of it */

bool node_silent(const struct object *node); /* its kubelet is stopped */
/* "True", "False", "Unknown"; empty where nobody has said anything yet. */
struct slice node_ready(const struct object *node);

/* Of the names of a node: its object where its kubelet acts; borrowed, else NULL. */
struct object *node_find_acting(struct cluster *cluster, const char *name);

/* A node at random of those that are not cordoned, have the labels that the pod's nodeSelector wants, and
 * taints that it tolerates. Borrowed; NULL: there is none. */
struct object *node_for_pod(struct cluster *cluster, const cJSON *pod);

/* Is all the same by which they take pods: spec and labels? */
bool node_takes_alike(const struct object *a, const struct object *b);

/* Has it the labels that a nodeSelector wants? */
bool node_selected(const struct object *node, const cJSON *selector);
/* Is there a taint NoSchedule or NoExecute that those do not tolerate? */
bool node_repels(const struct object *node, const cJSON *tolerations);
/* When a pod with those tolerations has to go, in µs since 1970: by the taints NoExecute that have a time.
 * INT64_MAX: it may stay. */
int64_t node_expels_at(const struct object *node, const cJSON *tolerations);

#endif
