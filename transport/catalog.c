#include "transport/catalog.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/object.h"

#define NUMBER_MAX 9007199254740992.0
#define VERSION_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

static void tree_delete(cJSON **tree)
{
    cJSON_Delete(*tree);
}

#define cleanup_tree cleanup_with(tree_delete)

/* ---- reading ---- */

static bool text_field(const cJSON *json, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    if (!text || strlen(text) >= size)
        return false;
    strcpy(out, text);
    return true;
}

static bool number_of(const cJSON *json, int64_t *value)
{
    if (!cJSON_IsNumber(json) || !(json->valuedouble >= -1 && json->valuedouble <= NUMBER_MAX))
        return false;
    *value = (int64_t)json->valuedouble;
    return true;
}

static cJSON *body_parse(struct slice body)
{
    return body.len <= CATALOG_BODY_MAX ? cJSON_ParseWithLength(body.data, body.len) : NULL;
}

/* ---- presence ---- */

void presence_format(struct buf *out, const struct presence *presence)
{
    buf_appendf(out, "{\"alive\":%s,\"cluster\":", presence->alive ? "true" : "false");
    buf_append_json_string(out, presence->cluster, strlen(presence->cluster));
    buf_append_str(out, ",\"version\":");
    buf_append_json_string(out, presence->version, strlen(presence->version));
    buf_appendf(out, ",\"heartbeatMs\":%" PRId64 "}", presence->heartbeat_ms);
}

int presence_parse(struct slice body, struct presence *presence)
{
    cleanup_tree cJSON *json = body_parse(body);
    const cJSON *alive = cJSON_GetObjectItemCaseSensitive(json, "alive");
    *presence = (struct presence){0};
    if (!cJSON_IsBool(alive) || !text_field(json, "cluster", presence->cluster, sizeof(presence->cluster)) ||
        !text_field(json, "version", presence->version, sizeof(presence->version)) ||
        !number_of(cJSON_GetObjectItemCaseSensitive(json, "heartbeatMs"), &presence->heartbeat_ms))
        return CATALOG_E_MALFORMED;
    presence->alive = cJSON_IsTrue(alive);
    return 0;
}

/* ---- catalog ---- */

const char *stream_state_text(enum stream_state state)
{
    static const char *const names[] = {"active", "forbidden", "unavailable", "unwanted", "starting"};
    return names[state];
}

static void list_format(struct buf *out, const char *name, const char *list)
{
    const char *comma = "";
    if (!list[0])
        return;
    buf_appendf(out, ",\"%s\":[", name);
    for (size_t len; *list; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        buf_appendf(out, "%s\"%.*s\"", comma, (int)len, list);
        comma = ",";
    }
    buf_append_char(out, ']');
}

static void names_format(struct buf *out, const struct names *names)
{
    if (names->singular[0])
        buf_appendf(out, ",\"singular\":\"%s\"", names->singular);
    list_format(out, "shortNames", names->short_names);
    list_format(out, "categories", names->categories);
    list_format(out, "subresources", names->subresources);
}

static void entry_format(struct buf *out, const struct catalog_entry *entry)
{
    buf_appendf(out, "{\"group\":\"%s\",\"version\":\"%s\",\"resource\":\"%s\",\"kind\":", entry->gvr.group,
                entry->gvr.version, entry->gvr.resource);
    buf_append_json_string(out, entry->kind, strlen(entry->kind));
    buf_appendf(out, ",\"namespaced\":%s,\"epoch\":\"%016" PRIx64 "\"", entry->namespaced ? "true" : "false",
                entry->epoch);
    names_format(out, &entry->names);
    buf_append_char(out, '}');
}

void catalog_format(struct buf *out, bool complete, const struct catalog_entry *entries, size_t count)
{
    buf_appendf(out, "{\"complete\":%s,\"streams\":[", complete ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_append_str(out, ",\n");
        entry_format(out, &entries[i]);
    }
    buf_append_str(out, "]}");
}

static void list_parse(const cJSON *json, char out[NAMES_LIST_MAX])
{
    const cJSON *word;
    cJSON_ArrayForEach(word, json)
    {
        if (cJSON_IsString(word))
            names_add(out, word->valuestring);
    }
}

/* Names are for people: those that are none are left out, and the stream is as good without. */
static void names_parse(const cJSON *json, struct names *names)
{
    const char *singular = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "singular"));
    *names = (struct names){0};
    if (singular && dns_label_valid(singular))
        strcpy(names->singular, singular);
    list_parse(cJSON_GetObjectItemCaseSensitive(json, "shortNames"), names->short_names);
    list_parse(cJSON_GetObjectItemCaseSensitive(json, "categories"), names->categories);
    list_parse(cJSON_GetObjectItemCaseSensitive(json, "subresources"), names->subresources);
}

