/*
 * A recursive descent over libyaml's events, one function a kind of node. The events are those of the grammar
 *
 *     stream ::= STREAM-START (DOCUMENT-START node DOCUMENT-END)? STREAM-END
 *     node ::= SCALAR | SEQUENCE-START node* SEQUENCE-END | MAPPING-START (node node)* MAPPING-END
 *
 * and libyaml vouches for it, so that there is no state to keep but the depth.
 */
#include "base/yaml.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/mem.h"

struct reader {
    yaml_parser_t parser;
    struct error *err;
    int depth;
};

static void delete_item(cJSON **item)
{
    cJSON_Delete(*item);
}

#define cleanup_item cleanup_with(delete_item)

static int fail_at(struct reader *reader, const yaml_mark_t *mark, const char *what)
{
    return error_set(reader->err, EX_DATAERR, "line %zu: %s", mark->line + 1, what);
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const char *problem = reader->parser.problem ? reader->parser.problem : "not YAML";
    yaml_mark_t mark = reader->parser.problem_mark;
    if (reader->parser.error == YAML_READER_ERROR)
        mark = reader->parser.mark;
    return fail_at(reader, &mark, problem);
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return one_of(text, words);
}

static bool is_true(const char *text)
{
    static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                        "on",   "On",   "ON",   "y",   "Y",   NULL};
    return one_of(text, words);
}

static bool is_false(const char *text)
{
    static const char *const words[] = {"false", "False", "FALSE", "no", "No", "NO",
                                        "off",   "Off",   "OFF",   "n",  "N",  NULL};
    return one_of(text, words);
}

/* The base that a literal's prefix names, as for Go's ParseInt(text, 0, 64); *digits is moved behind the
 * prefix. */
static int integer_base(const char **digits)
{
    static const struct {
        const char *prefix;
        int base;
    } prefixes[] = {{"0x", 16}, {"0X", 16}, {"0o", 8}, {"0O", 8}, {"0b", 2}, {"0B", 2}};

    for (size_t i = 0; i < array_size(prefixes); i++)
        if (strncmp(*digits, prefixes[i].prefix, 2) == 0) {
            *digits += 2;
            return prefixes[i].base;
        }
    return (*digits)[0] == '0' ? 8 : 10;
}

static bool is_integer(const char *text, double *value)
{
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    int base = integer_base(&digits);
    size_t n = strspn(digits, "0123456789abcdefABCDEF");
    if (n == 0 || digits[n])
        return false;

    char *end;
    *value = (double)strtoull(digits, &end, base) * (text[0] == '-' ? -1 : 1);
    return *end == '\0';
}

static bool is_float(const char *text, double *value)
{
    size_t n = strspn(text, "+-");
    if (n > 1 || text[n + strspn(text + n, "0123456789.eE+-")] || !strpbrk(text, "0123456789"))
        return false;
    char *end;
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value);
}

/* A plain scalar, by the words that kubectl's YAML knows. */
static cJSON *plain_scalar(const char *text)
{
    double number;
    if (is_null(text))
        return cJSON_CreateNull();

    cJSON *item;
    if (is_true(text))
        item = cJSON_CreateTrue();
    else if (is_false(text))
        item = cJSON_CreateFalse();
    else if (is_integer(text, &number) || is_float(text, &number))
        item = cJSON_CreateNumber(number);
    else
        return cJSON_CreateString(text);
    if (item)
        item->valuestring = mem_strdup(text);
    return item;
}

/* cJSON's constructors fail only for want of memory, and these nodes are bounded by YAML_SIZE_MAX. */
static cJSON *checked(cJSON *item)
{
    if (!item)
        abort();
    return item;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, cJSON **out)
{
    const char *text = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    if (strlen(text) != event->data.scalar.length)
        return fail_at(reader, &event->start_mark, "a NUL character in a text");
    if (tag && strncmp(tag, "tag:yaml.org,2002:", 18) != 0 && strcmp(tag, "!") != 0)
        return fail_at(reader, &event->start_mark, "a tag (!…) that is not YAML's own is not supported");
    if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
        *out = checked(plain_scalar(text));
    else
        *out = checked(event->data.scalar.plain_implicit ? plain_scalar(text) : cJSON_CreateString(text));
    return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, cJSON **out);

static int read_sequence(struct reader *reader, cJSON **out)
{
    cleanup_item cJSON *array = checked(cJSON_CreateArray());
    for (;;) {
        cleanup_with(yaml_event_delete) yaml_event_t event = {0};
        int r = next_event(reader, &event);
        if (r != 0)
            return r;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        cJSON *item = NULL;
        r = read_node(reader, &event, &item);
        if (r != 0)
            return r;
        cJSON_AddItemToArray(array, item);
    }
    *out = mem_steal(array);
    return 0;
}

