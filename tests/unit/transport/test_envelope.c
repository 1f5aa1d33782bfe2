/* The codec against the vectors of tests/vectors/, and against what happens to a message on the way. */
#include "tests/unit/transport/vectors.h"

#include <xxhash.h>

#include "transport/envelope.h"

#define BODY_LIMIT ((size_t)1 << 20)
#define PREFIX_LEN 9

static void fail_vector(const struct vector *vector, const char *what)
{
    fail_msg("%s: %s", vector->name, what);
}

/* ---- what a vector says ---- */

static enum message_kind kind_of(const struct vector *vector)
{
    for (int kind = 1; kind < MESSAGE_KIND_COUNT; kind++)
        if (strcmp(message_kind_text(kind), vector_get(vector, "kind")) == 0)
            return kind;
    fail_vector(vector, "unknown kind");
    return 0;
}

static struct digest digest_of(const struct vector *vector, const char *name)
{
    char high[17] = "", low[17] = "";
    const char *text = vector_get(vector, name);
    if (text)
        sscanf(text, "%16[0-9a-f]%16[0-9a-f]", high, low);
    return (struct digest){.high = strtoull(high, NULL, 16), .low = strtoull(low, NULL, 16)};
}

static struct message expected_message(const struct vector *vector)
{
    return (struct message){
        .kind = kind_of(vector),
        .last = vector_get(vector, "final") != NULL,
        .whole = vector_get(vector, "whole") != NULL,
        .boot = vector_number(vector, "boot", 16),
        .revision = vector_number(vector, "revision", 10),
        .catalog = vector_number(vector, "catalog", 16),
        .epoch = vector_number(vector, "epoch", 16),
        .nonce = vector_number(vector, "nonce", 16),
        .from = vector_number(vector, "from", 10),
        .items = vector_number(vector, "items", 10),
        .to = vector_number(vector, "to", 10),
        .index = vector_number(vector, "index", 10),
        .first = vector_number(vector, "first", 16),
        .last_hash = vector_number(vector, "last", 16),
        .bits = vector_number(vector, "bits", 10),
        .root = digest_of(vector, "root"),
        .count = vector_number(vector, "count", 10),
        .credit = vector_number(vector, "credit", 10),
        .reason = vector_number(vector, "reason", 10),
        .lease = vector_number(vector, "lease", 10),
    };
}

static int outcome_of(const struct vector *vector)
{
    static const char *const names[] = {
        [0] = "ok",
        [ENVELOPE_E_MALFORMED] = "malformed",
        [ENVELOPE_E_VERSION] = "version",
        [ENVELOPE_E_CHECK] = "check",
        [ENVELOPE_E_LIMIT] = "limit",
        [ENVELOPE_E_SIGNED] = "signed",
    };
    for (size_t i = 0; i < array_size(names); i++)
        if (strcmp(names[i], vector_get(vector, "expect")) == 0)
            return (int)i;
    fail_vector(vector, "unknown outcome");
    return -1;
}

static bool is_message(const struct vector *vector)
{
    return vector->payload_count == 1 && !strstr(vector->name, "parts") && vector_get(vector, "expect");
}

static bool is_plain(const struct vector *vector)
{
    return vector->payloads[0].len && vector->payloads[0].data[0] == '{';
}

static struct codec *codec_for(const struct vector *vector)
{
    size_t limit = (size_t)vector_number(vector, "limit", 10);
    return codec_create(is_plain(vector) ? ENCODING_PLAIN : ENCODING_ZSTD, limit ? limit : BODY_LIMIT);
}

/* A copy of exactly its length, so that a read behind the end is seen. */
static int decode(struct codec *codec, const char *data, size_t len, struct message *message, char **copy)
{
    *copy = malloc(len ? len : 1);
    if (len)
        memcpy(*copy, data, len);
    return codec_decode(codec, *copy, len, message);
}

/* ---- decoding ---- */

static void check_fields(const struct vector *vector, struct message message)
{
    struct message want = expected_message(vector);
    want.plain = is_plain(vector);
    message.body = (struct slice){0};
    assert_int_equal(message.last, want.last);
    assert_int_equal(message.whole, want.whole);
    assert_int_equal(message.plain, want.plain);
    message.last = want.last;
    message.whole = want.whole;
    message.plain = want.plain;
    char *got_bytes = (char *)&message, *want_bytes = (char *)&want;
    size_t boot = offsetof(struct message, boot), end = offsetof(struct message, body);
    if (message.kind != want.kind || memcmp(got_bytes + boot, want_bytes + boot, end - boot) != 0)
        fail_vector(vector, "decoded to other fields");
}

