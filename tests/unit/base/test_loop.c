#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>

#include "base/backoff.h"
#include "base/loop.h"
#include "base/mem.h"

struct note {
    struct timer timer;
    int *out;
    int value;
    struct timer *also_stop, *also_start;
};

static void note_fire(void *arg)
{
    struct note *note = arg;
    *note->out = *note->out * 10 + note->value;
    if (note->also_stop)
        timer_stop(note->also_stop);
    if (note->also_start)
        timer_start(note->also_start, 0);
}

static struct loop *make_loop(void **state)
{
    return *state ? loop_create() : loop_create_simulated(7);
}

static void timers_fire_in_order(void **state)
{
    struct loop *loop = make_loop(state);
    int out = 0;
    struct note notes[4];
    int64_t delays[4] = {3000, 1000, 2000, 1000};
    for (int i = 0; i < 4; i++) {
        notes[i] = (struct note){.out = &out, .value = i + 1};
        timer_init(&notes[i].timer, loop, note_fire, &notes[i]);
        timer_start(&notes[i].timer, delays[i]);
    }
    notes[1].also_stop = &notes[2].timer;
    loop_run(loop);
    assert_int_equal(out, 241);
    assert_false(timer_active(&notes[2].timer));
    loop_destroy(loop);
}

static void a_timer_started_in_a_callback_fires_later(void **state)
{
    struct loop *loop = make_loop(state);
    int out = 0;
    struct note b = {.out = &out, .value = 2};
    timer_init(&b.timer, loop, note_fire, &b);
    struct note a = {.out = &out, .value = 1, .also_start = &b.timer};
    timer_init(&a.timer, loop, note_fire, &a);
    timer_start(&a.timer, 0);
    loop_run(loop);
    assert_int_equal(out, 12);
    loop_destroy(loop);
}

struct restless {
    struct timer timer;
    int turns;
    bool heard;
};

static void restless_fire(void *arg)
{
    struct restless *restless = arg;
    if (!restless->heard && ++restless->turns < 1000)
        timer_start(&restless->timer, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    ((struct restless *)poll->data)->heard = true;
    uv_close((uv_handle_t *)poll, NULL);
}

static void a_restless_timer_leaves_sockets_their_turn(void **state)
{
    (void)state;
    struct loop *loop = loop_create();
    struct restless restless = {0};
    int ends[2];
    uv_poll_t poll = {.data = &restless};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    uv_poll_init(loop_uv(loop), &poll, ends[0]);
    poll.data = &restless;
    uv_poll_start(&poll, UV_READABLE, on_readable);
    timer_init(&restless.timer, loop, restless_fire, &restless);
    timer_start(&restless.timer, 0);
    loop_run(loop);
    assert_true(restless.heard);
    assert_true(restless.turns < 10);
    close(ends[0]);
    close(ends[1]);
    loop_destroy(loop);
}

static void the_heap_keeps_order_under_churn(void **state)
{
    (void)state;
    struct loop *loop = loop_create_simulated(3);
    enum { COUNT = 500 };
    static struct note notes[COUNT];
    int out = 0;
    for (int i = 0; i < COUNT; i++) {
        notes[i] = (struct note){.out = &out};
        timer_init(&notes[i].timer, loop, note_fire, &notes[i]);
        timer_start(&notes[i].timer, (int64_t)loop_random_below(loop, 100000));
    }
    for (int i = 0; i < COUNT; i += 3)
        timer_stop(&notes[i].timer);
    for (int i = 1; i < COUNT; i += 3)
        timer_start(&notes[i].timer, (int64_t)loop_random_below(loop, 100000));
    int64_t last = 0;
    int fired = 0;
    while (loop_step(loop)) {
        assert_true(loop_now_us(loop) >= last);
        last = loop_now_us(loop);
        fired++;
    }
    for (int i = 0; i < COUNT; i++)
        assert_false(timer_active(&notes[i].timer));
    assert_true(fired > 300);
    loop_destroy(loop);
}

static void a_seed_replays(void **state)
{
    (void)state;
    struct loop *a = loop_create_simulated(9), *b = loop_create_simulated(9), *c = loop_create_simulated(10);
    uint64_t first = loop_random(a);
    assert_int_equal(first, loop_random(b));
    assert_int_not_equal(first, loop_random(c));
    for (int i = 0; i < 1000; i++)
        assert_true(loop_random_below(a, 7) < 7);
    loop_destroy(a);
    loop_destroy(b);
    loop_destroy(c);
}

static void backoff_doubles_to_its_bound(void **state)
{
    (void)state;
    struct loop *loop = loop_create_simulated(1);
    struct backoff backoff;
    backoff_init(&backoff, 800, 3000, 10000, 1.0);
    int64_t base[] = {800, 1600, 3000, 3000};
    for (size_t i = 0; i < array_size(base); i++) {
        int64_t delay = backoff_next(&backoff, loop);
        assert_true(delay >= base[i] && delay <= 2 * base[i]);
    }
    backoff_reset(&backoff);
    assert_true(backoff_next(&backoff, loop) <= 1600);
    loop_destroy(loop);
}

struct busy {
    struct loop *loop;
    struct timer timer;
    int told;
    int64_t longest_us;
};

/* Works for 30 ms, and has waited for 200 ms before. */
static void work_long(void *arg)
{
    struct busy *busy = arg;
    int64_t end_us = loop_now_us(busy->loop) + 30 * LOOP_MS;
    while (loop_now_us(busy->loop) < end_us)
        ;
}

static void on_stalled(void *arg, int64_t us)
{
    struct busy *busy = arg;
    busy->told++;
    if (us > busy->longest_us)
        busy->longest_us = us;
}

static void a_long_turn_is_told_and_a_long_wait_is_none(void **state)
{
    (void)state;
    struct busy busy = {.loop = loop_create()};
    loop_watch(busy.loop, 20 * LOOP_MS, on_stalled, &busy);
    timer_init(&busy.timer, busy.loop, work_long, &busy);
    timer_start(&busy.timer, 200 * LOOP_MS);
    while (timer_active(&busy.timer))
        loop_step(busy.loop);
    timer_start(&busy.timer, 0); /* so that the next turn does not wait */
    loop_step(busy.loop);
    timer_stop(&busy.timer);
    assert_in_range(busy.told, 1, 2);
    assert_in_range(busy.longest_us, 30 * LOOP_MS, 199 * LOOP_MS);
    assert_int_equal(loop_stats(busy.loop)->stalls, (uint64_t)busy.told);
    assert_int_equal(loop_stats(busy.loop)->longest_us, (uint64_t)busy.longest_us);
    loop_watch(busy.loop, 0, NULL, NULL);
    loop_destroy(busy.loop);
}

static int64_t processor_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * LOOP_SECOND + now.tv_nsec / 1000;
}

