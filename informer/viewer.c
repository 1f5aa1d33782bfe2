#include "informer/viewer.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "informer/spelling.h"
#include "store/selector.h"

/* One replica that is followed. */
struct view {
    struct viewer *viewer;
    struct informer_replica *replica;
    struct store_observer observer;
    size_t count;      /* objects that match */
    bool fresh;        /* as printed last */
    UT_hash_handle hh; /* by replica */
};

struct viewer {
    const struct viewer_options *options;
    struct selector selector;
    struct printer *printer;
    bool follow;
    struct view *views;
};

static const struct option_spec specs[] = {
    {.name = "cluster",
     .type = OPTION_LIST,
     .value = "NAME",
     .help = "this cluster only; without it all",
     .valid = topics_participant_valid,
     .allowed = "a cluster's name, such as cluster1",
     .offset = offsetof(struct viewer_options, clusters)},
    {.name = "resource",
     .type = OPTION_LIST,
     .value = "RESOURCE",
     .help = "a kind as kubectl spells it (pods, deployments.apps, widgets.v1.example.com); without it all "
             "that is published",
     .offset = offsetof(struct viewer_options, resources)},
    {.name = "namespace",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "of what is in a namespace, this one only; without it all",
     .valid = dns_label_valid,
     .allowed = "a namespace's name, such as default",
     .offset = offsetof(struct viewer_options, namespace_)},
    {.name = "selector",
     .letter = 'l',
     .type = OPTION_TEXT,
     .value = "LABELS",
     .help = "objects of these labels only: app=web,tier!=test",
     .offset = offsetof(struct viewer_options, selector)},
};

struct option_group viewer_option_group(struct viewer_options *options)
{
    return (struct option_group){"What is shown", specs, array_size(specs), options};
}

static bool matches(const struct viewer *viewer, const struct object *object)
{
    if (!object)
        return false;
    struct slice namespace_ = object_namespace(object);
    if (viewer->options->namespace_ && namespace_.len &&
        !slice_equal(namespace_, viewer->options->namespace_))
        return false;
    return selector_matches_labels(&viewer->selector, object_labels(object));
}

/* Following */

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct view *view = arg;
    struct viewer *viewer = view->viewer;
    bool was = matches(viewer, old), is = matches(viewer, new_);
    (void)unseen;
    if (!was && !is)
        return;
    view->count += (size_t)is - (size_t)was;
    printer_event(viewer->printer, cluster_name(replica_cluster(view->replica)), replica_gvr(view->replica),
                  !was ? EVENT_ADDED
                  : is ? EVENT_MODIFIED
                       : EVENT_DELETED,
                  is ? new_ : old);
}

static struct view *view_find(struct viewer *viewer, const struct informer_replica *replica)
{
    struct view *view;
    HASH_FIND_PTR(viewer->views, &replica, view);
    return view;
}

bool viewer_wants_cluster(const struct viewer *viewer, const char *cluster)
{
    const struct option_list *clusters = &viewer->options->clusters;
    for (size_t i = 0; i < clusters->count; i++)
        if (strcmp(clusters->items[i], cluster) == 0)
            return true;
    return clusters->count == 0 && strcmp(cluster, TOPICS_HUB) != 0; /* which has workloads only */
}

bool viewer_wanted(void *arg, const char *cluster, const struct gvr *gvr)
{
    struct viewer *viewer = arg;
    const struct option_list *resources = &viewer->options->resources;
    if (!viewer_wants_cluster(viewer, cluster))
        return false;
    for (size_t i = 0; i < resources->count; i++)
        if (spelling_matches(resources->items[i], gvr))
            return true;
    return resources->count == 0;
}

void viewer_replica(void *arg, struct informer_replica *replica)
{
    struct viewer *viewer = arg;
    if (!viewer->follow)
        return;
    struct view *view = mem_zalloc(sizeof(*view));
    view->viewer = viewer;
    view->replica = replica;
    view->observer = (struct store_observer){.changed = on_changed, .arg = view};
    HASH_ADD_PTR(viewer->views, replica, view);
    store_observe(replica_store(replica), &view->observer);
}

static void print_freshness(struct viewer *viewer, const struct informer_replica *replica, size_t count)
{
    struct replica_freshness freshness = replica_freshness(replica);
    printer_freshness(viewer->printer, cluster_name(replica_cluster(replica)), replica_gvr(replica), count,
                      &freshness);
}

void viewer_synced(void *arg, struct informer_replica *replica)
{
    struct viewer *viewer = arg;
    struct view *view = view_find(viewer, replica);
    if (!view)
        return;
    view->fresh = replica_synced(replica);
    print_freshness(viewer, replica, view->count);
}

/* What has turned stale, or fresh again. */
void viewer_heard(void *arg, struct informer_replica *replica)
{
    struct viewer *viewer = arg;
    const struct view *view = view_find(viewer, replica);
    if (view && view->fresh != replica_synced(replica))
        viewer_synced(viewer, replica);
}

void viewer_cluster(void *arg, struct informer_cluster *cluster)
{
    struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        viewer_heard(arg, replica);
}

void viewer_dropped(void *arg, struct informer_replica *replica)
{
    struct viewer *viewer = arg;
    struct view *view = view_find(viewer, replica);
    if (!view)
        return;
    store_unobserve(replica_store(replica), &view->observer);
    HASH_DEL(viewer->views, view);
    free(view);
}

/* One moment */

static int by_key(const void *a, const void *b)
{
    return strcmp(object_key(*(struct object *const *)a), object_key(*(struct object *const *)b));
}

static void print_objects(struct viewer *viewer, const struct informer_replica *replica)
{
    const char *cluster = cluster_name(replica_cluster(replica));
    struct store *store = replica_store(replica);
    cleanup_free struct object **objects = mem_alloc((store_count(store) + 1) * sizeof(struct object *));
    size_t count = 0;
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        if (matches(viewer, object))
            objects[count++] = object;
    qsort(objects, count, sizeof(struct object *), by_key);
    for (size_t i = 0; i < count; i++)
        printer_event(viewer->printer, cluster, replica_gvr(replica), EVENT_ADDED, objects[i]);
    printer_flush(viewer->printer);
}

static size_t count_matching(const struct viewer *viewer, const struct store *store)
{
    size_t count = 0;
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        count += matches(viewer, object);
    return count;
}

void viewer_print(struct viewer *viewer, const struct informer_cluster *cluster)
{
    struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica)))
        print_objects(viewer, replica);
    while ((replica = cluster_next_replica(cluster, replica)))
        print_freshness(viewer, replica, count_matching(viewer, replica_store(replica)));
    printer_flush(viewer->printer);
}

/* Life */

int viewer_create(const struct viewer_options *options, struct printer *printer, bool follow,
                  struct viewer **out, struct error *err)
{
    struct viewer *viewer = mem_zalloc(sizeof(*viewer));
    if (options->selector && selector_parse_labels(&viewer->selector, options->selector, err) != 0) {
        free(viewer);
        error_prefix(err, "--selector");
        return err->code = EX_USAGE;
    }
    viewer->options = options;
    viewer->printer = printer;
    viewer->follow = follow;
    *out = viewer;
    return 0;
}

void viewer_destroy(struct viewer *viewer)
{
    if (!viewer)
        return;
    struct view *view, *next;
    HASH_ITER (hh, viewer->views, view, next) {
        HASH_DEL(viewer->views, view);
        free(view);
    }
    selector_deinit(&viewer->selector);
    free(viewer);
}
