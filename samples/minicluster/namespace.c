/* Namespaces: each has its default service account and root certificate, which come back when they are
 * deleted; one that is being deleted is emptied, and goes when it is empty. */

#include <string.h>

#include "apiserver/view.h"
#include "base/mem.h"
#include "samples/minicluster/controller.h"

static const struct gvr accounts = {"", "v1", "serviceaccounts"}, configmaps = {"", "v1", "configmaps"};

static void queue_namespace(struct controller *controller, const struct object *object)
{
    struct slice namespace_ = object_namespace(object);
    cleanup_free char *name = mem_dup(namespace_.data, namespace_.len);
    queue_add(&controller->queue, name, 0);
}

static void namespace_changed(struct controller *controller, struct collection *collection,
                              const struct event *event)
{
    if (event_is_of(collection, &gvr_namespaces) && event->type != EVENT_DELETED)
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event->type == EVENT_DELETED &&
             (event_is_of(collection, &accounts) || event_is_of(collection, &configmaps)))
        queue_namespace(controller, event->object);
}

static void furnish(struct cluster *cluster, const char *name)
{
    cleanup_free char *account = mem_printf("%s/default", name),
                      *root = mem_printf("%s/kube-root-ca.crt", name);
    if (!cluster_peek(cluster, &accounts, account)) {
        cleanup_tree cJSON *tree = json("{\"metadata\":{\"name\":\"default\",\"namespace\":\"%s\"}}", name);
        cluster_write(cluster, &accounts, tree);
    }
    if (!cluster_peek(cluster, &configmaps, root)) {
        cleanup_tree cJSON *tree =
            json("{\"metadata\":{\"name\":\"kube-root-ca.crt\",\"namespace\":\"%s\"},\"data\":{"
                 "\"ca.crt\":\"none: this cluster speaks plain http\\n\"}}",
                 name);
        cluster_write(cluster, &configmaps, tree);
    }
}

/* True where nothing is left. */
static bool empty(struct cluster *cluster, const char *name)
{
    bool left = false;
    for (struct collection *c = apiserver_storage(cluster_server(cluster))->first; c; c = c->next) {
        struct view doomed;
        struct item item;
        if (!resource_namespaced(&c->resource) || view_take(c, NULL, UINT64_MAX, &doomed) != 0)
            continue;
        struct view_reader reader = view_read(&doomed, name);
        while (view_next(&reader, &item)) {
            struct slice metadata = json_member(object_bytes(item.object), "metadata");
            left = true;
            if (!json_member(metadata, "deletionTimestamp").data)
                cluster_delete(cluster, c, object_key(item.object));
        }
        view_deinit(&doomed);
    }
    return !left;
}

static void finalize(struct cluster *cluster, const char *name)
{
    cleanup_tree cJSON *namespace_ = cluster_read(cluster, &gvr_namespaces, name);
    tree_remove(tree_make(namespace_, "spec"), "finalizers");
    cluster_write(cluster, &gvr_namespaces, namespace_);
}

static void namespace_reconcile(struct controller *controller, const char *key)
{
    struct object *object = cluster_peek(controller->cluster, &gvr_namespaces, key);
    if (!object)
        return;
    if (!json_member(json_member(object_bytes(object), "metadata"), "deletionTimestamp").data)
        furnish(controller->cluster, key);
    else if (empty(controller->cluster, key))
        finalize(controller->cluster, key);
    else
        queue_add(&controller->queue, key, 200 * LOOP_MS);
}

const struct controller_ops namespace_controller = {namespace_changed, namespace_reconcile};
