#include "samples/minicluster/cluster.h"

#include "base/mem.h"

struct cluster {
    struct apiserver *server;
};

struct cluster *cluster_create(const struct cluster_options *options)
{
    struct cluster *cluster = mem_zalloc(sizeof(*cluster));
    struct apiserver_options server = {
        .loop = options->loop,
        .log = options->log,
        .wall_offset_us = options->wall_offset_us,
        .history_events = 20000,
        .history_bytes = (size_t)64 << 20,
        .graceful = true,
    };
    cluster->server = apiserver_create(&server);
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    if (!cluster)
        return;
    apiserver_destroy(cluster->server);
    free(cluster);
}

struct apiserver *cluster_server(struct cluster *cluster)
{
    return cluster->server;
}
