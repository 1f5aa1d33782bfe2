/*
 * The documents of discovery. Aggregated: APIGroupDiscoveryList, groups > versions > resources in one.
 * Before 1.26: APIVersions (/api) and APIGroupList (/apis), which name versions, and an APIResourceList for
 * each of these. Members are found by scanning, without a tree: with a thousand CRDs the text has megabytes.
 */
#include <string.h>

#include "base/mem.h"
#include "kube/discovery_internal.h"

void group_versions_deinit(struct group_versions *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].group);
        free(list->items[i].version);
    }
    free(list->items);
    *list = (struct group_versions){0};
}

static void list_push(struct group_versions *list, struct slice group, struct slice version)
{
    cleanup_free char *group_text = mem_dup(group.data ? group.data : "", group.len);
    cleanup_free char *version_text = mem_dup(version.data ? version.data : "", version.len);
    if (!dns_label_valid(version_text) || (group.len && !dns_subdomain_valid(group_text)))
        return; /* it becomes part of a path */
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->items = mem_realloc(list->items, list->room * sizeof(*list->items));
    }
    list->items[list->count++] = (struct group_version){mem_steal(group_text), mem_steal(version_text)};
}

/* Several members of an object in one pass; those that are absent stay as they are. */
struct pick {
    const char *name;
    struct slice *value; /* without quotes */
};

static void pick_members(struct slice object, const struct pick *picks, size_t count)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (json_next_member(object, &cursor, &name, &value))
        for (size_t i = 0; i < count; i++)
            if (slice_equal(name, picks[i].name)) {
                *picks[i].value = json_unquote(value);
                break;
            }
}

static unsigned read_subresources(struct slice list)
{
    struct json_cursor cursor = {0};
    struct slice item;
    unsigned subresources = 0;
    while (json_next_element(list, &cursor, &item))
        if (api_verbs_have(json_member(item, "verbs"), API_VERB_GET))
            subresources |= api_subresource_of(json_member(item, "subresource"));
    return subresources;
}

static void read_aggregated_resource(const struct discovery_reading *reading, struct slice group,
                                     struct slice version, struct slice resource)
{
    struct api_offer offer = {.group = group, .version = version};
    struct slice kind = {0}, scope = {0}, subresources = {0};
    const struct pick picks[] = {
        {"resource", &offer.resource},
        {"responseKind", &kind},
        {"scope", &scope},
        {"singularResource", &offer.singular},
        {"verbs", &offer.verbs},
        {"shortNames", &offer.short_names},
        {"categories", &offer.categories},
        {"subresources", &subresources},
    };
    pick_members(resource, picks, array_size(picks));
    offer.subresources = read_subresources(subresources);
    offer.kind = json_member(kind, "kind");
    offer.namespaced = slice_equal(scope, "Namespaced");
    api_table_add(reading->table, &offer);
}

static void read_aggregated_version(const struct discovery_reading *reading, struct slice group,
                                    struct slice item)
{
    struct slice version = {0}, resources = {0}, freshness = {0}, resource;
    const struct pick picks[] = {{"version", &version}, {"resources", &resources}, {"freshness", &freshness}};
    pick_members(item, picks, array_size(picks));
    if (slice_equal(freshness, "Stale")) {
        cleanup_free char *group_text = mem_dup(group.data ? group.data : "", group.len);
        cleanup_free char *version_text = mem_dup(version.data ? version.data : "", version.len);
        api_table_add_failure(reading->table, group_text, version_text, reading->old);
        return;
    }
    struct json_cursor cursor = {0};
    while (json_next_element(resources, &cursor, &resource))
        read_aggregated_resource(reading, group, version, resource);
}

static void read_aggregated(const struct discovery_reading *reading, struct slice json)
{
    struct slice items = json_member(json, "items"), item;
    struct json_cursor items_cursor = {0};
    while (json_next_element(items, &items_cursor, &item)) {
        struct slice metadata = {0}, versions = {0}, version;
        const struct pick picks[] = {{"metadata", &metadata}, {"versions", &versions}};
        pick_members(item, picks, array_size(picks));
        struct slice group = json_member(metadata, "name");
        struct json_cursor cursor = {0};
        while (json_next_element(versions, &cursor, &version))
            read_aggregated_version(reading, group, version);
    }
}

