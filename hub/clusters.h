#ifndef TI_HUB_CLUSTERS_H
#define TI_HUB_CLUSTERS_H

/*
 * The clusters of the fleet as objects of its API, for kubectl to list, to watch and to wait for:
 *
 *     kubectl get clusters
 *     NAME       CONNECTED   SYNCED   VERSION   NODES   PODS   LAG   AGE
 *     cluster1   True        True     v1.32.0   3       120    4s    2d
 *     kubectl wait --for=condition=Synced cluster/cluster1
 *
 * LAG is how long ago the API server was last heard about the resource it has been silent about for longest.
 * An object is made anew within a second after something has changed in it; that time passes is no change
 * worth telling more than twice a minute.
 */

#include "apiserver/storage.h"
#include "informer/informer.h"

#define CLUSTERS_GROUP "fleet.transport-informer.io"

struct clusters;

/* Both borrowed. */
struct clusters *clusters_create(struct loop *loop, struct storage *storage);
void clusters_destroy(struct clusters *clusters); /* before informer and storage; NULL is fine, as below */

/* Something about it has changed: as the informer's ops. */
void clusters_changed(struct clusters *clusters, const struct informer_cluster *cluster);

#endif
