#ifndef TI_BASE_ALLOWANCE_H
#define TI_BASE_ALLOWANCE_H

/*
 * How often something may be done: `burst` times at once, and one more every `interval_us`. A token bucket,
 * held as the time at which it is full again; zeroed it is full. With a burst of 1 it is how often something
 * is said.
 */

#include <stdbool.h>
#include <stdint.h>

struct allowance {
    int64_t full_us;
};

/* Takes so much of it. False where less is left: nothing is taken then. */
static inline bool allowance_take_some(struct allowance *allowance, int64_t now_us, int64_t interval_us,
                                       int64_t burst, int64_t count)
{
    int64_t full_us = allowance->full_us > now_us ? allowance->full_us : now_us;
    if (full_us - now_us > (burst - count) * interval_us)
        return false;
    allowance->full_us = full_us + count * interval_us;
    return true;
}

static inline bool allowance_take(struct allowance *allowance, int64_t now_us, int64_t interval_us,
                                  int64_t burst)
{
    return allowance_take_some(allowance, now_us, interval_us, burst, 1);
}

#endif
