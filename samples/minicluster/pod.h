#ifndef TI_SAMPLES_MINICLUSTER_POD_H
#define TI_SAMPLES_MINICLUSTER_POD_H

/* Pods as a cluster of today has them: about 3 KB each with all that admission, scheduler and kubelet add. */

#include "samples/minicluster/controller.h"

/* Annotations by which a pod, or the template of one, says what becomes of it. */
#define POD_STARTS_AFTER "minicluster/start-seconds" /* from ContainerCreating to Running */
#define POD_RUNS_FOR                                                                                         \
    "minicluster/run-seconds"                 /* and then its containers end; without it they do where the   \
                                                 restart policy is not Always */
#define POD_EXIT_CODE "minicluster/exit-code" /* with that; 0 */

#define POD_BACKS_OFF "CrashLoopBackOff" /* why a container waits that has ended, and is to start again */

#define POD_HASH_LABEL "pod-template-hash" /* of the pods of a ReplicaSet that a deployment has made */

bool pod_is_ready(const struct object *pod);
int64_t pod_ready_since_us(const struct object *pod); /* in µs since 1970 */
bool pod_is_over(const struct object *pod);           /* deleted, succeeded or failed */

/* Ten letters that make no words, as in a real cluster; the same for templates that say the same. */
void pod_template_hash(const cJSON *template, char out[16]);
/* Say two templates the same, but for the label "pod-template-hash" that a set's has? */
bool pod_template_equal(const cJSON *a, const cJSON *b);

/* A pod for its controller, out of a template; yours. */
cJSON *pod_from_template(const cJSON *owner, const cJSON *template);

/* Creates it, and says so in an event of its owner. */
void pod_create(struct cluster *cluster, const cJSON *owner, const cJSON *pod);

void pod_admit(cJSON *pod); /* what admission adds to its spec: the token volume */
void pod_unschedulable(struct cluster *cluster, cJSON *pod); /* writes that, with an event, once */
void pod_starting(struct cluster *cluster, cJSON *pod);      /* status: ContainerCreating */
void pod_running(struct cluster *cluster, cJSON *pod);
/* Its containers have ended as it asks: it has succeeded or failed, or waits to be started again. */
void pod_ended(struct cluster *cluster, cJSON *pod);
/* Status: nothing is heard of its node; and it is heard of again. */
void pod_unreachable(struct cluster *cluster, cJSON *pod);
bool pod_is_unreachable(struct slice pod);
void pod_recovered(struct cluster *cluster, cJSON *pod);

#endif
