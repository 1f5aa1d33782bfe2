#include "base/table_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

static const struct table_column other_columns[] = {NAME_COLUMN, AGE_COLUMN};
static const struct table other = TABLE("", "", other_columns);

static const char *const parts[TABLE_PARTS] = {"metadata", "spec", "status"};

static const struct table *find(const struct table *tables, const char *group, const char *kind)
{
    for (; tables->kind[0]; tables++)
        if (!strcmp(tables->kind, kind) && !strcmp(tables->group, group))
            return tables;
    return NULL;
}

const struct table *table_of(const char *group, const char *kind)
{
    const struct table *table = find(table_workloads, group, kind);
    if (!table)
        table = find(table_core, group, kind);
    if (!table)
        table = find(table_others, group, kind);
    return table ? table : &other;
}

struct slice json_at(struct slice object, const char *path)
{
    while (object.data && *path) {
        char name[96];
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return (struct slice){0};
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_member(object, name);
        path += len + (path[len] == '.');
    }
    return object;
}

struct table_object table_object(struct slice text)
{
    struct table_object object = {.text = text};
    json_members(text, parts, object.parts, TABLE_PARTS);
    return object;
}

struct slice cell_at(const struct table_cell *cell, const char *path)
{
    for (int i = 0; i < TABLE_PARTS; i++) {
        size_t len = strlen(parts[i]);
        if (strncmp(path, parts[i], len) == 0 && (path[len] == '.' || path[len] == '\0'))
            return json_at(cell->object->parts[i], path + len + (path[len] == '.'));
    }
    return json_at(cell->object->text, path);
}

int64_t slice_number(struct slice value, int64_t otherwise)
{
    char text[24];
    if (!value.data || value.len == 0 || value.len >= sizeof(text) ||
        (!isdigit((unsigned char)value.data[0]) && value.data[0] != '-'))
        return otherwise;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    return strtoll(text, NULL, 10);
}

bool slice_true(struct slice value)
{
    return slice_equal(value, "true");
}

size_t json_count(struct slice container)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    size_t n = 0;
    if (!container.len)
        return 0;
    if (container.data[0] == '[')
        while (json_next_element(container, &cursor, &value))
            n++;
    else
        while (json_next_member(container, &cursor, &name, &value))
            n++;
    return n;
}

void cell_append(struct table_cell *cell, struct slice text)
{
    buf_append(cell->out, text.data, text.data ? text.len : 0);
}

void cell_text(struct table_cell *cell, const char *text)
{
    buf_append_str(cell->out, text);
}

static bool is_null(struct slice value)
{
    return !value.data || slice_equal(value, "null");
}

void cell_path(struct table_cell *cell)
{
    struct slice value = cell_at(cell, cell->path);
    if (!is_null(value))
        cell_append(cell, value);
}

void cell_none(struct table_cell *cell)
{
    struct slice value = cell_at(cell, cell->path);
    if (is_null(value) || value.len == 0)
        cell_text(cell, "<none>");
    else
        cell_append(cell, value);
}

void cell_number(struct table_cell *cell)
{
    cell->literal = true;
    buf_appendf(cell->out, "%" PRId64, slice_number(cell_at(cell, cell->path), 0));
}

void cell_count(struct table_cell *cell)
{
    cell->literal = true;
    buf_appendf(cell->out, "%zu", json_count(cell_at(cell, cell->path)));
}

int64_t table_time(struct slice text)
{
    struct tm tm = {0};
    char copy[24] = {0};
    if (!text.data || text.len < 20)
        return -1;
    memcpy(copy, text.data, 19);
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    return end && !*end ? (int64_t)timegm(&tm) : -1;
}

void cell_age(struct table_cell *cell)
{
    int64_t then = table_time(cell_at(cell, cell->path));
    if (then < 0)
        cell_text(cell, "<unknown>");
    else
        table_duration(cell->now_us / 1000000 - then, cell->out);
}

static void two_units(struct buf *out, int64_t big, char big_unit, int64_t small, char small_unit)
{
    buf_appendf(out, "%" PRId64 "%c", big, big_unit);
    if (small)
        buf_appendf(out, "%" PRId64 "%c", small, small_unit);
}

