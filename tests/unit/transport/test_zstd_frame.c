#include "transport/zstd_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zstd.h>

#define PREFIX 40000
#define TEXT_MAX 65536

/* Text that is made from matches, as a reader would: it stands behind the prefix. */
struct made {
    char all[PREFIX + 2 * TEXT_MAX];
    size_t len;
    struct zstd_match matches[ZSTD_MATCHES_MAX + 1];
    size_t count;
    struct zstd_writer *writer;
    struct buf frame;
    ZSTD_DCtx *reader;
};

static unsigned below(unsigned bound)
{
    return (unsigned)rand() % bound;
}

static void begin(struct made *made)
{
    made->len = PREFIX;
    made->count = 0;
    buf_clear(&made->frame);
}

static void literals(struct made *made, size_t count)
{
    for (size_t i = 0; i < count; i++)
        made->all[made->len++] = (char)below(256);
}

static void match(struct made *made, size_t literal_count, size_t len, size_t offset)
{
    literals(made, literal_count);
    for (size_t i = 0; i < len; i++, made->len++)
        made->all[made->len] = made->all[made->len - offset];
    made->matches[made->count++] = (struct zstd_match){
        .literals = (uint32_t)literal_count, .len = (uint32_t)len, .offset = (uint32_t)offset};
}

static struct slice text_of(const struct made *made)
{
    return (struct slice){made->all + PREFIX, made->len - PREFIX};
}

static bool append(struct made *made)
{
    return zstd_frame_append(made->writer, &made->frame, text_of(made), made->matches, made->count);
}

/* zstd reads what we write, and gives the text. */
static void assert_read(struct made *made)
{
    static char back[2 * TEXT_MAX];
    struct slice text = text_of(made);
    assert_true(append(made));
    assert_int_equal(ZSTD_getFrameContentSize(made->frame.data, made->frame.len), text.len);
    assert_int_equal(ZSTD_findFrameCompressedSize(made->frame.data, made->frame.len), made->frame.len);
    ZSTD_DCtx_refPrefix(made->reader, made->all, PREFIX);
    assert_int_equal(ZSTD_decompressDCtx(made->reader, back, sizeof(back), made->frame.data, made->frame.len),
                     text.len);
    assert_memory_equal(back, text.data, text.len);
}

static void every_length(void **state)
{
    struct made *made = *state;
    for (size_t n = 0; n < 4096; n = n < 300 ? n + 1 : n * 9 / 8) {
        begin(made);
        match(made, n, 3 + n, 20000);
        match(made, 1, 40, 30000);
        assert_read(made);
    }
    for (size_t n = 4096; n < 60000; n = n * 9 / 8) {
        begin(made);
        match(made, 2, n, 12345);
        assert_read(made);
    }
}

static void every_offset(void **state)
{
    struct made *made = *state;
    for (size_t offset = 1; offset < PREFIX; offset = offset < 100 ? offset + 1 : offset * 9 / 8) {
        begin(made);
        match(made, 5, 30, offset);
        match(made, 3, 100, PREFIX / 2);
        literals(made, 7);
        assert_read(made);
    }
}

/* As far as content and prefix can go: of 64 KiB each. */
static void the_farthest(void **state)
{
    struct made *made = *state;
    begin(made);
    match(made, 0, 60000, PREFIX);
    match(made, 0, 5000, PREFIX + 60000);
    assert_read(made);
}

/* A place that goes on as one of the last three is told shortly: in full it takes 14 bits more. */
static void offsets_that_come_again(void **state)
{
    struct made *made = *state;
    static const unsigned turns[][5] = {{30000, 30000, 30000, 30000, 30000},
                                        {30000, 20000, 30000, 20000, 10000},
                                        {30000, 20000, 10000, 30000, 20000}};
    for (size_t turn = 0; turn < 3; turn++) {
        begin(made);
        for (int i = 0; i < 100; i++)
            match(made, 1, 20, turns[turn][i % 5]);
        assert_read(made);
        assert_in_range(made->frame.len, 100, 100 + 100 * 9 / 4 + 20);
    }
}

/* With literals in front and without, where they mean other ones. */
static void offsets_of_all_kinds(void **state)
{
    struct made *made = *state;
    static const unsigned near[] = {1, 4, 8, 30000, 29999, 29998, 1000, 999, 2000, 3, 7};
    for (int round = 0; round < 20000; round++) {
        begin(made);
        for (unsigned n = 1 + below(12); n; n--)
            match(made, below(2) * below(20), 3 + below(60), near[below(sizeof(near) / sizeof(near[0]))]);
        literals(made, below(3) * 5);
        if (append(made)) {
            buf_clear(&made->frame);
            assert_read(made);
        }
    }
}

/* Texts, matches and literals that there is no place for; nothing is appended then. */
static void what_is_too_much(void **state)
{
    struct made *made = *state;
    begin(made);
    assert_false(append(made)); /* no match */
    for (int i = 0; i < ZSTD_MATCHES_MAX; i++)
        match(made, 1, 30, 20000);
    assert_read(made);
    match(made, 1, 30, 20000);
    buf_clear(&made->frame);
    assert_false(append(made));

    begin(made);
    match(made, 4095, 5000, 20000);
    assert_read(made);
    begin(made);
    match(made, 4096, 5000, 20000);
    assert_false(append(made));

    begin(made);
    match(made, 0, TEXT_MAX, 20000);
    assert_read(made);
    begin(made);
    match(made, 0, TEXT_MAX + 1, 20000);
    assert_false(append(made));

    begin(made);
    match(made, 30, 3, 20000); /* more than what it stands for */
    assert_false(append(made));
    assert_int_equal(made->frame.len, 0);
}

static int setup(void **state)
{
    struct made *made = calloc(1, sizeof(*made));
    srand(11);
    literals(made, PREFIX);
    made->writer = zstd_writer_create();
    made->reader = ZSTD_createDCtx();
    buf_init(&made->frame, 4 * TEXT_MAX);
    *state = made;
    return 0;
}

static int teardown(void **state)
{
    struct made *made = *state;
    zstd_writer_destroy(made->writer);
    ZSTD_freeDCtx(made->reader);
    buf_deinit(&made->frame);
    free(made);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length),         cmocka_unit_test(every_offset),
        cmocka_unit_test(the_farthest),         cmocka_unit_test(offsets_that_come_again),
        cmocka_unit_test(offsets_of_all_kinds), cmocka_unit_test(what_is_too_much),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
