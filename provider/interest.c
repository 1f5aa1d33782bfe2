#include "provider/interest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "transport/topics.h"

struct lease {
    char informer[TOPICS_PARTICIPANT_MAX + 1];
    int64_t until_us;
};

static struct lease *lease_find(const struct interest *interest, const char *informer)
{
    for (size_t i = 0; i < interest->count; i++)
        if (strcmp(interest->leases[i].informer, informer) == 0)
            return &interest->leases[i];
    return NULL;
}

/* The one that ends first; there is one. */
static struct lease *lease_first(const struct interest *interest)
{
    struct lease *first = &interest->leases[0];
    for (size_t i = 1; i < interest->count; i++)
        if (interest->leases[i].until_us < first->until_us)
            first = &interest->leases[i];
    return first;
}

static int64_t last_us(const struct interest *interest)
{
    int64_t last = 0;
    for (size_t i = 0; i < interest->count; i++)
        if (interest->leases[i].until_us > last)
            last = interest->leases[i].until_us;
    return last;
}

static void forget_lapsed(struct interest *interest)
{
    int64_t now = loop_now_us(interest->loop);
    for (size_t i = interest->count; i-- > 0;)
        if (interest->leases[i].until_us <= now)
            interest->leases[i] = interest->leases[--interest->count];
}

static void update(struct interest *interest)
{
    forget_lapsed(interest);
    bool wanted = interest->count > 0, changed = wanted != interest->wanted;
    interest->wanted = wanted;
    if (wanted)
        timer_start(&interest->lapse, last_us(interest) - loop_now_us(interest->loop));
    if (changed)
        interest->changed(interest->arg, wanted);
}

static void on_lapse(void *arg)
{
    update(arg);
}

static void lease_put(struct interest *interest, const char *informer, int64_t until_us)
{
    struct lease *lease = lease_find(interest, informer);
    if (!lease && interest->count < INTEREST_INFORMERS_MAX) {
        interest->leases = mem_realloc(interest->leases, (interest->count + 1) * sizeof(*lease));
        lease = &interest->leases[interest->count++];
    } else if (!lease && lease_first(interest)->until_us < until_us) {
        lease = lease_first(interest);
    }
    if (!lease)
        return;
    snprintf(lease->informer, sizeof(lease->informer), "%s", informer);
    lease->until_us = until_us;
}

static void lease_shorten(struct interest *interest, const char *informer, int64_t until_us)
{
    struct lease *lease = lease_find(interest, informer);
    if (lease && lease->until_us > until_us)
        lease->until_us = until_us;
}

void interest_want(struct interest *interest, const char *informer, int64_t lease_us)
{
    int64_t now = loop_now_us(interest->loop);
    if (lease_us > INTEREST_LEASE_MAX_US)
        lease_us = INTEREST_LEASE_MAX_US;
    forget_lapsed(interest);
    if (lease_us > 0)
        lease_put(interest, informer, now + lease_us);
    else
        lease_shorten(interest, informer, now + INTEREST_LINGER_US);
    update(interest);
}

int64_t interest_left_us(const struct interest *interest)
{
    int64_t left = last_us(interest) - loop_now_us(interest->loop);
    return left > 0 ? left : 0;
}

void interest_init(struct interest *interest, struct loop *loop, void (*changed)(void *arg, bool wanted),
                   void *arg)
{
    *interest = (struct interest){.loop = loop, .changed = changed, .arg = arg};
    timer_init(&interest->lapse, loop, on_lapse, interest);
}

void interest_deinit(struct interest *interest)
{
    timer_stop(&interest->lapse);
    free(interest->leases);
    interest->leases = NULL;
    interest->count = 0;
}
