/*
 * CronJobs: a Job at each time of the schedule, as far as the concurrency policy lets it. Of times that have
 * passed meanwhile, the last one counts. Jobs that are over are deleted beyond the history limits, the oldest
 * first.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/recorder.h"
#include "samples/minicluster/schedule.h"

#define SCHEDULED "batch.kubernetes.io/cronjob-scheduled-timestamp"
#define COMPONENT "cronjob-controller"
#define LOOK_BACK_S (7 * 86400) /* what was missed before is not made up for */

struct run {
    struct cluster *cluster;
    cJSON *cronjob;
    cJSON *jobs; /* an array of those that it has made */
    int active;
};

static void cronjob_changed(struct controller *controller, struct collection *collection,
                            const struct event *event)
{
    if (event_is_of(collection, &gvr_cronjobs))
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_jobs))
        queue_owners(controller, event->object, "CronJob");
}

static bool is_over(const cJSON *job)
{
    return condition_is(tree_at(job, "status"), "Complete") || condition_is(tree_at(job, "status"), "Failed");
}

static void read_jobs(struct run *run)
{
    const struct owned *owned =
        owners_find(cluster_owners(run->cluster), tree_text(run->cronjob, "metadata.uid"));
    for (; owned; owned = owned->next) {
        cJSON *job = event_is_of(owned->collection, &gvr_jobs)
                         ? cluster_read(run->cluster, &gvr_jobs, owned->key)
                         : NULL;
        if (!job)
            continue;
        run->active += !is_over(job) && !tree_at(job, "metadata.deletionTimestamp");
        cJSON_AddItemToArray(run->jobs, job);
    }
}

static void delete_job(struct run *run, const cJSON *job)
{
    cleanup_free char *key =
        mem_printf("%s/%s", tree_text(job, "metadata.namespace"), tree_text(job, "metadata.name"));
    cluster_delete(run->cluster, apiserver_collection(cluster_server(run->cluster), &gvr_jobs), key);
}

static cJSON *make_job(struct run *run, int64_t at_s)
{
    char when[24];
    time_t time = (time_t)at_s;
    struct tm tm;
    const cJSON *template = tree_at(run->cronjob, "spec.jobTemplate");
    cJSON *job = cJSON_CreateObject(), *metadata;
    cleanup_free char *name =
        mem_printf("%.52s-%" PRId64, tree_text(run->cronjob, "metadata.name"), at_s / 60);
    tree_set(job, "metadata", cJSON_Duplicate(tree_at(template, "metadata"), true));
    metadata = tree_make(job, "metadata");
    tree_remove(metadata, "creationTimestamp");
    tree_set_text(metadata, "name", name);
    tree_set_text(metadata, "namespace", tree_text(run->cronjob, "metadata.namespace"));
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &tm));
    tree_set_text(tree_make(metadata, "annotations"), SCHEDULED, when);
    tree_set(job, "spec", cJSON_Duplicate(tree_at(template, "spec"), true));
    set_controller(job, run->cronjob);
    tree_set_text(tree_make(run->cronjob, "status"), "lastScheduleTime", when);
    return job;
}

static void start_job(struct run *run, int64_t at_s)
{
    const char *policy = tree_text(run->cronjob, "spec.concurrencyPolicy");
    const cJSON *old;
    if (run->active && !strcmp(policy, "Forbid"))
        return;
    if (!strcmp(policy, "Replace"))
        cJSON_ArrayForEach(old, run->jobs) if (!is_over(old)) delete_job(run, old);
    cleanup_tree cJSON *job = make_job(run, at_s);
    if (cluster_write(run->cluster, &gvr_jobs, job) == 0)
        record_event(run->cluster, run->cronjob, COMPONENT, "Normal", "SuccessfulCreate", "Created job %s",
                     tree_text(job, "metadata.name"));
}

