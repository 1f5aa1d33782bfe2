#include "tests/integration/kube_http/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_server(const char *dir, int in, int out)
{
    dup2(in, 0);
    dup2(out, 1);
    closefrom(3);
    execlp("python3", "python3", TI_TESTS_DIR "/integration/kube_http/server.py", dir, (char *)NULL);
    _exit(127);
}

static cJSON *read_ports(int fd)
{
    char line[1024];
    size_t len = 0;
    while (len < sizeof(line) - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
        len++;
    return cJSON_ParseWithLength(line, len);
}

int fixture_start(void **state)
{
    struct fixture *fixture = mem_zalloc(sizeof(*fixture));
    int in[2], out[2];
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                          "ALL_PROXY",  "all_proxy",   "NO_PROXY"};
    for (size_t i = 0; i < array_size(proxies); i++)
        unsetenv(proxies[i]);
    signal(SIGPIPE, SIG_IGN);
    strcpy(fixture->dir, "/tmp/ti-http-XXXXXX");
    if (!mkdtemp(fixture->dir) || pipe(in) != 0 || pipe(out) != 0)
        return -1;
    fixture->pid = fork();
    if (fixture->pid == 0)
        run_server(fixture->dir, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    fixture->in = in[1];
    fixture->out = out[0];
    fixture->ports = read_ports(out[0]);
    fixture->loop = loop_create();
    *state = fixture;
    return fixture->ports ? 0 : -1;
}

int fixture_stop(void **state)
{
    struct fixture *fixture = *state;
    loop_destroy(fixture->loop);
    close(fixture->in); /* which ends the server */
    waitpid(fixture->pid, NULL, 0);
    close(fixture->out);
    cJSON_Delete(fixture->ports);
    cleanup_free char *command = mem_printf("rm -rf %s", fixture->dir);
    int r = system(command);
    free(fixture);
    return r;
}

int client_stop(void **state)
{
    struct fixture *fixture = *state;
    http_destroy(fixture->http);
    fixture->http = NULL;
    return 0;
}

int port(const struct fixture *fixture, const char *name)
{
    return cJSON_GetObjectItem(fixture->ports, name)->valueint;
}

void put_file(const struct fixture *fixture, const char *name, const char *text, int mode)
{
    /* Renamed into place: whoever reads sees all of the old or all of the new. */
    cleanup_free char *path = mem_printf("%s/%s", fixture->dir, name);
    cleanup_free char *fresh = mem_printf("%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(fresh, (mode_t)mode), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static char *replace_dir(const struct fixture *fixture, const char *text)
{
    struct buf out = BUF_INIT(1 << 16);
    for (const char *at; (at = strstr(text, "%DIR%")); text = at + 5) {
        buf_append(&out, text, (size_t)(at - text));
        buf_append_str(&out, fixture->dir);
    }
    buf_append_str(&out, text);
    return buf_steal(&out);
}

void client_start(struct fixture *fixture, const char *server, const char *cluster, const char *user)
{
    cleanup_free char *raw = mem_printf("current-context: ctx\n"
                                        "contexts: [{name: ctx, context: {cluster: c, user: u}}]\n"
                                        "clusters: [{name: c, cluster: {server: '%s', %s}}]\n"
                                        "users: [{name: u, user: {%s}}]\n",
                                        server, cluster, user);
    cleanup_free char *text = replace_dir(fixture, raw);
    cleanup_free char *path = mem_printf("%s/config", fixture->dir);
    struct kubeconfig *config = NULL;
    struct error err = {0};
    if (kubeconfig_load_text(path, text, strlen(text), NULL, &config, &err) != 0)
        fail_msg("%s", err.text);
    http_destroy(fixture->http);
    fixture->http = http_create(fixture->loop, NULL, config);
}

void client_start_plain(struct fixture *fixture)
{
    cleanup_free char *server = mem_printf("http://127.0.0.1:%d", port(fixture, "plain"));
    client_start(fixture, server, "", "");
}

static void maybe_cancel(struct seen *seen, const char *where)
{
    if (!seen->cancel_in || strcmp(seen->cancel_in, where) != 0 || seen->over)
        return;
    rest_cancel(seen->rest, seen->call);
    seen->over = true;
}

static void on_headers(void *arg, int status, int64_t retry_after_ms)
{
    struct seen *seen = arg;
    assert_false(seen->over);
    assert_int_equal(seen->body.len, 0);
    seen->headers_count++;
    seen->status = status;
    seen->retry_after_ms = retry_after_ms;
    maybe_cancel(seen, "headers");
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;
    assert_false(seen->over);
    assert_int_equal(seen->headers_count, 1);
    assert_int_equal(buf_append(&seen->body, data, len), 0);
    seen->chunks++;
    maybe_cancel(seen, "body");
}

static void on_done(void *arg, enum rest_result result, const char *reason)
{
    struct seen *seen = arg;
    assert_false(seen->over);
    assert_null(strchr(reason, '\n'));
    assert_int_equal(result == REST_OK, reason[0] == '\0');
    seen->done_count++;
    seen->result = result;
    snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
    maybe_cancel(seen, "done");
    seen->over = true;
}

void call_start(struct fixture *fixture, struct seen *seen, const struct rest_request *request)
{
    static const struct rest_callbacks callbacks = {on_headers, on_body, on_done};
    const char *cancel_in = seen->cancel_in;
    *seen = (struct seen){.loop = fixture->loop, .rest = http_rest(fixture->http), .cancel_in = cancel_in};
    buf_init(&seen->body, (size_t)64 << 20);
    seen->call = rest_start(seen->rest, request, &callbacks, seen);
    assert_non_null(seen->call);
    assert_false(seen->over);
}

void call_wait(struct seen *seen)
{
    while (!seen->over)
        loop_step(seen->loop);
}

void seen_deinit(struct seen *seen)
{
    buf_deinit(&seen->body);
}

void get(struct fixture *fixture, const char *path, struct seen *seen)
{
    call_start(fixture, seen, &(struct rest_request){.method = "GET", .path = path});
    call_wait(seen);
}

void expect_body(struct fixture *fixture, const char *path, const char *body)
{
    struct seen seen = {0};
    get(fixture, path, &seen);
    if (seen.result != REST_OK)
        fail_msg("%s", seen.reason);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.body.data ? seen.body.data : "", body);
    seen_deinit(&seen);
}

void expect_failure(struct fixture *fixture, const char *path, enum rest_result result, const char *reason)
{
    struct seen seen = {0};
    get(fixture, path, &seen);
    if (seen.result != result || !strstr(seen.reason, reason))
        fail_msg("result %d, \"%s\" is not %d, \"%s\"", seen.result, seen.reason, result, reason);
    print_message("           %s\n", seen.reason);
    seen_deinit(&seen);
}

int counter(struct fixture *fixture, const char *name)
{
    struct seen seen = {0};
    get(fixture, "/counters", &seen);
    cJSON *counters = cJSON_Parse(seen.body.data);
    assert_non_null(counters);
    int value = cJSON_GetObjectItem(counters, name)->valueint;
    cJSON_Delete(counters);
    seen_deinit(&seen);
    return value;
}
