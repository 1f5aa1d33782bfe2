/* Who waits for changes is told of them: later, once, in order, and not all in one turn of the loop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "apiserver/audience.h"
#include "base/mem.h"

#define MANY 2000

struct seat {
    struct waiter waiter;
    struct hall *hall;
    int told;
    uint64_t since;
    bool stays; /* joins again when it is told */
};

struct hall {
    struct loop *loop;
    struct herald herald;
    struct audience audience, other;
    struct seat seats[MANY];
    int told, next;
};

static void on_told(void *arg, uint64_t since)
{
    struct seat *seat = arg;
    struct hall *hall = seat->hall;
    assert_null(seat->waiter.audience);
    seat->told++;
    seat->since = since;
    hall->told++;
    hall->next = (int)(seat - hall->seats) + 1;
    if (seat->stays)
        audience_join(&hall->audience, &seat->waiter);
}

static int setup(void **state)
{
    struct hall *hall = mem_zalloc(sizeof(*hall));
    hall->loop = loop_create_simulated(1);
    herald_init(&hall->herald, hall->loop);
    audience_init(&hall->audience, &hall->herald);
    audience_init(&hall->other, &hall->herald);
    for (int i = 0; i < MANY; i++)
        hall->seats[i] = (struct seat){.waiter = {.told = on_told, .arg = &hall->seats[i]}, .hall = hall};
    *state = hall;
    return 0;
}

static int teardown(void **state)
{
    struct hall *hall = *state;
    herald_deinit(&hall->herald);
    loop_destroy(hall->loop);
    free(hall);
    return 0;
}

static struct waiter *join(struct hall *hall, int seat)
{
    audience_join(&hall->audience, &hall->seats[seat].waiter);
    return &hall->seats[seat].waiter;
}

static void turns(struct hall *hall)
{
    while (loop_step(hall->loop))
        ;
}

static void all_are_told_but_not_in_one_turn(void **state)
{
    struct hall *hall = *state;
    int most = 0;
    for (int i = 0; i < MANY; i++)
        join(hall, i);
    audience_call(&hall->audience, 7);
    assert_int_equal(hall->told, 0);
    for (int before = 0; loop_step(hall->loop); before = hall->told) {
        assert_int_equal(hall->next, hall->told);
        if (hall->told - before > most)
            most = hall->told - before;
    }
    assert_int_equal(hall->told, MANY);
    assert_in_range(most, 1, MANY / 2);
}

static void each_is_told_once_of_all_that_changed(void **state)
{
    struct hall *hall = *state;
    struct waiter *waiter = join(hall, 0);
    assert_int_equal(waiter_called_since(waiter), UINT64_MAX);
    for (uint64_t change = 5; change < 9; change++)
        audience_call(&hall->audience, change);
    assert_int_equal(waiter_called_since(waiter), 5);
    turns(hall);
    assert_int_equal(hall->told, 1);
    assert_int_equal(hall->seats[0].since, 5);
    assert_int_equal(waiter_called_since(waiter), 0);
    audience_call(&hall->audience, 9);
    turns(hall);
    assert_int_equal(hall->told, 1);
}

/* What is told of the later one is not later than what it missed. */
static void one_that_came_between_two_calls_is_told_too(void **state)
{
    struct hall *hall = *state;
    join(hall, 0);
    audience_call(&hall->audience, 5);
    struct waiter *late = join(hall, 1);
    assert_int_equal(waiter_called_since(late), UINT64_MAX);
    audience_call(&hall->audience, 6);
    assert_in_range(waiter_called_since(late), 1, 6);
    turns(hall);
    assert_int_equal(hall->told, 2);
    assert_int_equal(hall->seats[0].since, 5);
    join(hall, 2);
    audience_call(&hall->audience, 20);
    assert_int_equal(waiter_called_since(&hall->seats[2].waiter), 20);
    turns(hall);
}

static void who_joins_again_waits_for_the_next_change(void **state)
{
    struct hall *hall = *state;
    hall->seats[0].stays = true;
    join(hall, 0);
    audience_call(&hall->audience, 1);
    turns(hall);
    assert_int_equal(hall->told, 1);
    audience_call(&hall->audience, 2);
    turns(hall);
    assert_int_equal(hall->told, 2);
    audience_leave(&hall->seats[0].waiter);
}

static void who_leaves_is_not_told(void **state)
{
    struct hall *hall = *state;
    struct waiter *waiting = join(hall, 0), *called = join(hall, 1);
    audience_leave(waiting);
    audience_call(&hall->audience, 1);
    audience_leave(called);
    audience_leave(called);
    turns(hall);
    assert_int_equal(hall->told, 0);
}

static void an_audience_hears_of_nothing_else(void **state)
{
    struct hall *hall = *state;
    join(hall, 0);
    audience_join(&hall->other, &hall->seats[1].waiter);
    audience_call(&hall->other, 1);
    turns(hall);
    assert_int_equal(hall->seats[0].told, 0);
    assert_int_equal(hall->seats[1].told, 1);
    audience_leave(&hall->seats[0].waiter);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_are_told_but_not_in_one_turn),
        TEST(each_is_told_once_of_all_that_changed),
        TEST(one_that_came_between_two_calls_is_told_too),
        TEST(who_joins_again_waits_for_the_next_change),
        TEST(who_leaves_is_not_told),
        TEST(an_audience_hears_of_nothing_else),
    };
    return cmocka_run_group_tests_name("audience", tests, NULL, NULL);
}
