#include "base/json_path.h"

#include <stdlib.h>

#define NAME_MAX_LEN 256
#define STEPS_MAX 32

static const struct slice none = {0};

static struct slice walk(struct slice value, const char *path, int steps);

/* As it stands, with its quotes. */
static struct slice member(struct slice object, const char *name)
{
    struct json_cursor cursor = {0};
    struct slice key, value;
    while (json_next_member(object, &cursor, &key, &value))
        if (slice_equal(key, name))
            return value;
    return none;
}

/* ---- names ---- */

/* Up to one of `ends`, with what a backslash stands before taken as it is. NULL where it is too long. */
static const char *read_name(const char *at, const char *ends, char name[NAME_MAX_LEN])
{
    size_t len = 0;
    while (*at && !strchr(ends, *at)) {
        at += *at == '\\' && at[1];
        if (len == NAME_MAX_LEN - 1)
            return NULL;
        name[len++] = *at++;
    }
    name[len] = '\0';
    return at;
}

/* ---- filters ---- */

struct filter {
    char path[NAME_MAX_LEN], operand[NAME_MAX_LEN];
    enum { EXISTS, EQUAL, UNEQUAL } op;
};

static const char *skip_space(const char *at)
{
    return at + strspn(at, " ");
}

static const char *read_operand(const char *at, char operand[NAME_MAX_LEN])
{
    char quote[2] = {*at, '\0'};
    if (*at != '"' && *at != '\'')
        return read_name(at, " )", operand);
    at = read_name(at + 1, quote, operand);
    return at && *at ? at + 1 : NULL;
}

/* at: behind "?(@". The position behind ")]", or NULL. */
static const char *read_filter(const char *at, struct filter *filter)
{
    size_t len = strcspn(at, "=! )");
    if (len >= sizeof(filter->path))
        return NULL;
    memcpy(filter->path, at, len);
    filter->path[len] = '\0';
    at = skip_space(at + len);
    filter->op = EXISTS;
    if (*at == '=' || *at == '!') {
        if (at[1] != '=')
            return NULL;
        filter->op = *at == '=' ? EQUAL : UNEQUAL;
        at = read_operand(skip_space(at + 2), filter->operand);
    }
    at = at ? skip_space(at) : NULL;
    return at && at[0] == ')' && at[1] == ']' ? at + 2 : NULL;
}

static bool passes(const struct filter *filter, struct slice element, int steps)
{
    struct slice value = walk(element, filter->path, steps);
    if (filter->op == EXISTS || !value.data)
        return value.data && filter->op == EXISTS;
    return slice_equal(json_unquote(value), filter->operand) == (filter->op == EQUAL);
}

/* ---- steps ---- */

/* Of the elements (or members) that pass, the first one from which the rest of the path leads somewhere. */
static struct slice any(struct slice container, const struct filter *filter, const char *rest, int steps)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    bool array = container.len && container.data[0] == '[';
    while (array ? json_next_element(container, &cursor, &value)
                 : json_next_member(container, &cursor, &name, &value)) {
        struct slice found = !filter || passes(filter, value, steps) ? walk(value, rest, steps) : none;
        if (found.data)
            return found;
    }
    return none;
}

static struct slice element(struct slice array, long index)
{
    struct json_cursor cursor = {0};
    struct slice value;
    long count = 0;
    if (index < 0) {
        while (json_next_element(array, &cursor, &value))
            count++;
        cursor = (struct json_cursor){0};
        index += count;
    }
    while (index >= 0 && json_next_element(array, &cursor, &value))
        if (index-- == 0)
            return value;
    return none;
}

/* path: behind the bracket. */
static struct slice walk_bracket(struct slice value, const char *path, int steps)
{
    char name[NAME_MAX_LEN], quote[3] = {*path, '\0'};
    struct filter filter;
    char *end;
    if (!strncmp(path, "*]", 2))
        return any(value, NULL, path + 2, steps);
    if (!strncmp(path, "?(@", 3)) {
        path = read_filter(path + 3, &filter);
        return path ? any(value, &filter, path, steps) : none;
    }
    if (*path == '\'' || *path == '"') {
        path = read_name(path + 1, quote, name);
        return path && path[0] && path[1] == ']' ? walk(member(value, name), path + 2, steps) : none;
    }
    long index = strtol(path, &end, 10);
    return end > path && *end == ']' ? walk(element(value, index), end + 1, steps) : none;
}

static struct slice walk(struct slice value, const char *path, int steps)
{
    char name[NAME_MAX_LEN];
    if (!value.data || !*path)
        return value;
    if (steps == STEPS_MAX)
        return none;
    if (*path == '[')
        return walk_bracket(value, path + 1, steps + 1);
    if (*path != '.')
        return none;
    if (path[1] == '[')
        return walk(value, path + 1, steps + 1);
    if (path[1] == '*')
        return any(value, NULL, path + 2, steps + 1);
    path = read_name(path + 1, ".[", name);
    return path && name[0] ? walk(member(value, name), path, steps + 1) : none;
}

struct slice json_path_first(struct slice json, const char *path)
{
    return walk(json, path + (*path == '$'), 0);
}
