#include "apiserver/admission.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/server_internal.h"
#include "apiserver/validation.h"
#include "base/mem.h"

#define SUBDOMAIN_RULE                                                                                       \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "    \
    "must start "                                                                                            \
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "              \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_RULE                                                                                           \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "  \
    "and end "                                                                                               \
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "           \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

/* Put in front, where a real server prints them. */
static void put_type(cJSON *tree, const char *name, const char *text)
{
    tree_set_text(tree, name, text);
}

static int other_kind(const struct write *write, const cJSON *tree, const char *kind)
{
    struct resource named = write->collection->resource;
    snprintf(named.kind, sizeof(named.kind), "%s", kind);
    return status_invalid(write->status, &named, tree_text(tree, "metadata.name"), "FieldValueInvalid",
                          "kind", "Invalid value: \"%.63s\": must be %s", kind,
                          write->collection->resource.kind);
}

int admit_shape(const struct write *write, cJSON *tree)
{
    char expected[320];
    const struct resource *resource = &write->collection->resource;
    resource_api_version(resource, expected);
    const char *version = tree_text(tree, "apiVersion"), *kind = tree_text(tree, "kind");
    if (version[0] && strcmp(version, expected))
        return status_set(write->status, 400, "BadRequest",
                          "%.63s in version \"%.100s\" cannot be handled as a %s: no kind \"%.63s\" is "
                          "registered for version "
                          "\"%.100s\" in scheme \"pkg/runtime/scheme.go:111\"",
                          kind[0] ? kind : resource->kind, version, resource->kind,
                          kind[0] ? kind : resource->kind, version);
    if (kind[0] && strcmp(kind, resource->kind) && resource->flags & RESOURCE_CUSTOM)
        return other_kind(write, tree, kind);
    if (!kind[0] && resource->flags & RESOURCE_CUSTOM)
        return status_set(
            write->status, 400, "BadRequest",
            "the object provided is unrecognized (must be of type %s): Object 'Kind' is missing",
            resource->kind);
    if (kind[0] && strcmp(kind, resource->kind))
        return status_set(
            write->status, 400, "BadRequest",
            "%s in version \"%s\" cannot be handled as a %s: the kind in the data does not match the "
            "expected kind (%s)",
            kind, resource->gvr.version, resource->kind, resource->kind);
    int r = validate_shape(write, tree);
    if (r != 0)
        return r;
    put_type(tree, "kind", resource->kind);
    put_type(tree, "apiVersion", expected);
    tree_make(tree, "metadata");
    return 0;
}

int admit_namespace(const struct write *write, cJSON *tree)
{
    cJSON *metadata = tree_at(tree, "metadata");
    const char *stated = tree_text(metadata, "namespace");
    if (!resource_namespaced(&write->collection->resource)) {
        tree_remove(metadata, "namespace");
        return 0;
    }
    if (!write->namespace_)
        return status_set(write->status, 400, "BadRequest",
                          "an empty namespace may not be set during creation");
    if (stated[0] && strcmp(stated, write->namespace_))
        return status_set(
            write->status, 400, "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request");
    tree_set_text(metadata, "namespace", write->namespace_);
    return 0;
}

int admit_namespace_open(const struct write *write, const cJSON *tree)
{
    const struct gvr gvr = {"", "v1", "namespaces"};
    if (!resource_namespaced(&write->collection->resource))
        return 0;
    struct collection *namespaces = apiserver_collection(write->server, &gvr);
    struct object *found = object_set_get(&namespaces->own->objects, write->namespace_);
    if (!found)
        return status_not_found(write->status, &namespaces->resource, write->namespace_);
    struct slice status = json_member(object_bytes(found), "status");
    if (!slice_equal(json_member(status, "phase"), "Terminating"))
        return 0;
    char qualified[GVR_TEXT_MAX];
    const char *name = tree_text(tree, "metadata.name");
    status_set(
        write->status, 403, "Forbidden",
        "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is being terminated",
        resource_qualified(&write->collection->resource, qualified), name, write->namespace_);
    status_details(write->status, &write->collection->resource, name);
    status_cause(write->status, "NamespaceTerminating", "", "");
    return 403;
}

/* As apimachinery's names generator: five characters without vowels, so that no words come out. */
static void generate_name(struct apiserver *server, cJSON *metadata, const char *prefix)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char name[254];
    int len = snprintf(name, sizeof(name) - 5, "%.247s", prefix);
    for (int i = 0; i < 5; i++)
        name[len + i] = letters[loop_random_below(server->loop, sizeof(letters) - 1)];
    name[len + 5] = '\0';
    tree_set_text(metadata, "name", name);
}

/* Roles, bindings and the like may be called "system:x"; only what would break the path is refused for them.
 */
