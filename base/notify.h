#ifndef TI_BASE_NOTIFY_H
#define TI_BASE_NOTIFY_H

/*
 * What systemd wants to hear of a service (Type=notify; sd_notify(3)): datagrams of lines such as "READY=1"
 * to the socket that NOTIFY_SOCKET names. That is all of the protocol, so it is spoken here and not by
 * libsystemd. Nothing is waited for, and a datagram that is not taken is lost: the next one says as much.
 */

#include <stdint.h>

struct notify;

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child speaks in our
 * name; so before there are threads. NULL where nobody listens, which all that follow take. */
struct notify *notify_create(void);
void notify_destroy(struct notify *notify);

void notify_send(const struct notify *notify, const char *lines);
/* Within which time "WATCHDOG=1" has to come, again and again; 0: it need not. */
int64_t notify_watchdog_us(const struct notify *notify);

#endif
