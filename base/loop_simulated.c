/*
 * The simulated loop: time stands still while callbacks run, and then jumps to the next timer.
 */
#include "base/loop_internal.h"

#include "base/mem.h"

struct loop_simulated {
    struct loop base;
    int64_t now_us;
    int64_t turn_us;
    bool stopped;
};

#define YEAR_2026_US (INT64_C(1767225600) * LOOP_SECOND)

static int64_t simulated_now_us(struct loop *loop)
{
    return ((struct loop_simulated *)loop)->now_us;
}

static int64_t simulated_wall_us(struct loop *loop)
{
    return YEAR_2026_US + simulated_now_us(loop);
}

static void simulated_timers_changed(struct loop *loop)
{
    (void)loop;
}

static bool simulated_step(struct loop *loop)
{
    struct loop_simulated *sim = (struct loop_simulated *)loop;
    int64_t due_us = loop_next_due_us(loop);
    if (due_us == INT64_MAX)
        return false;
    if (due_us > sim->now_us)
        sim->now_us = due_us;
    sim->now_us += (int64_t)loop_random_below(loop, sim->turn_us ? (uint64_t)sim->turn_us + 1 : 0);
    loop_fire_due(loop, sim->now_us);
    return true;
}

static void simulated_run(struct loop *loop)
{
    struct loop_simulated *sim = (struct loop_simulated *)loop;
    sim->stopped = false;
    while (!sim->stopped && simulated_step(loop))
        ;
}

static void simulated_stop(struct loop *loop)
{
    ((struct loop_simulated *)loop)->stopped = true;
}

static struct uv_loop_s *simulated_uv(struct loop *loop)
{
    (void)loop;
    return NULL;
}

static void simulated_destroy(struct loop *loop)
{
    loop_base_deinit(loop);
    free(loop);
}

static const struct loop_ops simulated_ops = {
    .now_us = simulated_now_us,
    .wall_us = simulated_wall_us,
    .timers_changed = simulated_timers_changed,
    .step = simulated_step,
    .run = simulated_run,
    .stop = simulated_stop,
    .uv = simulated_uv,
    .destroy = simulated_destroy,
};

struct loop *loop_create_simulated(uint64_t seed)
{
    struct loop_simulated *sim = mem_zalloc(sizeof(*sim));
    loop_base_init(&sim->base, &simulated_ops, seed);
    sim->now_us = LOOP_SECOND;
    return &sim->base;
}

void loop_set_turn_us(struct loop *loop, int64_t turn_us)
{
    ((struct loop_simulated *)loop)->turn_us = turn_us;
}
