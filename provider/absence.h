#ifndef TI_PROVIDER_ABSENCE_H
#define TI_PROVIDER_ABSENCE_H

/*
 * Why is there no such stream? An informer may still hold objects of one that ended while it, or the
 * provider, was away. That deletes them only on positive evidence, found out when somebody asks:
 *
 *  - gone: the API server was found twice, ten seconds apart, not to have the resource (kube/gone_check.h);
 *  - revoked: it offers the resource, and it is not among what the operator shares.
 *
 * Everything else is doubt, to which nothing is said. What was found out holds for some minutes, a doubt for
 * half of one; and no more than a few resources are asked for at a time, however many are named. Informers
 * ask again, so that nobody has to be remembered.
 */

#include <stdbool.h>

#include "base/gvr.h"
#include "base/loop.h"
#include "kube/rest.h"

struct absence;

/* loop and rest are borrowed. shared: may this resource be among what is shared, as far as is known? */
struct absence *absence_create(struct loop *loop, struct rest *rest,
                               bool (*shared)(void *arg, const struct gvr *gvr), void *arg);
void absence_destroy(struct absence *absence); /* NULL is fine */

/* An enum end_reason; 0: not known, or not yet. */
int absence_ask(struct absence *absence, const struct gvr *gvr);

#endif
