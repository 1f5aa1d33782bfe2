#ifndef TI_PROVIDER_PROVIDER_H
#define TI_PROVIDER_PROVIDER_H

/*
 * All that is mirrored of one cluster: finds out which resources the API server offers, makes a feed for each
 * that is wanted, and says when all of them are there or known not to be had.
 *
 * What is wanted is spelled as for kubectl. A name that the API server does not know is said once, with near
 * names, and looked for again now and then: a CustomResourceDefinition may come later. It is no reason to
 * end, even where nothing that was named is known: the provider of a cluster that is still being set up must
 * come to life by itself. Where definitions are shared, one that changes has discovery asked at once; in any
 * case it is asked every ten minutes, since what is there may be called otherwise.
 *
 * Of a stream that an informer still has and that is not there any more it finds out why: the API has no such
 * resource, or it is no longer among what is shared (provider/absence.h).
 *
 * A state machine over struct rest and struct loop.
 */

#include "base/checks.h"
#include "kube/cluster_options.h"
#include "provider/publisher.h"

struct rest;

struct provider_config {
    struct loop *loop; /* borrowed, as all of it is, for the provider's life */
    struct rest *rest;
    struct publisher *publisher;
    struct log *log;     /* may be NULL */
    struct attic *attic; /* where objects are kept; may be NULL */
    const struct selection_options *selection;
};

struct provider;

/* What the table of options cannot say: label selector and fields to cut are what they should be. 0,
 * EX_USAGE. */
int provider_check(const struct selection_options *selection, struct error *err);

/* Starts at once. */
struct provider *provider_create(const struct provider_config *config);
/* After the publisher, which borrows the stores. NULL is fine. */
void provider_destroy(struct provider *provider);

/* As identity.h tells it. */
void provider_silent(struct provider *provider, bool silent);
/* For publisher_ops.absent. */
int provider_absent(struct provider *provider, const char *audience, const struct gvr *gvr);

/* cluster: under which name it is published. */
void provider_metrics(const struct provider *provider, const char *cluster, struct metrics *out);
/* It is known what there is to be had, and what somebody wants of it is listed, or known not to be had. */
void provider_ready(const struct provider *provider, struct checks *out);

size_t provider_feeds(const struct provider *provider); /* how many resources are fed */

#endif
