#include "hub/workloads.h"

#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "hub/labels.h"
#include "kube/resource_version.h"
#include "provider/mirror.h"

#define AUDIENCES_MAX 20000

/* The workloads of one cluster. */
struct audience {
    struct store *store;
    struct publisher_stream *stream; /* the publisher's */
    UT_hash_handle hh;
    char name[];
};

struct workloads {
    struct loop *loop;
    struct publisher *publisher;
    struct log *log;
    struct object_rules rules; /* of the source's store: whole but for managedFields */
    struct store *source;
    struct store_observer observer;
    struct mirror *mirror;
    struct audience *audiences;
    size_t audiences_max;
    void (*confirm)(void *arg);
    void (*went_back)(void *arg);
    void *arg;
    bool synced, gone_back;
    uint64_t highest; /* resourceVersion that the source has told; 0: none that is a number */
    enum stream_state state;
};

const struct gvr workloads_gvr = {"apps", "v1", "deployments"};

/* ---- what goes down ---- */

static void cut_own_annotations(struct object_rules *rules, struct slice annotations)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    const size_t len = strlen(ANNOTATION_AVAILABLE);
    while (json_next_member(annotations, &cursor, &name, &value)) {
        if (name.len < len || memcmp(name.data, ANNOTATION_AVAILABLE, len) != 0)
            continue;
        cleanup_free char *path = mem_printf("metadata.annotations['%.*s']", SLICE_ARGS(name));
        object_rules_cut(rules, path);
    }
}

/* NULL where it cannot be. */
static struct object *trim(const struct object *object)
{
    struct object_rules rules = {.shelf = object_shelf(object)};
    struct object *out = NULL;
    struct slice bytes = object_bytes(object);
    object_rules_cut(&rules, "status");
    cut_own_annotations(&rules, object_annotations(object));
    if (object_create(bytes.data, bytes.len, &rules, &out) != 0)
        out = NULL;
    object_rules_deinit(&rules);
    return out;
}

/* Nothing but the resourceVersion tells them apart. */
static bool same_but_version(const struct object *a, const struct object *b)
{
    struct slice text_a = object_bytes(a), version_a = object_resource_version(a);
    struct slice text_b = object_bytes(b), version_b = object_resource_version(b);
    if (!version_a.data || !version_b.data)
        return false;
    size_t before = (size_t)(version_a.data - text_a.data);
    size_t after = text_a.len - before - version_a.len;
    return before == (size_t)(version_b.data - text_b.data) && after == text_b.len - before - version_b.len &&
           memcmp(text_a.data, text_b.data, before) == 0 &&
           memcmp(version_a.data + version_a.len, version_b.data + version_b.len, after) == 0;
}

/* ---- audiences ---- */

static int64_t age_us(void *arg)
{
    struct workloads *workloads = arg;
    int64_t last_us = reflector_last_byte_us(mirror_reflector(workloads->mirror));
    return last_us ? loop_now_us(workloads->loop) - last_us : -1;
}

/* What went back is never told under this boot. */
static const char *version(void *arg)
{
    const struct workloads *workloads = arg;
    return workloads->gone_back ? "" : mirror_version(workloads->mirror);
}

static struct audience *audience_create(struct workloads *workloads, const char *name)
{
    static const struct publisher_stream_ops ops = {.age_us = age_us, .version = version};
    size_t len = strlen(name);
    struct audience *audience = mem_zalloc(sizeof(*audience) + len + 1);
    memcpy(audience->name, name, len + 1);
    audience->store = store_create();
    audience->stream =
        publisher_add(workloads->publisher, name, &workloads_gvr, "Deployment", true, audience->store);
    if (!audience->stream) {
        store_destroy(audience->store);
        free(audience);
        return NULL;
    }
    publisher_stream_attend(audience->stream, &ops, workloads);
    publisher_stream_state(audience->stream, workloads->state);
    HASH_ADD_STR(workloads->audiences, name, audience);
    if (workloads->synced)
        publisher_stream_ready(audience->stream);
    return audience;
}

/* NULL where that can be no cluster, or there are too many. */
static struct audience *audience_get(struct workloads *workloads, const char *name)
{
    struct audience *audience;
    HASH_FIND_STR(workloads->audiences, name, audience);
    if (audience || !topics_cluster_valid(name) ||
        HASH_COUNT(workloads->audiences) >= workloads->audiences_max)
        return audience;
    return audience_create(workloads, name);
}

static struct audience *audience_of(struct workloads *workloads, const struct object *object)
{
    cleanup_free char *name = mem_printf("%.*s", SLICE_ARGS(object_namespace(object)));
    struct audience *audience = audience_get(workloads, name);
    if (!audience)
        log_warn(workloads->log, "workloads", "%s: \"%s\" is no cluster's name; it goes nowhere",
                 object_key(object), name);
    return audience;
}

/* ---- what the source says ---- */

static void heard_of(struct workloads *workloads, const char *resource_version)
{
    uint64_t version;
    if (resource_version_parse(resource_version, &version) && version > workloads->highest)
        workloads->highest = version;
}

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct workloads *workloads = arg;
    struct audience *audience = workloads->gone_back ? NULL : audience_of(workloads, new_ ? new_ : old);
    if (!audience)
        return;
    if (!new_) {
        store_delete(audience->store, object_key(old), unseen);
        return;
    }
    struct slice version = object_resource_version(new_);
    cleanup_free char *text = mem_dup(version.data ? version.data : "", version.len);
    heard_of(workloads, text);
    struct object *down = trim(new_);
    struct object *known = store_get(audience->store, object_key(new_));
    if (down && !(known && same_but_version(known, down)))
        store_put(audience->store, down);
    object_unref(down);
}

