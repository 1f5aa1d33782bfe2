/*
 * The rows of what a correct list/watch client does, one test (or a few) for each, named after it. The API
 * server is played by fake_rest.h; time is virtual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kube/reflector_fixture.h"

static void row01_first_list_is_consistent_and_relists_never_go_back(void **state)
{
    struct fixture *f = *state;
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_path(list, PODS);
    fake_expect_query(list, "resourceVersion", NULL);
    fake_expect_query(list, "limit", "500");
    fake_answer(list, 200, LIST("10", ITEM("a", "5")));

    struct rest_call *watch = fake_next(&f->fake);
    fake_expect_query(watch, "resourceVersion", "10");
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("MODIFIED", POD("a", "17")));
    fake_body(watch, ERROR("410", "Expired", "too old resource version"));

    list = fake_next(&f->fake);
    fake_expect_query(list, "resourceVersion", "17");
    fake_answer(list, 200, LIST("20", ITEM("a", "17")));
    fake_expect_query(fake_next(&f->fake), "resourceVersion", "20");
}

static void row02_410_on_list_lists_at_once_without_version(void **state)
{
    struct fixture *f = *state;
    expired(f);
    struct rest_call *list = fake_next(&f->fake);
    int64_t now = loop_now_us(f->loop);
    fake_refuse(list, 410, "Expired", "too old");
    list = fake_next(&f->fake);
    assert_int_equal(list->at_us, now);
    fake_expect_query(list, "resourceVersion", NULL);
    fake_answer(list, 200, LIST("30", ""));
    expect(f, "begin | abort | begin | commit 30");

    /* Once a list was served, its version is asked for again. */
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, BOOKMARK("31") ERROR("410", "Expired", "too old"));
    fake_expect_query(fake_next(&f->fake), "resourceVersion", "31");
}

static void too_large_once(struct fixture *f, const char *body, int code)
{
    expired(f);
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "resourceVersion", "10");
    fake_answer(list, code, body);
    list = fake_next(&f->fake);
    fake_expect_query(list, "resourceVersion", NULL);
    fake_answer(list, 200, LIST("30", ""));
    expect(f, "begin | abort | begin | commit 30");
}

static void row03_too_large_by_cause_reason(void **state)
{
    too_large_once(
        *state,
        "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"message\":\"x\",\"details\":{\"causes\":["
        "{\"reason\":\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}]}}",
        504);
}

static void row03_too_large_by_cause_message(void **state)
{
    too_large_once(
        *state,
        "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"message\":\"x\",\"details\":{\"causes\":["
        "{\"message\":\"Too large resource version\"}]}}",
        504);
}

static void row03_too_large_by_message(void **state)
{
    too_large_once(
        *state,
        "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"message\":\"Timeout: Too large resource "
        "version: 30, current: 5\",\"details\":{}}",
        504);
}

static void row04_410_on_watch_lists_from_the_last_version_first(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_body(watch, EVENT("ADDED", POD("b", "12")));
    fake_run(&f->fake, 20 * LOOP_SECOND);
    fake_done(watch, REST_OK, "");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "resourceVersion", "12");
    fake_refuse(watch, 410, "Expired", "too old");
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "watch", NULL);
    fake_expect_query(list, "resourceVersion", "12");
    expect(f, "ADDED b | begin");
}

/* A server whose lists lead to a version that its watches refuse, over and over, is asked for a consistent
 * one. */
static void row04_410_twice_without_progress(void **state)
{
    struct fixture *f = *state;
    fake_body(synced(f), ERROR("410", "Expired", "too old"));
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "resourceVersion", NULL);
    fake_answer(list, 200, LIST("30", ""));
}

