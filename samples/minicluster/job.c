/* Jobs: pods up to their completions, a few at a time; done when enough have succeeded, or more than the
 * back-off limit have failed. */

#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"
#include "samples/minicluster/recorder.h"

#define CHANGES_PER_TURN 50 /* their events bring the controller back */

static void job_changed(struct controller *controller, struct collection *collection,
                        const struct event *event)
{
    if (event_is_of(collection, &gvr_jobs))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_owners(controller, event->object, "Job");
}

struct tally {
    int active, ready, succeeded, failed;
};

static struct tally count_pods(struct cluster *cluster, const char *uid)
{
    struct tally tally = {0};
    for (const struct owned *owned = owners_find(cluster_owners(cluster), uid); owned; owned = owned->next) {
        struct object *pod =
            event_is_of(owned->collection, &gvr_pods) ? cluster_peek(cluster, &gvr_pods, owned->key) : NULL;
        if (!pod)
            continue;
        struct slice phase = json_member(json_member(object_bytes(pod), "status"), "phase");
        bool done = slice_equal(phase, "Succeeded");
        tally.succeeded += done;
        tally.failed += slice_equal(phase, "Failed");
        tally.active += !done && !pod_is_over(pod);
        tally.ready += !done && pod_is_ready(pod);
    }
    return tally;
}

static void job_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    cleanup_tree cJSON *job = cluster_read(cluster, &gvr_jobs, key);
    char now[24];
    if (!job || tree_at(job, "metadata.deletionTimestamp") ||
        condition_is(tree_at(job, "status"), "Complete") || condition_is(tree_at(job, "status"), "Failed") ||
        cJSON_IsTrue(tree_at(job, "spec.suspend")))
        return;
    struct tally tally = count_pods(cluster, tree_text(job, "metadata.uid"));
    int completions = tree_count(job, "spec.completions", 1);
    int parallelism = tree_count(job, "spec.parallelism", 1), missing = completions - tally.succeeded;
    cJSON *status = tree_make(job, "status");
    tree_default(status, "startTime", cJSON_CreateString(apiserver_time(cluster_server(cluster), now)));
    set_count(status, "active", tally.active);
    set_count(status, "succeeded", tally.succeeded);
    set_count(status, "failed", tally.failed);
    tree_set_number(status, "ready", tally.ready);
    if (missing <= 0) {
        tree_set_text(status, "completionTime", now);
        record_event(cluster, job, "job-controller", "Normal", "Completed", "Job completed");
        set_condition(cluster, status, "Complete", "True", "CompletionsReached",
                      "Reached expected number of succeeded pods");
    }
    bool failed = missing > 0 && tally.failed > tree_number(job, "spec.backoffLimit", 6);
    if (failed)
        set_condition(cluster, status, "Failed", "True", "BackoffLimitExceeded",
                      "Job has reached the specified backoff limit");
    cluster_write_status(cluster, &gvr_jobs, job);
    int wanted = parallelism < missing ? parallelism : missing, most = tally.active + CHANGES_PER_TURN;
    for (int i = tally.active; !failed && i < wanted && i < most; i++) {
        cleanup_tree cJSON *pod = pod_from_template(job, tree_at(job, "spec.template"));
        pod_create(cluster, job, pod);
    }
}

const struct controller_ops job_controller = {job_changed, job_reconcile};
