#include "samples/minicluster/load.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/pod.h"

#define TICK_US (20 * LOOP_MS)
#define PODS_PER_NAMESPACE 100
#define CHANGES_PER_TICK 500

static cJSON *node_conditions(const char *now)
{
    return json(
        "[{\"type\":\"MemoryPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"%s\","
        "\"lastTransitionTime\":\"%s\","
        "\"reason\":\"KubeletHasSufficientMemory\",\"message\":\"kubelet has sufficient memory available\"},"
        "{\"type\":\"DiskPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":"
        "\"%s\","
        "\"reason\":\"KubeletHasNoDiskPressure\",\"message\":\"kubelet has no disk pressure\"},"
        "{\"type\":\"PIDPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":"
        "\"%s\","
        "\"reason\":\"KubeletHasSufficientPID\",\"message\":\"kubelet has sufficient PID available\"},"
        "{\"type\":\"Ready\",\"status\":\"True\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\","
        "\"reason\":\"KubeletReady\",\"message\":\"kubelet is posting ready status\"}]",
        now, now, now, now, now, now, now, now);
}

static void create_node(struct cluster *cluster, unsigned n)
{
    char now[24];
    apiserver_time(cluster_server(cluster), now);
    cleanup_tree cJSON *node =
        json("{\"metadata\":{\"name\":\"node-%u\",\"labels\":{\"beta.kubernetes.io/"
             "arch\":\"amd64\",\"beta.kubernetes.io/os\":"
             "\"linux\",\"kubernetes.io/arch\":\"amd64\",\"kubernetes.io/"
             "hostname\":\"node-%u\",\"kubernetes.io/os\":\"linux\"}"
             "},\"spec\":{\"podCIDR\":\"10.244.%u.0/24\",\"providerID\":\"minicluster://"
             "node-%u\"},\"status\":{\"capacity\":{"
             "\"cpu\":\"8\",\"ephemeral-storage\":\"102350Mi\",\"memory\":\"32Gi\",\"pods\":\"110\"},"
             "\"allocatable\":{\"cpu\":"
             "\"8\",\"ephemeral-storage\":\"94325Mi\",\"memory\":\"31Gi\",\"pods\":\"110\"},\"addresses\":[{"
             "\"type\":"
             "\"InternalIP\",\"address\":\"172.18.%u.%u\"},{\"type\":\"Hostname\",\"address\":\"node-%u\"}],"
             "\"nodeInfo\":{"
             "\"architecture\":\"amd64\",\"bootID\":\"\",\"containerRuntimeVersion\":\"containerd://"
             "1.7.0\",\"kernelVersion\":"
             "\"6.1.0\",\"kubeProxyVersion\":\"" APISERVER_VERSION
             "\",\"kubeletVersion\":\"" APISERVER_VERSION "\",\"machineID\":\"\","
             "\"operatingSystem\":"
             "\"linux\",\"osImage\":\"Debian GNU/Linux 12 (bookworm)\",\"systemUUID\":\"\"}}}",
             n, n, n & 255, n, (n + 1) / 256 & 255, (n + 1) & 255, n);
    tree_set(tree_at(node, "status"), "conditions", node_conditions(now));
    cluster_write(cluster, &gvr_nodes, node);
}

static void pod_names(unsigned n, char namespace_[32], char name[32])
{
    snprintf(namespace_, 32, "load-%u", n / PODS_PER_NAMESPACE);
    snprintf(name, 32, "pod-%u", n);
}

/* A pod as it is after a while, in one write. */
static void create_pod(struct load *load, unsigned n)
{
    char namespace_[32], name[32];
    pod_names(n, namespace_, name);
    cleanup_tree cJSON *pod = json(
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{\"app\":\"load\",\"tier\":\"t%u\"},"
        "\"annotations\":{"
        "\"kubectl.kubernetes.io/restartedAt\":\"2026-01-01T00:00:00Z\",\"prometheus.io/"
        "scrape\":\"true\"}},\"spec\":{"
        "\"containers\":[{\"name\":\"main\",\"image\":\"registry.example.com/team/"
        "service:1.%u.0\",\"ports\":[{\"name\":"
        "\"http\",\"containerPort\":8080}],\"env\":[{\"name\":\"LOG_LEVEL\",\"value\":\"info\"},{\"name\":"
        "\"POD_NAME\","
        "\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"}}}],"
        "\"resources\":{\"limits\":{"
        "\"memory\":\"256Mi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}},\"readinessProbe\":{"
        "\"httpGet\":{"
        "\"path\":\"/healthz\",\"port\":8080,\"scheme\":\"HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10,"
        "\"successThreshold\":1,\"failureThreshold\":3}}]}}",
        name, namespace_, n % 3, n % 10);
    pod_admit(pod);
    if (cluster_node_count(load->cluster) > 0)
        pod_schedule(load->cluster, pod);
    cluster_write(load->cluster, &gvr_pods, pod);
    if (cluster_node_count(load->cluster) == 0)
        return;
    pod_running(load->cluster, pod);
    cluster_write_status(load->cluster, &gvr_pods, pod);
}

