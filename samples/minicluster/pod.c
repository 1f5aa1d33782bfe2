#include "samples/minicluster/pod.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

bool pod_is_ready(const struct object *pod)
{
    struct slice status = json_member(object_bytes(pod), "status"), condition;
    struct slice conditions = json_member(status, "conditions");
    struct json_cursor cursor = {0};
    while (conditions.len && json_next_element(conditions, &cursor, &condition))
        if (slice_equal(json_member(condition, "type"), "Ready"))
            return slice_equal(json_member(condition, "status"), "True");
    return false;
}

bool pod_is_over(const struct object *pod)
{
    struct slice metadata = json_member(object_bytes(pod), "metadata");
    struct slice phase = json_member(json_member(object_bytes(pod), "status"), "phase");
    return json_member(metadata, "deletionTimestamp").data || slice_equal(phase, "Succeeded") ||
           slice_equal(phase, "Failed");
}

cJSON *pod_from_template(const cJSON *owner, const cJSON *template)
{
    cJSON *pod = cJSON_CreateObject();
    cleanup_free char *prefix = mem_printf("%s-", tree_text(owner, "metadata.name"));
    cJSON *metadata = cJSON_Duplicate(tree_at(template, "metadata"), true);
    cJSON *spec = cJSON_Duplicate(tree_at(template, "spec"), true);
    tree_set(pod, "metadata", cJSON_IsObject(metadata) ? metadata : cJSON_CreateObject());
    tree_set(pod, "spec", cJSON_IsObject(spec) ? spec : cJSON_CreateObject());
    metadata = tree_at(pod, "metadata");
    tree_remove(metadata, "creationTimestamp");
    tree_remove(metadata, "name");
    tree_set_text(metadata, "generateName", prefix);
    tree_set_text(metadata, "namespace", tree_text(owner, "metadata.namespace"));
    set_controller(pod, owner);
    pod_admit(pod);
    return pod;
}

static void add_to_list(cJSON *object, const char *name, cJSON *item)
{
    if (!cJSON_IsArray(tree_at(object, name)))
        tree_set(object, name, cJSON_CreateArray());
    cJSON_AddItemToArray(tree_at(object, name), item);
}

static cJSON *toleration(const char *key)
{
    return json("{\"key\":\"%s\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}",
                key);
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
    add_to_list(spec, "tolerations", toleration("node.kubernetes.io/not-ready"));
    add_to_list(spec, "tolerations", toleration("node.kubernetes.io/unreachable"));
    tree_default(spec, "priority", cJSON_CreateNumber(0));
    tree_default(spec, "preemptionPolicy", cJSON_CreateString("PreemptLowerPriority"));
}

void pod_schedule(struct cluster *cluster, cJSON *pod)
{
    char node[32];
    uint64_t n = loop_random_below(apiserver_loop(cluster_server(cluster)), cluster_node_count(cluster));
    snprintf(node, sizeof(node), "node-%" PRIu64, n + 1);
    tree_set_text(tree_at(pod, "spec"), "nodeName", node);
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

/* state: the JSON of the container's state. */
static cJSON *container_status(const cJSON *container, bool ready, bool started, cJSON *state)
{
    const char *image = tree_text(container, "image");
    uint64_t hash = XXH3_64bits(image, strlen(image));
    cJSON *status = cJSON_CreateObject();
    tree_set_text(status, "name", tree_text(container, "name"));
    tree_set(status, "state", state);
    tree_set(status, "lastState", cJSON_CreateObject());
    tree_set(status, "ready", cJSON_CreateBool(ready));
    tree_set_number(status, "restartCount", 0);
    tree_set_text(status, "image", image);
    cleanup_free char *id =
        mem_printf("library/%s@sha256:%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, image, hash,
                   ~hash, hash * 3, hash * 5);
    cleanup_free char *run = mem_printf("containerd://%016" PRIx64 "%016" PRIx64, hash * 7, hash * 11);
    tree_set_text(status, "imageID", started ? id : "");
    if (started)
        tree_set_text(status, "containerID", run);
    tree_set(status, "started", cJSON_CreateBool(ready));
    return status;
}

static void set_container_statuses(cJSON *pod, bool ready, bool started, const char *state)
{
    cJSON *status = tree_at(pod, "status");
    const cJSON *container;
    tree_set(status, "containerStatuses", cJSON_CreateArray());
    cJSON_ArrayForEach(container, tree_at(pod, "spec.containers"))
        add_to_list(status, "containerStatuses",
                    container_status(container, ready, started, tree_parse(state, strlen(state))));
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
    set_container_statuses(pod, false, false, "{\"waiting\":{\"reason\":\"ContainerCreating\"}}");
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
    set_addresses(cluster, status, tree_text(pod, "spec.nodeName"));
    set_container_statuses(pod, true, true, state);
    tree_default(status, "qosClass", cJSON_CreateString("BestEffort"));
}

void pod_succeeded(struct cluster *cluster, cJSON *pod)
{
    char now[24];
    cJSON *status = tree_make(pod, "status");
    apiserver_time(cluster_server(cluster), now);
    cleanup_free char *state =
        mem_printf("{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\",\"startedAt\":\"%s\","
                   "\"finishedAt\":\"%s\"}}",
                   tree_text(status, "startTime"), now);
    tree_set_text(status, "phase", "Succeeded");
    set_conditions(status, false, "PodCompleted", now);
    set_container_statuses(pod, false, true, state);
}