static void check_deleted(const struct vector *vector, const struct item *item, const char *rest)
{
    char key[OBJECT_KEY_MAX], got[OBJECT_KEY_MAX + 300];
    assert_int_equal(item->type, EVENT_DELETED);
    assert_int_equal(item_key(item, key), 0);
    snprintf(got, sizeof(got), "%s %.*s", key, SLICE_ARGS(item->uid));
    if (strcmp(got, rest) != 0)
        fail_vector(vector, "another deletion");
}

/* "patch: malformed", or "base" for one of another base; without it, it leads to the text. */
static void check_patch(const struct vector *vector, const struct item *item, const char *text)
{
    const char *base_text = vector_get(vector, "base"), *want = vector_get(vector, "patch");
    struct object *base = NULL;
    struct slice bytes;
    assert_int_equal(object_create(base_text, strlen(base_text), NULL, &base), 0);
    struct codec *codec = codec_for(vector);
    int r = codec_unpatch(codec, item->patch, base, &bytes);
    const char *got = !patch_fits(item->base, base) ? "base"
                      : r == ENVELOPE_E_MALFORMED   ? "malformed"
                      : r == ENVELOPE_E_LIMIT       ? "limit"
                                                    : "";
    if (item->key_hash != object_key_hash(base) || strcmp(got, want ? want : "") != 0 ||
        (!want && !slice_equal(bytes, text)))
        fail_vector(vector, "another patch");
    codec_destroy(codec);
    object_unref(base);
}

static void check_item(const struct vector *vector, const struct item *item, const char *line)
{
    if (strncmp(line, "DELETED ", 8) == 0) {
        check_deleted(vector, item, line + 8);
        return;
    }
    const char *space = strchr(line, ' ');
    assert_int_equal(item->type, line[0] == 'A' ? EVENT_ADDED : EVENT_MODIFIED);
    if (item->patch.data)
        check_patch(vector, item, space + 1);
    else if (!slice_equal(item->object, space + 1))
        fail_vector(vector, "another object");
}

/* The bytes that "body-hex: 0a0b…" stands for; the caller frees. */
static uint8_t *body_hex(const struct vector *vector, size_t *len)
{
    const char *hex = vector_get(vector, "body-hex");
    uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
    for (*len = 0; hex[2 * *len]; (*len)++)
        assert_int_equal(sscanf(hex + 2 * *len, "%2hhx", &bytes[*len]), 1);
    return bytes;
}

static void check_body(const struct vector *vector, const struct message *message)
{
    const char *body = vector_get(vector, "body");
    if (vector_get(vector, "body-hex")) {
        size_t len;
        uint8_t *bytes = body_hex(vector, &len);
        assert_int_equal(message->body.len, len);
        assert_memory_equal(message->body.data, bytes, len);
        free(bytes);
        return;
    }
    if (message->kind != MESSAGE_DELTA && message->kind != MESSAGE_CHUNK) {
        if (message->body.len != (body ? strlen(body) : 0) || (body && !slice_equal(message->body, body)))
            fail_vector(vector, "another body");
        return;
    }
    struct item item;
    size_t cursor = 0;
    for (size_t i = 0; i < vector->lines; i++) {
        if (strcmp(vector->names[i], "item") != 0)
            continue;
        assert_true(message_next_item(message, &cursor, &item));
        check_item(vector, &item, vector->values[i]);
    }
    assert_false(message_next_item(message, &cursor, &item));
    if ((cursor == message->body.len) == (vector_get(vector, "items-malformed") != NULL))
        fail_vector(vector, "the items' end");
}

static void run_decode(const struct vector *vector)
{
    struct message message;
    char *copy;
    if (!is_message(vector))
        return;
    struct codec *codec = codec_for(vector);
    int r = decode(codec, vector->payloads[0].data, vector->payloads[0].len, &message, &copy);
    if (r != outcome_of(vector))
        fail_msg("%s: outcome %d", vector->name, r);
    if (r == 0) {
        check_fields(vector, message);
        check_body(vector, &message);
    }
    free(copy);
    codec_destroy(codec);
}

