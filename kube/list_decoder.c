#include "kube/list_decoder.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"

#define HELD_KEEP 65536 /* a buffer larger than this is given back after its value */

enum state {
    AT_START,
    AT_NAME,
    AT_COLON,
    AT_VALUE,
    IN_VALUE,
    AFTER_VALUE,
    AT_ELEMENT,
    AFTER_ELEMENT,
    AT_END
};
enum capture { CAPTURE_NAME, CAPTURE_MEMBER, CAPTURE_ELEMENT };
enum member { MEMBER_OTHER, MEMBER_KIND, MEMBER_API_VERSION, MEMBER_METADATA, MEMBER_ITEMS };

void list_decoder_init(struct list_decoder *decoder, size_t limit_bytes,
                       bool (*item)(void *arg, struct slice json), void *arg)
{
    *decoder = (struct list_decoder){.held = BUF_INIT(limit_bytes), .item = item, .arg = arg};
}

void list_decoder_deinit(struct list_decoder *decoder)
{
    free(decoder->kind);
    free(decoder->api_version);
    free(decoder->resource_version);
    free(decoder->continue_token);
    buf_deinit(&decoder->held);
    list_decoder_init(decoder, decoder->held.limit, decoder->item, decoder->arg);
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum member member_by_name(struct slice name)
{
    if (slice_equal(name, "items"))
        return MEMBER_ITEMS;
    if (slice_equal(name, "metadata"))
        return MEMBER_METADATA;
    if (slice_equal(name, "kind"))
        return MEMBER_KIND;
    return slice_equal(name, "apiVersion") ? MEMBER_API_VERSION : MEMBER_OTHER;
}

static void text_set(char **text, const cJSON *json)
{
    const char *value = cJSON_GetStringValue(json);
    if (!value || !value[0])
        return;
    free(*text);
    *text = mem_strdup(value);
}

/* The list's own small members; cJSON undoes their escapes. */
static int member_take(struct list_decoder *decoder, struct slice value)
{
    cJSON *json = cJSON_ParseWithLength(value.data, value.len);
    if (!json)
        return LIST_E_SYNTAX;
    if (decoder->member == MEMBER_KIND)
        text_set(&decoder->kind, json);
    else if (decoder->member == MEMBER_API_VERSION)
        text_set(&decoder->api_version, json);
    else {
        text_set(&decoder->resource_version, cJSON_GetObjectItemCaseSensitive(json, "resourceVersion"));
        text_set(&decoder->continue_token, cJSON_GetObjectItemCaseSensitive(json, "continue"));
    }
    cJSON_Delete(json);
    return 0;
}

static int member_end(struct list_decoder *decoder, struct slice value)
{
    decoder->state = AFTER_VALUE;
    if (decoder->member == MEMBER_ITEMS) { /* only what is no array comes here */
        decoder->has_items = slice_equal(value, "null");
        return decoder->has_items ? 0 : LIST_E_SYNTAX;
    }
    return decoder->member == MEMBER_OTHER ? 0 : member_take(decoder, value);
}

static int value_end(struct list_decoder *decoder, struct slice value)
{
    if (decoder->capture == CAPTURE_NAME) {
        decoder->member = member_by_name(json_unquote(value));
        decoder->state = AT_COLON;
        return 0;
    }
    if (decoder->capture == CAPTURE_MEMBER)
        return member_end(decoder, value);

    decoder->state = AFTER_ELEMENT;
    decoder->count++;
    return decoder->item(decoder->arg, value) ? 0 : LIST_E_STOPPED;
}

static bool value_kept(const struct list_decoder *decoder)
{
    return decoder->capture != CAPTURE_MEMBER || decoder->member != MEMBER_OTHER;
}

/* One byte outside strings: true where it closes the value. */
static bool bracket_step(struct list_decoder *decoder, char c)
{
    if (c == '"')
        decoder->in_string = true;
    else if (c == '{' || c == '[')
        decoder->depth++;
    else if (c == '}' || c == ']')
        return --decoder->depth == 0;
    return false;
}

/* How many bytes from here on belong to the string that we are in. */
static size_t string_scan(struct list_decoder *decoder, const char *data, size_t len)
{
    size_t i = 0;
    if (decoder->escaped && len > 0) {
        decoder->escaped = false;
        i = 1;
    }
    for (; i < len; i++) {
        if (data[i] == '"') {
            decoder->in_string = false;
            return i + 1;
        }
        if (data[i] == '\\' && ++i >= len) {
            decoder->escaped = true;
            return len;
        }
    }
    return len;
}

static size_t scalar_scan(const char *data, size_t len, bool *ended)
{
    for (size_t i = 0; i < len; i++)
        if (space(data[i]) || data[i] == ',' || data[i] == '}' || data[i] == ']') {
            *ended = true;
            return i;
        }
    return len;
}

/* How many of the bytes belong to the value under way, and whether it ends with them. */
static size_t value_scan(struct list_decoder *decoder, const char *data, size_t len, bool *ended)
{
    *ended = false;
    if (decoder->scalar)
        return scalar_scan(data, len, ended);

    size_t i = 0;
    while (i < len && !*ended) {
        if (decoder->in_string) {
            i += string_scan(decoder, data + i, len - i);
            *ended = !decoder->in_string && decoder->depth == 0;
        } else {
            *ended = bracket_step(decoder, data[i]);
            i++;
        }
    }
    return i;
}

static void held_done(struct list_decoder *decoder)
{
    if (decoder->held.cap > HELD_KEEP)
        buf_deinit(&decoder->held);
    else
        buf_clear(&decoder->held);
}

/* Goes on with the value under way; *used is what it took of the chunk. */
static int value_feed(struct list_decoder *decoder, const char *data, size_t len, size_t *used)
{
    bool ended;
    size_t part = value_scan(decoder, data, len, &ended);
    *used = part;
    if (decoder->held.len + part > decoder->held.limit && value_kept(decoder))
        return LIST_E_TOO_LONG;
    if (ended && decoder->held.len == 0)
        return value_end(decoder, (struct slice){data, part});
    if (value_kept(decoder) && buf_append(&decoder->held, data, part) != 0)
        return LIST_E_TOO_LONG;
    if (!ended)
        return 0;

    int r = value_end(decoder, (struct slice){decoder->held.data, decoder->held.len});
    held_done(decoder);
    return r;
}

static void value_begin(struct list_decoder *decoder, enum capture capture, char first)
{
    decoder->state = IN_VALUE;
    decoder->capture = capture;
    decoder->depth = 0;
    decoder->in_string = decoder->escaped = false;
    decoder->scalar = first != '"' && first != '{' && first != '[';
}

/* The byte at the beginning of a value: the scan takes it (*used stays 0), unless it is a bracket of the
 * list's own. */
static int value_start(struct list_decoder *decoder, char c, size_t *used)
{
    if (decoder->member == MEMBER_ITEMS && c == '[') {
        decoder->has_items = true;
        decoder->state = AT_ELEMENT;
        *used = 1;
        return 0;
    }
    value_begin(decoder, CAPTURE_MEMBER, c);
    return c == ',' || c == '}' || c == ']' ? LIST_E_SYNTAX : 0;
}

static int name_start(struct list_decoder *decoder, char c, size_t *used)
{
    if (c == '}') {
        decoder->state = AT_END;
        *used = 1;
        return 0;
    }
    value_begin(decoder, CAPTURE_NAME, c);
    return c == '"' ? 0 : LIST_E_SYNTAX;
}

static int element_start(struct list_decoder *decoder, char c, size_t *used)
{
    if (c == ']') {
        decoder->state = AFTER_VALUE;
        *used = 1;
        return 0;
    }
    value_begin(decoder, CAPTURE_ELEMENT, c);
    return c == ',' || c == '}' ? LIST_E_SYNTAX : 0;
}

static int expect(struct list_decoder *decoder, char c, char go_on, enum state next, char close,
                  enum state closed)
{
    if (c != go_on && c != close)
        return LIST_E_SYNTAX;
    decoder->state = c == go_on ? next : closed;
    return 0;
}

/* One byte between values, no white space. *used: 0 where it is the first of a value. */
static int mark_step(struct list_decoder *decoder, char c, size_t *used)
{
    *used = 0;
    switch ((enum state)decoder->state) {
    case AT_NAME:
        return name_start(decoder, c, used);
    case AT_VALUE:
        return value_start(decoder, c, used);
    case AT_ELEMENT:
        return element_start(decoder, c, used);
    default:
        break;
    }

    *used = 1;
    switch ((enum state)decoder->state) {
    case AT_START:
        return expect(decoder, c, '{', AT_NAME, '{', AT_NAME);
    case AT_COLON:
        return expect(decoder, c, ':', AT_VALUE, ':', AT_VALUE);
    case AFTER_VALUE:
        return expect(decoder, c, ',', AT_NAME, '}', AT_END);
    case AFTER_ELEMENT:
        return expect(decoder, c, ',', AT_ELEMENT, ']', AFTER_VALUE);
    default:
        return LIST_E_SYNTAX;
    }
}

int list_decoder_feed(struct list_decoder *decoder, const char *data, size_t len)
{
    while (len > 0) {
        size_t used = 1;
        int r = 0;
        if (decoder->state == IN_VALUE)
            r = value_feed(decoder, data, len, &used);
        else if (!space(*data))
            r = mark_step(decoder, *data, &used);
        if (r != 0)
            return r;
        data += used;
        len -= used;
    }
    return 0;
}

static bool ends_in_list(const char *kind)
{
    size_t len = kind ? strlen(kind) : 0;
    return len > 4 && strcmp(kind + len - 4, "List") == 0;
}

int list_decoder_finish(struct list_decoder *decoder)
{
    if (decoder->state != AT_END)
        return LIST_E_TRUNCATED;
    return ends_in_list(decoder->kind) && decoder->has_items && decoder->resource_version ? 0
                                                                                          : LIST_E_NO_LIST;
}
