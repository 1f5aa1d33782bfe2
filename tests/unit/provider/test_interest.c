/* Who wants a stream, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "provider/interest.h"

struct fixture {
    struct loop *loop;
    struct interest interest;
    size_t changes;
    bool wanted;
};

static void on_changed(void *arg, bool wanted)
{
    struct fixture *f = arg;
    assert_true(wanted != f->wanted);
    f->wanted = wanted;
    f->changes++;
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    interest_init(&f->interest, f->loop, on_changed, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    interest_deinit(&f->interest);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void set(void *arg)
{
    *(bool *)arg = true;
}

static void run(struct fixture *f, int64_t seconds)
{
    struct timer timer;
    bool over = false;
    timer_init(&timer, f->loop, set, &over);
    timer_start(&timer, seconds * LOOP_SECOND);
    while (!over)
        loop_step(f->loop);
}

static void want(struct fixture *f, const char *informer, int64_t seconds)
{
    interest_want(&f->interest, informer, seconds * LOOP_SECOND);
}

static int64_t left(const struct fixture *f)
{
    return interest_left_us(&f->interest) / LOOP_SECOND;
}

static void a_lease_lapses(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(left(f), 0);
    want(f, "a", 100);
    assert_true(f->wanted);
    assert_int_equal(left(f), 100);
    run(f, 60);
    want(f, "a", 100);
    run(f, 99);
    assert_true(f->wanted);
    run(f, 2);
    assert_false(f->wanted);
    assert_int_equal(left(f), 0);
    assert_int_equal(f->changes, 2);
}

static void the_longest_lease_is_that_of_all(void **state)
{
    struct fixture *f = *state;
    want(f, "a", 300);
    want(f, "b", 100);
    assert_int_equal(left(f), 300);
    want(f, "a", 0);
    assert_int_equal(left(f), 100);
    run(f, 101);
    assert_false(f->wanted);
}

static void what_is_no_longer_wanted_stays_for_a_minute(void **state)
{
    struct fixture *f = *state;
    want(f, "a", 300);
    want(f, "a", 0);
    assert_int_equal(left(f), 60);
    want(f, "b", 0); /* who never wanted it has nothing to take back, and nothing to give */
    run(f, 30);
    want(f, "a", 0); /* said twice, it does not start anew */
    assert_int_equal(left(f), 30);
    run(f, 31);
    assert_false(f->wanted);
}

static void leases_have_an_upper_bound(void **state)
{
    struct fixture *f = *state;
    want(f, "a", 86400);
    assert_int_equal(left(f), 3600);
}

static void more_informers_than_the_limit(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "i%d", i);
        want(f, name, i == 7 ? 3000 : 100 + i);
    }
    assert_int_equal(f->interest.count, INTEREST_INFORMERS_MAX);
    assert_int_equal(left(f), 3000); /* the longest one is still there */
    want(f, "late", 1);
    assert_int_equal(f->interest.count, INTEREST_INFORMERS_MAX);
    run(f, 3001);
    assert_int_equal(f->interest.count, 0);
    assert_int_equal(f->changes, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_lease_lapses),
        TEST(the_longest_lease_is_that_of_all),
        TEST(what_is_no_longer_wanted_stays_for_a_minute),
        TEST(leases_have_an_upper_bound),
        TEST(more_informers_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
