#ifndef TI_APISERVER_SCALE_H
#define TI_APISERVER_SCALE_H

/* The scale subresource: autoscaling/v1 Scale, a view of an object's replicas. Where those are in a custom
 * object, its definition says. */

#include "apiserver/view.h"
#include "apiserver/write.h"

#define SCALE_PATH_MAX 256

/* "spec.replicas"; "" where there is none. */
struct scale_paths {
    char replicas[SCALE_PATH_MAX], scaled[SCALE_PATH_MAX];
    char selector[SCALE_PATH_MAX]; /* of built-in kinds it is of labels, else a text */
    bool custom;
};

/* cluster: that has the object; "" or NULL where there is one only. False where it is not known. */
bool scale_find(const struct apiserver *server, const char *cluster, const struct resource *resource,
                struct scale_paths *out);

/* Whether a CustomResourceDefinition says where the replicas are, as it has to where it has a scale. 0, or an
 * HTTP code with the write's status set. */
int scale_admit(const struct write *write, const cJSON *definition);

/* As it is served here: one line. */
void scale_print(const struct item *item, const struct scale_paths *paths, struct buf *out);

/* The Scale of an object, as a tree. */
cJSON *scale_of(const struct object *object, const struct scale_paths *paths);

/* Has it one? 0, or an HTTP code with status set. */
int scale_check(const struct scale_paths *paths, const struct object *object, struct status *status);

/* Writes spec.replicas of a Scale into the object it is of. */
int scale_write(struct write *write, const struct scale_paths *paths, const cJSON *scale);

#endif