static void row05_pages(void **state)
{
    struct fixture *f = *state;
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "limit", "500");
    fake_answer(list, 200, PAGE("10", "a+b/c=", ITEM("a", "5") "," ITEM("b", "6")));
    list = fake_next(&f->fake);
    fake_expect_path(list, PODS);
    fake_expect_query(list, "limit", "500");
    fake_expect_query(list, "continue", "a%2Bb%2Fc%3D");
    fake_expect_query(list, "resourceVersion", NULL);
    fake_answer(list, 200, LIST("10", ITEM("c", "7")));
    expect(f, "starting | begin | item a | item b | item c | commit 10 | synced");
    fake_expect_query(fake_next(&f->fake), "resourceVersion", "10");
}

static void row05_410_between_pages_lists_in_one_piece(void **state)
{
    struct fixture *f = *state;
    fake_answer(fake_next(&f->fake), 200, PAGE("10", "x", ITEM("a", "5")));
    fake_refuse(fake_next(&f->fake), 410, "Expired", "the provided continue parameter is too old");
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "limit", NULL);
    fake_expect_query(list, "continue", NULL);
    fake_answer(list, 200, LIST("12", ITEM("b", "6")));
    expect(f, "starting | begin | item a | abort | begin | item b | commit 12 | synced");
}

static void row06_no_pages_where_a_version_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_body(watch, EVENT("ADDED", POD("b", "12")) ERROR("410", "Expired", "too old"));
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "resourceVersion", "12");
    fake_expect_query(list, "limit", NULL);
}

static void row07_watch_timeout_is_random_from_5_to_10_minutes(void **state)
{
    struct fixture *f = *state;
    fake_answer(fake_next(&f->fake), 200, LIST("10", ""));
    long low = 100000, high = 0;
    for (int i = 0; i < 200; i++) {
        struct rest_call *watch = fake_next(&f->fake);
        char *text = fake_query(watch, "timeoutSeconds");
        long seconds = strtol(text, NULL, 10);
        free(text);
        low = seconds < low ? seconds : low;
        high = seconds > high ? seconds : high;
        /* A half-open watch is noticed soon after. */
        assert_int_equal(watch->idle_timeout_ms, (seconds + 30) * 1000);
        fake_headers(watch, 200, -1);
        fake_run(&f->fake, 2 * LOOP_SECOND);
        fake_done(watch, REST_OK, "");
    }
    assert_in_range(low, 300, 315);
    assert_in_range(high, 585, 600);
}

static void row08_backoff(void **state)
{
    struct fixture *f = *state;
    int64_t last = 0, base = 800 * LOOP_MS;
    for (int i = 0; i < 10; i++) {
        struct rest_call *list = fake_next(&f->fake);
        if (i > 0) {
            assert_in_range(list->at_us - last, base, 2 * base);
            base = base * 2 > 30 * LOOP_SECOND ? 30 * LOOP_SECOND : base * 2;
        }
        last = list->at_us;
        fake_done(list, REST_UNREACHABLE, "no route");
    }
    expect(f, "starting | begin | abort | unavailable | begin | abort | begin | abort | begin | abort | "
              "begin | abort | "
              "begin | abort | begin | abort | begin | abort | begin | abort | begin | abort");

    /* Two minutes without a failure, and it starts over. */
    struct rest_call *watch;
    fake_answer(fake_next(&f->fake), 200, LIST("10", ""));
    watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_run(&f->fake, 121 * LOOP_SECOND);
    last = loop_now_us(f->loop);
    fake_done(watch, REST_BROKEN, "reset");
    assert_in_range(fake_next(&f->fake)->at_us - last, 800 * LOOP_MS, 1600 * LOOP_MS);
}

static void row09_429_on_watch_does_not_relist(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_run(&f->fake, 20 * LOOP_SECOND);
    fake_done(watch, REST_OK, "");
    watch = fake_next(&f->fake);
    fake_headers(watch, 429, 7000);
    fake_done(watch, REST_OK, "");
    int64_t now = loop_now_us(f->loop);
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "watch", "true");
    fake_expect_query(watch, "resourceVersion", "10");
    assert_int_equal(watch->at_us - now, 7 * LOOP_SECOND);
    fake_refuse(watch, 429, "TooManyRequests", "later");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "watch", "true");
    expect(f, "unavailable");
    fake_headers(watch, 200, -1);
    expect(f, "synced");
}

