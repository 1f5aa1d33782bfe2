/*
 * One pass over the text finds the identity (top-level kind and apiVersion, and in metadata the name,
 * namespace, uid, resourceVersion, labels, annotations) and the spans to cut; the object is then built by
 * copying the runs between the cuts. Positions that were found before cutting are moved by what was cut in
 * front of them.
 *
 * Half the cost of a change would be to scan a spec that has not changed. Metadata comes first, so that the
 * key is known by then, and with it the object as it was: its longest part, which was found to be JSON then,
 * is JSON still where the same bytes stand here.
 *
 * The digest is XXH3-128 of key NUL uid NUL bytes, which stand in this order in the body, so it needs no
 * gathering.
 */
#include "base/object_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/xxh3.h"

#define CUT_SPANS_MAX 64
#define RULES_CUT_MAX 32

struct scan {
    const char *start, *end;
    struct object_meta *meta;
    const struct object_rules *rules; /* may be NULL */
    struct slice bulk;                /* as in struct layout */
    struct slice known_bulk;          /* that of the object as it is known */
    bool known_asked;
    struct slice cuts[CUT_SPANS_MAX];
    size_t cut_count;
    bool too_many;
};

/* ---- digest ---- */

void digest_add(struct digest *sum, struct digest value)
{
    sum->low += value.low;
    sum->high += value.high + (sum->low < value.low);
}

void digest_sub(struct digest *sum, struct digest value)
{
    sum->high -= value.high + (sum->low < value.low);
    sum->low -= value.low;
}

bool digest_equal(struct digest a, struct digest b)
{
    return a.low == b.low && a.high == b.high;
}

uint64_t key_hash(const char *key, size_t len)
{
    return XXH3_64bits(key, len);
}

/* ---- parts ---- */

static char *put(char *out, const char *data, size_t len)
{
    if (len)
        memcpy(out, data, len);
    return out + len;
}

static size_t key_length(const struct object_meta *meta)
{
    return meta->namespace_.len ? meta->namespace_.len + 1 + meta->name.len : meta->name.len;
}

static char *put_key(char *out, const struct object_meta *meta)
{
    out = put(out, meta->namespace_.data, meta->namespace_.len);
    if (meta->namespace_.len)
        out = put(out, "/", 1);
    return put(out, meta->name.data, meta->name.len);
}

static const char *bytes_of(const struct object *object, const struct body *body)
{
    return body->text + object->key_len + body->layout.uid_len + 2;
}

/* ---- the scan ---- */

/* Those of the rules in `mask` whose name at this level is `name`; *whole gets those that end here. */
static uint32_t cut_match(const struct object_rules *rules, uint32_t mask, size_t level, struct slice name,
                          uint32_t *whole)
{
    uint32_t match = 0;
    *whole = 0;
    for (size_t i = 0; mask && i < rules->cut_count; i++) {
        const struct field_path *path = &rules->cut[i];
        if (!(mask >> i & 1) || !slice_equal(name, path->names[level]))
            continue;
        *(path->count == level + 1 ? whole : &match) |= UINT32_C(1) << i;
    }
    return match;
}

static void cut_add(struct scan *scan, const char *from, const char *to)
{
    if (scan->cut_count == CUT_SPANS_MAX)
        scan->too_many = true;
    else
        scan->cuts[scan->cut_count++] = (struct slice){from, (size_t)(to - from)};
}

#define FIELD(name, member, in_metadata, is_string)                                                          \
    {                                                                                                        \
        name, sizeof(name) - 1, offsetof(struct object_meta, member), in_metadata, is_string                 \
    }

