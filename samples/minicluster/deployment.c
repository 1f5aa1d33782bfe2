/*
 * Deployments: one ReplicaSet for each template that was ever asked for, named after a hash of it. With
 * RollingUpdate the newest grows as far as maxSurge lets it, and the others shrink as far as maxUnavailable
 * does, until the newest is all there is; with Recreate they go before it starts. A change of the number
 * alone is one of the newest. What is paused keeps its ReplicaSets and is only scaled. Each step is one of a
 * real cluster's controller, which looks again after each of its writes.
 *
 * Revisions count the templates in the order in which they were asked for last: that is what kubectl's
 * rollout history shows, and undo goes back to. Old ones are forgotten beyond revisionHistoryLimit.
 */

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/recorder.h"

#define ANNOTATIONS "deployment.kubernetes.io/"
#define REVISION ANNOTATIONS "revision"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define SETS_MAX 64

struct rollout {
    struct cluster *cluster;
    cJSON *deployment;
    char hash[16];
    cJSON *sets[SETS_MAX]; /* all that it controls */
    size_t count;
    cJSON *newest; /* one of them, of the template that is asked for; NULL where it is still to be made */
    int wanted, surge, unavailable;
    bool recreate, paused;
    bool waits; /* for old pods to be gone, of which it will not hear */
};

static void deployment_changed(struct controller *controller, struct collection *collection,
                               const struct event *event)
{
    if (event_is_of(collection, &gvr_deployments))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_replicasets))
        queue_owners(controller, event->object, "Deployment");
}

static void read_strategy(struct rollout *rollout)
{
    const cJSON *spec = tree_at(rollout->deployment, "spec");
    rollout->wanted = tree_count(spec, "replicas", 1);
    rollout->paused = cJSON_IsTrue(tree_at(spec, "paused"));
    rollout->recreate = !strcmp(tree_text(spec, "strategy.type"), "Recreate");
    rollout->surge = share_of(tree_at(spec, "strategy.rollingUpdate.maxSurge"), rollout->wanted, ceil);
    rollout->unavailable =
        share_of(tree_at(spec, "strategy.rollingUpdate.maxUnavailable"), rollout->wanted, floor);
    if (rollout->surge <= 0 && rollout->unavailable <= 0)
        rollout->unavailable = 1;
}

static void read_set(struct rollout *rollout, cJSON *set)
{
    rollout->sets[rollout->count++] = set;
    if (pod_template_equal(tree_at(set, "spec.template"), tree_at(rollout->deployment, "spec.template")))
        rollout->newest = set;
}

