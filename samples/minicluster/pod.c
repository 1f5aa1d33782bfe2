#include "samples/minicluster/pod.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "samples/minicluster/recorder.h"

static struct slice condition_of(struct slice pod, const char *type)
{
    struct slice conditions = json_member(json_member(pod, "status"), "conditions"), condition;
    struct json_cursor cursor = {0};
    while (conditions.len && json_next_element(conditions, &cursor, &condition))
        if (slice_equal(json_member(condition, "type"), type))
            return condition;
    return (struct slice){0};
}

bool pod_is_ready(const struct object *pod)
{
    return slice_equal(json_member(condition_of(object_bytes(pod), "Ready"), "status"), "True");
}

int64_t pod_ready_since_us(const struct object *pod)
{
    return time_us(json_member(condition_of(object_bytes(pod), "Ready"), "lastTransitionTime"));
}

/* Why a pod is not ready, of which no kubelet says anything. */
#define UNHEARD "NodeNotReady"

bool pod_is_over(const struct object *pod)
{
    struct slice metadata = json_member(object_bytes(pod), "metadata");
    struct slice phase = json_member(json_member(object_bytes(pod), "status"), "phase");
    return json_member(metadata, "deletionTimestamp").data || slice_equal(phase, "Succeeded") ||
           slice_equal(phase, "Failed");
}

/* What a client in Go adds, and what a deployment has added, says nothing. */
static cJSON *bare_template(const cJSON *template)
{
    cJSON *bare = template ? cJSON_Duplicate(template, true) : cJSON_CreateObject();
    tree_remove(tree_at(bare, "metadata"), "creationTimestamp");
    tree_remove(tree_at(bare, "metadata.labels"), POD_HASH_LABEL);
    return bare;
}

bool pod_template_equal(const cJSON *a, const cJSON *b)
{
    cleanup_tree cJSON *x = bare_template(a), *y = bare_template(b);
    return tree_equal(x, y);
}

/* Sum over its parts, so that the order of members does not matter. */
static uint64_t hash_of(const cJSON *tree, uint64_t seed)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    const cJSON *item;
    uint64_t sum = 0, place = 0;
    if (!cJSON_IsObject(tree) && !cJSON_IsArray(tree)) {
        tree_print(tree, &text);
        return XXH3_64bits_withSeed(text.data, text.len, seed);
    }
    cJSON_ArrayForEach(item, tree)
    {
        uint64_t at = item->string ? XXH3_64bits(item->string, strlen(item->string)) : ++place;
        sum += hash_of(item, at);
    }
    return XXH3_64bits_withSeed(&sum, sizeof(sum), seed);
}

void pod_template_hash(const cJSON *template, char out[16])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    cleanup_tree cJSON *bare = bare_template(template);
    uint64_t hash = hash_of(bare, 0);
    for (int i = 0; i < 10; i++, hash /= 27)
        out[i] = letters[hash % 27];
    out[10] = '\0';
}

cJSON *pod_from_template(const cJSON *owner, const cJSON *template)
{
    cJSON *pod = cJSON_CreateObject();
    cleanup_free char *prefix = mem_printf("%s-", tree_text(owner, "metadata.name"));
    tree_set(pod, "metadata", cJSON_Duplicate(tree_at(template, "metadata"), true));
    tree_set(pod, "spec", cJSON_Duplicate(tree_at(template, "spec"), true));
    tree_make(pod, "spec");
    cJSON *metadata = tree_make(pod, "metadata");
    tree_remove(metadata, "creationTimestamp");
    tree_remove(metadata, "name");
    tree_set_text(metadata, "generateName", prefix);
    tree_set_text(metadata, "namespace", tree_text(owner, "metadata.namespace"));
    set_controller(pod, owner);
    pod_admit(pod);
    return pod;
}

/* "ReplicaSet" has its replicaset-controller. */
static char *controller_of(const cJSON *owner)
{
    char *name = mem_printf("%s-controller", tree_text(owner, "kind"));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return name;
}

void pod_create(struct cluster *cluster, const cJSON *owner, const cJSON *pod)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    cleanup_free char *component = controller_of(owner);
    struct object *made = NULL;
    tree_print(pod, &text);
    apiserver_create_object(cluster_server(cluster), &gvr_pods, text.data, text.len, &made, NULL);
    if (made)
        record_event(cluster, owner, component, "Normal", "SuccessfulCreate", "Created pod: %.*s",
                     SLICE_ARGS(object_name(made)));
    object_unref(made);
}

static void add_to_list(cJSON *object, const char *name, cJSON *item)
{
    tree_add(tree_make_list(object, name), item);
}

