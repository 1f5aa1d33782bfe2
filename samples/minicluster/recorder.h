#ifndef TI_SAMPLES_MINICLUSTER_RECORDER_H
#define TI_SAMPLES_MINICLUSTER_RECORDER_H

/* Events, as controllers and kubelets write them for people: what kubectl describe shows below an object.
 * They go after an hour, whoever wrote them, as from a real server. */

#include "samples/minicluster/controller.h"

/* type: "Normal", "Warning"; about: as it was read. One that cannot be written is left out. */
void record_event(struct cluster *cluster, const cJSON *about, const char *component, const char *type,
                  const char *reason, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
