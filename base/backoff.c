#include "base/backoff.h"

void backoff_init(struct backoff *backoff, int64_t min_us, int64_t max_us, int64_t reset_us, double jitter)
{
    *backoff = (struct backoff){
        .min_us = min_us, .max_us = max_us, .reset_us = reset_us, .jitter = jitter, .next_us = min_us};
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_us = backoff->min_us;
}

int64_t backoff_next(struct backoff *backoff, struct loop *loop)
{
    int64_t now = loop_now_us(loop);
    if (backoff->last_us && now - backoff->last_us > backoff->reset_us)
        backoff_reset(backoff);
    backoff->last_us = now;

    int64_t delay = backoff->next_us;
    backoff->next_us = delay * 2 > backoff->max_us ? backoff->max_us : delay * 2;
    return delay + (int64_t)loop_random_below(loop, (uint64_t)((double)delay * backoff->jitter) + 1);
}
