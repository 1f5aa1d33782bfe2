#include "samples/minicluster/cluster.h"

#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/load.h"

/* Those of workloads come first; a passive cluster leaves them out. */
#define WORKLOAD_CONTROLLERS 12
static const struct controller_ops *const all_ops[] = {&deployment_controller,
                                                       &replicaset_controller,
                                                       &statefulset_controller,
                                                       &cronjob_controller,
                                                       &endpoints_controller,
                                                       &daemonset_controller,
                                                       &job_controller,
                                                       &pod_controller,
                                                       &lease_controller,
                                                       &node_controller,
                                                       &taint_eviction_controller,
                                                       &disruption_controller,
                                                       &garbage_controller,
                                                       &namespace_controller,
                                                       &event_controller};

struct cluster {
    struct apiserver *server;
    struct owners owners;
    struct controller controllers[array_size(all_ops)];
    struct load load;
    unsigned addresses;
    int64_t node_grace_us;
    size_t first; /* of the controllers that act */
    void (*filled)(void *arg);
    void *arg;
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

static void on_filled(void *arg)
{
    struct cluster *cluster = arg;
    apiserver_set_unready(cluster->server, NULL);
    if (cluster->filled)
        cluster->filled(cluster->arg);
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
        .toleration_s = options->toleration_s,
    };
    cluster->server = apiserver_create(&server);
    cluster->node_grace_us = (options->node_grace_s ? options->node_grace_s : 40) * LOOP_SECOND;
    cluster->first = options->passive ? WORKLOAD_CONTROLLERS : 0;
    start_controllers(cluster);
    cluster->filled = options->filled;
    cluster->arg = options->arg;
    cluster->load = (struct load){.cluster = cluster,
                                  .nodes = options->nodes,
                                  .pods = options->pods,
                                  .churn = options->churn,
                                  .filled = on_filled,
                                  .arg = cluster};
    apiserver_set_unready(cluster->server, "filled");
    load_start(&cluster->load);
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

int64_t cluster_node_grace_us(const struct cluster *cluster)
{
    return cluster->node_grace_us;
}

unsigned cluster_next_address(struct cluster *cluster)
{
    return ++cluster->addresses + 1;
}