/* The last time that has passed since the last job, or since there is a CronJob; -1: none has. */
static int64_t due_s(const struct run *run, const struct schedule *schedule, int64_t now_s)
{
    const char *last = tree_text(run->cronjob, "status.lastScheduleTime");
    const char *since = last[0] ? last : tree_text(run->cronjob, "metadata.creationTimestamp");
    int64_t since_s = time_us((struct slice){since, strlen(since)}) / LOOP_SECOND;
    if (since_s < now_s - LOOK_BACK_S)
        since_s = now_s - LOOK_BACK_S;
    int64_t next = schedule_next(schedule, since_s);
    if (next < 0 || next > now_s)
        return -1;
    for (int64_t later; (later = schedule_next(schedule, next)) >= 0 && later <= now_s;)
        next = later;
    return next;
}

/* The oldest of those that have ended so, beyond the limit. */
static void forget_jobs(struct run *run, const char *condition, int kept)
{
    for (;;) {
        const cJSON *job, *oldest = NULL;
        int count = 0;
        cJSON_ArrayForEach(job, run->jobs)
        {
            if (!condition_is(tree_at(job, "status"), condition))
                continue;
            count++;
            if (!oldest || strcmp(tree_text(job, "metadata.name"), tree_text(oldest, "metadata.name")) < 0)
                oldest = job;
        }
        if (count <= kept)
            return;
        delete_job(run, oldest);
        cJSON_Delete(cJSON_DetachItemViaPointer(run->jobs, (cJSON *)oldest));
    }
}

static void report(struct run *run)
{
    cJSON *status = tree_make(run->cronjob, "status"), *active = cJSON_CreateArray();
    const cJSON *job;
    cJSON_ArrayForEach(job, run->jobs)
    {
        const char *done = tree_text(job, "status.completionTime");
        if (!is_over(job))
            cJSON_AddItemToArray(
                active, json("{\"kind\":\"Job\",\"namespace\":\"%s\",\"name\":\"%s\",\"uid\":\"%s\","
                             "\"apiVersion\":\"batch/v1\",\"resourceVersion\":\"%s\"}",
                             tree_text(job, "metadata.namespace"), tree_text(job, "metadata.name"),
                             tree_text(job, "metadata.uid"), tree_text(job, "metadata.resourceVersion")));
        if (strcmp(done, tree_text(status, "lastSuccessfulTime")) > 0)
            tree_set_text(status, "lastSuccessfulTime", done);
    }
    if (active->child) {
        tree_set(status, "active", active);
    } else {
        tree_remove(status, "active");
        cJSON_Delete(active);
    }
    cluster_write_status(run->cluster, &gvr_cronjobs, run->cronjob);
}

static void keep_time(struct controller *controller, const char *key, struct run *run)
{
    struct schedule schedule;
    int64_t now_us = apiserver_wall_us(cluster_server(run->cluster));
    if (!schedule_parse(tree_text(run->cronjob, "spec.schedule"), &schedule)) {
        record_event(run->cluster, run->cronjob, COMPONENT, "Warning", "UnparseableSchedule",
                     "unparseable schedule: \"%s\"", tree_text(run->cronjob, "spec.schedule"));
        return;
    }
    int64_t due = due_s(run, &schedule, now_us / LOOP_SECOND);
    if (due >= 0)
        start_job(run, due);
    int64_t next = schedule_next(&schedule, now_us / LOOP_SECOND);
    if (next >= 0)
        queue_add(&controller->queue, key, next * LOOP_SECOND - now_us);
}

static void cronjob_reconcile(struct controller *controller, const char *key)
{
    struct run run = {.cluster = controller->cluster};
    run.cronjob = cluster_read(controller->cluster, &gvr_cronjobs, key);
    if (run.cronjob && !tree_at(run.cronjob, "metadata.deletionTimestamp")) {
        const cJSON *spec = tree_at(run.cronjob, "spec");
        run.jobs = cJSON_CreateArray();
        read_jobs(&run);
        if (!cJSON_IsTrue(tree_at(spec, "suspend")))
            keep_time(controller, key, &run);
        forget_jobs(&run, "Complete", tree_count(spec, "successfulJobsHistoryLimit", 3));
        forget_jobs(&run, "Failed", tree_count(spec, "failedJobsHistoryLimit", 1));
        report(&run);
    }
    cJSON_Delete(run.jobs);
    cJSON_Delete(run.cronjob);
}

const struct controller_ops cronjob_controller = {cronjob_changed, cronjob_reconcile};
