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

static bool condition_true(struct slice status, const char *type)
{
    struct json_cursor cursor = {0};
    struct slice conditions = json_member(status, "conditions"), condition;
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

static void init_containers(struct pod *pod, struct slice object)
{
    struct json_cursor cursor = {0};
    struct slice statuses = json_at(object, "status.initContainerStatuses"), container;
    int64_t count = (int64_t)json_count(json_at(object, "spec.initContainers"));
    for (int64_t i = 0; statuses.len && json_next_element(statuses, &cursor, &container); i++)
        if (!init_container(pod, container, i, count))
            return;
}

static void containers(struct pod *pod, struct slice object)
{
    struct json_cursor cursor = {0};
    struct slice status = json_member(object, "status"), container;
    struct slice statuses = json_member(status, "containerStatuses");
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
        pod->reason = text_slice(condition_true(status, "Ready") ? "Running" : "NotReady");
}

/* As kube-apiserver's printPod. */
static void pod_read(struct pod *pod, struct slice object)
{
    struct slice status = json_member(object, "status"), phase = json_member(status, "phase");
    *pod = (struct pod){.last_restart = -1, .reason = phase};
    pod->containers = (int64_t)json_count(json_at(object, "spec.containers"));
    struct slice reason = json_member(status, "reason");
    if (reason.len)
        pod->reason = reason;
    init_containers(pod, object);
    if (!pod->initializing || condition_true(status, "Initialized"))
        containers(pod, object);
    if (!json_at(object, "metadata.deletionTimestamp").len)
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
    pod_read(&pod, cell->object);
    buf_appendf(cell->out, "%" PRId64 "/%" PRId64, pod.ready, pod.containers);
}

static void pod_status(struct table_cell *cell)
{
    struct pod pod;
    pod_read(&pod, cell->object);
    cell_text(cell, pod.prefix);
    if (pod.reason.len)
        cell_append(cell, pod.reason);
}

static void pod_restarts(struct table_cell *cell)
{
    struct pod pod;
    pod_read(&pod, cell->object);
    buf_appendf(cell->out, "%" PRId64, pod.restarts);
    if (!pod.restarts || pod.last_restart < 0)
        return;
    cell_text(cell, " (");
    table_duration(cell->now_us / 1000000 - pod.last_restart, cell->out);
    cell_text(cell, " ago)");
}

static void pod_gates(struct table_cell *cell)
{
    struct slice gates = json_at(cell->object, "spec.readinessGates"), gate;
    struct json_cursor cursor = {0};
    int n = 0, passed = 0;
    while (gates.len && json_next_element(gates, &cursor, &gate)) {
        char type[128];
        snprintf(type, sizeof(type), "%.*s", SLICE_ARGS(json_member(gate, "conditionType")));
        passed += condition_true(json_member(cell->object, "status"), type);
        n++;
    }
    if (n)
        buf_appendf(cell->out, "%d/%d", passed, n);
    else
        cell_text(cell, "<none>");
}

static void ratio(struct table_cell *cell, const char *of, const char *all, int64_t otherwise)
{
    buf_appendf(cell->out, "%" PRId64 "/%" PRId64, slice_number(json_at(cell->object, of), 0),
                slice_number(json_at(cell->object, all), otherwise));
}

static void ready_of_replicas(struct table_cell *cell)
{
    ratio(cell, "status.readyReplicas", "spec.replicas", 0);
}

static void job_status(struct table_cell *cell)
{
    struct slice status = json_member(cell->object, "status");
    const char *word = condition_true(status, "Complete")                        ? "Complete"
                       : condition_true(status, "Failed")                        ? "Failed"
                       : json_at(cell->object, "metadata.deletionTimestamp").len ? "Terminating"
                       : condition_true(status, "Suspended")                     ? "Suspended"
                       : condition_true(status, "FailureTarget")                 ? "FailureTarget"
                       : condition_true(status, "SuccessCriteriaMet")            ? "SuccessCriteriaMet"
                                                                                 : "Running";
    cell_text(cell, word);
}

static void job_completions(struct table_cell *cell)
{
    int64_t parallelism = slice_number(json_at(cell->object, "spec.parallelism"), 0);
    int64_t succeeded = slice_number(json_at(cell->object, "status.succeeded"), 0);
    if (json_at(cell->object, "spec.completions").data)
        ratio(cell, "status.succeeded", "spec.completions", 0);
    else if (parallelism > 1)
        buf_appendf(cell->out, "%" PRId64 "/1 of %" PRId64, succeeded, parallelism);
    else
        buf_appendf(cell->out, "%" PRId64 "/1", succeeded);
}

static void job_duration(struct table_cell *cell)
{
    int64_t from = table_time(json_at(cell->object, "status.startTime"));
    int64_t to = table_time(json_at(cell->object, "status.completionTime"));
    if (from >= 0)
        table_duration((to >= 0 ? to : cell->now_us / 1000000) - from, cell->out);
}

static void suspended(struct table_cell *cell)
{
    cell_text(cell, slice_true(json_at(cell->object, "spec.suspend")) ? "True" : "False");
}

static void last_schedule(struct table_cell *cell)
{
    if (json_at(cell->object, cell->path).len)
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
    NUMBER("Up-to-date", "status.updatedReplicas"),
    NUMBER("Available", "status.availableReplicas"),
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
    MADE("Suspend", suspended),
    COLUMN("Active", "integer", "", "", 0, cell_count, "status.active"),
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
