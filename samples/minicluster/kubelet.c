/*
 * Scheduler and kubelet of the pretended nodes. A pod goes Pending → scheduled → ContainerCreating → Running.
 * Where its restart policy lets it end, or its annotations (pod.h) ask for that, its containers end: it has
 * Succeeded or Failed, or they start again after a while that doubles each time. One that is deleted goes a
 * moment later. Each step is one write, and what is to come next is read off the pod itself. A pod that no
 * node takes waits until there is another one, or one has changed; what is on a node whose kubelet is stopped
 * stays as it is.
 */

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/node.h"
#include "samples/minicluster/node_pods.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/recorder.h"

#define BACK_OFF_MOST (300 * LOOP_SECOND)
#define DELAY_MOST_S 1e9

enum step {
    STEP_NONE,
    STEP_SCHEDULE,
    STEP_CREATE,
    STEP_RUN,
    STEP_FINISH,
    STEP_RESTART,
    STEP_REMOVE,
    STEP_RECOVER,
};

/* A number in an annotation. */
static double annotation(struct slice pod, const char *name, double otherwise)
{
    struct slice text = json_member(json_member(json_member(pod, "metadata"), "annotations"), name);
    cleanup_free char *copy = text.len ? mem_dup(text.data, text.len) : NULL;
    return copy ? strtod(copy, NULL) : otherwise;
}

static struct slice first_container(struct slice pod)
{
    struct slice statuses = json_member(json_member(pod, "status"), "containerStatuses"), status = {0};
    struct json_cursor cursor = {0};
    return statuses.len && json_next_element(statuses, &cursor, &status) ? status : (struct slice){0};
}

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
    if (!slice_equal(phase, "Running"))
        return STEP_NONE;
    struct slice waiting = json_member(json_member(first_container(pod), "state"), "waiting");
    if (waiting.data) /* that it runs may have been said by somebody else */
        return slice_equal(json_member(waiting, "reason"), POD_BACKS_OFF) ? STEP_RESTART : STEP_RUN;
    if (pod_is_unreachable(pod))
        return STEP_RECOVER;
    bool ends = annotation(pod, POD_RUNS_FOR, -1) >= 0 ||
                slice_equal(json_member(spec, "restartPolicy"), "Never") ||
                slice_equal(json_member(spec, "restartPolicy"), "OnFailure");
    return ends ? STEP_FINISH : STEP_NONE;
}

static int64_t back_off(struct slice pod)
{
    struct slice count = json_member(first_container(pod), "restartCount");
    cleanup_free char *text = count.len ? mem_dup(count.data, count.len) : NULL;
    unsigned long restarts = text ? strtoul(text, NULL, 10) : 0;
    return restarts < 9 ? (LOOP_SECOND << restarts) : BACK_OFF_MOST;
}

static int64_t delay_of(struct controller *controller, struct slice pod, enum step step)
{
    struct loop *loop = apiserver_loop(cluster_server(controller->cluster));
    static const int64_t least_ms[] = {0, 5, 10, 100, 2000, 0, 100, 0},
                         spread_ms[] = {0, 20, 20, 400, 2000, 0, 300, 100};
    double asked = step == STEP_RUN      ? annotation(pod, POD_STARTS_AFTER, -1)
                   : step == STEP_FINISH ? annotation(pod, POD_RUNS_FOR, -1)
                                         : -1;
    if (asked >= 0)
        return (int64_t)((asked < DELAY_MOST_S ? asked : DELAY_MOST_S) * (double)LOOP_SECOND);
    if (step == STEP_RESTART)
        return back_off(pod);
    return (least_ms[step] + (int64_t)loop_random_below(loop, (uint64_t)spread_ms[step] + 1)) * LOOP_MS;
}

static void queue_step(struct controller *controller, const struct object *pod)
{
    enum step step = next_step(object_bytes(pod));
    if (step != STEP_NONE)
        queue_add(&controller->queue, object_key(pod), delay_of(controller, object_bytes(pod), step));
}

