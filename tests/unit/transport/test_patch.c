/* Patches: what they lead to, what they cost, and what is none. */
#include "tests/support/messages.h"

#define LIMIT ((size_t)4 << 20)

struct fixture {
    struct codec *writer, *reader;
    struct buf body;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->writer = codec_create(ENCODING_ZSTD, LIMIT);
    f->reader = codec_create(ENCODING_ZSTD, LIMIT);
    buf_init(&f->body, LIMIT);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    codec_destroy(f->writer);
    codec_destroy(f->reader);
    buf_deinit(&f->body);
    free(f);
    return 0;
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static struct object *object_with_data(const char *data, size_t len)
{
    struct object *object = NULL;
    cleanup_free char *text = mem_printf("{\"metadata\":{\"name\":\"a\"},\"data\":\"%.*s\"}", (int)len, data);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

static void fill(char *data, size_t len, unsigned *seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = "abcdefghijklmnopqrstuvwxyz0123456789 :,{}[]"[next_random(seed) % 43];
}

static struct item only_item(struct fixture *f)
{
    struct item item;
    size_t cursor = 0;
    struct message delta = {.kind = MESSAGE_DELTA, .items = 1, .body = {f->body.data, f->body.len}};
    assert_true(message_next_item(&delta, &cursor, &item));
    assert_int_equal(cursor, f->body.len);
    return item;
}

static void check_leads_to(struct fixture *f, const struct object *base, const struct object *next)
{
    struct slice bytes;
    struct item item = only_item(f);
    assert_int_equal(item.type, EVENT_MODIFIED);
    assert_null(item.object.data);
    assert_true(item.key_hash == object_key_hash(base));
    assert_true(patch_fits(item.base, base));
    assert_false(patch_fits(item.base, next));
    assert_int_equal(codec_unpatch(f->reader, item.patch, base, &bytes), 0);
    assert_int_equal(bytes.len, object_bytes(next).len);
    assert_memory_equal(bytes.data, object_bytes(next).data, bytes.len);
}

/* ---- round trips ---- */

static size_t edit(char *data, size_t len, size_t cap, unsigned *seed)
{
    size_t at = next_random(seed) % (len + 1), run = next_random(seed) % 40;
    size_t rest = len - at, cut = run < rest ? run : rest;
    switch (next_random(seed) % 3) {
    case 0: /* other bytes */
        fill(data + at, cut, seed);
        return len;
    case 1: /* fewer */
        memmove(data + at, data + at + cut, rest - cut);
        return len - cut;
    default: /* more */
        if (len + run > cap)
            return len;
        memmove(data + at + run, data + at, rest);
        fill(data + at, run, seed);
        return len + run;
    }
}

static void test_whatever_is_edited_comes_back(void **state)
{
    enum { CAP = 8192 };
    struct fixture *f = *state;
    char data[CAP];
    size_t patched = 0;
    for (unsigned seed = 1; seed <= 1000; seed++) {
        unsigned random = seed;
        size_t len = next_random(&random) % 6000;
        fill(data, len, &random);
        cleanup_with(object_unrefp) struct object *base = object_with_data(data, len);
        for (unsigned i = next_random(&random) % 8; i < 8; i++)
            len = edit(data, len, CAP, &random);
        cleanup_with(object_unrefp) struct object *next = object_with_data(data, len);
        buf_clear(&f->body);
        if (object_equal(base, next) || codec_put_patch(f->writer, &f->body, base, next) != 0)
            continue;
        assert_true(f->body.len <= object_bytes(next).len + 2); /* never more than in full */
        check_leads_to(f, base, next);
        patched++;
    }
    assert_in_range(patched, 800, 1000);
}

/* A body beyond what one level looks back finds its base all the same. */
static void test_large_objects(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 1000; len <= 1000000; len *= 10) {
        cleanup_free char *data = mem_alloc(len);
        unsigned seed = 7;
        fill(data, len, &seed);
        cleanup_with(object_unrefp) struct object *base = object_with_data(data, len);
        memcpy(data + len / 3, "changed", 7);
        cleanup_with(object_unrefp) struct object *next = object_with_data(data, len);
        buf_clear(&f->body);
        assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
        assert_in_range(f->body.len, 10, 200);
        check_leads_to(f, base, next);
    }
    struct object *small = object_with_data("abcdefghijklmnopqrstuvwxyz", 26),
                  *other = object_with_data("abcdefghijklmNopqrstuvwxyz", 26);
    buf_clear(&f->body);
    assert_int_equal(codec_put_patch(f->writer, &f->body, small, other), 0); /* and afterwards small ones */
    check_leads_to(f, small, other);
    object_unref(small);
    object_unref(other);
}

/* Both versions go on together behind each place that changed, which is told in a few bits. */
static void test_a_place_costs_little(void **state)
{
    enum { PLACES = 12, APART = 250 };
    struct fixture *f = *state;
    char data[PLACES * APART];
    unsigned seed = 5;
    fill(data, sizeof(data), &seed);
    cleanup_with(object_unrefp) struct object *base = object_with_data(data, sizeof(data));
    for (size_t i = 0; i < PLACES; i++)
        data[i * APART + 100] = '!';
    cleanup_with(object_unrefp) struct object *next = object_with_data(data, sizeof(data));
    assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
    assert_in_range(f->body.len, PLACES, 26 + 4 * PLACES);
    check_leads_to(f, base, next);
}

/* ---- none ---- */

/* More and more of it was there: from some point on it pays, and never before. */
static bool pays(struct fixture *f, struct object *base, const char *text)
{
    struct object *next = NULL;
    assert_int_equal(object_create(text, strlen(text), NULL, &next), 0);
    buf_clear(&f->body);
    assert_int_equal(codec_put_item(f->writer, &f->body, base, next), 0);
    size_t full = f->body.len;
    bool patched = codec_put_patch(f->writer, &f->body, base, next) == 0;
    assert_true(patched ? f->body.len < 2 * full : f->body.len == full);
    object_unref(next);
    return patched;
}

static void test_no_patch_that_does_not_pay(void **state)
{
    unsigned seed = 3;
    size_t paid = 0;
    char known[60], other[60];
    fill(known, sizeof(known), &seed);
    fill(other, sizeof(other), &seed);
    cleanup_with(object_unrefp) struct object *base = object_with_data(known, sizeof(known));
    for (int i = 0; i < 60 * 60; i++) {
        cleanup_free char *text =
            mem_printf("{\"d\":\"%.*s%.*s\",\"metadata\":{\"name\":\"a\"}}", i / 60, other, i % 60, known);
        paid += pays(*state, base, text);
    }
    assert_in_range(paid, 1, 60 * 60 - 1);
}

static void test_no_patch_in_the_plain_encoding(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *base = object_of("a", 1), *next = object_of("a", 2);
    struct codec *plain = codec_create(ENCODING_PLAIN, LIMIT);
    assert_int_equal(codec_put_patch(plain, &f->body, base, next), 1);
    assert_int_equal(f->body.len, 0);
    codec_destroy(plain);
    assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
}

static void test_no_patch_without_room(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *base = object_of("a", 1), *next = object_of("a", 2);
    assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
    for (size_t limit = 0; limit <= f->body.len; limit++) {
        struct buf body = BUF_INIT(limit);
        assert_int_equal(codec_put_patch(f->writer, &body, base, next), limit < f->body.len);
        assert_int_equal(body.len, limit < f->body.len ? 0 : f->body.len);
        buf_deinit(&body);
    }
}

/* ---- refused ---- */

static int unpatch(struct fixture *f, const void *patch, size_t len)
{
    struct slice bytes;
    cleanup_with(object_unrefp) struct object *base = object_of("a", 1);
    cleanup_free char *copy = mem_alloc(len ? len : 1); /* of its length, so that reads behind it are seen */
    if (len)
        memcpy(copy, patch, len);
    return codec_unpatch(f->reader, (struct slice){copy, len}, base, &bytes);
}

static void test_frames_that_are_none(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *base = object_of("a", 1), *next = object_of("a", 2);
    assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
    struct slice patch = only_item(f).patch;
    assert_int_equal(unpatch(f, patch.data, patch.len), 0);
    for (size_t len = 0; len < patch.len; len++)
        assert_int_equal(unpatch(f, patch.data, len), ENVELOPE_E_MALFORMED);
    cleanup_free char *twice = mem_alloc(2 * patch.len + 4);
    memcpy(twice, patch.data, patch.len);
    memcpy(twice + patch.len, "\x28\xb5\x2f\xfd", 4);
    memcpy(twice + patch.len + 4, patch.data, patch.len);
    assert_int_equal(unpatch(f, twice, 2 * patch.len + 4), ENVELOPE_E_MALFORMED);
    assert_int_equal(unpatch(f, patch.data, patch.len), 0); /* and none of that sticks */
}

/* One segment, content size in four bytes (0xa0), or a window and no size (0x00). */
static void test_sizes_that_lie(void **state)
{
    static const struct {
        int r;
        size_t len;
        const char *frame;
    } frames[] = {
        {0, 12, "\xa0\x04\0\0\0\x21\0\0abcd"},                        /* raw: abcd */
        {ENVELOPE_E_MALFORMED, 12, "\xa0\x05\0\0\0\x21\0\0abcd"},     /* says one more */
        {ENVELOPE_E_MALFORMED, 12, "\xa0\x03\0\0\0\x21\0\0abcd"},     /* says one less */
        {ENVELOPE_E_MALFORMED, 9, "\0\x00\x21\0\0abcd"},              /* says nothing */
        {ENVELOPE_E_LIMIT, 12, "\xa0\x01\0\x40\0\x21\0\0abcd"},       /* says 4 MiB and a byte */
        {ENVELOPE_E_LIMIT, 12, "\xa0\xff\xff\xff\xff\x21\0\0abcd"},   /* says 4 GiB */
        {ENVELOPE_E_MALFORMED, 13, "\xa1\x07\x04\0\0\0\x21\0\0abcd"}, /* wants a dictionary */
    };
    for (size_t i = 0; i < array_size(frames); i++)
        if (unpatch(*state, frames[i].frame, frames[i].len) != frames[i].r)
            fail_msg("frame %zu", i);
}

/* The base's bytes are what it is made of: others make something else of it, and it is never more than it
 * says. */
static void test_another_base(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *base = object_of("a", 1), *next = object_of("a", 2),
                                              *other = object_of("bb", 1);
    struct slice bytes = {0};
    assert_int_equal(codec_put_patch(f->writer, &f->body, base, next), 0);
    struct item item = only_item(f);
    assert_false(patch_fits(item.base, other));
    int r = codec_unpatch(f->reader, item.patch, other, &bytes);
    assert_true(r == ENVELOPE_E_MALFORMED || memcmp(bytes.data, object_bytes(next).data, bytes.len) != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whatever_is_edited_comes_back),
        TEST(test_large_objects),
        TEST(test_a_place_costs_little),
        TEST(test_no_patch_that_does_not_pay),
        TEST(test_no_patch_in_the_plain_encoding),
        TEST(test_no_patch_without_room),
        TEST(test_frames_that_are_none),
        TEST(test_sizes_that_lie),
        TEST(test_another_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
