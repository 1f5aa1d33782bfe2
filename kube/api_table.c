#include "kube/api_table.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "kube/api_table_internal.h"

#define NAMES_LIMIT ((size_t)16 << 20)
#define ENTRIES_MAX ((size_t)100000)
#define FAILURES_LIMIT 400

void api_table_init(struct api_table *table)
{
    *table = (struct api_table){.names = BUF_INIT(NAMES_LIMIT), .failures = BUF_INIT(FAILURES_LIMIT)};
}

void api_table_deinit(struct api_table *table)
{
    free(table->entries);
    buf_deinit(&table->names);
    buf_deinit(&table->failures);
    api_table_init(table);
}

static const struct {
    const char *name;
    enum api_verb verb;
} verb_names[] = {
    {"get", API_VERB_GET},       {"list", API_VERB_LIST},     {"watch", API_VERB_WATCH},
    {"create", API_VERB_CREATE}, {"update", API_VERB_UPDATE}, {"patch", API_VERB_PATCH},
    {"delete", API_VERB_DELETE},
};

static unsigned verbs_of(struct slice array)
{
    struct json_cursor cursor = {0};
    struct slice value;
    unsigned verbs = 0;
    while (json_next_element(array, &cursor, &value))
        for (size_t i = 0; i < array_size(verb_names); i++)
            if (slice_equal(json_unquote(value), verb_names[i].name))
                verbs |= verb_names[i].verb;
    return verbs;
}

bool api_verbs_have(struct slice verbs, enum api_verb verb)
{
    return verbs_of(verbs) & verb;
}

static const char *const subresource_names[] = {"scale", "status"};

unsigned api_subresource_of(struct slice name)
{
    for (unsigned i = 0; i < array_size(subresource_names); i++)
        if (slice_equal(name, subresource_names[i]))
            return 1U << i;
    return 0;
}

/* The text's place among the names. An escape in it is an error of the server's, and never matches what
 * people write. */
static uint32_t add_name(struct api_table *table, struct slice text)
{
    size_t at = table->names.len;
    if (buf_reserve(&table->names, text.len + 1) != 0)
        return 0;
    buf_append(&table->names, text.data ? text.data : "", text.len);
    buf_append_char(&table->names, '\0');
    return (uint32_t)at;
}

/* Names repeat from one entry to the next: a group, a version. */
static uint32_t add_name_again(struct api_table *table, struct slice text, uint32_t last)
{
    if (table->count && slice_equal(text, api_text(table, last)))
        return last;
    return add_name(table, text);
}

static uint32_t add_list(struct api_table *table, struct slice array)
{
    struct json_cursor cursor = {0};
    struct slice value;
    size_t at = table->names.len;
    while (json_next_element(array, &cursor, &value))
        if (json_unquote(value).len)
            add_name(table, json_unquote(value));
    add_name(table, (struct slice){0});
    return (uint32_t)at;
}

