#ifndef TI_BASE_JSON_H
#define TI_BASE_JSON_H

/*
 * Finding things in JSON text without building a tree: Kubernetes objects stay the bytes that they are
 * (cJSON, for our own small documents, would turn integers into doubles and costs far more than a scan).
 * Functions take a position and the end of the text, and give the position behind what they read, or NULL
 * where the text is not JSON or is cut off.
 *
 * Strict as to structure, literals, control characters and escapes; lenient as to the spelling of numbers.
 * UTF-8 is not checked: bytes above 0x7f are the sender's. Nesting is bounded by JSON_DEPTH_MAX.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define JSON_DEPTH_MAX 256

/* A part of a text; data is NULL where it is absent. Borrowed from the text that was scanned. */
struct slice {
    const char *data;
    size_t len;
};

static inline bool slice_equal(struct slice slice, const char *text)
{
    size_t len = strlen(text);
    return slice.data && slice.len == len && memcmp(slice.data, text, len) == 0;
}

#define SLICE_ARGS(slice) (int)(slice).len, (slice).data ? (slice).data : "" /* for "%.*s" */

const char *json_skip_space(const char *at, const char *end);            /* never NULL */
const char *json_skip_string(const char *at, const char *end);           /* at: the opening quote */
const char *json_skip_value(const char *at, const char *end, int depth); /* depth: of what encloses it */

/* One member of an object: *name is the text between the quotes, and the position that of the value. at: the
 * name's opening quote. */
const char *json_member_name(const char *at, const char *end, struct slice *name);

/* The value of a member of a JSON object, quotes taken off a string; data NULL where it is absent or the text
 * is no object. Scans that object's own members only. */
struct slice json_member(struct slice object, const char *name);

/* Several of them in one scan. */
void json_members(struct slice object, const char *const names[], struct slice values[], size_t count);

/* Goes through the members of an object (or elements of an array) held in text: *cursor starts as {0}. False
 * at the end or where the text is no JSON. value is as it stands, with its quotes. */
struct json_cursor {
    const char *at;
};
bool json_next_member(struct slice object, struct json_cursor *cursor, struct slice *name,
                      struct slice *value);
bool json_next_element(struct slice array, struct json_cursor *cursor, struct slice *value);

struct slice
json_unquote(struct slice value); /* a string's text between the quotes; anything else as it is */

#endif