static void row09_connection_refused_on_watch_does_not_relist(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_done(watch, REST_BROKEN, "reset");
    for (int i = 0; i < 5; i++) {
        version_is(f, "10");
        watch = fake_next(&f->fake);
        fake_expect_query(watch, "watch", "true");
        fake_expect_query(watch, "resourceVersion", "10");
        fake_done(watch, REST_REFUSED, "connection refused");
    }
    expect(f, "unavailable");
}

static void row10_500_on_watch_is_tried_again_a_bounded_number_of_times(void **state)
{
    struct fixture *f = *state;
    fake_refuse(synced(f), 500, "InternalError", "oops");
    for (int i = 0; i < 5; i++) {
        struct rest_call *watch = fake_next(&f->fake);
        fake_expect_query(watch, "watch", "true");
        fake_refuse(watch, 500, "InternalError", "oops");
    }
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "watch", NULL);
    fake_expect_query(list, "resourceVersion", "10");
    expect(f, "unavailable | begin");
}

static void row11_bookmarks_move_the_version_only(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_expect_query(watch, "allowWatchBookmarks", "true");
    fake_run(&f->fake, 5 * LOOP_SECOND);
    fake_body(watch, BOOKMARK("99"));
    expect(f, "bookmark 99");
    assert_string_equal(reflector_resource_version(f->reflector), "99");
    fake_done(watch, REST_OK, "");
    fake_expect_query(fake_next(&f->fake), "resourceVersion", "99");
    expect(f, "");
}

static void row12_watch_list(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = fake_next(&f->fake);
    fake_expect_path(watch, PODS);
    fake_expect_query(watch, "watch", "true");
    fake_expect_query(watch, "sendInitialEvents", "true");
    fake_expect_query(watch, "resourceVersionMatch", "NotOlderThan");
    fake_expect_query(watch, "allowWatchBookmarks", "true");
    fake_expect_query(watch, "resourceVersion", NULL);
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("ADDED", POD("a", "5")) EVENT("ADDED", POD("b", "6")));
    fake_body(watch, EVENT("DELETED", POD("b", "8")) BOOKMARK("9"));
    expect(f, "starting | begin | item a | item b | takeback b");
    fake_body(watch, INITIAL_END("10"));
    expect(f, "commit 10 | synced");
    assert_string_equal(reflector_resource_version(f->reflector), "10");
    fake_body(watch, EVENT("ADDED", POD("c", "11")));
    expect(f, "ADDED c");

    /* The same watch goes on; later ones are plain. */
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    fake_done(watch, REST_OK, "");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "resourceVersion", "11");
    fake_expect_query(watch, "sendInitialEvents", NULL);
    fake_expect_query(watch, "resourceVersionMatch", NULL);
}

static void row12_watch_list_again_is_not_older_than_the_last_version(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, INITIAL_END("10") BOOKMARK("15") ERROR("410", "Expired", "too old"));
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "sendInitialEvents", "true");
    fake_expect_query(watch, "resourceVersion", "15");
    fake_refuse(watch, 410, "Expired", "too old");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "sendInitialEvents", "true");
    fake_expect_query(watch, "resourceVersion", NULL);
}

static void falls_back(struct fixture *f, int code, const char *reason)
{
    fake_refuse(fake_next(&f->fake), code, reason,
                "sendInitialEvents is forbidden for watch unless the feature is on");
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "watch", NULL);
    fake_expect_query(list, "limit", "500");
    fake_answer(list, 200, LIST("10", ITEM("a", "5")));
    expect(f, "starting | begin | abort | begin | item a | commit 10 | synced");

    /* It is not asked for again. */
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, ERROR("410", "Expired", "too old"));
    fake_expect_query(fake_next(&f->fake), "watch", NULL);
}

