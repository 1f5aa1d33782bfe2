/*
 * Timers: a binary heap of running timers ordered by (due, order of start), shared by the real and the
 * simulated loop. A timer knows its slot, so stopping is O(log n) and a stopped timer costs nothing. Firing
 * takes only timers that were started before this turn, so a callback that starts a zero timer never starves
 * the sockets.
 */
#include "base/loop_internal.h"

#include "base/mem.h"

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_place(struct loop *loop, size_t slot, struct timer *timer)
{
    loop->heap[slot] = timer;
    timer->slot = slot;
}

static void heap_rise(struct loop *loop, size_t slot, struct timer *timer)
{
    while (slot > 1 && timer_before(timer, loop->heap[slot / 2])) {
        heap_place(loop, slot, loop->heap[slot / 2]);
        slot /= 2;
    }
    heap_place(loop, slot, timer);
}

static void heap_sink(struct loop *loop, size_t slot, struct timer *timer)
{
    for (size_t child; (child = slot * 2) <= loop->count; slot = child) {
        if (child < loop->count && timer_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!timer_before(loop->heap[child], timer))
            break;
        heap_place(loop, slot, loop->heap[child]);
    }
    heap_place(loop, slot, timer);
}

static void heap_insert(struct loop *loop, struct timer *timer)
{
    if (loop->count + 1 >= loop->cap) {
        loop->cap = loop->cap ? loop->cap * 2 : 64;
        loop->heap = mem_realloc(loop->heap, loop->cap * sizeof(*loop->heap));
    }
    heap_rise(loop, ++loop->count, timer);
}

static void heap_remove(struct loop *loop, struct timer *timer)
{
    size_t slot = timer->slot;
    struct timer *last = loop->heap[loop->count--];
    timer->slot = 0;
    if (last == timer)
        return;
    if (slot > 1 && timer_before(last, loop->heap[slot / 2]))
        heap_rise(loop, slot, last);
    else
        heap_sink(loop, slot, last);
}

void loop_base_init(struct loop *loop, const struct loop_ops *ops, uint64_t seed)
{
    *loop = (struct loop){.ops = ops, .random_state = seed};
}

void loop_base_deinit(struct loop *loop)
{
    free(loop->heap);
}

int64_t loop_next_due_us(const struct loop *loop)
{
    return loop->count ? loop->heap[1]->due_us : INT64_MAX;
}

bool loop_fire_due(struct loop *loop, int64_t now_us)
{
    uint64_t limit = loop->order;
    bool fired = false;
    while (loop->count && loop->heap[1]->due_us <= now_us && loop->heap[1]->order < limit) {
        struct timer *timer = loop->heap[1];
        heap_remove(loop, timer);
        timer->fire(timer->arg);
        fired = true;
    }
    return fired;
}

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *arg), void *arg)
{
    *timer = (struct timer){.loop = loop, .fire = fire, .arg = arg};
}

void timer_start(struct timer *timer, int64_t delay_us)
{
    struct loop *loop = timer->loop;
    if (timer->slot)
        heap_remove(loop, timer);
    timer->due_us = loop_now_us(loop) + (delay_us > 0 ? delay_us : 0);
    timer->order = loop->order++;
    heap_insert(loop, timer);
    if (timer->slot == 1)
        loop->ops->timers_changed(loop);
}

void timer_stop(struct timer *timer)
{
    if (timer->slot)
        heap_remove(timer->loop, timer);
}

bool timer_active(const struct timer *timer)
{
    return timer->slot != 0;
}

/* splitmix64 (Steele, Lea, Flood 2014): one word of state, passes BigCrush, and every seed is a good one. */
uint64_t loop_random(struct loop *loop)
{
    uint64_t z = loop->random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t loop_random_below(struct loop *loop, uint64_t bound)
{
    return bound ? (uint64_t)(((unsigned __int128)loop_random(loop) * bound) >> 64) : 0;
}

const struct loop_stats *loop_stats(const struct loop *loop)
{
    return &loop->stats;
}

void loop_watch(struct loop *loop, int64_t bound_us, void (*stalled)(void *arg, int64_t us), void *arg)
{
    loop->bound_us = bound_us;
    loop->stalled = stalled;
    loop->stalled_arg = arg;
}

int64_t loop_wall_us(struct loop *loop)
{
    return loop->ops->wall_us(loop);
}

int64_t loop_now_us(struct loop *loop)
{
    return loop->ops->now_us(loop);
}

void loop_run(struct loop *loop)
{
    loop->ops->run(loop);
}

void loop_stop(struct loop *loop)
{
    loop->ops->stop(loop);
}

bool loop_step(struct loop *loop)
{
    return loop->ops->step(loop);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return loop->ops->uv(loop);
}

void loop_hold(struct loop *loop)
{
    loop->held++;
}

void loop_release(struct loop *loop)
{
    loop->held--;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->held)
        loop_step(loop);
    loop->ops->destroy(loop);
}
