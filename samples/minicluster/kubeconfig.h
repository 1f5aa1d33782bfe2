#ifndef TI_SAMPLES_MINICLUSTER_KUBECONFIG_H
#define TI_SAMPLES_MINICLUSTER_KUBECONFIG_H

#include "base/error.h"

/* Writes a kubeconfig for a server on plain http, so that whoever waits for the file finds it whole or not at
 * all. 0, or EX_CANTCREAT with err set. */
int kubeconfig_write(const char *path, const char *server_url, const char *name, struct error *err);

#endif
