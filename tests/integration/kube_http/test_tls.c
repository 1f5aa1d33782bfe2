/* TLS as a kubeconfig describes it: whom we trust, under which name, and what we show of ourselves. */
#include "tests/integration/kube_http/fixture.h"

static void client_tls(struct fixture *fixture, const char *host, const char *port_name, const char *cluster,
                       const char *user)
{
    cleanup_free char *server = mem_printf("https://%s:%d", host, port(fixture, port_name));
    client_start(fixture, server, cluster, user);
}

static void trusts_the_authority_of_the_kubeconfig(void **state)
{
    struct fixture *fixture = *state;
    client_tls(fixture, "127.0.0.1", "tls", "certificate-authority: ca.crt", ""); /* beside the kubeconfig */
    expect_body(fixture, "/stream?text=ok", "ok");
    client_tls(fixture, "localhost", "tls", "certificate-authority: '%DIR%/ca.crt'", "");
    expect_body(fixture, "/stream?text=ok", "ok");
}

static void trusts_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    client_tls(fixture, "127.0.0.1", "tls", "", ""); /* the system's authorities */
    expect_failure(fixture, "/echo", REST_UNREACHABLE,
                   "is not signed by the kubeconfig's certificate-authority");
    client_tls(fixture, "127.0.0.1", "tls", "certificate-authority: other-ca.crt", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE,
                   "is not signed by the kubeconfig's certificate-authority");
}

static void checks_the_name(void **state)
{
    struct fixture *fixture = *state;
    const char *ca = "certificate-authority: ca.crt";
    client_tls(fixture, "127.0.0.1", "misnamed", ca, "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "or set tls-server-name");
    client_tls(fixture, "localhost", "misnamed", ca, "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "or set tls-server-name");

    client_tls(fixture, "127.0.0.1", "misnamed",
               "certificate-authority: ca.crt, tls-server-name: elsewhere.test", "");
    struct seen seen = {0};
    get(fixture, "/echo?x=1", &seen);
    assert_int_equal(seen.status, 200);
    cleanup_free char *host = mem_printf("\"host\": [\"127.0.0.1:%d\"]", port(fixture, "misnamed"));
    assert_non_null(strstr(seen.body.data, host)); /* the API server sees the name it has */
    assert_non_null(strstr(seen.body.data, "\"path\": \"/echo?x=1\""));
    seen_deinit(&seen);

    client_tls(fixture, "127.0.0.1", "tls", "certificate-authority: ca.crt, tls-server-name: wrong.test", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "or set tls-server-name");
}

static void insecure_means_insecure(void **state)
{
    struct fixture *fixture = *state;
    client_tls(fixture, "127.0.0.1", "misnamed", "insecure-skip-tls-verify: true", "");
    expect_body(fixture, "/stream?text=ok", "ok");
}

static void no_tls_there(void **state)
{
    struct fixture *fixture = *state;
    client_tls(fixture, "127.0.0.1", "plain", "certificate-authority: ca.crt", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "it does not speak TLS there");
}

/* The server's alert and the end of the connection race with each other. */
static void expect_certificate_refused(struct fixture *fixture)
{
    struct seen seen = {0};
    get(fixture, "/peer", &seen);
    assert_int_equal(seen.status, 0);
    assert_true(seen.result == REST_UNREACHABLE || seen.result == REST_BROKEN);
    if (!strstr(seen.reason, "client certificate"))
        fail_msg("\"%s\" says nothing of the client certificate", seen.reason);
    seen_deinit(&seen);
}

static void shows_a_client_certificate(void **state)
{
    struct fixture *fixture = *state;
    const char *ca = "certificate-authority: ca.crt";
    client_tls(fixture, "127.0.0.1", "mutual", ca, "client-certificate: client.crt, client-key: client.key");
    expect_body(fixture, "/peer", "alice");
    client_tls(fixture, "127.0.0.1", "mutual", ca, "");
    expect_certificate_refused(fixture);
    client_tls(fixture, "127.0.0.1", "mutual", ca,
               "client-certificate: stranger.crt, client-key: stranger.key");
    expect_certificate_refused(fixture);
    client_tls(fixture, "127.0.0.1", "mutual", ca,
               "client-certificate: client.crt, client-key: stranger.key");
    expect_failure(fixture, "/peer", REST_UNREACHABLE, "the client certificate or its key cannot be used");
}

/* Two users of one server never share a connection. */
static void a_connection_belongs_to_its_certificate(void **state)
{
    struct fixture *fixture = *state;
    const char *ca = "certificate-authority: ca.crt";
    client_tls(fixture, "127.0.0.1", "mutual", ca, "client-certificate: client.crt, client-key: client.key");
    expect_body(fixture, "/peer", "alice");
    client_tls(fixture, "127.0.0.1", "mutual", ca,
               "client-certificate: client2.crt, client-key: client2.key");
    expect_body(fixture, "/peer", "bob");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(trusts_the_authority_of_the_kubeconfig),
        TEST(trusts_nobody_else),
        TEST(checks_the_name),
        TEST(insecure_means_insecure),
        TEST(no_tls_there),
        TEST(shows_a_client_certificate),
        TEST(a_connection_belongs_to_its_certificate),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
