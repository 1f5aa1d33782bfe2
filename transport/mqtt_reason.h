#ifndef TI_TRANSPORT_MQTT_REASON_H
#define TI_TRANSPORT_MQTT_REASON_H

/* What went wrong with a broker, as one line that says what to do. Never a password. */

#include "transport/mqtt_session.h"

struct mqtt_failure {
    int rc; /* MOSQ_ERR_*, with `system` beside it for MOSQ_ERR_ERRNO (errno) and MOSQ_ERR_EAI (EAI_*) */
    int system;
    int connack;    /* the broker's answer to CONNECT where it refused, else 0 */
    int disconnect; /* the reason of the broker's DISCONNECT, else 0 */
    bool mqtt5;     /* these are MQTT 5 codes */
    bool answered;  /* there was a CONNACK */
    char tls[200];  /* what TLS says, where it says something */
};

/* Writes the line, without newline. */
void mqtt_reason(const struct mqtt_config *config, const struct mqtt_failure *failure, char *out,
                 size_t size);

#endif
