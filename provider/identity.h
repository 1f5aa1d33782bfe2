#ifndef TI_PROVIDER_IDENTITY_H
#define TI_PROVIDER_IDENTITY_H

/*
 * Which cluster this is: the uid of its namespace kube-system, which lasts as long as the cluster, and the
 * version of Kubernetes that it runs. Asked until there is an answer; nothing must be announced before, since
 * informers take a provider with another uid for another cluster. "Forbidden" is an answer as well: the uid
 * is "" then, and a reused name cannot be told from the old cluster.
 *
 * Asked again now and then, and before what must not be done to the wrong cluster: another one may come to
 * answer under the same address.
 */

#include "base/log.h"
#include "base/loop.h"
#include "kube/rest.h"

/* None may destroy the identity. */
struct identity_ops {
    void (*known)(void *arg, const char *uid, const char *version); /* once */
    void (*confirmed)(void *arg); /* it is still that cluster; may be NULL */
    void (*replaced)(void *arg);  /* it is another one now; nothing comes after it */
    /* Once it is known: a question has been open for 10 s, or, where one was, the API server answers again. A
     * watch may say nothing for minutes, so it cannot tell. May be NULL */
    void (*silent)(void *arg, bool silent);
};

struct identity;

/* Asks at once. */
struct identity *identity_create(struct loop *loop, struct rest *rest, struct log *log,
                                 const struct identity_ops *ops, void *arg);
/* Once it is known: asks again, until there is an answer. */
void identity_confirm(struct identity *identity);
void identity_destroy(struct identity *identity); /* NULL is fine */

#endif
