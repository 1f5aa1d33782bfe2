#ifndef TI_APISERVER_FRESHNESS_H
#define TI_APISERVER_FRESHNESS_H

/*
 * How fresh an answer of a fleet is, in a sentence for the Warning header, which kubectl prints: which
 * clusters in it are not known to be up to date, and which are not in it, since that resource is not mirrored
 * or they serve another version of it. Nothing is said where all is well.
 */

#include "apiserver/server_internal.h"

/* only: the answer is about that partition alone; NULL: about all. Fills exchange->warning. */
void freshness_warn(struct exchange *exchange, const struct collection *collection,
                    const struct partition *only);

#endif
