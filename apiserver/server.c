#include "apiserver/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apiserver/server_internal.h"
#include "apiserver/write.h"
#include "base/mem.h"

static void build_in(struct apiserver *server)
{
    for (const struct resource *r = builtin_resources; r->kind[0]; r++)
        storage_add(&server->storage, r);
    static const char *const names[] = {"default", "kube-node-lease", "kube-public", "kube-system"};
    const struct gvr gvr = {"", "v1", "namespaces"};
    for (size_t i = 0; i < array_size(names); i++) {
        char json[128];
        int len = snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\"}}", names[i]);
        apiserver_create_object(server, &gvr, json, (size_t)len, NULL, NULL);
    }
}

struct apiserver *apiserver_create(const struct apiserver_options *options)
{
    struct apiserver *server = mem_zalloc(sizeof(*server));
    server->loop = options->loop;
    server->log = options->log;
    server->bookmark_us = options->bookmark_us ? options->bookmark_us : 60 * LOOP_SECOND;
    server->body_limit = options->body_limit ? options->body_limit : (size_t)3 << 20;
    server->toleration_s = options->toleration_s ? options->toleration_s : 300;
    server->graceful = options->graceful;
    storage_init(&server->storage, server->loop);
    event_prints_init(&server->prints, server->loop);
    server->storage.history_events = options->history_events;
    server->storage.history_bytes = options->history_bytes;
    server->storage.fleet = options->fleet;
    server->storage.revision = server->storage.compacted = options->revision;
    if (!options->fleet)
        build_in(server);
    return server;
}

void apiserver_destroy(struct apiserver *server)
{
    if (!server)
        return;
    storage_deinit(&server->storage);
    event_prints_clear(&server->prints);
    free(server);
}

struct loop *apiserver_loop(struct apiserver *server)
{
    return server->loop;
}

struct storage *apiserver_storage(struct apiserver *server)
{
    return &server->storage;
}

int64_t apiserver_wall_us(struct apiserver *server)
{
    return loop_wall_us(server->loop);
}

const char *apiserver_time(struct apiserver *server, char out[24])
{
    struct tm tm;
    time_t seconds = (time_t)(apiserver_wall_us(server) / LOOP_SECOND);
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
    return out;
}

uint64_t apiserver_revision(const struct apiserver *server)
{
    return server->storage.revision;
}

struct collection *apiserver_collection(struct apiserver *server, const struct gvr *gvr)
{
    struct collection *c = storage_find(&server->storage, gvr->group, gvr->version, gvr->resource);
    return c && c->served ? c : NULL;
}

struct object *apiserver_get_object(struct apiserver *server, const struct gvr *gvr, const char *key)
{
    struct collection *collection = apiserver_collection(server, gvr);
    return collection ? object_set_get(&collection->own->objects, key) : NULL;
}

static int report(const struct status *status, struct error *err)
{
    return status->code == 0 ? 0 : error_set(err, EX_DATAERR, "%s", status->message);
}

/* Finds the collection and makes the tree for a direct change. */
static int prepare(struct write *write, const struct gvr *gvr, const char *json, size_t len, cJSON **tree)
{
    struct status *status = write->status;
    char text[GVR_TEXT_MAX];
    write->collection = apiserver_collection(write->server, gvr);
    if (!write->collection)
        return status_set(status, 404, "NotFound", "there is no resource %s", gvr_text(gvr, text));
    *tree = tree_parse(json, len);
    if (!cJSON_IsObject(*tree))
        return status_set(status, 400, "BadRequest", "the object is no JSON object");
    write->name = tree_text(*tree, "metadata.name");
    const char *namespace_ = tree_text(*tree, "metadata.namespace");
    write->namespace_ = namespace_[0] ? namespace_ : NULL;
    return 0;
}

/* prepare() points into the tree, and a write changes it: keep the names apart. */
struct direct {
    struct write write;
    struct status status;
    char *name, *namespace_;
    cJSON *tree;
};

static int direct_init(struct direct *direct, struct apiserver *server, const struct gvr *gvr,
                       const char *json, size_t len)
{
    *direct = (struct direct){.write = {.server = server, .subresource = "", .manager = ""}};
    direct->write.status = &direct->status;
    int r = prepare(&direct->write, gvr, json, len, &direct->tree);
    direct->write.name = direct->name = mem_strdup(direct->write.name);
    direct->write.namespace_ = direct->namespace_ = mem_strdup(direct->write.namespace_);
    return r;
}