/* The borders and roundings are those of apimachinery's HumanDuration. */
void table_duration(int64_t seconds, struct buf *out)
{
    int64_t minutes = seconds / 60, hours = seconds / 3600, days = hours / 24;
    if (seconds < -1)
        buf_append_str(out, "<invalid>");
    else if (seconds < 120)
        buf_appendf(out, "%" PRId64 "s", seconds < 0 ? 0 : seconds);
    else if (minutes < 10)
        two_units(out, minutes, 'm', seconds % 60, 's');
    else if (minutes < 180)
        two_units(out, minutes, 'm', 0, 's');
    else if (hours < 8)
        two_units(out, hours, 'h', minutes % 60, 'm');
    else if (hours < 48)
        two_units(out, hours, 'h', 0, 'm');
    else if (hours < 192)
        two_units(out, days, 'd', hours % 24, 'h');
    else if (days < 730)
        two_units(out, days, 'd', 0, 'h');
    else if (days < 2920)
        two_units(out, days / 365, 'y', days % 365, 'd');
    else
        two_units(out, days / 365, 'y', 0, 'd');
}

static void print_labels(struct table_cell *cell, struct slice labels, const char **comma)
{
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (labels.len && json_next_member(labels, &cursor, &name, &value)) {
        value = json_unquote(value);
        buf_appendf(cell->out, "%s%.*s=%.*s", *comma, SLICE_ARGS(name), SLICE_ARGS(value));
        *comma = ",";
    }
}

void cell_labels(struct table_cell *cell)
{
    const char *comma = "";
    print_labels(cell, cell_at(cell, cell->path), &comma);
    if (!comma[0])
        cell_text(cell, "<none>");
}

static int by_text(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* In their order. */
static void print_values(struct table_cell *cell, struct slice values)
{
    struct json_cursor cursor = {0};
    size_t n = 0, count = json_count(values);
    cleanup_free struct slice *sorted = mem_alloc((count + 1) * sizeof(*sorted));
    while (n < count && json_next_element(values, &cursor, &sorted[n])) {
        sorted[n] = json_unquote(sorted[n]);
        n++;
    }
    qsort(sorted, n, sizeof(*sorted), by_text);
    for (size_t i = 0; i < n; i++)
        buf_appendf(cell->out, "%s%.*s", i ? "," : "", SLICE_ARGS(sorted[i]));
}

static void print_requirement(struct table_cell *cell, struct slice requirement)
{
    struct slice key = json_member(requirement, "key"), op = json_member(requirement, "operator");
    bool absent = slice_equal(op, "DoesNotExist");
    buf_appendf(cell->out, "%s%.*s", absent ? "!" : "", SLICE_ARGS(key));
    if (absent || slice_equal(op, "Exists"))
        return;
    cell_text(cell, slice_equal(op, "NotIn") ? " notin (" : " in (");
    print_values(cell, json_member(requirement, "values"));
    cell_text(cell, ")");
}

void cell_selector(struct table_cell *cell)
{
    struct slice selector = cell_at(cell, cell->path), requirement;
    struct slice requirements = json_member(selector, "matchExpressions");
    struct json_cursor cursor = {0};
    const char *comma = "";
    print_labels(cell, json_member(selector, "matchLabels"), &comma);
    while (requirements.len && json_next_element(requirements, &cursor, &requirement)) {
        cell_text(cell, comma);
        print_requirement(cell, requirement);
        comma = ",";
    }
    if (!comma[0])
        cell_text(cell, "<none>");
}

void print_list(struct table_cell *cell, struct slice array, const char *member)
{
    struct json_cursor cursor = {0};
    struct slice item;
    const char *comma = "";
    while (array.len && json_next_element(array, &cursor, &item)) {
        cell_text(cell, comma);
        cell_append(cell, json_member(item, member));
        comma = ",";
    }
}

void cell_container_names(struct table_cell *cell)
{
    print_list(cell, cell_at(cell, cell->path), "name");
}

void cell_container_images(struct table_cell *cell)
{
    print_list(cell, cell_at(cell, cell->path), "image");
}

static int hex4(const char *at)
{
    char text[5] = {at[0], at[1], at[2], at[3], 0};
    return (int)strtol(text, NULL, 16);
}

static int append_utf8(struct buf *out, unsigned code)
{
    if (code < 0x80)
        return buf_append_char(out, (char)code);
    if (code < 0x800)
        return buf_appendf(out, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 63)));
    if (code < 0x10000)
        return buf_appendf(out, "%c%c%c", (int)(0xe0 | code >> 12), (int)(0x80 | (code >> 6 & 63)),
                           (int)(0x80 | (code & 63)));
    return buf_appendf(out, "%c%c%c%c", (int)(0xf0 | code >> 18), (int)(0x80 | (code >> 12 & 63)),
                       (int)(0x80 | (code >> 6 & 63)), (int)(0x80 | (code & 63)));
}

