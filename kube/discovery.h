#ifndef TI_KUBE_DISCOVERY_H
#define TI_KUBE_DISCOVERY_H

/*
 * Asks an API server what it offers, and knows what people mean by "deploy" there. Two requests suffice where
 * the server has aggregated discovery (Kubernetes 1.26), one more for each group version where not. A group
 * whose own API server does not answer is noted and what was known of it is kept; the rest goes on.
 *
 * Resources may appear later (CustomResourceDefinitions): while a caller lacks one, it refreshes now and
 * then.
 */

#include "kube/api_table.h"
#include "kube/status.h"

struct discovery;

/* A refresh has ended. status is that of the request that failed, and what was known before stays known; or
 * OUTCOME_OK. May call discovery_refresh() and discovery_clear(), not discovery_destroy(). */
typedef void discovery_done(void *arg, const struct status *status);

struct discovery *discovery_create(struct rest *rest, discovery_done *done, void *arg);
void discovery_destroy(struct discovery *discovery); /* NULL is fine; no callback after it */

void discovery_refresh(struct discovery *discovery); /* nothing where one is under way */

/* What the last refresh has found; empty before. */
const struct api_table *discovery_table(const struct discovery *discovery);

/* Forgets it, where nothing more is to be resolved. */
void discovery_clear(struct discovery *discovery);

#endif
