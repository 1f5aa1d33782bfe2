#ifndef TI_SAMPLES_MINICLUSTER_CLUSTERS_H
#define TI_SAMPLES_MINICLUSTER_CLUSTERS_H

/* Clusters of one process, each served at a port of its own, and the kubeconfig that leads to all of them. */

#include <stdint.h>

#include "base/checks.h"
#include "base/counters.h"
#include "base/error.h"
#include "samples/minicluster/cluster.h"

#define CLUSTERS_MAX 1000

struct clusters;

struct clusters_options {
    const char *host;
    uint16_t port;               /* of the first; the others follow it. 0: each takes one that is free */
    const char *name;            /* of the cluster; where there are more, of each with a number behind it */
    const char *kubeconfig_out;  /* NULL: none is written */
    unsigned count;              /* 1 to CLUSTERS_MAX */
    struct cluster_options each; /* less filled and arg */
    /* From the loop: all are filled, the kubeconfig is written, and stdout has a line for each. Or it could
     * not be written: failed has one of sysexits. */
    void (*ready)(void *arg, const struct error *failed);
    void *arg;
};

/* All listen and are being filled; or one of sysexits with err set. The options are borrowed until ready().
 */
int clusters_create(const struct clusters_options *options, struct clusters **out, struct error *err);
/* Of this part of them, counted from 0: a slice of work. False: it was the last one. */
bool clusters_metrics(const struct clusters *clusters, struct metrics *out, size_t part);
void clusters_check(const struct clusters *clusters, struct checks *out);
/* The loop must run once more before it is destroyed. NULL is fine. */
void clusters_destroy(struct clusters *clusters);

#endif