static void read_api_versions(const struct discovery_reading *reading, struct slice json)
{
    struct slice versions = json_member(json, "versions"), version;
    struct json_cursor cursor = {0};
    while (json_next_element(versions, &cursor, &version))
        list_push(reading->list, (struct slice){0}, json_unquote(version));
}

/* The preferred version first: it is what a name without version means. */
static void read_group(const struct discovery_reading *reading, struct slice group)
{
    struct slice name = json_member(group, "name"), versions = json_member(group, "versions"), item;
    struct slice preferred = json_member(json_member(group, "preferredVersion"), "version");
    struct json_cursor cursor = {0};
    list_push(reading->list, name, preferred);
    while (json_next_element(versions, &cursor, &item)) {
        struct slice version = json_member(item, "version");
        bool same = version.len && version.len == preferred.len &&
                    memcmp(version.data, preferred.data, version.len) == 0;
        if (!same)
            list_push(reading->list, name, version);
    }
}

static void read_group_list(const struct discovery_reading *reading, struct slice json)
{
    struct slice groups = json_member(json, "groups"), group;
    struct json_cursor cursor = {0};
    while (json_next_element(groups, &cursor, &group))
        read_group(reading, group);
}

/* One whole JSON value and nothing behind it. */
static bool is_json(struct slice text)
{
    const char *end = text.data + text.len;
    const char *at = text.data ? json_skip_space(text.data, end) : NULL;
    at = at && at < end ? json_skip_value(at, end, 0) : NULL;
    return at && json_skip_space(at, end) == end;
}

int discovery_read_root(const struct discovery_reading *reading, struct slice json)
{
    if (!is_json(json))
        return 1;
    struct slice kind = json_member(json, "kind");
    if (slice_equal(kind, "APIGroupDiscoveryList"))
        read_aggregated(reading, json);
    else if (slice_equal(kind, "APIVersions"))
        read_api_versions(reading, json);
    else if (slice_equal(kind, "APIGroupList"))
        read_group_list(reading, json);
    else
        return 1;
    return 0;
}

/* "pods/log": it stands behind its resource. */
static void read_subresource(const struct discovery_reading *reading, const struct api_offer *offer)
{
    const char *name = offer->resource.data, *slash = memchr(name, '/', offer->resource.len);
    struct slice resource = {name, (size_t)(slash - name)};
    struct slice subresource = {slash + 1, offer->resource.len - resource.len - 1};
    if (api_verbs_have(offer->verbs, API_VERB_GET))
        api_table_add_subresource(reading->table, resource, api_subresource_of(subresource));
}

static void read_resource(const struct discovery_reading *reading, const struct group_version *gv,
                          struct slice resource)
{
    struct api_offer offer = {.group = {gv->group, strlen(gv->group)},
                              .version = {gv->version, strlen(gv->version)}};
    struct slice namespaced = {0};
    const struct pick picks[] = {
        {"name", &offer.resource},         {"singularName", &offer.singular},
        {"namespaced", &namespaced},       {"kind", &offer.kind},
        {"verbs", &offer.verbs},           {"shortNames", &offer.short_names},
        {"categories", &offer.categories},
    };
    pick_members(resource, picks, array_size(picks));
    if (!offer.resource.len)
        return;
    if (memchr(offer.resource.data, '/', offer.resource.len)) {
        read_subresource(reading, &offer);
        return;
    }
    offer.namespaced = slice_equal(namespaced, "true");
    api_table_add(reading->table, &offer);
}

int discovery_read_resources(const struct discovery_reading *reading, const struct group_version *gv,
                             struct slice json)
{
    if (!is_json(json) || !slice_equal(json_member(json, "kind"), "APIResourceList"))
        return 1;
    struct slice resources = json_member(json, "resources"), resource;
    struct json_cursor cursor = {0};
    while (json_next_element(resources, &cursor, &resource))
        read_resource(reading, gv, resource);
    return 0;
}
