#ifndef TI_APISERVER_KEYPAIR_H
#define TI_APISERVER_KEYPAIR_H

/*
 * What a server shows of itself over TLS: its certificate, those that lead from there to one that clients
 * know, and its key, as the TLS library takes them. It never changes; another one may be shown to those who
 * come later, so each connection keeps the one that it was shown.
 */

#include <gnutls/abstract.h>

#include "base/error.h"

struct keypair;

/* Both PEM; certificates may follow the first, in any order. 0, EX_CONFIG. */
int keypair_create(const char *certificates, const char *key, struct keypair **out, struct error *err);
struct keypair *keypair_ref(struct keypair *pair);
void keypair_unref(struct keypair *pair); /* NULL is fine */

/* As a callback of GnuTLS gives them; borrowed. */
void keypair_show(struct keypair *pair, gnutls_pcert_st **certificates, unsigned *count,
                  gnutls_privkey_t *key);

#endif
