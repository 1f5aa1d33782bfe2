/*
 * The binary form:
 *
 *      0  'T'
 *      1  protocol version
 *      2  kind
 *      3  flags: 1 the body is zstd, 2 last, 4 whole
 *      4  key id: 0, or that of the key of a signature (reserved)
 *      5  check: low 32 bits of XXH3-64 over bytes 9…, seeded with bytes 0–4 as a little-endian number
 *      9  the kind's fields in the order of its table: 64-bit numbers little-endian, counters as LEB128
 *         body
 *
 * The tables below are the whole difference between the kinds, for both encodings.
 */
#include "transport/envelope.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/xxh3.h"
#include "transport/bytes.h"
#include "transport/likeness.h"
#include "transport/zstd_frame.h"

#define MAGIC 'T'
#define PREFIX_LEN 9
#define COMPRESS_MIN 256 /* bytes; below that a frame's own header eats the gain */
#define COMPRESS_LEVEL 1
#define COMPRESS_LEVEL_FAR 3
#define COMPRESS_NEAR ((size_t)1 << 19) /* bytes that level 1 looks back */
#define LIKENESS_NEAR ((size_t)1 << 16)
#define FRAME_MAGIC "\x28\xb5\x2f\xfd"
#define FRAME_MAGIC_LEN 4
#define PATCH_HEAD 12 /* bytes: key hash and base */

#define ITEM_PATCHED 3 /* beside the types of events, which are themselves */

enum { FLAG_ZSTD = 1, FLAG_LAST = 2, FLAG_WHOLE = 4, FLAGS_KNOWN = 7 };

enum field_type { FIELD_ID, FIELD_NUMBER, FIELD_DIGEST };

struct field {
    const char *name; /* in the plain form */
    enum field_type type;
    size_t offset;
};

#define ID(name, member)                                                                                     \
    {                                                                                                        \
        name, FIELD_ID, offsetof(struct message, member)                                                     \
    }
#define NUMBER(name)                                                                                         \
    {                                                                                                        \
#name, FIELD_NUMBER, offsetof(struct message, name)                                                  \
    }
#define DIGEST(name)                                                                                         \
    {                                                                                                        \
#name, FIELD_DIGEST, offsetof(struct message, name)                                                  \
    }
#define FIELDS_MAX 9

static const struct {
    const char *name;
    struct field fields[FIELDS_MAX + 1]; /* ended by name NULL */
} kinds[MESSAGE_KIND_COUNT] = {
    [MESSAGE_PRESENCE] = {"presence", {ID("boot", boot)}},
    [MESSAGE_CATALOG] = {"catalog", {ID("boot", boot), NUMBER(revision)}},
    [MESSAGE_HEARTBEAT] = {"heartbeat", {ID("boot", boot), ID("catalog", catalog), NUMBER(revision)}},
    [MESSAGE_DELTA] = {"delta", {ID("epoch", epoch), NUMBER(from), NUMBER(items), DIGEST(root)}},
    [MESSAGE_END] = {"end", {ID("epoch", epoch), ID("nonce", nonce), NUMBER(from), NUMBER(reason)}},
    [MESSAGE_EQUAL] = {"equal",
                       {ID("nonce", nonce), ID("epoch", epoch), NUMBER(to), DIGEST(root), NUMBER(count)}},
    [MESSAGE_CHUNK] = {"chunk",
                       {ID("nonce", nonce), ID("epoch", epoch), NUMBER(index), NUMBER(to), ID("first", first),
                        ID("last", last_hash), DIGEST(root), NUMBER(count)}},
    [MESSAGE_SYNC] = {"sync",
                      {ID("nonce", nonce), ID("epoch", epoch), NUMBER(to), DIGEST(root), NUMBER(count),
                       NUMBER(credit)}},
    [MESSAGE_CREDIT] = {"credit", {ID("nonce", nonce), NUMBER(credit)}},
    [MESSAGE_WHOIS] = {"whois", {{0}}},
    [MESSAGE_DIGESTS] = {"digests",
                         {ID("nonce", nonce), ID("epoch", epoch), NUMBER(index), NUMBER(to),
                          ID("first", first), ID("last", last_hash), NUMBER(bits), DIGEST(root),
                          NUMBER(count)}},
    [MESSAGE_HAVE] = {"have", {ID("nonce", nonce), NUMBER(index)}},
    [MESSAGE_REPAIR] = {"repair",
                        {ID("nonce", nonce), ID("epoch", epoch), NUMBER(index), NUMBER(to), DIGEST(root),
                         NUMBER(count)}},
    [MESSAGE_WANT] = {"want", {NUMBER(lease)}},
};