static void sleep_30_ms(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
}

static void compute_10_ms(void *arg)
{
    int64_t end_us = processor_us() + 10 * LOOP_MS;
    (void)arg;
    while (processor_us() < end_us)
        ;
}

static void turn_with(struct loop *loop, void (*fire)(void *arg))
{
    struct timer timer;
    timer_init(&timer, loop, fire, NULL);
    for (int i = 0; i < 2; i++) { /* a turn is over where the next one begins */
        timer_start(&timer, 0);
        loop_step(loop);
    }
    timer_stop(&timer);
}

static void what_a_turn_has_of_the_processor_is_told_alone(void **state)
{
    struct loop *loop = loop_create();
    const struct loop_stats *stats = loop_stats(loop);
    (void)state;
    turn_with(loop, sleep_30_ms);
    assert_in_range(stats->longest_us, 30 * LOOP_MS, INT64_MAX);
    assert_in_range(stats->longest_cpu_us, 0, stats->longest_us - 20 * LOOP_MS);
    turn_with(loop, compute_10_ms);
    assert_in_range(stats->longest_cpu_us, 10 * LOOP_MS, INT64_MAX);
    loop_destroy(loop);
}

static void ignore(int number)
{
    (void)number;
}

static void rest(void *arg)
{
    (void)arg;
}

/* A signal in the middle of it interrupts the loop's wait. */
static void a_wait_with_a_signal_in_it_is_none(void **state)
{
    (void)state;
    struct busy busy = {.loop = loop_create()};
    struct sigaction action = {.sa_handler = ignore};
    struct itimerval alarm = {.it_value.tv_usec = 300 * LOOP_MS};
    sigaction(SIGALRM, &action, NULL);
    timer_init(&busy.timer, busy.loop, rest, &busy);
    timer_start(&busy.timer, 400 * LOOP_MS);
    setitimer(ITIMER_REAL, &alarm, NULL);
    while (timer_active(&busy.timer))
        loop_step(busy.loop);
    timer_start(&busy.timer, 0); /* so that the next turn does not wait */
    loop_step(busy.loop);
    timer_stop(&busy.timer);
    assert_in_range(loop_stats(busy.loop)->longest_us, 0, 199 * LOOP_MS);
    loop_destroy(busy.loop);
}

static void release(void *arg)
{
    loop_release(arg);
}

/* What is held ends in its own time, and is waited for. */
static void to_destroy_is_to_go_on_with_what_is_held(void **state)
{
    struct loop *loop = *state ? loop_create() : loop_create_simulated(1);
    struct timer end;
    timer_init(&end, loop, release, loop);
    timer_start(&end, 10 * LOOP_MS);
    loop_hold(loop);
    loop_destroy(loop);
    assert_false(timer_active(&end));
}

int main(void)
{
    static int real = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test_prestate(timers_fire_in_order, &real),
        cmocka_unit_test(a_timer_started_in_a_callback_fires_later),
        cmocka_unit_test_prestate(a_timer_started_in_a_callback_fires_later, &real),
        cmocka_unit_test(a_restless_timer_leaves_sockets_their_turn),
        cmocka_unit_test(the_heap_keeps_order_under_churn),
        cmocka_unit_test(what_a_turn_has_of_the_processor_is_told_alone),
        cmocka_unit_test(a_long_turn_is_told_and_a_long_wait_is_none),
        cmocka_unit_test(a_wait_with_a_signal_in_it_is_none),
        cmocka_unit_test(to_destroy_is_to_go_on_with_what_is_held),
        cmocka_unit_test_prestate(to_destroy_is_to_go_on_with_what_is_held, &real),
        cmocka_unit_test(a_seed_replays),
        cmocka_unit_test(backoff_doubles_to_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
