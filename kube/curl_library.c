/*
 * A distribution's libcurl speaks LDAP, RTMP and more, and brings the libraries of these along. GnuTLS is one
 * that sets itself up as soon as it is loaded, which is 0.8 MB of resident memory for nothing: we speak HTTP,
 * with the TLS that libcurl itself was built with. It leaves that to its first user where the program has the
 * function below. A libcurl that is built with GnuTLS is such a user, and so is libmicrohttpd, in a hub.
 */
#include "kube/curl_library.h"

#include <curl/curl.h>

/* As in <gnutls/gnutls.h>, GNUTLS_SKIP_GLOBAL_INIT; that header is not needed otherwise. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

void curl_library_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void curl_library_deinit(void)
{
    curl_global_cleanup();
}
