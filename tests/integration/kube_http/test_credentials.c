/* Who we say we are: tokens that rotate, plugins that are run, and a 401 that is tried again once. */
#include "tests/integration/kube_http/fixture.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

static void client_plain_as(struct fixture *fixture, const char *cluster, const char *user)
{
    cleanup_free char *server = mem_printf("http://127.0.0.1:%d", port(fixture, "plain"));
    client_start(fixture, server, cluster, user);
}

/* The headers that arrived, as JSON. */
static char *echoed(struct fixture *fixture)
{
    struct seen seen = {0};
    get(fixture, "/echo", &seen);
    assert_int_equal(seen.result, REST_OK);
    return buf_steal(&seen.body);
}

static void expect_header(struct fixture *fixture, const char *header)
{
    cleanup_free char *echo = echoed(fixture);
    if (!strstr(echo, header))
        fail_msg("%s is not in %s", header, echo);
}

static void expect_status(struct fixture *fixture, const char *path, int status)
{
    struct seen seen = {0};
    get(fixture, path, &seen);
    if (seen.result != REST_OK)
        fail_msg("%s", seen.reason);
    assert_int_equal(seen.status, status);
    assert_int_equal(seen.headers_count, 1);
    seen_deinit(&seen);
}

static void sends_what_the_kubeconfig_has(void **state)
{
    struct fixture *fixture = *state;
    client_plain_as(fixture, "", "token: abc");
    expect_header(fixture, "\"authorization\": [\"Bearer abc\"]");
    client_plain_as(fixture, "", "token: \"abc\\n\"");
    expect_header(fixture, "\"authorization\": [\"Bearer abc\"]");
    client_plain_as(fixture, "", "username: me, password: secret");
    expect_header(fixture, "\"authorization\": [\"Basic bWU6c2VjcmV0\"]");
    client_plain_as(fixture, "", "token: 'two words'");
    expect_failure(fixture, "/echo", REST_UNREACHABLE,
                   "no credentials: the token of the kubeconfig has white space");
}

static void impersonates(void **state)
{
    struct fixture *fixture = *state;
    client_plain_as(
        fixture, "",
        "as: \"jane\\nX-Evil: 1\", as-uid: '42', as-groups: [a, b], as-user-extra: {'acme.com/x y': [v]}");
    cleanup_free char *echo = echoed(fixture);
    assert_non_null(strstr(echo, "\"impersonate-user\": [\"jane\"]"));
    assert_non_null(strstr(echo, "\"impersonate-uid\": [\"42\"]"));
    assert_non_null(strstr(echo, "\"impersonate-group\": [\"a\", \"b\"]"));
    assert_non_null(strstr(echo, "\"impersonate-extra-acme.com%2fx%20y\": [\"v\"]"));
    assert_null(strstr(echo, "evil"));
}

static void a_rotated_token_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "token", "one\n", 0600);
    put_file(fixture, "wanted", "one", 0600);
    client_plain_as(fixture, "", "tokenFile: token");
    expect_status(fixture, "/guarded", 200);

    put_file(fixture, "token", "two", 0600);
    put_file(fixture, "wanted", "two", 0600);
    int tries = counter(fixture, "tries");
    expect_status(fixture, "/guarded", 200); /* the 401 for the old one is not seen */
    assert_int_equal(counter(fixture, "tries"), tries + 2);

    put_file(fixture, "wanted", "three", 0600);
    expect_status(fixture, "/guarded", 401); /* nothing new to try */
    assert_int_equal(counter(fixture, "tries"), tries + 3);
}

static void a_token_file_that_is_gone(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "token", "one", 0600);
    put_file(fixture, "wanted", "one", 0600);
    client_plain_as(fixture, "", "tokenFile: token");
    put_file(fixture, "token", " \n", 0600);
    expect_failure(fixture, "/guarded", REST_UNREACHABLE, "/token holds no token");
    put_file(fixture, "token", "one", 0600);
    client_plain_as(fixture, "", "tokenFile: token, token: one");
    put_file(fixture, "token", "", 0600);
    expect_status(fixture, "/guarded", 200); /* by the token beside it */
}

