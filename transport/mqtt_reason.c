#include "transport/mqtt_reason.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct advice {
    int code;
    const char *text;
};

static const char *advice_find(const struct advice *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].text;
    return NULL;
}

static const struct advice connack_3[] = {
    {1, "it does not speak MQTT 3.1.1"},
    {2, "the client id was rejected; try another --client-id"},
    {3, "the broker says that it is unavailable at the moment"},
    {4, "bad user name or password; check --username and --password-file"},
    {5, "not authorized; check --username, --password-file and the broker's access rules"},
};

static const struct advice connack_5[] = {
    {MQTT_RC_CLIENTID_NOT_VALID, "the client id was rejected; try another --client-id"},
    {MQTT_RC_BAD_USERNAME_OR_PASSWORD, "bad user name or password; check --username and --password-file"},
    {MQTT_RC_NOT_AUTHORIZED,
     "not authorized; check --username, --password-file and the broker's access rules"},
    {MQTT_RC_SERVER_UNAVAILABLE, "the broker says that it is unavailable at the moment"},
    {MQTT_RC_SERVER_BUSY, "the broker says that it is busy"},
    {MQTT_RC_BANNED, "the broker has banned this client"},
    {MQTT_RC_BAD_AUTHENTICATION_METHOD, "the broker wants another way of authentication"},
    {MQTT_RC_PACKET_TOO_LARGE, "CONNECT with its will is too large for the broker"},
    {MQTT_RC_QUOTA_EXCEEDED, "a quota of the broker is used up"},
    {MQTT_RC_RETAIN_NOT_SUPPORTED, "it keeps no retained messages, which the will needs"},
    {MQTT_RC_QOS_NOT_SUPPORTED, "it does not support QoS 1, which the will needs"},
    {MQTT_RC_USE_ANOTHER_SERVER, "the broker points to another server; change --broker"},
    {MQTT_RC_SERVER_MOVED, "the broker has moved; change --broker"},
    {MQTT_RC_CONNECTION_RATE_EXCEEDED, "too many connections in a short time"},
};

static const struct advice disconnects[] = {
    {MQTT_RC_SERVER_SHUTTING_DOWN, "the broker is shutting down"},
    {MQTT_RC_SESSION_TAKEN_OVER, "another client has connected with the same client id"},
    {MQTT_RC_KEEP_ALIVE_TIMEOUT, "the broker has heard nothing for too long"},
    {MQTT_RC_PACKET_TOO_LARGE, "a message was too large for the broker"},
    {MQTT_RC_NOT_AUTHORIZED, "not authorized; check --username and the broker's access rules"},
    {MQTT_RC_ADMINISTRATIVE_ACTION, "closed by the broker's administrator"},
};

static const struct advice system_errors[] = {
    {ECONNREFUSED, "connection refused; is the broker running, and are host and port of --broker right?"},
    {ETIMEDOUT, "no answer; is the host of --broker right, and does a firewall let it through?"},
    {EHOSTUNREACH, "no route to the host; is the host of --broker right?"},
    {ENETUNREACH, "the network cannot be reached"},
};

static void reason_connack(const struct mqtt_failure *failure, char *out, size_t size)
{
    const char *text = failure->mqtt5 ? advice_find(connack_5, array_size(connack_5), failure->connack)
                                      : advice_find(connack_3, array_size(connack_3), failure->connack);
    if (text)
        snprintf(out, size, "connection refused by the broker: %s", text);
    else
        snprintf(out, size, "connection refused by the broker: %s (code 0x%02x)",
                 failure->mqtt5 ? mosquitto_reason_string(failure->connack)
                                : "for a reason unknown to MQTT 3.1.1",
                 (unsigned)failure->connack);
}

static void reason_disconnect(const struct mqtt_failure *failure, char *out, size_t size)
{
    const char *text = advice_find(disconnects, array_size(disconnects), failure->disconnect);
    if (text)
        snprintf(out, size, "connection closed by the broker: %s", text);
    else
        snprintf(out, size, "connection closed by the broker: %s (code 0x%02x)",
                 mosquitto_reason_string(failure->disconnect), (unsigned)failure->disconnect);
}

static void reason_tls(const struct mqtt_config *config, const struct mqtt_failure *failure, char *out,
                       size_t size)
{
    const char *what = failure->tls[0] ? failure->tls : "no secure connection came about";
    if (strstr(what, "alert") && !config->tls_cert)
        snprintf(out, size,
                 "TLS failed: the broker says: %s; does it want a client certificate (--tls-cert)?", what);
    else
        snprintf(out, size, "TLS failed: %s; check %s%s, the broker's certificate and the clock", what,
                 config->tls_ca ? "--tls-ca" : "--broker, --tls-ca",
                 config->tls_cert ? ", --tls-cert, --tls-key" : "");
}

static void reason_system(const struct mqtt_failure *failure, char *out, size_t size)
{
    const char *text = advice_find(system_errors, array_size(system_errors), failure->system);
    snprintf(out, size, "%s", text ? text : strerror(failure->system));
}

static void reason_lost(const struct mqtt_config *config, const struct mqtt_failure *failure, char *out,
                        size_t size)
{
    if (failure->answered)
        snprintf(out, size, "connection lost");
    else
        snprintf(out, size, "the connection was closed without an answer; is this an MQTT broker%s?",
                 config->url.tls ? " with TLS, and does it want a client certificate (--tls-cert)"
                                 : ", without TLS");
}

/* EPROTO is how the library says that TLS broke off. */
static bool is_end(int system)
{
    return system == ECONNRESET || system == EPIPE || system == EPROTO;
}

static void reason_detail(const struct mqtt_config *config, const struct mqtt_failure *failure, char *out,
                          size_t size)
{
    if (failure->connack) {
        reason_connack(failure, out, size);
    } else if (failure->disconnect) {
        reason_disconnect(failure, out, size);
    } else if (failure->rc == MOSQ_ERR_TLS || failure->tls[0]) {
        reason_tls(config, failure, out, size);
    } else if (failure->rc == MOSQ_ERR_EAI) {
        snprintf(out, size, "the host %s cannot be found: %s; is it spelled right?", config->url.host,
                 gai_strerror(failure->system));
    } else if (failure->rc == MOSQ_ERR_ERRNO && !is_end(failure->system)) {
        reason_system(failure, out, size);
    } else if (failure->rc == MOSQ_ERR_KEEPALIVE) {
        snprintf(out, size, "no answer for %d s", config->keepalive_s);
    } else if (failure->rc == MOSQ_ERR_PROTOCOL && !failure->answered) {
        snprintf(out, size, "what answers there does not speak MQTT; is --broker right?");
    } else if (failure->rc == MOSQ_ERR_CONN_LOST || failure->rc == MOSQ_ERR_NO_CONN ||
               failure->rc == MOSQ_ERR_ERRNO) {
        reason_lost(config, failure, out, size);
    } else {
        snprintf(out, size, "%s", mosquitto_strerror(failure->rc));
    }
}

void mqtt_reason(const struct mqtt_config *config, const struct mqtt_failure *failure, char *out, size_t size)
{
    char detail[400];
    reason_detail(config, failure, detail, sizeof(detail));
    snprintf(out, size, "broker %.200s: %s", config->broker, detail);
}
