#include "apiserver/audience.h"

#include <utlist.h>

#define TOLD_MAX 512 /* in one turn of the loop, */
#define TOLD_US (LOOP_MS / 2)

static bool was_called(const struct waiter *waiter)
{
    return waiter->joined != waiter->audience->calls;
}

static void tell_first(struct herald *herald)
{
    struct waiter *waiter = herald->line;
    uint64_t since = waiter_called_since(waiter);
    audience_leave(waiter);
    waiter->told(waiter->arg, since);
}

static void on_timer(void *arg)
{
    struct herald *herald = arg;
    int64_t end_us = loop_now_us(herald->timer.loop) + TOLD_US;
    for (int i = 0; i < TOLD_MAX && herald->line && loop_now_us(herald->timer.loop) <= end_us; i++)
        tell_first(herald);
    if (herald->line)
        timer_start(&herald->timer, 0);
}

void herald_init(struct herald *herald, struct loop *loop)
{
    herald->line = NULL;
    timer_init(&herald->timer, loop, on_timer, herald);
}

void herald_deinit(struct herald *herald)
{
    timer_stop(&herald->timer);
}

void audience_init(struct audience *audience, struct herald *herald)
{
    *audience = (struct audience){.herald = herald};
}

void audience_call(struct audience *audience, uint64_t change)
{
    struct herald *herald = audience->herald;
    if (!audience->waiting)
        return;
    if (!audience->called)
        audience->called_since = change;
    if (!herald->line)
        timer_start(&herald->timer, 0);
    DL_CONCAT(herald->line, audience->waiting);
    audience->waiting = NULL;
    audience->called += audience->waiters;
    audience->waiters = 0;
    audience->calls++;
}

void audience_join(struct audience *audience, struct waiter *waiter)
{
    if (waiter->audience)
        return;
    waiter->audience = audience;
    waiter->joined = audience->calls;
    audience->waiters++;
    DL_APPEND(audience->waiting, waiter);
}

void audience_leave(struct waiter *waiter)
{
    struct audience *audience = waiter->audience;
    if (!audience)
        return;
    if (was_called(waiter)) {
        DL_DELETE(audience->herald->line, waiter);
        audience->called--;
    } else {
        DL_DELETE(audience->waiting, waiter);
        audience->waiters--;
    }
    waiter->audience = NULL;
}

uint64_t waiter_called_since(const struct waiter *waiter)
{
    if (!waiter->audience)
        return 0;
    return was_called(waiter) ? waiter->audience->called_since : UINT64_MAX;
}
