/* The columns of pods and of what makes pods. */

#include "base/table_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct pod {
    int64_t restarts, ready, containers;
    int64_t last_restart; /* seconds since 1970; -1: never */
    struct slice reason;  /* what the state is called */
    char prefix[8];       /* "Init:" */
    char made[40];        /* a reason that is put together */
    bool initializing;
};

static struct slice text_slice(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static bool condition_true(struct slice conditions, const char *type)
{
    struct json_cursor cursor = {0};
    struct slice condition;
    while (conditions.len && json_next_element(conditions, &cursor, &condition))
        if (slice_equal(json_member(condition, "type"), type))
            return slice_equal(json_member(condition, "status"), "True");
    return false;
}

static void note_restart(struct pod *pod, struct slice container)
{
    pod->restarts += slice_number(json_member(container, "restartCount"), 0);
    int64_t at = table_time(json_at(container, "lastState.terminated.finishedAt"));
    if (at > pod->last_restart)
        pod->last_restart = at;
}

/* How a container ended: its reason, or its signal, or its exit code. */
static void ended(struct pod *pod, struct slice terminated)
{
    struct slice reason = json_member(terminated, "reason");
    int64_t signal = slice_number(json_member(terminated, "signal"), 0);
    pod->reason = reason;
    if (reason.len)
        return;
    snprintf(pod->made, sizeof(pod->made), signal ? "Signal:%" PRId64 : "ExitCode:%" PRId64,
             signal ? signal : slice_number(json_member(terminated, "exitCode"), 0));
    pod->reason = text_slice(pod->made);
}

/* False where the containers behind it have not started because of this one. */
static bool init_container(struct pod *pod, struct slice container, int64_t at, int64_t count)
{
    struct slice terminated = json_at(container, "state.terminated"),
                 waiting = json_at(container, "state.waiting.reason");
    note_restart(pod, container);
    if (terminated.data && slice_number(json_member(terminated, "exitCode"), 0) == 0)
        return true;
    strcpy(pod->prefix, "Init:");
    pod->initializing = true;
    if (terminated.data) {
        ended(pod, terminated);
    } else if (waiting.len && !slice_equal(waiting, "PodInitializing")) {
        pod->reason = waiting;
    } else {
        snprintf(pod->made, sizeof(pod->made), "%" PRId64 "/%" PRId64, at, count);
        pod->reason = text_slice(pod->made);
    }
    return false;
}

/* What of a pod the columns are about, found in one scan of each part. */
enum { CONDITIONS, PHASE, REASON, INIT_STATUSES, STATUSES, STATUS_MEMBERS };
enum { CONTAINERS, INIT_CONTAINERS, SPEC_MEMBERS };

struct pod_parts {
    struct slice status[STATUS_MEMBERS], spec[SPEC_MEMBERS];
};

static void pod_parts(struct pod_parts *parts, const struct table_cell *cell)
{
    static const char *const status[] = {"conditions", "phase", "reason", "initContainerStatuses",
                                         "containerStatuses"};
    static const char *const spec[] = {"containers", "initContainers"};
    json_members(cell_at(cell, "status"), status, parts->status, STATUS_MEMBERS);
    json_members(cell_at(cell, "spec"), spec, parts->spec, SPEC_MEMBERS);
}

static void init_containers(struct pod *pod, const struct pod_parts *parts)
{
    struct json_cursor cursor = {0};
    struct slice statuses = parts->status[INIT_STATUSES], container;
    int64_t count = (int64_t)json_count(parts->spec[INIT_CONTAINERS]);
    for (int64_t i = 0; statuses.len && json_next_element(statuses, &cursor, &container); i++)
        if (!init_container(pod, container, i, count))
            return;
}

static void containers(struct pod *pod, const struct pod_parts *parts)
{
    struct json_cursor cursor = {0};
    struct slice statuses = parts->status[STATUSES], container;
    bool running = false, told = false;
    pod->restarts = 0;
    while (statuses.len && json_next_element(statuses, &cursor, &container)) {
        struct slice waiting = json_at(container, "state.waiting.reason");
        struct slice terminated = json_at(container, "state.terminated");
        note_restart(pod, container);
        if (!waiting.len && !terminated.data) {
            bool ready =
                slice_true(json_member(container, "ready")) && json_at(container, "state.running").data;
            running = running || ready;
            pod->ready += ready;
        } else if (!told) {
            told = true;
            pod->prefix[0] = '\0';
            if (waiting.len)
                pod->reason = waiting;
            else
                ended(pod, terminated);
        }
    }
    if (running && slice_equal(pod->reason, "Completed"))
        pod->reason = text_slice(condition_true(parts->status[CONDITIONS], "Ready") ? "Running" : "NotReady");
}

/* As kube-apiserver's printPod. */
static void pod_read(struct pod *pod, const struct table_cell *cell)
{
    struct pod_parts parts;
    pod_parts(&parts, cell);
    struct slice phase = parts.status[PHASE], reason = parts.status[REASON];
    *pod = (struct pod){.last_restart = -1, .reason = reason.len ? reason : phase};
    pod->containers = (int64_t)json_count(parts.spec[CONTAINERS]);
    init_containers(pod, &parts);
    if (!pod->initializing || condition_true(parts.status[CONDITIONS], "Initialized"))
        containers(pod, &parts);
    if (!cell_at(cell, "metadata.deletionTimestamp").len)
        return;
    pod->prefix[0] = '\0';
    if (slice_equal(reason, "NodeLost"))
        pod->reason = text_slice("Unknown");
    else if (!slice_equal(phase, "Succeeded") && !slice_equal(phase, "Failed"))
        pod->reason = text_slice("Terminating");
}

static void pod_ready(struct table_cell *cell)
{
    struct pod pod;
    pod_read(&pod, cell);
    buf_appendf(cell->out, "%" PRId64 "/%" PRId64, pod.ready, pod.containers);
}

static void pod_status(struct table_cell *cell)
{
    struct pod pod;
    pod_read(&pod, cell);
    cell_text(cell, pod.prefix);
    if (pod.reason.len)
        cell_append(cell, pod.reason);
}

static void pod_restarts(struct table_cell *cell)
{
    struct pod pod;
    pod_read(&pod, cell);
    buf_appendf(cell->out, "%" PRId64, pod.restarts);
    if (!pod.restarts || pod.last_restart < 0)
        return;
    cell_text(cell, " (");
    table_duration(cell->now_us / 1000000 - pod.last_restart, cell->out);
    cell_text(cell, " ago)");
}

static void pod_gates(struct table_cell *cell)
{
    struct slice gates = cell_at(cell, "spec.readinessGates"), gate;
    struct json_cursor cursor = {0};
    int n = 0, passed = 0;
    while (gates.len && json_next_element(gates, &cursor, &gate)) {
        char type[128];
        snprintf(type, sizeof(type), "%.*s", SLICE_ARGS(json_member(gate, "conditionType")));
        passed += condition_true(cell_at(cell, "status.conditions"), type);
        n++;
    }
    if (n)
        buf_appendf(cell->out, "%d/%d", passed, n);
    else
        cell_text(cell, "<none>");
}

static void ratio(struct table_cell *cell, const char *of, const char *all, int64_t otherwise)
{
    buf_appendf(cell->out, "%" PRId64 "/%" PRId64, slice_number(cell_at(cell, of), 0),
                slice_number(cell_at(cell, all), otherwise));
}

static void ready_of_replicas(struct table_cell *cell)
{
    ratio(cell, "status.readyReplicas", "spec.replicas", 0);
}

static void job_status(struct table_cell *cell)
{
    struct slice conditions = cell_at(cell, "status.conditions");
    const char *word = condition_true(conditions, "Complete")             ? "Complete"
                       : condition_true(conditions, "Failed")             ? "Failed"
                       : cell_at(cell, "metadata.deletionTimestamp").len  ? "Terminating"
                       : condition_true(conditions, "Suspended")          ? "Suspended"
                       : condition_true(conditions, "FailureTarget")      ? "FailureTarget"
                       : condition_true(conditions, "SuccessCriteriaMet") ? "SuccessCriteriaMet"
                                                                          : "Running";
    cell_text(cell, word);
}

static void job_completions(struct table_cell *cell)
{
    int64_t parallelism = slice_number(cell_at(cell, "spec.parallelism"), 0);
    int64_t succeeded = slice_number(cell_at(cell, "status.succeeded"), 0);
    if (cell_at(cell, "spec.completions").data)
        ratio(cell, "status.succeeded", "spec.completions", 0);
    else if (parallelism > 1)
        buf_appendf(cell->out, "%" PRId64 "/1 of %" PRId64, succeeded, parallelism);
    else
        buf_appendf(cell->out, "%" PRId64 "/1", succeeded);
}

static void job_duration(struct table_cell *cell)
{
    int64_t from = table_time(cell_at(cell, "status.startTime"));
    int64_t to = table_time(cell_at(cell, "status.completionTime"));
    if (from >= 0)
        table_duration((to >= 0 ? to : cell->now_us / 1000000) - from, cell->out);
}

static void suspended(struct table_cell *cell)
{
    cell_text(cell, slice_true(cell_at(cell, "spec.suspend")) ? "True" : "False");
}

static void last_schedule(struct table_cell *cell)
{
    if (cell_at(cell, cell->path).len)
        cell_age(cell);
    else
        cell_text(cell, "<none>");
}

#define TEMPLATE "spec.template.spec.containers"
#define CONTAINERS(path)                                                                                     \
    COLUMN("Containers", "string", "", "Names of each container in the template.", 1, cell_container_names,  \
           path),                                                                                            \
        COLUMN("Images", "string", "", "Images referenced by each container in the template.", 1,            \
               cell_container_images, path)
#define SELECTOR                                                                                             \
    COLUMN("Selector", "string", "", "Label selector for pods.", 1, cell_selector, "spec.selector")

static const struct table_column pods[] = {
    NAME_COLUMN,
    MADE("Ready", pod_ready),
    MADE("Status", pod_status),
    MADE("Restarts", pod_restarts),
    AGE_COLUMN,
    COLUMN("IP", "string", "", "", 1, cell_none, "status.podIP"),
    COLUMN("Node", "string", "", "", 1, cell_none, "spec.nodeName"),
    COLUMN("Nominated Node", "string", "", "", 1, cell_none, "status.nominatedNodeName"),
    MADE_WIDE("Readiness Gates", pod_gates),
};

static const struct table_column deployments[] = {
    NAME_COLUMN,
    MADE("Ready", ready_of_replicas),
    COLUMN("Up-to-date", "string", "", "", 0, cell_number, "status.updatedReplicas"),
    COLUMN("Available", "string", "", "", 0, cell_number, "status.availableReplicas"),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
    SELECTOR,
};

static const struct table_column replicasets[] = {
    NAME_COLUMN,
    NUMBER("Desired", "spec.replicas"),
    NUMBER("Current", "status.replicas"),
    NUMBER("Ready", "status.readyReplicas"),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
    SELECTOR,
};

static const struct table_column controllers[] = {
    NAME_COLUMN,
    NUMBER("Desired", "spec.replicas"),
    NUMBER("Current", "status.replicas"),
    NUMBER("Ready", "status.readyReplicas"),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
    COLUMN("Selector", "string", "", "", 1, cell_labels, "spec.selector"),
};

static const struct table_column statefulsets[] = {
    NAME_COLUMN,
    MADE("Ready", ready_of_replicas),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
};

static const struct table_column daemonsets[] = {
    NAME_COLUMN,
    NUMBER("Desired", "status.desiredNumberScheduled"),
    NUMBER("Current", "status.currentNumberScheduled"),
    NUMBER("Ready", "status.numberReady"),
    NUMBER("Up-to-date", "status.updatedNumberScheduled"),
    NUMBER("Available", "status.numberAvailable"),
    COLUMN("Node Selector", "string", "", "", 0, cell_labels, "spec.template.spec.nodeSelector"),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
    SELECTOR,
};

static const struct table_column jobs[] = {
    NAME_COLUMN,
    MADE("Status", job_status),
    MADE("Completions", job_completions),
    MADE("Duration", job_duration),
    AGE_COLUMN,
    CONTAINERS(TEMPLATE),
    SELECTOR,
};

#define JOB_TEMPLATE "spec.jobTemplate.spec.template.spec.containers"
static const struct table_column cronjobs[] = {
    NAME_COLUMN,
    TEXT("Schedule", "spec.schedule"),
    COLUMN("Timezone", "string", "", "", 0, cell_none, "spec.timeZone"),
    COLUMN("Suspend", "boolean", "", "", 0, suspended, NULL),
    COUNT("Active", "status.active"),
    COLUMN("Last Schedule", "string", "", "", 0, last_schedule, "status.lastScheduleTime"),
    AGE_COLUMN,
    CONTAINERS(JOB_TEMPLATE),
    COLUMN("Selector", "string", "", "", 1, cell_selector, "spec.jobTemplate.spec.selector"),
};

const struct table table_workloads[] = {
    TABLE("", "Pod", pods),
    TABLE("apps", "Deployment", deployments),
    TABLE("apps", "ReplicaSet", replicasets),
    TABLE("apps", "StatefulSet", statefulsets),
    TABLE("apps", "DaemonSet", daemonsets),
    TABLE("batch", "Job", jobs),
    TABLE("batch", "CronJob", cronjobs),
    TABLE("", "ReplicationController", controllers),
    {.kind = ""},
};
