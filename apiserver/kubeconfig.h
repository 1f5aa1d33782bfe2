#ifndef TI_APISERVER_KUBECONFIG_H
#define TI_APISERVER_KUBECONFIG_H

#include <stddef.h>

#include "base/error.h"

/* How one server is reached, for kubectl. */
struct kubeconfig_entry {
    const char *name;   /* of cluster, context and user */
    const char *url;    /* of the server */
    const char *ca_pem; /* by which its certificate is known; NULL on plain http */
    const char *token;  /* NULL: none is needed */
};

/* Writes a file with a context for each; the first is the current one. Whoever waits for the file finds it
 * whole or not at all; nobody else may read it. 0, or EX_CANTCREAT. */
int kubeconfig_write(const char *path, const struct kubeconfig_entry *entries, size_t count,
                     struct error *err);

#endif
