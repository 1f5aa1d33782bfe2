#include "samples/minicluster/cluster.h"

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/load.h"

/* Those of workloads come first; a passive cluster leaves them out. */
#define WORKLOAD_CONTROLLERS 6
static const struct controller_ops *const all_ops[] = {
    &deployment_controller, &replicaset_controller, &daemonset_controller, &job_controller,  &pod_controller,
    &lease_controller,      &garbage_controller,    &namespace_controller, &event_controller};

struct cluster {
    struct apiserver *server;
    struct owners owners;
    struct controller controllers[array_size(all_ops)];
    struct load load;
    unsigned nodes, addresses;
    size_t first; /* of the controllers that act */
};

static void on_commit(void *arg, struct collection *collection, const struct event *event)
{
    struct cluster *cluster = arg;
    owners_note(&cluster->owners, collection, event);
    for (size_t i = cluster->first; i < array_size(cluster->controllers); i++)
        cluster->controllers[i].ops->changed(&cluster->controllers[i], collection, event);
}

static void work(void *arg, const char *key)
{
    struct controller *controller = arg;
    controller->ops->reconcile(controller, key);
}

static void start_controllers(struct cluster *cluster)
{
    struct storage *storage = apiserver_storage(cluster->server);
    for (size_t i = 0; i < array_size(cluster->controllers); i++) {
        struct controller *controller = &cluster->controllers[i];
        controller->ops = all_ops[i];
        controller->cluster = cluster;
        queue_init(&controller->queue, apiserver_loop(cluster->server), work, controller);
    }
    storage->committed = on_commit;
    storage->arg = cluster;
    /* What was there before is news to the controllers. */
    const struct collection *collection;
    const struct event *event;
    for (uint64_t seen = 0; (event = storage_event_after(storage, seen, &collection)); seen = event->revision)
        on_commit(cluster, (struct collection *)collection, event);
}

struct cluster *cluster_create(const struct cluster_options *options)
{
    struct cluster *cluster = mem_zalloc(sizeof(*cluster));
    struct apiserver_options server = {
        .loop = options->loop,
        .log = options->log,
        .history_events = 20000,
        .history_bytes = options->history_bytes ? options->history_bytes : (size_t)64 << 20,
        .graceful = true,
    };
    cluster->server = apiserver_create(&server);
    cluster->nodes = options->nodes;
    cluster->first = options->passive ? WORKLOAD_CONTROLLERS : 0;
    start_controllers(cluster);
    load_start(&cluster->load, cluster, options->nodes, options->pods, options->churn);
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    if (!cluster)
        return;
    load_stop(&cluster->load);
    for (size_t i = 0; i < array_size(cluster->controllers); i++)
        queue_deinit(&cluster->controllers[i].queue);
    owners_deinit(&cluster->owners);
    apiserver_destroy(cluster->server);
    free(cluster);
}

struct apiserver *cluster_server(struct cluster *cluster)
{
    return cluster->server;
}

const struct owners *cluster_owners(struct cluster *cluster)
{
    return &cluster->owners;
}

unsigned cluster_node_count(const struct cluster *cluster)
{
    return cluster->nodes;
}

unsigned cluster_next_address(struct cluster *cluster)
{
    return ++cluster->addresses + 1;
}
