/*
 * The wire format: a message is a row of (number, wire type, value); a value is a varint, or bytes with their
 * length. The envelope is "k8s\0" and a message of type meta (1) and the object's bytes (2).
 */

#include "apiserver/protobuf.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "apiserver/protobuf_internal.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"

#define DEPTH_MAX 16

struct reader {
    const unsigned char *at, *end;
    struct status *status;
    int depth;
};

/* One field as it is on the wire. */
struct item {
    unsigned number;
    bool is_bytes;
    uint64_t number_value;
    const unsigned char *data;
    size_t len;
};

static bool read_varint(struct reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* 1: an item; 0: the end; -1: broken. */
static int next_item(struct reader *reader, struct item *item)
{
    uint64_t tag, len;
    if (reader->at == reader->end)
        return 0;
    if (!read_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > 10000)
        return -1;
    *item = (struct item){.number = (unsigned)(tag >> 3), .is_bytes = (tag & 7) == 2};
    if ((tag & 7) == 0)
        return read_varint(reader, &item->number_value) ? 1 : -1;
    if (!item->is_bytes || !read_varint(reader, &len) || len > (uint64_t)(reader->end - reader->at))
        return -1;
    item->data = reader->at;
    item->len = (size_t)len;
    reader->at += len;
    return 1;
}

/* The message that an item holds; empty where it holds a number. */
static struct reader inside(const struct item *item, struct status *status, int depth)
{
    static const unsigned char nothing[1];
    const unsigned char *at = item->data ? item->data : nothing;
    return (struct reader){at, at + item->len, status, depth};
}

static int broken(struct status *status)
{
    return status_set(status, 400, "BadRequest",
                      "the object provided is unrecognized: its protobuf is broken");
}

static cJSON *string_of(const struct item *item)
{
    cleanup_free char *text = mem_dup(item->data ? item->data : (const unsigned char *)"", item->len);
    return strlen(text) == item->len && utf8_valid(text, item->len) ? cJSON_CreateString(text) : NULL;
}

static cJSON *base64_of(const struct item *item)
{
    cleanup_with(buf_deinit) struct buf out = BUF_INIT(SIZE_MAX / 4);
    base64_encode(item->data, item->len, &out);
    return cJSON_CreateString(out.data ? out.data : "");
}

static cJSON *time_of(const struct item *item)
{
    struct reader reader = inside(item, NULL, 0);
    struct item part;
    struct tm tm;
    char text[24];
    time_t seconds = 0;
    while (next_item(&reader, &part) > 0)
        if (part.number == 1)
            seconds = (time_t)part.number_value;
    if (!item->len || !gmtime_r(&seconds, &tm))
        return cJSON_CreateNull();
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return cJSON_CreateString(text);
}

static cJSON *int_or_string_of(const struct item *item)
{
    struct reader reader = inside(item, NULL, 0);
    struct item part;
    bool is_string = false;
    int32_t number = 0;
    cJSON *text = NULL;
    while (next_item(&reader, &part) > 0) {
        if (part.number == 1)
            is_string = part.number_value;
        else if (part.number == 2)
            number = (int32_t)part.number_value;
        else if (part.number == 3 && !text)
            text = string_of(&part);
    }
    if (is_string && text)
        return text;
    cJSON_Delete(text);
    return cJSON_CreateNumber(number);
}

/* A quantity is a message of its text. */
static cJSON *quantity_of(const struct item *item)
{
    struct reader reader = inside(item, NULL, 0);
    struct item part = {0};
    return next_item(&reader, &part) > 0 && part.number == 1 ? string_of(&part) : cJSON_CreateString("0");
}

static bool add_to_map(cJSON *map, const struct item *item, int type)
{
    struct reader reader = inside(item, NULL, 0);
    struct item part, key = {0}, value = {0};
    while (next_item(&reader, &part) > 0) {
        if (part.number == 1)
            key = part;
        else if (part.number == 2)
            value = part;
    }
    cleanup_free char *name = mem_dup(key.data ? key.data : (const unsigned char *)"", key.len);
    cJSON *made = type == PB_MAP         ? string_of(&value)
                  : type == PB_BYTES_MAP ? base64_of(&value)
                                         : quantity_of(&value);
    if (!made)
        return false;
    tree_set(map, name, made);
    return true;
}

static cJSON *read_message(struct reader *reader, const struct protobuf_field *fields);

static cJSON *submessage(const struct reader *reader, const struct item *item,
                         const struct protobuf_field *field)
{
    struct reader inner = inside(item, reader->status, reader->depth + 1);
    return read_message(&inner, field->message);
}

/* NULL where it cannot be read. */
static cJSON *value_of(const struct reader *reader, const struct item *item,
                       const struct protobuf_field *field)
{
    int type = field->type & PB_TYPES;
    bool wants_bytes = type != PB_INT && type != PB_BOOL;
    if (wants_bytes != item->is_bytes)
        return NULL;
    switch (type) {
    case PB_STRING:
        return string_of(item);
    case PB_INT:
        return cJSON_CreateNumber((double)(int64_t)item->number_value);
    case PB_BOOL:
        return cJSON_CreateBool(item->number_value != 0);
    case PB_TIME:
        return time_of(item);
    case PB_INT_OR_STRING:
        return int_or_string_of(item);
    default:
        return submessage(reader, item, field);
    }
}

static bool is_zero(const cJSON *value)
{
    return cJSON_IsNull(value) || cJSON_IsFalse(value) ||
           (cJSON_IsNumber(value) && value->valuedouble == 0) ||
           (cJSON_IsString(value) && !value->valuestring[0]) || (cJSON_IsObject(value) && !value->child);
}

static bool take_map(cJSON *out, const struct item *item, const struct protobuf_field *field)
{
    if (!item->is_bytes)
        return false;
    return add_to_map(tree_make(out, field->name), item, field->type & PB_TYPES);
}

/* All that part has, which is deleted. */
static void take_members(cJSON *out, cJSON *part)
{
    while (part->child) {
        cJSON *member = cJSON_DetachItemViaPointer(part, part->child);
        cleanup_free char *name = mem_strdup(member->string);
        tree_set(out, name, member);
    }
    cJSON_Delete(part);
}

static bool take(const struct reader *reader, cJSON *out, const struct item *item,
                 const struct protobuf_field *field)
{
    int type = field->type & PB_TYPES;
    if (type == PB_MAP || type == PB_BYTES_MAP || type == PB_QUANTITY_MAP)
        return take_map(out, item, field);
    cJSON *value = value_of(reader, item, field);
    if (!value)
        return false;
    if (field->type & PB_INLINE) {
        take_members(out, value);
    } else if (field->type & PB_LIST) {
        tree_add(tree_make_list(out, field->name), value);
    } else if (field->type & PB_POINTER || !is_zero(value)) {
        tree_set(out, field->name, value);
    } else {
        cJSON_Delete(value);
    }
    return true;
}

/* Go writes all its values, so what is not in the table is mostly nothing: a zero, an empty text, or a
 * message of such. */
static bool is_nothing(const struct item *item, int depth)
{
    struct reader inner = inside(item, NULL, 0);
    struct item part;
    int r = 0;
    if (!item->is_bytes)
        return item->number_value == 0;
    while (item->len && (r = next_item(&inner, &part)) > 0)
        if (depth == 0 || !is_nothing(&part, depth - 1))
            return false;
    return r == 0;
}

/* The status is the server's; anything else that is something would be lost. */
static int pass_over(const struct reader *reader, const struct item *item)
{
    if ((reader->depth == 0 && item->number == 3) || is_nothing(item, 4))
        return 0;
    return status_set(reader->status, 415, "UnsupportedMediaType",
                      "this server does not know field %u of the protobuf that was sent: send JSON, as with "
                      "kubectl create -f",
                      item->number);
}

static int take_item(const struct reader *reader, cJSON *out, const struct item *item,
                     const struct protobuf_field *fields)
{
    while (fields->number && fields->number != item->number)
        fields++;
    if (!fields->number)
        return pass_over(reader, item);
    return take(reader, out, item, fields) ? 0 : -1;
}

static cJSON *read_message(struct reader *reader, const struct protobuf_field *fields)
{
    cJSON *out = cJSON_CreateObject();
    struct item item;
    int more = reader->depth > DEPTH_MAX ? -1 : 1;
    while (more > 0 && (more = next_item(reader, &item)) > 0)
        if (take_item(reader, out, &item, fields) != 0)
            more = -1;
    if (more == 0)
        return out;
    if (!reader->status->code)
        broken(reader->status);
    cJSON_Delete(out);
    return NULL;
}

static const struct protobuf_field *find_kind(const char *api_version, const char *kind)
{
    for (const struct protobuf_kind *row = protobuf_kinds; row->message; row++)
        if (!strcmp(row->api_version, api_version) && !strcmp(row->kind, kind))
            return row->message;
    return NULL;
}

static const struct protobuf_field type_meta[] = {
    {1, "apiVersion", PB_STRING, NULL}, {2, "kind", PB_STRING, NULL}, {0, NULL, 0, NULL}};
static const struct protobuf_field envelope[] = {{1, "type", PB_MESSAGE, type_meta}, {0, NULL, 0, NULL}};

/* The type, and where the object's bytes are. */
static cJSON *read_envelope(const char *data, size_t len, struct item *object, struct status *status)
{
    struct reader reader = {(const unsigned char *)data, (const unsigned char *)data + len, status, 0};
    struct item item;
    cJSON *type = NULL;
    int more = len < 4 || memcmp(data, "k8s", 4) ? -1 : 1;
    reader.at += more > 0 ? 4 : 0;
    while (more > 0 && (more = next_item(&reader, &item)) > 0) {
        if (item.number == 1 && item.is_bytes && !type)
            type = submessage(&reader, &item, &envelope[0]);
        else if (item.number == 2 && item.is_bytes)
            *object = item;
    }
    if (more == 0 && type && object->data)
        return type;
    cJSON_Delete(type);
    broken(status);
    return NULL;
}

cJSON *protobuf_parse(const char *data, size_t len, struct status *status)
{
    struct item object = {0};
    cleanup_tree cJSON *type = read_envelope(data, len, &object, status);
    if (!type)
        return NULL;
    const char *kind = tree_text(type, "kind"), *version = tree_text(type, "apiVersion");
    const struct protobuf_field *fields = find_kind(version, kind);
    if (!fields) {
        status_set(
            status, 415, "UnsupportedMediaType",
            "this server does not read %.60s of %.100s as protobuf: send JSON, as with kubectl create -f",
            kind, version);
        return NULL;
    }
    struct reader reader = inside(&object, status, 0);
    cJSON *tree = read_message(&reader, fields);
    if (!tree)
        return NULL;
    tree_set_text(tree, "kind", kind);
    tree_set_text(tree, "apiVersion", version);
    return tree;
}
