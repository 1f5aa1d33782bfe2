#ifndef TI_BASE_LISTEN_H
#define TI_BASE_LISTEN_H

/* A listening TCP socket, from what an option of the kind HOST:PORT gives. For a program's start: a name is
 * looked up at once. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* host: "" for all addresses. port 0: any that is free. *out is nonblocking, and the caller's. 0; EX_NOHOST,
 * EX_UNAVAILABLE. */
int listen_open(const char *host, uint16_t port, int *out, struct error *err);
/* "localhost", or an address of the loopback; no other name, wherever it may lead. */
bool listen_is_loopback(const char *host);
uint16_t listen_port(int fd); /* 0 where that cannot be told */

#endif
