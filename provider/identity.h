#ifndef TI_PROVIDER_IDENTITY_H
#define TI_PROVIDER_IDENTITY_H

/*
 * Which cluster this is: the uid of its namespace kube-system, which lasts as long as the cluster, and the
 * version of Kubernetes that it runs. Asked until there is an answer; nothing must be announced before, since
 * informers take a provider with another uid for another cluster. "Forbidden" is an answer as well: the uid
 * is "" then, and a reused name cannot be told from the old cluster.
 */

#include "base/log.h"
#include "base/loop.h"
#include "kube/rest.h"

struct identity;

/* Asks at once. known comes once; it may destroy nothing. */
struct identity *identity_create(struct loop *loop, struct rest *rest, struct log *log,
                                 void (*known)(void *arg, const char *uid, const char *version), void *arg);
void identity_destroy(struct identity *identity); /* NULL is fine */

#endif
