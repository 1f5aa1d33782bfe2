#ifndef TI_APISERVER_SCHEMA_H
#define TI_APISERVER_SCHEMA_H

/*
 * The structural schema of a custom resource (openAPIV3Schema of its definition), as far as it shapes
 * objects: fields that it does not have are pruned, defaults are put in, and values are held to type,
 * required, enum, bounds and lengths. Not looked at: patterns, formats, allOf and the like, and rules in CEL.
 */

#include "apiserver/tree.h"

/* Takes out of an object what the schema does not have, and tells of each field: "spec.list[0].extra".
 * apiVersion, kind and metadata of the object itself are no business of the schema's. */
void schema_prune(const cJSON *schema, cJSON *object, void (*unknown)(void *arg, const char *path),
                  void *arg);
/* Puts in what is left out; a null that may not be is left out, too. */
void schema_default(const cJSON *schema, cJSON *object);

struct schema_fault {
    const char *reason; /* as of a Status' cause */
    const char *path, *message;
};
void schema_check(const cJSON *schema, const cJSON *object,
                  void (*fault)(void *arg, const struct schema_fault *fault), void *arg);

#endif
