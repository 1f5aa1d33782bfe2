/*
 * DaemonSets: a pod on each node that its node selector chooses and whose taints it tolerates; those of a
 * node that is not well it does. When the template changes, pods of an older one are replaced, as many at a
 * time as maxUnavailable lets go; with OnDelete that is left to whoever deletes them. maxSurge is not looked
 * at.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/node.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/revision.h"

#define HASH_LABEL "controller-revision-hash"

struct tally {
    int desired, current, ready, updated;
    char **outdated; /* the keys of those that are to be replaced */
    int outdated_count;
};

static void queue_all(struct controller *controller)
{
    struct object_place place = {0};
    const struct object_entry *set;
    const struct collection *sets =
        apiserver_collection(cluster_server(controller->cluster), &gvr_daemonsets);
    while ((set = object_set_next(&sets->own->objects, &place)))
        queue_add(&controller->queue, object_key(set->object), 0);
}

static void daemonset_changed(struct controller *controller, struct collection *collection,
                              const struct event *event)
{
    if (event_is_of(collection, &gvr_daemonsets))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_owners(controller, event->object, "DaemonSet");
    else if (event_is_of(collection, &gvr_nodes) &&
             (event->type != EVENT_MODIFIED || !node_takes_alike(event->object, event->old)))
        queue_all(controller);
}

/* Its pod on that node that is not going away; borrowed. */
static struct object *find_pod(struct cluster *cluster, const char *uid, const char *node)
{
    for (const struct owned *owned = owners_find(cluster_owners(cluster), uid); owned; owned = owned->next) {
        struct object *pod =
            event_is_of(owned->collection, &gvr_pods) ? cluster_peek(cluster, &gvr_pods, owned->key) : NULL;
        if (pod && !pod_is_over(pod) &&
            slice_equal(json_member(json_member(object_bytes(pod), "spec"), "nodeName"), node))
            return pod;
    }
    return NULL;
}

/* What ails a node is no reason for its daemon to leave it. */
static void tolerate_ailments(cJSON *pod)
{
    static const char *const ailments[][2] = {
        {"not-ready", "NoExecute"},        {"unreachable", "NoExecute"},   {"disk-pressure", "NoSchedule"},
        {"memory-pressure", "NoSchedule"}, {"pid-pressure", "NoSchedule"}, {"unschedulable", "NoSchedule"}};
    cJSON *tolerations = tree_make_list(tree_at(pod, "spec"), "tolerations");
    for (size_t i = 0; i < array_size(ailments); i++)
        tree_add(tolerations,
                 json("{\"key\":\"node.kubernetes.io/%s\",\"operator\":\"Exists\",\"effect\":\"%s\"}",
                      ailments[i][0], ailments[i][1]));
}

/* False where the node repels it. */
static bool create_pod(struct cluster *cluster, const cJSON *set, const char *node, const char *hash)
{
    cleanup_tree cJSON *pod = pod_from_template(set, tree_at(set, "spec.template"));
    tolerate_ailments(pod);
    if (node_repels(cluster_peek(cluster, &gvr_nodes, node), tree_at(pod, "spec.tolerations")))
        return false;
    tree_set_text(tree_make(pod, "metadata.labels"), HASH_LABEL, hash);
    tree_set_text(tree_at(pod, "spec"), "nodeName", node);
    pod_create(cluster, set, pod);
    return true;
}

static void delete_pod(struct cluster *cluster, const char *key)
{
    cluster_delete(cluster, apiserver_collection(cluster_server(cluster), &gvr_pods), key);
}

static void count_pod(struct tally *tally, const struct object *pod, const char *hash)
{
    struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
    bool updated = slice_equal(json_member(labels, HASH_LABEL), hash);
    tally->desired++;
    tally->current++;
    tally->ready += pod_is_ready(pod);
    tally->updated += updated;
    if (updated)
        return;
    tally->outdated = mem_realloc(tally->outdated, (size_t)(tally->outdated_count + 1) * sizeof(char *));
    tally->outdated[tally->outdated_count++] = mem_strdup(object_key(pod));
}

static void visit_node(struct cluster *cluster, const cJSON *set, const struct object *node, const char *hash,
                       struct tally *tally)
{
    const struct object *pod = find_pod(cluster, tree_text(set, "metadata.uid"), object_key(node));
    bool chosen = node_selected(node, tree_at(set, "spec.template.spec.nodeSelector"));
    cleanup_free char *key = pod ? mem_strdup(object_key(pod)) : NULL;
    if (!pod && chosen)
        tally->desired += create_pod(cluster, set, object_key(node), hash);
    else if (pod && chosen)
        count_pod(tally, pod, hash);
    else if (pod)
        delete_pod(cluster, key);
}

/* How many more may be missing than are. */
static int spare(const cJSON *set, const struct tally *tally)
{
    const cJSON *most = tree_at(set, "spec.updateStrategy.rollingUpdate.maxUnavailable");
    int may = share_of(most, tally->desired, ceil);
    return (may > 0 ? may : 1) - (tally->desired - tally->ready);
}

/* Those that are not ready need not be spared. */
static void replace_outdated(struct cluster *cluster, const cJSON *set, const struct tally *tally)
{
    bool waits = !strcmp(tree_text(set, "spec.updateStrategy.type"), "OnDelete");
    int left = spare(set, tally);
    for (int i = 0; i < tally->outdated_count && !waits; i++) {
        const struct object *pod = cluster_peek(cluster, &gvr_pods, tally->outdated[i]);
        bool ready = pod && pod_is_ready(pod);
        if (!ready || left > 0)
            delete_pod(cluster, tally->outdated[i]);
        left -= ready;
    }
}

static void tally_deinit(struct tally *tally)
{
    for (int i = 0; i < tally->outdated_count; i++)
        free(tally->outdated[i]);
    free(tally->outdated);
}

static void report(struct cluster *cluster, cJSON *set, const struct tally *tally)
{
    cJSON *status = tree_make(set, "status");
    tree_set_number(status, "currentNumberScheduled", tally->current);
    tree_set_number(status, "desiredNumberScheduled", tally->desired);
    tree_set_number(status, "numberMisscheduled", 0);
    tree_set_number(status, "numberReady", tally->ready);
    set_count(status, "numberAvailable", tally->ready);
    set_count(status, "numberUnavailable", tally->desired - tally->ready);
    set_count(status, "updatedNumberScheduled", tally->updated);
    tree_set_number(status, "observedGeneration", tree_number(set, "metadata.generation", 1));
    cluster_write_status(cluster, &gvr_daemonsets, set);
}

static void daemonset_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    cleanup_tree cJSON *set = cluster_read(cluster, &gvr_daemonsets, key);
    struct object_place place = {0};
    const struct object_entry *node;
    struct tally tally = {0};
    char hash[16];
    if (!set || tree_at(set, "metadata.deletionTimestamp"))
        return;
    pod_template_hash(tree_at(set, "spec.template"), hash);
    cleanup_free char *revision = mem_printf("%s-%s", tree_text(set, "metadata.name"), hash);
    revision_record(cluster, set, revision, hash);
    const struct collection *nodes = apiserver_collection(cluster_server(cluster), &gvr_nodes);
    while ((node = object_set_next(&nodes->own->objects, &place)))
        visit_node(cluster, set, node->object, hash, &tally);
    report(cluster, set, &tally);
    replace_outdated(cluster, set, &tally);
    tally_deinit(&tally);
}

const struct controller_ops daemonset_controller = {daemonset_changed, daemonset_reconcile};
