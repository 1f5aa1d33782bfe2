#ifndef TI_SAMPLES_MINICLUSTER_LOAD_H
#define TI_SAMPLES_MINICLUSTER_LOAD_H

/*
 * What fills a cluster and keeps it moving, for demos and measurements: nodes, running pods, and changes at a
 * rate. A few objects are made in each turn of the loop, so that clients are answered meanwhile.
 */

#include "samples/minicluster/controller.h"

struct load {
    struct cluster *cluster;
    unsigned nodes, pods, churn;
    unsigned nodes_made, pods_made; /* of those to begin with */
    void (*filled)(void *arg);      /* those are all there */
    void *arg;
    int64_t owed_us;
    int64_t last_us;
    struct timer timer;
};

/* Begins with the next turn of the loop, with cluster, nodes, pods, churn, filled and arg set. */
void load_start(struct load *load);
void load_stop(struct load *load);

#endif