static void meta_take(struct object_meta *meta, size_t level, bool in_metadata, struct slice name,
                      struct slice value)
{
    static const struct {
        const char *name;
        size_t len, offset;
        bool in_metadata, is_string;
    } fields[] = {
        FIELD("kind", kind, false, true),     FIELD("apiVersion", api_version, false, true),
        FIELD("name", name, true, true),      FIELD("namespace", namespace_, true, true),
        FIELD("uid", uid, true, true),        FIELD("resourceVersion", resource_version, true, true),
        FIELD("labels", labels, true, false), FIELD("annotations", annotations, true, false),
    };
    if (level > 1 || (level == 1 && !in_metadata))
        return;
    for (size_t i = 0; i < array_size(fields); i++)
        if (fields[i].len == name.len && fields[i].in_metadata == in_metadata &&
            memcmp(fields[i].name, name.data, name.len) == 0 &&
            value.data[0] == (fields[i].is_string ? '"' : '{'))
            *(struct slice *)((char *)meta + fields[i].offset) =
                fields[i].is_string ? json_unquote(value) : value;
}

/* One that is packed would have to be unpacked, which costs as much as to scan. */
static struct slice known_bulk(struct scan *scan)
{
    const struct object_rules *rules = scan->rules;
    char key[OBJECT_KEY_MAX];
    if (scan->known_asked || !rules || !rules->known || !scan->meta->name.len ||
        key_length(scan->meta) >= sizeof(key))
        return scan->known_bulk;
    scan->known_asked = true;
    *put_key(key, scan->meta) = '\0';
    const struct object *known = rules->known(rules->known_arg, key);
    if (known && !known->is_packed)
        scan->known_bulk = (struct slice){bytes_of(known, known->body) + known->body->layout.bulk_at,
                                          known->body->layout.bulk_len};
    return scan->known_bulk;
}

/* at: the opening brace of a top-level member's value */
static const char *skip_part(struct scan *scan, const char *at)
{
    struct slice known = known_bulk(scan);
    bool same = known.len && (size_t)(scan->end - at) >= known.len && memcmp(at, known.data, known.len) == 0;
    const char *end = same ? at + known.len : json_skip_value(at, scan->end, 1);
    if (end && (size_t)(end - at) > scan->bulk.len)
        scan->bulk = (struct slice){at, (size_t)(end - at)};
    return end;
}

static const char *scan_members(struct scan *scan, const char *at, size_t level, bool in_metadata,
                                uint32_t mask);

/* One member, from its name on; gives the position behind its value. *cut: it is to go whole. */
static const char *scan_member(struct scan *scan, const char *at, size_t level, bool in_metadata,
                               uint32_t mask, bool *cut)
{
    struct slice name;
    at = json_member_name(at, scan->end, &name);
    if (!at || at >= scan->end)
        return NULL;

    uint32_t whole;
    uint32_t deeper = cut_match(scan->rules, mask, level, name, &whole);
    bool is_metadata = level == 0 && slice_equal(name, "metadata");
    const char *value = at;
    *cut = whole != 0;
    if (*at == '{' && !*cut && (deeper || is_metadata))
        at = scan_members(scan, at, level + 1, is_metadata, deeper);
    else if (*at == '{' && !*cut && level == 0)
        at = skip_part(scan, at);
    else
        at = json_skip_value(at, scan->end, (int)level + 1);
    if (at)
        meta_take(scan->meta, level, in_metadata, name, (struct slice){value, (size_t)(at - value)});
    return at;
}

/*
 * at: the opening brace. A member that goes takes the comma in front of it along if some member before it
 * stays, else the one behind it; so what stays is JSON whatever goes.
 */
static const char *scan_members(struct scan *scan, const char *at, size_t level, bool in_metadata,
                                uint32_t mask)
{
    const char *last_end = NULL; /* of the member before, once one has stayed */
    bool kept = false;
    if (level >= JSON_DEPTH_MAX)
        return NULL;
    at = json_skip_space(at + 1, scan->end);
    if (at < scan->end && *at == '}')
        return at + 1;
    for (;;) {
        const char *start = at;
        bool cut = false;
        at = scan_member(scan, at, level, in_metadata, mask, &cut);
        if (!at)
            return NULL;
        const char *value_end = at;
        at = json_skip_space(at, scan->end);
        if (at >= scan->end || (*at != ',' && *at != '}'))
            return NULL;
        bool last = *at == '}';
        at = last ? at : json_skip_space(at + 1, scan->end);
        if (cut)
            cut_add(scan, kept ? last_end : start, kept || last ? value_end : at);
        kept = kept || !cut;
        last_end = value_end;
        if (last)
            return at + 1;
    }
}

