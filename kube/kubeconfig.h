#ifndef TI_KUBE_KUBECONFIG_H
#define TI_KUBE_KUBECONFIG_H

/*
 * Which cluster, and as whom: what a kubeconfig says, resolved to one context.
 *
 * Files are found as kubectl finds them: --kubeconfig alone; else every file of $KUBECONFIG (missing ones are
 * skipped; the first file that has a cluster, user or context of a name wins, and the first that sets
 * current-context); else
 * ~/.kube/config; else, inside a pod, the service account. Relative paths are relative to the file they stand
 * in.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "kube/pem.h"

/* user.exec: a program that prints credentials. */
struct kubeconfig_exec {
    char **argv;        /* NULL-terminated; never passed to a shell */
    char **env;         /* "NAME=value", NULL-terminated, added to the environment */
    char *api_version;  /* "client.authentication.k8s.io/v1" or …/v1beta1 */
    char *install_hint; /* may be NULL */
    char *cluster_info; /* spec.cluster of the ExecCredential, as JSON; NULL without provideClusterInfo */
};

struct kubeconfig {
    char *origin;     /* for people: context "kind" of /root/.kube/config */
    char *context;    /* its name; NULL in a pod */
    char *server;     /* "https://10.0.0.1:6443/prefix", no slash at the end */
    char *namespace_; /* NULL where the context names none */

    struct pem ca; /* not given: the system's authorities */
    bool insecure; /* the server's certificate is not verified */
    char *tls_server_name;
    char *proxy_url;
    bool disable_compression;

    struct pem client_cert, client_key;
    char *token;
    char *token_file; /* read again as it rotates; token is what it held first, or what stood beside it */
    char *username, *password;
    struct kubeconfig_exec *exec;

    char *as, *as_uid;
    char **as_groups; /* NULL-terminated, or NULL */
    char **as_extra;  /* key, value, key, value, …, NULL; or NULL */
};

struct kubeconfig_options {
    const char *path;                /* --kubeconfig; NULL: look as above */
    const char *context;             /* --context; NULL: current-context */
    const char *service_account_dir; /* NULL: /var/run/secrets/kubernetes.io/serviceaccount */
};

/* 0; EX_NOINPUT: a file that was named or is needed cannot be read; EX_CONFIG: not YAML, no such
 * context, a field of the wrong shape, an expired client certificate, …; err says which. *out is set on 0
 * only. */
int kubeconfig_load(const struct kubeconfig_options *options, struct kubeconfig **out, struct error *err);

/* The same for one kubeconfig in memory. path: what to call it, and where relative paths start. */
int kubeconfig_load_text(const char *path, const char *text, size_t len, const char *context,
                         struct kubeconfig **out, struct error *err);

void kubeconfig_destroy(struct kubeconfig *config);

#endif
