/*
 * DaemonSets: a pod on each node that its node selector chooses. When the template changes, pods of an older
 * one are replaced one by one: the next goes when all others are ready. maxUnavailable and maxSurge are not
 * looked at, and neither is OnDelete.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"

#define HASH_LABEL "controller-revision-hash"

struct tally {
    int desired, current, ready, updated;
    struct object *outdated; /* one of those; borrowed */
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
    else if (event_is_of(collection, &gvr_nodes) && event->type != EVENT_MODIFIED)
        queue_all(controller);
}

static bool is_chosen(const cJSON *set, const cJSON *node)
{
    const cJSON *label, *labels = tree_at(node, "metadata.labels");
    cJSON_ArrayForEach(label, tree_at(set, "spec.template.spec.nodeSelector"))
    {
        const cJSON *has = cJSON_GetObjectItemCaseSensitive(labels, label->string);
        if (!tree_equal(has, label))
            return false;
    }
    return true;
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

static void template_hash(const cJSON *set, char out[20])
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    tree_print(tree_at(set, "spec.template"), &text);
    snprintf(out, 20, "%" PRIx64, XXH3_64bits(text.data, text.len) & 0xffffffffff);
}

static void create_pod(struct cluster *cluster, const cJSON *set, const char *node, const char *hash)
{
    cleanup_tree cJSON *pod = pod_from_template(set, tree_at(set, "spec.template"));
    tree_set_text(tree_make(pod, "metadata.labels"), HASH_LABEL, hash);
    tree_set_text(tree_at(pod, "spec"), "nodeName", node);
    pod_create(cluster, set, pod);
}

static void delete_pod(struct cluster *cluster, const struct object *pod)
{
    cleanup_free char *key = mem_strdup(object_key(pod));
    cluster_delete(cluster, apiserver_collection(cluster_server(cluster), &gvr_pods), key);
}

static void count_pod(struct tally *tally, struct object *pod, const char *hash)
{
    struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
    bool updated = slice_equal(json_member(labels, HASH_LABEL), hash);
    tally->current++;
    tally->ready += pod_is_ready(pod);
    tally->updated += updated;
    if (!updated)
        tally->outdated = pod;
}

static void visit_node(struct cluster *cluster, const cJSON *set, const char *name, const char *hash,
                       struct tally *tally)
{
    cleanup_tree cJSON *node = cluster_read(cluster, &gvr_nodes, name);
    struct object *pod = find_pod(cluster, tree_text(set, "metadata.uid"), name);
    if (!is_chosen(set, node)) {
        if (pod)
            delete_pod(cluster, pod);
        return;
    }
    tally->desired++;
    if (pod)
        count_pod(tally, pod, hash);
    else
        create_pod(cluster, set, name, hash);
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
    char hash[20];
    if (!set || tree_at(set, "metadata.deletionTimestamp"))
        return;
    template_hash(set, hash);
    const struct collection *nodes = apiserver_collection(cluster_server(cluster), &gvr_nodes);
    while ((node = object_set_next(&nodes->own->objects, &place)))
        visit_node(cluster, set, object_key(node->object), hash, &tally);
    report(cluster, set, &tally);
    if (tally.outdated && tally.ready == tally.desired)
        delete_pod(cluster, tally.outdated);
}

const struct controller_ops daemonset_controller = {daemonset_changed, daemonset_reconcile};
