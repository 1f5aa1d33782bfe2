#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/line.h"

const struct gvr line_configmaps = {"", "v1", "configmaps"};
const struct gvr line_secrets = {"", "v1", "secrets"};
const struct gvr line_crds = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
const struct gvr line_widgets = {"example.com", "v1", "widgets"};
const struct gvr line_deployments = {"apps", "v1", "deployments"};

/* ---- both ends ---- */

static void up_connected(void *arg)
{
    publisher_on_connected(((struct line *)arg)->publisher);
}

static void up_disconnected(void *arg, const char *reason)
{
    (void)reason;
    publisher_on_disconnected(((struct line *)arg)->publisher);
}

static void up_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    publisher_on_message(((struct line *)arg)->publisher, topic, payload, len);
}

static void up_drained(void *arg)
{
    publisher_on_drained(((struct line *)arg)->publisher);
}

static void down_connected(void *arg)
{
    informer_on_connected(((struct line *)arg)->informer);
}

static void down_disconnected(void *arg, const char *reason)
{
    (void)reason;
    informer_on_disconnected(((struct line *)arg)->informer);
}

static void down_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    informer_on_message(((struct line *)arg)->informer, topic, payload, len);
}

static void down_drained(void *arg)
{
    informer_on_drained(((struct line *)arg)->informer);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    (void)replica;
    ((struct line *)arg)->drops++;
}

/* ---- life ---- */

static void open_world(struct line *line)
{
    *line = (struct line){.loop = loop_create_simulated(1)};
    line->server = apiserver_create(&(struct apiserver_options){.loop = line->loop});
    line->local = local_create(line->server);
    line->broker = loopback_broker_create(line->loop);
    line->up = loopback_create(line->broker, &(struct loopback_options){.name = "up"});
    line->down = loopback_create(line->broker, &(struct loopback_options){.name = "down"});
}

static struct topics line_topics(void)
{
    struct topics topics;
    topics_init(&topics, "/signal", "/payload", NULL);
    return topics;
}

static void open_publisher(struct line *line, const char *name, const struct publisher_ops *ops, void *arg)
{
    static const struct transport_callbacks up = {up_connected, up_disconnected, up_message, up_drained};
    struct publisher_options options = {
        .name = name, .topics = line_topics(), .heartbeat_us = 2 * LOOP_SECOND};
    line->publisher = publisher_create(line->loop, line->up, &options, ops, arg);
    publisher_set_cluster(line->publisher, "uid-1", "v1.32.0");
    transport_start(line->up, &up, line);
}

static void open_informer(struct line *line, const struct informer_ops *ops, void *arg)
{
    static const struct transport_callbacks down = {down_connected, down_disconnected, down_message,
                                                    down_drained};
    struct informer_options options = {.name = "viewer", .topics = line_topics()};
    line->informer = informer_create(line->loop, line->down, &options, ops, arg);
    transport_start(line->down, &down, line);
}

void line_open(struct line *line, const char *provider, const struct publisher_ops *ops, void *arg)
{
    static const struct informer_ops informer_ops = {.dropped = on_dropped};
    open_world(line);
    open_publisher(line, provider, ops, arg);
    open_informer(line, &informer_ops, line);
}

void line_open_told(struct line *line, const char *provider, const struct informer_ops *told, void *arg)
{
    open_world(line);
    open_publisher(line, provider, NULL, NULL);
    open_informer(line, told, arg);
}

void line_close_publisher(struct line *line)
{
    publisher_destroy(line->publisher);
    line->publisher = NULL;
}

void line_close(struct line *line)
{
    informer_destroy(line->informer);
    publisher_destroy(line->publisher);
    transport_destroy(line->up);
    transport_destroy(line->down);
    loopback_broker_destroy(line->broker);
    local_destroy(line->local);
    apiserver_destroy(line->server);
    loop_destroy(line->loop);
}

struct rest *line_rest(struct line *line)
{
    return local_rest(line->local);
}

static void set(void *arg)
{
    *(bool *)arg = true;
}

void line_run(struct line *line, int64_t us)
{
    struct timer timer;
    bool over = false;
    timer_init(&timer, line->loop, set, &over);
    timer_start(&timer, us);
    while (!over)
        loop_step(line->loop);
}

/* ---- objects ---- */

static char *json_of(const char *format, va_list args)
{
    char text[4096];
    vsnprintf(text, sizeof(text), format, args);
    for (char *c = text; (c = strchr(c, '\'')); c++)
        *c = '"';
    return mem_strdup(text);
}

void line_create(struct line *line, const struct gvr *gvr, const char *format, ...)
{
    va_list args;
    struct error err = {0};
    va_start(args, format);
    cleanup_free char *json = json_of(format, args);
    va_end(args);
    if (apiserver_create_object(line->server, gvr, json, strlen(json), NULL, &err) != 0)
        fail_msg("%s: %s", json, err.text);
}

void line_update(struct line *line, const struct gvr *gvr, bool status, const char *format, ...)
{
    va_list args;
    struct error err = {0};
    va_start(args, format);
    cleanup_free char *json = json_of(format, args);
    va_end(args);
    if (apiserver_update_object(line->server, gvr, json, strlen(json), status, NULL, &err) != 0)
        fail_msg("%s: %s", json, err.text);
}

void line_delete(struct line *line, const struct gvr *gvr, const char *key)
{
    struct error err = {0};
    if (apiserver_delete_object(line->server, gvr, key, &err) != 0)
        fail_msg("%s: %s", key, err.text);
}

void line_create_crd(struct line *line)
{
    line_create(line, &line_crds,
                "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition',"
                "'metadata':{'name':'widgets.example.com'},'spec':{'group':'example.com',"
                "'names':{'plural':'widgets','singular':'widget','kind':'Widget','listKind':'WidgetList'},"
                "'scope':'Namespaced','versions':[{'name':'v1','served':true,'storage':true,"
                "'schema':{'openAPIV3Schema':{'type':'object','x-kubernetes-preserve-unknown-fields':true}}}]"
                "}}");
}

/* ---- what arrived ---- */

struct informer_cluster *line_cluster(struct line *line)
{
    return informer_next_cluster(line->informer, NULL);
}

struct informer_replica *line_replica(struct line *line, const struct gvr *gvr)
{
    struct informer_cluster *cluster = line_cluster(line);
    struct informer_replica *replica = NULL;
    while (cluster && (replica = cluster_next_replica(cluster, replica)))
        if (gvr_equal(replica_gvr(replica), gvr))
            return replica;
    return NULL;
}

size_t line_count(struct line *line, const struct gvr *gvr)
{
    struct informer_replica *replica = line_replica(line, gvr);
    return replica ? store_count(replica_store(replica)) : SIZE_MAX;
}
