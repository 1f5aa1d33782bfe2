#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/exporter.h"
#include "base/mem.h"

/* Clients are sockets of the same thread: the kernel takes what they say, and the loop is turned by hand. */

#define CLIENTS 8 /* that are served at a time */

static const struct metric answer = METRIC_GAUGE("answer", "The answer.");

struct bench {
    struct loop *loop;
    struct exporter *exporter;
    const char *missing; /* what is not ready, or NULL */
    size_t parts;        /* of the metrics */
    const char *labels;
    uint64_t samples; /* in each part */
    size_t collected;
};

static bool on_collect(void *arg, struct metrics *out, size_t part)
{
    struct bench *bench = arg;
    assert_int_equal(part, bench->collected++ % bench->parts);
    for (uint64_t i = 0; i < bench->samples; i++)
        metrics_number(out, &answer, bench->labels, 42 + part);
    return part + 1 < bench->parts;
}

static void on_ready(void *arg, struct checks *out)
{
    const struct bench *bench = arg;
    checks_add(out, "one", NULL);
    checks_add(out, "two", bench->missing);
}

static void open_bench(struct bench *bench, int64_t deadline_us)
{
    static const struct exporter_ops ops = {on_collect, on_ready};
    *bench = (struct bench){.loop = loop_create(), .parts = 1, .samples = 1};
    struct exporter_config config = {
        .loop = bench->loop, .host = "127.0.0.1", .deadline_us = deadline_us, .ops = &ops, .arg = bench};
    struct error err = {0};
    assert_int_equal(exporter_create(&config, &bench->exporter, &err), 0);
}

static void close_bench(struct bench *bench)
{
    exporter_destroy(bench->exporter);
    loop_destroy(bench->loop);
}

