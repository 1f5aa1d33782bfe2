#ifndef TI_BASE_COUNTERS_H
#define TI_BASE_COUNTERS_H

/*
 * Counters as one line for people: "publisher: events=12 messages=7". A part has a struct of uint64_t members
 * and a table of their names; what is 0 is left out.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct counter {
    const char *name;
    size_t offset; /* of a uint64_t */
};

#define COUNTER(type, member)                                                                                \
    {                                                                                                        \
#member, offsetof(type, member)                                                                      \
    }

void counters_append(struct buf *out, const char *part, const struct counter *list, size_t count,
                     const void *values);

#endif