static void test_vectors_decode(void **state)
{
    (void)state;
    assert_in_range(vectors_each(run_decode), 90, 1000);
}

static void test_every_kind_has_vectors(void **state)
{
    (void)state;
    for (int kind = 1; kind < MESSAGE_KIND_COUNT; kind++)
        for (int plain = 0; plain < 2; plain++) {
            if (plain && kind >= MESSAGE_DIGESTS && kind <= MESSAGE_REPAIR)
                continue; /* never plain */
            struct vector vector;
            char name[64];
            snprintf(name, sizeof(name), "%s.%s.vec", message_kind_text(kind), plain ? "plain" : "zstd");
            vector_load(&vector, name);
            assert_int_equal(kind_of(&vector), kind);
            vector_free(&vector);
        }
}

/* ---- encoding ---- */

static void put_object(struct codec *codec, struct buf *body, const char *type, const char *text)
{
    struct object *object = NULL;
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    assert_int_equal(codec_put_item(codec, body, type[0] == 'M' ? object : NULL, object), 0);
    object_unref(object);
}

static void put_deletion(struct codec *codec, struct buf *body, const char *rest)
{
    char text[1024], key[256], uid[64];
    struct object *object = NULL;
    assert_int_equal(sscanf(rest, "%255s %63s", key, uid), 2);
    char *slash = strchr(key, '/');
    if (slash)
        *slash = '\0';
    snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\"}}",
             slash ? slash + 1 : key, slash ? key : "", uid);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    assert_int_equal(codec_put_item(codec, body, object, NULL), 0);
    object_unref(object);
}

static void put_body(const struct vector *vector, struct codec *codec, struct buf *body)
{
    if (vector_get(vector, "body"))
        buf_append_str(body, vector_get(vector, "body"));
    if (vector_get(vector, "body-hex")) {
        size_t len;
        uint8_t *bytes = body_hex(vector, &len);
        buf_append(body, bytes, len);
        free(bytes);
    }
    for (size_t i = 0; i < vector->lines; i++) {
        const char *value = vector->values[i];
        if (strcmp(vector->names[i], "item") != 0)
            continue;
        if (strncmp(value, "DELETED ", 8) == 0)
            put_deletion(codec, body, value + 8);
        else
            put_object(codec, body, value, strchr(value, ' ') + 1);
    }
}

static void run_encode(const struct vector *vector)
{
    if (!is_message(vector) || outcome_of(vector) != 0 || vector_get(vector, "encode"))
        return;
    struct codec *codec = codec_for(vector);
    struct buf body = BUF_INIT(BODY_LIMIT);
    struct message message = expected_message(vector);
    put_body(vector, codec, &body);
    message.body = (struct slice){body.data, body.len};
    struct slice payload = codec_encode(codec, &message);
    if (payload.len != vector->payloads[0].len ||
        memcmp(payload.data, vector->payloads[0].data, payload.len) != 0)
        fail_vector(vector, "encoded to other bytes");
    buf_deinit(&body);
    codec_destroy(codec);
}

static void test_vectors_encode(void **state)
{
    (void)state;
    vectors_each(run_encode);
}

/* ---- what happens on the way ---- */

static void run_cut(const struct vector *vector)
{
    if (!is_message(vector) || outcome_of(vector) != 0)
        return;
    struct codec *codec = codec_for(vector);
    const struct buf *whole = &vector->payloads[0];
    const char *newline = memchr(whole->data, '\n', whole->len);
    size_t end = is_plain(vector) ? (size_t)(newline - whole->data) : whole->len - 1;
    for (size_t len = 0; len <= end; len++) {
        struct message message;
        char *copy;
        int r = decode(codec, whole->data, len, &message, &copy);
        if (r != (is_plain(vector) || len < PREFIX_LEN ? ENVELOPE_E_MALFORMED : ENVELOPE_E_CHECK))
            fail_msg("%s: cut to %zu bytes: outcome %d", vector->name, len, r);
        free(copy);
    }
    codec_destroy(codec);
}

static void test_cut_at_each_length(void **state)
{
    (void)state;
    vectors_each(run_cut);
}

