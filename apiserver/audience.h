#ifndef TI_APISERVER_AUDIENCE_H
#define TI_APISERVER_AUDIENCE_H

/*
 * Who waits for changes of something, and how they are told. They may be thousands: whoever makes a change
 * calls them all at once, at no cost, and a herald tells them in turns of the loop of its own, so many at a
 * time, in the order in which they were called. Who was called waits no more: it is told once, however much
 * changes until then, and joins again when it wants to hear of more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct audience;

/* Zeroed but for the first two, it waits for nothing. */
struct waiter {
    void (*told)(void *arg, uint64_t since); /* it has left the audience, and may join again; since: below */
    void *arg;
    struct audience *audience; /* NULL: it waits for nothing */
    uint64_t joined;           /* so many calls were made before */
    struct waiter *prev, *next;
};

struct audience {
    struct herald *herald;
    struct waiter *waiting;       /* not called yet */
    size_t waiters, called;       /* how many those are; and those that stand in the herald's line */
    uint64_t calls, called_since; /* made so far; the first of those that somebody has not been told of */
};

struct herald {
    struct timer timer;
    struct waiter *line; /* called, and to be told */
};

void herald_init(struct herald *herald, struct loop *loop);
void herald_deinit(struct herald *herald); /* nobody may wait any more */

void audience_init(struct audience *audience, struct herald *herald);
/* With the number of the change; those only rise. */
void audience_call(struct audience *audience, uint64_t change);

void audience_join(struct audience *audience, struct waiter *waiter); /* nothing where it is in there */
void audience_leave(struct waiter *waiter);                           /* idempotent */
/* The first change that was made while it waited, or one before: UINT64_MAX where there was none. 0 where it
 * is in no audience. */
uint64_t waiter_called_since(const struct waiter *waiter);

#endif
