#include "base/counters.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#define LABELS_LIMIT 1024

static uint64_t value_of(const struct counter *counter, const void *values)
{
    uint64_t value;
    memcpy(&value, (const char *)values + counter->offset, sizeof(value));
    return value;
}

static void append_line(struct buf *out, const char *part, const struct counter *list, size_t count,
                        const void *values)
{
    buf_appendf(out, "%s%s:", out->len ? "; " : "", part);
    for (size_t i = 0; i < count; i++)
        if (value_of(&list[i], values))
            buf_appendf(out, " %s=%" PRIu64, list[i].name, value_of(&list[i], values));
}

static void add_sample(struct metrics *metrics, const char *instance, const struct counter *counter,
                       uint64_t value)
{
    struct buf labels = BUF_INIT(LABELS_LIMIT);
    const char *own = counter->labels ? counter->labels : "";
    buf_appendf(&labels, "%s%s%s", instance, *instance && *own ? "," : "", own);
    if (counter->us)
        metrics_seconds(metrics, counter->metric, labels.data, (int64_t)value);
    else
        metrics_number(metrics, counter->metric, labels.data, value);
    buf_deinit(&labels);
}

void counters_add(struct counters *out, const char *part, const char *instance, const struct counter *list,
                  size_t count, const void *values)
{
    if (out->line)
        append_line(out->line, part, list, count, values);
    for (size_t i = 0; out->metrics && i < count; i++)
        if (!out->sparse || value_of(&list[i], values))
            add_sample(out->metrics, instance, &list[i], value_of(&list[i], values));
}
