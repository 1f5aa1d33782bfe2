#include "tests/sim/kube.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

static const struct kube_resource kinds[KUBE_KINDS] = {
    [KUBE_CONFIGMAPS] = {{"", "v1", "configmaps"}, "ConfigMap", "v1", true},
    [KUBE_SERVICES] = {{"", "v1", "services"}, "Service", "v1", true},
    [KUBE_SERVICEACCOUNTS] = {{"", "v1", "serviceaccounts"}, "ServiceAccount", "v1", true},
    [KUBE_NODES] = {{"", "v1", "nodes"}, "Node", "v1", false},
    [KUBE_WIDGETS] = {{"example.com", "v1", "widgets"}, "Widget", "example.com/v1", true},
    [KUBE_DEPLOYMENTS] = {{"apps", "v1", "deployments"}, "Deployment", "apps/v1", true},
};

/* ---- the record ---- */

struct kube_resource *kube_resource(struct kube *kube, const struct gvr *gvr)
{
    for (size_t i = 0; i < KUBE_KINDS; i++)
        if (kube->resources[i].used && gvr_equal(&kube->resources[i].gvr, gvr))
            return &kube->resources[i];
    return NULL;
}

const char *kube_uid(const struct kube *kube, char out[KUBE_UID_MAX])
{
    static const struct gvr namespaces = {"", "v1", "namespaces"};
    const struct object *object = apiserver_get_object(kube->server, &namespaces, "kube-system");
    snprintf(out, KUBE_UID_MAX, "%.*s", SLICE_ARGS(object_uid(object)));
    return out;
}

bool kube_serves(struct kube *kube, enum kube_kind kind)
{
    return apiserver_collection(kube->server, &kube->resources[kind].gvr) != NULL;
}

static struct object *as_mirrored(const struct kube_resource *resource, const struct object *object)
{
    struct object *mirrored = NULL;
    struct slice bytes = object_bytes(object);
    object_create(bytes.data, bytes.len, &resource->rules, &mirrored);
    return mirrored;
}

static void record_object(struct kube_resource *resource, const struct object *object)
{
    struct object *mirrored = as_mirrored(resource, object);
    record_put(resource->record, mirrored);
    object_unref(mirrored);
}

static void on_committed(void *arg, struct collection *collection, const struct event *event)
{
    struct kube *kube = arg;
    struct kube_resource *resource = kube_resource(kube, &collection->resource.gvr);
    if (!resource)
        return;
    if (event->type == EVENT_DELETED)
        record_delete(resource->record, object_key(event->object));
    else
        record_object(resource, event->object);
}

/* After what makes no events. */
static void record_again(struct kube *kube)
{
    for (size_t i = 0; i < KUBE_KINDS; i++) {
        struct kube_resource *resource = &kube->resources[i];
        struct collection *collection = apiserver_collection(kube->server, &resource->gvr);
        if (!resource->used)
            continue;
        struct object *object = store_seek(record_now(resource->record), 0), *after;
        for (; object; object = after) {
            after = store_after(record_now(resource->record), object);
            if (!collection || !object_set_get(&collection->own->objects, object_key(object)))
                record_delete(resource->record, object_key(object));
        }
        struct object_place place = {0};
        const struct object_entry *entry;
        while (collection && (entry = object_set_next(&collection->own->objects, &place)))
            record_object(resource, entry->object);
    }
}

/* ---- load ---- */

/* What an object is filled with stays the same from change to change, most of the time: so is life. */
static void append_fill(struct buf *json, uint64_t seed, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        char text[8];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        for (int k = 0; k < 8; k++)
            text[k] = (char)('a' + ((seed >> (8 + k * 6)) & 15));
        buf_append(json, text, sizeof(text));
    }
}

static void append_object(struct kube *kube, const struct kube_resource *resource, const char *name,
                          struct buf *json)
{
    struct world *world = kube->world;
    uint64_t seed = key_hash(name, strlen(name));
    size_t size = seed % 40 == 0 ? 1000 + seed % KUBE_FILL_MAX : seed % 300;
    buf_appendf(json, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"name\":\"%s\",", resource->kind,
                resource->api_version, name);
    if (resource->namespaced)
        buf_append_str(json, "\"namespace\":\"default\",");
    buf_appendf(json, "\"annotations\":{\"n\":\"%016llx\",\"fill\":\"",
                (unsigned long long)loop_random(world->loop));
    append_fill(json, world_dice(world, 10) ? seed : loop_random(world->loop), size);
    buf_append_str(json, "\"}}");
    if (resource == &kube->resources[KUBE_DEPLOYMENTS])
        buf_append_str(json, ",\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
                             "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
                             "[{\"name\":\"c\",\"image\":\"i\"}]}}}");
    buf_append_char(json, '}');
}

