#ifndef TI_KUBE_EXEC_CREDENTIAL_H
#define TI_KUBE_EXEC_CREDENTIAL_H

/*
 * The ExecCredential, in which a credential plugin is told what is wanted (environment KUBERNETES_EXEC_INFO)
 * and answers with who we are (on its stdout).
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/kubeconfig.h"

struct exec_credential {
    char *token;             /* NULL where the plugin gives a certificate only */
    char *certificate, *key; /* PEM; both or none */
    int64_t expires;         /* seconds since 1970; 0: not said */
};

void exec_credential_deinit(struct exec_credential *credential);

/* api_version: the one that the kubeconfig asks for. 0, or EX_CONFIG with err. */
int exec_credential_parse(const char *json, size_t len, const char *api_version, struct exec_credential *out,
                          struct error *err);

/* The value of KUBERNETES_EXEC_INFO. Yours to free. */
char *exec_credential_request(const struct kubeconfig_exec *exec);

/* RFC 3339, as Go writes it. 0, or 1 where it is none. */
int rfc3339_parse(const char *text, int64_t *seconds);

#endif
