#ifndef TI_BASE_BACKOFF_H
#define TI_BASE_BACKOFF_H

/*
 * Exponential backoff with jitter, as client-go's: the delay doubles from min to max, each is stretched by a
 * random share of itself up to `jitter`, and it starts over once nothing has failed for `reset_us`.
 */

#include <stdint.h>

#include "base/loop.h"

struct backoff {
    int64_t min_us, max_us, reset_us;
    double jitter; /* 1.0: up to twice the delay */
    int64_t next_us;
    int64_t last_us;
};

void backoff_init(struct backoff *backoff, int64_t min_us, int64_t max_us, int64_t reset_us, double jitter);
int64_t backoff_next(struct backoff *backoff, struct loop *loop); /* the delay to wait now */
void backoff_reset(struct backoff *backoff);

#endif