static void put_object(struct kube *kube, const struct kube_resource *resource, const char *key,
                       const char *name)
{
    struct error err = {0};
    struct buf json = BUF_INIT(1 << 20);
    append_object(kube, resource, name, &json);
    int r =
        apiserver_get_object(kube->server, &resource->gvr, key)
            ? apiserver_update_object(kube->server, &resource->gvr, json.data, json.len, false, NULL, &err)
            : apiserver_create_object(kube->server, &resource->gvr, json.data, json.len, NULL, &err);
    if (r != 0)
        world_fail(kube->world, "load", "the cluster refused a change: %s", err.text);
    buf_deinit(&json);
}

static struct kube_resource *random_resource(struct kube *kube)
{
    uint64_t first = world_dice(kube->world, KUBE_KINDS);
    for (uint64_t i = 0; i < KUBE_KINDS; i++) {
        enum kube_kind kind = (enum kube_kind)((first + i) % KUBE_KINDS);
        if (kube->resources[kind].used && kube_serves(kube, kind))
            return &kube->resources[kind];
    }
    return NULL;
}

void kube_change(struct kube *kube)
{
    struct world *world = kube->world;
    struct kube_resource *resource = random_resource(kube);
    char name[32], key[64];
    if (!resource || !kube->names)
        return;
    bool hot = world_dice(world, 3) == 0; /* some change much more often than others */
    snprintf(name, sizeof(name), "n%llu", (unsigned long long)world_dice(world, hot ? 1 : kube->names));
    snprintf(key, sizeof(key), "%s%s", resource->namespaced ? "default/" : "", name);
    bool there = apiserver_get_object(kube->server, &resource->gvr, key) != NULL;
    world->result.changes++;
    if (there && world_dice(world, 10) < kube->pruning) {
        apiserver_delete_object(kube->server, &resource->gvr, key, NULL);
        if (world_dice(world, 4))
            return;
        world_cover(world, COVER_SAME_NAME_OTHER_UID);
    }
    put_object(kube, resource, key, name);
}

static void on_load(void *arg)
{
    struct kube *kube = arg;
    uint64_t burst = world_dice(kube->world, kube->hasty ? 2 : 20) == 0 ? 20 : 1;
    for (uint64_t i = 0; i < burst; i++)
        kube_change(kube);
    timer_start(&kube->load,
                (int64_t)world_dice(kube->world, (uint64_t)kube->load_us * 2 / (kube->hasty ? 4 : 1)));
}

void kube_load(struct kube *kube, bool on)
{
    if (on)
        timer_start(&kube->load, 0);
    else
        timer_stop(&kube->load);
}

void kube_empty(struct kube *kube, enum kube_kind kind)
{
    struct collection *collection = apiserver_collection(kube->server, &kube->resources[kind].gvr);
    const struct object_entry *entry;
    while (collection && (entry = object_set_next(&collection->own->objects, &(struct object_place){0}))) {
        cleanup_free char *key = mem_strdup(object_key(entry->object));
        apiserver_delete_object(kube->server, &kube->resources[kind].gvr, key, NULL);
    }
}

/* ---- what becomes of a cluster ---- */

static void define_widgets(struct kube *kube)
{
    static const struct gvr definitions = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
    static const char json[] =
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"widgets.example.com\"},\"spec\":{\"group\":\"example.com\","
        "\"names\":{\"plural\":\"widgets\",\"singular\":\"widget\",\"kind\":\"Widget\",\"listKind\":"
        "\"WidgetList\"},\"scope\":\"Namespaced\",\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":"
        "true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":"
        "true}}}]}}";
    if (!kube_serves(kube, KUBE_WIDGETS))
        apiserver_create_object(kube->server, &definitions, json, strlen(json), NULL, NULL);
}

void kube_drop_widgets(struct kube *kube, bool back)
{
    static const struct gvr definitions = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
    if (back)
        define_widgets(kube);
    else
        apiserver_delete_object(kube->server, &definitions, "widgets.example.com", NULL);
    kube->floor = apiserver_revision(kube->server);
}

static struct apiserver *server_make(struct kube *kube)
{
    struct apiserver *server = apiserver_create(
        &(struct apiserver_options){.loop = kube->world->loop, .bookmark_us = 5 * LOOP_SECOND});
    apiserver_storage(server)->committed = on_committed;
    apiserver_storage(server)->arg = kube;
    return server;
}