static int scan_run(struct scan *scan)
{
    uint32_t mask = scan->rules && scan->rules->cut_count ? UINT32_MAX >> (32 - scan->rules->cut_count) : 0;
    memset(scan->meta, 0, sizeof(*scan->meta));
    const char *at = json_skip_space(scan->start, scan->end);
    if (at >= scan->end || *at != '{')
        return OBJECT_E_SYNTAX;
    scan->start = at;
    at = scan_members(scan, at, 0, false, mask);
    if (!at || json_skip_space(at, scan->end) != scan->end)
        return OBJECT_E_SYNTAX;
    scan->end = at;
    return scan->too_many ? OBJECT_E_SHAPE : 0;
}

int object_scan(const char *json, size_t len, struct object_meta *meta)
{
    struct scan scan = {.start = json, .end = json + len, .meta = meta};
    return scan_run(&scan);
}

/* ---- rules ---- */

static void field_path_deinit(struct field_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        free(path->names[i]);
    free(path->names);
}

static void field_path_add(struct field_path *path, const char *name, size_t len)
{
    path->names = mem_realloc(path->names, (path->count + 1) * sizeof(*path->names));
    path->names[path->count++] = mem_dup(name, len);
}

/* One step of a path: .name or ['name']. Gives the position behind it, NULL where it does not parse. */
static const char *field_path_step(struct field_path *path, const char *at)
{
    if (*at == '[') {
        char quote = at[1];
        const char *end = quote == '\'' || quote == '"' ? strchr(at + 2, quote) : NULL;
        if (!end || end == at + 2 || end[1] != ']')
            return NULL;
        field_path_add(path, at + 2, (size_t)(end - at - 2));
        return end + 2;
    }
    if (*at == '.')
        at++;
    size_t len = strcspn(at, ".[");
    if (len == 0)
        return NULL;
    field_path_add(path, at, len);
    return at + len;
}

int object_rules_cut(struct object_rules *rules, const char *text)
{
    struct field_path path = {0};
    const char *at = text;
    while (at && *at)
        at = field_path_step(&path, at);
    bool identity =
        path.count == 1 && (strcmp(path.names[0], "metadata") == 0 || strcmp(path.names[0], "kind") == 0 ||
                            strcmp(path.names[0], "apiVersion") == 0);
    identity =
        identity || (path.count == 2 && strcmp(path.names[0], "metadata") == 0 &&
                     (strcmp(path.names[1], "name") == 0 || strcmp(path.names[1], "namespace") == 0 ||
                      strcmp(path.names[1], "uid") == 0 || strcmp(path.names[1], "resourceVersion") == 0));
    if (!at || path.count == 0 || identity || rules->cut_count == RULES_CUT_MAX) {
        field_path_deinit(&path);
        return 1;
    }
    rules->cut = mem_realloc(rules->cut, (rules->cut_count + 1) * sizeof(*rules->cut));
    rules->cut[rules->cut_count++] = path;
    return 0;
}

void object_rules_deinit(struct object_rules *rules)
{
    free(rules->kind);
    free(rules->api_version);
    for (size_t i = 0; i < rules->cut_count; i++)
        field_path_deinit(&rules->cut[i]);
    free(rules->cut);
    *rules = (struct object_rules){0};
}

/* ---- building ---- */