/* A plugin that counts its runs and prints what the test has put into DIR/credential. */
static void put_plugin(const struct fixture *fixture)
{
    put_file(fixture, "plugin",
             "#!/bin/sh\n"
             "cd \"$(dirname \"$0\")\" || exit 1\n"
             "echo run >>runs\n"
             "printf '%s' \"$KUBERNETES_EXEC_INFO\" >info\n"
             "printf '%s|' \"$@\" \"$WORD\" >arguments\n"
             "cat >stdin\n"
             "ls -l /proc/$$/fd | sed -n 's/.*socket:\\[\\([0-9]*\\)\\]/\\1/p' |\n"
             "while read -r inode; do grep \" $inode \" /proc/net/tcp; done >connections\n"
             "cat credential\n",
             0755);
    put_file(fixture, "runs", "", 0600);
}

static void put_credential(const struct fixture *fixture, const char *status)
{
    cleanup_free char *text = mem_printf("{\"kind\":\"ExecCredential\",\"apiVersion\":"
                                         "\"client.authentication.k8s.io/v1\",\"status\":{%s}}",
                                         status);
    put_file(fixture, "credential", text, 0600);
}

static char *read_file(const struct fixture *fixture, const char *name)
{
    cleanup_free char *path = mem_printf("%s/%s", fixture->dir, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = mem_zalloc(65536);
    assert_true(fread(text, 1, 65535, file) < 65535);
    fclose(file);
    return text;
}

static size_t runs(const struct fixture *fixture)
{
    cleanup_free char *text = read_file(fixture, "runs");
    return strlen(text) / strlen("run\n");
}

#define EXEC(more)                                                                                           \
    "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ./plugin" more "}"

static void runs_a_plugin_without_a_shell(void **state)
{
    struct fixture *fixture = *state;
    put_plugin(fixture);
    put_credential(fixture, "\"token\":\"fresh\"");
    put_file(fixture, "wanted", "fresh", 0600);
    client_plain_as(
        fixture, "disable-compression: true",
        EXEC(", args: ['$HOME', 'a b;c'], env: [{name: WORD, value: '`x`'}], provideClusterInfo: true"));
    expect_status(fixture, "/guarded", 200);
    expect_status(fixture, "/guarded", 200);
    assert_int_equal(runs(fixture), 1); /* what it gave is kept */

    cleanup_free char *arguments = read_file(fixture, "arguments");
    assert_string_equal(arguments, "$HOME|a b;c|`x`|");
    cleanup_free char *info = read_file(fixture, "info");
    cleanup_free char *expected = mem_printf(
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{"
        "\"cluster\":{\"server\":\"http://127.0.0.1:%d\",\"disable-compression\":true},"
        "\"interactive\":false}}",
        port(fixture, "plain"));
    assert_string_equal(info, expected);
    cleanup_free char *stdin_text = read_file(fixture, "stdin");
    assert_string_equal(stdin_text, "");
}

static void many_calls_wait_for_one_plugin(void **state)
{
    struct fixture *fixture = *state;
    put_plugin(fixture);
    put_credential(fixture, "\"token\":\"fresh\"");
    put_file(fixture, "wanted", "fresh", 0600);
    client_plain_as(fixture, "", EXEC(""));
    static struct seen seen[20];
    for (size_t i = 0; i < array_size(seen); i++)
        call_start(fixture, &seen[i], &(struct rest_request){.method = "GET", .path = "/guarded"});
    for (size_t i = 0; i < array_size(seen); i++) {
        call_wait(&seen[i]);
        assert_int_equal(seen[i].status, 200);
        seen_deinit(&seen[i]);
    }
    assert_int_equal(runs(fixture), 1);
}

static void a_refused_credential_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    put_plugin(fixture);
    put_credential(fixture, "\"token\":\"one\"");
    put_file(fixture, "wanted", "one", 0600);
    client_plain_as(fixture, "", EXEC(""));
    expect_status(fixture, "/guarded", 200);
    put_credential(fixture, "\"token\":\"two\"");
    put_file(fixture, "wanted", "two", 0600);
    expect_status(fixture, "/guarded", 200);
    assert_int_equal(runs(fixture), 2);
    cleanup_free char *inherited = read_file(fixture, "connections");
    assert_string_equal(inherited, "");

    put_file(fixture, "wanted", "three", 0600);
    expect_status(fixture, "/guarded", 401); /* asked once more, no more */
    assert_int_equal(runs(fixture), 3);
    expect_status(fixture, "/guarded", 401); /* never accepted, and fresh: not again */
    assert_int_equal(runs(fixture), 3);
}

static void an_expired_credential_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    char status[128];
    time_t soon = time(NULL) + 5; /* within the margin: good for a second */
    struct tm tm;
    gmtime_r(&soon, &tm);
    strftime(status, sizeof(status), "\"token\":\"one\",\"expirationTimestamp\":\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
    put_plugin(fixture);
    put_credential(fixture, status);
    put_file(fixture, "wanted", "one", 0600);
    client_plain_as(fixture, "", EXEC(""));
    expect_status(fixture, "/guarded", 200);
    assert_int_equal(runs(fixture), 1);
    for (int64_t start = loop_now_us(fixture->loop); runs(fixture) == 1;) {
        expect_status(fixture, "/guarded", 200);
        assert_true(loop_now_us(fixture->loop) - start < 10 * LOOP_SECOND);
    }
}

static void plugins_that_fail_say_why(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *script, *reason;
    } cases[] = {
        {"echo first >&2; echo 'log in first' >&2; exit 3",
         "/plugin failed with exit code 3: log in first; run setup"},
        {"kill -9 $$", "/plugin was ended by signal 9; run setup"},
        {"echo hello", "/plugin: printed no ExecCredential on its stdout"},
        {"echo "
         "'{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"
         "v1beta1\",\"status\":{}}'",
         "but the kubeconfig asks for client.authentication.k8s.io/v1"},
        {"head -c 2000000 /dev/zero", "printed more than 1 MiB"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        cleanup_free char *script = mem_printf("#!/bin/sh\n%s\n", cases[i].script);
        put_file(fixture, "plugin", script, 0755);
        client_plain_as(fixture, "", EXEC(", installHint: \"run\\nsetup\""));
        expect_failure(fixture, "/echo", REST_UNREACHABLE, cases[i].reason);
    }
    client_plain_as(fixture, "",
                    "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, "
                    "command: no-such-plugin, installHint: get it}");
    expect_failure(fixture, "/echo", REST_UNREACHABLE,
                   "exec plugin no-such-plugin cannot be started: no such file or directory; get it");
}

static void a_hanging_plugin_stops_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "plugin", "#!/bin/sh\ncd \"$(dirname \"$0\")\"; sleep 1000 & echo $! >child; wait\n",
             0755);
    put_file(fixture, "child", "", 0600);
    client_plain_as(fixture, "", EXEC(""));
    struct seen seen = {0};
    call_start(fixture, &seen, &(struct rest_request){.method = "GET", .path = "/echo", .timeout_ms = 300});
    call_wait(&seen);
    assert_int_equal(seen.result, REST_TIMEOUT); /* the call's own; the loop went on all the time */
    int child = 0;
    while (child == 0) {
        cleanup_free char *text = read_file(fixture, "child");
        child = strchr(text, '\n') ? atoi(text) : 0;
        sched_yield();
    }
    http_destroy(fixture->http);
    fixture->http = NULL;

    char state_path[64]; /* its children went with it: gone, or dead and not yet collected */
    snprintf(state_path, sizeof(state_path), "/proc/%d/stat", child);
    for (;;) {
        FILE *file = fopen(state_path, "r");
        char word = 'X';
        if (file && fscanf(file, "%*d %*s %c", &word) != 1)
            word = 'X';
        if (file)
            fclose(file);
        if (word == 'X' || word == 'Z')
            break;
        sched_yield();
    }
    seen_deinit(&seen);
}

