#include "apiserver/scale.h"

#include <string.h>

#include "apiserver/label_selector.h"
#include "base/mem.h"

static void copy_text(cJSON *to, const cJSON *from, const char *name)
{
    cleanup_free char *path = mem_printf("metadata.%s", name);
    if (tree_text(from, path)[0])
        tree_set_text(to, name, tree_text(from, path));
}

/* That of a replication controller is labels alone. */
static void print_selector(const cJSON *selector, struct buf *out)
{
    cleanup_tree cJSON *labels = cJSON_CreateObject();
    bool whole = tree_at(selector, "matchLabels") || tree_at(selector, "matchExpressions");
    if (!whole && selector)
        tree_set(labels, "matchLabels", cJSON_Duplicate(selector, true));
    label_selector_print(whole ? selector : labels, out);
}

cJSON *scale_of(const struct object *object)
{
    static const char *const names[] = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"};
    cleanup_tree cJSON *tree = write_tree_of(object);
    cleanup_with(buf_deinit) struct buf selector = BUF_INIT(SIZE_MAX / 4);
    cJSON *scale = cJSON_CreateObject();
    tree_set_text(scale, "kind", "Scale");
    tree_set_text(scale, "apiVersion", "autoscaling/v1");
    cJSON *metadata = tree_make(scale, "metadata");
    for (size_t i = 0; i < array_size(names); i++)
        copy_text(metadata, tree, names[i]);
    cJSON *spec = tree_make(scale, "spec");
    if (tree_number(tree, "spec.replicas", 0) != 0) /* a zero is left out, and put back by scale_write() */
        tree_set_number(spec, "replicas", tree_number(tree, "spec.replicas", 0));
    cJSON *status = tree_make(scale, "status");
    tree_set_number(status, "replicas", tree_number(tree, "status.replicas", 0));
    print_selector(tree_at(tree, "spec.selector"), &selector);
    if (selector.len)
        tree_set_text(status, "selector", selector.data);
    return scale;
}

void scale_print(const struct object *object, struct buf *out)
{
    cleanup_tree cJSON *scale = scale_of(object);
    tree_print(scale, out);
    buf_append_char(out, '\n');
}

int scale_check(const struct resource *resource, const struct object *object, struct status *status)
{
    struct slice spec = json_member(object_bytes(object), "spec");
    if (!(resource->flags & RESOURCE_CUSTOM) || json_member(spec, "replicas").data)
        return 0;
    static const char why[] = "the spec replicas field \".spec.replicas\" does not exist";
    status_set(status, 500, "InternalError", "Internal error occurred: %s", why);
    status_cause(status, "", why, "");
    return status->code;
}

static int below_nothing(const struct write *write, double replicas)
{
    static const struct resource scale = {.gvr = {.group = "autoscaling"}, .kind = "Scale"};
    return status_invalid(write->status, &scale, write->name, "FieldValueInvalid", "spec.replicas",
                          "Invalid value: %.0f: must be greater than or equal to 0", replicas);
}

int scale_write(struct write *write, const cJSON *scale)
{
    struct object *current = write_current(write);
    if (!current)
        return status_not_found(write->status, &write->collection->resource, write->name);
    if (tree_number(scale, "spec.replicas", 0) < 0)
        return below_nothing(write, tree_number(scale, "spec.replicas", 0));
    const char *version = tree_text(scale, "metadata.resourceVersion");
    cleanup_tree cJSON *tree = write_tree_of(current);
    const cJSON *replicas = tree_at(scale, "spec.replicas");
    tree_set(tree_make(tree, "spec"), "replicas",
             replicas ? cJSON_Duplicate(replicas, true) : cJSON_CreateNumber(0));
    if (version[0])
        tree_set_text(tree_at(tree, "metadata"), "resourceVersion", version);
    else
        tree_remove(tree_at(tree, "metadata"), "resourceVersion");
    write->subresource = "";
    return write_update(write, tree);
}
