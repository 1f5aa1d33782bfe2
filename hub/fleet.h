#ifndef TI_HUB_FLEET_H
#define TI_HUB_FLEET_H

/*
 * What the informer has, as the storage of an API server: each replica is a partition of its resource's
 * collection, and holds the very same objects. A change of a replica's store is a commit there; so watches
 * are told of it, and lists have it, in the same turn of the loop.
 *
 * What is there already when a replica appears comes in slices, a turn of the loop each, and what a replica
 * leaves behind goes so.
 *
 * A partition stays when its cluster falls silent: its objects are the last ones known, and say since when.
 */

#include "apiserver/storage.h"
#include "informer/informer.h"

struct fleet;

struct fleet *fleet_create(struct loop *loop, struct storage *storage); /* both borrowed */
void fleet_destroy(struct fleet *fleet); /* before informer and storage; NULL is fine, as below */

/* As the informer's ops. */
void fleet_replica(struct fleet *fleet, struct informer_replica *replica);
void fleet_heard(struct fleet *fleet, const struct informer_replica *replica); /* synced and stale, too */
void fleet_renamed(struct fleet *fleet, const struct informer_replica *replica);
void fleet_cluster(struct fleet *fleet, const struct informer_cluster *cluster);
void fleet_dropped(struct fleet *fleet, struct informer_replica *replica);

#endif