/* How far from the start of the kept text a position is, `lead` bytes having been put in front. */
static uint32_t position_after_cuts(const struct scan *scan, const char *position, size_t lead)
{
    size_t gone = 0;
    for (size_t i = 0; i < scan->cut_count && scan->cuts[i].data < position; i++) {
        size_t before = (size_t)(position - scan->cuts[i].data);
        gone += before < scan->cuts[i].len ? before : scan->cuts[i].len;
    }
    return (uint32_t)((size_t)(position - scan->start) - gone + lead);
}

static void slice_place(const struct scan *scan, struct slice slice, size_t lead, uint32_t *at, uint32_t *len)
{
    if (!slice.data)
        return;
    *at = position_after_cuts(scan, slice.data, lead);
    *len = position_after_cuts(scan, slice.data + slice.len, lead) - *at;
}

/* Copies what stays, from behind the opening brace on. Gives the end of the copy. */
static char *copy_kept(const struct scan *scan, char *out)
{
    const char *at = scan->start + 1;
    for (size_t i = 0; i < scan->cut_count; i++) {
        size_t run = (size_t)(scan->cuts[i].data - at);
        memcpy(out, at, run);
        out += run;
        at = scan->cuts[i].data + scan->cuts[i].len;
    }
    memcpy(out, at, (size_t)(scan->end - at));
    return out + (scan->end - at);
}

static size_t cut_length(const struct scan *scan)
{
    size_t total = 0;
    for (size_t i = 0; i < scan->cut_count; i++)
        total += scan->cuts[i].len;
    return total;
}

static char *put_member(char *out, const char *name, const char *value)
{
    out = put(out, "\"", 1);
    out = put(out, name, strlen(name));
    out = put(out, "\":\"", 3);
    out = put(out, value, strlen(value));
    return put(out, "\",", 2);
}

/* `"kind":"…","apiVersion":"…",` as far as the text lacks them. Gives the length; out may be NULL to measure.
 */
static size_t type_meta(const struct scan *scan, char *out)
{
    const struct object_rules *rules = scan->rules;
    const char *kind = rules && !scan->meta->kind.data ? rules->kind : NULL;
    const char *version = rules && !scan->meta->api_version.data ? rules->api_version : NULL;
    size_t len = (kind ? strlen(kind) + 10 : 0) + (version ? strlen(version) + 16 : 0);
    if (!out)
        return len;
    if (kind)
        out = put_member(out, "kind", kind);
    if (version)
        put_member(out, "apiVersion", version);
    return len;
}

/* Gives the end of the bytes. */
static char *put_text(struct body *body, const struct scan *scan)
{
    const struct object_meta *meta = scan->meta;
    char *out = put_key(body->text, meta);
    out = put(out, "", 1);
    out = put(out, meta->uid.data, meta->uid.len);
    out = put(out, "", 1);
    out = put(out, "{", 1);
    out += type_meta(scan, out);
    out = copy_kept(scan, out);
    *out = '\0';
    return out;
}

static struct layout layout_of(const struct scan *scan, size_t lead)
{
    const struct object_meta *meta = scan->meta;
    struct layout layout = {.uid_len = (uint32_t)meta->uid.len};
    slice_place(scan, meta->resource_version, lead, &layout.version_at, &layout.version_len);
    slice_place(scan, meta->labels, lead, &layout.labels_at, &layout.labels_len);
    slice_place(scan, meta->annotations, lead, &layout.annotations_at, &layout.annotations_len);
    slice_place(scan, scan->bulk, lead, &layout.bulk_at, &layout.bulk_len);
    return layout;
}

