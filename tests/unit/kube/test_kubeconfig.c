#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/mem.h"
#include "kube/kubeconfig.h"
#include "tests/unit/kube/certificates.h"

/* A directory of its own for each test, and an environment that knows no cluster. */
struct world {
    char dir[64];
    struct error err;
    struct kubeconfig *config;
};

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    strcpy(world->dir, "/tmp/ti-kubeconfig-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    setenv("HOME", world->dir, 1);
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    kubeconfig_destroy(world->config);
    cleanup_free char *command = mem_printf("rm -rf %s", world->dir);
    int r = system(command);
    free(world);
    return r;
}

static char *path_of(const struct world *world, const char *name)
{
    return mem_printf("%s/%s", world->dir, name);
}

static void put(const struct world *world, const char *name, const char *text)
{
    cleanup_free char *path = path_of(world, name);
    for (char *slash = strchr(path + strlen(world->dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int load(struct world *world, const char *name, const char *context)
{
    cleanup_free char *path = name ? path_of(world, name) : NULL;
    struct kubeconfig_options options = {.path = path, .context = context};
    kubeconfig_destroy(world->config);
    world->config = NULL;
    world->err = (struct error){0};
    int r = kubeconfig_load(&options, &world->config, &world->err);
    if ((r == 0) != (world->config != NULL))
        fail_msg("result %d does not go with the outcome", r);
    return r;
}

static void load_ok(struct world *world, const char *name, const char *context)
{
    int r = load(world, name, context);
    if (r != 0)
        fail_msg("refused: %s", world->err.text);
}

static void refused(struct world *world, int code, const char *reason)
{
    if (!strstr(world->err.text, reason))
        fail_msg("\"%s\" does not say \"%s\"", world->err.text, reason);
    assert_int_equal(world->err.code, code);
    assert_null(strchr(world->err.text, '\n'));
}

/* One cluster, one user and one context from what is particular about them. */
static void put_config(const struct world *world, const char *cluster, const char *user)
{
    cleanup_free char *text =
        mem_printf("apiVersion: v1\nkind: Config\ncurrent-context: ctx\n"
                   "clusters: [{name: c, cluster: {%s}}]\nusers: [{name: u, user: {%s}}]\n"
                   "contexts: [{name: ctx, context: {cluster: c, user: u}}]\n",
                   cluster, user);
    put(world, "config", text);
}

static void refuses(struct world *world, const char *cluster, const char *user, int code, const char *reason)
{
    put_config(world, cluster, user);
    assert_int_not_equal(load(world, "config", NULL), 0);
    refused(world, code, reason);
}

static char *base64(const char *text)
{
    struct buf out = BUF_INIT(1 << 16);
    assert_int_equal(base64_encode(text, strlen(text), &out), 0);
    return buf_steal(&out);
}

static void reads_every_field(void **state)
{
    struct world *world = *state;
    cleanup_free char *ca = base64(certificate_valid);
    cleanup_free char *key = base64(not_really_a_key);
    cleanup_free char *cluster = mem_printf(
        "server: 'https://example.test:6443/base/', certificate-authority-data: %s, tls-server-name: other, "
        "proxy-url: 'socks5://p:1', disable-compression: true",
        ca);
    cleanup_free char *user =
        mem_printf("client-certificate-data: %s, client-key-data: %s, token: 123, "
                   "as: me, as-uid: '7', as-groups: [g1, g2], as-user-extra: {k: [v, w]}",
                   ca, key);
    put_config(world, cluster, user);
    load_ok(world, "config", NULL);

    const struct kubeconfig *config = world->config;
    assert_string_equal(config->server, "https://example.test:6443/base");
    assert_string_equal(config->ca.data.data, certificate_valid);
    assert_string_equal(config->client_cert.data.data, certificate_valid);
    assert_string_equal(config->client_key.data.data, not_really_a_key);
    assert_string_equal(config->tls_server_name, "other");
    assert_string_equal(config->proxy_url, "socks5://p:1");
    assert_true(config->disable_compression);
    assert_false(config->insecure);
    assert_string_equal(config->token, "123");
    assert_string_equal(config->as, "me");
    assert_string_equal(config->as_uid, "7");
    assert_string_equal(config->as_groups[1], "g2");
    assert_null(config->as_groups[2]);
    assert_string_equal(config->as_extra[2], "k");
    assert_string_equal(config->as_extra[3], "w");
    assert_null(config->as_extra[4]);
    assert_string_equal(config->context, "ctx");
    assert_null(config->namespace_);
    assert_non_null(strstr(config->origin, "context \"ctx\" of /tmp/ti-kubeconfig-"));
}

static void first_file_wins(void **state)
{
    struct world *world = *state;
    put(world, "one",
        "contexts:\n- {name: a, context: {cluster: shared, user: shared, namespace: from-one}}\n"
        "clusters:\n- {name: shared, cluster: {server: 'https://one'}}\n");
    put(world, "sub/two",
        "current-context: a\n"
        "contexts:\n- {name: a, context: {cluster: nowhere, namespace: from-two}}\n"
        "- {name: b, context: {cluster: shared, user: shared}}\n"
        "clusters:\n- {name: shared, cluster: {server: 'https://two'}}\n"
        "users:\n- {name: shared, user: {tokenFile: my-token}}\n");
    put(world, "three", "current-context: b\n");
    put(world, "sub/my-token", "t");

    cleanup_free char *list =
        mem_printf("%s/missing::%s/one:%s/sub/two:%s/three", world->dir, world->dir, world->dir, world->dir);
    setenv("KUBECONFIG", list, 1);
    load_ok(world, NULL, NULL);
    assert_string_equal(world->config->context, "a");
    assert_string_equal(world->config->server, "https://one");
    assert_string_equal(world->config->namespace_, "from-one");
    cleanup_free char *token = path_of(world, "sub/my-token"); /* beside the file that names it */
    assert_string_equal(world->config->token_file, token);

    load_ok(world, NULL, "b");
    assert_string_equal(world->config->server, "https://one");
    assert_null(world->config->namespace_);

    put(world, "explicit",
        "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\n"
        "clusters: [{name: y, cluster: {server: 'https://x'}}]\n");
    load_ok(world, "explicit", NULL); /* --kubeconfig looks nowhere else */
    assert_int_equal(load(world, "explicit", "a"), EX_CONFIG);
    refused(world, EX_CONFIG, "has no context \"a\"; it has: x");
}

static void looks_where_kubectl_looks(void **state)
{
    struct world *world = *state;
    assert_int_equal(load(world, NULL, NULL), EX_NOINPUT);
    refused(world, EX_NOINPUT, "give --kubeconfig FILE");
    assert_int_equal(load(world, "nothing", NULL), EX_NOINPUT);
    refused(world, EX_NOINPUT, "/nothing: cannot be read: No such file or directory");

    put(world, ".kube/config",
        "current-context: h\ncontexts: [{name: h, context: {cluster: h}}]\n"
        "clusters: [{name: h, cluster: {server: 'https://home'}}]\n");
    load_ok(world, NULL, NULL);
    assert_string_equal(world->config->server, "https://home");

    setenv("KUBECONFIG", "/nonexistent/a:/nonexistent/b", 1);
    assert_int_equal(load(world, NULL, NULL), EX_NOINPUT);
    refused(world, EX_NOINPUT, "none of the files in KUBECONFIG=/nonexistent/a");
}

static void in_a_pod(void **state)
{
    struct world *world = *state;
    cleanup_free char *dir = path_of(world, "sa");
    struct kubeconfig_options options = {.service_account_dir = dir};
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
    assert_int_equal(kubeconfig_load(&options, &world->config, &world->err), EX_NOINPUT);
    refused(world, EX_NOINPUT, "there is no usable service account: certificate authority: cannot read ");

    put(world, "sa/ca.crt", certificate_valid);
    put(world, "sa/token", "t\n");
    put(world, "sa/namespace", "mine");
    assert_int_equal(kubeconfig_load(&options, &world->config, &world->err), 0);
    assert_string_equal(world->config->server, "https://[fd00::1]:6443");
    assert_string_equal(world->config->namespace_, "mine");
    assert_string_equal(world->config->ca.data.data, certificate_valid);
    assert_non_null(strstr(world->config->token_file, "/sa/token"));

    put(world, ".kube/config",
        "current-context: h\ncontexts: [{name: h, context: {cluster: h}}]\n"
        "clusters: [{name: h, cluster: {server: 'https://home'}}]\n");
    load_ok(world, NULL, NULL); /* a kubeconfig comes before the pod's own account */
    assert_string_equal(world->config->server, "https://home");
}

static void names_the_contexts(void **state)
{
    struct world *world = *state;
    put(world, "config",
        "contexts:\n- {name: kind, context: {cluster: gone}}\n- {name: prod, context: {}}\n"
        "- {name: half, context: {cluster: c, user: gone}}\n"
        "clusters: [{name: c, cluster: {server: 'https://x'}}]\n");
    assert_int_equal(load(world, "config", "test"), EX_CONFIG);
    refused(world, EX_CONFIG, "has no context \"test\"; it has: kind, prod, half");
    assert_int_equal(load(world, "config", NULL), EX_CONFIG);
    refused(world, EX_CONFIG, "sets no current-context; choose one with --context: kind, prod, half");
    assert_int_equal(load(world, "config", "kind"), EX_CONFIG);
    refused(world, EX_CONFIG, "context \"kind\" names cluster \"gone\", which does not exist");
    assert_int_equal(load(world, "config", "prod"), EX_CONFIG);
    refused(world, EX_CONFIG, "context \"prod\" names no cluster");
    assert_int_equal(load(world, "config", "half"), EX_CONFIG);
    refused(world, EX_CONFIG, "context \"half\" names user \"gone\"");
    put(world, "config", "");
    assert_int_equal(load(world, "config", NULL), EX_CONFIG);
    refused(world, EX_CONFIG, "has no contexts");
}

static void refuses_what_is_no_kubeconfig(void **state)
{
    struct world *world = *state;
    put(world, "config", "a: [\n");
    assert_int_equal(load(world, "config", NULL), EX_CONFIG);
    refused(world, EX_CONFIG, "/config: line ");
    put(world, "config", "kind: Pod\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "a Pod, not a kubeconfig");
    put(world, "config", "- a\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "not a kubeconfig");
    put(world, "config", "contexts: {}\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "\"contexts\" must be a list");
    put(world, "config", "users:\n- user: {}\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "entry 1 of \"users\" has no name");
    put(world, "config", "clusters:\n- {name: a}\n- {name: b}\n- {name: a}\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "cluster \"a\" is there twice");
    put(world, "config", "clusters:\n- {name: a, cluster: text}\n");
    load(world, "config", NULL);
    refused(world, EX_CONFIG, "cluster \"a\" is no mapping");
}

static void checks_the_cluster(void **state)
{
    struct world *world = *state;
    const char *server = "server: 'https://x'";
    refuses(world, "", "", EX_CONFIG, "cluster \"c\": has no \"server\"");
    refuses(world, "server: [a]", "", EX_CONFIG, "\"server\" must be a text");
    refuses(world, "server: 'ftp://x'", "", EX_CONFIG, "must be a URL");
    refuses(world, "server: 'https://'", "", EX_CONFIG, "must be a URL");
    refuses(world, "server: 'https://x y'", "", EX_CONFIG, "must be a URL");
    refuses(world, "server: 'https://x', insecure-skip-tls-verify: maybe", "", EX_CONFIG,
            "must be true or false");
    refuses(world, "server: 'https://x', certificate-authority: ca", "", EX_NOINPUT,
            "certificate-authority: cannot read");
    refuses(world, "server: 'https://x', certificate-authority-data: '%'", "", EX_CONFIG, "not base64");
    refuses(world, "server: 'https://x', certificate-authority-data: YWJj", "", EX_CONFIG, "not PEM");
    refuses(world, "server: 'https://x', proxy-url: 'x:1'", "", EX_CONFIG, "\"proxy-url\" must begin with");
    put(world, "ca", certificate_valid);
    refuses(world, "server: 'https://x', insecure-skip-tls-verify: true, certificate-authority: ca", "",
            EX_CONFIG, "has both a certificate-authority and insecure-skip-tls-verify");
    refuses(world, server, "as-groups: [a]", EX_CONFIG, "without \"as\"");
    put_config(world, "server: 'x:1', certificate-authority: ca", "");
    load_ok(world, "config", NULL);
    assert_string_equal(world->config->server, "https://x:1");
    put_config(world, "server: 'localhost:8080'", "");
    load_ok(world, "config", NULL);
    assert_string_equal(world->config->server, "http://localhost:8080");
}

static void checks_the_user(void **state)
{
    struct world *world = *state;
    const char *server = "server: 'https://x'";
    refuses(world, server, "token: {a: b}", EX_CONFIG, "user \"u\": \"token\" must be a text");
    refuses(world, server, "token: \"a\\x01b\"", EX_CONFIG, "\"token\" must be a text");
    refuses(world, server, "tokenFile: none", EX_NOINPUT, "tokenFile: cannot read");
    refuses(world, server, "token: a, username: b", EX_CONFIG, "both a token and a username");
    refuses(world, server, "auth-provider: {name: gcp}", EX_CONFIG, "use an exec plugin");
    refuses(world, server, "as: a, as-user-extra: {k: v}", EX_CONFIG, "as-user-extra");
    put(world, "cert", certificate_valid);
    put(world, "old", certificate_expired);
    put(world, "key", not_really_a_key);
    refuses(world, server, "client-certificate: cert", EX_CONFIG, "no client-key");
    refuses(world, server, "client-certificate: old, client-key: key", EX_CONFIG,
            "/old expired on 2020-02-03 04:05:06 UTC; renew it");
    put_config(world, server, "client-certificate: cert, client-key: key, username: n, password: p");
    load_ok(world, "config", NULL);
    assert_string_equal(world->config->username, "n");
    assert_string_equal(world->config->password, "p");
}

static void reads_exec_plugins(void **state)
{
    struct world *world = *state;
    put_config(
        world,
        "server: 'https://x', extensions: [{name: client.authentication.k8s.io/exec, extension: {n: 5}}]",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [a, 'b c'], "
        "env: [{name: X, value: 'y z'}], interactiveMode: Never, provideClusterInfo: true, installHint: get "
        "it}");
    load_ok(world, "config", NULL);
    const struct kubeconfig_exec *exec = world->config->exec;
    cleanup_free char *command = mem_printf("%s/./bin/login", world->dir);
    assert_string_equal(exec->argv[0], command);
    assert_string_equal(exec->argv[2], "b c");
    assert_null(exec->argv[3]);
    assert_string_equal(exec->env[0], "X=y z");
    assert_null(exec->env[1]);
    assert_string_equal(exec->install_hint, "get it");
    assert_string_equal(exec->cluster_info, "{\"server\":\"https://x\",\"config\":{\"n\":5}}");

    const char *server = "server: 'https://x'";
    refuses(world, server, "exec: {}", EX_CONFIG, "\"exec\" has no command");
    refuses(world, server, "exec: {command: x}", EX_CONFIG, "\"exec.apiVersion\" must be");
    refuses(world, server, "exec: {command: x, apiVersion: client.authentication.k8s.io/v1}", EX_CONFIG,
            "\"exec.interactiveMode\" must be set");
    refuses(world, server,
            "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
            EX_CONFIG, "wants a terminal");
    refuses(world, server, "exec: {command: x, env: [{value: y}]}", EX_CONFIG, "\"exec.env\" must be");
    refuses(world, server, "exec: {command: x, args: [[]]}", EX_CONFIG, "\"args\" must be a list of texts");
    put_config(world, server, "exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}");
    load_ok(world, "config", NULL);
    assert_string_equal(world->config->exec->argv[0], "x");
}

static void tells_when_a_certificate_ends(void **state)
{
    (void)state;
    int64_t when = 0;
    assert_int_equal(pem_not_after(certificate_expired, strlen(certificate_expired), &when), 0);
    assert_int_equal(when, 1580702706);
    assert_int_equal(pem_not_after(certificate_valid, strlen(certificate_valid), &when), 0);
    assert_int_equal(when, 4948823976); /* 2126-10-28 is past what 32 bits and UTCTime hold */
    assert_int_equal(pem_not_after(not_really_a_key, strlen(not_really_a_key), &when), 1);
    for (size_t len = 0; len < strlen(certificate_valid) - 2; len++) /* cut off anywhere */
        assert_int_equal(pem_not_after(certificate_valid, len, &when), 1);
}

static void reads_a_changed_certificate_again(void **state)
{
    struct world *world = *state;
    cleanup_free char *path = path_of(world, "cert");
    struct pem pem;
    pem_init(&pem);
    put(world, "cert", certificate_expired);
    assert_int_equal(pem_from_file(&pem, path, "x", NULL), 0);
    assert_false(pem_refresh(&pem));

    put(world, "cert", "half a certif"); /* being written: the old bytes stay */
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(-1, path, times, 0), 0);
    assert_false(pem_refresh(&pem));
    assert_string_equal(pem.data.data, certificate_expired);
    put(world, "cert", certificate_valid);
    assert_true(pem_refresh(&pem));
    assert_string_equal(pem.data.data, certificate_valid);
    pem_deinit(&pem);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_every_field),
        TEST(first_file_wins),
        TEST(looks_where_kubectl_looks),
        TEST(in_a_pod),
        TEST(names_the_contexts),
        TEST(refuses_what_is_no_kubeconfig),
        TEST(checks_the_cluster),
        TEST(checks_the_user),
        TEST(reads_exec_plugins),
        TEST(tells_when_a_certificate_ends),
        TEST(reads_a_changed_certificate_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