struct codec {
    enum encoding encoding;
    size_t body_limit;
    struct buf out;      /* the payload that was encoded last */
    struct buf unpacked; /* the body that was decoded last */
    struct buf frame;    /* of the last patch, whole */
    struct buf patched;  /* what the last patch made */
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    struct zstd_writer *writer;
};

int encoding_parse(const char *text, enum encoding *encoding)
{
    if (strcmp(text, "zstd") != 0 && strcmp(text, "plain") != 0)
        return 1;
    *encoding = text[0] == 'z' ? ENCODING_ZSTD : ENCODING_PLAIN;
    return 0;
}

const char *message_kind_text(enum message_kind kind)
{
    return kind > 0 && kind < MESSAGE_KIND_COUNT ? kinds[kind].name : "unknown";
}

struct codec *codec_create(enum encoding encoding, size_t body_limit)
{
    struct codec *codec = mem_zalloc(sizeof(*codec));
    codec->encoding = encoding;
    codec->body_limit = body_limit;
    buf_init(&codec->out, body_limit * 2 + 4096);
    buf_init(&codec->unpacked, body_limit);
    buf_init(&codec->frame, body_limit + FRAME_MAGIC_LEN);
    buf_init(&codec->patched, body_limit);
    return codec;
}

void codec_destroy(struct codec *codec)
{
    if (!codec)
        return;
    buf_deinit(&codec->out);
    buf_deinit(&codec->unpacked);
    buf_deinit(&codec->frame);
    buf_deinit(&codec->patched);
    ZSTD_freeCCtx(codec->compress);
    ZSTD_freeDCtx(codec->decompress);
    zstd_writer_destroy(codec->writer);
    free(codec);
}

/* ---- primitives ---- */

static uint32_t check_of(const uint8_t *payload, size_t len)
{
    return (uint32_t)XXH3_64bits_withSeed(payload + PREFIX_LEN, len - PREFIX_LEN, bytes_get_le(payload, 5));
}

static void *field_of(const struct message *message, const struct field *field)
{
    return (char *)message + field->offset;
}

/* ---- binary ---- */

static void append_field(struct buf *out, const struct message *message, const struct field *field)
{
    const uint64_t *value = field_of(message, field);
    if (field->type == FIELD_NUMBER) {
        bytes_append_varint(out, *value);
    } else if (field->type == FIELD_ID) {
        bytes_append_le(out, *value, 8);
    } else {
        bytes_append_le(out, value[0], 8);
        bytes_append_le(out, value[1], 8);
    }
}

static bool read_field(struct reader *reader, struct message *message, const struct field *field)
{
    uint64_t *value = field_of(message, field);
    if (field->type == FIELD_NUMBER)
        return reader_varint(reader, value);
    if (field->type == FIELD_ID)
        return reader_le(reader, value, 8);
    return reader_le(reader, &value[0], 8) && reader_le(reader, &value[1], 8);
}

/* The prefix of a large object would be out of sight: zstd chooses by what it compresses alone. */
static void set_reach(ZSTD_CCtx *compress, size_t reach)
{
    int window_log = 0; /* as the level has it */
    if (reach > COMPRESS_NEAR)
        for (window_log = 20; (size_t)1 << window_log < reach;)
            window_log++;
    ZSTD_CCtx_setParameter(compress, ZSTD_c_compressionLevel,
                           window_log ? COMPRESS_LEVEL_FAR : COMPRESS_LEVEL);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_windowLog, window_log);
}

/* Appends a zstd frame, made with what the reader will have at hand as prefix. False, with nothing appended,
 * where it would not be smaller than what it stands for. */
static bool append_frame(struct codec *codec, struct buf *out, struct slice bytes, struct slice prefix)
{
    if (buf_reserve(out, bytes.len) != 0)
        return false;
    if (!codec->compress)
        codec->compress = ZSTD_createCCtx();
    ZSTD_CCtx_reset(codec->compress, ZSTD_reset_session_only); /* one that did not fit is not over else */
    set_reach(codec->compress, prefix.len ? prefix.len + bytes.len : 0);
    ZSTD_CCtx_refPrefix(codec->compress, prefix.data, prefix.len);
    size_t n = ZSTD_compress2(codec->compress, out->data + out->len, bytes.len, bytes.data, bytes.len);
    if (ZSTD_isError(n) || n >= bytes.len)
        return false;
    out->len += n;
    return true;
}

