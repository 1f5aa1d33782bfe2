#ifndef TI_HUB_WORKLOADS_H
#define TI_HUB_WORKLOADS_H

/*
 * Workloads on their way down: Deployments of the source cluster that carry the label
 * hub.transport-informer/resources, each to the cluster whose name is its namespace.
 *
 *     source cluster ──mirror──▶ store ──by namespace──▶ one store and one stream for each cluster
 *
 * A stream is announced only when the source was read whole; from then on its absence of an object means
 * that the object is not wanted. So a cluster that asks and has nothing gets an empty stream, and learns that
 * nothing is wanted. Streams never end: whatever becomes of the source, no agent may take that for deletions;
 * and before a list takes anything away, it is made sure that it is still the same cluster that answers.
 *
 * What goes down lacks what changes without meaning to the clusters: status, managedFields, and the
 * annotations by which the hub itself writes back; and a new resourceVersion alone is no change. Else each
 * report would be a workload changed.
 */

#include "kube/reflector.h"
#include "provider/publisher.h"

struct workloads_config {
    struct loop *loop;   /* borrowed, as all that follows */
    struct log *log;     /* may be NULL */
    struct attic *attic; /* may be NULL */
    struct rest *rest;   /* the source cluster */
    struct publisher *publisher;
    size_t audiences_max; /* 0: 20,000 */
    /* A list has come: find out whether the source is still that cluster, then call workloads_confirmed();
     * not from inside. NULL: it is. */
    void (*confirm)(void *arg);
    /* The source tells an older state than before; nothing of it goes down. Destroy these workloads (not from
     * inside) and begin anew under another boot. May be NULL. */
    void (*went_back)(void *arg);
    void *arg;
};

struct workloads;

/* Starts at once. */
struct workloads *workloads_create(const struct workloads_config *config);
void workloads_destroy(struct workloads *workloads); /* after the publisher; NULL is fine */

/* A cluster asks: gives it a stream if it has none. For publisher_ops.asked. */
void workloads_asked(struct workloads *workloads, const char *cluster);

void workloads_confirmed(struct workloads *workloads);

struct store *workloads_source(struct workloads *workloads); /* as mirrored, to be observed */
bool workloads_synced(const struct workloads *workloads);    /* the source was read whole */

/* The Deployment resource. */
extern const struct gvr workloads_gvr;

#endif
