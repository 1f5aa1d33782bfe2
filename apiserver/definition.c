#include "apiserver/definition.h"

#include <stdio.h>

/* As it is in one partition. */
static struct slice version_in(const struct partition *partition, const struct gvr *gvr)
{
    char key[OBJECT_KEY_MAX];
    struct json_cursor cursor = {0};
    struct slice version;
    snprintf(key, sizeof(key), "%s.%s", gvr->resource, gvr->group);
    const struct object_entry *entry = object_set_find(&partition->objects, key);
    if (!entry)
        return (struct slice){0};
    struct slice versions = json_member(json_member(object_bytes(entry->object), "spec"), "versions");
    while (versions.len && json_next_element(versions, &cursor, &version))
        if (slice_equal(json_member(version, "name"), gvr->version))
            return version;
    return (struct slice){0};
}

struct slice definition_version_of(const struct apiserver *server, const char *cluster,
                                   const struct resource *resource)
{
    const struct collection *definitions =
        storage_find(&server->storage, "apiextensions.k8s.io", "v1", "customresourcedefinitions");
    struct slice version = {0};
    if (!definitions || !(resource->flags & RESOURCE_CUSTOM) || resource->flags & RESOURCE_HUB)
        return version;
    const struct partition *only = cluster ? collection_find(definitions, cluster) : NULL;
    for (size_t i = 0; i < definitions->partition_count && !version.data; i++)
        if (!only || only == definitions->partitions[i])
            version = version_in(definitions->partitions[i], &resource->gvr);
    return version;
}

struct slice definition_version(const struct exchange *exchange, const struct resource *resource)
{
    return definition_version_of(exchange->server, exchange->request.cluster, resource);
}
