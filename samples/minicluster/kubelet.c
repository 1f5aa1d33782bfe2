/*
 * Scheduler and kubelet of the pretended nodes. A pod goes Pending → scheduled → ContainerCreating → Running,
 * and on to Succeeded where its restart policy lets it end; one that is deleted goes a moment later. Each
 * step is one write, and what is to come next is read off the pod itself.
 */

#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"

enum step { STEP_NONE, STEP_SCHEDULE, STEP_CREATE, STEP_RUN, STEP_FINISH, STEP_REMOVE };

static enum step next_step(struct slice pod)
{
    struct slice status = json_member(pod, "status"), spec = json_member(pod, "spec");
    struct slice phase = json_member(status, "phase");
    if (json_member(json_member(pod, "metadata"), "deletionTimestamp").data)
        return STEP_REMOVE;
    if (!json_member(spec, "nodeName").len)
        return STEP_SCHEDULE;
    if (slice_equal(phase, "Pending"))
        return json_member(status, "containerStatuses").len ? STEP_RUN : STEP_CREATE;
    bool ends = slice_equal(json_member(spec, "restartPolicy"), "Never") ||
                slice_equal(json_member(spec, "restartPolicy"), "OnFailure");
    return slice_equal(phase, "Running") && ends ? STEP_FINISH : STEP_NONE;
}

static int64_t delay_of(struct controller *controller, enum step step)
{
    struct loop *loop = apiserver_loop(cluster_server(controller->cluster));
    static const int64_t least_ms[] = {0, 5, 10, 100, 2000, 100}, spread_ms[] = {0, 20, 20, 400, 2000, 300};
    return (least_ms[step] + (int64_t)loop_random_below(loop, (uint64_t)spread_ms[step] + 1)) * LOOP_MS;
}

static void pod_changed(struct controller *controller, struct collection *collection,
                        const struct event *event)
{
    if (!event_is_of(collection, &gvr_pods) || event->type == EVENT_DELETED)
        return;
    enum step step = next_step(object_bytes(event->object));
    if (step != STEP_NONE && cluster_node_count(controller->cluster) > 0)
        queue_add(&controller->queue, object_key(event->object), delay_of(controller, step));
}

static void take_step(struct cluster *cluster, cJSON *pod, enum step step)
{
    if (step == STEP_SCHEDULE) {
        pod_schedule(cluster, pod);
        cluster_write(cluster, &gvr_pods, pod);
        return;
    }
    if (step == STEP_CREATE)
        pod_starting(cluster, pod);
    else if (step == STEP_RUN)
        pod_running(cluster, pod);
    else
        pod_succeeded(cluster, pod);
    cluster_write_status(cluster, &gvr_pods, pod);
}

/* Finalizers hold a pod, as anything else. */
static void remove_pod(struct cluster *cluster, cJSON *pod)
{
    tree_set_number(tree_at(pod, "metadata"), "deletionGracePeriodSeconds", 0);
    cleanup_free char *key =
        mem_printf("%s/%s", tree_text(pod, "metadata.namespace"), tree_text(pod, "metadata.name"));
    if (cJSON_GetArraySize(tree_at(pod, "metadata.finalizers")) == 0)
        apiserver_delete_object(cluster_server(cluster), &gvr_pods, key, NULL);
}

static void pod_reconcile(struct controller *controller, const char *key)
{
    struct object *object = cluster_peek(controller->cluster, &gvr_pods, key);
    enum step step = object ? next_step(object_bytes(object)) : STEP_NONE;
    cleanup_tree cJSON *pod = step != STEP_NONE ? cluster_read(controller->cluster, &gvr_pods, key) : NULL;
    if (!pod)
        return;
    if (step == STEP_REMOVE)
        remove_pod(controller->cluster, pod);
    else
        take_step(controller->cluster, pod, step);
}

const struct controller_ops pod_controller = {pod_changed, pod_reconcile};
