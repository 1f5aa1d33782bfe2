#ifndef TI_APISERVER_KUBECONFIG_H
#define TI_APISERVER_KUBECONFIG_H

#include "base/error.h"

/* How a server is reached, for kubectl. */
struct kubeconfig_out {
    const char *path;   /* of the file */
    const char *name;   /* of cluster, context and user in it */
    const char *url;    /* of the server */
    const char *ca_pem; /* by which its certificate is known; NULL on plain http */
    const char *token;  /* NULL: none is needed */
};

/* Whoever waits for the file finds it whole or not at all; nobody else may read it. 0, or EX_CANTCREAT. */
int kubeconfig_write(const struct kubeconfig_out *out, struct error *err);

#endif
