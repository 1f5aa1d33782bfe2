#include "apiserver/scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/definition.h"
#include "apiserver/label_selector.h"
#include "apiserver/served.h"
#include "base/mem.h"

/* ---- where it is ---- */

static void take_path(struct slice scale, const char *name, char out[SCALE_PATH_MAX])
{
    struct slice path = json_unquote(json_member(scale, name));
    bool dot = path.len && path.data[0] == '.';
    snprintf(out, SCALE_PATH_MAX, "%.*s", path.data ? (int)path.len - dot : 0,
             path.data ? path.data + dot : "");
}

bool scale_find(const struct apiserver *server, const char *cluster, const struct resource *resource,
                struct scale_paths *out)
{
    *out = (struct scale_paths){"spec.replicas", "status.replicas", "spec.selector",
                                resource->flags & RESOURCE_CUSTOM};
    if (!out->custom)
        return true;
    struct slice version = definition_version_of(server, cluster, resource);
    struct slice scale = json_member(json_member(version, "subresources"), "scale");
    take_path(scale, "specReplicasPath", out->replicas);
    take_path(scale, "statusReplicasPath", out->scaled);
    take_path(scale, "labelSelectorPath", out->selector);
    return out->replicas[0];
}

/* ".spec.a.b", below ".spec". */
static bool is_path(const char *path, const char *below)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *at = path;
    while (*at == '.' && strspn(at + 1, plain))
        at += 1 + strspn(at + 1, plain);
    size_t len = strlen(below);
    return !*at && strlen(path) < SCALE_PATH_MAX && !strncmp(path, below, len) && path[len] == '.';
}

static int check_path(const struct write *write, const cJSON *definition, int version, const char *name,
                      const char *below)
{
    cleanup_free char *place = mem_printf("subresources.scale.%s", name);
    const cJSON *versions = tree_at(definition, "spec.versions"), *of = cJSON_GetArrayItem(versions, version);
    bool only =
        cJSON_GetArraySize(versions) == 1; /* which is spoken of as it was before there were several */
    cleanup_free char *field =
        only ? mem_printf("spec.%s", place) : mem_printf("spec.versions[%d].%s", version, place);
    const char *path = tree_text(of, place);
    if (is_path(path, below))
        return 0;
    const struct resource *resource = &write->collection->resource;
    const char *named = tree_text(definition, "metadata.name");
    if (!path[0])
        return status_invalid(write->status, resource, named, "FieldValueRequired", field, "Required value");
    return status_invalid(write->status, resource, named, "FieldValueInvalid", field,
                          "Invalid value: \"%s\": should be a json path under %s", path, below);
}

int scale_admit(const struct write *write, const cJSON *definition)
{
    const cJSON *version;
    int r = 0, i = 0;
    cJSON_ArrayForEach(version, tree_at(definition, "spec.versions"))
    {
        const cJSON *scale = tree_at(version, "subresources.scale");
        if (scale && r == 0)
            r = check_path(write, definition, i, "specReplicasPath", ".spec");
        if (scale && r == 0)
            r = check_path(write, definition, i, "statusReplicasPath", ".status");
        i++;
    }
    return r;
}

/* The last part of a path, and its parent made. */
static void put(cJSON *tree, const char *path, cJSON *value)
{
    const char *last = strrchr(path, '.');
    cleanup_free char *parent = mem_dup(path, last ? (size_t)(last - path) : 0);
    tree_set(last ? tree_make(tree, parent) : tree, last ? last + 1 : path, value);
}

/* ---- the view ---- */

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

static void print_selector_of(const cJSON *tree, const struct scale_paths *paths, struct buf *out)
{
    if (paths->custom)
        buf_append_str(out, tree_text(tree, paths->selector));
    else
        print_selector(tree_at(tree, paths->selector), out);
}

cJSON *scale_of(const struct object *object, const struct scale_paths *paths)
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
    double replicas = tree_number(tree, paths->replicas, 0);
    if (replicas != 0) /* a zero is left out, and put back by scale_write() */
        tree_set_number(spec, "replicas", replicas);
    cJSON *status = tree_make(scale, "status");
    tree_set_number(status, "replicas", tree_number(tree, paths->scaled, 0));
    print_selector_of(tree, paths, &selector);
    if (selector.len)
        tree_set_text(status, "selector", selector.data);
    return scale;
}

void scale_print(const struct item *item, const struct scale_paths *paths, struct buf *out)
{
    cleanup_tree cJSON *scale = scale_of(item->object, paths);
    cleanup_free char *version = mem_printf("%" PRIu64, item->revision);
    cJSON *metadata = tree_at(scale, "metadata");
    tree_set_text(metadata, "resourceVersion", version);
    if (item->partition->name[0])
        tree_set_text(tree_make(metadata, "annotations"), ANNOTATION_CLUSTER, item->partition->name);
    tree_print(scale, out);
    buf_append_char(out, '\n');
}

int scale_check(const struct scale_paths *paths, const struct object *object, struct status *status)
{
    cleanup_tree cJSON *tree = paths->custom ? write_tree_of(object) : NULL;
    if (!paths->custom || tree_at(tree, paths->replicas))
        return 0;
    cleanup_free char *why = mem_printf("the spec replicas field \".%s\" does not exist", paths->replicas);
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

int scale_write(struct write *write, const struct scale_paths *paths, const cJSON *scale)
{
    struct object *current = write_current(write);
    if (!current)
        return status_not_found(write->status, &write->collection->resource, write->name);
    if (tree_number(scale, "spec.replicas", 0) < 0)
        return below_nothing(write, tree_number(scale, "spec.replicas", 0));
    const char *version = tree_text(scale, "metadata.resourceVersion");
    cleanup_tree cJSON *tree = write_tree_of(current);
    const cJSON *replicas = tree_at(scale, "spec.replicas");
    put(tree, paths->replicas, replicas ? cJSON_Duplicate(replicas, true) : cJSON_CreateNumber(0));
    if (version[0])
        tree_set_text(tree_at(tree, "metadata"), "resourceVersion", version);
    else
        tree_remove(tree_at(tree, "metadata"), "resourceVersion");
    write->subresource = "";
    return write_update(write, tree);
}
