#include "transport/likeness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zstd.h>

#define TEXT_MAX 8192

#define CONDITION(type, time) "{\"type\":\"" type "\",\"lastTransitionTime\":\"2026-01-01T" time "Z\"}"
#define POD(version, status, one, two, rest)                                                                 \
    "{\"metadata\":{\"name\":\"web-1\",\"resourceVersion\":\"" version                                       \
    "\"},\"status\":{\"conditions\":[" CONDITION("Ready", one) "," CONDITION("ContainersReady",              \
                                                                             two) "],\"phase\":\"" status    \
                                                                                  "\"" rest "}}"

static const char before[] = POD("1000017", "Running", "10:11:12", "10:11:12", "");

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

/* The length of a frame of those matches, which has been found to unpack to the bytes again. */
static size_t framed(struct slice base, struct slice bytes, const struct zstd_match *matches, size_t count)
{
    char back[TEXT_MAX];
    struct buf frame;
    struct zstd_writer *writer = zstd_writer_create();
    ZSTD_DCtx *unpack = ZSTD_createDCtx();
    buf_init(&frame, TEXT_MAX * 2);
    assert_true(zstd_frame_append(writer, &frame, bytes, matches, count));
    ZSTD_DCtx_refPrefix(unpack, base.data, base.len);
    assert_int_equal(ZSTD_decompressDCtx(unpack, back, sizeof(back), frame.data, frame.len), bytes.len);
    assert_memory_equal(back, bytes.data, bytes.len);
    size_t len = frame.len;
    buf_deinit(&frame);
    ZSTD_freeDCtx(unpack);
    zstd_writer_destroy(writer);
    return len;
}

/* The same; -1 where they are not alike. */
static int frame_between(const char *base, const char *bytes)
{
    struct zstd_match matches[ZSTD_MATCHES_MAX];
    size_t count = likeness_find(slice_of(base), slice_of(bytes), matches);
    assert_true(count <= ZSTD_MATCHES_MAX);
    return count ? (int)framed(slice_of(base), slice_of(bytes), matches, count) : -1;
}

static void what_a_kubelet_changes_is_small(void **state)
{
    (void)state;
    assert_in_range(frame_between(before, before), 1, 20);
    assert_in_range(frame_between(before, POD("1000018", "Running", "10:11:12", "10:11:12", "")), 1, 22);
    assert_in_range(frame_between(before, POD("1000018", "Failed", "10:11:12", "10:11:12", "")), 1, 30);
    assert_in_range(
        frame_between(before, POD("1000018", "Running", "10:11:12", "10:11:12", ",\"podIP\":\"10.1.2.3\"")),
        1, 44);
    assert_in_range(
        frame_between(POD("1000017", "Running", "10:11:12", "10:11:12", ",\"podIP\":\"10.1.2.3\""),
                      POD("1000018", "Running", "10:11:12", "10:11:12", "")),
        1, 24);
}

/* The second time that is new is the first one again. */
static void what_is_new_twice_is_told_once(void **state)
{
    (void)state;
    struct zstd_match matches[ZSTD_MATCHES_MAX];
    const char *after = POD("1000017", "Running", "23:57:48", "23:57:48", "");
    size_t count = likeness_find(slice_of(before), slice_of(after), matches), literals = 0;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        literals += matches[i].literals;
    assert_int_equal(literals, strlen("23:57:48"));
    framed(slice_of(before), slice_of(after), matches, count);
}

/* It stands in the last place, too, and goes on for longer than what is left of the base. */
static void what_is_new_twice_at_the_end(void **state)
{
    (void)state;
    assert_true(frame_between("first 11111111 and so on, second 22222222 and s", //
                              "first 87654321 and so on, second 87654321 and so on, and on") > 0);
}

/* What comes later looks the same as what would go on here, but is not it. */
static void the_nearest_place_is_taken(void **state)
{
    (void)state;
    struct zstd_match matches[ZSTD_MATCHES_MAX];
    const char *base = "\"status\":\"True\",\"lastProbeTime\":null, \"status\":\"True\",\"last";
    const char *bytes = "\"status\":\"False\",\"lastProbeTime\":null, \"status\":\"True\",\"last";
    size_t count = likeness_find(slice_of(base), slice_of(bytes), matches), literals = 0;
    for (size_t i = 0; i < count; i++)
        literals += matches[i].literals;
    assert_true(count > 0 && literals <= strlen("False"));
}

static void texts_that_are_not_alike(void **state)
{
    (void)state;
    char a[400] = {0}, b[400] = {0};
    for (size_t i = 0; i + 1 < sizeof(a); i++) {
        a[i] = (char)('a' + i % 13);
        b[i] = (char)('A' + i % 17);
    }
    assert_int_equal(frame_between(a, b), -1);
}

/* As many places as there are matches for, and more. */
static void too_many_places(void **state)
{
    (void)state;
    char a[TEXT_MAX], b[TEXT_MAX];
    for (size_t places = 100; places < 160; places++) {
        size_t len = 0;
        for (size_t i = 0; i < places; i++)
            len += (size_t)snprintf(a + len, sizeof(a) - len, "%03zu-constant-%c", i, 'x');
        memcpy(b, a, len + 1);
        for (size_t i = 0; i < places; i++)
            b[i * 14 + 13] = (char)('a' + i % 7);
        int frame = frame_between(a, b);
        assert_true(places < 120 ? frame > 0 : places < 130 || frame == -1);
    }
}

static unsigned below(unsigned bound)
{
    return (unsigned)rand() % bound;
}

/* Puts other bytes in, more, or takes some away. */
static size_t edit(char *text, size_t len)
{
    size_t at = below((unsigned)len), n = below(below(8) ? 12 : 200);
    if (at + n > len || len + n > TEXT_MAX / 2)
        return len;
    switch (below(3)) {
    case 0:
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    case 1:
        memmove(text + at + n, text + at, len - at);
        len += n;
        break;
    }
    for (size_t i = 0; i < n; i++)
        text[at + i] = (char)(' ' + below(90));
    return len;
}

static void any_edits(void **state)
{
    (void)state;
    char base[TEXT_MAX], text[TEXT_MAX];
    struct zstd_match matches[ZSTD_MATCHES_MAX];
    size_t alike = 0;
    srand(3);
    size_t len = 0;
    for (int i = 0; i < 8; i++)
        len += (size_t)snprintf(base + len, sizeof(base) - len, "%s", before);
    for (int round = 0; round < 3000; round++) {
        size_t now = len;
        memcpy(text, base, len);
        for (unsigned edits = below(6); edits; edits--)
            now = edit(text, now);
        struct slice from = {base, len}, to = {text, now};
        size_t count = likeness_find(from, to, matches);
        alike += count > 0;
        if (count)
            framed(from, to, matches, count);
    }
    assert_true(alike > 2800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_kubelet_changes_is_small),
        cmocka_unit_test(what_is_new_twice_is_told_once),
        cmocka_unit_test(what_is_new_twice_at_the_end),
        cmocka_unit_test(the_nearest_place_is_taken),
        cmocka_unit_test(texts_that_are_not_alike),
        cmocka_unit_test(too_many_places),
        cmocka_unit_test(any_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