static void row12_falls_back_to_pages_on_422(void **state)
{
    falls_back(*state, 422, "Invalid");
}

static void row12_falls_back_to_pages_on_400(void **state)
{
    falls_back(*state, 400, "BadRequest");
}

/* An old server takes the parameters for nothing, sends what it has, and never says that this was all. */
static void row12_falls_back_to_pages_on_silence(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("ADDED", POD("a", "5")));
    fake_quiet(&f->fake, 29 * LOOP_SECOND);
    fake_body(watch, EVENT("ADDED", POD("b", "6")));
    fake_quiet(&f->fake, 29 * LOOP_SECOND);
    assert_true(watch->open);
    struct rest_call *list = fake_next(&f->fake);
    assert_false(watch->open);
    fake_expect_query(list, "watch", NULL);
    fake_answer(list, 200, LIST("10", ITEM("a", "5")));
    expect(f, "starting | begin | item a | item b | abort | begin | item a | commit 10 | synced");
}

static void row12_a_broken_stream_leaves_no_half_state(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("ADDED", POD("a", "5")));
    fake_done(watch, REST_BROKEN, "reset");
    expect(f, "starting | begin | item a | abort | unavailable");
    fake_expect_query(fake_next(&f->fake), "watch", NULL);
}

static void row13_error_event_leads_to_a_new_list(void **state)
{
    struct fixture *f = *state;
    fake_body(synced(f), ERROR("500", "StorageReadError", "unable to transform or decode"));
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "watch", NULL);
    fake_answer(list, 200, LIST("11", ITEM("b", "6")));
    expect(f, "begin | item b | commit 11");
}

static void row13_garbage_in_the_watch_leads_to_a_new_list(void **state)
{
    struct fixture *f = *state;
    fake_body(synced(f), "<html>not an event</html>\n");
    fake_expect_query(fake_next(&f->fake), "watch", NULL);
}

static void row14_table_and_status_as_200_are_no_empty_list(void **state)
{
    struct fixture *f = *state;
    const char *bodies[] = {
        "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
        "v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"rows\":[]}",
        STATUS("200", "", "fine"),
        "{\"kind\":\"PodList\",\"apiVersion\":\"other/"
        "v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[]}",
        "<html>hello</html>",
        "",
    };
    for (size_t i = 0; i < array_size(bodies); i++)
        fake_answer(fake_next(&f->fake), 200, bodies[i]);
    assert_null(strstr(f->seen.data, "commit"));
    assert_int_equal(reflector_state(f->reflector), REFLECTOR_UNAVAILABLE);
}

static void row14_events_of_another_kind_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_body(watch,
              EVENT("ADDED",
                    "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"x\"}}"));
    fake_body(watch, EVENT("ADDED", STATUS("200", "", "x")));
    fake_body(watch, EVENT("PAINTED", POD("x", "1")));
    fake_body(watch, EVENT("ADDED", POD("b", "12")));
    expect(f, "ADDED b");
    fake_done(watch, REST_BROKEN, "");
    assert_int_equal(reflector_stats(f->reflector)->ignored, 3);
}

static void row17_synced_only_after_the_first_list_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct rest_call *list = fake_next(&f->fake);
    fake_headers(list, 200, -1);
    const char *text = LIST("10", ITEM("a", "5") "," ITEM("b", "6"));
    fake_bytes(list, text, strlen(text) - 2);
    expect(f, "starting | begin | item a | item b");
    assert_int_equal(reflector_state(f->reflector), REFLECTOR_STARTING);
    fake_body(list, "}\n");
    fake_done(list, REST_OK, "");
    expect(f, "commit 10 | synced");
}

