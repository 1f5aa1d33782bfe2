#include "hub/clusters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uthash.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/table.h"

#define LOOK_US LOOP_SECOND
#define HEARD_S 10  /* how much later it may have been heard before that is told */
#define PER_TURN 64 /* clusters looked at in one turn of the loop */
#define TEXT_LIMIT ((size_t)4096)

enum { CONNECTED, SYNCED, CONDITIONS };

struct condition {
    bool is;
    int64_t since_s; /* wall time; 0: never looked at */
};

struct shown {
    UT_hash_handle hh;
    const struct informer_cluster *cluster;
    int64_t heard_s;
    struct condition conditions[CONDITIONS];
    char *text; /* as told last, without the time it was heard; NULL: not yet */
    bool changed;
    struct shown *prev, *next; /* of those changed */
    char name[];
};

struct clusters {
    struct loop *loop;
    struct partition *partition;
    struct timer timer;
    struct shown *shown, *changed;
};

/* ---- the resource ---- */

#define TEXT(name, priority, path, help)                                                                     \
    {                                                                                                        \
        name, "string", "", help, priority, cell_path, path                                                  \
    }

static const struct table_column columns[] = {
    {"Name", "string", "name", "Name of the cluster.", 0, cell_path, "metadata.name"},
    TEXT("Connected", 0, "status.connected", "Whether it is heard."),
    TEXT("Synced", 0, "status.synced", "Whether all that is known of it is up to date."),
    TEXT("Version", 0, "status.version", "Its version of Kubernetes."),
    TEXT("Nodes", 0, "status.nodes", "How many nodes it has."),
    TEXT("Pods", 0, "status.pods", "How many pods it has."),
    {"Lag", "string", "",
     "How long ago its API server was last heard about the resource that is most behind.", 0, cell_age,
     "status.heard"},
    {"Age", "string", "", "Since when it is known here.", 0, cell_age, "metadata.creationTimestamp"},
    TEXT("Resources", 1, "status.resources", "How many resources are followed."),
    TEXT("Objects", 1, "status.objects", "How many objects they have."),
    TEXT("Uid", 1, "metadata.uid", "The uid of its namespace kube-system."),
};
static const struct table table = {CLUSTERS_GROUP, "Cluster", columns, array_size(columns)};

/* For 'kubectl explain'. */
static const char schema[] =
    "{\"type\":\"object\",\"description\":\"A cluster of the fleet, as the hub knows it.\",\"properties\":{"
    "\"apiVersion\":{\"type\":\"string\",\"description\":\"The group and version.\"},"
    "\"kind\":{\"type\":\"string\",\"description\":\"Cluster.\"},"
    "\"metadata\":{\"type\":\"object\",\"description\":\"The name by which it is published, and its uid.\"},"
    "\"status\":{\"type\":\"object\",\"description\":\"What was heard last.\",\"properties\":{"
    "\"connected\":{\"type\":\"string\",\"description\":\"Whether it is heard: True or False.\"},"
    "\"synced\":{\"type\":\"string\",\"description\":\"Whether all that is known of it is up to date.\"},"
    "\"version\":{\"type\":\"string\",\"description\":\"Its version of Kubernetes.\"},"
    "\"nodes\":{\"type\":\"integer\",\"description\":\"How many it has, where they are mirrored.\"},"
    "\"pods\":{\"type\":\"integer\",\"description\":\"How many it has, where they are mirrored.\"},"
    "\"resources\":{\"type\":\"integer\",\"description\":\"How many are mirrored.\"},"
    "\"objects\":{\"type\":\"integer\",\"description\":\"How many these resources have.\"},"
    "\"heard\":{\"type\":\"string\",\"description\":\"When its API server was last heard about the"
    " resource that is most behind.\"},"
    "\"conditions\":{\"type\":\"array\",\"description\":\"Connected and Synced, for kubectl "
    "wait.\",\"items\":{"
    "\"type\":\"object\",\"description\":\"What is or is not so, and since when.\",\"properties\":{"
    "\"type\":{\"type\":\"string\",\"description\":\"Connected or Synced.\"},"
    "\"status\":{\"type\":\"string\",\"description\":\"True or False.\"},"
    "\"reason\":{\"type\":\"string\",\"description\":\"The type, or Not and the type.\"},"
    "\"message\":{\"type\":\"string\",\"description\":\"Why, where it is False.\"},"
    "\"lastTransitionTime\":{\"type\":\"string\",\"description\":\"Since when.\"}}}}}}}}";

