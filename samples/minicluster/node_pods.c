#include "samples/minicluster/node_pods.h"

#include <string.h>

#include "base/mem.h"

#define PODS_PER_TURN 200

void node_pods_visit(struct controller *controller, const char *node)
{
    cleanup_free char *key = mem_printf("@%s", node);
    queue_add(&controller->queue, key, 0);
}

static bool is_on(const struct object *pod, const char *node)
{
    struct slice name = json_member(json_member(object_bytes(pod), "spec"), "nodeName");
    return node[0] ? slice_equal(name, node) : !name.len;
}

bool node_pods_step(struct controller *controller, const char *key,
                    void (*visit)(struct controller *controller, const struct object *pod))
{
    if (key[0] != '@')
        return false;
    const char *space = strchr(key, ' ');
    cleanup_free char *node = mem_dup(key + 1, strcspn(key + 1, " "));
    const struct collection *pods = apiserver_collection(cluster_server(controller->cluster), &gvr_pods);
    struct object_place place = object_set_seek(&pods->own->objects, space ? space + 1 : "");
    const struct object_entry *pod;
    for (int i = 0; (pod = object_set_next(&pods->own->objects, &place)); i++) {
        if (i == PODS_PER_TURN) {
            cleanup_free char *rest = mem_printf("@%s %s", node, object_key(pod->object));
            queue_add(&controller->queue, rest, 0);
            break;
        }
        if (is_on(pod->object, node))
            visit(controller, pod->object);
    }
    return true;
}
