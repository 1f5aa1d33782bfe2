/*
 * When the API server says no: forbidden, and not found. Of all that it may say only one thing may delete:
 * that the resource is really gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kube/reflector_fixture.h"

/* Refuses until the next try is a minute away, which is after a minute or two; returns that try. */
static struct rest_call *forbid_until_slow(struct fixture *f, struct rest_call *call)
{
    int64_t delay = 0;
    for (int tries = 1; delay < 60 * LOOP_SECOND; tries++) {
        assert_in_range(tries, 1, 9);
        int64_t refused_us = loop_now_us(f->loop);
        fake_refuse(call, 403, "Forbidden", "not allowed");
        call = fake_next(&f->fake);
        delay = loop_now_us(f->loop) - refused_us;
        if (tries == 1)
            assert_in_range(delay, 800 * LOOP_MS, 1600 * LOOP_MS);
    }
    assert_true(delay <= 120 * LOOP_SECOND);
    return call;
}

static void forbidden_is_reported_and_tried_again_ever_more_slowly(void **state)
{
    struct fixture *f = *state;
    struct rest_call *list = forbid_until_slow(f, fake_next(&f->fake));
    assert_non_null(strstr(f->seen.data, "starting | begin | abort | forbidden | "));
    assert_null(strstr(strstr(f->seen.data, "forbidden") + 1, "forbidden")); /* told once */
    buf_clear(&f->seen);
    fake_answer(list, 200, LIST("10", ""));
    expect(f, "commit 10 | synced"); /* it had begun with the last try */
    fake_run(&f->fake, 180 * LOOP_SECOND);
    struct rest_call *watch = forbid_until_slow(f, fake_next(&f->fake));
    expect(f, "forbidden");
    fake_expect_query(watch, "watch", "true");
    fake_headers(watch, 200, -1);
    expect(f, "synced");
}

/* The rest of a reflector's life in a group that a CustomResourceDefinition brings. */
static int setup_widgets(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    fixture_make(f, 1);
    struct reflector_config config = {.no_watch_list = true};
    assert_int_equal(gvr_set(&config.gvr, "example.com", "v1", "widgets"), 0);
    fixture_start(f, &config);
    *state = f;
    return 0;
}

#define GROUPS_WITHOUT                                                                                       \
    "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{\"name\":\"apps\",\"versions\":[{"        \
    "\"version\":\"v1\"}]}]}"
#define GROUPS_WITH                                                                                          \
    "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{\"name\":\"example.com\",\"versions\":[{" \
    "\"version\":\"v1\"}]}]}"
#define DEFINITION "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"

static struct rest_call *not_found_then(struct fixture *f, const char *groups)
{
    fake_answer(fake_next(&f->fake), 404, "404 page not found\n");
    struct rest_call *call = fake_next(&f->fake);
    fake_expect_path(call, "/apis");
    fake_answer(call, 200, groups);
    return fake_next(&f->fake);
}

static void gone_only_when_found_so_twice(void **state)
{
    struct fixture *f = *state;
    struct rest_call *call = not_found_then(f, GROUPS_WITHOUT);
    fake_expect_path(call, DEFINITION);
    fake_refuse(call, 404, "NotFound", "not found");
    expect(f, "starting | begin | abort | unavailable");
    fake_quiet(&f->fake, 9 * LOOP_SECOND);
    call = not_found_then(f, GROUPS_WITHOUT);
    fake_refuse(call, 404, "NotFound", "not found");
    expect(f, "begin | abort | gone");

    /* It comes back. */
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    call = fake_next(&f->fake);
    fake_expect_path(call, "/apis/example.com/v1/widgets");
    fake_answer(call, 200,
                "{\"kind\":\"WidgetList\",\"apiVersion\":\"example.com/"
                "v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}");
    expect(f, "begin | commit 9 | synced");
}

static void not_gone_while_its_definition_is_there(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        fake_answer(not_found_then(f, GROUPS_WITHOUT), 200, "{\"kind\":\"CustomResourceDefinition\"}");
    assert_null(strstr(f->seen.data, "gone"));
}

static void not_gone_while_discovery_has_it(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        struct rest_call *call = not_found_then(f, GROUPS_WITH);
        fake_expect_path(call, "/apis/example.com/v1");
        fake_answer(call, 200, "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"widgets\"}]}");
    }
    assert_null(strstr(f->seen.data, "gone"));
}

/* A proxy that answers 404 to everything proves nothing; nor does discovery that fails. */
static void not_gone_on_anything_less(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        fake_answer(fake_next(&f->fake), 404, "404 page not found\n");
        fake_answer(fake_next(&f->fake), 404, "404 page not found\n");
        fake_answer(fake_next(&f->fake), 404, "404 page not found\n");
        fake_answer(fake_next(&f->fake), 200, "<html>welcome</html>");
        fake_refuse(not_found_then(f, GROUPS_WITHOUT), 503, "ServiceUnavailable", "later");
        fake_answer(not_found_then(f, GROUPS_WITHOUT), 404, "404 page not found\n");
        /* absent once, then not: the count starts over */
        fake_refuse(not_found_then(f, GROUPS_WITHOUT), 404, "NotFound", "not found");
        fake_answer(not_found_then(f, GROUPS_WITHOUT), 200, "{}");
    }
    assert_null(strstr(f->seen.data, "gone"));
}

#define WIDGETS(name) cmocka_unit_test_setup_teardown(name, setup_widgets, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forbidden_is_reported_and_tried_again_ever_more_slowly, setup,
                                        teardown),
        WIDGETS(gone_only_when_found_so_twice),
        WIDGETS(not_gone_while_its_definition_is_there),
        WIDGETS(not_gone_while_discovery_has_it),
        WIDGETS(not_gone_on_anything_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