/* The value that follows a key, added to the mapping under it. */
static int read_value(struct reader *reader, const yaml_event_t *key, cJSON *object)
{
    if (key->type != YAML_SCALAR_EVENT)
        return fail_at(reader, &key->start_mark, "a key must be a plain or quoted text");
    const char *name = (const char *)key->data.scalar.value;
    if (strlen(name) != key->data.scalar.length)
        return fail_at(reader, &key->start_mark, "a NUL character in a key");
    if (yaml_member(object, name))
        return error_set(reader->err, EX_DATAERR, "line %zu: key \"%.100s\" is given twice in one mapping",
                         key->start_mark.line + 1, name);

    cleanup_with(yaml_event_delete) yaml_event_t event = {0};
    cJSON *item = NULL;
    int r = next_event(reader, &event);
    if (r == 0)
        r = read_node(reader, &event, &item);
    if (r == 0)
        cJSON_AddItemToObject(object, name, item);
    return r;
}

static int read_mapping(struct reader *reader, cJSON **out)
{
    cleanup_item cJSON *object = checked(cJSON_CreateObject());
    for (int keys = 0;; keys++) {
        cleanup_with(yaml_event_delete) yaml_event_t key = {0};
        int r = next_event(reader, &key);
        if (r != 0)
            return r;
        if (key.type == YAML_MAPPING_END_EVENT)
            break;
        if (keys == YAML_KEYS_MAX)
            return fail_at(reader, &key.start_mark, "a mapping with too many keys");
        r = read_value(reader, &key, object);
        if (r != 0)
            return r;
    }
    *out = mem_steal(object);
    return 0;
}

static int read_collection(struct reader *reader, const yaml_event_t *event, cJSON **out)
{
    if (reader->depth == YAML_DEPTH_MAX)
        return fail_at(reader, &event->start_mark, "nested too deeply");
    reader->depth++;
    int r = event->type == YAML_MAPPING_START_EVENT ? read_mapping(reader, out) : read_sequence(reader, out);
    reader->depth--;
    return r;
}

static int read_node(struct reader *reader, const yaml_event_t *event, cJSON **out)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, out);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return read_collection(reader, event, out);
    case YAML_ALIAS_EVENT:
        return fail_at(reader, &event->start_mark, "aliases (*name) are not supported, write the value out");
    default:
        return fail_at(reader, &event->start_mark, "not YAML");
    }
}

/* STREAM-START, at most one document, STREAM-END. */
static int read_stream(struct reader *reader, cJSON **out)
{
    cleanup_item cJSON *root = NULL;
    for (;;) {
        cleanup_with(yaml_event_delete) yaml_event_t event = {0};
        int r = next_event(reader, &event);
        if (r != 0)
            return r;
        if (event.type == YAML_STREAM_END_EVENT)
            break;
        if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT)
            continue;
        if (event.type == YAML_DOCUMENT_START_EVENT && root)
            return fail_at(reader, &event.start_mark, "a second document (---) in a file that takes one");
        if (event.type != YAML_DOCUMENT_START_EVENT && (r = read_node(reader, &event, &root)) != 0)
            return r;
    }
    *out = root ? mem_steal(root) : checked(cJSON_CreateNull());
    return 0;
}

int yaml_parse(const char *text, size_t len, cJSON **out, struct error *err)
{
    struct reader reader = {.err = err};
    if (len > YAML_SIZE_MAX)
        return error_set(err, EX_DATAERR, "larger than %zu MiB", YAML_SIZE_MAX >> 20);
    if (!yaml_parser_initialize(&reader.parser))
        return error_set(err, EX_OSERR, "out of memory");

    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    int r = read_stream(&reader, out);
    yaml_parser_delete(&reader.parser);
    return r;
}

int yaml_read_file(const char *path, cJSON **out, struct error *err)
{
    struct buf text = BUF_INIT(YAML_SIZE_MAX);
    int r = file_read(path, &text);
    if (r < 0)
        r = error_set(err, EX_NOINPUT, "%s: cannot be read: %s", path, strerror(-r));
    else if (r > 0)
        r = error_set(err, EX_DATAERR, "%s: larger than %zu MiB", path, YAML_SIZE_MAX >> 20);
    else if ((r = yaml_parse(text.len ? text.data : "", text.len, out, err)) != 0)
        error_prefix(err, "%s", path);
    buf_deinit(&text);
    return r;
}

const char *yaml_text(const cJSON *item)
{
    return item ? item->valuestring : NULL;
}

const cJSON *yaml_member(const cJSON *item, const char *name)
{
    return cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, name) : NULL;
}
