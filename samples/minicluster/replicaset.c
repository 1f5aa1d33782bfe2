/* ReplicaSets: as many pods as are asked for. Of too many, those go first that are not ready, then the
 * youngest. Available is what has been ready for minReadySeconds. */

#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"

#define CHANGES_PER_TURN 50

struct members {
    struct object **pods; /* those that are not going away; borrowed */
    size_t count;
    int ready, available;
    int64_t next_us; /* until the next one is available; INT64_MAX: none will be by itself */
};

static void replicaset_changed(struct controller *controller, struct collection *collection,
                               const struct event *event)
{
    if (event_is_of(collection, &gvr_replicasets))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_owners(controller, event->object, "ReplicaSet");
}

static void count_ready(struct members *members, const struct object *pod, int64_t settled_us, int64_t now)
{
    int64_t left = pod_ready_since_us(pod) + settled_us - now;
    members->ready++;
    if (settled_us == 0 || left <= 0)
        members->available++;
    else if (left < members->next_us)
        members->next_us = left;
}

static void read_members(struct cluster *cluster, const cJSON *set, struct members *members)
{
    const char *uid = tree_text(set, "metadata.uid");
    int64_t settled_us = tree_count(set, "spec.minReadySeconds", 0) * (int64_t)LOOP_SECOND;
    for (const struct owned *owned = owners_find(cluster_owners(cluster), uid); owned; owned = owned->next) {
        struct object *pod =
            event_is_of(owned->collection, &gvr_pods) ? cluster_peek(cluster, &gvr_pods, owned->key) : NULL;
        if (!pod || pod_is_over(pod))
            continue;
        members->pods = mem_realloc(members->pods, (members->count + 1) * sizeof(*members->pods));
        members->pods[members->count++] = pod;
        if (pod_is_ready(pod))
            count_ready(members, pod, settled_us, apiserver_wall_us(cluster_server(cluster)));
    }
}

static void create_pods(struct cluster *cluster, const cJSON *set, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_tree cJSON *pod = pod_from_template(set, tree_at(set, "spec.template"));
        pod_create(cluster, set, pod);
    }
}

/* The references of the members are kept by the API server until the pods are gone: keys are copied before.
 */
static void delete_pods(struct cluster *cluster, struct members *members, size_t n)
{
    struct collection *pods = apiserver_collection(cluster_server(cluster), &gvr_pods);
    char **keys = mem_zalloc(members->count * sizeof(*keys) + 1);
    size_t count = 0;
    for (int ready = 0; ready < 2; ready++)
        for (size_t i = members->count; i-- > 0;)
            if (pod_is_ready(members->pods[i]) == ready)
                keys[count++] = mem_strdup(object_key(members->pods[i]));
    for (size_t i = 0; i < count; i++) {
        if (i < n)
            cluster_delete(cluster, pods, keys[i]);
        free(keys[i]);
    }
    free(keys);
}

static void report(struct cluster *cluster, cJSON *set, const struct members *members)
{
    cJSON *status = tree_make(set, "status");
    tree_set_number(status, "replicas", (double)members->count);
    set_count(status, "fullyLabeledReplicas", (int)members->count);
    set_count(status, "readyReplicas", members->ready);
    set_count(status, "availableReplicas", members->available);
    tree_set_number(status, "observedGeneration", tree_number(set, "metadata.generation", 1));
    cluster_write_status(cluster, &gvr_replicasets, set);
}

static void replicaset_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    cleanup_tree cJSON *set = cluster_read(cluster, &gvr_replicasets, key);
    struct members members = {.next_us = INT64_MAX};
    if (!set || tree_at(set, "metadata.deletionTimestamp"))
        return;
    read_members(cluster, set, &members);
    size_t wanted = (size_t)tree_count(set, "spec.replicas", 1);
    report(cluster, set, &members);
    if (members.next_us != INT64_MAX)
        queue_add(&controller->queue, key, members.next_us);
    if (members.count < wanted)
        create_pods(cluster, set,
                    wanted - members.count < CHANGES_PER_TURN ? wanted - members.count : CHANGES_PER_TURN);
    else if (members.count > wanted)
        delete_pods(cluster, &members, members.count - wanted);
    free(members.pods);
}

const struct controller_ops replicaset_controller = {replicaset_changed, replicaset_reconcile};