static void node_changed(struct controller *controller, const struct event *event)
{
    if (event->type == EVENT_DELETED)
        return;
    if (!event->old || !node_takes_alike(event->object, event->old))
        node_pods_visit(controller, ""); /* those that have none */
    if (!event->old || (node_silent(event->old) && !node_silent(event->object)))
        node_pods_visit(controller, object_key(event->object));
}

static void pod_changed(struct controller *controller, struct collection *collection,
                        const struct event *event)
{
    if (event_is_of(collection, &gvr_nodes))
        node_changed(controller, event);
    else if (event_is_of(collection, &gvr_pods) && event->type != EVENT_DELETED)
        queue_step(controller, event->object);
}

/* For each container, what its kubelet has to say. */
static void record_step(struct cluster *cluster, const cJSON *pod, enum step step)
{
    const cJSON *container;
    cJSON_ArrayForEach(container, tree_at(pod, "spec.containers"))
    {
        const char *name = tree_text(container, "name");
        if (step == STEP_RUN)
            record_event(cluster, pod, "kubelet", "Normal", "Started", "Started container %s", name);
        else if (step == STEP_RESTART)
            record_event(cluster, pod, "kubelet", "Warning", "BackOff",
                         "Back-off restarting failed container %s in pod %s_%s(%s)", name,
                         tree_text(pod, "metadata.name"), tree_text(pod, "metadata.namespace"),
                         tree_text(pod, "metadata.uid"));
        else if (step == STEP_REMOVE)
            record_event(cluster, pod, "kubelet", "Normal", "Killing", "Stopping container %s", name);
    }
}

static void schedule(struct cluster *cluster, cJSON *pod)
{
    const struct object *node = node_for_pod(cluster, pod);
    if (!node) {
        pod_unschedulable(cluster, pod);
        return;
    }
    tree_set_text(tree_at(pod, "spec"), "nodeName", object_key(node));
    cluster_write(cluster, &gvr_pods, pod);
    record_event(cluster, pod, "default-scheduler", "Normal", "Scheduled",
                 "Successfully assigned %s/%s to %s", tree_text(pod, "metadata.namespace"),
                 tree_text(pod, "metadata.name"), tree_text(pod, "spec.nodeName"));
}

static void take_step(struct cluster *cluster, cJSON *pod, enum step step)
{
    record_step(cluster, pod, step);
    if (step == STEP_CREATE)
        pod_starting(cluster, pod);
    else if (step == STEP_RUN || step == STEP_RESTART)
        pod_running(cluster, pod);
    else if (step == STEP_RECOVER)
        pod_recovered(cluster, pod);
    else
        pod_ended(cluster, pod);
    cluster_write_status(cluster, &gvr_pods, pod);
}

/* Finalizers hold a pod, as anything else. */
static void remove_pod(struct cluster *cluster, cJSON *pod)
{
    record_step(cluster, pod, STEP_REMOVE);
    tree_set_number(tree_at(pod, "metadata"), "deletionGracePeriodSeconds", 0);
    cleanup_free char *key =
        mem_printf("%s/%s", tree_text(pod, "metadata.namespace"), tree_text(pod, "metadata.name"));
    if (cJSON_GetArraySize(tree_at(pod, "metadata.finalizers")) == 0)
        apiserver_delete_object(cluster_server(cluster), &gvr_pods, key, NULL);
}

/* A pod without a node ends by itself. */
static bool is_attended(struct cluster *cluster, const cJSON *pod)
{
    const char *node = tree_text(pod, "spec.nodeName");
    return !node[0] || node_find_acting(cluster, node);
}

static void pod_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    if (node_pods_step(controller, key, queue_step))
        return;
    struct object *object = cluster_peek(cluster, &gvr_pods, key);
    enum step step = object ? next_step(object_bytes(object)) : STEP_NONE;
    cleanup_tree cJSON *pod = step != STEP_NONE ? cluster_read(cluster, &gvr_pods, key) : NULL;
    if (!pod || !is_attended(cluster, pod))
        return;
    if (step == STEP_SCHEDULE)
        schedule(cluster, pod);
    else if (step == STEP_REMOVE)
        remove_pod(cluster, pod);
    else
        take_step(cluster, pod, step);
}

const struct controller_ops pod_controller = {pod_changed, pod_reconcile};
