#ifndef TI_SAMPLES_MINICLUSTER_CLUSTER_H
#define TI_SAMPLES_MINICLUSTER_CLUSTER_H

/*
 * A whole cluster in this process: an API server and the controllers that make it live. Each controller is a
 * state machine over the server's direct interface: it is told which objects have changed, and works through
 * them from the loop. So a cluster runs under virtual time as well, and repeats there.
 */

#include <stdbool.h>

#include "apiserver/server.h"

struct cluster;

struct cluster_options {
    struct loop *loop;
    struct log *log;
    unsigned nodes;
    unsigned pods;        /* running to begin with */
    unsigned churn;       /* changes a second */
    size_t history_bytes; /* of events, for each resource; 0: 64 MB */
    int64_t node_grace_s; /* after which a node that does not renew its Lease is not ready; 0: 40 */
    int64_t toleration_s; /* after which pods leave it, where they say nothing else; 0: 300 */
    bool passive;         /* nobody acts on workloads: what is declared stays a declaration */
    /* From the loop: nodes and pods are all there. Until then its API is not ready. May be NULL. */
    void (*filled)(void *arg);
    void *arg;
};

struct cluster *cluster_create(const struct cluster_options *options);
void cluster_destroy(struct cluster *cluster); /* NULL is fine */

struct apiserver *cluster_server(struct cluster *cluster); /* borrowed */

#endif
