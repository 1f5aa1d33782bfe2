#include "apiserver/crd.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/scale.h"
#include "apiserver/server_internal.h"
#include "base/mem.h"

#define CLEANUP "customresourcecleanup.apiextensions.k8s.io"

static bool is_definition(const struct collection *collection)
{
    return !strcmp(collection->resource.kind, "CustomResourceDefinition");
}

static struct collection *definitions_of(const struct apiserver *server)
{
    return storage_find(&server->storage, "apiextensions.k8s.io", "v1", "customresourcedefinitions");
}

/* Of a custom resource; NULL where there is none. */
static struct object *definition_of(const struct apiserver *server, const struct resource *resource)
{
    char key[OBJECT_KEY_MAX];
    if (!(resource->flags & RESOURCE_CUSTOM))
        return NULL;
    snprintf(key, sizeof(key), "%s.%s", resource->gvr.resource, resource->gvr.group);
    return object_set_get(&definitions_of(server)->own->objects, key);
}

cJSON *crd_schema(const struct apiserver *server, const struct resource *resource)
{
    struct json_cursor cursor = {0};
    struct slice version;
    const struct object *definition = definition_of(server, resource);
    if (!definition)
        return NULL;
    struct slice spec = json_member(object_bytes(definition), "spec"),
                 versions = json_member(spec, "versions");
    if (slice_equal(json_member(spec, "preserveUnknownFields"), "true"))
        return NULL;
    while (json_next_element(versions, &cursor, &version))
        if (slice_equal(json_member(version, "name"), resource->gvr.version)) {
            struct slice schema = json_member(json_member(version, "schema"), "openAPIV3Schema");
            return schema.len ? tree_parse(schema.data, schema.len) : NULL;
        }
    return NULL;
}

static bool is_terminating(const struct object *definition)
{
    struct slice metadata = json_member(object_bytes(definition), "metadata");
    return json_member(metadata, "deletionTimestamp").data;
}

/* The version under which objects are stored, and served here. */
static const cJSON *storage_version(const cJSON *definition)
{
    const cJSON *version;
    cJSON_ArrayForEach(
        version,
        tree_at(definition, "spec.versions")) if (cJSON_IsTrue(tree_at(version, "storage"))) return version;
    return NULL;
}

/* Those that are left out are made of the kind. */
static bool names_valid(const cJSON *names)
{
    const char *list = tree_text(names, "listKind"), *singular = tree_text(names, "singular");
    return kind_valid(tree_text(names, "kind")) && (!list[0] || kind_valid(list)) &&
           (!singular[0] || dns_label_valid(singular));
}

static int check_names(const struct write *write, const cJSON *tree)
{
    const struct resource *resource = &write->collection->resource;
    const char *name = tree_text(tree, "metadata.name"), *plural = tree_text(tree, "spec.names.plural");
    const char *group = tree_text(tree, "spec.group"), *scope = tree_text(tree, "spec.scope");
    cleanup_free char *expected = mem_printf("%s.%s", plural, group);
    struct gvr gvr;
    if (strcmp(name, expected))
        return status_invalid(write->status, resource, name, "FieldValueInvalid", "metadata.name",
                              "Invalid value: \"%s\": must be spec.names.plural+\".\"+spec.group", name);
    if (strcmp(scope, "Namespaced") && strcmp(scope, "Cluster"))
        return status_invalid(write->status, resource, name, "FieldValueNotSupported", "spec.scope",
                              "Unsupported value: \"%s\": supported values: \"Cluster\", \"Namespaced\"",
                              scope);
    if (!storage_version(tree))
        return status_invalid(write->status, resource, name, "FieldValueInvalid", "spec.versions",
                              "Invalid value: must have exactly one version marked as storage version");
    if (!group[0] || gvr_set(&gvr, group, tree_text(storage_version(tree), "name"), plural) != 0 ||
        !names_valid(tree_at(tree, "spec.names")))
        return status_invalid(write->status, resource, name, "FieldValueInvalid", "spec.names",
                              "Invalid value: group, version, plural and kind must be names");
    return 0;
}

