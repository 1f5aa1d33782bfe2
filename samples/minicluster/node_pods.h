#ifndef TI_SAMPLES_MINICLUSTER_NODE_PODS_H
#define TI_SAMPLES_MINICLUSTER_NODE_PODS_H

/*
 * The pods of a node, for a controller that has something to do with each. They are looked for among all pods
 * of the cluster, a few hundred in a turn of the loop: where to go on stands in the key that it queues,
 * "@node" or "@node key of a pod".
 */

#include "samples/minicluster/controller.h"

void node_pods_visit(struct controller *controller, const char *node); /* "": of those that have none */

/* In reconcile(): true where that was such a key. visit() must not change anything. */
bool node_pods_step(struct controller *controller, const char *key,
                    void (*visit)(struct controller *controller, const struct object *pod));

#endif
