#ifndef TI_KUBE_HTTP_H
#define TI_KUBE_HTTP_H

/*
 * A struct rest that speaks to a real API server: HTTP/2 over TLS where the server offers it, HTTP/1.1
 * otherwise, with the identity and trust of one kubeconfig context. Answers stream; nothing is buffered. A
 * 401 is answered by fresh credentials and one more try, before the caller sees anything of it. Redirects are
 * not followed.
 *
 * Dead connections: TCP keepalive and a bound on unacknowledged data find a peer that has vanished within 45
 * s, whatever the request; a peer that is there but silent is the business of idle_timeout_ms. Requests that
 * are started after such a timeout go over new connections.
 */

#include "base/log.h"
#include "base/loop.h"
#include "kube/kubeconfig.h"
#include "kube/rest.h"

struct http;

/* Takes config. SIGPIPE must be ignored in the process, for TLS writes to sockets as they are. loop must be a
 * real one; log may be NULL. */
struct http *http_create(struct loop *loop, struct log *log, struct kubeconfig *config);

/* Calls that are under way end without a callback. Not from within a callback. Accepts NULL. */
void http_destroy(struct http *http);

struct rest *http_rest(struct http *http);
const struct kubeconfig *http_config(const struct http *http);

#endif
