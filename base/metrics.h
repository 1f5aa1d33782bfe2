#ifndef TI_BASE_METRICS_H
#define TI_BASE_METRICS_H

/*
 * Measurements in the text format of Prometheus (version 0.0.4).
 *
 * A metric is a constant of the part that measures it: its whole name, type and help. Parts add samples in
 * whatever order is theirs; those of one metric are kept together, as the format demands, and metrics stand
 * in the order in which they first came.
 *
 *     static const struct metric replica_objects = METRIC_GAUGE("transport_informer_replica_objects", "…");
 *     metrics_number(metrics, &replica_objects, labels.data, store_count(store));
 *
 * Labels are text that is ready, so that the ones of a stream are escaped once for all its samples. Names
 * follow the field's conventions: base units, counters end in _total. docs/metrics.md lists them all, and
 * tests/check/metrics.py holds it to the code.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE };

struct metric {
    const char *name, *help;
    enum metric_type type;
};

#define METRIC_COUNTER(name_, help_)                                                                         \
    {                                                                                                        \
        .name = (name_), .help = (help_), .type = METRIC_TYPE_COUNTER                                        \
    }
#define METRIC_GAUGE(name_, help_)                                                                           \
    {                                                                                                        \
        .name = (name_), .help = (help_), .type = METRIC_TYPE_GAUGE                                          \
    }

/* Appends one label: name="value", with a comma where there are others before it. What is no text in the
 * value is written as base/escape.h does. */
void metric_label(struct buf *labels, const char *name, const char *value);

struct metrics;

struct metrics *metrics_create(size_t limit_bytes);
void metrics_destroy(struct metrics *metrics); /* NULL is fine */

/* One sample. labels: what metric_label() made; NULL or "": none. The metric is borrowed for the metrics'
 * life. What would pass the limit is left out, and metrics_full() tells. */
void metrics_number(struct metrics *metrics, const struct metric *metric, const char *labels, uint64_t value);
/* The same, in seconds. */
void metrics_seconds(struct metrics *metrics, const struct metric *metric, const char *labels, int64_t us);
bool metrics_full(const struct metrics *metrics);

/* The text, in pieces of which each is one metric: the next one, of which `at` counts from 0. NULL behind the
 * last. */
const struct buf *metrics_text(const struct metrics *metrics, size_t at);
size_t metrics_size(const struct metrics *metrics); /* of all pieces, in bytes */

#endif
