#ifndef TI_INFORMER_INLET_H
#define TI_INFORMER_INLET_H

/* An informer on a connection to the broker: passes on what happens there. */

#include "informer/informer.h"
#include "transport/connection.h"

/* Makes the informer and adds it to the connection, which must not be started yet. */
struct informer *inlet_create(struct loop *loop, struct connection *connection,
                              const struct informer_options *options, const struct informer_ops *ops,
                              void *arg);

#endif