static void put_check(char *payload, size_t len)
{
    uint64_t seed = 0;
    for (int i = 4; i >= 0; i--)
        seed = seed << 8 | (uint8_t)payload[i];
    uint64_t check = XXH3_64bits_withSeed(payload + PREFIX_LEN, len - PREFIX_LEN, seed);
    for (int i = 0; i < 4; i++)
        payload[5 + i] = (char)(check >> (8 * i));
}

/* Whoever can put the check right: still nothing is read that is not there. */
static void run_cut_checked(const struct vector *vector)
{
    if (!is_message(vector) || outcome_of(vector) != 0 || is_plain(vector))
        return;
    struct codec *codec = codec_for(vector);
    const struct buf *whole = &vector->payloads[0];
    struct message full, message;
    assert_int_equal(codec_decode(codec, whole->data, whole->len, &full), 0);
    bool packed = whole->data[3] & 1;
    size_t header = packed ? whole->len : whole->len - full.body.len;
    for (size_t len = PREFIX_LEN; len < whole->len; len++) {
        char *copy = malloc(len);
        memcpy(copy, whole->data, len);
        put_check(copy, len);
        int r = codec_decode(codec, copy, len, &message);
        if (r != (len < header ? ENVELOPE_E_MALFORMED : 0))
            fail_msg("%s: cut to %zu bytes, check put right: outcome %d", vector->name, len, r);
        struct item item;
        size_t cursor = 0;
        while (r == 0 && message_next_item(&message, &cursor, &item))
            ;
        free(copy);
    }
    codec_destroy(codec);
}

static void test_cut_with_the_check_put_right(void **state)
{
    (void)state;
    vectors_each(run_cut_checked);
}

static void run_flip(const struct vector *vector)
{
    if (!is_message(vector) || outcome_of(vector) != 0 || is_plain(vector))
        return;
    struct codec *codec = codec_for(vector);
    const struct buf *whole = &vector->payloads[0];
    for (size_t bit = 0; bit < whole->len * 8; bit++) {
        struct message message;
        whole->data[bit / 8] ^= (char)(1 << bit % 8);
        if (codec_decode(codec, whole->data, whole->len, &message) == 0)
            fail_msg("%s: bit %zu flipped: taken", vector->name, bit);
        whole->data[bit / 8] ^= (char)(1 << bit % 8);
    }
    codec_destroy(codec);
}

static void test_no_flipped_bit_is_taken(void **state)
{
    (void)state;
    vectors_each(run_flip);
}

static void test_compressed_body_comes_back(void **state)
{
    (void)state;
    struct codec *codec = codec_create(ENCODING_ZSTD, BODY_LIMIT), *reader = codec_create(0, BODY_LIMIT);
    static char text[10000];
    memset(text, 'x', sizeof(text));
    struct message message = {.kind = MESSAGE_CATALOG, .boot = 1, .body = {text, sizeof(text)}}, back;
    struct slice payload = codec_encode(codec, &message);
    assert_in_range(payload.len, 1, 200);
    assert_int_equal(codec_decode(reader, payload.data, payload.len, &back), 0);
    assert_int_equal(back.body.len, sizeof(text));
    assert_memory_equal(back.body.data, text, sizeof(text));

    for (size_t i = 0; i < sizeof(text); i++) /* does not compress: stays as it is */
        text[i] = (char)(XXH3_64bits(&i, sizeof(i)) >> 13);
    payload = codec_encode(codec, &message);
    assert_int_equal(payload.data[3], 0);
    assert_int_equal(codec_decode(reader, payload.data, payload.len, &back), 0);
    assert_memory_equal(back.body.data, text, sizeof(text));
    codec_destroy(codec);
    codec_destroy(reader);
}