/* A list that is older than what we have been told before is that of a source restored from a backup. What it
 * lacks must not go down as deleted: those who have it shall see for themselves that the source went back. */
static bool is_behind(const struct workloads *workloads, const char *resource_version)
{
    uint64_t version;
    return resource_version_parse(resource_version, &version) && version < workloads->highest;
}

/* It is that cluster. */
static bool may_replace(struct workloads *workloads)
{
    if (!workloads->gone_back)
        return true;
    log_error(workloads->log, "workloads",
              "the source went back: it was at resourceVersion %" PRIu64
              " before, and tells an older one, as if restored from a backup: beginning anew",
              workloads->highest);
    if (workloads->went_back)
        workloads->went_back(workloads->arg);
    return false;
}

static bool on_may_replace(void *arg, const char *resource_version)
{
    struct workloads *workloads = arg;
    workloads->gone_back = is_behind(workloads, resource_version);
    if (!workloads->confirm)
        return may_replace(workloads);
    workloads->confirm(workloads->arg);
    return false;
}

/* A watch that broke may go on at another cluster, which has gone up to that resourceVersion as well. */
static bool on_may_follow(void *arg)
{
    struct workloads *workloads = arg;
    if (!workloads->confirm)
        return true;
    workloads->confirm(workloads->arg);
    return false;
}

void workloads_confirmed(struct workloads *workloads)
{
    if (!may_replace(workloads))
        return;
    mirror_replace(workloads->mirror);
    mirror_follow(workloads->mirror);
}

static void on_bookmark(void *arg, const char *resource_version)
{
    heard_of(arg, resource_version);
}

static void on_synced(void *arg, const char *resource_version)
{
    struct workloads *workloads = arg;
    struct audience *audience, *next;
    heard_of(workloads, resource_version);
    if (!workloads->synced)
        log_info(workloads->log, "workloads", "the source has %zu workloads", store_count(workloads->source));
    workloads->synced = true;
    HASH_ITER (hh, workloads->audiences, audience, next)
        publisher_stream_ready(audience->stream);
    publisher_complete(workloads->publisher);
}

static void on_state(void *arg, enum reflector_state state, const char *reason)
{
    struct workloads *workloads = arg;
    struct audience *audience, *next;
    (void)reason; /* the reflector has said it */
    if (state == REFLECTOR_STARTING)
        return;
    workloads->state = state == REFLECTOR_SYNCED      ? STREAM_ACTIVE
                       : state == REFLECTOR_FORBIDDEN ? STREAM_FORBIDDEN
                                                      : STREAM_UNAVAILABLE;
    HASH_ITER (hh, workloads->audiences, audience, next)
        publisher_stream_state(audience->stream, workloads->state);
}

void workloads_asked(struct workloads *workloads, const char *cluster)
{
    audience_get(workloads, cluster);
}

/* ---- life ---- */

struct workloads *workloads_create(const struct workloads_config *config)
{
    static const struct mirror_ops ops = {.may_replace = on_may_replace,
                                          .may_follow = on_may_follow,
                                          .synced = on_synced,
                                          .bookmark = on_bookmark,
                                          .state = on_state};
    struct workloads *workloads = mem_zalloc(sizeof(*workloads));
    workloads->loop = config->loop;
    workloads->publisher = config->publisher;
    workloads->log = config->log;
    workloads->confirm = config->confirm;
    workloads->went_back = config->went_back;
    workloads->arg = config->arg;
    workloads->audiences_max = config->audiences_max ? config->audiences_max : AUDIENCES_MAX;
    workloads->rules.kind = mem_strdup("Deployment");
    workloads->rules.api_version = mem_strdup("apps/v1");
    object_rules_cut(&workloads->rules, "metadata.managedFields");
    workloads->state = STREAM_STARTING;
    struct shelf *shelf = attic_shelf(config->attic, &workloads_gvr);
    workloads->source = store_create_on(shelf);
    workloads->rules.shelf = shelf;
    shelf_unref(shelf); /* the store has it */
    workloads->observer = (struct store_observer){.changed = on_changed, .arg = workloads};
    store_observe(workloads->source, &workloads->observer);
    struct reflector_config reflector = {
        .loop = config->loop,
        .rest = config->rest,
        .log = config->log,
        .rules = &workloads->rules,
        .gvr = workloads_gvr,
        .label_selector = LABEL_RESOURCES,
    };
    workloads->mirror = mirror_create(&reflector, workloads->source, &ops, workloads);
    mirror_start(workloads->mirror);
    return workloads;
}

void workloads_destroy(struct workloads *workloads)
{
    if (!workloads)
        return;
    struct audience *audience, *next;
    mirror_destroy(workloads->mirror);
    HASH_ITER (hh, workloads->audiences, audience, next) {
        HASH_DEL(workloads->audiences, audience);
        store_destroy(audience->store);
        free(audience);
    }
    store_destroy(workloads->source);
    object_rules_deinit(&workloads->rules);
    free(workloads);
}

struct store *workloads_source(struct workloads *workloads)
{
    return workloads->source;
}

bool workloads_synced(const struct workloads *workloads)
{
    return workloads->synced;
}
