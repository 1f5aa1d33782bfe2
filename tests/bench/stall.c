/*
 * A turn of libuv's loop goes from one wait to the next. What it takes of the thread's own processor time is
 * what our callbacks cost, whatever else runs on the machine; what it takes on the clock, less the wait
 * (which the loop has libuv measure), is what others see.
 */
#include "tests/bench/bench.h"

#include <time.h>

static int64_t thread_cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * LOOP_SECOND + now.tv_nsec / 1000;
}

static void turn_begin(struct stall *stall)
{
    stall->last_cpu_us = thread_cpu_us();
    stall->last_us = (int64_t)(uv_hrtime() / 1000);
    stall->last_idle_ns = uv_metrics_idle_time(stall->prepare.loop);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct stall *stall = prepare->data;
    struct stall before = *stall;
    turn_begin(stall);
    int64_t turn_cpu_us = stall->last_cpu_us - before.last_cpu_us;
    int64_t wait_us = (int64_t)(stall->last_idle_ns - before.last_idle_ns) / 1000;
    int64_t turn_us = stall->last_us - before.last_us - wait_us;
    if (turn_cpu_us > stall->cpu_us)
        stall->cpu_us = turn_cpu_us;
    if (turn_us > stall->us)
        stall->us = turn_us;
    stall->over_1ms += turn_cpu_us > LOOP_MS;
}

void stall_pause(struct stall *stall)
{
    stall->paused_cpu_us = thread_cpu_us();
    stall->paused_us = (int64_t)(uv_hrtime() / 1000);
}

void stall_resume(struct stall *stall)
{
    stall->last_cpu_us += thread_cpu_us() - stall->paused_cpu_us;
    stall->last_us += (int64_t)(uv_hrtime() / 1000) - stall->paused_us;
}

void stall_reset(struct stall *stall)
{
    stall->cpu_us = stall->us = 0;
    stall->over_1ms = 0;
    turn_begin(stall);
}

void stall_start(struct stall *stall, struct loop *loop)
{
    uv_prepare_init(loop_uv(loop), &stall->prepare);
    stall->prepare.data = stall;
    uv_prepare_start(&stall->prepare, on_prepare);
    uv_unref((uv_handle_t *)&stall->prepare);
    stall_reset(stall);
}

void stall_stop(struct stall *stall)
{
    uv_close((uv_handle_t *)&stall->prepare, NULL);
}
