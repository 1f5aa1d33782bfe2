#ifndef TI_TESTS_SIM_OUTLET_H
#define TI_TESTS_SIM_OUTLET_H

#include "provider/outlet.h"
#include "tests/sim/world.h"

/* Opens what a provider speaks through, with the will that it has; not started yet. The transport is the
 * connection's, for those who want to hurt it. */
struct transport *outlet_over_loopback(struct world *world, const char *name, const struct publisher_ops *ops,
                                       void *arg, struct outlet *outlet);

#endif
