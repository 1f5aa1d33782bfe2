#ifndef TI_HUB_SUMMARY_H
#define TI_HUB_SUMMARY_H

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

enum summary_view { SUMMARY_VIEW_LINES, SUMMARY_VIEW_TABLE };

struct summary;

/* The informer is borrowed, out too. What it tells of clusters and replicas is to be passed on. */
struct summary *summary_create(struct loop *loop, const struct informer *informer, enum summary_view view,
                               FILE *out);
void summary_changed(struct summary *summary, const struct informer_cluster *cluster); /* NULL is fine */
void summary_destroy(struct summary *summary); /* before the informer; NULL is fine */

#endif