/* The same of two versions of an object. In a long one zstd searches better. */
static bool append_likeness(struct codec *codec, struct buf *out, struct slice bytes, struct slice base)
{
    struct zstd_match matches[ZSTD_MATCHES_MAX];
    size_t count =
        bytes.len <= LIKENESS_NEAR && base.len <= LIKENESS_NEAR ? likeness_find(base, bytes, matches) : 0;
    if (!codec->writer)
        codec->writer = zstd_writer_create();
    return (count && zstd_frame_append(codec->writer, out, bytes, matches, count)) ||
           append_frame(codec, out, bytes, base);
}

static void encode_binary(struct codec *codec, const struct message *message)
{
    struct buf *out = &codec->out;
    uint8_t prefix[PREFIX_LEN] = {MAGIC, PROTOCOL_VERSION, (uint8_t)message->kind,
                                  (uint8_t)((message->last ? FLAG_LAST : 0) |
                                            (message->whole ? FLAG_WHOLE : 0))};
    buf_append(out, prefix, sizeof(prefix));
    for (const struct field *field = kinds[message->kind].fields; field->name; field++)
        append_field(out, message, field);
    if (message->body.len >= COMPRESS_MIN && append_frame(codec, out, message->body, (struct slice){0}))
        out->data[3] |= FLAG_ZSTD;
    else if (message->body.len)
        buf_append(out, message->body.data, message->body.len);
    bytes_put_le((uint8_t *)out->data + 5, check_of((uint8_t *)out->data, out->len), 4);
}

/* Only what carries objects may be large: a few bytes of anything else must not unpack to many. */
static size_t body_limit(const struct codec *codec, enum message_kind kind)
{
    switch (kind) {
    case MESSAGE_DELTA:
    case MESSAGE_CHUNK:
    case MESSAGE_DIGESTS:
    case MESSAGE_HAVE:
    case MESSAGE_REPAIR:
        return codec->body_limit;
    default:
        return codec->body_limit < ENVELOPE_SMALL_MAX ? codec->body_limit : ENVELOPE_SMALL_MAX;
    }
}

/* Unpacks one frame, which has to tell its content's size. 0, ENVELOPE_E_MALFORMED, _LIMIT. */
static int unpack(struct codec *codec, struct slice frame, struct slice prefix, size_t limit, struct buf *out)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame.data, frame.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return ENVELOPE_E_MALFORMED;
    buf_clear(out);
    if (size > limit || buf_reserve(out, (size_t)size) != 0)
        return ENVELOPE_E_LIMIT;
    if (!codec->decompress)
        codec->decompress = ZSTD_createDCtx();
    if (prefix.len)
        ZSTD_DCtx_refPrefix(codec->decompress, prefix.data, prefix.len);
    size_t n = ZSTD_decompressDCtx(codec->decompress, out->data, (size_t)size, frame.data, frame.len);
    if (ZSTD_isError(n) || n != size)
        return ENVELOPE_E_MALFORMED;
    out->len = n;
    return 0;
}

static int unpack_body(struct codec *codec, struct message *message)
{
    size_t limit = body_limit(codec, message->kind);
    int r = unpack(codec, message->body, (struct slice){0}, limit, &codec->unpacked);
    message->body = (struct slice){codec->unpacked.data, codec->unpacked.len};
    return r;
}

