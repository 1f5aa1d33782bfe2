#ifndef TI_TRANSPORT_MQTT_SESSION_H
#define TI_TRANSPORT_MQTT_SESSION_H

/*
 * One connection to a broker, from the attempt to its end, in a thread of its own that is the only one to
 * touch libmosquitto. It ends by sending MQTT_ITEM_ENDED up, and is never reused.
 */

#include "transport/mqtt_pipe.h"
#include "transport/mqtt_url.h"

struct mqtt_config {
    struct mqtt_url url;
    char *broker; /* owned, as all texts: as it was given, for reasons */
    char *client_id;
    char *username, *password; /* may be NULL */
    char *tls_ca, *tls_cert, *tls_key;
    char *will_topic, *will_payload;
    size_t will_len;
    bool will_retain;
    int keepalive_s;
    size_t inbound_bytes; /* a message may not be longer */
};

void mqtt_config_copy(struct mqtt_config *to, const struct mqtt_config *from);
void mqtt_config_deinit(struct mqtt_config *config);

/* Copies the config and takes one reference of the pipe. 0, or -errno where there can be no thread (nothing
 * is taken). */
int mqtt_session_start(const struct mqtt_config *config, struct mqtt_pipe *pipe);

#endif