static const struct resource resource = {
    .gvr = {CLUSTERS_GROUP, "v1alpha1", "clusters"},
    .kind = "Cluster",
    .list_kind = "ClusterList",
    .singular = "cluster",
    .category = "",
    .flags = RESOURCE_CUSTOM | RESOURCE_READ_ONLY | RESOURCE_HUB,
    .table = &table,
    .schema = schema,
};

/* ---- one cluster ---- */

struct figures {
    size_t resources, synced, objects; /* synced: resources that are up to date */
    int64_t nodes, pods;               /* -1: not followed */
    int64_t age_s;                     /* of the resource that is most behind; -1: none was ever heard, */
    int64_t seen_s;                    /* and of the one that is least; the same */
};

static void count(struct figures *figures, const struct informer_replica *replica)
{
    const struct gvr *gvr = replica_gvr(replica);
    int64_t objects = (int64_t)store_count(replica_store(replica)), age_s = replica_freshness(replica).age_s;
    figures->resources++;
    figures->synced += replica_synced(replica);
    figures->objects += (size_t)objects;
    if (!gvr->group[0] && !strcmp(gvr->resource, "nodes"))
        figures->nodes = objects;
    if (!gvr->group[0] && !strcmp(gvr->resource, "pods"))
        figures->pods = objects;
    if (age_s > figures->age_s)
        figures->age_s = age_s;
    if (age_s >= 0 && (figures->seen_s < 0 || age_s < figures->seen_s))
        figures->seen_s = age_s;
}

static struct figures figures_of(const struct informer_cluster *cluster)
{
    struct figures figures = {.nodes = -1, .pods = -1, .age_s = -1, .seen_s = -1};
    const struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        count(&figures, replica);
    return figures;
}

static void append_time(struct buf *out, const char *name, int64_t wall_s)
{
    char text[24];
    struct tm tm;
    time_t then = (time_t)wall_s;
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &tm));
    buf_appendf(out, "\"%s\":\"%s\"", name, text);
}

static void append_condition(struct buf *out, const struct condition *condition, const char *type,
                             const char *message)
{
    buf_appendf(out, "{\"type\":\"%s\",\"status\":\"%s\",\"reason\":\"%s%s\",\"message\":\"%s\",", type,
                condition->is ? "True" : "False", condition->is ? "" : "Not", type,
                condition->is ? "" : message);
    append_time(out, "lastTransitionTime", condition->since_s);
    buf_append_char(out, '}');
}

static void append_conditions(struct buf *out, const struct condition *conditions,
                              const struct figures *figures)
{
    static const char silent[] = "its provider is not heard: is it running, and does it reach the broker?";
    char behind[96];
    snprintf(behind, sizeof(behind), "%zu of %zu resources are up to date", figures->synced,
             figures->resources);
    buf_append_str(out, ",\"conditions\":[");
    append_condition(out, &conditions[CONNECTED], "Connected", silent);
    buf_append_char(out, ',');
    append_condition(out, &conditions[SYNCED], "Synced", conditions[CONNECTED].is ? behind : silent);
    buf_append_char(out, ']');
}

static void append_status(struct buf *out, const struct shown *shown, const struct figures *figures)
{
    const char *version = cluster_version(shown->cluster);
    buf_appendf(out, "\"connected\":\"%s\",\"synced\":\"%s\",\"version\":",
                shown->conditions[CONNECTED].is ? "True" : "False",
                shown->conditions[SYNCED].is ? "True" : "False");
    buf_append_json_string(out, version, strlen(version));
    buf_appendf(out, ",\"resources\":%zu,\"objects\":%zu", figures->resources, figures->objects);
    if (figures->nodes >= 0)
        buf_appendf(out, ",\"nodes\":%" PRId64, figures->nodes);
    if (figures->pods >= 0)
        buf_appendf(out, ",\"pods\":%" PRId64, figures->pods);
    append_conditions(out, shown->conditions, figures);
}

/* heard_s: 0 leaves it out. */
static void append_object(struct buf *out, const struct shown *shown, const struct figures *figures,
                          int64_t heard_s)
{
    const char *uid = cluster_uid(shown->cluster);
    buf_appendf(out,
                "{\"apiVersion\":\"" CLUSTERS_GROUP "/v1alpha1\",\"kind\":\"Cluster\","
                "\"metadata\":{\"name\":\"%s\",\"uid\":",
                shown->name);
    buf_append_json_string(out, uid, strlen(uid));
    buf_append_str(out, ",\"resourceVersion\":\"0\",");
    append_time(out, "creationTimestamp", cluster_since_s(shown->cluster));
    buf_append_str(out, "},\"status\":{");
    append_status(out, shown, figures);
    if (heard_s) {
        buf_append_char(out, ',');
        append_time(out, "heard", heard_s);
    }
    buf_append_str(out, "}}");
}

