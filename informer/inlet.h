#ifndef TI_INFORMER_INLET_H
#define TI_INFORMER_INLET_H

/* An informer on its connections to the broker: passes on what happens there. */

#include "informer/informer.h"
#include "transport/connection.h"

/* Makes the informer and adds it to the connections, which must not be started yet. transfers: for what
 * informer_options says; NULL: none. */
struct informer *inlet_create(struct loop *loop, struct connection *connection, struct connection *transfers,
                              const struct informer_options *options, const struct informer_ops *ops,
                              void *arg);

/* A program's: connections of its own, and the informer on them. */
struct inlet {
    struct connection *connection, *transfers;
    struct informer *informer;
};

/* Nothing is started yet. 0; EX_USAGE with the option at fault in err. */
int inlet_open(struct inlet *inlet, struct loop *loop, const struct broker_options *broker,
               const struct informer_options *options, const struct informer_ops *ops, void *arg,
               struct error *err);
void inlet_start(struct inlet *inlet);
void inlet_counters(const struct inlet *inlet, struct counters *out);
bool inlet_metrics(const struct inlet *inlet, struct metrics *out, size_t part); /* as informer_metrics() */
void inlet_ready(const struct inlet *inlet, struct checks *out);
/* Nothing is of interest any more; sends what was published. A zeroed one is fine. */
void inlet_close(struct inlet *inlet);

#endif