static struct object *object_build(const struct scan *scan, struct shelf *shelf)
{
    const struct object_meta *meta = scan->meta;
    size_t key_len = key_length(meta), lead = type_meta(scan, NULL);
    size_t text_len =
        key_len + 1 + meta->uid.len + 1 + lead + (size_t)(scan->end - scan->start) - cut_length(scan);
    struct object *object = shelf_alloc(shelf, object_head_size(key_len));
    struct body *body = mem_alloc(offsetof(struct body, text) + text_len + 1);
    *body = (struct body){.object = object, .layout = layout_of(scan, lead)};
    put_text(body, scan);
    XXH128_hash_t hash = XXH3_128bits(body->text, text_len);
    *object = (struct object){.refs = 1,
                              .text_len = (uint32_t)text_len,
                              .key_hash = key_hash(body->text, key_len),
                              .digest = {.low = hash.low64, .high = hash.high64},
                              .body = body,
                              .key_len = (uint16_t)key_len,
                              .name_len = (uint16_t)meta->name.len};
    memcpy(object->key, body->text, key_len + 1);
    return object;
}

int object_create(const char *json, size_t len, const struct object_rules *rules, struct object **out)
{
    struct object_meta meta;
    struct scan scan = {.start = json, .end = json + len, .meta = &meta, .rules = rules};
    struct shelf *shelf = rules ? rules->shelf : NULL;
    if (len > UINT32_MAX / 2)
        return OBJECT_E_SHAPE;
    int r = scan_run(&scan);
    if (r != 0)
        return r;
    if (meta.name.len == 0 || key_length(&meta) >= OBJECT_KEY_MAX || meta.uid.len > 255)
        return OBJECT_E_SHAPE;
    *out = object_build(&scan, shelf);
    if (shelf)
        shelf_add(shelf, *out);
    return 0;
}

/* ---- access ---- */

struct object *object_ref(struct object *object)
{
    object->refs++;
    return object;
}

void object_unref(struct object *object)
{
    if (object && --object->refs == 0)
        shelf_free(object);
}

void object_unrefp(struct object **object)
{
    object_unref(*object);
}

/* To the outside an object is constant: what changes here is how its bytes are held. */
static const struct body *body_of(const struct object *constant)
{
    struct object *object = (struct object *)constant;
    if (object->is_packed)
        shelf_unpack(object);
    object->body->touched = true;
    return object->body;
}

static struct slice part(const struct object *object, const struct body *body, uint32_t at, uint32_t len)
{
    return (struct slice){len ? bytes_of(object, body) + at : NULL, len};
}

const char *object_key(const struct object *object)
{
    return object->key;
}

uint64_t object_key_hash(const struct object *object)
{
    return object->key_hash;
}

struct slice object_bytes(const struct object *object)
{
    const struct body *body = body_of(object);
    const char *bytes = bytes_of(object, body);
    return (struct slice){bytes, (size_t)(body->text + object->text_len - bytes)};
}

size_t object_size(const struct object *object)
{
    return object->text_len;
}

struct slice object_name(const struct object *object)
{
    return (struct slice){object->key + object->key_len - object->name_len, object->name_len};
}

struct slice object_namespace(const struct object *object)
{
    size_t len = object->key_len - object->name_len;
    return (struct slice){len ? object->key : NULL, len ? len - 1 : 0};
}

struct slice object_uid(const struct object *object)
{
    const struct body *body = body_of(object);
    return (struct slice){body->text + object->key_len + 1, body->layout.uid_len};
}

struct slice object_resource_version(const struct object *object)
{
    const struct body *body = body_of(object);
    return part(object, body, body->layout.version_at, body->layout.version_len);
}

struct slice object_labels(const struct object *object)
{
    const struct body *body = body_of(object);
    return part(object, body, body->layout.labels_at, body->layout.labels_len);
}

struct slice object_annotations(const struct object *object)
{
    const struct body *body = body_of(object);
    return part(object, body, body->layout.annotations_at, body->layout.annotations_len);
}

struct shelf *object_shelf(const struct object *object)
{
    return object->is_packed ? object->packed->shelf : object->body->shelf;
}

struct digest object_digest(const struct object *object)
{
    return object->digest;
}

bool object_equal(const struct object *a, const struct object *b)
{
    return a == b || digest_equal(a->digest, b->digest);
}
