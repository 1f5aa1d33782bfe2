#ifndef TI_APISERVER_SERVED_H
#define TI_APISERVER_SERVED_H

/*
 * The bytes of an object as a client gets them. Its resourceVersion is that under which it is held here: a
 * client goes on watching from the version of the last object it has seen, so that must be ours, whoever
 * wrote the object. In a fleet it says whose it is, too, by annotations:
 *
 *     cluster.transport-informer/name               its cluster
 *     cluster.transport-informer/resource-version   its resourceVersion there
 *     cluster.transport-informer/stale-since        where it is not known to be up to date: since when
 *
 * Nothing is parsed for that: an object knows where its version and its annotations stand.
 */

#include "apiserver/view.h"
#include "base/buf.h"

#define ANNOTATION_CLUSTER "cluster.transport-informer/name"
#define ANNOTATION_CLUSTER_VERSION "cluster.transport-informer/resource-version"
#define ANNOTATION_STALE "cluster.transport-informer/stale-since"

/* That part of the item's bytes, with what is to be put in there. */
void served_append(const struct item *item, struct slice part, struct buf *out);

#endif
