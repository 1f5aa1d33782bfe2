#ifndef TI_HUB_STATUS_WRITER_H
#define TI_HUB_STATUS_WRITER_H

/*
 * What became of the workloads, back to the source: the Deployment at the source gets the annotation
 *
 *     cluster.available.replicas/<namespace on the cluster>: "<available replicas>"
 *
 * for each Deployment on its cluster that names it as its source. What should be written is compared with
 * what is there, so that nothing is written twice, a hub that was away catches up, and the change that comes
 * back from the source leads to nothing more. A cluster can report on its own workloads only: those whose
 * namespace at the source has its name. While a cluster's copy is not known to be up to date, what was
 * reported stays.
 *
 * A state machine over struct rest, a loop, and stores that others keep.
 */

#include <stdbool.h>

#include "base/log.h"
#include "base/loop.h"
#include "store/store.h"

struct rest;

struct status_writer_config {
    struct loop *loop; /* borrowed, as rest, log and source are */
    struct log *log;   /* may be NULL */
    struct rest *rest; /* the source cluster */
    struct store *source;
    const char *store_id; /* uid of the source cluster; copied */
};

struct status_writer_stats {
    size_t written, failed; /* patches */
};

struct status_writer;

struct status_writer *status_writer_create(const struct status_writer_config *config);
/* Before any of the stores goes. NULL is fine. */
void status_writer_destroy(struct status_writer *writer);

/* The Deployments of a cluster, in a store that somebody else keeps, borrowed until detach. */
void status_writer_attach(struct status_writer *writer, const char *cluster, struct store *store);
/* Whether the store is known to be equal to the cluster's. Nothing is written while it is not. */
void status_writer_synced(struct status_writer *writer, const struct store *store, bool synced);
void status_writer_detach(struct status_writer *writer, const struct store *store);

const struct status_writer_stats *status_writer_stats(const struct status_writer *writer);

#endif