/* Some hundred bytes of zstd become 2 MiB: fit for objects, and for nothing else. */
static void test_only_objects_may_be_large(void **state)
{
    (void)state;
    const size_t len = 2 * ENVELOPE_SMALL_MAX;
    cleanup_free char *body = mem_zalloc(len);
    struct codec *codec = codec_create(ENCODING_ZSTD, 4 << 20),
                 *plain = codec_create(ENCODING_PLAIN, 4 << 20);
    struct codec *reader = codec_create(ENCODING_ZSTD, 4 << 20);
    for (int kind = 1; kind < MESSAGE_KIND_COUNT; kind++) {
        bool objects = kind == MESSAGE_DELTA || kind == MESSAGE_CHUNK || kind == MESSAGE_DIGESTS ||
                       kind == MESSAGE_HAVE || kind == MESSAGE_REPAIR;
        struct message back, message = {.kind = kind, .body = {body, len}};
        struct slice payload = codec_encode(codec, &message);
        assert_in_range(payload.len, 1, 1000);
        assert_int_equal(codec_decode(reader, payload.data, payload.len, &back),
                         objects ? 0 : ENVELOPE_E_LIMIT);
        payload = codec_encode(plain, &message);
        assert_int_equal(codec_decode(reader, payload.data, payload.len, &back),
                         objects ? 0 : ENVELOPE_E_LIMIT);
    }
    codec_destroy(codec);
    codec_destroy(plain);
    codec_destroy(reader);
}

static void test_a_full_body_takes_no_item(void **state)
{
    (void)state;
    const char *text = "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"}}";
    struct object *object = NULL;
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    for (int plain = 0; plain < 2; plain++)
        for (size_t limit = 0; limit < 60; limit++) {
            struct codec *codec = codec_create(plain ? ENCODING_PLAIN : ENCODING_ZSTD, BODY_LIMIT);
            struct buf body = BUF_INIT(limit);
            int r = codec_put_item(codec, &body, NULL, object);
            size_t whole = strlen(text) + (plain ? 27 : 2);
            assert_int_equal(r, limit >= whole ? 0 : BUF_E_LIMIT);
            assert_int_equal(body.len, r == 0 ? whole : 0);
            buf_clear(&body);
            assert_true(codec_put_item(codec, &body, object, NULL) == 0 || body.len == 0);
            buf_deinit(&body);
            codec_destroy(codec);
        }
    object_unref(object);
}

static void test_keys_of_deletions(void **state)
{
    (void)state;
    char out[OBJECT_KEY_MAX];
    static char longest[OBJECT_KEY_MAX + 1];
    memset(longest, 'n', OBJECT_KEY_MAX);
    struct item item = {.type = EVENT_DELETED, .key = {longest, OBJECT_KEY_MAX - 1}};
    assert_int_equal(item_key(&item, out), 0);
    item.key.len++;
    assert_int_equal(item_key(&item, out), ENVELOPE_E_MALFORMED);
    item.key = (struct slice){longest, OBJECT_KEY_MAX - 3};
    item.namespace_ = (struct slice){"n", 1};
    assert_int_equal(item_key(&item, out), 0);
    item.namespace_ = (struct slice){"nn", 2};
    assert_int_equal(item_key(&item, out), ENVELOPE_E_MALFORMED);
    item = (struct item){.type = EVENT_DELETED, .key = {"a\0b", 3}};
    assert_int_equal(item_key(&item, out), ENVELOPE_E_MALFORMED);
    item.key.len = 0;
    assert_int_equal(item_key(&item, out), ENVELOPE_E_MALFORMED);
}

/* ---- digests ---- */

static void run_digest(const struct vector *vector)
{
    const char *text = vector_get(vector, "object");
    struct object *object = NULL;
    if (!text)
        return;
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    assert_string_equal(object_key(object), vector_get(vector, "key"));
    assert_true(slice_equal(object_uid(object), vector_get(vector, "uid")));
    assert_true(object_key_hash(object) == vector_number(vector, "key-hash", 16));
    assert_true(digest_equal(object_digest(object), digest_of(vector, "digest")));
    object_unref(object);
}

static void test_digests_are_those_of_the_vectors(void **state)
{
    (void)state;
    vectors_each(run_digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_decode),
        cmocka_unit_test(test_every_kind_has_vectors),
        cmocka_unit_test(test_vectors_encode),
        cmocka_unit_test(test_cut_at_each_length),
        cmocka_unit_test(test_cut_with_the_check_put_right),
        cmocka_unit_test(test_no_flipped_bit_is_taken),
        cmocka_unit_test(test_compressed_body_comes_back),
        cmocka_unit_test(test_only_objects_may_be_large),
        cmocka_unit_test(test_a_full_body_takes_no_item),
        cmocka_unit_test(test_keys_of_deletions),
        cmocka_unit_test(test_digests_are_those_of_the_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
