#ifndef TI_HUB_FLEET_H
#define TI_HUB_FLEET_H

/*
 * The clusters at a glance: a table that is drawn anew on a terminal, or a line for each change elsewhere.
 *
 *     CLUSTER    STATE    RESOURCES   OBJECTS   VERSION   HEARD
 *     cluster1   synced   13/13       2041      v1.32.0   4s ago
 *
 * A line costs what changes; the table is drawn anew each second, and shows so many clusters as anybody
 * reads.
 *
 * STATE is synced, syncing (alive, but not all of it is here), or silent; refused where a
 * resource would pass the bounds of a cluster. HEARD is how old the oldest of its
 * resources is: since when the API server has not been heard about it.
 */

#include "informer/informer.h"

enum fleet_view { FLEET_LINES, FLEET_TABLE };

struct fleet;

/* The informer is borrowed, out too. What it tells of clusters and replicas is to be passed on. */
struct fleet *fleet_create(struct loop *loop, const struct informer *informer, enum fleet_view view,
                           FILE *out);
void fleet_changed(struct fleet *fleet, const struct informer_cluster *cluster); /* NULL fleet is fine */
void fleet_destroy(struct fleet *fleet); /* before the informer; NULL is fine */

#endif