static void truncated_list_is_never_committed(void **state)
{
    struct fixture *f = *state;
    const char *text = LIST("10", ITEM("a", "5"));
    for (size_t len = 0; len < strlen(text) - 2; len += 7) {
        struct rest_call *list = fake_next(&f->fake);
        fake_headers(list, 200, -1);
        fake_bytes(list, text, len);
        fake_done(list, len % 2 ? REST_OK : REST_BROKEN, len % 2 ? "" : "reset");
    }
    assert_null(strstr(f->seen.data, "commit"));
    assert_null(strstr(f->seen.data, "synced"));
}

static void row19_a_lost_watch_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_body(watch, EVENT("ADDED", POD("b", "12")) "{\"type\":\"ADDED\",\"object\":{\"kin");
    fake_done(watch, REST_BROKEN, "reset");
    version_is(f, "12");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "watch", "true");
    fake_expect_query(watch, "resourceVersion", "12");
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("ADDED", POD("c", "13")));
    expect(f, "ADDED b | ADDED c");
}

/* Restored from a backup: a watch from 12 on would be silent until 13 comes, and miss all until then. */
static void a_server_that_went_back_is_listed_again(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_body(watch, EVENT("ADDED", POD("b", "12")));
    fake_done(watch, REST_BROKEN, "reset");
    version_is(f, "11");
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_query(list, "watch", NULL);
    fake_expect_query(list, "limit", "500");
    fake_expect_query(list, "resourceVersion", NULL);
    fake_answer(list, 200, LIST("11", ""));
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "resourceVersion", "11");
    expect(f, "ADDED b | begin | commit 11");
}

static void a_bookmark_from_the_past_is_looked_into(void **state)
{
    struct fixture *f = *state;
    fake_body(synced(f), BOOKMARK("9"));
    version_is(f, "10"); /* it only lagged */
    struct rest_call *watch = fake_next(&f->fake);
    fake_expect_query(watch, "watch", "true");
    fake_expect_query(watch, "resourceVersion", "10");
    expect(f, "");
    fake_headers(watch, 200, -1);
    fake_body(watch, BOOKMARK("8"));
    version_is(f, "8");
    fake_expect_query(fake_next(&f->fake), "watch", NULL);
    expect(f, "begin");
}

static void versions_that_are_no_numbers_are_not_compared(void **state)
{
    struct fixture *f = *state;
    fake_done(synced(f), REST_BROKEN, "reset");
    version_is(f, "abc");
    fake_expect_query(fake_next(&f->fake), "watch", "true");
}

static void what_the_server_is_at_is_asked_for_until_it_answers(void **state)
{
    struct fixture *f = *state;
    fake_done(synced(f), REST_BROKEN, "reset");
    fake_refuse(fake_next(&f->fake), 503, "", "not yet");
    struct rest_call *check = fake_next(&f->fake);
    fake_expect_query(check, "limit", "1");
    fake_refuse(check, 403, "Forbidden", "no");
    expect(f, "unavailable | forbidden");
    check = fake_next(&f->fake);
    fake_expect_query(check, "watch", "true");
}

static void row19_a_half_open_watch_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    fake_quiet(&f->fake, 330 * LOOP_SECOND);
    int64_t heard = reflector_last_byte_us(f->reflector);
    assert_int_equal(loop_now_us(f->loop) - heard, 330 * LOOP_SECOND);
    fake_done(watch, REST_TIMEOUT, "no byte for 330 s");
    version_is(f, "10");
    watch = fake_next(&f->fake);
    fake_expect_query(watch, "watch", "true");
    fake_headers(watch, 200, -1);
    assert_int_equal(reflector_last_byte_us(f->reflector), loop_now_us(f->loop));
}

static void a_watch_that_ends_at_once_is_no_storm(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    for (int i = 0; i < 5; i++) {
        int64_t now = loop_now_us(f->loop);
        fake_done(watch, REST_OK, "");
        watch = fake_next(&f->fake);
        fake_expect_query(watch, "watch", "true");
        assert_true(watch->at_us - now >= 800 * LOOP_MS);
        fake_headers(watch, 200, -1);
    }
}