static bool path_segment_valid(const char *name)
{
    return strcmp(name, ".") && strcmp(name, "..") && !strpbrk(name, "/%");
}

static int check_name(const struct write *write, const char *name)
{
    const struct resource *resource = &write->collection->resource;
    if (!strcmp(resource->gvr.group, "rbac.authorization.k8s.io") && path_segment_valid(name))
        return 0;
    bool label = resource->flags & RESOURCE_LABEL_NAMES;
    size_t most = label ? 63 : 253;
    if (strlen(name) > most)
        return status_invalid(write->status, resource, name, "FieldValueInvalid", "metadata.name",
                              "Invalid value: \"%s\": must be no more than %zu characters", name, most);
    if (label ? dns_label_valid(name) : dns_subdomain_valid(name))
        return 0;
    return status_invalid(write->status, resource, name, "FieldValueInvalid", "metadata.name",
                          "Invalid value: \"%s\": %s", name, label ? LABEL_RULE : SUBDOMAIN_RULE);
}

int admit_name(const struct write *write, cJSON *tree)
{
    cJSON *metadata = tree_at(tree, "metadata");
    const char *prefix = tree_text(metadata, "generateName");
    const char *name = tree_text(metadata, "name");
    if (!name[0] && prefix[0])
        generate_name(write->server, metadata, prefix);
    name = tree_text(metadata, "name");
    if (write->name[0] && strcmp(write->name, name))
        return status_set(write->status, 400, "BadRequest",
                          "the name of the object (%s) does not match the name on the URL (%s)", name,
                          write->name);
    if (!name[0])
        return status_invalid(write->status, &write->collection->resource, "", "FieldValueRequired",
                              "metadata.name", "Required value: name or generateName is required");
    return check_name(write, name);
}

static bool selects(const cJSON *selector, const cJSON *labels)
{
    for (const cJSON *wanted = tree_first(tree_at(selector, "matchLabels")); wanted; wanted = wanted->next) {
        const cJSON *label = cJSON_GetObjectItemCaseSensitive(labels, wanted->string);
        if (!tree_equal(wanted, label))
            return false;
    }
    return true;
}

static int invalid_tree(const struct write *write, const cJSON *tree, const char *field, const cJSON *value,
                        const char *why)
{
    cleanup_with(buf_deinit) struct buf shown = BUF_INIT(4096);
    if (!value || tree_print(value, &shown) != 0)
        buf_append_str(&shown, "null");
    return status_invalid(write->status, &write->collection->resource, tree_text(tree, "metadata.name"),
                          "FieldValueInvalid", field, "Invalid value: %.300s: %s", shown.data, why);
}

/* Deployments and their like: a selector, which stays, and a template that it selects. */
static int admit_workload(const struct write *write, const cJSON *tree, const cJSON *old)
{
    const struct resource *resource = &write->collection->resource;
    const char *name = tree_text(tree, "metadata.name");
    const cJSON *selector = tree_at(tree, "spec.selector"),
                *labels = tree_at(tree, "spec.template.metadata.labels");
    if (!cJSON_IsObject(selector))
        status_invalid(write->status, resource, name, "FieldValueRequired", "spec.selector",
                       "Required value");
    if (!cJSON_IsObject(selector) || !selects(selector, labels))
        invalid_tree(write, tree, "spec.template.metadata.labels", labels,
                     "`selector` does not match template `labels`");
    if (old && !tree_equal(selector, tree_at(old, "spec.selector")))
        invalid_tree(write, tree, "spec.selector", selector, "field is immutable");
    if (tree_number(tree, "spec.replicas", 0) < 0)
        status_invalid(write->status, resource, name, "FieldValueInvalid", "spec.replicas",
                       "Invalid value: %.0f: must be greater than or equal to 0",
                       tree_number(tree, "spec.replicas", 0));
    return write->status->code;
}

int admit_content(const struct write *write, const cJSON *tree, const cJSON *old)
{
    int r = validate_content(write, tree, old);
    const struct resource *resource = &write->collection->resource;
    if (r == 0 && !strcmp(resource->gvr.group, "apps") && strcmp(resource->kind, "ControllerRevision"))
        r = admit_workload(write, tree, old);
    return r;
}

int admit_delete(const struct write *write)
{
    static const char *const kept[] = {"default", "kube-system", "kube-public"};
    if (strcmp(write->collection->resource.kind, "Namespace"))
        return 0;
    for (size_t i = 0; i < array_size(kept); i++) {
        if (strcmp(write->name, kept[i]))
            continue;
        status_set(write->status, 403, "Forbidden",
                   "namespaces \"%s\" is forbidden: this namespace may not be deleted", write->name);
        status_details(write->status, &write->collection->resource, write->name);
        return 403;
    }
    return 0;
}
