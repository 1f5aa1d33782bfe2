#ifndef TI_SAMPLES_MINICLUSTER_LOAD_H
#define TI_SAMPLES_MINICLUSTER_LOAD_H

/* What fills a cluster and keeps it moving, for demos and measurements: nodes, running pods, and changes at a
 * rate. */

#include "samples/minicluster/controller.h"

struct load {
    struct cluster *cluster;
    unsigned pods, churn;
    unsigned next; /* of the pods that are replaced */
    int64_t owed_us;
    int64_t last_us;
    struct timer timer;
};

void load_start(struct load *load, struct cluster *cluster, unsigned nodes, unsigned pods, unsigned churn);
void load_stop(struct load *load);

#endif