/* Old servers tell no singular: it is then the kind in lower case. */
static uint32_t add_singular(struct api_table *table, const struct api_offer *offer)
{
    uint32_t at = add_name(table, offer->singular.len ? offer->singular : offer->kind);
    for (char *c = table->names.data + at; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return at;
}

static bool offer_valid(const struct api_offer *offer)
{
    struct gvr gvr;
    cleanup_free char *group = mem_dup(offer->group.data ? offer->group.data : "", offer->group.len);
    cleanup_free char *version = mem_dup(offer->version.data ? offer->version.data : "", offer->version.len);
    cleanup_free char *resource =
        mem_dup(offer->resource.data ? offer->resource.data : "", offer->resource.len);
    cleanup_free char *kind = mem_dup(offer->kind.data ? offer->kind.data : "", offer->kind.len);
    return gvr_set(&gvr, group, version, resource) == 0 && kind_valid(kind);
}

static bool same_gvr(const struct api_table *table, const struct api_entry *entry, struct slice group,
                     struct slice version, struct slice resource)
{
    return slice_equal(resource, api_text(table, entry->resource)) &&
           slice_equal(version, api_text(table, entry->version)) &&
           slice_equal(group, api_text(table, entry->group));
}

static bool has_entry(const struct api_table *table, const struct api_offer *offer)
{
    for (size_t i = table->count; i-- > 0;) {
        const struct api_entry *entry = &table->entries[i];
        if (same_gvr(table, entry, offer->group, offer->version, offer->resource))
            return true;
        if (!slice_equal(offer->version, api_text(table, entry->version)) ||
            !slice_equal(offer->group, api_text(table, entry->group)))
            return false; /* a group version's resources come together */
    }
    return false;
}

static struct api_entry *grow(struct api_table *table)
{
    if (table->count == table->room) {
        table->room = table->room ? table->room * 2 : 64;
        table->entries = mem_realloc(table->entries, table->room * sizeof(*table->entries));
    }
    return &table->entries[table->count];
}

void api_table_add(struct api_table *table, const struct api_offer *offer)
{
    size_t bytes = offer->group.len + offer->version.len + offer->resource.len + offer->kind.len * 2 +
                   offer->singular.len + offer->short_names.len + offer->categories.len + 16;
    if (!offer_valid(offer) || has_entry(table, offer) || table->count >= ENTRIES_MAX ||
        buf_reserve(&table->names, bytes) != 0)
        return;
    const struct api_entry *last = table->count ? &table->entries[table->count - 1] : NULL;
    struct api_entry entry = {
        .group = add_name_again(table, offer->group, last ? last->group : 0),
        .version = add_name_again(table, offer->version, last ? last->version : 0),
        .resource = add_name(table, offer->resource),
        .singular = add_singular(table, offer),
        .kind = add_name(table, offer->kind),
        .short_names = add_list(table, offer->short_names),
        .categories = add_list(table, offer->categories),
        .verbs = (uint16_t)verbs_of(offer->verbs),
        .subresources = (uint8_t)offer->subresources,
        .namespaced = offer->namespaced,
    };
    *grow(table) = entry;
    table->count++;
}

void api_table_add_subresource(struct api_table *table, struct slice resource, unsigned subresource)
{
    struct api_entry *last = table->count ? &table->entries[table->count - 1] : NULL;
    if (last && slice_equal(resource, api_text(table, last->resource)))
        last->subresources |= (uint8_t)subresource;
}

static struct slice text_slice(const char *text)
{
    return (struct slice){text, strlen(text)};
}

/* As a JSON array. */
static void print_list(const struct api_table *table, uint32_t list, struct buf *out)
{
    buf_append_char(out, '[');
    for (const char *name = api_text(table, list); *name; name += strlen(name) + 1)
        buf_appendf(out, "%s\"%s\"", out->len > 1 ? "," : "", name);
    buf_append_char(out, ']');
}

/* An entry of another table, with everything that belongs to it. */
static void take_over(struct api_table *table, const struct api_table *old, const struct api_entry *from)
{
    struct api_offer offer = {
        .group = text_slice(api_text(old, from->group)),
        .version = text_slice(api_text(old, from->version)),
        .resource = text_slice(api_text(old, from->resource)),
        .singular = text_slice(api_text(old, from->singular)),
        .kind = text_slice(api_text(old, from->kind)),
        .subresources = from->subresources,
        .namespaced = from->namespaced,
    };
    struct buf short_names = BUF_INIT(NAMES_LIMIT), categories = BUF_INIT(NAMES_LIMIT);
    print_list(old, from->short_names, &short_names);
    print_list(old, from->categories, &categories);
    offer.short_names = (struct slice){short_names.data, short_names.len};
    offer.categories = (struct slice){categories.data, categories.len};

    size_t count = table->count;
    api_table_add(table, &offer);
    if (table->count > count)
        table->entries[count].verbs = from->verbs;
    buf_deinit(&short_names);
    buf_deinit(&categories);
}

void api_table_add_failure(struct api_table *table, const char *group, const char *version,
                           const struct api_table *old)
{
    buf_appendf(&table->failures, "%s%s%s%s", table->failures.len ? ", " : "", group, group[0] ? "/" : "",
                version);
    for (size_t i = 0; old && i < old->count; i++) {
        const struct api_entry *entry = &old->entries[i];
        if (strcmp(api_text(old, entry->group), group) == 0 &&
            strcmp(api_text(old, entry->version), version) == 0)
            take_over(table, old, entry);
    }
}

static void fill_list(const struct api_table *table, uint32_t list, char out[NAMES_LIST_MAX])
{
    for (const char *name = api_text(table, list); *name; name += strlen(name) + 1)
        names_add(out, name);
}

static void fill(const struct api_table *table, const struct api_entry *entry, struct api_resource *out)
{
    const char *group = api_text(table, entry->group), *version = api_text(table, entry->version);
    memset(out, 0, sizeof(*out));
    gvr_set(&out->gvr, group, version, api_text(table, entry->resource)); /* was valid in offer_valid() */
    snprintf(out->kind, sizeof(out->kind), "%s", api_text(table, entry->kind));
    snprintf(out->api_version, sizeof(out->api_version), "%s%s%s", group, group[0] ? "/" : "", version);
    out->namespaced = entry->namespaced;
    out->verbs = entry->verbs;
    snprintf(out->names.singular, sizeof(out->names.singular), "%s", api_text(table, entry->singular));
    fill_list(table, entry->short_names, out->names.short_names);
    fill_list(table, entry->categories, out->names.categories);
    for (unsigned i = 0; i < array_size(subresource_names); i++)
        if (entry->subresources & 1U << i)
            names_add(out->names.subresources, subresource_names[i]);
}

/* A spelling, taken apart. */
struct query {
    char *name;    /* owned */
    char *version; /* owned; NULL: any */
    char *group;   /* owned; NULL: any */
    bool group_prefix;
};

static void query_deinit(struct query *query)
{
    free(query->name);
    free(query->version);
    free(query->group);
    *query = (struct query){0};
}

/* "name", "name.group"; or as "name.version.group" where with_version. False where it cannot be read so. */
static bool query_init(struct query *query, const char *spelling, bool with_version)
{
    const char *dot = strchr(spelling, '.');
    const char *second = dot ? strchr(dot + 1, '.') : NULL;
    *query = (struct query){0};
    if (with_version && !second)
        return false;
    query->name = mem_dup(spelling, dot ? (size_t)(dot - spelling) : strlen(spelling));
    if (with_version)
        query->version = mem_dup(dot + 1, (size_t)(second - dot - 1));
    if (dot)
        query->group = mem_strdup((with_version ? second : dot) + 1);
    return true;
}

enum match { MATCH_NAME, MATCH_SHORT, MATCH_KIND, MATCH_END };

static bool matches_name(const struct api_table *table, const struct api_entry *entry, enum match match,
                         const char *name)
{
    if (match == MATCH_NAME)
        return strcasecmp(name, api_text(table, entry->resource)) == 0 ||
               strcasecmp(name, api_text(table, entry->singular)) == 0;
    if (match == MATCH_KIND)
        return strcasecmp(name, api_text(table, entry->kind)) == 0;
    for (const char *short_name = api_text(table, entry->short_names); *short_name;
         short_name += strlen(short_name) + 1)
        if (strcasecmp(name, short_name) == 0)
            return true;
    return false;
}

static bool matches_group(const struct query *query, const char *group)
{
    if (!query->group)
        return true;
    if (query->group_prefix)
        return strncasecmp(group, query->group, strlen(query->group)) == 0;
    return strcasecmp(group, query->group) == 0;
}

static const struct api_entry *find(const struct api_table *table, const struct query *query)
{
    for (enum match match = MATCH_NAME; match < MATCH_END; match++)
        for (size_t i = 0; i < table->count; i++) {
            const struct api_entry *entry = &table->entries[i];
            if (matches_name(table, entry, match, query->name) &&
                matches_group(query, api_text(table, entry->group)) &&
                (!query->version || strcasecmp(query->version, api_text(table, entry->version)) == 0))
                return entry;
        }
    return NULL;
}

static const struct api_entry *find_spelling(const struct api_table *table, const char *spelling)
{
    const struct api_entry *entry = NULL;
    for (int attempt = 0; attempt < 3 && !entry; attempt++) {
        struct query query;
        if (!query_init(&query, spelling, attempt == 0))
            continue;
        query.group_prefix = attempt == 2 && query.group && query.group[0];
        entry = find(table, &query);
        query_deinit(&query);
    }
    return entry;
}

int api_table_resolve(const struct api_table *table, const char *spelling, struct api_resource *out,
                      struct error *err)
{
    const struct api_entry *entry = find_spelling(table, spelling);
    if (entry) {
        fill(table, entry, out);
        return 0;
    }
    if (table->failures.len) {
        error_set(err, EX_UNAVAILABLE, "no resource \"%.100s\" is known, but these groups did not answer: %s",
                  spelling, table->failures.data);
        return API_E_UNSURE;
    }
    error_set(err, EX_CONFIG, "the cluster has no resource \"%.100s\"", spelling);
    api_table_suggest(table, spelling, err);
    return API_E_UNKNOWN;
}

static bool mirrored(const struct api_table *table, const struct api_entry *entry)
{
    const char *group = api_text(table, entry->group), *resource = api_text(table, entry->resource);
    const unsigned both = API_VERB_LIST | API_VERB_WATCH;
    if ((entry->verbs & both) != both)
        return false;
    return !(strcmp(group, "") == 0 && strcmp(resource, "secrets") == 0) &&
           !(strcmp(group, "events.k8s.io") == 0 && strcmp(resource, "events") == 0);
}

/* Whether an earlier, thus preferred, version has the resource too, and is mirrored. A group's entries come
 * together. */
static bool has_preferred(const struct api_table *table, size_t at)
{
    const struct api_entry *entry = &table->entries[at];
    for (size_t i = at; i-- > 0;) {
        const struct api_entry *other = &table->entries[i];
        if (strcmp(api_text(table, other->group), api_text(table, entry->group)) != 0)
            return false;
        if (strcmp(api_text(table, other->resource), api_text(table, entry->resource)) == 0 &&
            mirrored(table, other))
            return true;
    }
    return false;
}

size_t api_table_each(const struct api_table *table,
                      void (*each)(void *arg, const struct api_resource *resource), void *arg)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!mirrored(table, &table->entries[i]) || has_preferred(table, i))
            continue;
        struct api_resource resource;
        fill(table, &table->entries[i], &resource);
        each(arg, &resource);
        count++;
    }
    return count;
}

int api_table_get(const struct api_table *table, const struct gvr *gvr, struct api_resource *out)
{
    struct slice group = text_slice(gvr->group), version = text_slice(gvr->version),
                 resource = text_slice(gvr->resource);
    for (size_t i = 0; i < table->count; i++)
        if (same_gvr(table, &table->entries[i], group, version, resource)) {
            fill(table, &table->entries[i], out);
            return 0;
        }
    return API_E_UNKNOWN;
}

void api_entry_text(const struct api_table *table, const struct api_entry *entry, char *out, size_t size)
{
    const char *group = api_text(table, entry->group);
    snprintf(out, size, "%s%s%s", api_text(table, entry->resource), group[0] ? "." : "", group);
}