static void rollout_read(struct rollout *rollout)
{
    const cJSON *deployment = rollout->deployment;
    const struct owned *owned =
        owners_find(cluster_owners(rollout->cluster), tree_text(deployment, "metadata.uid"));
    pod_template_hash(tree_at(deployment, "spec.template"), rollout->hash);
    read_strategy(rollout);
    for (; owned && rollout->count < SETS_MAX; owned = owned->next) {
        cJSON *set = event_is_of(owned->collection, &gvr_replicasets)
                         ? cluster_read(rollout->cluster, &gvr_replicasets, owned->key)
                         : NULL;
        if (set && !tree_at(set, "metadata.deletionTimestamp"))
            read_set(rollout, set);
        else
            cJSON_Delete(set);
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

/* What people note at a deployment is noted at its set, and so at the revision. */
static bool copy_annotations(const struct rollout *rollout, cJSON *set)
{
    bool changed = false;
    const cJSON *from = tree_at(rollout->deployment, "metadata.annotations");
    cJSON *to = tree_make(set, "metadata.annotations");
    for (const cJSON *note = tree_first(from); note; note = note->next) {
        if (!strncmp(note->string, ANNOTATIONS, strlen(ANNOTATIONS)) || !strcmp(note->string, LAST_APPLIED) ||
            tree_equal(cJSON_GetObjectItemCaseSensitive(to, note->string), note))
            continue;
        tree_set(to, note->string, cJSON_Duplicate(note, true));
        changed = true;
    }
    return changed;
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
    tree_set_text(tree_at(metadata, "labels"), POD_HASH_LABEL, rollout->hash);
    copy_annotations(rollout, set);
    set_revision(set, newest_revision(rollout) + 1);
    set_controller(set, deployment);
    tree_set_number(spec, "replicas", replicas);
    set_count(spec, "minReadySeconds", tree_count(deployment, "spec.minReadySeconds", 0));
    tree_set(spec, "selector", cJSON_Duplicate(tree_at(deployment, "spec.selector"), true));
    tree_set_text(tree_make(spec, "selector.matchLabels"), POD_HASH_LABEL, rollout->hash);
    tree_set(spec, "template", cJSON_Duplicate(tree_at(deployment, "spec.template"), true));
    tree_set_text(tree_make(spec, "template.metadata.labels"), POD_HASH_LABEL, rollout->hash);
    cluster_write(rollout->cluster, &gvr_replicasets, set);
    record_scaling(rollout, name, 0, replicas);
}

/* A set of before that is asked for again is the newest revision; and what is said of it follows. */
static void renew_newest(struct rollout *rollout)
{
    cJSON *set = rollout->newest;
    int newest = newest_revision(rollout);
    bool changed = copy_annotations(rollout, set);
    int settled = tree_count(rollout->deployment, "spec.minReadySeconds", 0);
    if (settled != tree_count(set, "spec.minReadySeconds", 0)) {
        set_count(tree_at(set, "spec"), "minReadySeconds", settled);
        changed = true;
    }
    if (revision_of(set) < newest)
        set_revision(set, newest + 1);
    else if (!changed)
        return;
    cluster_write(rollout->cluster, &gvr_replicasets, set);
    tree_remove(tree_at(set, "metadata"), "resourceVersion");
}

static void scale(struct rollout *rollout, cJSON *set, int replicas)
{
    int has = tree_count(set, "spec.replicas", 0);
    if (has == replicas)
        return;
    tree_set_number(tree_at(set, "spec"), "replicas", replicas);
    cluster_write(rollout->cluster, &gvr_replicasets, set);
    tree_remove(tree_at(set, "metadata"), "resourceVersion");
    record_scaling(rollout, tree_text(set, "metadata.name"), has, replicas);
}

static int sum(const struct rollout *rollout, const char *path, bool with_newest)
{
    int n = 0;
    for (size_t i = 0; i < rollout->count; i++)
        if (with_newest || rollout->sets[i] != rollout->newest)
            n += tree_count(rollout->sets[i], path, 0);
    return n;
}

static int replicas_of(const cJSON *set)
{
    return tree_count(set, "spec.replicas", 0);
}

static int available_of(const cJSON *set)
{
    return tree_count(set, "status.availableReplicas", 0);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The oldest of those sets that have pods, and are not the newest. */
static cJSON *oldest_with_pods(const struct rollout *rollout, int after)
{
    cJSON *oldest = NULL;
    for (size_t i = 0; i < rollout->count; i++) {
        cJSON *set = rollout->sets[i];
        if (set != rollout->newest && replicas_of(set) > 0 && revision_of(set) > after &&
            (!oldest || revision_of(set) < revision_of(oldest)))
            oldest = set;
    }
    return oldest;
}

/* Takes up to `count` pods from the old sets, the oldest first: those only that are not available, or any. */
static int shrink_old(struct rollout *rollout, int count, bool any)
{
    int taken = 0, revision = -1;
    cJSON *set;
    while (taken < count && (set = oldest_with_pods(rollout, revision))) {
        int has = replicas_of(set), spare = any ? has : has - available_of(set);
        int n = least(spare > 0 ? spare : 0, count - taken);
        revision = revision_of(set);
        scale(rollout, set, has - n);
        taken += n;
    }
    return taken;
}

/* As many as must be available stay; those that are not are of no use in any case. */
static void roll_old(struct rollout *rollout)
{
    int must = rollout->wanted - rollout->unavailable;
    int unready = replicas_of(rollout->newest) - available_of(rollout->newest);
    int spare = sum(rollout, "spec.replicas", true) - must - unready;
    spare -= spare > 0 ? shrink_old(rollout, spare, false) : 0;
    int available = sum(rollout, "status.availableReplicas", true);
    if (spare > 0 && available > must)
        shrink_old(rollout, least(spare, available - must), true);
}

static int room(const struct rollout *rollout)
{
    int has = rollout->newest ? replicas_of(rollout->newest) : 0;
    int free = rollout->wanted + rollout->surge - sum(rollout, "spec.replicas", true);
    return has + least(rollout->wanted - has, free > 0 ? free : 0);
}

/* Old pods that are still there, if only to end. */
static bool old_pods_left(const struct rollout *rollout)
{
    bool left = false;
    for (size_t i = 0; i < rollout->count; i++)
        left = left ||
               (rollout->sets[i] != rollout->newest &&
                owners_find(cluster_owners(rollout->cluster), tree_text(rollout->sets[i], "metadata.uid")));
    return left;
}

static void roll(struct rollout *rollout)
{
    bool old = sum(rollout, "spec.replicas", false) > 0;
    if (rollout->recreate)
        shrink_old(rollout, INT_MAX, true);
    rollout->waits = rollout->recreate && old_pods_left(rollout);
    int newest = old ? room(rollout) : rollout->wanted;
    if (rollout->waits)
        return;
    if (!rollout->newest)
        make_newest(rollout, newest);
    else if (replicas_of(rollout->newest) != newest)
        scale(rollout, rollout->newest, newest);
    else if (old)
        roll_old(rollout);
}

/* Where one set has all pods it is brought to the number that is wanted; in the midst of a rollout nothing is
 * done. */
static void scale_paused(struct rollout *rollout)
{
    cJSON *active = NULL;
    int count = 0;
    for (size_t i = 0; i < rollout->count; i++) {
        if (replicas_of(rollout->sets[i]) == 0)
            continue;
        active = rollout->sets[i];
        count++;
    }
    active = count == 0 ? rollout->newest : active;
    if (active && count <= 1)
        scale(rollout, active, rollout->wanted);
}

/* ---- status ---- */

static bool is_complete(const struct rollout *rollout)
{
    return rollout->newest && available_of(rollout->newest) >= rollout->wanted &&
           tree_count(rollout->newest, "status.replicas", 0) == rollout->wanted &&
           sum(rollout, "status.replicas", true) == rollout->wanted;
}

static void condition(struct rollout *rollout, const char *type, const char *is, const char *reason,
                      const char *message)
{
    char now[24];
    cJSON *status = tree_at(rollout->deployment, "status");
    if (set_condition(rollout->cluster, status, type, is, reason, message))
        tree_set_text(find_condition(status, type), "lastUpdateTime",
                      apiserver_time(cluster_server(rollout->cluster), now));
}

/* When a rollout that does not get any further has failed; INT64_MAX: it has not to. */
static int64_t deadline_us(const struct rollout *rollout)
{
    const cJSON *progress = find_condition(tree_at(rollout->deployment, "status"), "Progressing");
    double seconds = fmax(0, tree_number(rollout->deployment, "spec.progressDeadlineSeconds", 600));
    const char *since = tree_text(progress, "lastUpdateTime");
    if (!since[0] || seconds >= 1e9 || !strcmp(tree_text(progress, "reason"), "NewReplicaSetAvailable"))
        return INT64_MAX;
    return time_us((struct slice){since, strlen(since)}) + (int64_t)(seconds * (double)LOOP_SECOND);
}

static void report_failure(struct rollout *rollout)
{
    char message[400];
    snprintf(message, sizeof(message), "ReplicaSet \"%s-%s\" has timed out progressing.",
             tree_text(rollout->deployment, "metadata.name"), rollout->hash);
    condition(rollout, "Progressing", "False", "ProgressDeadlineExceeded", message);
}

/* progressed: since the status was written last. */
static void report_progress(struct rollout *rollout, bool progressed)
{
    char message[400], now[24];
    bool complete = is_complete(rollout);
    const char *name = tree_text(rollout->newest, "metadata.name");
    cJSON *status = tree_at(rollout->deployment, "status");
    bool failed = condition_is_false(status, "Progressing");
    if (rollout->paused) {
        condition(rollout, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
    } else if (complete) {
        snprintf(message, sizeof(message), "ReplicaSet \"%s\" has successfully progressed.", name);
        condition(rollout, "Progressing", "True", "NewReplicaSetAvailable", message);
    } else if (!progressed && deadline_us(rollout) <= apiserver_wall_us(cluster_server(rollout->cluster))) {
        report_failure(rollout);
    } else if (progressed || !failed) {
        snprintf(message, sizeof(message), "ReplicaSet \"%s-%s\" is progressing.",
                 tree_text(rollout->deployment, "metadata.name"), rollout->hash);
        condition(rollout, "Progressing", "True", "ReplicaSetUpdated", message);
        if (progressed)
            tree_set_text(find_condition(status, "Progressing"), "lastUpdateTime",
                          apiserver_time(cluster_server(rollout->cluster), now));
    }
}

static void report_availability(struct rollout *rollout, int available)
{
    bool enough = available >= rollout->wanted - (rollout->recreate ? 0 : rollout->unavailable);
    condition(rollout, "Available", enough ? "True" : "False",
              enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
              enough ? "Deployment has minimum availability."
                     : "Deployment does not have minimum availability.");
}

/* More of the newest, fewer of the old, or more that are ready. */
static bool has_progressed(const struct rollout *rollout, const cJSON *status)
{
    int updated = tree_count(status, "updatedReplicas", 0);
    int old = tree_count(status, "replicas", 0) - updated;
    int new_updated = tree_count(rollout->newest, "status.replicas", 0);
    int new_old = sum(rollout, "status.replicas", true) - new_updated;
    return new_updated > updated || new_old < old ||
           sum(rollout, "status.readyReplicas", true) > tree_count(status, "readyReplicas", 0) ||
           sum(rollout, "status.availableReplicas", true) > tree_count(status, "availableReplicas", 0);
}

static void report(struct rollout *rollout)
{
    cJSON *status = tree_make(rollout->deployment, "status");
    int available = sum(rollout, "status.availableReplicas", true);
    int missing = sum(rollout, "spec.replicas", true) - available;
    bool progressed = has_progressed(rollout, status);
    tree_set_number(status, "observedGeneration", tree_number(rollout->deployment, "metadata.generation", 1));
    set_count(status, "replicas", sum(rollout, "status.replicas", true));
    set_count(status, "updatedReplicas", tree_count(rollout->newest, "status.replicas", 0));
    set_count(status, "readyReplicas", sum(rollout, "status.readyReplicas", true));
    set_count(status, "availableReplicas", available);
    set_count(status, "unavailableReplicas", missing > 0 ? missing : 0);
    report_availability(rollout, available);
    report_progress(rollout, progressed);
    cluster_write_status(rollout->cluster, &gvr_deployments, rollout->deployment);
}

/* Those without pods beyond the limit, the oldest first. */
static void forget_old(struct rollout *rollout)
{
    int kept = tree_count(rollout->deployment, "spec.revisionHistoryLimit", 10), old = 0;
    const struct collection *sets = apiserver_collection(cluster_server(rollout->cluster), &gvr_replicasets);
    for (size_t i = 0; i < rollout->count; i++)
        old += rollout->sets[i] != rollout->newest;
    for (int revision = 0; old > kept && revision <= newest_revision(rollout); revision++) {
        for (size_t i = 0; i < rollout->count; i++) {
            cJSON *set = rollout->sets[i];
            if (set == rollout->newest || revision_of(set) != revision || replicas_of(set) > 0)
                continue;
            cleanup_free char *key =
                mem_printf("%s/%s", tree_text(set, "metadata.namespace"), tree_text(set, "metadata.name"));
            cluster_delete(rollout->cluster, sets, key);
            old--;
        }
    }
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

static void queue_again(struct controller *controller, const char *key, const struct rollout *rollout)
{
    int64_t deadline = deadline_us(rollout), now = apiserver_wall_us(cluster_server(controller->cluster));
    if (rollout->waits)
        queue_add(&controller->queue, key, 100 * LOOP_MS);
    else if (deadline != INT64_MAX && deadline > now)
        queue_add(&controller->queue, key, deadline - now);
}

static void deployment_reconcile(struct controller *controller, const char *key)
{
    struct rollout rollout = {.cluster = controller->cluster};
    rollout.deployment = cluster_read(controller->cluster, &gvr_deployments, key);
    if (rollout.deployment && !tree_at(rollout.deployment, "metadata.deletionTimestamp")) {
        rollout_read(&rollout);
        if (rollout.newest && !rollout.paused)
            renew_newest(&rollout);
        if (rollout.paused)
            scale_paused(&rollout);
        else
            roll(&rollout);
        note_revision(&rollout);
        report(&rollout);
        if (is_complete(&rollout))
            forget_old(&rollout);
        queue_again(controller, key, &rollout);
    }
    rollout_deinit(&rollout);
}

const struct controller_ops deployment_controller = {deployment_changed, deployment_reconcile};
