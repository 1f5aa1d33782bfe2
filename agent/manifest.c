#include "agent/manifest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/gvr.h"
#include "base/mem.h"

#define ADDED_MAX                                                                                            \
    (3 * OBJECT_KEY_MAX + 1024) /* what a manifest has more than its source: keys, store id, names */
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static bool starts_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

bool manifest_wanted(const struct manifest_rules *rules, const struct object *source)
{
    if (rules->source_namespace && !slice_equal(object_namespace(source), rules->source_namespace))
        return false;
    return rules->all || json_member(object_labels(source), MANIFEST_SELECTED).data;
}

int manifest_target(const struct manifest_rules *rules, const struct object *source, char *out)
{
    struct slice name = object_name(source);
    if (object_namespace(source).len == 0) {
        snprintf(out, OBJECT_KEY_MAX, "%.*s", SLICE_ARGS(name));
        return 0;
    }
    struct slice label = json_member(object_labels(source), MANIFEST_TARGET_NAMESPACE);
    cleanup_free char *space =
        label.len ? mem_dup(label.data, label.len) : mem_strdup(rules->default_namespace);
    snprintf(out, OBJECT_KEY_MAX, "%s/%.*s", space, SLICE_ARGS(name));
    return dns_label_valid(space) ? 0 : 1;
}

bool manifest_store_id_valid(const char *store_id)
{
    size_t len = store_id ? strlen(store_id) : 0;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)store_id[i]) && !strchr("-_.", store_id[i]))
            return false;
    return len > 0 && len <= 128;
}

/* Building */

static bool label_goes_down(struct slice name)
{
    return !starts_with(name, MANIFEST_PREFIX);
}

static bool annotation_goes_down(struct slice name)
{
    static const char *const stay[] = {MANIFEST_PREFIX, "kubectl.kubernetes.io/last-applied-configuration",
                                       "deployment.kubernetes.io/", "cluster.available.replicas/"};
    for (size_t i = 0; i < array_size(stay); i++)
        if (starts_with(name, stay[i]))
            return false;
    return true;
}

static void append_slice(struct buf *out, struct slice slice)
{
    buf_append(out, slice.data, slice.len);
}

/* "name":value, */
static void append_member(struct buf *out, struct slice name, struct slice value)
{
    buf_append_char(out, '"');
    append_slice(out, name);
    buf_append_str(out, "\":");
    append_slice(out, value);
    buf_append_char(out, ',');
}

static void append_map(struct buf *out, struct slice map, bool (*goes_down)(struct slice name))
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (map.data && json_next_member(map, &cursor, &name, &value))
        if (goes_down(name))
            append_member(out, name, value);
}

static void append_metadata(struct buf *out, const struct object *source, const char *target_key,
                            const char *store_id, bool generated)
{
    const char *slash = strchr(target_key, '/');
    buf_append_str(out, "\"metadata\":{\"name\":\"");
    append_slice(out, object_name(source));
    if (slash)
        buf_appendf(out, "\",\"namespace\":\"%.*s", (int)(slash - target_key), target_key);
    buf_append_str(out, "\",\"labels\":{");
    append_map(out, object_labels(source), label_goes_down);
    buf_append_str(out, "\"" MANIFEST_MANAGED_BY "\":\"" MANIFEST_MANAGER "\"},\"annotations\":{");
    append_map(out, object_annotations(source), annotation_goes_down);
    buf_appendf(out,
                "\"" MANIFEST_SOURCE "\":\"%s\",\"" MANIFEST_TARGET "\":\"%s\",\"" MANIFEST_STORE "\":\"%s\"",
                object_key(source), target_key, store_id);
    if (generated)
        buf_appendf(out, ",\"" MANIFEST_GENERATION "\":\"%.*s\"",
                    SLICE_ARGS(object_resource_version(source)));
    buf_append_str(out, "}}");
}

int manifest_build(const struct object *source, const char *target_key, const char *store_id, bool generated,
                   struct buf *out)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    buf_clear(out);
    if (buf_reserve(out, object_bytes(source).len + ADDED_MAX) != 0)
        return BUF_E_LIMIT;
    buf_append_char(out, '{');
    while (json_next_member(object_bytes(source), &cursor, &name, &value))
        if (!slice_equal(name, "metadata") && !slice_equal(name, "status"))
            append_member(out, name, value);
    append_metadata(out, source, target_key, store_id, generated);
    return buf_append_char(out, '}');
}

bool manifest_same(const struct manifest_rules *rules, const struct object *a, const struct object *b)
{
    char key[OBJECT_KEY_MAX], other[OBJECT_KEY_MAX];
    if (manifest_target(rules, a, key) != manifest_target(rules, b, other) || strcmp(key, other) != 0)
        return false;
    struct buf one = BUF_INIT(SIZE_MAX / 4), two = BUF_INIT(SIZE_MAX / 4);
    manifest_build(a, key, "", false, &one);
    manifest_build(b, key, "", false, &two);
    bool same = one.len == two.len && memcmp(one.data, two.data, one.len) == 0;
    buf_deinit(&one);
    buf_deinit(&two);
    return same;
}

/* Reading */

struct manifest_owner manifest_owner(struct slice object)
{
    struct slice metadata = json_member(object, "metadata");
    struct slice annotations = json_member(metadata, "annotations");
    return (struct manifest_owner){
        .managed =
            slice_equal(json_member(json_member(metadata, "labels"), MANIFEST_MANAGED_BY), MANIFEST_MANAGER),
        .source = json_member(annotations, MANIFEST_SOURCE),
        .target = json_member(annotations, MANIFEST_TARGET),
        .store = json_member(annotations, MANIFEST_STORE),
        .generation = json_member(annotations, MANIFEST_GENERATION),
    };
}

static void mix(uint64_t *hash, struct slice text)
{
    *hash = (*hash + (text.data ? key_hash(text.data, text.len) : 1)) * HASH_FACTOR;
}

static void mix_map(uint64_t *hash, struct slice map, struct slice wanted)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (wanted.data && json_next_member(wanted, &cursor, &name, &value)) {
        if (slice_equal(name, MANIFEST_GENERATION))
            continue;
        cleanup_free char *text = mem_dup(name.data, name.len);
        mix(hash, name);
        mix(hash, json_member(map, text));
    }
}

static bool fingerprinted(struct slice name)
{
    return !slice_equal(name, "metadata") && !slice_equal(name, "status") && !slice_equal(name, "kind") &&
           !slice_equal(name, "apiVersion");
}

uint64_t manifest_fingerprint(struct slice object, struct slice manifest)
{
    uint64_t hash = 0;
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (json_next_member(object, &cursor, &name, &value))
        if (fingerprinted(name)) {
            mix(&hash, name);
            mix(&hash, value);
        }
    struct slice metadata = json_member(object, "metadata"), wanted = json_member(manifest, "metadata");
    mix_map(&hash, json_member(metadata, "labels"), json_member(wanted, "labels"));
    mix_map(&hash, json_member(metadata, "annotations"), json_member(wanted, "annotations"));
    return hash;
}
