#include "apiserver/defaults.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/members.h"
#include "base/base64.h"

static cJSON *text(const char *value)
{
    return cJSON_CreateString(value);
}

static cJSON *number(double value)
{
    return cJSON_CreateNumber(value);
}

/* "nginx", "nginx:latest": pulled each time; any other tag once. */
static const char *pull_policy(const char *image)
{
    const char *slash = strrchr(image, '/');
    const char *tag = strchr(slash ? slash : image, ':');
    return !strchr(image, '@') && (!tag || !strcmp(tag, ":latest")) ? "Always" : "IfNotPresent";
}

static void container_defaults(cJSON *container)
{
    cJSON *port;
    if (!cJSON_IsObject(container))
        return;
    tree_default(container, "resources", cJSON_CreateObject());
    tree_default(container, "terminationMessagePath", text("/dev/termination-log"));
    tree_default(container, "terminationMessagePolicy", text("File"));
    tree_default(container, "imagePullPolicy", text(pull_policy(tree_text(container, "image"))));
    cJSON_ArrayForEach(port, tree_at(container, "ports")) if (cJSON_IsObject(port))
        tree_default(port, "protocol", text("TCP"));
}

static void pod_spec_defaults(cJSON *spec, const char *restart_policy)
{
    cJSON *container;
    if (!cJSON_IsObject(spec))
        return;
    cJSON_ArrayForEach(container, tree_at(spec, "initContainers")) container_defaults(container);
    cJSON_ArrayForEach(container, tree_at(spec, "containers")) container_defaults(container);
    if (restart_policy)
        tree_default(spec, "restartPolicy", text(restart_policy));
    tree_default(spec, "terminationGracePeriodSeconds", number(30));
    tree_default(spec, "dnsPolicy", text("ClusterFirst"));
    tree_default(spec, "securityContext", cJSON_CreateObject());
    tree_default(spec, "schedulerName", text("default-scheduler"));
}

/* A node that is away has five minutes to come back, unless the pod says otherwise. */
static void tolerate(cJSON *tolerations, const char *taint, int64_t seconds)
{
    const cJSON *there;
    cJSON_ArrayForEach(there, tolerations) if (!strcmp(tree_text(there, "key"), taint)) return;
    cJSON *made = cJSON_CreateObject();
    tree_set_text(made, "key", taint);
    tree_set_text(made, "operator", "Exists");
    tree_set_text(made, "effect", "NoExecute");
    tree_set_number(made, "tolerationSeconds", (double)seconds);
    tree_add(tolerations, made);
}

/* What admission adds to a pod. */
static void pod_admission(const struct apiserver *server, cJSON *spec)
{
    tree_default(spec, "tolerations", cJSON_CreateArray());
    tolerate(tree_at(spec, "tolerations"), "node.kubernetes.io/not-ready", server->toleration_s);
    tolerate(tree_at(spec, "tolerations"), "node.kubernetes.io/unreachable", server->toleration_s);
    tree_default(spec, "priority", number(0));
    tree_default(spec, "preemptionPolicy", text("PreemptLowerPriority"));
}

static void pod_defaults(struct apiserver *server, cJSON *tree)
{
    cJSON *spec = tree_at(tree, "spec");
    pod_spec_defaults(spec, "Always");
    if (cJSON_IsObject(spec)) {
        tree_default(spec, "serviceAccountName", text("default"));
        tree_set_text(spec, "serviceAccount", tree_text(spec, "serviceAccountName"));
        tree_default(spec, "enableServiceLinks", cJSON_CreateTrue());
        pod_admission(server, spec);
    }
}

static void rolling(cJSON *strategy, double unavailable, const char *surge)
{
    tree_default(strategy, "type", text("RollingUpdate"));
    if (strcmp(tree_text(strategy, "type"), "RollingUpdate"))
        return;
    cJSON *update = tree_make(strategy, "rollingUpdate");
    tree_default(update, "maxUnavailable", unavailable < 0 ? text("25%") : number(unavailable));
    if (surge)
        tree_default(update, "maxSurge", *surge ? text(surge) : number(0));
}