static void accept_condition(const struct write *write, cJSON *conditions, const char *type,
                             const char *reason, const char *message)
{
    char now[24];
    cJSON *condition = cJSON_CreateObject();
    tree_set_text(condition, "type", type);
    tree_set_text(condition, "status", "True");
    tree_set_text(condition, "lastTransitionTime", apiserver_time(write->server, now));
    tree_set_text(condition, "reason", reason);
    tree_set_text(condition, "message", message);
    tree_add(conditions, condition);
}

bool crd_mark_deleted(const struct write *write, cJSON *tree)
{
    char now[24];
    cJSON *metadata = tree_at(tree, "metadata"), *condition;
    if (!is_definition(write->collection) || tree_text(metadata, "deletionTimestamp")[0])
        return false;
    tree_set_text(metadata, "deletionTimestamp", apiserver_time(write->server, now));
    tree_add(tree_make_list(metadata, "finalizers"), cJSON_CreateString(CLEANUP));
    cJSON *conditions = tree_make_list(tree_make(tree, "status"), "conditions");
    cJSON_ArrayForEach(condition,
                       conditions) if (!strcmp(tree_text(condition, "type"), "Terminating")) return true;
    accept_condition(write, conditions, "Terminating", "InstanceDeletionPending",
                     "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon");
    return true;
}

int crd_admit_object(const struct write *write, const cJSON *tree)
{
    char qualified[GVR_TEXT_MAX];
    const struct resource *resource = &write->collection->resource;
    const struct object *definition = definition_of(write->server, resource);
    const char *name = tree_text(tree, "metadata.name");
    if (!definition || !is_terminating(definition))
        return 0;
    status_set(write->status, 403, "Forbidden",
               "%s \"%s\" is forbidden: create not allowed while custom resource definition is terminating",
               resource_qualified(resource, qualified), name);
    status_details(write->status, resource, name);
    return write->status->code;
}