static bool entry_parse(const cJSON *json, struct catalog_entry *entry)
{
    char group[sizeof(entry->gvr.group)], version[sizeof(entry->gvr.version)],
        resource[sizeof(entry->gvr.resource)];
    char epoch[17];
    const cJSON *namespaced = cJSON_GetObjectItemCaseSensitive(json, "namespaced");
    int end = 0;
    if (!text_field(json, "group", group, sizeof(group)) ||
        !text_field(json, "version", version, sizeof(version)) ||
        !text_field(json, "resource", resource, sizeof(resource)) ||
        gvr_set(&entry->gvr, group, version, resource) != 0 ||
        !text_field(json, "kind", entry->kind, sizeof(entry->kind)) || !kind_valid(entry->kind) ||
        !cJSON_IsBool(namespaced) || !text_field(json, "epoch", epoch, sizeof(epoch)) ||
        strspn(epoch, "0123456789abcdef") != 16)
        return false;
    entry->namespaced = cJSON_IsTrue(namespaced);
    names_parse(json, &entry->names);
    return sscanf(epoch, "%16" SCNx64 "%n", &entry->epoch, &end) == 1 && end == 16;
}

static int by_gvr(const void *a, const void *b)
{
    const struct gvr *one = &(*(const struct catalog_entry *const *)a)->gvr;
    const struct gvr *other = &(*(const struct catalog_entry *const *)b)->gvr;
    int order = strcmp(one->resource, other->resource);
    if (order == 0)
        order = strcmp(one->group, other->group);
    return order ? order : strcmp(one->version, other->version);
}

/* A stream that is there twice would have two epochs. */
static bool each_once(const struct catalog_entry *entries, size_t count)
{
    cleanup_free const struct catalog_entry **sorted = mem_alloc(sizeof(*sorted) * (count + 1));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &entries[i];
    qsort(sorted, count, sizeof(*sorted), by_gvr);
    for (size_t i = 1; i < count; i++)
        if (by_gvr(&sorted[i - 1], &sorted[i]) == 0)
            return false;
    return true;
}

int catalog_parse(struct slice body, bool *complete, struct catalog_entry **entries, size_t *count)
{
    cleanup_tree cJSON *json = body_parse(body);
    const cJSON *streams = cJSON_GetObjectItemCaseSensitive(json, "streams");
    size_t size = cJSON_IsArray(streams) ? (size_t)cJSON_GetArraySize(streams) : CATALOG_STREAMS_MAX + 1;
    if (size > CATALOG_STREAMS_MAX)
        return CATALOG_E_MALFORMED;
    cleanup_free struct catalog_entry *list = mem_zalloc(sizeof(*list) * (size + 1));
    size_t n = 0;
    *complete = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "complete"));
    for (const cJSON *item = streams->child; item; item = item->next)
        if (!entry_parse(item, &list[n++]))
            return CATALOG_E_MALFORMED;
    if (!each_once(list, n))
        return CATALOG_E_MALFORMED;
    *entries = mem_steal(list);
    *count = n;
    return 0;
}

uint64_t catalog_hash(struct slice body)
{
    return key_hash(body.data ? body.data : "", body.len);
}

/* ---- heartbeat ---- */

void heartbeat_format(struct buf *out, const struct heartbeat_entry *entries, size_t count)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < count; i++)
        buf_appendf(out, "%s[%" PRIu64 ",%" PRId64 ",%d,%" PRId64 ",\"%s\"]", i ? "," : "",
                    entries[i].sequence, entries[i].age_s, (int)entries[i].state, entries[i].lease_s,
                    entries[i].version);
    buf_append_char(out, ']');
}

bool catalog_version_valid(const char *version)
{
    size_t len = strspn(version, VERSION_CHARACTERS);
    return version[len] == '\0' && len < sizeof(((struct heartbeat_entry *)0)->version);
}

/* The two that came later: a writer may not know them. */
static bool beat_parse_more(const cJSON *json, struct heartbeat_entry *entry)
{
    const cJSON *lease = cJSON_GetArrayItem(json, 3);
    const char *version = cJSON_GetStringValue(cJSON_GetArrayItem(json, 4));
    entry->lease_s = -1;
    if (version && catalog_version_valid(version))
        strcpy(entry->version, version);
    return !lease || number_of(lease, &entry->lease_s);
}

static bool beat_parse(const cJSON *json, struct heartbeat_entry *entry)
{
    int64_t sequence = -1, state = -1;
    if (cJSON_GetArraySize(json) < 3 || !number_of(cJSON_GetArrayItem(json, 0), &sequence) ||
        !number_of(cJSON_GetArrayItem(json, 1), &entry->age_s) ||
        !number_of(cJSON_GetArrayItem(json, 2), &state) || sequence < 0 || state < 0 ||
        state > STREAM_STARTING || !beat_parse_more(json, entry))
        return false;
    entry->sequence = (uint64_t)sequence;
    entry->state = (enum stream_state)state;
    return true;
}

int heartbeat_parse(struct slice body, struct heartbeat_entry **entries, size_t *count)
{
    cleanup_tree cJSON *json = body_parse(body);
    size_t size = cJSON_IsArray(json) ? (size_t)cJSON_GetArraySize(json) : CATALOG_STREAMS_MAX + 1;
    if (size > CATALOG_STREAMS_MAX)
        return CATALOG_E_MALFORMED;
    cleanup_free struct heartbeat_entry *list = mem_zalloc(sizeof(*list) * (size + 1));
    size_t n = 0;
    for (const cJSON *item = json->child; item; item = item->next)
        if (!beat_parse(item, &list[n++]))
            return CATALOG_E_MALFORMED;
    *entries = mem_steal(list);
    *count = n;
    return 0;
}