static int direct_end(struct direct *direct, struct object **out, struct error *err)
{
    if (out && direct->status.code == 0)
        *out = mem_steal(direct->write.result);
    object_unref(direct->write.result);
    cJSON_Delete(direct->tree);
    free(direct->name);
    free(direct->namespace_);
    return report(&direct->status, err);
}

int apiserver_create_object(struct apiserver *server, const struct gvr *gvr, const char *json, size_t len,
                            struct object **out, struct error *err)
{
    struct direct direct;
    if (direct_init(&direct, server, gvr, json, len) == 0)
        write_create(&direct.write, direct.tree);
    return direct_end(&direct, out, err);
}

int apiserver_update_object(struct apiserver *server, const struct gvr *gvr, const char *json, size_t len,
                            bool status, struct object **out, struct error *err)
{
    struct direct direct;
    if (direct_init(&direct, server, gvr, json, len) == 0) {
        direct.write.subresource = status ? "status" : "";
        write_update(&direct.write, direct.tree);
    }
    return direct_end(&direct, out, err);
}

int apiserver_delete_object(struct apiserver *server, const struct gvr *gvr, const char *key,
                            struct error *err)
{
    char text[GVR_TEXT_MAX];
    struct collection *collection = apiserver_collection(server, gvr);
    struct object *object = collection ? object_set_get(&collection->own->objects, key) : NULL;
    if (!object)
        return error_set(err, EX_DATAERR, "%s \"%s\" not found", gvr_text(gvr, text), key);
    struct object *last = write_remove(server, collection, object);
    object_unref(last);
    return 0;
}

int apiserver_call(struct apiserver *server, const struct rest_request *request, struct buf *body)
{
    struct exchange *exchange = exchange_open(server, request, NULL, NULL, NULL, NULL);
    int status = exchange_status(exchange);
    char chunk[4096];
    ssize_t n;
    while ((n = exchange_read(exchange, chunk, sizeof(chunk))) > 0 || timer_active(&exchange->again))
        buf_append(body, chunk, n > 0 ? (size_t)n : 0);
    exchange_close(exchange);
    return status;
}

void apiserver_forbid(struct apiserver *server, const struct gvr *gvr, bool forbidden)
{
    struct collection *collection = apiserver_collection(server, gvr);
    if (collection)
        collection->forbidden = forbidden;
}

void apiserver_compact(struct apiserver *server, uint64_t revision)
{
    storage_compact(&server->storage, revision);
    apiserver_wake(server);
}

void apiserver_set_filter(struct apiserver *server, const struct apiserver_filter *filter)
{
    server->filter = filter;
}

void apiserver_set_unready(struct apiserver *server, const char *check)
{
    server->unready = check;
}

void apiserver_expire(struct apiserver *server)
{
    storage_compact(&server->storage, server->storage.revision);
    for (struct exchange *e = server->exchanges, *next; e; e = next) {
        next = e->next;
        if (e->watch)
            server_expire_watch(e);
    }
}

size_t apiserver_cut(struct apiserver *server, bool (*chosen)(void *arg, const struct exchange *exchange),
                     void *arg)
{
    size_t count = 0;
    for (struct exchange *e = server->exchanges, *next; e; e = next) {
        next = e->next;
        if (!chosen(arg, e))
            continue;
        exchange_break(e);
        count++;
    }
    return count;
}

void apiserver_wake(struct apiserver *server)
{
    for (struct exchange *e = server->exchanges, *next; e; e = next) {
        next = e->next;
        exchange_wake(e);
    }
}

static bool every(void *arg, const struct exchange *exchange)
{
    (void)arg;
    (void)exchange;
    return true;
}

void apiserver_restart(struct apiserver *server)
{
    for (struct collection *c = server->storage.first; c; c = c->next)
        c->cache_from = server->storage.revision;
    apiserver_cut(server, every, NULL);
}

int apiserver_restore(struct apiserver *server, uint64_t revision)
{
    int r = storage_restore(&server->storage, revision);
    event_prints_clear(&server->prints);
    if (r == 0)
        apiserver_restart(server);
    return r;
}

void apiserver_rewrite(struct apiserver *server, const struct gvr *gvr, struct object *object)
{
    storage_rewrite(apiserver_collection(server, gvr), object);
}

void apiserver_end_watches(struct apiserver *server)
{
    for (struct exchange *e = server->exchanges, *next; e; e = next) {
        next = e->next;
        e->ended = e->ended || e->watch;
        exchange_wake(e);
    }
}
