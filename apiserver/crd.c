#include "apiserver/crd.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/server_internal.h"
#include "base/mem.h"

static bool is_definition(const struct collection *collection)
{
    return !strcmp(collection->resource.kind, "CustomResourceDefinition");
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
        !tree_text(tree, "spec.names.kind")[0] || strlen(tree_text(tree, "spec.names.kind")) > 63)
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
    cJSON_AddItemToArray(conditions, condition);
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

/* Its objects go, with an event each; then the resource is no more. */
static void stop_serving(struct apiserver *server, const struct resource *resource)
{
    const struct gvr *gvr = &resource->gvr;
    struct collection *collection = storage_find(&server->storage, gvr->group, gvr->version, gvr->resource);
    if (!collection || !(collection->resource.flags & RESOURCE_CUSTOM))
        return;
    const struct object_entry *entry;
    while ((entry = object_set_next(&collection->own->objects, &(struct object_place){0})))
        object_unref(write_remove(server, collection, entry->object));
    collection_retire(collection);
}

void crd_changed(struct apiserver *server, const struct collection *collection, const struct object *object,
                 bool deleted)
{
    if (!is_definition(collection))
        return;
    cleanup_tree cJSON *definition = write_tree_of(object);
    struct resource resource = resource_of(definition);
    const struct gvr *gvr = &resource.gvr;
    const struct collection *there = storage_find(&server->storage, gvr->group, gvr->version, gvr->resource);
    if (deleted)
        stop_serving(server, &resource);
    else if (!there || there->resource.flags & RESOURCE_CUSTOM)
        storage_add(&server->storage, &resource);
}
