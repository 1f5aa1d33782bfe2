#ifndef TI_APISERVER_CERTIFICATE_H
#define TI_APISERVER_CERTIFICATE_H

/*
 * A certificate that vouches for itself (P-256, ten years), for a server on this machine: it names localhost,
 * the loopback's addresses, the host's name and what is given. Clients know it by having it: it stands in the
 * kubeconfig.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

/* host: a name or an address; "" or one that is named anyway is fine. Both PEM. 0, EX_SOFTWARE. */
int certificate_make(const char *host, struct buf *certificate, struct buf *key, struct error *err);

/* Whether a certificate in PEM is of that key, is still valid so long from now, and names that host. */
bool certificate_fits(const char *certificate, const char *key, const char *host, long valid_s);

#endif
