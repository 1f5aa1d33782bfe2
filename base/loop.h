#ifndef TI_BASE_LOOP_H
#define TI_BASE_LOOP_H

/*
 * The loop: one thread, timers, a clock and a random source. There are two of them behind one interface. The
 * real one runs on libuv, and files that own sockets reach the uv loop through loop_uv(). The simulated one
 * has a clock that jumps to the next timer and a random source that is its seed's; a program over it is a
 * function of that seed.
 *
 * State machines hold timers and a loop pointer, and nothing else of the outside: that is what makes them the
 * same in both. Callbacks always come from the loop, never from inside timer_start().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct uv_loop_s;

struct loop *loop_create(void);                    /* real */
struct loop *loop_create_simulated(uint64_t seed); /* virtual time, starting at 1 s */
/* Simulated only: each turn of the loop takes up to so much time, at random. 0, the default: none. */
void loop_set_turn_us(struct loop *loop, int64_t turn_us);
void loop_destroy(struct loop *loop); /* every timer must be stopped, every uv handle closed, but for: */
/* What has been destroyed, and ends in turns of its own. loop_destroy() goes on with them until all that was
 * held is released; whoever holds it bounds how long that takes. */
void loop_hold(struct loop *loop);
void loop_release(struct loop *loop);

void loop_run(struct loop *loop);  /* until loop_stop(), or (simulated) until no timer is left */
void loop_stop(struct loop *loop); /* from a callback; loop_run() returns soon after */

/* Real: one turn of the uv loop, waiting for an event unless there is nothing to wait for. Simulated: jumps
 * to the next timer and runs it. False where nothing is left. */
bool loop_step(struct loop *loop);

/* Boot time in µs: never jumps with the wall clock, goes on during suspend. */
int64_t loop_now_us(struct loop *loop);
/* Wall time in µs since 1970, to be shown to people and written into objects; it may jump. A simulated loop
 * begins in 2026. */
int64_t loop_wall_us(struct loop *loop);

/* How long turns of the real loop take; a simulated one has none. */
struct loop_stats {
    uint64_t longest_us;     /* on the clock, waiting left out */
    uint64_t longest_cpu_us; /* of the processor's time that the loop's thread had */
    uint64_t stalls;         /* turns that took longer than the bound of loop_watch() */
};
const struct loop_stats *loop_stats(const struct loop *loop);
/* Told from inside the loop, behind each turn that took longer than the bound. */
void loop_watch(struct loop *loop, int64_t bound_us, void (*stalled)(void *arg, int64_t us), void *arg);

uint64_t loop_random(struct loop *loop);                       /* 64 random bits */
uint64_t loop_random_below(struct loop *loop, uint64_t bound); /* 0 ≤ n < bound; 0 where bound is 0 */

/* The uv loop, for the files that own sockets. NULL for a simulated loop. */
struct uv_loop_s *loop_uv(struct loop *loop);

#define LOOP_MS INT64_C(1000)
#define LOOP_SECOND INT64_C(1000000)

struct timer {
    struct loop *loop;
    void (*fire)(void *arg);
    void *arg;
    int64_t due_us;
    uint64_t order; /* timers of one instant fire in the order in which they were started */
    size_t slot;    /* place in the heap, from 1; 0 while stopped */
};

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *arg), void *arg);
void timer_start(struct timer *timer,
                 int64_t delay_us);   /* once; a running timer is set anew. 0: the next turn */
void timer_stop(struct timer *timer); /* idempotent; accepts a zeroed timer */
bool timer_active(const struct timer *timer);

#endif
