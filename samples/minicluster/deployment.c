/*
 * Deployments: one ReplicaSet for each template that was ever asked for, named after a hash of it. The newest
 * is brought to the full number at once, the others shrink as the newest becomes available (RollingUpdate),
 * or go before the newest starts (Recreate). maxSurge and maxUnavailable are not looked at.
 */

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/recorder.h"

#define HASH_LABEL "pod-template-hash"
#define REVISION "deployment.kubernetes.io/revision"
#define SETS_MAX 64

struct rollout {
    struct cluster *cluster;
    cJSON *deployment;
    char hash[16];
    cJSON *sets[SETS_MAX]; /* all that it controls */
    size_t count;
    cJSON *newest; /* one of them, of the template that is asked for; NULL where it is still to be made */
    int wanted;
};

static void deployment_changed(struct controller *controller, struct collection *collection,
                               const struct event *event)
{
    if (event_is_of(collection, &gvr_deployments))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_replicasets))
        queue_owners(controller, event->object, "Deployment");
}

/* Ten letters that make no words, as in a real cluster. */
static void template_hash(const cJSON *template, char out[16])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    tree_print(template, &text);
    uint64_t hash = XXH3_64bits(text.data, text.len);
    for (int i = 0; i < 10; i++, hash /= 27)
        out[i] = letters[hash % 27];
    out[10] = '\0';
}

static void rollout_read(struct rollout *rollout)
{
    const cJSON *deployment = rollout->deployment;
    const struct owned *owned =
        owners_find(cluster_owners(rollout->cluster), tree_text(deployment, "metadata.uid"));
    template_hash(tree_at(deployment, "spec.template"), rollout->hash);
    rollout->wanted = (int)tree_number(deployment, "spec.replicas", 1);
    for (; owned && rollout->count < SETS_MAX; owned = owned->next) {
        if (!event_is_of(owned->collection, &gvr_replicasets))
            continue;
        cJSON *set = cluster_read(rollout->cluster, &gvr_replicasets, owned->key);
        if (!set)
            continue;
        rollout->sets[rollout->count++] = set;
        if (!strcmp(tree_text(tree_at(set, "metadata.labels"), HASH_LABEL), rollout->hash))
            rollout->newest = set;
    }
}

static void rollout_deinit(struct rollout *rollout)
{
    for (size_t i = 0; i < rollout->count; i++)
        cJSON_Delete(rollout->sets[i]);
    cJSON_Delete(rollout->deployment);
}

/* Annotation names have dots, so that no path leads there. */
static int revision_of(const cJSON *tree)
{
    const cJSON *revision = cJSON_GetObjectItemCaseSensitive(tree_at(tree, "metadata.annotations"), REVISION);
    return cJSON_IsString(revision) ? atoi(revision->valuestring) : 0;
}

static void set_revision(cJSON *tree, int revision)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", revision);
    tree_set_text(tree_make(tree, "metadata.annotations"), REVISION, text);
}

static int newest_revision(const struct rollout *rollout)
{
    int newest = 0;
    for (size_t i = 0; i < rollout->count; i++)
        if (revision_of(rollout->sets[i]) > newest)
            newest = revision_of(rollout->sets[i]);
    return newest;
}

static void record_scaling(struct rollout *rollout, const char *set, int from, int to)
{
    record_event(rollout->cluster, rollout->deployment, "deployment-controller", "Normal",
                 "ScalingReplicaSet", "Scaled %s replica set %s from %d to %d", to > from ? "up" : "down",
                 set, from, to);
}

static void make_newest(struct rollout *rollout, int replicas)
{
    const cJSON *deployment = rollout->deployment;
    cJSON *labels = cJSON_Duplicate(tree_at(deployment, "spec.template.metadata.labels"), true);
    cleanup_tree cJSON *set = cJSON_CreateObject();
    cleanup_free char *name = mem_printf("%s-%s", tree_text(deployment, "metadata.name"), rollout->hash);
    cJSON *metadata = tree_make(set, "metadata"), *spec = tree_make(set, "spec");
    tree_set_text(metadata, "name", name);
    tree_set_text(metadata, "namespace", tree_text(deployment, "metadata.namespace"));
    tree_set(metadata, "labels", labels ? labels : cJSON_CreateObject());
    tree_set_text(tree_at(metadata, "labels"), HASH_LABEL, rollout->hash);
    set_revision(set, newest_revision(rollout) + 1);
    set_controller(set, deployment);
    tree_set_number(spec, "replicas", replicas);
    tree_set(spec, "selector", cJSON_Duplicate(tree_at(deployment, "spec.selector"), true));
    tree_set_text(tree_make(spec, "selector.matchLabels"), HASH_LABEL, rollout->hash);
    tree_set(spec, "template", cJSON_Duplicate(tree_at(deployment, "spec.template"), true));
    tree_set_text(tree_make(spec, "template.metadata.labels"), HASH_LABEL, rollout->hash);
    cluster_write(rollout->cluster, &gvr_replicasets, set);
    record_scaling(rollout, name, 0, replicas);
}

