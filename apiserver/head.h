#ifndef TI_APISERVER_HEAD_H
#define TI_APISERVER_HEAD_H

/*
 * The head of a request, as strictly as RFC 9112 has it. libmicrohttpd lets pass what two servers in a row
 * may read in two ways, and who comes through a proxy could hide one request in another: lengths that
 * contradict each other, names with a space behind them, a header twice of which there is one.
 */

#include <microhttpd.h>
#include <stddef.h>

#include "apiserver/status.h"

/* 0, or an HTTP code with status set. version: "HTTP/1.1"; body_limit: bytes. */
int head_check(struct MHD_Connection *connection, const char *version, size_t body_limit,
               struct status *status);

#endif
