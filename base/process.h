#ifndef TI_BASE_PROCESS_H
#define TI_BASE_PROCESS_H

/* What every exporter says of its process, under the names that Prometheus' client libraries have for it. */

#include "base/metrics.h"

/* Reads some files of /proc: a fraction of a millisecond. */
void process_metrics(struct metrics *out);

#endif
