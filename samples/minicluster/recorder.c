#include "samples/minicluster/recorder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define MESSAGE_MAX 1024
#define LIFE_US (3600 * LOOP_SECOND)

static const struct gvr gvr_events = {"", "v1", "events"};

static cJSON *reference_to(const cJSON *about)
{
    static const char *const metadata[] = {"namespace", "name", "uid", "resourceVersion"};
    cJSON *reference = cJSON_CreateObject();
    tree_set_text(reference, "kind", tree_text(about, "kind"));
    tree_set_text(reference, "apiVersion", tree_text(about, "apiVersion"));
    for (size_t i = 0; i < array_size(metadata); i++)
        tree_set_text(reference, metadata[i], tree_text(tree_at(about, "metadata"), metadata[i]));
    return reference;
}

/* No revision is given twice, so neither is a name. */
static void set_name(struct cluster *cluster, cJSON *event, const cJSON *about)
{
    cJSON *metadata = tree_make(event, "metadata");
    const char *namespace_ = tree_text(about, "metadata.namespace");
    cleanup_free char *name = mem_printf("%.200s.%016" PRIx64, tree_text(about, "metadata.name"),
                                         apiserver_revision(cluster_server(cluster)));
    tree_set_text(metadata, "name", name);
    tree_set_text(metadata, "namespace", namespace_[0] ? namespace_ : "default");
}

void record_event(struct cluster *cluster, const cJSON *about, const char *component, const char *type,
                  const char *reason, const char *format, ...)
{
    char message[MESSAGE_MAX], now[24];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    cleanup_tree cJSON *event = cJSON_CreateObject();
    apiserver_time(cluster_server(cluster), now);
    set_name(cluster, event, about);
    tree_set(event, "involvedObject", reference_to(about));
    tree_set_text(event, "type", type);
    tree_set_text(event, "reason", reason);
    tree_set_text(event, "message", message);
    tree_set_text(tree_make(event, "source"), "component", component);
    tree_set_text(event, "reportingComponent", component);
    tree_set_text(event, "firstTimestamp", now);
    tree_set_text(event, "lastTimestamp", now);
    tree_set_number(event, "count", 1);
    cluster_write(cluster, &gvr_events, event);
}

static void event_changed(struct controller *controller, struct collection *collection,
                          const struct event *event)
{
    if (event_is_of(collection, &gvr_events) && event->type == EVENT_ADDED)
        queue_add(&controller->queue, object_key(event->object), LIFE_US);
}

static void event_reconcile(struct controller *controller, const char *key)
{
    apiserver_delete_object(cluster_server(controller->cluster), &gvr_events, key, NULL);
}

const struct controller_ops event_controller = {event_changed, event_reconcile};