static void deployment_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    cJSON *spec = tree_make(tree, "spec");
    tree_default(spec, "replicas", number(1));
    pod_spec_defaults(tree_at(spec, "template.spec"), "Always");
    rolling(tree_make(spec, "strategy"), -1, "25%");
    tree_default(spec, "revisionHistoryLimit", number(10));
    tree_default(spec, "progressDeadlineSeconds", number(600));
}

static void replicas_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    cJSON *spec = tree_make(tree, "spec");
    tree_default(spec, "replicas", number(1));
    pod_spec_defaults(tree_at(spec, "template.spec"), "Always");
}

static void stateful_set_defaults(struct apiserver *server, cJSON *tree)
{
    replicas_defaults(server, tree);
    cJSON *spec = tree_make(tree, "spec");
    tree_default(spec, "podManagementPolicy", text("OrderedReady"));
    cJSON *strategy = tree_make(spec, "updateStrategy");
    tree_default(strategy, "type", text("RollingUpdate"));
    tree_default(spec, "revisionHistoryLimit", number(10));
}

static void daemon_set_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    cJSON *spec = tree_make(tree, "spec");
    pod_spec_defaults(tree_at(spec, "template.spec"), "Always");
    rolling(tree_make(spec, "updateStrategy"), 1, "");
    tree_default(spec, "revisionHistoryLimit", number(10));
}

/* A job finds its pods by its own uid, unless it says how. */
static void job_selector(cJSON *tree, cJSON *spec)
{
    const char *uid = tree_text(tree, "metadata.uid"), *name = tree_text(tree, "metadata.name");
    if (!uid[0] || tree_at(spec, "selector"))
        return;
    tree_set_text(tree_make(spec, "selector.matchLabels"), "batch.kubernetes.io/controller-uid", uid);
    cJSON *labels = tree_make(spec, "template.metadata.labels");
    tree_set_text(labels, "batch.kubernetes.io/controller-uid", uid);
    tree_set_text(labels, "batch.kubernetes.io/job-name", name);
    tree_set_text(labels, "controller-uid", uid);
    tree_set_text(labels, "job-name", name);
}

static void job_spec_defaults(cJSON *spec)
{
    tree_default(spec, "parallelism", number(1));
    tree_default(spec, "completions", number(1));
    tree_default(spec, "backoffLimit", number(6));
    tree_default(spec, "completionMode", text("NonIndexed"));
    tree_default(spec, "suspend", cJSON_CreateFalse());
    pod_spec_defaults(tree_at(spec, "template.spec"), NULL);
}

static void job_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    cJSON *spec = tree_make(tree, "spec");
    job_spec_defaults(spec);
    tree_default(spec, "manualSelector", cJSON_CreateFalse());
    tree_default(spec, "podReplacementPolicy", text("TerminatingOrFailed"));
    job_selector(tree, spec);
}

static void cron_job_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    cJSON *spec = tree_make(tree, "spec");
    tree_default(spec, "concurrencyPolicy", text("Allow"));
    tree_default(spec, "suspend", cJSON_CreateFalse());
    tree_default(spec, "successfulJobsHistoryLimit", number(3));
    tree_default(spec, "failedJobsHistoryLimit", number(1));
    pod_spec_defaults(tree_at(spec, "jobTemplate.spec.template.spec"), NULL);
}

static void service_ports(cJSON *spec)
{
    cJSON *port;
    cJSON_ArrayForEach(port, tree_at(spec, "ports"))
    {
        const cJSON *number_ = tree_at(port, "port");
        if (!number_)
            continue;
        tree_default(port, "protocol", text("TCP"));
        tree_default(port, "targetPort", cJSON_Duplicate(number_, true));
    }
}

static void service_address(struct apiserver *server, cJSON *spec)
{
    if (!strcmp(tree_text(spec, "type"), "ExternalName") || tree_at(spec, "clusterIP"))
        return;
    char address[32];
    uint64_t n = ++server->next_address;
    snprintf(address, sizeof(address), "10.96.%u.%u", (unsigned)(n >> 8) & 255, (unsigned)n & 255);
    tree_set_text(spec, "clusterIP", address);
}

