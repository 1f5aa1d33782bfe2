#include "samples/minicluster/load.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/node.h"
#include "samples/minicluster/pod.h"

#define TICK_US (20 * LOOP_MS)
#define PODS_PER_NAMESPACE 100
#define CHANGES_PER_TICK 500
#define OBJECTS_PER_TURN 3

static void create_node(struct cluster *cluster, unsigned n)
{
    char now[24], name[32];
    snprintf(name, sizeof(name), "node-%u", n);
    cleanup_tree cJSON *node =
        json("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"beta.kubernetes.io/arch\":\"amd64\","
             "\"beta.kubernetes.io/os\":\"linux\",\"kubernetes.io/arch\":\"amd64\",\"kubernetes.io/"
             "hostname\":\"%s\",\"kubernetes.io/os\":\"linux\"}},\"spec\":{\"podCIDR\":\"10.244.%u.0/24\","
             "\"providerID\":\"minicluster://%s\"}}",
             name, name, n & 255, name);
    tree_set(node, "status", node_status(name, apiserver_time(cluster_server(cluster), now)));
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
    const struct object *node = node_for_pod(load->cluster, pod);
    pod_admit(pod);
    if (node)
        tree_set_text(tree_at(pod, "spec"), "nodeName", object_key(node));
    cluster_write(load->cluster, &gvr_pods, pod);
    if (!node)
        return;
    pod_running(load->cluster, pod);
    cluster_write_status(load->cluster, &gvr_pods, pod);
}

static void create_namespace(struct load *load, unsigned n)
{
    cleanup_tree cJSON *tree = json("{\"metadata\":{\"name\":\"load-%u\"}}", n);
    cluster_write(load->cluster, &gvr_namespaces, tree);
}

/* True where all is there. */
static bool fill(struct load *load)
{
    for (int i = 0; i < OBJECTS_PER_TURN; i++) {
        if (load->nodes_made < load->nodes) {
            create_node(load->cluster, ++load->nodes_made);
        } else if (load->pods_made < load->pods) {
            if (load->pods_made % PODS_PER_NAMESPACE == 0)
                create_namespace(load, load->pods_made / PODS_PER_NAMESPACE);
            create_pod(load, load->pods_made++);
        }
    }
    return load->nodes_made == load->nodes && load->pods_made == load->pods;
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
    if (!load->nodes)
        return;
    snprintf(key, sizeof(key), "node-%u", (unsigned)loop_random_below(loop, load->nodes) + 1);
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

static void make_changes(struct load *load)
{
    int64_t now = loop_now_us(load->timer.loop), each = LOOP_SECOND / load->churn;
    load->owed_us += now - load->last_us;
    load->last_us = now;
    for (int i = 0; i < CHANGES_PER_TICK && load->owed_us >= each; i++) {
        load->owed_us -= each;
        change(load);
    }
    if (load->owed_us > LOOP_SECOND)
        load->owed_us = LOOP_SECOND; /* too much to keep up with: what is lost is lost */
}

static void tick(void *arg)
{
    struct load *load = arg;
    make_changes(load);
    timer_start(&load->timer, TICK_US);
}

static void fill_turn(void *arg)
{
    struct load *load = arg;
    if (!fill(load)) {
        timer_start(&load->timer, 0);
        return;
    }
    timer_init(&load->timer, load->timer.loop, tick, load);
    load->last_us = loop_now_us(load->timer.loop);
    if (load->churn)
        timer_start(&load->timer, TICK_US);
    load->filled(load->arg);
}

void load_start(struct load *load)
{
    timer_init(&load->timer, apiserver_loop(cluster_server(load->cluster)), fill_turn, load);
    timer_start(&load->timer, 0);
}

void load_stop(struct load *load)
{
    timer_stop(&load->timer);
}
