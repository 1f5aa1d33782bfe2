#include "base/counters.h"

#include <inttypes.h>
#include <string.h>

void counters_append(struct buf *out, const char *part, const struct counter *list, size_t count,
                     const void *values)
{
    buf_appendf(out, "%s%s:", out->len ? "; " : "", part);
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)values + list[i].offset, sizeof(value));
        if (value)
            buf_appendf(out, " %s=%" PRIu64, list[i].name, value);
    }
}
