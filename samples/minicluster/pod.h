#ifndef TI_SAMPLES_MINICLUSTER_POD_H
#define TI_SAMPLES_MINICLUSTER_POD_H

/* Pods as a cluster of today has them: about 3 KB each with all that admission, scheduler and kubelet add. */

#include "samples/minicluster/controller.h"

bool pod_is_ready(const struct object *pod);
bool pod_is_over(const struct object *pod); /* deleted, succeeded or failed */

/* A pod for its controller, out of a template; yours. */
cJSON *pod_from_template(const cJSON *owner, const cJSON *template);

void pod_admit(cJSON *pod); /* what admission adds to its spec: the token volume, tolerations */
void pod_schedule(struct cluster *cluster, cJSON *pod);
void pod_starting(struct cluster *cluster, cJSON *pod); /* status: ContainerCreating */
void pod_running(struct cluster *cluster, cJSON *pod);
void pod_succeeded(struct cluster *cluster, cJSON *pod);

#endif
