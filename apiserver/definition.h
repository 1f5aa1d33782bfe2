#ifndef TI_APISERVER_DEFINITION_H
#define TI_APISERVER_DEFINITION_H

/*
 * What the CustomResourceDefinition of a resource says about it, looked up when it is asked for: so it is
 * never out of date, whether definitions are written here or come with a cluster of a fleet.
 */

#include "apiserver/server_internal.h"

/* The version of that definition under which the resource is served: an element of `spec.versions`. Of the
 * request's cluster where that tells its definitions, else of the first cluster that has it; data NULL where
 * none has. Borrowed until the loop runs on. */
struct slice definition_version(const struct exchange *exchange, const struct resource *resource);
/* Of a cluster of that name, in the same way; NULL: of none in particular. */
struct slice definition_version_of(const struct apiserver *server, const char *cluster,
                                   const struct resource *resource);

#endif
