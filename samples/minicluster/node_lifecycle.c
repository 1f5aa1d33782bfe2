/*
 * The node controller: a node whose Lease is not renewed in time is not known to be ready any more, and what
 * is to be known of a node stands in its taints, for the scheduler and for those that evict
 * (taint_eviction.c).
 */

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/node.h"
#include "samples/minicluster/recorder.h"

#define NOT_READY "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"
#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

static void node_changed(struct controller *controller, struct collection *collection,
                         const struct event *event)
{
    if (event_is_of(collection, &gvr_nodes) && event->type != EVENT_DELETED)
        queue_add(&controller->queue, object_key(event->object), 0);
}

/* When its time is over; one that has no Lease yet counts from its creation. */
static int64_t due_us(struct cluster *cluster, const struct object *node)
{
    cleanup_free char *key = mem_printf("kube-node-lease/%s", object_key(node));
    const struct object *lease = cluster_peek(cluster, &gvr_leases, key);
    struct slice metadata = json_member(object_bytes(node), "metadata");
    struct slice since = lease ? json_member(json_member(object_bytes(lease), "spec"), "renewTime")
                               : json_member(metadata, "creationTimestamp");
    return time_us(since) + cluster_node_grace_us(cluster);
}

static void give_up(struct cluster *cluster, cJSON *node)
{
    char now[24];
    apiserver_time(cluster_server(cluster), now);
    tree_set(tree_make(node, "status"), "conditions", node_conditions_unknown(now));
    cluster_write_status(cluster, &gvr_nodes, node);
    record_event(cluster, node, "node-controller", "Normal", "NodeNotReady",
                 "Node %s status is now: NodeNotReady", tree_text(node, "metadata.name"));
}

/* Puts a taint there, or takes it away; true where that is a change. */
static bool set_taint(cJSON *taints, const char *key, const char *effect, bool is)
{
    cJSON *taint;
    cJSON_ArrayForEach(taint, taints)
    {
        if (strcmp(tree_text(taint, "key"), key) || strcmp(tree_text(taint, "effect"), effect))
            continue;
        if (!is)
            cJSON_Delete(cJSON_DetachItemViaPointer(taints, taint));
        return !is;
    }
    if (is)
        tree_add(taints, json("{\"key\":\"%s\",\"effect\":\"%s\"}", key, effect));
    return is;
}

/* From when on a taint counts, who puts it there need not say. */
static bool date_taints(cJSON *taints, const char *now)
{
    bool dated = false;
    cJSON *taint;
    cJSON_ArrayForEach(taint, taints)
    {
        if (!cJSON_IsObject(taint) || tree_at(taint, "timeAdded") ||
            !strcmp(tree_text(taint, "effect"), "PreferNoSchedule"))
            continue;
        tree_set_text(taint, "timeAdded", now);
        dated = true;
    }
    return dated;
}

/* NULL: nothing is to be written. The result is the spec's. */
static bool set_taints(struct cluster *cluster, cJSON *node, struct slice ready)
{
    char now[24];
    cJSON *spec = tree_make(node, "spec");
    bool unknown = slice_equal(ready, "Unknown"), failing = slice_equal(ready, "False"), changed = false;
    cJSON *taints = tree_make_list(spec, "taints");
    changed |= set_taint(taints, UNREACHABLE, "NoSchedule", unknown);
    changed |= set_taint(taints, UNREACHABLE, "NoExecute", unknown);
    changed |= set_taint(taints, NOT_READY, "NoSchedule", failing);
    changed |= set_taint(taints, NOT_READY, "NoExecute", failing);
    changed |= set_taint(taints, UNSCHEDULABLE, "NoSchedule", cJSON_IsTrue(tree_at(spec, "unschedulable")));
    changed |= date_taints(taints, apiserver_time(cluster_server(cluster), now));
    if (!taints->child)
        tree_remove(spec, "taints");
    return changed;
}

static void node_reconcile(struct controller *controller, const char *name)
{
    struct cluster *cluster = controller->cluster;
    struct object *object = cluster_peek(cluster, &gvr_nodes, name);
    cleanup_tree cJSON *node = cluster_read(cluster, &gvr_nodes, name);
    if (!node || tree_at(node, "metadata.deletionTimestamp"))
        return;
    int64_t left = due_us(cluster, object) - apiserver_wall_us(cluster_server(cluster));
    if (left <= 0 && !slice_equal(node_ready(object), "Unknown")) {
        give_up(cluster, node); /* which is a change of the node */
        return;
    }
    if (set_taints(cluster, node, node_ready(object)))
        cluster_write(cluster, &gvr_nodes, node);
    if (left > 0)
        queue_add(&controller->queue, name, left);
}

const struct controller_ops node_controller = {node_changed, node_reconcile};
