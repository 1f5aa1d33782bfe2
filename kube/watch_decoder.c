#include "kube/watch_decoder.h"

#include <string.h>

#define LINE_KEEP 65536 /* a line buffer larger than this is given back after its line */
#define TYPE_UNKNOWN (-1)

void watch_decoder_init(struct watch_decoder *decoder, size_t limit_bytes,
                        bool (*event)(void *arg, const struct watch_event *event), void *arg)
{
    *decoder = (struct watch_decoder){.line = BUF_INIT(limit_bytes), .event = event, .arg = arg};
}

void watch_decoder_deinit(struct watch_decoder *decoder)
{
    buf_deinit(&decoder->line);
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice text)
{
    while (text.len && space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && space(text.data[text.len - 1]))
        text.len--;
    return text;
}

static int type_parse(struct slice text, enum event_type *type)
{
    for (int i = EVENT_ADDED; i <= EVENT_ERROR; i++)
        if (slice_equal(text, event_type_text((enum event_type)i))) {
            *type = (enum event_type)i;
            return 0;
        }
    return TYPE_UNKNOWN;
}

static bool skip(struct slice *text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (text->len < len || memcmp(text->data, prefix, len) != 0)
        return false;
    text->data += len;
    text->len -= len;
    return true;
}

/* A line as Go writes it. 0, -1 for an unknown type, WATCH_E_SYNTAX for any other spelling. */
static int split_as_written(struct slice line, struct watch_event *event)
{
    struct slice rest = line;
    if (!skip(&rest, "{\"type\":\""))
        return WATCH_E_SYNTAX;
    const char *quote = memchr(rest.data, '"', rest.len < 16 ? rest.len : 16);
    if (!quote)
        return WATCH_E_SYNTAX;
    struct slice type = {rest.data, (size_t)(quote - rest.data)};
    rest.data += type.len;
    rest.len -= type.len;
    if (!skip(&rest, "\",\"object\":{") || rest.len < 2 || memcmp(rest.data + rest.len - 2, "}}", 2) != 0)
        return WATCH_E_SYNTAX;
    event->line = line;
    event->object = (struct slice){rest.data - 1, rest.len};
    return type_parse(type, &event->type);
}

int watch_event_split(struct slice line, struct watch_event *event)
{
    line = trim(line);
    const char *end = line.data + line.len;
    if (line.len == 0 || line.data[0] != '{' || json_skip_value(line.data, end, 0) != end)
        return WATCH_E_SYNTAX;

    struct json_cursor cursor = {0};
    struct slice name, value, type = {0}, object = {0};
    while (json_next_member(line, &cursor, &name, &value)) {
        if (slice_equal(name, "type"))
            type = json_unquote(value);
        else if (slice_equal(name, "object"))
            object = value;
    }
    if (!type.data || !object.data || object.data[0] != '{')
        return WATCH_E_SYNTAX;
    event->line = line;
    event->object = object;
    return type_parse(type, &event->type);
}

static int decoder_emit(struct watch_decoder *decoder, int split, const struct watch_event *event)
{
    if (split == TYPE_UNKNOWN) {
        decoder->ignored++;
        return 0;
    }
    if (split != 0)
        return split;
    return decoder->event(decoder->arg, event) ? 0 : WATCH_E_STOPPED;
}

static int decoder_line(struct watch_decoder *decoder, struct slice line)
{
    line = trim(line);
    if (line.len == 0)
        return 0;
    struct watch_event event;
    int r = split_as_written(line, &event);
    if (r == WATCH_E_SYNTAX)
        r = watch_event_split(line, &event);
    return decoder_emit(decoder, r, &event);
}

static void line_done(struct watch_decoder *decoder)
{
    if (decoder->line.cap > LINE_KEEP)
        buf_deinit(&decoder->line);
    else
        buf_clear(&decoder->line);
}

/* The end of a line, of which the beginning may have been kept. */
static int decoder_line_end(struct watch_decoder *decoder, const char *data, size_t len)
{
    if (decoder->line.len + len > decoder->line.limit)
        return WATCH_E_TOO_LONG;
    if (decoder->line.len == 0)
        return decoder_line(decoder, (struct slice){data, len});

    if (buf_append(&decoder->line, data, len) != 0)
        return WATCH_E_TOO_LONG;
    int r = decoder_line(decoder, (struct slice){decoder->line.data, decoder->line.len});
    line_done(decoder);
    return r;
}

int watch_decoder_feed(struct watch_decoder *decoder, const char *data, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        if (!newline)
            return buf_append(&decoder->line, data, len) == 0 ? 0 : WATCH_E_TOO_LONG;

        size_t part = (size_t)(newline - data);
        int r = decoder_line_end(decoder, data, part);
        if (r != 0)
            return r;
        data += part + 1;
        len -= part + 1;
    }
    return 0;
}

int watch_decoder_finish(struct watch_decoder *decoder)
{
    struct slice line = trim((struct slice){decoder->line.data, decoder->line.len});
    if (line.len == 0)
        return 0;

    /* Only the careful way knows whether the end is really there. */
    struct watch_event event;
    int r = decoder_emit(decoder, watch_event_split(line, &event), &event);
    line_done(decoder);
    return r == WATCH_E_SYNTAX ? WATCH_E_TRUNCATED : r;
}