static void service_defaults(struct apiserver *server, cJSON *tree)
{
    cJSON *spec = tree_make(tree, "spec");
    service_ports(spec);
    tree_default(spec, "type", text("ClusterIP"));
    service_address(server, spec);
    const char *address = tree_text(spec, "clusterIP");
    if (address[0] && !tree_at(spec, "clusterIPs")) {
        cJSON *list = cJSON_CreateArray();
        cJSON_AddItemToArray(list, text(address));
        tree_set(spec, "clusterIPs", list);
    }
    tree_default(spec, "sessionAffinity", text("None"));
    tree_default(spec, "internalTrafficPolicy", text("Cluster"));
}

static void namespace_defaults(struct apiserver *server, cJSON *tree)
{
    cJSON *labels = tree_make(tree, "metadata.labels");
    tree_set_text(labels, "kubernetes.io/metadata.name", tree_text(tree, "metadata.name"));
    cJSON *spec = tree_make(tree, "spec");
    if (server->graceful && !tree_at(tree, "metadata.deletionTimestamp") && !tree_at(spec, "finalizers")) {
        cJSON *finalizers = cJSON_CreateArray();
        cJSON_AddItemToArray(finalizers, text("kubernetes"));
        tree_set(spec, "finalizers", finalizers);
    }
}

/* stringData is for writing only: what it says stands in data afterwards. */
static void secret_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    const cJSON *item, *plainly = tree_at(tree, "stringData");
    if (plainly && !cJSON_IsObject(plainly))
        return; /* to be refused */
    cleanup_members struct members data;
    members_init(&data, plainly && plainly->child ? tree_make(tree, "data") : NULL);
    cJSON_ArrayForEach(item, plainly)
    {
        struct buf encoded = BUF_INIT(SIZE_MAX / 4);
        const char *plain = cJSON_IsString(item) ? item->valuestring : "";
        base64_encode(plain, strlen(plain), &encoded);
        members_set(&data, item->string, text(encoded.data ? encoded.data : ""));
        buf_deinit(&encoded);
    }
    tree_remove(tree, "stringData");
    tree_default(tree, "type", text("Opaque"));
}

static void claim_defaults(struct apiserver *server, cJSON *tree)
{
    (void)server;
    tree_default(tree_make(tree, "spec"), "volumeMode", text("Filesystem"));
}

static const struct {
    const char *kind;
    void (*apply)(struct apiserver *server, cJSON *tree);
} rows[] = {
    {"Pod", pod_defaults},
    {"Deployment", deployment_defaults},
    {"ReplicaSet", replicas_defaults},
    {"ReplicationController", replicas_defaults},
    {"StatefulSet", stateful_set_defaults},
    {"DaemonSet", daemon_set_defaults},
    {"Job", job_defaults},
    {"CronJob", cron_job_defaults},
    {"Service", service_defaults},
    {"Namespace", namespace_defaults},
    {"Secret", secret_defaults},
    {"PersistentVolumeClaim", claim_defaults},
};

void defaults_apply(struct apiserver *server, const struct resource *resource, cJSON *tree)
{
    if (resource->flags & RESOURCE_CUSTOM)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].kind, resource->kind))
            rows[i].apply(server, tree);
}

void defaults_first_status(const struct resource *resource, cJSON *tree)
{
    if (!(resource->flags & RESOURCE_STATUS) || !strcmp(resource->kind, "Node"))
        return;
    tree_remove(tree, "status");
    if (resource->flags & RESOURCE_CUSTOM)
        return;
    cJSON *status = tree_make(tree, "status");
    const char *phase = !strcmp(resource->kind, "Pod") || !strcmp(resource->kind, "PersistentVolumeClaim")
                            ? "Pending"
                        : !strcmp(resource->kind, "Namespace") ? "Active"
                                                               : NULL;
    if (phase)
        tree_set_text(status, "phase", phase);
    if (!strcmp(resource->kind, "Pod"))
        tree_set_text(status, "qosClass", "BestEffort");
    if (!strcmp(resource->kind, "Service"))
        tree_make(status, "loadBalancer");
    if (!strcmp(resource->kind, "ReplicaSet"))
        tree_set_number(status, "replicas", 0);
}
