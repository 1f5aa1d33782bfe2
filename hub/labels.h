#ifndef TI_HUB_LABELS_H
#define TI_HUB_LABELS_H

/* By which labels and annotations workloads are known; agent/manifest.h has the agent's side of them. */

#define LABEL_RESOURCES "hub.transport-informer/resources" /* at the source: this one goes down */
#define ANNOTATION_SOURCE "hub.transport-informer/source"  /* on a cluster: key at the source */
#define ANNOTATION_TARGET "hub.transport-informer/target"  /* on a cluster: its own key there */
#define ANNOTATION_STORE "hub.transport-informer/store"    /* on a cluster: uid of the source cluster */
#define ANNOTATION_AVAILABLE "cluster.available.replicas/" /* at the source: and the namespace there */

#endif
