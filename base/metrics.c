/*
 * Each metric that has a sample is a family: its HELP and TYPE lines and its samples, in a buffer of its own.
 * A fleet has a hundred thousand samples, so numbers are written by hand, and a family is found by the
 * address of its metric.
 */
#include "base/metrics.h"

#include <string.h>
#include <uthash.h>

#include "base/escape.h"
#include "base/mem.h"

#define DIGITS_MAX 20 /* of 64 bits */
#define LABEL_LIMIT 4096

struct family {
    UT_hash_handle hh; /* of the metrics, by metric; they iterate in the order of insertion */
    const struct metric *metric;
    size_t name_len;
    struct buf text;
};

struct metrics {
    struct family *families;
    size_t size, limit;
    bool full;
};

/* ---- text ---- */

/* Of help and of label values, which differ in the quote. */
static void append_escaped(struct buf *out, const char *text, const char *special)
{
    for (size_t plain = strcspn(text, special); *text; plain = strcspn(text, special)) {
        buf_append(out, text, plain);
        text += plain;
        if (!*text)
            return;
        buf_append_char(out, '\\');
        buf_append_char(out, *text == '\n' ? 'n' : *text);
        text++;
    }
}

void metric_label(struct buf *labels, const char *name, const char *value)
{
    if (labels->len)
        buf_append_char(labels, ',');
    buf_append_str(labels, name);
    buf_append_str(labels, "=\"");
    struct buf text = BUF_INIT(LABEL_LIMIT);
    escape_append(&text, value, strlen(value));
    append_escaped(labels, text.len ? text.data : "", "\\\"\n");
    buf_deinit(&text);
    buf_append_char(labels, '"');
}

/* At least so many digits; returns where they begin. */
static char *digits(char *end, uint64_t value, int least)
{
    for (; value || least > 0; value /= 10, least--)
        *--end = (char)('0' + value % 10);
    return end;
}

/* ---- families ---- */

static struct family *family_create(struct metrics *metrics, const struct metric *metric)
{
    static const char *const types[] = {"counter", "gauge"};
    struct family *family = mem_zalloc(sizeof(*family));
    family->metric = metric;
    family->name_len = strlen(metric->name);
    buf_init(&family->text, metrics->limit);
    buf_appendf(&family->text, "# HELP %s ", metric->name);
    append_escaped(&family->text, metric->help, "\\\n");
    buf_appendf(&family->text, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
    metrics->size += family->text.len;
    HASH_ADD_PTR(metrics->families, metric, family);
    return family;
}

static struct family *family_of(struct metrics *metrics, const struct metric *metric)
{
    struct family *family;
    HASH_FIND_PTR(metrics->families, &metric, family);
    return family ? family : family_create(metrics, metric);
}

static void add(struct metrics *metrics, const struct metric *metric, const char *labels, const char *value,
                size_t len)
{
    struct family *family = metrics->full ? NULL : family_of(metrics, metric);
    if (!family)
        return;
    struct buf *text = &family->text;
    size_t before = text->len, labels_len = labels ? strlen(labels) : 0;
    size_t more = family->name_len + (labels_len ? labels_len + 2 : 0) + len + 2; /* {}, blank and newline */
    metrics->full = metrics->size + more > metrics->limit;
    if (metrics->full || buf_reserve(text, more) != 0)
        return;
    buf_append(text, metric->name, family->name_len);
    if (labels_len) {
        buf_append_char(text, '{');
        buf_append(text, labels, labels_len);
        buf_append_char(text, '}');
    }
    buf_append_char(text, ' ');
    buf_append(text, value, len);
    buf_append_char(text, '\n');
    metrics->size += text->len - before;
}

void metrics_number(struct metrics *metrics, const struct metric *metric, const char *labels, uint64_t value)
{
    char text[DIGITS_MAX], *end = text + sizeof(text), *begin = digits(end, value, 1);
    add(metrics, metric, labels, begin, (size_t)(end - begin));
}

void metrics_seconds(struct metrics *metrics, const struct metric *metric, const char *labels, int64_t us)
{
    char text[DIGITS_MAX + 3], *end = text + sizeof(text);
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    char *begin = digits(end, size % 1000000, 6);
    *--begin = '.';
    begin = digits(begin, size / 1000000, 1);
    if (us < 0)
        *--begin = '-';
    add(metrics, metric, labels, begin, (size_t)(end - begin));
}

/* ---- all of it ---- */

struct metrics *metrics_create(size_t limit_bytes)
{
    struct metrics *metrics = mem_zalloc(sizeof(*metrics));
    metrics->limit = limit_bytes;
    return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
    struct family *family, *next;
    if (!metrics)
        return;
    HASH_ITER (hh, metrics->families, family, next) {
        HASH_DEL(metrics->families, family);
        buf_deinit(&family->text);
        free(family);
    }
    free(metrics);
}

bool metrics_full(const struct metrics *metrics)
{
    return metrics->full;
}

const struct buf *metrics_text(const struct metrics *metrics, size_t at)
{
    const struct family *family = metrics->families;
    for (; family && at; at--)
        family = family->hh.next;
    return family ? &family->text : NULL;
}

size_t metrics_size(const struct metrics *metrics)
{
    return metrics->size;
}