static int client(const struct bench *bench)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(exporter_port(bench->exporter)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the server ends the connection, which is closed then. */
static struct buf listen_to(struct bench *bench, int fd)
{
    struct buf heard = BUF_INIT((size_t)128 << 20);
    for (;;) {
        char some[65536];
        ssize_t n = recv(fd, some, sizeof(some), MSG_DONTWAIT);
        if (n > 0)
            buf_append(&heard, some, (size_t)n);
        else if (n == 0 || errno == ECONNRESET)
            break;
        else
            loop_step(bench->loop);
    }
    close(fd);
    buf_append_str(&heard, "");
    return heard;
}

static void assert_answer(struct bench *bench, int fd, const char *status, const char *body)
{
    struct buf heard = listen_to(bench, fd);
    cleanup_free char *line = mem_printf("HTTP/1.1 %s\r\n", status);
    cleanup_free char *length = mem_printf("\r\nContent-Length: %zu\r\n", strlen(body));
    const char *end = strstr(heard.data, "\r\n\r\n");
    assert_int_equal(strncmp(heard.data, line, strlen(line)), 0);
    assert_non_null(strstr(heard.data, length));
    assert_non_null(strstr(heard.data, "\r\nConnection: close\r\n"));
    assert_non_null(end);
    assert_string_equal(end + 4, body);
    buf_deinit(&heard);
}

static void assert_asked(struct bench *bench, const char *request, const char *status, const char *body)
{
    int fd = client(bench);
    say(fd, request);
    assert_answer(bench, fd, status, body);
}

static void the_loop_answers_that_it_turns(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    assert_asked(&bench, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK", "ok\n");
    assert_asked(&bench, "GET /healthz?verbose HTTP/1.0\r\n\r\n", "200 OK", "ok\n");
    close_bench(&bench);
}

static void what_is_not_ready_is_named(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    assert_asked(&bench, "GET /readyz HTTP/1.1\r\n\r\n", "200 OK",
                 "[+]one ok\n[+]two ok\nreadyz check passed\n");
    bench.missing = "no\nbroker";
    assert_asked(&bench, "GET /readyz HTTP/1.1\r\n\r\n", "503 Service Unavailable",
                 "[+]one ok\n[-]two failed: no\\x0abroker\nreadyz check failed\n");
    close_bench(&bench);
}

static void metrics_are_collected_part_by_part(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    bench.parts = 3;
    int fd = client(&bench);
    say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
    for (size_t parts = 0; parts < 3; parts++) {
        while (bench.collected == parts)
            loop_step(bench.loop);
        assert_int_equal(bench.collected, parts + 1); /* one in a turn */
    }
    assert_answer(&bench, fd, "200 OK",
                  "# HELP answer The answer.\n# TYPE answer gauge\nanswer 42\nanswer 43\nanswer 44\n");
    close_bench(&bench);
}

static void a_head_has_no_body(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    int fd = client(&bench);
    say(fd, "HEAD /metrics HTTP/1.1\r\n\r\n");
    struct buf heard = listen_to(&bench, fd);
    assert_non_null(strstr(heard.data, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_string_equal(strstr(heard.data, "\r\n\r\n"), "\r\n\r\n");
    buf_deinit(&heard);
    close_bench(&bench);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\n\r\n";
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    int fd = client(&bench);
    for (size_t i = 0; request[i]; i++) {
        say(fd, (char[]){request[i], '\0'});
        loop_step(bench.loop);
    }
    assert_answer(&bench, fd, "200 OK", "ok\n");
    close_bench(&bench);
}

static size_t open_fds(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* And leaves nothing behind, long before its deadline. */
static void who_has_said_all_is_answered(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 3600 * LOOP_SECOND);
    bench.parts = 2;
    size_t before = open_fds();
    int fd = client(&bench);
    say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
    shutdown(fd, SHUT_WR);
    assert_answer(&bench, fd, "200 OK",
                  "# HELP answer The answer.\n# TYPE answer gauge\nanswer 42\nanswer 43\n");
    while (open_fds() > before)
        loop_step(bench.loop);
    close_bench(&bench);
}

static void what_is_no_request_is_refused(void **state)
{
    static const struct {
        const char *request, *status, *body;
    } cases[] = {
        {"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "GET and HEAD only\n"},
        {"GET /secret HTTP/1.1\r\n\r\n", "404 Not Found", "there are /metrics, /healthz and /readyz\n"},
        {"GET /metrics/ HTTP/1.1\r\n\r\n", "404 Not Found", "there are /metrics, /healthz and /readyz\n"},
        {"GET http://a/metrics HTTP/1.1\r\n\r\n", "400 Bad Request", "this is no HTTP/1.1\n"},
        {"GET /metrics\r\n\r\n", "400 Bad Request", "this is no HTTP/1.1\n"},
        {"GET  /metrics HTTP/1.1\r\n\r\n", "400 Bad Request", "this is no HTTP/1.1\n"},
        {"\r\n\r\n", "400 Bad Request", "this is no HTTP/1.1\n"},
        {"\x16\x03\x01\x02 tls\r\n\r\n", "400 Bad Request", "this is no HTTP/1.1\n"},
    };
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    for (size_t i = 0; i < array_size(cases); i++)
        assert_asked(&bench, cases[i].request, cases[i].status, cases[i].body);
    close_bench(&bench);
}

static void a_request_has_a_limit(void **state)
{
    struct bench bench;
    char filler[9001];
    (void)state;
    open_bench(&bench, 0);
    memset(filler, 'a', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    int fd = client(&bench);
    say(fd, "GET /metrics HTTP/1.1\r\nX: ");
    say(fd, filler);
    assert_answer(&bench, fd, "431 Request Header Fields Too Large", "a request may have 8 KiB\n");
    close_bench(&bench);
}

static void more_metrics_than_the_limit_are_an_error(void **state)
{
    struct bench bench;
    char label[60000] = "";
    (void)state;
    open_bench(&bench, 0);
    strcpy(label, "a=\"");
    memset(label + 3, 'a', sizeof(label) - 5);
    label[sizeof(label) - 2] = '"';
    bench.labels = label;
    bench.samples = ((size_t)64 << 20) / sizeof(label) + 1;
    assert_asked(&bench, "GET /metrics HTTP/1.1\r\n\r\n", "500 Internal Server Error",
                 "the metrics are more than 64 MiB\n");
    close_bench(&bench);
}

/* Who says nothing keeps nobody out: the one that has done so longest gives way. */
static void dawdlers_give_way(void **state)
{
    struct bench bench;
    int idle[CLIENTS];
    (void)state;
    open_bench(&bench, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        idle[i] = client(&bench);
    say(idle[1], "GET /met");
    assert_asked(&bench, "GET /healthz HTTP/1.1\r\n\r\n", "200 OK", "ok\n");
    struct buf nothing = listen_to(&bench, idle[0]);
    assert_int_equal(nothing.len, 0);
    for (size_t i = 1; i < CLIENTS; i++) {
        say(idle[i], i == 1 ? "rics HTTP/1.1\r\n\r\n" : "GET /metrics HTTP/1.1\r\n\r\n");
        assert_answer(&bench, idle[i], "200 OK",
                      "# HELP answer The answer.\n# TYPE answer gauge\nanswer 42\n");
    }
    buf_deinit(&nothing);
    close_bench(&bench);
}

/* One that does not say what it wants, and one that does not take what it asked for. */
static void a_connection_has_a_deadline(void **state)
{
    struct bench bench;
    char label[60000] = "";
    (void)state;
    open_bench(&bench, 20 * LOOP_MS);
    memset(label, 'a', sizeof(label) - 1);
    bench.labels = label;
    bench.samples = 1000;
    int mute = client(&bench), full = client(&bench);
    say(full, "GET /metrics HTTP/1.1\r\n\r\n");
    struct buf nothing = listen_to(&bench, mute);
    assert_int_equal(nothing.len, 0);
    struct buf part = listen_to(&bench, full);
    assert_true(part.len > 0 && part.len < sizeof(label) * bench.samples);
    buf_deinit(&nothing);
    buf_deinit(&part);
    close_bench(&bench);
}

static void it_may_end_at_any_time(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    bench.parts = 100;
    int reading = client(&bench), collecting = client(&bench);
    say(collecting, "GET /metrics HTTP/1.1\r\n\r\n");
    while (bench.collected < 2)
        loop_step(bench.loop);
    close_bench(&bench);
    close(reading);
    close(collecting);
}

static void a_port_that_is_taken_is_said(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench, 0);
    struct exporter_config config = {
        .loop = bench.loop, .host = "127.0.0.1", .port = exporter_port(bench.exporter)};
    struct exporter *second = NULL;
    struct error err = {0};
    cleanup_free char *text = mem_printf("--metrics: listen on 127.0.0.1 port %u: ", config.port);
    assert_int_equal(exporter_create(&config, &second, &err), EX_UNAVAILABLE);
    assert_int_equal(strncmp(err.text, text, strlen(text)), 0);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_answers_that_it_turns),
        cmocka_unit_test(what_is_not_ready_is_named),
        cmocka_unit_test(metrics_are_collected_part_by_part),
        cmocka_unit_test(a_head_has_no_body),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(who_has_said_all_is_answered),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(a_request_has_a_limit),
        cmocka_unit_test(more_metrics_than_the_limit_are_an_error),
        cmocka_unit_test(dawdlers_give_way),
        cmocka_unit_test(a_connection_has_a_deadline),
        cmocka_unit_test(it_may_end_at_any_time),
        cmocka_unit_test(a_port_that_is_taken_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