static int decode_binary(struct codec *codec, const uint8_t *payload, size_t len, struct message *message)
{
    if (len < PREFIX_LEN)
        return ENVELOPE_E_MALFORMED;
    if (payload[1] != PROTOCOL_VERSION)
        return ENVELOPE_E_VERSION;
    if (payload[4] != 0)
        return ENVELOPE_E_SIGNED;
    if (bytes_get_le(payload + 5, 4) != check_of(payload, len))
        return ENVELOPE_E_CHECK;
    if (payload[2] == 0 || payload[2] >= MESSAGE_KIND_COUNT || payload[3] & ~FLAGS_KNOWN)
        return ENVELOPE_E_MALFORMED;
    message->kind = payload[2];
    message->last = payload[3] & FLAG_LAST;
    message->whole = payload[3] & FLAG_WHOLE;

    struct reader reader = {payload + PREFIX_LEN, payload + len};
    for (const struct field *field = kinds[message->kind].fields; field->name; field++)
        if (!read_field(&reader, message, field))
            return ENVELOPE_E_MALFORMED;
    message->body = (struct slice){(const char *)reader.at, (size_t)(reader.end - reader.at)};
    if (payload[3] & FLAG_ZSTD)
        return unpack_body(codec, message);
    return message->body.len > body_limit(codec, message->kind) ? ENVELOPE_E_LIMIT : 0;
}

/* ---- plain ---- */

static void append_plain_field(struct buf *out, const struct message *message, const struct field *field)
{
    const uint64_t *value = field_of(message, field);
    if (field->type == FIELD_NUMBER)
        buf_appendf(out, ",\"%s\":%" PRIu64, field->name, *value);
    else if (field->type == FIELD_ID)
        buf_appendf(out, ",\"%s\":\"%016" PRIx64 "\"", field->name, *value);
    else
        buf_appendf(out, ",\"%s\":\"%016" PRIx64 "%016" PRIx64 "\"", field->name, value[1], value[0]);
}

static void encode_plain(struct codec *codec, const struct message *message)
{
    struct buf *out = &codec->out;
    buf_appendf(out, "{\"ti\":%d,\"kind\":\"%s\"", PROTOCOL_VERSION, kinds[message->kind].name);
    for (const struct field *field = kinds[message->kind].fields; field->name; field++)
        append_plain_field(out, message, field);
    buf_append_str(out, message->last ? ",\"final\":true" : "");
    buf_append_str(out, message->whole ? ",\"whole\":true}\n" : "}\n");
    if (message->body.len)
        buf_append(out, message->body.data, message->body.len);
}

static bool parse_hex(const char *text, size_t len, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        *value = *value << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

static bool parse_plain_field(const cJSON *header, struct message *message, const struct field *field)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(header, field->name);
    uint64_t *value = field_of(message, field);
    if (field->type == FIELD_NUMBER) {
        if (!cJSON_IsNumber(json) || !(json->valuedouble >= 0 && json->valuedouble <= (double)NUMBER_MAX))
            return false;
        *value = (uint64_t)json->valuedouble;
        return (double)*value == json->valuedouble;
    }
    const char *text = cJSON_GetStringValue(json);
    size_t want = field->type == FIELD_ID ? 16 : 32;
    if (!text || strlen(text) != want)
        return false;
    if (field->type == FIELD_ID)
        return parse_hex(text, 16, value);
    return parse_hex(text, 16, &value[1]) && parse_hex(text + 16, 16, &value[0]);
}

static int plain_kind(const cJSON *header)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header, "kind"));
    for (int kind = 1; name && kind < MESSAGE_KIND_COUNT; kind++)
        if (strcmp(kinds[kind].name, name) == 0)
            return kind;
    return 0;
}

static int parse_plain_header(const cJSON *header, struct message *message)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(header, "ti");
    if (!cJSON_IsNumber(version))
        return ENVELOPE_E_MALFORMED;
    if (version->valuedouble != PROTOCOL_VERSION)
        return ENVELOPE_E_VERSION;
    message->kind = plain_kind(header);
    if (message->kind == 0)
        return ENVELOPE_E_MALFORMED;
    for (const struct field *field = kinds[message->kind].fields; field->name; field++)
        if (!parse_plain_field(header, message, field))
            return ENVELOPE_E_MALFORMED;
    message->last = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(header, "final"));
    message->whole = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(header, "whole"));
    return 0;
}

static int decode_plain(struct codec *codec, const char *payload, size_t len, struct message *message)
{
    const char *newline = memchr(payload, '\n', len < 4096 ? len : 4096);
    if (!newline)
        return ENVELOPE_E_MALFORMED;
    cJSON *header = cJSON_ParseWithLength(payload, (size_t)(newline - payload));
    int r = header ? parse_plain_header(header, message) : ENVELOPE_E_MALFORMED;
    cJSON_Delete(header);
    message->plain = true;
    message->body = (struct slice){newline + 1, len - (size_t)(newline + 1 - payload)};
    return r == 0 && message->body.len > body_limit(codec, message->kind) ? ENVELOPE_E_LIMIT : r;
}