static void fill(struct load *load)
{
    for (unsigned n = 0; n < load->pods; n++) {
        if (n % PODS_PER_NAMESPACE == 0) {
            cleanup_tree cJSON *tree = json("{\"metadata\":{\"name\":\"load-%u\"}}", n / PODS_PER_NAMESPACE);
            cluster_write(load->cluster, &gvr_namespaces, tree);
        }
        create_pod(load, n);
    }
}

/* A probe failed and passed again, the commonest change of all. */
static void touch_pod(struct load *load, const char *key)
{
    char now[24];
    cleanup_tree cJSON *pod = cluster_read(load->cluster, &gvr_pods, key);
    cJSON *status = tree_at(pod, "status"), *condition;
    if (!cJSON_IsObject(status) || tree_at(pod, "metadata.deletionTimestamp"))
        return;
    apiserver_time(cluster_server(load->cluster), now);
    cJSON_ArrayForEach(condition, tree_at(status, "conditions"))
    {
        const char *type = tree_text(condition, "type");
        if (strcmp(type, "Ready") && strcmp(type, "ContainersReady"))
            continue;
        tree_set_text(condition, "status", strcmp(tree_text(condition, "status"), "True") ? "True" : "False");
        tree_set_text(condition, "lastTransitionTime", now);
    }
    cJSON_ArrayForEach(condition, tree_at(status, "containerStatuses"))
        tree_set(condition, "ready", cJSON_CreateBool(!cJSON_IsTrue(tree_at(condition, "ready"))));
    cluster_write_status(load->cluster, &gvr_pods, pod);
}

static void touch_node(struct load *load)
{
    char now[24], key[32];
    struct loop *loop = load->timer.loop;
    unsigned nodes = cluster_node_count(load->cluster);
    if (!nodes)
        return;
    snprintf(key, sizeof(key), "node-%u", (unsigned)loop_random_below(loop, nodes) + 1);
    cleanup_tree cJSON *node = cluster_read(load->cluster, &gvr_nodes, key);
    cJSON *status = tree_at(node, "status");
    if (!status)
        return;
    tree_set(status, "conditions", node_conditions(apiserver_time(cluster_server(load->cluster), now)));
    /* A heartbeat of the same second would change nothing. */
    tree_set_number(tree_make(status, "nodeInfo"), "heartbeats",
                    tree_number(status, "nodeInfo.heartbeats", 0) + 1);
    cluster_write_status(load->cluster, &gvr_nodes, node);
}

/* One change: mostly a status, one in twenty a pod that goes or comes. */
static void change(struct load *load)
{
    struct loop *loop = load->timer.loop;
    char namespace_[32], name[32];
    if (!load->pods) {
        touch_node(load);
        return;
    }
    unsigned n = (unsigned)loop_random_below(loop, load->pods);
    pod_names(n, namespace_, name);
    cleanup_free char *key = mem_printf("%s/%s", namespace_, name);
    if (!cluster_peek(load->cluster, &gvr_pods, key))
        create_pod(load, n);
    else if (loop_random_below(loop, 40) == 0)
        apiserver_delete_object(cluster_server(load->cluster), &gvr_pods, key, NULL);
    else
        touch_pod(load, key);
}

static void tick(void *arg)
{
    struct load *load = arg;
    int64_t now = loop_now_us(load->timer.loop), each = LOOP_SECOND / load->churn;
    load->owed_us += now - load->last_us;
    load->last_us = now;
    for (int i = 0; i < CHANGES_PER_TICK && load->owed_us >= each; i++) {
        load->owed_us -= each;
        change(load);
    }
    if (load->owed_us > LOOP_SECOND)
        load->owed_us = LOOP_SECOND; /* too much to keep up with: what is lost is lost */
    timer_start(&load->timer, TICK_US);
}

void load_start(struct load *load, struct cluster *cluster, unsigned nodes, unsigned pods, unsigned churn)
{
    struct loop *loop = apiserver_loop(cluster_server(cluster));
    *load = (struct load){.cluster = cluster, .pods = pods, .churn = churn, .last_us = loop_now_us(loop)};
    timer_init(&load->timer, loop, tick, load);
    for (unsigned n = 1; n <= nodes; n++)
        create_node(cluster, n);
    fill(load);
    if (churn)
        timer_start(&load->timer, TICK_US);
}

void load_stop(struct load *load)
{
    timer_stop(&load->timer);
}
