/*
 * The real loop: libuv with one uv timer, armed for the earliest of ours. Due times are CLOCK_BOOTTIME;
 * libuv's timers have milliseconds and stand still during suspend, so each time the uv timer fires it is
 * armed again for what is left.
 *
 * Each turn is measured, from one wait for events to the next: the loop has one thread, so while one callback
 * works all others wait; and how much of the processor it had, which no other program lengthens. It costs
 * three readings of a clock a turn. libuv counts how long it has waited from
 * anew whenever a signal interrupts the wait; its clock, in whole milliseconds, says when the wait was over.
 */
#include "base/loop_internal.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"

struct loop_real {
    struct loop base;
    uv_loop_t uv;
    uv_timer_t timer;
    uv_idle_t idle;
    uv_prepare_t prepare;
    uv_check_t check;
    uint64_t turn_ns, idle_ns; /* at the last prepare: when that was, how long has been waited in all, */
    uint64_t cpu_ns;           /* and how much of the processor the thread had had */
    uint64_t woken_ms;         /* when the wait behind that was over; 0: not yet */
    bool stopped;
};

static int64_t real_wall_us(struct loop *loop)
{
    struct timespec now;
    (void)loop;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * LOOP_SECOND + now.tv_nsec / 1000;
}

static int64_t real_now_us(struct loop *loop)
{
    (void)loop;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * LOOP_SECOND + now.tv_nsec / 1000;
}

/* This was an event: a turn that began with it must not go on to wait for another. */
static void fire(struct loop *loop)
{
    loop_fire_due(loop, real_now_us(loop));
    loop->ops->timers_changed(loop);
    uv_stop(loop_uv(loop));
}

static void on_uv_timer(uv_timer_t *timer)
{
    fire(timer->data);
}

static void on_uv_idle(uv_idle_t *idle)
{
    fire(idle->data);
}

/* libuv reads the clock when a wait is over; this comes before anybody has it read again. */
static void note_woken(struct loop_real *real)
{
    if (!real->woken_ms)
        real->woken_ms = uv_now(&real->uv);
}

static void on_uv_check(uv_check_t *check)
{
    note_woken(check->data);
}

static uint64_t waited_ns(const struct loop_real *real, uint64_t idle_ns)
{
    uint64_t counted = idle_ns - real->idle_ns, woken_ns = real->woken_ms * 1000000;
    uint64_t seen = woken_ns > real->turn_ns ? woken_ns - real->turn_ns : 0;
    return counted > seen ? counted : seen;
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void take_turn(struct loop *loop, uint64_t took_us, uint64_t cpu_us)
{
    if (cpu_us > loop->stats.longest_cpu_us)
        loop->stats.longest_cpu_us = cpu_us;
    if (took_us > loop->stats.longest_us)
        loop->stats.longest_us = took_us;
    if (loop->bound_us == 0 || took_us <= (uint64_t)loop->bound_us)
        return;
    loop->stats.stalls++;
    loop->stalled(loop->stalled_arg, (int64_t)took_us);
}

/* Behind all callbacks of a turn, before the loop waits again. */
static void on_uv_prepare(uv_prepare_t *prepare)
{
    struct loop_real *real = prepare->data;
    uint64_t now_ns = uv_hrtime(), cpu_ns = thread_cpu_ns(), idle_ns = uv_metrics_idle_time(&real->uv);
    uint64_t took_us = (now_ns - real->turn_ns - waited_ns(real, idle_ns)) / 1000;
    take_turn(&real->base, took_us, (cpu_ns - real->cpu_ns) / 1000);
    real->turn_ns = now_ns;
    real->idle_ns = idle_ns;
    real->cpu_ns = cpu_ns;
    real->woken_ms = 0;
}

/* What is due already waits for the idle phase, once a turn: a uv timer of 0 that is started in a timer's
 * callback is run in the same sweep (libuv before 1.45), and sockets would never get their turn. */
static void real_timers_changed(struct loop *loop)
{
    struct loop_real *real = (struct loop_real *)loop;
    int64_t due_us = loop_next_due_us(loop);
    int64_t left_us = due_us == INT64_MAX ? 0 : due_us - real_now_us(loop);
    uv_timer_stop(&real->timer);
    uv_idle_stop(&real->idle);
    if (left_us > 0) {
        note_woken(real);
        uv_update_time(&real->uv);
        uv_timer_start(&real->timer, on_uv_timer, (uint64_t)(left_us + 999) / 1000, 0);
    } else if (due_us != INT64_MAX) {
        uv_idle_start(&real->idle, on_uv_idle);
    }
}

static bool real_step(struct loop *loop)
{
    return uv_run(&((struct loop_real *)loop)->uv, UV_RUN_ONCE) != 0;
}

static void real_run(struct loop *loop)
{
    struct loop_real *real = (struct loop_real *)loop;
    real->stopped = false;
    while (!real->stopped && real_step(loop))
        ;
}

static void real_stop(struct loop *loop)
{
    struct loop_real *real = (struct loop_real *)loop;
    real->stopped = true;
    uv_stop(&real->uv);
}

static struct uv_loop_s *real_uv(struct loop *loop)
{
    return &((struct loop_real *)loop)->uv;
}

static void real_destroy(struct loop *loop)
{
    struct loop_real *real = (struct loop_real *)loop;
    uv_close((uv_handle_t *)&real->timer, NULL);
    uv_close((uv_handle_t *)&real->idle, NULL);
    uv_close((uv_handle_t *)&real->prepare, NULL);
    uv_close((uv_handle_t *)&real->check, NULL);
    for (int turns = 0; turns < 64 && uv_run(&real->uv, UV_RUN_NOWAIT) != 0; turns++)
        ;
    if (uv_loop_close(&real->uv) != 0) {
        fputs("loop_destroy: a handle was left open\n", stderr);
        abort();
    }
    loop_base_deinit(loop);
    free(real);
}

static const struct loop_ops real_ops = {
    .now_us = real_now_us,
    .wall_us = real_wall_us,
    .timers_changed = real_timers_changed,
    .step = real_step,
    .run = real_run,
    .stop = real_stop,
    .uv = real_uv,
    .destroy = real_destroy,
};

static uint64_t random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        perror("getrandom");
        abort();
    }
    return seed;
}

struct loop *loop_create(void)
{
    struct loop_real *real = mem_zalloc(sizeof(*real));
    loop_base_init(&real->base, &real_ops, random_seed());
    if (uv_loop_init(&real->uv) != 0 || uv_timer_init(&real->uv, &real->timer) != 0 ||
        uv_idle_init(&real->uv, &real->idle) != 0 || uv_prepare_init(&real->uv, &real->prepare) != 0 ||
        uv_check_init(&real->uv, &real->check) != 0) {
        fputs("libuv: no event loop can be made (out of file descriptors?)\n", stderr);
        abort();
    }
    real->timer.data = real->idle.data = &real->base;
    real->prepare.data = real->check.data = real;
    real->turn_ns = uv_hrtime();
    real->cpu_ns = thread_cpu_ns();
    uv_loop_configure(&real->uv, UV_METRICS_IDLE_TIME);
    uv_prepare_start(&real->prepare, on_uv_prepare);
    uv_check_start(&real->check, on_uv_check);
    uv_unref((uv_handle_t *)&real->prepare);
    uv_unref((uv_handle_t *)&real->check);
    return &real->base;
}