static int64_t wall_s(const struct clusters *clusters)
{
    return loop_wall_us(clusters->loop) / LOOP_SECOND;
}

/* last_s: when it may have been the case last; that it is not is known to be so since then, where it never
 * was in this run. */
static void set_condition(struct condition *condition, bool is, int64_t now_s, int64_t last_s)
{
    if (condition->is != is || !condition->since_s)
        condition->since_s = is || condition->since_s ? now_s : last_s;
    condition->is = is;
}

static void commit(struct clusters *clusters, const struct shown *shown, const struct figures *figures)
{
    struct object *object;
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(TEXT_LIMIT);
    append_object(&text, shown, figures, shown->heard_s);
    if (object_create(text.data, text.len, NULL, &object) != 0)
        return; /* a name or a version that no object can have */
    storage_commit(clusters->partition, object, false);
    object_unref(object);
}

static void show(struct clusters *clusters, struct shown *shown)
{
    struct figures figures = figures_of(shown->cluster);
    int64_t now_s = wall_s(clusters), heard_s = figures.age_s < 0 ? 0 : now_s - figures.age_s;
    bool alive = cluster_alive(shown->cluster);
    set_condition(&shown->conditions[CONNECTED], alive, now_s,
                  figures.seen_s < 0 ? now_s : now_s - figures.seen_s);
    set_condition(&shown->conditions[SYNCED], alive && cluster_fresh(shown->cluster), now_s,
                  heard_s ? heard_s : now_s);
    struct buf text = BUF_INIT(TEXT_LIMIT);
    append_object(&text, shown, &figures, 0);
    bool same = shown->text && strcmp(shown->text, text.data) == 0;
    if (same && heard_s <= shown->heard_s + HEARD_S) {
        buf_deinit(&text);
        return;
    }
    free(shown->text);
    shown->text = buf_steal(&text);
    shown->heard_s = heard_s;
    commit(clusters, shown, &figures);
}

/* ---- all of them ---- */

static void on_look(void *arg)
{
    struct clusters *clusters = arg;
    for (int i = 0; i < PER_TURN && clusters->changed; i++) {
        struct shown *shown = clusters->changed;
        DL_DELETE(clusters->changed, shown);
        shown->changed = false;
        show(clusters, shown);
    }
    if (clusters->changed)
        timer_start(&clusters->timer, 0);
}

static struct shown *shown_get(struct clusters *clusters, const struct informer_cluster *cluster)
{
    const char *name = cluster_name(cluster);
    size_t len = strlen(name);
    struct shown *shown;
    HASH_FIND(hh, clusters->shown, name, len, shown);
    if (!shown) {
        shown = mem_zalloc(sizeof(*shown) + len + 1);
        memcpy(shown->name, name, len);
        HASH_ADD_KEYPTR(hh, clusters->shown, shown->name, len, shown);
    }
    shown->cluster = cluster;
    return shown;
}

void clusters_changed(struct clusters *clusters, const struct informer_cluster *cluster)
{
    if (!clusters)
        return;
    struct shown *shown = shown_get(clusters, cluster);
    if (shown->changed)
        return;
    shown->changed = true;
    DL_APPEND(clusters->changed, shown);
    if (!timer_active(&clusters->timer))
        timer_start(&clusters->timer, shown->text ? LOOK_US : 0);
}

struct clusters *clusters_create(struct loop *loop, struct storage *storage)
{
    struct clusters *clusters = mem_zalloc(sizeof(*clusters));
    clusters->loop = loop;
    clusters->partition = collection_partition(storage_add(storage, &resource), "");
    timer_init(&clusters->timer, loop, on_look, clusters);
    return clusters;
}

void clusters_destroy(struct clusters *clusters)
{
    struct shown *shown, *next;
    if (!clusters)
        return;
    timer_stop(&clusters->timer);
    HASH_ITER (hh, clusters->shown, shown, next) {
        HASH_DEL(clusters->shown, shown);
        free(shown->text);
        free(shown);
    }
    free(clusters);
}