/* The character of an escape; *at stands behind the backslash and is moved on. */
static unsigned unescape(const char **at, const char *end)
{
    static const char from[] = "nrtbf\"\\/", to[] = "\n\r\t\b\f\"\\/";
    char c = *(*at)++;
    const char *known = strchr(from, c);
    if (c && known)
        return (unsigned char)to[known - from];
    if (c != 'u' || end - *at < 4)
        return '?';
    unsigned code = (unsigned)hex4(*at);
    *at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        code = 0x10000 + ((code & 0x3ff) << 10) + ((unsigned)hex4(*at + 2) & 0x3ff);
        *at += 6;
    }
    return code;
}

/* JSON string contents as one line for a terminal. */
static int append_line(struct buf *out, const char *at, const char *end)
{
    int r = 0;
    while (r == 0 && at < end) {
        bool escaped = *at == '\\' && at + 1 < end;
        at += escaped;
        unsigned code = escaped ? unescape(&at, end) : (unsigned char)*at++;
        if (code == '\n' || code == '\r' || code == '\f')
            return buf_append_str(out, "...");
        if (code < 0x20 || code == 0x7f)
            r = buf_appendf(out, "^%c", (char)(code ^ 0x40));
        else
            r = escaped ? append_utf8(out, code) : buf_append_char(out, (char)code);
    }
    return r;
}

static struct table_cell print_cell(const struct table_column *column, const struct table_object *object,
                                    int64_t now_us, struct buf *out)
{
    struct table_cell cell = {.object = object, .now_us = now_us, .path = column->path, .out = out};
    column->print(&cell);
    return cell;
}

int table_cell_text(const struct table_column *column, const struct table_object *object, int64_t now_us,
                    struct buf *out)
{
    struct buf raw = BUF_INIT(SIZE_MAX / 4);
    print_cell(column, object, now_us, &raw);
    int r = append_line(out, raw.data, raw.data + raw.len);
    buf_deinit(&raw);
    return r;
}

/* What a cell holds is string contents already, unless an object has an array where a text belongs. */
static int append_contents(struct buf *out, const struct buf *raw)
{
    int r = buf_append_char(out, '"');
    if (r == 0)
        r = buf_append(out, raw->data, raw->len);
    return r == 0 ? buf_append_char(out, '"') : r;
}

static bool is_contents(const struct buf *raw)
{
    struct buf quoted = BUF_INIT(SIZE_MAX / 4);
    append_contents(&quoted, raw);
    const char *end = quoted.data + quoted.len;
    bool is = json_skip_string(quoted.data, end) == end;
    buf_deinit(&quoted);
    return is;
}

int table_cell_json(const struct table_column *column, const struct table_object *object, int64_t now_us,
                    struct buf *out)
{
    struct buf raw = BUF_INIT(SIZE_MAX / 4);
    struct table_cell cell = print_cell(column, object, now_us, &raw);
    int r;
    if (cell.absent)
        r = buf_append_str(out, "null");
    else if (cell.literal)
        r = buf_append(out, raw.data, raw.len);
    else if (is_contents(&raw))
        r = append_contents(out, &raw);
    else
        r = buf_append_json_string(out, raw.data, raw.len);
    buf_deinit(&raw);
    return r;
}

void table_head(const struct table_column *column, struct buf *out)
{
    for (const char *at = column->name; *at; at++)
        buf_append_char(out, (char)toupper((unsigned char)*at));
}