static void a_plugin_may_give_a_certificate(void **state)
{
    struct fixture *fixture = *state;
    put_file(fixture, "plugin",
             "#!/usr/bin/env python3\n"
             "import json, os, sys\n"
             "read = lambda name: open(os.path.join(os.path.dirname(sys.argv[0]), name)).read()\n"
             "print(json.dumps({'kind': 'ExecCredential', 'apiVersion': 'client.authentication.k8s.io/v1', "
             "'status':\n"
             "    {'clientCertificateData': read('client.crt'), 'clientKeyData': read('client.key')}}))\n",
             0755);
    cleanup_free char *server = mem_printf("https://127.0.0.1:%d", port(fixture, "mutual"));
    client_start(fixture, server, "certificate-authority: ca.crt", EXEC(""));
    expect_body(fixture, "/peer", "alice");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(sends_what_the_kubeconfig_has),
        TEST(impersonates),
        TEST(a_rotated_token_is_read_again),
        TEST(a_token_file_that_is_gone),
        TEST(runs_a_plugin_without_a_shell),
        TEST(many_calls_wait_for_one_plugin),
        TEST(a_refused_credential_is_asked_for_again),
        TEST(an_expired_credential_is_asked_for_again),
        TEST(plugins_that_fail_say_why),
        TEST(a_hanging_plugin_stops_nothing_else),
        TEST(a_plugin_may_give_a_certificate),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
