/*
 * StatefulSets: pods with names that stay, "web-0" and so on. With OrderedReady each is made when all before
 * it are ready, and the last one goes first; with Parallel nobody waits. A new template replaces them from
 * the last to the first, down to the partition, each when all others are ready; with OnDelete that is left to
 * whoever deletes them. A pod is always made from the template of now, and claims of volumes are not made.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/recorder.h"
#include "samples/minicluster/revision.h"

#define HASH_LABEL "controller-revision-hash"
#define PODS_MAX 10000
#define CHANGES_PER_TURN 50 /* their events bring the controller back */

struct replicas {
    struct cluster *cluster;
    cJSON *set;
    const char *name; /* of the set */
    char hash[16];
    char *revision;       /* of the template */
    struct object **pods; /* by ordinal; borrowed, NULL where there is none */
    int wanted, count;    /* of the places: no fewer than wanted */
    bool ordered;
};

struct tally {
    int there, ready, updated;
};

static void statefulset_changed(struct controller *controller, struct collection *collection,
                                const struct event *event)
{
    if (event_is_of(collection, &gvr_statefulsets))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_owners(controller, event->object, "StatefulSet");
}

/* "web-3" of "web"; -1 where it is none of these. */
static int ordinal_of(const char *set, struct slice pod)
{
    size_t len = strlen(set);
    if (pod.len < len + 2 || pod.len > len + 6 || memcmp(pod.data, set, len) || pod.data[len] != '-')
        return -1;
    cleanup_free char *text = mem_dup(pod.data + len + 1, pod.len - len - 1);
    return text[strspn(text, "0123456789")] ? -1 : atoi(text);
}

static void place(struct replicas *replicas, struct object *pod)
{
    int ordinal = ordinal_of(replicas->name, object_name(pod));
    if (ordinal < 0 || ordinal >= PODS_MAX)
        return;
    if (ordinal >= replicas->count) {
        size_t more = (size_t)(ordinal + 1 - replicas->count);
        replicas->pods = mem_realloc(replicas->pods, (size_t)(ordinal + 1) * sizeof(struct object *));
        memset(replicas->pods + replicas->count, 0, more * sizeof(struct object *));
        replicas->count = ordinal + 1;
    }
    replicas->pods[ordinal] = pod;
}

static void replicas_init(struct replicas *replicas, struct cluster *cluster, cJSON *set)
{
    int wanted = tree_count(set, "spec.replicas", 1);
    *replicas = (struct replicas){.cluster = cluster, .set = set};
    pod_template_hash(tree_at(set, "spec.template"), replicas->hash);
    replicas->name = tree_text(set, "metadata.name");
    replicas->revision = mem_printf("%s-%s", replicas->name, replicas->hash);
    replicas->wanted = replicas->count = wanted < PODS_MAX ? wanted : PODS_MAX;
    replicas->ordered = strcmp(tree_text(set, "spec.podManagementPolicy"), "Parallel");
    replicas->pods = mem_zalloc((size_t)(replicas->count + 1) * sizeof(struct object *));
    const struct owned *owned = owners_find(cluster_owners(cluster), tree_text(set, "metadata.uid"));
    for (; owned; owned = owned->next)
        if (event_is_of(owned->collection, &gvr_pods))
            place(replicas, cluster_peek(cluster, &gvr_pods, owned->key));
}

static void replicas_deinit(struct replicas *replicas)
{
    free(replicas->revision);
    free(replicas->pods);
}

static bool is_deleted(const struct object *pod)
{
    return json_member(json_member(object_bytes(pod), "metadata"), "deletionTimestamp").data;
}

static bool is_healthy(const struct object *pod)
{
    return pod && !pod_is_over(pod) && pod_is_ready(pod);
}

static bool is_updated(const struct replicas *replicas, const struct object *pod)
{
    struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
    return slice_equal(json_member(labels, HASH_LABEL), replicas->revision);
}

static void create_pod(struct replicas *replicas, int ordinal)
{
    char number[16];
    cleanup_tree cJSON *pod = pod_from_template(replicas->set, tree_at(replicas->set, "spec.template"));
    cleanup_free char *name = mem_printf("%s-%d", replicas->name, ordinal);
    cJSON *metadata = tree_at(pod, "metadata"), *labels = tree_make(metadata, "labels");
    snprintf(number, sizeof(number), "%d", ordinal);
    tree_remove(metadata, "generateName");
    tree_set_text(metadata, "name", name);
    tree_set_text(labels, "statefulset.kubernetes.io/pod-name", name);
    tree_set_text(labels, "apps.kubernetes.io/pod-index", number);
    tree_set_text(labels, HASH_LABEL, replicas->revision);
    tree_set_text(tree_at(pod, "spec"), "hostname", name);
    tree_set_text(tree_at(pod, "spec"), "subdomain", tree_text(replicas->set, "spec.serviceName"));
    pod_create(replicas->cluster, replicas->set, pod);
}

