#ifndef TI_KUBE_CREDENTIALS_H
#define TI_KUBE_CREDENTIALS_H

/*
 * Who we are with the next request. Credentials age while a program runs: token files are re-read, exec
 * plugins run again when what they gave expires or is refused, certificate files are read again when they
 * change. Each change is a new generation, so that a 401 for an old one is known to be out of date.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"
#include "kube/kubeconfig.h"

struct credentials;

/* What credentials_check() found. */
enum credentials_state {
    CREDENTIALS_READY,
    CREDENTIALS_PENDING, /* a plugin is running; settled() will be called */
    CREDENTIALS_FAILED,  /* credentials_reason() says why */
};

/* The plugin has answered or failed: check again. Called from the loop. */
typedef void credentials_settled(void *arg);

/* config is borrowed and its certificates are kept fresh in place. */
struct credentials *credentials_create(struct loop *loop, struct log *log, struct kubeconfig *config,
                                       credentials_settled *settled, void *arg);
void credentials_destroy(struct credentials *credentials); /* ends a running plugin; accepts NULL */

/* Before each request. Cheap while nothing has changed. */
enum credentials_state credentials_check(struct credentials *credentials);
const char *credentials_reason(const struct credentials *credentials);

/* While CREDENTIALS_READY; borrowed until the next call on credentials. NULL or empty where there is none. */
const char *credentials_authorization(const struct credentials *credentials); /* "Bearer …", "Basic …" */
const struct buf *credentials_certificate(const struct credentials *credentials);
const struct buf *credentials_key(const struct credentials *credentials);
uint64_t credentials_generation(const struct credentials *credentials);

/* The API server took a request with that generation: it knows us. */
void credentials_accepted(struct credentials *credentials, uint64_t generation);

/* The API server answered 401 to a request with that generation. True where asking again may help: check
 * again. */
bool credentials_refused(struct credentials *credentials, uint64_t generation);

#endif
