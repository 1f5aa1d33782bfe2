/*
 * Pods that a node cannot keep. On a node that is gone they go at once, since nobody is left to end them. A
 * node with a taint NoExecute is left by each pod when the time is over for which it tolerates that: five
 * minutes, where the pod says nothing else and the node is not ready. What is on a node of which nothing is
 * heard is not ready either.
 */

#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/node.h"
#include "samples/minicluster/node_pods.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/recorder.h"

static struct slice taints_of(const struct object *node)
{
    return json_member(json_member(object_bytes(node), "spec"), "taints");
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static struct slice node_of(const struct object *pod)
{
    return json_member(json_member(object_bytes(pod), "spec"), "nodeName");
}

static void eviction_changed(struct controller *controller, struct collection *collection,
                             const struct event *event)
{
    bool gone = event->type == EVENT_DELETED;
    if (event_is_of(collection, &gvr_nodes)) {
        struct slice before = event->old ? taints_of(event->old) : (struct slice){0};
        if (gone || !same(before, taints_of(event->object)))
            node_pods_visit(controller, object_key(event->object));
    } else if (event_is_of(collection, &gvr_pods) && !gone && node_of(event->object).len &&
               (!event->old || !node_of(event->old).len)) {
        queue_add(&controller->queue, object_key(event->object), 0);
    }
}

static void visit(struct controller *controller, const struct object *pod)
{
    queue_add(&controller->queue, object_key(pod), 0);
}

static void mark_unready(struct cluster *cluster, cJSON *pod)
{
    pod_unreachable(cluster, pod);
    cluster_write_status(cluster, &gvr_pods, pod);
    record_event(cluster, pod, "node-controller", "Warning", "NodeNotReady", "Node is not ready");
}

static void evict(struct cluster *cluster, const char *key, const cJSON *pod)
{
    record_event(cluster, pod, "taint-eviction-controller", "Normal", "TaintManagerEviction",
                 "Marking for deletion Pod %s", key);
    cluster_delete(cluster, apiserver_collection(cluster_server(cluster), &gvr_pods), key);
}

static void consider(struct controller *controller, const char *key, const struct object *node,
                     const struct object *object)
{
    struct cluster *cluster = controller->cluster;
    cleanup_tree cJSON *pod = cluster_read(cluster, &gvr_pods, key);
    int64_t at = node_expels_at(node, tree_at(pod, "spec.tolerations"));
    int64_t now = apiserver_wall_us(cluster_server(cluster));
    bool unheard = slice_equal(node_ready(node), "Unknown"),
         deleted = tree_at(pod, "metadata.deletionTimestamp");
    if (unheard && pod_is_ready(object))
        mark_unready(cluster, pod);
    if (deleted || at == INT64_MAX)
        return;
    if (at <= now)
        evict(cluster, key, pod);
    else
        queue_add(&controller->queue, key, at - now);
}

static void eviction_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    if (node_pods_step(controller, key, visit))
        return;
    const struct object *pod = cluster_peek(cluster, &gvr_pods, key);
    if (!pod || !node_of(pod).len)
        return;
    cleanup_free char *name = mem_dup(node_of(pod).data, node_of(pod).len);
    const struct object *node = cluster_peek(cluster, &gvr_nodes, name);
    if (!node)
        cluster_delete_now(cluster, &gvr_pods, key);
    else if (taints_of(node).len)
        consider(controller, key, node, pod);
}

const struct controller_ops taint_eviction_controller = {eviction_changed, eviction_reconcile};
