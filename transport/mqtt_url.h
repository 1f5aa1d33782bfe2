#ifndef TI_TRANSPORT_MQTT_URL_H
#define TI_TRANSPORT_MQTT_URL_H

/* Where a broker is: tcp:// or mqtt:// (port 1883), ssl:// or mqtts:// (TLS, port 8883), a host name, an IPv4
 * address or an IPv6 address in brackets, and a port. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct mqtt_url {
    char host[256]; /* without brackets */
    uint16_t port;
    bool tls;
};

/* 0; EX_USAGE with what is wrong in err, which names --broker and never repeats a password. */
int mqtt_url_parse(const char *text, struct mqtt_url *url, struct error *err);

#endif