void kube_set_up_anew(struct kube *kube)
{
    struct apiserver *old = kube->server;
    kube->server = server_make(kube);
    local_point_to(kube->local, kube->server);
    apiserver_destroy(old);
    record_again(kube);
    if (kube->resources[KUBE_WIDGETS].used)
        define_widgets(kube);
    kube->floor = apiserver_revision(kube->server);
}

bool kube_restore(struct kube *kube)
{
    uint64_t now = apiserver_revision(kube->server), back = 1 + world_dice(kube->world, 40);
    if (now < kube->floor + back || apiserver_restore(kube->server, now - back) != 0)
        return false;
    record_again(kube);
    return true;
}

void kube_expire(struct kube *kube)
{
    local_cut(kube->local);
    kube_change(kube);
    apiserver_compact(kube->server, apiserver_revision(kube->server));
    apiserver_restart(kube->server);
}

/* The same object, told in other words. NULL where it cannot be. */
static struct object *reworded(struct kube *kube, const struct object *object)
{
    struct object *other = NULL;
    struct slice bytes = object_bytes(object);
    const char *told = memmem(bytes.data, bytes.len, ",\"told\":", 8), *end = bytes.data + bytes.len - 1;
    cleanup_free char *text = mem_printf("%.*s,\"told\":%u}", (int)((told ? told : end) - bytes.data),
                                         bytes.data, (unsigned)world_dice(kube->world, 1000));
    object_create(text, strlen(text), NULL, &other);
    return other;
}

/* It makes no event, so it takes a list to be seen: the new API server knows no history from before. */
void kube_speak_otherwise(struct kube *kube)
{
    local_cut(kube->local);
    struct kube_resource *resource = random_resource(kube);
    struct collection *collection = resource ? apiserver_collection(kube->server, &resource->gvr) : NULL;
    struct object_place place = {0};
    const struct object_entry *entry;
    while (collection && (entry = object_set_next(&collection->own->objects, &place))) {
        struct object *object = reworded(kube, entry->object);
        if (object)
            apiserver_rewrite(kube->server, &resource->gvr, object);
        object_unref(object);
    }
    kube->floor = apiserver_revision(kube->server);
    record_again(kube);
    kube_expire(kube);
}

void kube_recover(struct kube *kube)
{
    for (size_t i = 0; i < KUBE_KINDS; i++)
        apiserver_forbid(kube->server, &kube->resources[i].gvr, false);
    local_set_refusing(kube->local, false);
    local_set_hanging(kube->local, false);
    local_break_after(kube->local, SIZE_MAX);
    local_set_horizon(kube->local, UINT64_MAX);
    local_set_pace(kube->local, 0, 0);
}

/* ---- life ---- */

void kube_init(struct kube *kube, struct world *world, const char *name, unsigned used)
{
    *kube = (struct kube){.world = world};
    snprintf(kube->name, sizeof(kube->name), "%s", name);
    memcpy(kube->resources, kinds, sizeof(kinds));
    for (size_t i = 0; i < KUBE_KINDS; i++) {
        struct kube_resource *resource = &kube->resources[i];
        resource->used = used >> i & 1;
        resource->record = record_create();
        resource->rules.kind = mem_strdup(resource->kind);
        resource->rules.api_version = mem_strdup(resource->api_version);
        object_rules_cut(&resource->rules, "metadata.managedFields");
    }
    kube->names = world_dice(world, 6) ? 1 + world_dice(world, KUBE_NAMES_MAX) : 0;
    kube->load_us = (int64_t)(20 + world_dice(world, 300)) * LOOP_MS;
    kube->pruning = 1 + world_dice(world, 6);
    kube->server = server_make(kube);
    kube->local = local_create(kube->server);
    timer_init(&kube->load, world->loop, on_load, kube);
    if (kube->resources[KUBE_WIDGETS].used)
        define_widgets(kube);
    kube->floor = apiserver_revision(kube->server);
    for (uint64_t i = 0; i < kube->names * 2; i++)
        kube_change(kube);
}

void kube_deinit(struct kube *kube)
{
    timer_stop(&kube->load);
    local_destroy(kube->local);
    apiserver_destroy(kube->server);
    for (size_t i = 0; i < KUBE_KINDS; i++) {
        record_destroy(kube->resources[i].record);
        object_rules_deinit(&kube->resources[i].rules);
    }
}
