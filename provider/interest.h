#ifndef TI_PROVIDER_INTEREST_H
#define TI_PROVIDER_INTEREST_H

/*
 * Who wants a stream, and for how long yet. Each informer has a lease of its own, so that one which leaves
 * takes only its own away; the stream's lease is the longest of them, and the one that is told, so that one
 * renewal serves all.
 *
 * What is no longer wanted stays of interest for another minute: what is stopped is often started again, and
 * to begin anew is a list for the API server.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

#define INTEREST_INFORMERS_MAX 64 /* of one stream; where there are more, those whose leases end last */
#define INTEREST_LEASE_MAX_US (3600 * LOOP_SECOND)
#define INTEREST_LINGER_US                                                                                   \
    (60 * LOOP_SECOND) /* after the last informer has said that it wants it no more                          \
                        */

struct lease;

struct interest {
    struct loop *loop; /* borrowed */
    /* Somebody wants it, where nobody did (from interest_want()), or the last lease has lapsed (from the
     * loop). */
    void (*changed)(void *arg, bool wanted);
    void *arg;
    struct lease *leases;
    size_t count;
    struct timer lapse;
    bool wanted;
};

void interest_init(struct interest *interest, struct loop *loop, void (*changed)(void *arg, bool wanted),
                   void *arg);
void interest_deinit(struct interest *interest);

/* lease_us: from now on; 0: no longer. Longer ones than the maximum are cut to it. */
void interest_want(struct interest *interest, const char *informer, int64_t lease_us);

int64_t interest_left_us(const struct interest *interest); /* of the longest lease; 0: nobody wants it */

#endif