void pod_admit(cJSON *pod)
{
    cJSON *spec = tree_make(pod, "spec"), *container;
    add_to_list(
        spec, "volumes",
        json("{\"name\":\"kube-api-access\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{"
             "\"expirationSeconds\":3607,\"path\":\"token\"}},{\"configMap\":{\"name\":\"kube-root-ca.crt\","
             "\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}},{\"downwardAPI\":{\"items\":[{\"path\":"
             "\"namespace\",\"fieldRef\":{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.namespace\"}}]}}],"
             "\"defaultMode\":420}}"));
    cJSON_ArrayForEach(container, tree_at(spec, "containers"))
        add_to_list(container, "volumeMounts",
                    json("{\"name\":\"kube-api-access\",\"readOnly\":true,\"mountPath\":"
                         "\"/var/run/secrets/kubernetes.io/serviceaccount\"}"));
}

void pod_unschedulable(struct cluster *cluster, cJSON *pod)
{
    char message[160];
    const struct collection *nodes = apiserver_collection(cluster_server(cluster), &gvr_nodes);
    cJSON *status = tree_make(pod, "status");
    snprintf(message, sizeof(message),
             "0/%zu nodes are available: each is cordoned, has an untolerated taint, or does not match the "
             "Pod's node selector.",
             nodes->own->objects.count);
    if (!nodes->own->objects.count ||
        !set_condition(cluster, status, "PodScheduled", "False", "Unschedulable", message))
        return;
    cluster_write_status(cluster, &gvr_pods, pod);
    record_event(cluster, pod, "default-scheduler", "Warning", "FailedScheduling", "%s", message);
}

static void add_condition(cJSON *status, const char *type, bool is, const char *reason, const char *now)
{
    cJSON *condition =
        json("{\"type\":\"%s\",\"status\":\"%s\",\"lastProbeTime\":null,\"lastTransitionTime\":\"%s\"}", type,
             is ? "True" : "False", now);
    if (reason) {
        tree_set_text(condition, "reason", reason);
        tree_set_text(condition, "message", "containers with unready status");
    }
    add_to_list(status, "conditions", condition);
}

static void set_conditions(cJSON *status, bool ready, const char *reason, const char *now)
{
    tree_remove(status, "conditions");
    add_condition(status, "PodReadyToStartContainers", ready, NULL, now);
    add_condition(status, "Initialized", true, NULL, now);
    add_condition(status, "Ready", ready, reason, now);
    add_condition(status, "ContainersReady", ready, reason, now);
    add_condition(status, "PodScheduled", true, NULL, now);
}

/* How all containers of a pod are. */
struct moment {
    bool ready, started;
    const char *state, *last; /* JSON; last NULL: as it was */
    int restarts;             /* since it was told before */
};

static const cJSON *status_of(const cJSON *statuses, const char *name)
{
    const cJSON *status;
    cJSON_ArrayForEach(status, statuses) if (!strcmp(tree_text(status, "name"), name)) return status;
    return NULL;
}

static cJSON *last_state(const struct moment *moment, const cJSON *before)
{
    if (moment->last)
        return tree_parse(moment->last, strlen(moment->last));
    const cJSON *kept = tree_at(before, "lastState");
    return kept ? cJSON_Duplicate(kept, true) : cJSON_CreateObject();
}

static cJSON *container_status(const cJSON *container, const struct moment *moment, const cJSON *before)
{
    const char *image = tree_text(container, "image");
    uint64_t hash = XXH3_64bits(image, strlen(image));
    cJSON *status = cJSON_CreateObject();
    tree_set_text(status, "name", tree_text(container, "name"));
    tree_set(status, "state", tree_parse(moment->state, strlen(moment->state)));
    tree_set(status, "lastState", last_state(moment, before));
    tree_set(status, "ready", cJSON_CreateBool(moment->ready));
    tree_set_number(status, "restartCount", tree_number(before, "restartCount", 0) + moment->restarts);
    tree_set_text(status, "image", image);
    cleanup_free char *id =
        mem_printf("library/%s@sha256:%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, image, hash,
                   ~hash, hash * 3, hash * 5);
    cleanup_free char *run = mem_printf("containerd://%016" PRIx64 "%016" PRIx64, hash * 7, hash * 11);
    tree_set_text(status, "imageID", moment->started ? id : "");
    if (moment->started)
        tree_set_text(status, "containerID", run);
    tree_set(status, "started", cJSON_CreateBool(moment->ready));
    return status;
}

static void set_container_statuses(cJSON *pod, const struct moment *moment)
{
    cJSON *status = tree_at(pod, "status"), *statuses = cJSON_CreateArray();
    const cJSON *container, *before = tree_at(status, "containerStatuses");
    cJSON_ArrayForEach(container, tree_at(pod, "spec.containers")) cJSON_AddItemToArray(
        statuses, container_status(container, moment, status_of(before, tree_text(container, "name"))));
    tree_set(status, "containerStatuses", statuses);
}

