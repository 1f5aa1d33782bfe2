#ifndef TI_PROVIDER_OUTLET_H
#define TI_PROVIDER_OUTLET_H

/*
 * A publisher with its connection to the broker, whose last will is the publisher's. What else speaks over
 * the same connection (an agent's informer) adds itself before the start.
 */

#include "provider/publisher.h"
#include "transport/connection.h"

struct outlet_config {
    struct loop *loop; /* borrowed, as all that follows */
    struct log *log;
    const struct broker_options *broker;
    const struct topics *topics;
    const char *name;
    int64_t heartbeat_us;            /* 0: the publisher's default */
    const struct publisher_ops *ops; /* may be NULL */
    void *arg;                       /* of ops */
};

struct outlet {
    struct connection *connection; /* owned */
    struct publisher *publisher;   /* owned */
};

/* 0; EX_USAGE with the option at fault in err. */
int outlet_open(struct outlet *outlet, const struct outlet_config *config, struct error *err);

/* For a graceful end, before outlet_close(): says that this provider is gone, on purpose. */
void outlet_farewell(struct outlet *outlet);

/* Ends the publisher, then waits (2 s at most) until what it said has reached the broker. A zeroed one is
 * fine. */
void outlet_close(struct outlet *outlet);

#endif
