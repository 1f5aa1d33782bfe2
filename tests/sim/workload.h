#ifndef TI_TESTS_SIM_WORKLOAD_H
#define TI_TESTS_SIM_WORKLOAD_H

/*
 * The workloads of the way down: Deployments web-0 … web-5, in a namespace of the source for each cluster.
 * Each state of one has a token, a number that is given once, where its image would be: so an object on a
 * cluster says which state it is of.
 */

#include "base/object.h"

#define REGIONS 3
#define NAMES 6

/* "cluster2/web-3" → 1 and 3. */
bool workload_key(struct slice key, int *region, int *name);
uint64_t workload_token(const struct object *object); /* 0: none */
bool workload_selected(const struct object *object);  /* it is to go down */

/* At the source; yours to free. */
char *workload_json(int region, int name, uint64_t token, bool chosen);

#endif
