#include "samples/minicluster/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static cJSON *condition(const char *type, const char *is, const char *reason, const char *message,
                        const char *now)
{
    return json("{\"type\":\"%s\",\"status\":\"%s\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":"
                "\"%s\",\"reason\":\"%s\",\"message\":\"%s\"}",
                type, is, now, now, reason, message);
}

static const struct {
    const char *type, *well, *reason, *message;
} conditions[] = {
    {"MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
    {"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
    {"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
    {"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
};

cJSON *node_conditions(const char *now)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < array_size(conditions); i++)
        cJSON_AddItemToArray(list, condition(conditions[i].type, conditions[i].well, conditions[i].reason,
                                             conditions[i].message, now));
    return list;
}

cJSON *node_conditions_unknown(const char *now)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < array_size(conditions); i++)
        cJSON_AddItemToArray(list, condition(conditions[i].type, "Unknown", "NodeStatusUnknown",
                                             "Kubelet stopped posting node status.", now));
    return list;
}

static unsigned number_of(const char *name)
{
    const char *dash = strrchr(name, '-');
    return dash ? (unsigned)strtoul(dash + 1, NULL, 10) : 0;
}

cJSON *node_status(const char *name, const char *now)
{
    unsigned n = number_of(name) + 1;
    cJSON *status = json(
        "{\"capacity\":{\"cpu\":\"8\",\"ephemeral-storage\":\"102350Mi\",\"memory\":\"32Gi\",\"pods\":"
        "\"110\"},\"allocatable\":{\"cpu\":\"8\",\"ephemeral-storage\":\"94325Mi\",\"memory\":\"31Gi\","
        "\"pods\":\"110\"},\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"172.18.%u.%u\"},{\"type\":"
        "\"Hostname\",\"address\":\"%s\"}],\"nodeInfo\":{\"architecture\":\"amd64\",\"bootID\":\"\","
        "\"containerRuntimeVersion\":\"containerd://1.7.0\",\"kernelVersion\":\"6.1.0\","
        "\"kubeProxyVersion\":\"" APISERVER_VERSION "\",\"kubeletVersion\":\"" APISERVER_VERSION
        "\",\"machineID\":\"\","
        "\"operatingSystem\":\"linux\",\"osImage\":\"Debian GNU/Linux 12 (bookworm)\",\"systemUUID\":"
        "\"\"}}",
        n / 256 & 255, n & 255, name);
    tree_set(status, "conditions", node_conditions(now));
    return status;
}

bool node_silent(const struct object *node)
{
    struct slice metadata = json_member(object_bytes(node), "metadata");
    return slice_equal(json_member(json_member(metadata, "annotations"), NODE_KUBELET), "stopped");
}

struct slice node_ready(const struct object *node)
{
    struct slice list = json_member(json_member(object_bytes(node), "status"), "conditions"), item;
    struct json_cursor cursor = {0};
    while (list.len && json_next_element(list, &cursor, &item))
        if (slice_equal(json_member(item, "type"), "Ready"))
            return json_member(item, "status");
    return (struct slice){0};
}

struct object *node_find_acting(struct cluster *cluster, const char *name)
{
    struct object *node = cluster_peek(cluster, &gvr_nodes, name);
    return node && !node_silent(node) ? node : NULL;
}

bool node_selected(const struct object *node, const cJSON *selector)
{
    struct slice labels = json_member(json_member(object_bytes(node), "metadata"), "labels");
    for (const cJSON *label = tree_first(selector); label; label = label->next) {
        struct slice has = json_member(labels, label->string);
        if (!has.data || !cJSON_IsString(label) || !slice_equal(has, label->valuestring))
            return false;
    }
    return true;
}

/* ---- taints ---- */

struct taint {
    struct slice key, value, effect, added;
};

static bool next_taint(struct slice taints, struct json_cursor *cursor, struct taint *taint)
{
    struct slice item;
    if (!taints.len || !json_next_element(taints, cursor, &item))
        return false;
    *taint = (struct taint){json_member(item, "key"), json_member(item, "value"), json_member(item, "effect"),
                            json_member(item, "timeAdded")};
    return true;
}