/* ---- the two together ---- */

/* Whose body is numbers: it has one form, whatever the encoding. */
static bool is_for_machines(enum message_kind kind)
{
    return kind == MESSAGE_DIGESTS || kind == MESSAGE_HAVE || kind == MESSAGE_REPAIR;
}

struct slice codec_encode(struct codec *codec, const struct message *message)
{
    buf_clear(&codec->out);
    if (codec->encoding == ENCODING_PLAIN && !is_for_machines(message->kind))
        encode_plain(codec, message);
    else
        encode_binary(codec, message);
    return (struct slice){codec->out.data, codec->out.len};
}

int codec_decode(struct codec *codec, const void *payload, size_t len, struct message *message)
{
    const uint8_t *bytes = payload;
    memset(message, 0, sizeof(*message));
    if (len == 0)
        return ENVELOPE_E_MALFORMED;
    if (bytes[0] == MAGIC)
        return decode_binary(codec, payload, len, message);
    return bytes[0] == '{' ? decode_plain(codec, payload, len, message) : ENVELOPE_E_MALFORMED;
}

/* ---- items ---- */

static int put_binary_item(struct buf *body, const struct object *old, const struct object *new_)
{
    enum event_type type = !old ? EVENT_ADDED : new_ ? EVENT_MODIFIED : EVENT_DELETED;
    int r = buf_append_char(body, (char)type);
    if (r == 0 && new_)
        r = bytes_append_varint(body, object_bytes(new_).len) ||
            buf_append(body, object_bytes(new_).data, object_bytes(new_).len);
    if (r == 0 && !new_) {
        struct slice uid = object_uid(old);
        size_t key_len = strlen(object_key(old));
        r = bytes_append_varint(body, key_len) || buf_append(body, object_key(old), key_len) ||
            bytes_append_varint(body, uid.len) || buf_append(body, uid.data, uid.len);
    }
    return r ? BUF_E_LIMIT : 0;
}

static int put_stub(struct buf *body, const struct object *old)
{
    struct slice name = object_name(old), namespace_ = object_namespace(old), uid = object_uid(old);
    int r = buf_appendf(body, "{\"metadata\":{\"name\":\"%.*s\"", SLICE_ARGS(name));
    if (r == 0 && namespace_.len)
        r = buf_appendf(body, ",\"namespace\":\"%.*s\"", SLICE_ARGS(namespace_));
    if (r == 0 && uid.len)
        r = buf_appendf(body, ",\"uid\":\"%.*s\"", SLICE_ARGS(uid));
    return r ? r : buf_append(body, "}}", 2);
}

static int put_plain_item(struct buf *body, const struct object *old, const struct object *new_)
{
    const char *type = event_type_text(!old ? EVENT_ADDED : new_ ? EVENT_MODIFIED : EVENT_DELETED);
    int r = buf_appendf(body, "{\"type\":\"%s\",\"object\":", type);
    if (r == 0)
        r = new_ ? buf_append(body, object_bytes(new_).data, object_bytes(new_).len) : put_stub(body, old);
    return r ? r : buf_append(body, "}\n", 2);
}

int codec_put_item(struct codec *codec, struct buf *body, const struct object *old, const struct object *new_)
{
    size_t start = body->len;
    int r = codec->encoding == ENCODING_PLAIN ? put_plain_item(body, old, new_)
                                              : put_binary_item(body, old, new_);
    if (r != 0)
        buf_truncate(body, start);
    return r;
}

int codec_put_patch(struct codec *codec, struct buf *body, const struct object *base,
                    const struct object *new_)
{
    struct buf *frame = &codec->frame;
    struct slice bytes = object_bytes(new_);
    size_t start = body->len;
    buf_clear(frame);
    if (codec->encoding == ENCODING_PLAIN || !append_likeness(codec, frame, bytes, object_bytes(base)) ||
        frame->len - FRAME_MAGIC_LEN + PATCH_HEAD >= bytes.len)
        return 1;
    int r = buf_append_char(body, ITEM_PATCHED) || bytes_append_le(body, object_key_hash(base), 8) ||
            bytes_append_le(body, (uint32_t)object_digest(base).low, 4) ||
            bytes_append_varint(body, frame->len - FRAME_MAGIC_LEN) ||
            buf_append(body, frame->data + FRAME_MAGIC_LEN, frame->len - FRAME_MAGIC_LEN);
    if (r)
        buf_truncate(body, start);
    return r ? 1 : 0;
}

