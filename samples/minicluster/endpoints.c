/*
 * EndpointSlices: for each service with a selector one, with the addresses of the pods that it selects, and
 * which of them are ready. (A real cluster begins another one at a hundred.)
 */

#include <string.h>

#include "apiserver/label_selector.h"
#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"

#define SETTLE_US (50 * LOOP_MS)

static const struct gvr gvr_services = {"", "v1", "services"};
static const struct gvr gvr_slices = {"discovery.k8s.io", "v1", "endpointslices"};

static void endpoints_changed(struct controller *controller, struct collection *collection,
                              const struct event *event)
{
    if (event_is_of(collection, &gvr_services) && event->type != EVENT_DELETED)
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_all_in(controller, &gvr_services, object_namespace(event->object), SETTLE_US);
    else if (event_is_of(collection, &gvr_slices) && event->type == EVENT_DELETED)
        queue_owners(controller, event->object, "Service");
}

/* NULL where nobody can reach it. */
static cJSON *endpoint_of(const struct object *object)
{
    struct slice bytes = object_bytes(object);
    cleanup_tree cJSON *pod = tree_parse(bytes.data, bytes.len);
    const char *phase = tree_text(pod, "status.phase"), *ip = tree_text(pod, "status.podIP");
    if (!ip[0] || !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"))
        return NULL;
    bool ready = pod_is_ready(object), over = pod_is_over(object);
    cJSON *endpoint =
        json("{\"addresses\":[],\"conditions\":{\"ready\":%s,\"serving\":%s,\"terminating\":%s},"
             "\"targetRef\":{\"kind\":\"Pod\"}}",
             ready && !over ? "true" : "false", ready ? "true" : "false", over ? "true" : "false");
    cJSON *target = tree_at(endpoint, "targetRef");
    cJSON_AddItemToArray(tree_at(endpoint, "addresses"), cJSON_CreateString(ip));
    tree_set_text(target, "namespace", tree_text(pod, "metadata.namespace"));
    tree_set_text(target, "name", tree_text(pod, "metadata.name"));
    tree_set_text(target, "uid", tree_text(pod, "metadata.uid"));
    tree_set_text(endpoint, "nodeName", tree_text(pod, "spec.nodeName"));
    return endpoint;
}

/* The number behind a port's name: that of the first pod counts. */
static int named_port(const struct object *object, const char *name)
{
    struct slice bytes = object_bytes(object);
    cleanup_tree cJSON *pod = tree_parse(bytes.data, bytes.len);
    const cJSON *container, *port;
    cJSON_ArrayForEach(container, tree_at(pod, "spec.containers"))
    {
        cJSON_ArrayForEach(port, tree_at(container, "ports"))
        {
            if (!strcmp(tree_text(port, "name"), name))
                return tree_count(port, "containerPort", 0);
        }
    }
    return 0;
}

static cJSON *port_of(const cJSON *port, const struct object *pod)
{
    const char *name = tree_text(port, "targetPort");
    int number = name[0] ? pod ? named_port(pod, name) : 0 : tree_count(port, "targetPort", 0);
    cJSON *made = cJSON_CreateObject();
    tree_set_text(made, "name", tree_text(port, "name"));
    tree_set_text(made, "protocol", tree_text(port, "protocol"));
    set_count(made, "port", number);
    return made;
}

static cJSON *ports_of(const cJSON *service, const struct object *pod)
{
    cJSON *ports = cJSON_CreateArray();
    const cJSON *port;
    cJSON_ArrayForEach(port, tree_at(service, "spec.ports")) cJSON_AddItemToArray(ports, port_of(port, pod));
    return ports;
}

static void add_endpoints(struct cluster *cluster, const cJSON *service, cJSON *slice)
{
    const struct collection *pods = apiserver_collection(cluster_server(cluster), &gvr_pods);
    cleanup_tree cJSON *selector = cJSON_CreateObject();
    cJSON *endpoints = cJSON_CreateArray(), *endpoint;
    const struct object *first = NULL;
    struct object_place at, end;
    tree_set(selector, "matchLabels", cJSON_Duplicate(tree_at(service, "spec.selector"), true));
    object_set_range(&pods->own->objects, tree_text(service, "metadata.namespace"), &at, &end);
    while (at.page != end.page || at.slot != end.slot) {
        const struct object *pod = object_set_next(&pods->own->objects, &at)->object;
        struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
        if (!label_selector_matches(selector, labels) || !(endpoint = endpoint_of(pod)))
            continue;
        first = first ? first : pod;
        cJSON_AddItemToArray(endpoints, endpoint);
    }
    tree_set(slice, "endpoints", endpoints);
    tree_set(slice, "ports", ports_of(service, first));
}

/* A name that is its own and stays: the service's uid is in it. */
static cJSON *new_slice(const cJSON *service, const char *name)
{
    cJSON *slice = json("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{\"endpointslice."
                        "kubernetes.io/managed-by\":\"endpointslice-controller.k8s.io\",\"kubernetes.io/"
                        "service-name\":\"%s\"}},\"addressType\":\"IPv4\"}",
                        name, tree_text(service, "metadata.namespace"), tree_text(service, "metadata.name"));
    set_controller(slice, service);
    return slice;
}

static void endpoints_reconcile(struct controller *controller, const char *key)
{
    struct cluster *cluster = controller->cluster;
    cleanup_tree cJSON *service = cluster_read(cluster, &gvr_services, key);
    if (!service || tree_at(service, "metadata.deletionTimestamp") ||
        !cJSON_GetArraySize(tree_at(service, "spec.selector")))
        return;
    const char *uid = tree_text(service, "metadata.uid");
    cleanup_free char *name = mem_printf("%s-%.5s", tree_text(service, "metadata.name"), uid);
    cleanup_free char *slice_key = mem_printf("%s/%s", tree_text(service, "metadata.namespace"), name);
    cleanup_tree cJSON *slice = cluster_read(cluster, &gvr_slices, slice_key);
    if (!slice)
        slice = new_slice(service, name);
    add_endpoints(cluster, service, slice);
    cluster_write(cluster, &gvr_slices, slice);
}

const struct controller_ops endpoints_controller = {endpoints_changed, endpoints_reconcile};
