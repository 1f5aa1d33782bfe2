/*
 * Nodes' heartbeats: each node's kubelet renews its Lease in kube-node-lease four times in what the node
 * controller waits for (node_lifecycle.c), and says that the node is ready where that is not known. A Lease
 * that was deleted is made again at its next time, that of a deleted node goes with its owner. A kubelet that
 * is stopped (node.h) says nothing.
 */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/node.h"

#define NAMESPACE "kube-node-lease"

static void lease_changed(struct controller *controller, struct collection *collection,
                          const struct event *event)
{
    if (event_is_of(collection, &gvr_nodes) && event->type != EVENT_DELETED &&
        (!event->old || node_silent(event->old)))
        queue_add(&controller->queue, object_key(event->object), 0);
}

static cJSON *new_lease(struct cluster *cluster, const char *name, const cJSON *node)
{
    return json("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"" NAMESPACE
                "\",\"ownerReferences\":[{\"apiVersion\":"
                "\"v1\",\"kind\":\"Node\",\"name\":\"%s\",\"uid\":\"%s\"}]},\"spec\":{\"holderIdentity\":"
                "\"%s\",\"leaseDurationSeconds\":%d}}",
                name, name, tree_text(node, "metadata.uid"), name,
                (int)(cluster_node_grace_us(cluster) / LOOP_SECOND));
}

static void renew(struct cluster *cluster, const char *key, const char *name, const cJSON *node)
{
    char now[24], micro[32];
    cleanup_tree cJSON *lease = cluster_read(cluster, &gvr_leases, key);
    if (!lease)
        lease = new_lease(cluster, name, node);
    apiserver_time(cluster_server(cluster), now);
    snprintf(micro, sizeof(micro), "%.19s.%06dZ", now,
             (int)(apiserver_wall_us(cluster_server(cluster)) % LOOP_SECOND));
    tree_set_text(tree_make(lease, "spec"), "renewTime", micro);
    cluster_write(cluster, &gvr_leases, lease);
}

/* One that somebody else has made has nothing to tell of itself yet. */
static void post_status(struct cluster *cluster, const char *name, cJSON *node)
{
    char now[24];
    apiserver_time(cluster_server(cluster), now);
    if (tree_at(node, "status.nodeInfo"))
        tree_set(tree_at(node, "status"), "conditions", node_conditions(now));
    else
        tree_set(node, "status", node_status(name, now));
    cluster_write_status(cluster, &gvr_nodes, node);
}

static void lease_reconcile(struct controller *controller, const char *name)
{
    struct cluster *cluster = controller->cluster;
    cleanup_free char *key = mem_printf(NAMESPACE "/%s", name);
    const struct object *object = node_find_acting(cluster, name);
    cleanup_tree cJSON *node = object ? cluster_read(cluster, &gvr_nodes, name) : NULL;
    if (!node)
        return; /* it comes back when it acts again */
    bool known = slice_equal(node_ready(object), "True");
    renew(cluster, key, name, node);
    if (!known)
        post_status(cluster, name, node);
    queue_add(&controller->queue, name, cluster_node_grace_us(cluster) / 4);
}

const struct controller_ops lease_controller = {lease_changed, lease_reconcile};
