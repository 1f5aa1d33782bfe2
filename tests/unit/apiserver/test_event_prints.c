/* What was printed of an event is there for a moment, for those who are told the same. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/event_prints.h"
#include "base/mem.h"

#define LONG ((size_t)100 << 10)

struct fixture {
    struct loop *loop;
    struct event_prints prints;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    event_prints_init(&f->prints, f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    event_prints_clear(&f->prints);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static const struct event_form base = {.revision = 7, .type = EVENT_ADDED, .include = ""};

static void assert_kept(struct fixture *f, const struct event_form *form, const char *text)
{
    const struct buf *kept = event_prints_find(&f->prints, form);
    if (!text)
        assert_null(kept);
    else
        assert_string_equal(kept->data, text);
}

static void what_is_kept_is_found_for_a_moment(void **state)
{
    struct fixture *f = *state;
    assert_kept(f, &base, NULL);
    event_prints_keep(&f->prints, &base, "text", 4);
    assert_kept(f, &base, "text");
    int64_t since_us = loop_now_us(f->loop);
    while (loop_step(f->loop))
        ;
    assert_in_range(loop_now_us(f->loop) - since_us, 1, 2 * LOOP_SECOND);
    assert_kept(f, &base, NULL);
}

static void each_form_has_its_own(void **state)
{
    struct fixture *f = *state;
    struct event_form others[] = {base, base, base, base, base};
    others[0].revision += EVENT_PRINTS; /* of the same place */
    others[1].type = EVENT_DELETED;
    others[2].form = 1;
    others[3].clusters = true;
    others[4].include = "Object";
    event_prints_keep(&f->prints, &base, "text", 4);
    for (size_t i = 0; i < array_size(others); i++)
        assert_kept(f, &others[i], NULL);
    event_prints_keep(&f->prints, &others[4], "other", 5);
    assert_kept(f, &others[4], "other");
    assert_kept(f, &base, NULL);
}

static void what_is_long_is_not_kept(void **state)
{
    struct fixture *f = *state;
    cleanup_free char *text = mem_zalloc(LONG);
    event_prints_keep(&f->prints, &base, "text", 4);
    event_prints_keep(&f->prints, &base, text, LONG);
    assert_kept(f, &base, NULL);
    struct event_form odd = base;
    odd.include = "whatever-a-client-asks-for";
    event_prints_keep(&f->prints, &odd, "text", 4);
    assert_kept(f, &odd, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_found_for_a_moment),
        TEST(each_form_has_its_own),
        TEST(what_is_long_is_not_kept),
    };
    return cmocka_run_group_tests_name("event_prints", tests, NULL, NULL);
}