static void delete_pod(struct replicas *replicas, int ordinal)
{
    cleanup_free char *key = mem_strdup(object_key(replicas->pods[ordinal]));
    cluster_delete(replicas->cluster, apiserver_collection(cluster_server(replicas->cluster), &gvr_pods),
                   key);
    record_event(replicas->cluster, replicas->set, "statefulset-controller", "Normal", "SuccessfulDelete",
                 "delete Pod %s-%d in StatefulSet %s successful", replicas->name, ordinal, replicas->name);
    replicas->pods[ordinal] = NULL;
}

/* From the first on: what is missing is made, what has ended makes room. False where something has to be
 * waited for. */
static bool fill(struct replicas *replicas)
{
    bool all = true;
    int changes = 0;
    for (int i = 0; i < replicas->wanted && (all || !replicas->ordered) && changes < CHANGES_PER_TURN; i++) {
        struct object *pod = replicas->pods[i];
        bool ended = pod && pod_is_over(pod) && !is_deleted(pod);
        all = all && is_healthy(pod);
        changes += !pod || ended;
        if (!pod)
            create_pod(replicas, i);
        else if (ended)
            delete_pod(replicas, i);
    }
    return all;
}

/* From the last on, one after the other is gone where their order counts. */
static bool shrink(struct replicas *replicas)
{
    for (int i = replicas->count - 1; i >= replicas->wanted; i--) {
        struct object *pod = replicas->pods[i];
        if (!pod)
            continue;
        if (!is_deleted(pod))
            delete_pod(replicas, i);
        if (replicas->ordered)
            return false;
    }
    return true;
}

static void update(struct replicas *replicas)
{
    const cJSON *strategy = tree_at(replicas->set, "spec.updateStrategy");
    int partition = tree_count(strategy, "rollingUpdate.partition", 0);
    if (!strcmp(tree_text(strategy, "type"), "OnDelete"))
        return;
    for (int i = replicas->wanted - 1; i >= partition; i--) {
        if (is_updated(replicas, replicas->pods[i]))
            continue;
        delete_pod(replicas, i);
        return;
    }
}

static struct tally count(const struct replicas *replicas)
{
    struct tally tally = {0};
    for (int i = 0; i < replicas->count; i++) {
        const struct object *pod = replicas->pods[i];
        if (!pod || is_deleted(pod))
            continue;
        tally.there++;
        tally.ready += is_healthy(pod);
        tally.updated += is_updated(replicas, pod);
    }
    return tally;
}

static void report(struct replicas *replicas)
{
    struct tally tally = count(replicas);
    cJSON *status = tree_make(replicas->set, "status");
    bool done = tally.updated == replicas->wanted && tally.ready == replicas->wanted;
    tree_default(status, "currentRevision", cJSON_CreateString(replicas->revision));
    if (done)
        tree_set_text(status, "currentRevision", replicas->revision);
    bool rolling = strcmp(tree_text(status, "currentRevision"), replicas->revision);
    tree_set_number(status, "observedGeneration", tree_number(replicas->set, "metadata.generation", 1));
    tree_set_number(status, "replicas", tally.there);
    set_count(status, "readyReplicas", tally.ready);
    tree_set_number(status, "availableReplicas", tally.ready);
    set_count(status, "currentReplicas", rolling ? tally.there - tally.updated : tally.updated);
    set_count(status, "updatedReplicas", tally.updated);
    tree_set_text(status, "updateRevision", replicas->revision);
    tree_set_number(status, "collisionCount", 0);
    cluster_write_status(replicas->cluster, &gvr_statefulsets, replicas->set);
}

static void statefulset_reconcile(struct controller *controller, const char *key)
{
    cleanup_tree cJSON *set = cluster_read(controller->cluster, &gvr_statefulsets, key);
    struct replicas replicas;
    if (!set || tree_at(set, "metadata.deletionTimestamp"))
        return;
    replicas_init(&replicas, controller->cluster, set);
    revision_record(controller->cluster, set, replicas.revision, replicas.hash);
    report(&replicas);
    if (fill(&replicas) && shrink(&replicas))
        update(&replicas);
    else if (!replicas.ordered)
        shrink(&replicas);
    replicas_deinit(&replicas);
}

const struct controller_ops statefulset_controller = {statefulset_changed, statefulset_reconcile};
