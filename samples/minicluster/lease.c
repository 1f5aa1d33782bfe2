/*
 * Nodes' heartbeats: each node renews its Lease in kube-node-lease every ten seconds, as its kubelet does. A
 * Lease that was deleted is made again at its next time, that of a deleted node goes with its owner.
 */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"

#define NAMESPACE "kube-node-lease"
#define RENEW_US (10 * LOOP_SECOND)

static const struct gvr gvr_leases = {"coordination.k8s.io", "v1", "leases"};

static void lease_changed(struct controller *controller, struct collection *collection,
                          const struct event *event)
{
    if (event_is_of(collection, &gvr_nodes) && event->type != EVENT_MODIFIED)
        queue_add(&controller->queue, object_key(event->object), 0);
}

static cJSON *new_lease(const char *name, const cJSON *node)
{
    return json("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"" NAMESPACE
                "\",\"ownerReferences\":[{\"apiVersion\":"
                "\"v1\",\"kind\":\"Node\",\"name\":\"%s\",\"uid\":\"%s\"}]},\"spec\":{\"holderIdentity\":"
                "\"%s\",\"leaseDurationSeconds\":40}}",
                name, name, tree_text(node, "metadata.uid"), name);
}

static void renew(struct cluster *cluster, const char *key, const char *name, const cJSON *node)
{
    char now[24], micro[32];
    cleanup_tree cJSON *lease = cluster_read(cluster, &gvr_leases, key);
    if (!lease)
        lease = new_lease(name, node);
    apiserver_time(cluster_server(cluster), now);
    snprintf(micro, sizeof(micro), "%.19s.%06dZ", now,
             (int)(apiserver_wall_us(cluster_server(cluster)) % LOOP_SECOND));
    tree_set_text(tree_make(lease, "spec"), "renewTime", micro);
    cluster_write(cluster, &gvr_leases, lease);
}

static void lease_reconcile(struct controller *controller, const char *name)
{
    struct cluster *cluster = controller->cluster;
    cleanup_free char *key = mem_printf(NAMESPACE "/%s", name);
    cleanup_tree cJSON *node = cluster_read(cluster, &gvr_nodes, name);
    if (!node)
        return; /* its Lease belongs to it, and is garbage now */
    renew(cluster, key, name, node);
    queue_add(&controller->queue, name, RENEW_US);
}

const struct controller_ops lease_controller = {lease_changed, lease_reconcile};