/* A stream whose chunks end at every byte, inside UTF-8 characters too. */
static void chunks_end_anywhere(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    const char *text =
        EVENT("MODIFIED",
              "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"日本é\",\"namespace\":"
              "\"n\",\"resourceVersion\":\"12\"}}");
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        fake_bytes(watch, text, cut);
        fake_bytes(watch, text + cut, strlen(text) - cut);
        expect(f, "MODIFIED 日本é");
    }
}

static void two_megabytes(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced(f);
    struct buf text = BUF_INIT(4u << 20);
    buf_append_str(&text, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
                          "\"metadata\":{\"name\":\"big\","
                          "\"namespace\":\"n\",\"resourceVersion\":\"12\"},\"data\":\"");
    for (size_t i = 0; i < 2u << 20; i++)
        buf_append_char(&text, 'x');
    buf_append_str(&text, "\"}}\n");
    for (size_t at = 0; at < text.len; at += 16384)
        fake_bytes(watch, text.data + at, text.len - at < 16384 ? text.len - at : 16384);
    expect(f, "ADDED big");
    buf_deinit(&text);
}

static void a_refused_object_is_passed_over(void **state)
{
    struct fixture *f = *state;
    fake_answer(fake_next(&f->fake), 200,
                LIST("10", ITEM("a", "5") ",{\"metadata\":{}},{\"x\":}," ITEM("b", "6")));
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    fake_body(watch, EVENT("ADDED", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{}}"));
    fake_body(watch, EVENT("ADDED", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":}}"));
    fake_body(watch, EVENT("ADDED", POD("c", "12")));
    expect(f, "starting | begin | item a | item b | commit 10 | synced | ADDED c");
    assert_int_equal(reflector_stats(f->reflector)->refused, 4);
}

static void members_behind_the_object(void **state)
{
    struct fixture *f = *state;
    fake_body(synced(f), "{\"type\":\"ADDED\",\"object\":" POD("b", "12") ",\"extra\":{}}\n");
    expect(f, "ADDED b");
}

static void namespace_and_selector(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    fixture_make(f, 1);
    struct reflector_config config = {
        .no_watch_list = true, .namespace_ = "team-a", .label_selector = "app in (a,b),x!=y"};
    fixture_start(f, &config);
    struct rest_call *list = fake_next(&f->fake);
    fake_expect_path(list, "/api/v1/namespaces/team-a/pods");
    fake_expect_query(list, "labelSelector", "app%20in%20%28a%2Cb%29%2Cx%21%3Dy");
    fake_answer(list, 200, LIST("10", ""));
    fake_expect_query(fake_next(&f->fake), "labelSelector", "app%20in%20%28a%2Cb%29%2Cx%21%3Dy");
    *state = f;
}

/* Whatever the owner is being told, it may stop; then nothing more is told and nothing stays open. */
static void the_owner_may_stop_at_any_time(void **state)
{
    (void)state;
    const char *moments[] = {"starting", "begin", "item",        "commit",    "synced",  "ADDED",
                             "bookmark", "abort", "unavailable", "forbidden", "takeback"};
    for (int stream = 0; stream < 2; stream++)
        for (size_t i = 0; i < array_size(moments); i++) {
            struct fixture *f = mem_zalloc(sizeof(*f));
            fixture_make(f, 1);
            struct reflector_config config = {.no_watch_list = !stream};
            f->stop_at = moments[i];
            config.loop = f->loop;
            config.rest = &f->fake.rest;
            config.rules = &f->rules;
            gvr_set(&config.gvr, "", "v1", "pods");
            f->reflector = reflector_create(&config, &fixture_ops, f);
            reflector_start(f->reflector);
            fake_run(&f->fake, LOOP_MS);
            const char *bodies[] = {
                stream ? EVENT("ADDED", POD("a", "5")) EVENT("DELETED", POD("a", "6")) INITIAL_END("10")
                             EVENT("ADDED", POD("b", "11")) BOOKMARK("12") ERROR("410", "Expired", "x")
                       : LIST("10", ITEM("a", "5") "," ITEM("b", "6")),
                EVENT("ADDED", POD("b", "11")) BOOKMARK("12") ERROR("410", "Expired", "x"),
                "[]",
                "[]",
            };
            for (size_t k = 0; k < array_size(bodies); k++) {
                fake_run(&f->fake, 120 * LOOP_SECOND);
                struct rest_call *call = fake_waiting(&f->fake);
                if (call && call->open) {
                    call->taken = true;
                    fake_answer(call, k == 3 ? 403 : 200, bodies[k]);
                }
            }
            fake_run(&f->fake, 300 * LOOP_SECOND);
            if (strstr(f->seen.data, moments[i])) {
                assert_int_equal(f->fake.open, 0);
                const char *last = f->seen.data + f->seen.len - strlen("abort");
                const char *told = strstr(f->seen.data, moments[i]);
                const char *next = strstr(told, " | ");
                assert_true(!next || (strcmp(next, " | abort") == 0 && strcmp(last, "abort") == 0));
            }
            void *one = f;
            teardown(&one);
        }
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ROW_STREAM(name) cmocka_unit_test_setup_teardown(name, setup_stream, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(row01_first_list_is_consistent_and_relists_never_go_back),
        ROW(row02_410_on_list_lists_at_once_without_version),
        ROW(row03_too_large_by_cause_reason),
        ROW(row03_too_large_by_cause_message),
        ROW(row03_too_large_by_message),
        ROW(row04_410_on_watch_lists_from_the_last_version_first),
        ROW(row04_410_twice_without_progress),
        ROW(row05_pages),
        ROW(row05_410_between_pages_lists_in_one_piece),
        ROW(row06_no_pages_where_a_version_is_asked_for),
        ROW(row07_watch_timeout_is_random_from_5_to_10_minutes),
        ROW(row08_backoff),
        ROW(row09_429_on_watch_does_not_relist),
        ROW(row09_connection_refused_on_watch_does_not_relist),
        ROW(row10_500_on_watch_is_tried_again_a_bounded_number_of_times),
        ROW(row11_bookmarks_move_the_version_only),
        ROW_STREAM(row12_watch_list),
        ROW_STREAM(row12_watch_list_again_is_not_older_than_the_last_version),
        ROW_STREAM(row12_falls_back_to_pages_on_422),
        ROW_STREAM(row12_falls_back_to_pages_on_400),
        ROW_STREAM(row12_falls_back_to_pages_on_silence),
        ROW_STREAM(row12_a_broken_stream_leaves_no_half_state),
        ROW(row13_error_event_leads_to_a_new_list),
        ROW(row13_garbage_in_the_watch_leads_to_a_new_list),
        ROW(row14_table_and_status_as_200_are_no_empty_list),
        ROW(row14_events_of_another_kind_are_ignored),
        ROW(row17_synced_only_after_the_first_list_is_handed_over),
        ROW(truncated_list_is_never_committed),
        ROW(row19_a_lost_watch_goes_on_where_it_was),
        ROW(row19_a_half_open_watch_is_noticed),
        ROW(a_server_that_went_back_is_listed_again),
        ROW(a_bookmark_from_the_past_is_looked_into),
        ROW(versions_that_are_no_numbers_are_not_compared),
        ROW(what_the_server_is_at_is_asked_for_until_it_answers),
        ROW(a_watch_that_ends_at_once_is_no_storm),
        ROW(chunks_end_anywhere),
        ROW(two_megabytes),
        ROW(a_refused_object_is_passed_over),
        ROW(members_behind_the_object),
        cmocka_unit_test_teardown(namespace_and_selector, teardown),
        cmocka_unit_test(the_owner_may_stop_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
