/* Through a proxy: proxy-url of the kubeconfig, and the environment. */
#include "tests/integration/kube_http/fixture.h"

static void client_proxied(struct fixture *fixture, const char *server, const char *more, const char *user)
{
    cleanup_free char *cluster =
        mem_printf("proxy-url: 'http://127.0.0.1:%d', certificate-authority: ca.crt%s",
                   port(fixture, "proxy"), more);
    client_start(fixture, server, cluster, user);
}

static void tunnels_tls(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *server = mem_printf("https://localhost:%d", port(fixture, "tls"));
    client_proxied(fixture, server, "", "token: abc"); /* which the proxy must not see: it checks */
    struct seen seen = {0};
    get(fixture, "/echo", &seen);
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.headers_count, 1); /* the tunnel's own answer is none of ours */
    assert_non_null(strstr(seen.body.data, "Bearer abc"));
    seen_deinit(&seen);
    assert_int_equal(counter(fixture, "proxied"), 1);
}

static void tunnels_to_another_name(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *server = mem_printf("https://127.0.0.1:%d", port(fixture, "misnamed"));
    client_proxied(fixture, server, ", tls-server-name: elsewhere.test", "");
    expect_body(fixture, "/stream?text=ok", "ok");
}

static void a_proxy_that_refuses(void **state)
{
    struct fixture *fixture = *state;
    client_proxied(fixture, "https://forbidden.test", "", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "the proxy of proxy-url or HTTPS_PROXY refuses");
}

static void a_proxy_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *cluster = mem_printf("proxy-url: 'http://127.0.0.1:%d'", port(fixture, "refused"));
    client_start(fixture, "https://api.test", cluster, "");
    expect_failure(fixture, "/echo", REST_REFUSED, "connection refused by the proxy");
}

static void the_environment_counts_but_not_for_this_machine(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *proxy = mem_printf("http://127.0.0.1:%d", port(fixture, "proxy"));
    cleanup_free char *server = mem_printf("https://localhost:%d", port(fixture, "tls"));
    setenv("HTTPS_PROXY", proxy, 1);
    client_start(fixture, server, "certificate-authority: ca.crt", "");
    int proxied = counter(fixture, "proxied");
    expect_body(fixture, "/stream?text=ok", "ok");
    assert_int_equal(counter(fixture, "proxied"), proxied);
    client_start(fixture, "https://forbidden.test", "", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "the proxy of proxy-url or HTTPS_PROXY refuses");
    unsetenv("HTTPS_PROXY");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(tunnels_tls),
        TEST(tunnels_to_another_name),
        TEST(a_proxy_that_refuses),
        TEST(a_proxy_that_is_not_there),
        TEST(the_environment_counts_but_not_for_this_machine),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
