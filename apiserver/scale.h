#ifndef TI_APISERVER_SCALE_H
#define TI_APISERVER_SCALE_H

/* The scale subresource: autoscaling/v1 Scale, a view of an object's replicas. */

#include "apiserver/write.h"

void scale_print(const struct object *object, struct buf *out); /* one line */

/* The Scale of an object, as a tree. */
cJSON *scale_of(const struct object *object);

/* Has it one? 0, or an HTTP code with status set. */
int scale_check(const struct resource *resource, const struct object *object, struct status *status);

/* Writes spec.replicas of a Scale into the object it is of. */
int scale_write(struct write *write, const cJSON *scale);

#endif
