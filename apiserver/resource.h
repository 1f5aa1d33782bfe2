#ifndef TI_APISERVER_RESOURCE_H
#define TI_APISERVER_RESOURCE_H

/*
 * What is served: one row per resource, built in or made from a CustomResourceDefinition. Plain data; the
 * behaviour that depends on it reads these fields.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/gvr.h"

struct table;

enum resource_flags {
    RESOURCE_NAMESPACED = 1 << 0,
    RESOURCE_STATUS = 1 << 1,      /* has the status subresource: a plain write does not change status */
    RESOURCE_SCALE = 1 << 2,       /* has the scale subresource */
    RESOURCE_GENERATION = 1 << 3,  /* metadata.generation counts the changes of spec */
    RESOURCE_CUSTOM = 1 << 4,      /* of a CustomResourceDefinition */
    RESOURCE_LABEL_NAMES = 1 << 5, /* names are DNS labels, not subdomains */
    RESOURCE_READ_ONLY = 1 << 6,   /* what it holds comes from elsewhere: nobody writes it here */
    RESOURCE_HUB = 1 << 7,         /* in a fleet: of the hub itself, and of no cluster */
};

struct resource {
    struct gvr gvr;
    char kind[64];
    char list_kind[72];
    char singular[64];
    char short_names[64]; /* space separated */
    char category[64];    /* "all"; space separated, too */
    unsigned flags;
    const struct table *table; /* columns of its own; NULL: those of base/table.h */
    const char *schema;        /* its OpenAPI schema, for 'kubectl explain'; NULL: its definition's, if any */
};

/* The built-in resources, ended by one without a kind. */
extern const struct resource builtin_resources[];
const struct resource *resource_built_in(const struct gvr *gvr); /* NULL where it is not */

bool resource_namespaced(const struct resource *resource);

/* name: "status", "scale", "finalize"; "" is the resource itself. */
bool resource_has_subresource(const struct resource *resource, const char *name);

/* "v1" or "apps/v1". out has 320 bytes; returns out. */
const char *resource_api_version(const struct resource *resource, char *out);

/* "pods", "deployments.apps". out has GVR_TEXT_MAX bytes. */
const char *resource_qualified(const struct resource *resource, char *out);

#endif