bool patch_fits(uint32_t base, const struct object *object)
{
    return (uint32_t)object_digest(object).low == base;
}

int codec_unpatch(struct codec *codec, struct slice patch, const struct object *base, struct slice *out)
{
    struct buf *frame = &codec->frame;
    buf_clear(frame);
    if (buf_append(frame, FRAME_MAGIC, FRAME_MAGIC_LEN) != 0 || buf_append(frame, patch.data, patch.len) != 0)
        return ENVELOPE_E_LIMIT;
    int r = unpack(codec, (struct slice){frame->data, frame->len}, object_bytes(base), codec->body_limit,
                   &codec->patched);
    *out = (struct slice){codec->patched.data, codec->patched.len};
    return r;
}

static bool read_slice(struct reader *reader, struct slice *slice)
{
    uint64_t len;
    if (!reader_varint(reader, &len) || len > (uint64_t)(reader->end - reader->at))
        return false;
    *slice = (struct slice){(const char *)reader->at, (size_t)len};
    reader->at += len;
    return true;
}

static bool read_patch(struct reader *reader, struct item *item)
{
    uint64_t base;
    if (!reader_le(reader, &item->key_hash, 8) || !reader_le(reader, &base, 4))
        return false;
    item->base = (uint32_t)base;
    return read_slice(reader, &item->patch);
}

static bool next_binary_item(const struct message *message, size_t *cursor, struct item *item)
{
    const uint8_t *start = (const uint8_t *)message->body.data;
    struct reader reader = {start + *cursor, start + message->body.len};
    uint8_t type = *reader.at++;
    bool ok = false;
    if (type == EVENT_DELETED)
        ok = read_slice(&reader, &item->key) && read_slice(&reader, &item->uid);
    else if (type == ITEM_PATCHED)
        ok = read_patch(&reader, item);
    else if (type < EVENT_DELETED)
        ok = read_slice(&reader, &item->object);
    item->type = type == ITEM_PATCHED ? EVENT_MODIFIED : type;
    if (ok)
        *cursor = (size_t)(reader.at - start);
    return ok;
}

static bool parse_type(struct slice text, enum event_type *type)
{
    for (*type = EVENT_ADDED; *type <= EVENT_DELETED; (*type)++)
        if (slice_equal(text, event_type_text(*type)))
            return true;
    return false;
}

/* A line, as a watch has it. The object ends where its JSON does: white space inside may be a newline. */
static bool next_plain_item(const struct message *message, size_t *cursor, struct item *item)
{
    const char *start = message->body.data + *cursor, *end = message->body.data + message->body.len;
    const char *newline = json_skip_value(start, end, 0);
    if (!newline || newline >= end || *newline != '\n')
        return false;
    struct slice line = {start, (size_t)(newline - start)};
    item->object = json_member(line, "object");
    if (!parse_type(json_member(line, "type"), &item->type) || !item->object.len ||
        item->object.data[0] != '{')
        return false;
    if (item->type == EVENT_DELETED) {
        struct slice metadata = json_member(item->object, "metadata");
        item->namespace_ = json_member(metadata, "namespace");
        item->key = json_member(metadata, "name");
        item->uid = json_member(metadata, "uid");
    }
    *cursor += line.len + 1;
    return true;
}

int item_key(const struct item *item, char *out)
{
    size_t lead = item->namespace_.len ? item->namespace_.len + 1 : 0;
    if (item->key.len == 0 || lead + item->key.len >= OBJECT_KEY_MAX)
        return ENVELOPE_E_MALFORMED;
    if (lead) {
        memcpy(out, item->namespace_.data, lead - 1);
        out[lead - 1] = '/';
    }
    memcpy(out + lead, item->key.data, item->key.len);
    out[lead + item->key.len] = '\0';
    return strlen(out) == lead + item->key.len ? 0 : ENVELOPE_E_MALFORMED;
}

bool message_next_item(const struct message *message, size_t *cursor, struct item *item)
{
    *item = (struct item){0};
    if (*cursor >= message->body.len)
        return false;
    return message->plain ? next_plain_item(message, cursor, item) : next_binary_item(message, cursor, item);
}
