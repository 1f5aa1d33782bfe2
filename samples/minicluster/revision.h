#ifndef TI_SAMPLES_MINICLUSTER_REVISION_H
#define TI_SAMPLES_MINICLUSTER_REVISION_H

/* ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, for kubectl's rollout history
 * and undo. */

#include "samples/minicluster/controller.h"

/* The set's template has a revision, which is its newest, under that name and with that hash as its label.
 * Others go beyond revisionHistoryLimit, the oldest first. */
void revision_record(struct cluster *cluster, const cJSON *set, const char *name, const char *hash);

#endif
