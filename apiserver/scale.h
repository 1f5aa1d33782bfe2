#ifndef TI_APISERVER_SCALE_H
#define TI_APISERVER_SCALE_H

/* The scale subresource: autoscaling/v1 Scale, a view of an object's replicas. */

#include "apiserver/write.h"

void scale_print(const struct object *object, struct buf *out); /* one line */

/* The Scale of an object, as a tree. */
cJSON *scale_of(const struct object *object);

/* Writes spec.replicas of a Scale into the object it is of. */
int scale_write(struct write *write, const cJSON *scale);

#endif
