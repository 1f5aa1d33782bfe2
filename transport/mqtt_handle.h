#ifndef TI_TRANSPORT_MQTT_HANDLE_H
#define TI_TRANSPORT_MQTT_HANDLE_H

/* A libmosquitto handle made ready by our options. Network thread only. */

#include <mosquitto.h>

#include "transport/mqtt_reason.h"

enum mqtt_version { MQTT_VERSION_5, MQTT_VERSION_311 };

/* NULL, with the failure filled in, where a file is missing or broken. user is what callbacks get. */
struct mosquitto *mqtt_handle_create(const struct mqtt_config *config, enum mqtt_version version, void *user,
                                     struct mqtt_failure *failure);

/* Looks up the host and connects; blocks for both. MOSQ_ERR_*, and *system as in struct mqtt_failure. */
int mqtt_handle_connect(struct mosquitto *mosq, const struct mqtt_config *config, enum mqtt_version version,
                        int *system);

/* Why the broker's certificate was not accepted, where that was it. */
const char *mqtt_handle_certificate_fault(struct mosquitto *mosq);

#endif