static bool tolerates(const cJSON *toleration, const struct taint *taint)
{
    const char *key = tree_text(toleration, "key"), *effect = tree_text(toleration, "effect");
    if ((key[0] && !slice_equal(taint->key, key)) || (effect[0] && !slice_equal(taint->effect, effect)))
        return false;
    return !strcmp(tree_text(toleration, "operator"), "Exists") ||
           (key[0] && slice_equal(taint->value, tree_text(toleration, "value")));
}

static struct slice taints_of(const struct object *node)
{
    return json_member(json_member(object_bytes(node), "spec"), "taints");
}

bool node_repels(const struct object *node, const cJSON *tolerations)
{
    struct json_cursor cursor = {0};
    struct taint taint;
    while (next_taint(taints_of(node), &cursor, &taint)) {
        bool tolerated = slice_equal(taint.effect, "PreferNoSchedule");
        const cJSON *toleration;
        cJSON_ArrayForEach(toleration, tolerations) tolerated = tolerated || tolerates(toleration, &taint);
        if (!tolerated)
            return true;
    }
    return false;
}

/* For how long one taint is tolerated: the shortest time that is told for it. */
static int64_t tolerated_us(const struct taint *taint, const cJSON *tolerations)
{
    int64_t least = -1;
    const cJSON *toleration;
    cJSON_ArrayForEach(toleration, tolerations)
    {
        double seconds = tree_number(toleration, "tolerationSeconds", -1);
        if (!tolerates(toleration, taint))
            continue;
        int64_t us = !tree_at(toleration, "tolerationSeconds") ? INT64_MAX
                     : seconds > 0 && seconds < 1e9            ? (int64_t)(seconds * (double)LOOP_SECOND)
                                                               : 0;
        least = least < 0 || us < least ? us : least;
    }
    return least < 0 ? 0 : least;
}

int64_t node_expels_at(const struct object *node, const cJSON *tolerations)
{
    int64_t first = INT64_MAX;
    struct json_cursor cursor = {0};
    struct taint taint;
    while (next_taint(taints_of(node), &cursor, &taint)) {
        int64_t added = time_us(taint.added);
        if (!slice_equal(taint.effect, "NoExecute") || added < 0)
            continue;
        int64_t for_us = tolerated_us(&taint, tolerations);
        if (for_us != INT64_MAX && added + for_us < first)
            first = added + for_us;
    }
    return first;
}

/* ---- scheduling ---- */

static bool takes(const struct object *node, const cJSON *pod)
{
    struct slice spec = json_member(object_bytes(node), "spec");
    return !slice_equal(json_member(spec, "unschedulable"), "true") &&
           !json_member(json_member(object_bytes(node), "metadata"), "deletionTimestamp").data &&
           node_selected(node, tree_at(pod, "spec.nodeSelector")) &&
           !node_repels(node, tree_at(pod, "spec.tolerations"));
}

/* Asks them one after the other, from any of them on. */
struct object *node_for_pod(struct cluster *cluster, const cJSON *pod)
{
    struct apiserver *server = cluster_server(cluster);
    const struct object_set *nodes = &apiserver_collection(server, &gvr_nodes)->own->objects;
    size_t count = nodes->count;
    if (!count)
        return NULL;
    struct object_place place = object_set_at(nodes, loop_random_below(apiserver_loop(server), count));
    for (size_t i = 0; i < count; i++) {
        const struct object_entry *entry = object_set_next(nodes, &place);
        if (!entry) {
            place = (struct object_place){0};
            entry = object_set_next(nodes, &place);
        }
        if (entry && takes(entry->object, pod))
            return entry->object;
    }
    return NULL;
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

bool node_takes_alike(const struct object *a, const struct object *b)
{
    struct slice x = object_bytes(a), y = object_bytes(b);
    return same(json_member(x, "spec"), json_member(y, "spec")) &&
           same(json_member(json_member(x, "metadata"), "labels"),
                json_member(json_member(y, "metadata"), "labels"));
}