/* Names that were left out are made of the kind, in lower case. */
static void complete_names(cJSON *names)
{
    cleanup_free char *singular = mem_strdup(tree_text(names, "kind"));
    cleanup_free char *list = mem_printf("%sList", tree_text(names, "kind"));
    for (char *c = singular; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    tree_default(names, "singular", cJSON_CreateString(singular));
    tree_default(names, "listKind", cJSON_CreateString(list));
}

int crd_admit(const struct write *write, cJSON *tree)
{
    if (!is_definition(write->collection))
        return 0;
    int r = check_names(write, tree);
    if (r == 0)
        r = scale_admit(write, tree);
    if (r != 0)
        return r;
    cJSON *names = tree_at(tree, "spec.names"), *status = tree_make(tree, "status");
    complete_names(names);
    tree_default(tree_make(tree, "spec.conversion"), "strategy", cJSON_CreateString("None"));
    tree_set(status, "acceptedNames", cJSON_Duplicate(names, true));
    if (tree_at(status, "conditions"))
        return 0;
    cJSON *conditions = cJSON_CreateArray(), *stored = cJSON_CreateArray();
    tree_set(status, "conditions", conditions);
    accept_condition(write, conditions, "NamesAccepted", "NoConflicts", "no conflicts found");
    accept_condition(write, conditions, "Established", "InitialNamesAccepted",
                     "the initial names have been accepted");
    cJSON_AddItemToArray(stored, cJSON_CreateString(tree_text(storage_version(tree), "name")));
    tree_set(status, "storedVersions", stored);
    return 0;
}

static void join(const cJSON *words, char *out, size_t size)
{
    const cJSON *word;
    out[0] = '\0';
    cJSON_ArrayForEach(word, words)
    {
        size_t len = strlen(out);
        if (cJSON_IsString(word) && dns_label_valid(word->valuestring))
            snprintf(out + len, size - len, "%s%s", len ? " " : "", word->valuestring);
    }
}

static struct resource resource_of(const cJSON *definition)
{
    const cJSON *version = storage_version(definition);
    struct resource resource = {.flags = RESOURCE_CUSTOM | RESOURCE_GENERATION};
    gvr_set(&resource.gvr, tree_text(definition, "spec.group"), tree_text(version, "name"),
            tree_text(definition, "spec.names.plural"));
    snprintf(resource.kind, sizeof(resource.kind), "%s", tree_text(definition, "spec.names.kind"));
    snprintf(resource.list_kind, sizeof(resource.list_kind), "%s",
             tree_text(definition, "spec.names.listKind"));
    snprintf(resource.singular, sizeof(resource.singular), "%s",
             tree_text(definition, "spec.names.singular"));
    join(tree_at(definition, "spec.names.shortNames"), resource.short_names, sizeof(resource.short_names));
    join(tree_at(definition, "spec.names.categories"), resource.category, sizeof(resource.category));
    if (!strcmp(tree_text(definition, "spec.scope"), "Namespaced"))
        resource.flags |= RESOURCE_NAMESPACED;
    if (tree_at(version, "subresources.status"))
        resource.flags |= RESOURCE_STATUS;
    if (tree_at(version, "subresources.scale"))
        resource.flags |= RESOURCE_SCALE;
    return resource;
}

/* Objects that are left go, with an event each; then the resource is no more. */
static void stop_serving(struct apiserver *server, struct collection *collection)
{
    const struct object_entry *entry;
    while ((entry = object_set_next(&collection->own->objects, &(struct object_place){0})))
        object_unref(write_remove(server, collection, entry->object));
    collection_retire(collection);
}

static void delete_objects(struct apiserver *server, struct collection *collection)
{
    struct view view = {0};
    struct item item;
    view_take(collection, NULL, server->storage.revision, &view);
    struct view_reader reader = view_read(&view, NULL);
    while (view_next(&reader, &item)) {
        struct status status = {0};
        struct slice called = object_name(item.object), within = object_namespace(item.object);
        cleanup_free char *name = mem_dup(called.data, called.len), *in = mem_dup(within.data, within.len);
        struct write write = {.server = server,
                              .collection = collection,
                              .namespace_ = in[0] ? in : NULL,
                              .name = name,
                              .subresource = "",
                              .manager = "",
                              .status = &status};
        write_delete(&write, NULL, -1);
        object_unref(write.result);
    }
    view_deinit(&view);
}

/* Its objects are gone: so is the finalizer, and with the last one the definition. */
static void release(struct apiserver *server, struct object *definition)
{
    struct status status = {0};
    cleanup_tree cJSON *tree = write_tree_of(definition);
    cleanup_free char *name = mem_strdup(tree_text(tree, "metadata.name"));
    cJSON *finalizers = tree_at(tree, "metadata.finalizers"), *item;
    cJSON_ArrayForEach(item,
                       finalizers) if (cJSON_IsString(item) && !strcmp(item->valuestring, CLEANUP)) break;
    if (!item)
        return;
    cJSON_Delete(cJSON_DetachItemViaPointer(finalizers, item));
    struct write write = {.server = server,
                          .collection = definitions_of(server),
                          .name = name,
                          .subresource = "",
                          .manager = "",
                          .status = &status};
    write_update(&write, tree);
    object_unref(write.result);
}

/* The definition has been changed. */
static void follow(struct apiserver *server, struct object *definition, const struct resource *resource)
{
    const struct gvr *gvr = &resource->gvr;
    struct collection *there = storage_find(&server->storage, gvr->group, gvr->version, gvr->resource);
    if (!there || there->resource.flags & RESOURCE_CUSTOM)
        there = storage_add(&server->storage, resource);
    if (!is_terminating(definition) || !(there->resource.flags & RESOURCE_CUSTOM))
        return;
    if (there->own->objects.count)
        delete_objects(server, there);
    else
        release(server, definition);
}

/* The last object of a definition that is to go has gone. */
static void follow_object(struct apiserver *server, const struct collection *collection)
{
    struct object *definition = definition_of(server, &collection->resource);
    if (definition && is_terminating(definition) && !collection->own->objects.count)
        release(server, definition);
}

void crd_changed(struct apiserver *server, const struct collection *collection, struct object *object,
                 bool deleted)
{
    if (collection->resource.flags & RESOURCE_CUSTOM && deleted)
        follow_object(server, collection);
    if (!is_definition(collection))
        return;
    cleanup_tree cJSON *definition = write_tree_of(object);
    struct resource resource = resource_of(definition);
    if (!deleted) {
        follow(server, object, &resource);
        return;
    }
    const struct gvr *gvr = &resource.gvr;
    struct collection *there = storage_find(&server->storage, gvr->group, gvr->version, gvr->resource);
    if (there && there->resource.flags & RESOURCE_CUSTOM)
        stop_serving(server, there);
}
