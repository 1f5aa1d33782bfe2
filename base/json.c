#include "base/json.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

const char *json_skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

#define BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of the first byte in x that is 0, in the order of the text; bits behind it mean nothing. */
static uint64_t zero_byte(uint64_t x)
{
    return (x - BYTES(1)) & ~x & BYTES(0x80);
}

/* How many of the 8 bytes at `at` come before the first that ends or escapes a string or is a control
 * character. */
static int plain_bytes(const char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof(x));
    x = le64toh(x);
    uint64_t control = (x - BYTES(0x20)) & ~x & BYTES(0x80);
    uint64_t special = control | zero_byte(x ^ BYTES('"')) | zero_byte(x ^ BYTES('\\'));
    return special ? __builtin_ctzll(special) / 8 : 8;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* at: behind the backslash */
static const char *skip_escape(const char *at, const char *end)
{
    if (at >= end)
        return NULL;
    if (*at != 'u')
        return memchr("\"\\/bfnrt", *at, 8) ? at + 1 : NULL;
    if (end - at < 5)
        return NULL;
    for (int i = 1; i <= 4; i++)
        if (!is_hex(at[i]))
            return NULL;
    return at + 5;
}

static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        int n = plain_bytes(at);
        at += n;
        if (n < 8)
            return at;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

const char *json_skip_string(const char *at, const char *end)
{
    at++;
    while (at) {
        at = skip_plain(at, end);
        if (at >= end || (unsigned char)*at < 0x20)
            return NULL;
        if (*at == '"')
            return at + 1;
        at = skip_escape(at + 1, end);
    }
    return NULL;
}

static const char *skip_literal(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static const char *skip_number(const char *at, const char *end)
{
    if (*at != '-' && (*at < '0' || *at > '9'))
        return NULL;
    while (at < end && is_number_char(*at))
        at++;
    return at;
}

const char *json_member_name(const char *at, const char *end, struct slice *name)
{
    if (at >= end || *at != '"')
        return NULL;
    const char *start = at + 1;
    at = json_skip_string(at, end);
    if (!at)
        return NULL;
    *name = (struct slice){start, (size_t)(at - 1 - start)};
    at = json_skip_space(at, end);
    if (at >= end || *at != ':')
        return NULL;
    return json_skip_space(at + 1, end);
}

static const char *skip_item(const char *at, const char *end, char close, int depth)
{
    struct slice name;
    if (close == '}')
        at = json_member_name(at, end, &name);
    at = at ? json_skip_value(at, end, depth) : NULL;
    return at ? json_skip_space(at, end) : NULL;
}

/* at: the opening brace or bracket */
static const char *skip_container(const char *at, const char *end, int depth)
{
    char close = *at == '{' ? '}' : ']';
    if (depth >= JSON_DEPTH_MAX)
        return NULL;
    at = json_skip_space(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        at = skip_item(at, end, close, depth + 1);
        if (!at || at >= end)
            return NULL;
        if (*at == close)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = json_skip_space(at + 1, end);
    }
}

const char *json_skip_value(const char *at, const char *end, int depth)
{
    if (at >= end)
        return NULL;
    switch (*at) {
    case '"':
        return json_skip_string(at, end);
    case '{':
    case '[':
        return skip_container(at, end, depth);
    case 't':
        return skip_literal(at, end, "true", 4);
    case 'f':
        return skip_literal(at, end, "false", 5);
    case 'n':
        return skip_literal(at, end, "null", 4);
    default:
        return skip_number(at, end);
    }
}

struct slice json_unquote(struct slice value)
{
    if (value.len >= 2 && value.data[0] == '"')
        return (struct slice){value.data + 1, value.len - 2};
    return value;
}

/* Puts the cursor at the next item, or says that there is none. */
static bool cursor_advance(struct slice text, struct json_cursor *cursor, char open)
{
    const char *end = text.data + text.len;
    bool first = !cursor->at;
    const char *at = json_skip_space(first ? text.data : cursor->at, end);
    if (at >= end || *at != (first ? open : ','))
        return false;
    cursor->at = json_skip_space(at + 1, end);
    return cursor->at < end && *cursor->at != '}' && *cursor->at != ']';
}

static bool cursor_value(struct slice text, struct json_cursor *cursor, struct slice *value)
{
    const char *start = cursor->at;
    cursor->at = json_skip_value(start, text.data + text.len, 1);
    if (!cursor->at)
        return false;
    *value = (struct slice){start, (size_t)(cursor->at - start)};
    return true;
}

bool json_next_member(struct slice object, struct json_cursor *cursor, struct slice *name,
                      struct slice *value)
{
    if (!object.data || !cursor_advance(object, cursor, '{'))
        return false;
    cursor->at = json_member_name(cursor->at, object.data + object.len, name);
    return cursor->at && cursor_value(object, cursor, value);
}

bool json_next_element(struct slice array, struct json_cursor *cursor, struct slice *value)
{
    return array.data && cursor_advance(array, cursor, '[') && cursor_value(array, cursor, value);
}

struct slice json_member(struct slice object, const char *name)
{
    struct json_cursor cursor = {0};
    struct slice found, value;
    while (json_next_member(object, &cursor, &found, &value))
        if (slice_equal(found, name))
            return json_unquote(value);
    return (struct slice){0};
}

void json_members(struct slice object, const char *const names[], struct slice values[], size_t count)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    for (size_t i = 0; i < count; i++)
        values[i] = (struct slice){0};
    while (json_next_member(object, &cursor, &name, &value))
        for (size_t i = 0; i < count; i++)
            if (!values[i].data && slice_equal(name, names[i]))
                values[i] = json_unquote(value);
}
