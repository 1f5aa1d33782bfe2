/* Watches over HTTP/2: how they share connections, and what becomes of one that falls silent. */
#include "tests/integration/kube_http/fixture.h"

#include <stdio.h>

#define STREAMS_MAX 130

static struct seen streams[STREAMS_MAX];

static void client_h2(struct fixture *fixture, const char *port_name)
{
    cleanup_free char *server = mem_printf("https://localhost:%d", port(fixture, port_name));
    client_start(fixture, server, "certificate-authority: ca.crt", "");
}

/* Starts that many watches, waits until all of them are answered; returns how many connections they have. */
static size_t open_streams(struct fixture *fixture, size_t count)
{
    size_t connections = 0, most = 0;
    bool used[1024] = {false};
    for (size_t i = 0; i < count; i++)
        call_start(fixture, &streams[i], &(struct rest_request){.method = "GET", .path = "/watch"});
    for (size_t i = 0; i < count; i++) {
        int connection, stream;
        while (streams[i].body.len == 0)
            loop_step(fixture->loop);
        assert_int_equal(streams[i].status, 200);
        assert_int_equal(sscanf(streams[i].body.data, "conn=%d stream=%d", &connection, &stream), 2);
        assert_true(connection > 0 && connection < 1024);
        connections += !used[connection];
        used[connection] = true;
        most = (size_t)stream > most ? (size_t)stream : most;
    }
    return connections;
}

static void close_streams(struct fixture *fixture, size_t count)
{
    http_destroy(fixture->http);
    fixture->http = NULL;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(streams[i].done_count, 0);
        seen_deinit(&streams[i]);
    }
}

static void watches_share_a_connection(void **state)
{
    struct fixture *fixture = *state;
    client_h2(fixture, "h2");
    assert_int_equal(open_streams(fixture, 30), 1);
    close_streams(fixture, 30);
}

static void further_connections_where_streams_run_out(void **state)
{
    struct fixture *fixture = *state;
    client_h2(fixture, "h2");
    assert_int_equal(open_streams(fixture, STREAMS_MAX), 2);
    close_streams(fixture, STREAMS_MAX);
    client_h2(fixture, "h2-narrow"); /* ten streams a connection: none must wait for another to end */
    assert_true(open_streams(fixture, 30) >= 3);
    close_streams(fixture, 30);
}

static int connection_of(const struct seen *seen)
{
    int connection = 0;
    assert_int_equal(sscanf(seen->body.data, "conn=%d", &connection), 1);
    return connection;
}

/* A call whose patience ends takes later ones to a new connection; one that is content stays where it is. */
static void a_silent_connection_gets_no_new_calls(void **state)
{
    struct fixture *fixture = *state;
    struct rest_request patient = {.method = "GET", .path = "/watch"};
    struct rest_request impatient = {.method = "GET", .path = "/watch", .idle_timeout_ms = 1000};
    struct seen content = {0}, timed_out = {0}, next = {0};
    client_h2(fixture, "h2");
    call_start(fixture, &content, &patient);
    call_start(fixture, &timed_out, &impatient);
    call_wait(&timed_out);
    assert_int_equal(timed_out.result, REST_TIMEOUT);
    assert_int_equal(connection_of(&timed_out), connection_of(&content));

    call_start(fixture, &next, &patient);
    while (next.body.len == 0)
        loop_step(fixture->loop);
    assert_int_not_equal(connection_of(&next), connection_of(&content));
    assert_false(content.over);
    http_destroy(fixture->http);
    fixture->http = NULL;
    seen_deinit(&content);
    seen_deinit(&timed_out);
    seen_deinit(&next);
}

/* Two watches, and a request that is not answered within its time. */
static void not_answered(struct fixture *fixture, const char *port_name)
{
    struct rest_request probe = {.method = "GET", .path = "/version", .timeout_ms = 1000};
    struct seen timed_out = {0};
    client_h2(fixture, port_name);
    assert_int_equal(open_streams(fixture, 2), 1);
    call_start(fixture, &timed_out, &probe);
    call_wait(&timed_out);
    assert_int_equal(timed_out.result, REST_TIMEOUT);
    seen_deinit(&timed_out);
}

static void watches_end_where_a_request_finds_the_connection_dead(void **state)
{
    struct fixture *fixture = *state;
    not_answered(fixture, "h2-mute");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(streams[i].done_count, 1);
        assert_int_equal(streams[i].result, REST_BROKEN);
        assert_non_null(strstr(streams[i].reason, "the connection is dead"));
        seen_deinit(&streams[i]);
    }
}

static void watches_go_on_where_anything_comes(void **state)
{
    struct fixture *fixture = *state;
    not_answered(fixture, "h2-busy");
    close_streams(fixture, 2);
}

static void cancelled_streams_leave_the_others_alone(void **state)
{
    struct fixture *fixture = *state;
    client_h2(fixture, "h2");
    open_streams(fixture, 10);
    for (size_t i = 0; i < 10; i += 2) {
        rest_cancel(streams[i].rest, streams[i].call);
        streams[i].over = true;
    }
    struct seen next = {0};
    call_start(fixture, &next, &(struct rest_request){.method = "GET", .path = "/watch"});
    while (next.body.len == 0)
        loop_step(fixture->loop);
    assert_int_equal(connection_of(&next), connection_of(&streams[1]));
    close_streams(fixture, 10);
    seen_deinit(&next);
}

/* An API server that is about to stop says GOAWAY: what is under way goes on, and new calls go elsewhere. */
static void a_connection_that_says_goodbye_gets_no_new_calls(void **state)
{
    struct fixture *fixture = *state;
    client_h2(fixture, "h2-goaway");
    assert_int_equal(open_streams(fixture, 3), 1);
    struct seen next = {0};
    call_start(fixture, &next, &(struct rest_request){.method = "GET", .path = "/watch"});
    while (next.body.len == 0)
        loop_step(fixture->loop);
    assert_int_not_equal(connection_of(&next), connection_of(&streams[0]));
    close_streams(fixture, 3);
    seen_deinit(&next);
}

/* Half an answer is not taken for a whole one. (A stream that is reset with NO_ERROR is, by libcurl; but no
 * server ends half an answer so, and who reads it finds it to be no JSON.) */
static void a_cut_stream_is_broken(void **state)
{
    struct fixture *fixture = *state;
    static const char *const endings[] = {"h2-cut", "h2-reset-2", "h2-reset-8"};
    for (size_t i = 0; i < array_size(endings); i++) {
        struct seen seen = {0};
        client_h2(fixture, endings[i]);
        get(fixture, "/watch", &seen);
        assert_int_equal(seen.result, REST_BROKEN);
        seen_deinit(&seen);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(watches_share_a_connection),
        TEST(further_connections_where_streams_run_out),
        TEST(a_silent_connection_gets_no_new_calls),
        TEST(watches_end_where_a_request_finds_the_connection_dead),
        TEST(watches_go_on_where_anything_comes),
        TEST(cancelled_streams_leave_the_others_alone),
        TEST(a_connection_that_says_goodbye_gets_no_new_calls),
        TEST(a_cut_stream_is_broken),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
