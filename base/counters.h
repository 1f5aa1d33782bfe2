#ifndef TI_BASE_COUNTERS_H
#define TI_BASE_COUNTERS_H

/*
 * Counters, and who is told of them. A part has a struct of uint64_t members, and one table of their names
 * and of the metrics that they are. It shows them with counters_add(), without knowing to whom: as one line
 * for people ("publisher: events=12 messages=7"; what is 0 is left out), or as samples (base/metrics.h).
 */

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"

struct counter {
    const char *name;
    size_t offset; /* of a uint64_t */
    const struct metric *metric;
    const char *labels; /* that set it apart from others of that metric: "answer=\"equal\""; or NULL */
    bool us;            /* the member has microseconds */
};

#define COUNTER(type, member, ...)                                                                           \
    {                                                                                                        \
        .name = #member, .offset = offsetof(type, member), .metric = __VA_ARGS__                             \
    }

/* One of the two. */
struct counters {
    struct buf *line;
    struct metrics *metrics;
    bool sparse; /* what is 0 is no sample either: there are too many of their like */
};

/* instance: labels that tell this part from its like, as one of several connections; "": there is one. */
void counters_add(struct counters *out, const char *part, const char *instance, const struct counter *list,
                  size_t count, const void *values);

#endif
