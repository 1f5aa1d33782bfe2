#include "transport/mqtt_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define SEND_MAXIMUM 1000    /* at QoS 1, where the broker does not say less */
#define RECEIVE_MAXIMUM 1000 /* the same the other way */
#define PACKET_OVERHEAD 1024 /* of a message: topic and headers */

static void library_init(void)
{
    mosquitto_lib_init();
}

/* libmosquitto reports an unreadable file as an invalid argument: this names it. */
static int file_check(const char *flag, const char *path, struct mqtt_failure *failure)
{
    if (!path)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    failure->rc = MOSQ_ERR_TLS;
    snprintf(failure->tls, sizeof(failure->tls), "%s %.120s cannot be read: %s", flag, path, strerror(errno));
    return MOSQ_ERR_TLS;
}

static int handle_set_tls(struct mosquitto *mosq, const struct mqtt_config *config,
                          struct mqtt_failure *failure)
{
    if (file_check("--tls-ca", config->tls_ca, failure) != 0 ||
        file_check("--tls-cert", config->tls_cert, failure) != 0 ||
        file_check("--tls-key", config->tls_key, failure) != 0)
        return MOSQ_ERR_TLS;
    const char *directory = config->tls_ca ? NULL : X509_get_default_cert_dir();
    int rc = mosquitto_tls_set(mosq, config->tls_ca, directory, config->tls_cert, config->tls_key, NULL);
    if (rc == 0 && !config->tls_ca)
        rc = mosquitto_int_option(mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    return rc;
}

static int handle_set(struct mosquitto *mosq, const struct mqtt_config *config, enum mqtt_version version,
                      struct mqtt_failure *failure)
{
    int rc = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION,
                                  version == MQTT_VERSION_5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    if (rc == 0)
        rc = mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
    if (rc == 0)
        rc = mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, SEND_MAXIMUM);
    if (rc == 0)
        rc = mosquitto_int_option(mosq, MOSQ_OPT_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
    if (rc == 0 && config->username)
        rc = mosquitto_username_pw_set(mosq, config->username, config->password);
    if (rc == 0 && config->will_topic)
        rc = mosquitto_will_set(mosq, config->will_topic, (int)config->will_len, config->will_payload, 1,
                                config->will_retain);
    if (rc == 0 && config->url.tls)
        rc = handle_set_tls(mosq, config, failure);
    return rc;
}

struct mosquitto *mqtt_handle_create(const struct mqtt_config *config, enum mqtt_version version, void *user,
                                     struct mqtt_failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);

    struct mosquitto *mosq = mosquitto_new(config->client_id, true, user);
    if (!mosq) {
        failure->rc = MOSQ_ERR_ERRNO;
        failure->system = errno;
        return NULL;
    }
    failure->rc = handle_set(mosq, config, version, failure);
    if (failure->rc != 0) {
        mosquitto_destroy(mosq);
        return NULL;
    }
    return mosq;
}

int mqtt_handle_connect(struct mosquitto *mosq, const struct mqtt_config *config, enum mqtt_version version,
                        int *system)
{
    mosquitto_property *properties = NULL;
    int rc = 0;
    if (version ==
        MQTT_VERSION_5) /* a broker that knows our limit does not send what we would have to drop */
        rc = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                          (uint32_t)(config->inbound_bytes + PACKET_OVERHEAD));
    errno = 0;
    if (rc == 0)
        rc = mosquitto_connect_bind_v5(mosq, config->url.host, config->url.port, config->keepalive_s, NULL,
                                       properties);
    *system = errno;
    mosquitto_property_free_all(&properties);
    return rc;
}

const char *mqtt_handle_certificate_fault(struct mosquitto *mosq)
{
    SSL *ssl = mosquitto_ssl_get(mosq);
    long result = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (result == X509_V_OK ||
        result == X509_V_ERR_UNSPECIFIED) /* the library's own check of the name: it logs that */
        return NULL;
    return X509_verify_cert_error_string(result);
}
