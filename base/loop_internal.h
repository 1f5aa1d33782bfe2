#ifndef TI_BASE_LOOP_INTERNAL_H
#define TI_BASE_LOOP_INTERNAL_H

#include "base/loop.h"

/* What the two loops do differently. */
struct loop_ops {
    int64_t (*now_us)(struct loop *loop);
    int64_t (*wall_us)(struct loop *loop);
    void (*timers_changed)(struct loop *loop); /* the earliest timer is another one now */
    bool (*step)(struct loop *loop);
    void (*run)(struct loop *loop);
    void (*stop)(struct loop *loop);
    struct uv_loop_s *(*uv)(struct loop *loop);
    void (*destroy)(struct loop *loop);
};

/* Embedded first by both. The heap holds running timers, earliest first, from slot 1. */
struct loop {
    const struct loop_ops *ops;
    struct timer **heap;
    size_t count, cap;
    uint64_t order;
    uint64_t random_state;
    struct loop_stats stats;
    size_t held;      /* by what has not ended yet */
    int64_t bound_us; /* 0: nobody watches */
    void (*stalled)(void *arg, int64_t us);
    void *stalled_arg;
};

void loop_base_init(struct loop *loop, const struct loop_ops *ops, uint64_t seed);
void loop_base_deinit(struct loop *loop);
int64_t loop_next_due_us(const struct loop *loop); /* INT64_MAX where no timer runs */

/* Fires what is due at now_us; timers started meanwhile wait for the next call. True if one fired. */
bool loop_fire_due(struct loop *loop, int64_t now_us);

#endif
