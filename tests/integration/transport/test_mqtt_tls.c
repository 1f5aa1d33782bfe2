/* TLS: the broker is verified, and so is the client; what fails says why. */
#include "tests/integration/transport/broker.h"
#include "tests/integration/transport/watcher.h"

#include <string.h>

#include "base/mem.h"

struct secured {
    struct broker broker;
    char url[64];
    char ca[100], other_ca[100], cert[100], key[100];
};

static void make_ca(const char *directory, const char *name)
{
    run_command("cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                "-subj /CN=%s -keyout %s.key -out %s.pem 2>/dev/null",
                directory, name, name, name);
}

/* days may be negative: a certificate that has ended. */
static void make_certificate(const char *directory, const char *name, const char *extension, int days)
{
    run_command(
        "cd '%s' && printf '%s' >%s.ext && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s -keyout %s.key "
        "-out %s.csr 2>/dev/null && "
        "openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days %d -extfile %s.ext "
        "-out %s.pem 2>/dev/null",
        directory, extension, name, name, name, name, name, days, name, name);
}

static void path_of(const struct broker *broker, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", broker->directory, name);
}

static void secured_start(struct secured *secured, const char *extension, int days, const char *more)
{
    const char *directory = secured->broker.directory;
    make_certificate(directory, "server", extension, days);
    char configuration[400];
    snprintf(configuration, sizeof(configuration),
             "allow_anonymous true\ncafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n%s",
             directory, directory, directory, more);
    broker_start(&secured->broker, configuration);
}

#define ADDRESS "subjectAltName=IP:127.0.0.1"

static int secured_up(void **state)
{
    struct secured *secured = mem_zalloc(sizeof(*secured));
    *state = secured;
    broker_init(&secured->broker);
    snprintf(secured->url, sizeof(secured->url), "mqtts://127.0.0.1:%u", secured->broker.port);
    path_of(&secured->broker, "ca.pem", secured->ca, sizeof(secured->ca));
    path_of(&secured->broker, "other.pem", secured->other_ca, sizeof(secured->other_ca));
    path_of(&secured->broker, "client.pem", secured->cert, sizeof(secured->cert));
    path_of(&secured->broker, "client.key", secured->key, sizeof(secured->key));
    make_ca(secured->broker.directory, "ca");
    make_ca(secured->broker.directory, "other");
    return 0;
}

static int secured_down(void **state)
{
    struct secured *secured = *state;
    broker_deinit(&secured->broker);
    free(secured);
    return 0;
}

static void check_exchange(const struct mqtt_options *options)
{
    struct watcher *watcher = watcher_create(options);
    transport_subscribe(watcher->transport, "t", 1);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    assert_int_equal(watcher->disconnected, 0);
    size_t limit = transport_max_payload(watcher->transport);
    cleanup_free char *payload = mem_zalloc(limit);
    for (int i = 0; i < 20; i++) /* longer than TLS records, and than socket buffers */
        assert_int_equal(transport_publish(watcher->transport, "t", payload, limit, 1, false), 0);
    watcher_wait(watcher, watcher_heard, 20);
    assert_int_equal(watcher->bytes, 20 * limit);
    watcher_destroy(watcher);
}

static void test_verified_broker(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, ADDRESS, 2, "");
    check_exchange(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->ca});
}

static void test_client_certificate(void **state)
{
    struct secured *secured = *state;
    make_certificate(secured->broker.directory, "client", "extendedKeyUsage=clientAuth", 2);
    secured_start(secured, ADDRESS, 2, "require_certificate true\nuse_identity_as_username true\n");
    check_exchange(&(struct mqtt_options){
        .broker = secured->url, .tls_ca = secured->ca, .tls_cert = secured->cert, .tls_key = secured->key});
    assert_refused(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->ca},
                   "want a client certificate");
}

/* What is said where the handshake fails before the library's call to connect returns: it has dropped the
 * details then. */
#define UNEXPLAINED "certificate verify failed; check --tls-ca"

static void test_unknown_authority(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, ADDRESS, 2, "");
    assert_refused_by_either(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->other_ca},
                             "self-signed certificate in certificate chain; check --tls-ca", UNEXPLAINED);
    assert_refused(&(struct mqtt_options){.broker = secured->url}, "check --broker, --tls-ca");
}

static void test_expired_certificate(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, ADDRESS, -1, "");
    assert_refused_by_either(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->ca},
                             "certificate has expired", UNEXPLAINED);
}

static void test_certificate_of_another_host(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, "subjectAltName=DNS:elsewhere.example.com", 2, "");
    assert_refused(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->ca},
                   "host name verification failed");
}

static void test_missing_and_broken_files(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, ADDRESS, 2, "");
    assert_refused(&(struct mqtt_options){.broker = secured->url, .tls_ca = "/nowhere/ca.pem"},
                   "--tls-ca /nowhere/ca.pem cannot be read: No such file");
    assert_refused(&(struct mqtt_options){.broker = secured->url,
                                          .tls_ca = secured->ca,
                                          .tls_cert = secured->ca,
                                          .tls_key = secured->key},
                   "--tls-key");
    run_command("echo rubbish >'%s'", secured->key);
    assert_refused(&(struct mqtt_options){.broker = secured->url,
                                          .tls_ca = secured->ca,
                                          .tls_cert = secured->ca,
                                          .tls_key = secured->key},
                   "Unable to load client key file");
}

static void test_one_side_without_tls(void **state)
{
    struct secured *secured = *state;
    secured_start(secured, ADDRESS, 2, "");
    char plain[64];
    snprintf(plain, sizeof(plain), "tcp://127.0.0.1:%u", secured->broker.port);
    assert_refused(&(struct mqtt_options){.broker = plain}, "without TLS");

    broker_kill(&secured->broker);
    broker_start(&secured->broker, "allow_anonymous true\n");
    assert_refused(&(struct mqtt_options){.broker = secured->url, .tls_ca = secured->ca}, "TLS");
}

int main(void)
{
#define SECURED(function) cmocka_unit_test_setup_teardown(function, secured_up, secured_down)
    const struct CMUnitTest tests[] = {
        SECURED(test_verified_broker),
        SECURED(test_client_certificate),
        SECURED(test_unknown_authority),
        SECURED(test_expired_certificate),
        SECURED(test_certificate_of_another_host),
        SECURED(test_missing_and_broken_files),
        SECURED(test_one_side_without_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