static void scale(struct rollout *rollout, cJSON *set, int replicas)
{
    int has = (int)tree_number(set, "spec.replicas", 0);
    if (has == replicas)
        return;
    tree_set_number(tree_at(set, "spec"), "replicas", replicas);
    cluster_write(rollout->cluster, &gvr_replicasets, set);
    record_scaling(rollout, tree_text(set, "metadata.name"), has, replicas);
}

static int sum(const struct rollout *rollout, const char *path, bool with_newest)
{
    int n = 0;
    for (size_t i = 0; i < rollout->count; i++)
        if (with_newest || rollout->sets[i] != rollout->newest)
            n += (int)tree_number(rollout->sets[i], path, 0);
    return n;
}

/* How many of the old ones may stay: as many as the newest lacks. */
static void shrink_old(struct rollout *rollout, int keep)
{
    for (size_t i = 0; i < rollout->count; i++) {
        cJSON *set = rollout->sets[i];
        if (set == rollout->newest)
            continue;
        int has = (int)tree_number(set, "spec.replicas", 0);
        int stays = has < keep ? has : keep;
        scale(rollout, set, stays);
        keep -= stays;
    }
}

static void roll(struct rollout *rollout)
{
    bool recreate = !strcmp(tree_text(rollout->deployment, "spec.strategy.type"), "Recreate");
    int available = (int)tree_number(rollout->newest, "status.availableReplicas", 0);
    int lacking = rollout->wanted > available ? rollout->wanted - available : 0;
    shrink_old(rollout, recreate ? 0 : lacking);
    int newest = recreate && sum(rollout, "status.replicas", false) > 0 ? 0 : rollout->wanted;
    if (!rollout->newest)
        make_newest(rollout, newest);
    else
        scale(rollout, rollout->newest, newest);
}

static void set_conditions(struct rollout *rollout, cJSON *status, int available)
{
    char message[400];
    bool complete = rollout->newest &&
                    (int)tree_number(rollout->newest, "status.availableReplicas", 0) >= rollout->wanted &&
                    sum(rollout, "status.replicas", true) == rollout->wanted;
    /* With the default strategy a quarter may be missing. */
    bool enough = available >= rollout->wanted - rollout->wanted / 4;
    set_condition(rollout->cluster, status, "Available", enough,
                  enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                  enough ? "Deployment has minimum availability."
                         : "Deployment does not have minimum availability.");
    snprintf(message, sizeof(message),
             complete ? "ReplicaSet \"%s-%s\" has successfully progressed."
                      : "ReplicaSet \"%s-%s\" is progressing.",
             tree_text(rollout->deployment, "metadata.name"), rollout->hash);
    set_condition(rollout->cluster, status, "Progressing", true,
                  complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated", message);
}

static void report(struct rollout *rollout)
{
    cJSON *status = tree_make(rollout->deployment, "status");
    int available = sum(rollout, "status.availableReplicas", true);
    int missing = rollout->wanted - available;
    tree_set_number(status, "observedGeneration", tree_number(rollout->deployment, "metadata.generation", 1));
    set_count(status, "replicas", sum(rollout, "status.replicas", true));
    set_count(status, "updatedReplicas", (int)tree_number(rollout->newest, "status.replicas", 0));
    set_count(status, "readyReplicas", sum(rollout, "status.readyReplicas", true));
    set_count(status, "availableReplicas", available);
    set_count(status, "unavailableReplicas", missing > 0 ? missing : 0);
    set_conditions(rollout, status, available);
    cluster_write_status(rollout->cluster, &gvr_deployments, rollout->deployment);
}

/* The deployment carries the revision of its newest set. */
static void note_revision(struct rollout *rollout)
{
    int revision = rollout->newest ? revision_of(rollout->newest) : 0;
    if (!revision || revision == revision_of(rollout->deployment))
        return;
    set_revision(rollout->deployment, revision);
    cluster_write(rollout->cluster, &gvr_deployments, rollout->deployment);
    tree_remove(tree_at(rollout->deployment, "metadata"), "resourceVersion");
}

static void deployment_reconcile(struct controller *controller, const char *key)
{
    struct rollout rollout = {.cluster = controller->cluster};
    rollout.deployment = cluster_read(controller->cluster, &gvr_deployments, key);
    if (rollout.deployment && !tree_at(rollout.deployment, "metadata.deletionTimestamp")) {
        rollout_read(&rollout);
        roll(&rollout);
        note_revision(&rollout);
        report(&rollout);
    }
    rollout_deinit(&rollout);
}

const struct controller_ops deployment_controller = {deployment_changed, deployment_reconcile};