static void set_addresses(struct cluster *cluster, cJSON *status, const char *node)
{
    char host[32], ip[32];
    unsigned n = cluster_next_address(cluster);
    const char *dash = strrchr(node, '-');
    unsigned host_number = dash ? (unsigned)strtoul(dash + 1, NULL, 10) + 1 : 2;
    snprintf(host, sizeof(host), "172.18.%u.%u", host_number / 256 & 255, host_number & 255);
    snprintf(ip, sizeof(ip), "10.%u.%u.%u", 244 + (n >> 16) % 12, n >> 8 & 255, n & 255);
    tree_set_text(status, "hostIP", host);
    tree_set(status, "hostIPs", json("[{\"ip\":\"%s\"}]", host));
    tree_set_text(status, "podIP", ip);
    tree_set(status, "podIPs", json("[{\"ip\":\"%s\"}]", ip));
}

void pod_starting(struct cluster *cluster, cJSON *pod)
{
    char now[24];
    cJSON *status = tree_make(pod, "status");
    apiserver_time(cluster_server(cluster), now);
    tree_set_text(status, "phase", "Pending");
    tree_set_text(status, "startTime", now);
    set_conditions(status, false, "ContainersNotReady", now);
    struct moment creating = {.state = "{\"waiting\":{\"reason\":\"ContainerCreating\"}}"};
    set_container_statuses(pod, &creating);
}

static bool is_backing_off(const cJSON *status)
{
    const cJSON *statuses = tree_at(status, "containerStatuses");
    return !strcmp(tree_text(statuses ? statuses->child : NULL, "state.waiting.reason"), POD_BACKS_OFF);
}

void pod_running(struct cluster *cluster, cJSON *pod)
{
    char now[24];
    cJSON *status = tree_make(pod, "status");
    apiserver_time(cluster_server(cluster), now);
    cleanup_free char *state = mem_printf("{\"running\":{\"startedAt\":\"%s\"}}", now);
    tree_set_text(status, "phase", "Running");
    tree_default(status, "startTime", cJSON_CreateString(now));
    set_conditions(status, true, NULL, now);
    if (!tree_at(status, "podIP"))
        set_addresses(cluster, status, tree_text(pod, "spec.nodeName"));
    struct moment runs = {.ready = true, .started = true, .state = state, .restarts = is_backing_off(status)};
    set_container_statuses(pod, &runs);
    tree_default(status, "qosClass", cJSON_CreateString("BestEffort"));
}

/* A container's start, where it has been told. */
static const char *started_at(const cJSON *status)
{
    const cJSON *statuses = tree_at(status, "containerStatuses");
    const char *at = tree_text(statuses ? statuses->child : NULL, "state.running.startedAt");
    return at[0] ? at : tree_text(status, "startTime");
}

static bool is_restarted(const cJSON *pod, int code)
{
    const char *policy = tree_text(pod, "spec.restartPolicy");
    return strcmp(policy, "Never") && (strcmp(policy, "OnFailure") || code);
}

void pod_ended(struct cluster *cluster, cJSON *pod)
{
    char now[24];
    cJSON *status = tree_make(pod, "status");
    int code = atoi(tree_text(tree_at(pod, "metadata.annotations"), POD_EXIT_CODE));
    bool again = is_restarted(pod, code);
    apiserver_time(cluster_server(cluster), now);
    cleanup_free char *ended = mem_printf(
        "{\"terminated\":{\"exitCode\":%d,\"reason\":\"%s\",\"startedAt\":\"%s\",\"finishedAt\":\"%s\"}}",
        code, code ? "Error" : "Completed", started_at(status), now);
    struct moment over = {.started = true, .state = ended};
    struct moment waits = {.started = true,
                           .state = "{\"waiting\":{\"reason\":\"" POD_BACKS_OFF "\",\"message\":\"back-off "
                                    "restarting failed container\"}}",
                           .last = ended};
    tree_set_text(status, "phase", again ? "Running" : code ? "Failed" : "Succeeded");
    set_conditions(status, false, again ? "ContainersNotReady" : code ? "PodFailed" : "PodCompleted", now);
    set_container_statuses(pod, again ? &waits : &over);
}

void pod_unreachable(struct cluster *cluster, cJSON *pod)
{
    set_condition(cluster, tree_make(pod, "status"), "Ready", "False", UNHEARD, "");
}

bool pod_is_unreachable(struct slice pod)
{
    return slice_equal(json_member(condition_of(pod, "Ready"), "reason"), UNHEARD);
}

void pod_recovered(struct cluster *cluster, cJSON *pod)
{
    char now[24];
    set_conditions(tree_make(pod, "status"), true, NULL, apiserver_time(cluster_server(cluster), now));
}
