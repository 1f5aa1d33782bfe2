#ifndef TI_HUB_STATE_H
#define TI_HUB_STATE_H

/*
 * What a hub keeps between its runs, in a directory that is its own: the token and the certificate that its
 * clients know it by, so that a restart asks none of them to log in anew.
 */

#include "base/buf.h"
#include "base/error.h"

/* given: --state-dir; NULL: the service's (STATE_DIRECTORY), /var/lib/transport-informer for root, or else
 * ~/.local/state/transport-informer. Makes it where it is missing, for this user alone. *path is the
 * caller's. 0, EX_CANTCREAT, EX_CONFIG. */
int state_open(const char *given, char **path, struct error *err);

/* Read, or made at the first time (and a certificate that does not fit any more, anew). 0, EX_NOINPUT,
 * EX_CONFIG, EX_CANTCREAT, EX_SOFTWARE. */
int state_token(const char *path, struct buf *token, struct error *err);
int state_certificate(const char *path, const char *host, struct buf *certificate, struct buf *key,
                      struct error *err);

/* A whole file, of 1 MiB at most. 0, EX_NOINPUT. */
int state_read(const char *path, struct buf *out, struct error *err);

#endif
