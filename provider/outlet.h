#ifndef TI_PROVIDER_OUTLET_H
#define TI_PROVIDER_OUTLET_H

/*
 * A publisher with its connection to the broker, whose last will is the publisher's. What else speaks over
 * the same connection (an agent's informer) adds itself before the start.
 */

#include "provider/publisher.h"
#include "transport/connection.h"

struct outlet {
    struct connection *connection; /* owned */
    struct publisher *publisher;   /* owned */
};

/* ops may be NULL. 0; EX_USAGE with the option at fault in err. */
int outlet_open(struct outlet *outlet, struct loop *loop, struct log *log,
                const struct broker_options *options, const struct topics *topics, const char *name,
                const struct publisher_ops *ops, void *arg, struct error *err);

/* For a graceful end, before outlet_close(): says that this provider is gone, on purpose. */
void outlet_farewell(struct outlet *outlet);

/* Ends the publisher, then waits (2 s at most) until what it said has reached the broker. A zeroed one is
 * fine. */
void outlet_close(struct outlet *outlet);

#endif
