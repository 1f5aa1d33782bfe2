/* Answers of every shape over plain HTTP/1.1: what the contract of kube/rest.h says of them. */
#include "tests/integration/kube_http/fixture.h"

static void streams_whatever_the_chunks(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    expect_body(fixture, "/stream?text=gr%C3%BC%C3%9Fe%20%E2%82%AC%20%F0%9F%90%99",
                "gr\u00fc\u00dfe \u20ac \U0001F419");

    expect_body(fixture, "/trailers", "body");

    struct seen seen = {0};
    get(fixture, "/large?chunks=100", &seen);
    assert_int_equal(seen.result, REST_OK);
    assert_int_equal(seen.body.len, 100 * 65536);
    assert_true(seen.chunks > 10); /* as they come, not gathered */
    seen_deinit(&seen);
}

static void sends_what_was_asked(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    struct seen seen = {0};
    struct rest_request request = {.method = "PATCH",
                                   .path = "/a/../b%2Fc/echo?x=%20y",
                                   .accept = "application/x",
                                   .content_type = "application/apply-patch+yaml",
                                   .body = "k: v",
                                   .body_len = 4};
    call_start(fixture, &seen, &request);
    call_wait(&seen);
    cJSON *echo = cJSON_Parse(seen.body.data);
    cJSON *headers = cJSON_GetObjectItem(echo, "headers");
    cleanup_free char *printed = cJSON_PrintUnformatted(headers);
    assert_string_equal(cJSON_GetObjectItem(echo, "method")->valuestring, "PATCH");
    assert_string_equal(cJSON_GetObjectItem(echo, "path")->valuestring, "/a/../b%2Fc/echo?x=%20y");
    assert_string_equal(cJSON_GetObjectItem(echo, "body")->valuestring, "k: v");
    assert_non_null(strstr(printed, "\"accept\":[\"application/x\"]"));
    assert_non_null(strstr(printed, "\"content-type\":[\"application/apply-patch+yaml\"]"));
    assert_non_null(strstr(printed, "\"user-agent\":[\"transport-informer/" TI_VERSION "\"]"));
    assert_null(strstr(printed, "authorization"));
    assert_null(strstr(printed, "expect"));
    cJSON_Delete(echo);
    seen_deinit(&seen);
}

static void every_method(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < array_size(methods); i++) {
        struct seen seen = {0};
        call_start(fixture, &seen, &(struct rest_request){.method = methods[i], .path = "/echo"});
        call_wait(&seen);
        cleanup_free char *expected = mem_printf("{\"method\": \"%s\"", methods[i]);
        assert_int_equal(seen.status, 200);
        assert_memory_equal(seen.body.data, expected, strlen(expected));
        assert_null(strstr(seen.body.data, "content-type"));
        seen_deinit(&seen);
    }
}

static void an_error_status_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    static const struct {
        const char *path;
        int status;
        int64_t retry_ms;
    } cases[] = {
        {"/status?code=429&retry=7", 429, 7000},
        {"/status?code=429&retry=0", 429, 0},
        {"/status?code=503", 503, -1},
        {"/status?code=503&retry=soon", 503, -1},
        {"/status?code=503&retry=-5", 503, -1},
        {"/status?code=503&retry=Wed,%2021%20Oct%202015%2007:28:00%20GMT", 503, 0},
        {"/status?code=429&retry=999999999", 429, 86400000},
        {"/redirect", 302, -1},
        {"/nothing", 404, -1},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct seen seen = {0};
        get(fixture, cases[i].path, &seen);
        assert_int_equal(seen.result, REST_OK);
        assert_int_equal(seen.status, cases[i].status);
        assert_int_equal(seen.retry_after_ms, cases[i].retry_ms);
        seen_deinit(&seen);
    }
}

static void a_cut_answer_is_broken(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    expect_failure(fixture, "/cut?length=1", REST_BROKEN, "the connection ended in mid-answer");
    expect_failure(fixture, "/cut", REST_BROKEN, "the connection ended in mid-answer");
    expect_failure(fixture, "/cut?silent=1", REST_BROKEN, "the connection ended before an answer");
    expect_failure(fixture, "/garbage", REST_BROKEN, "does not speak HTTP");

    struct seen seen = {0};
    get(fixture, "/cut", &seen); /* what did arrive was handed on */
    assert_string_equal(seen.body.data, "ten bytes.");
    seen_deinit(&seen);
}

static void silence_times_out(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    struct seen seen = {0};
    struct rest_request request = {.method = "GET", .path = "/silent?headers=1", .idle_timeout_ms = 1000};
    call_start(fixture, &seen, &request);
    call_wait(&seen);
    assert_int_equal(seen.result, REST_TIMEOUT);
    assert_string_equal(seen.body.data, "hello");
    assert_non_null(strstr(seen.reason, "not a byte for 1.000 s"));
    seen_deinit(&seen);

    request.path = "/silent";
    call_start(fixture, &seen, &request);
    call_wait(&seen);
    assert_int_equal(seen.result, REST_TIMEOUT);
    assert_int_equal(seen.status, 0);
    seen_deinit(&seen);

    request =
        (struct rest_request){.method = "GET", .path = "/slow?count=1000&pause=0.02", .timeout_ms = 1000};
    call_start(fixture, &seen, &request);
    call_wait(&seen);
    assert_int_equal(seen.result, REST_TIMEOUT);
    assert_true(seen.body.len > 0);
    assert_non_null(strstr(seen.reason, "not answered in full within 1.000 s"));
    seen_deinit(&seen);
}

static void bytes_keep_a_call_alive(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    struct seen seen = {0};
    struct rest_request request = {
        .method = "GET", .path = "/slow?count=20&pause=0.1", .idle_timeout_ms = 1000};
    call_start(fixture, &seen, &request); /* lasts two seconds in all */
    call_wait(&seen);
    assert_int_equal(seen.result, REST_OK);
    assert_int_equal(seen.body.len, 20);
    seen_deinit(&seen);
}

static void a_silent_connection_is_not_used_again(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    int before = counter(fixture, "connections");
    assert_int_equal(counter(fixture, "connections"), before); /* connections are kept */

    struct seen seen = {0};
    struct rest_request request = {.method = "GET", .path = "/silent", .idle_timeout_ms = 100};
    call_start(fixture, &seen, &request);
    call_wait(&seen);
    assert_int_equal(seen.result, REST_TIMEOUT);
    assert_int_equal(counter(fixture, "connections"), before + 1);
    seen_deinit(&seen);
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *server = mem_printf("http://127.0.0.1:%d", port(fixture, "refused"));
    client_start(fixture, server, "", "");
    expect_failure(fixture, "/echo", REST_REFUSED,
                   "connection refused; is the API server running there? (context \"ctx\"");
    client_start(fixture, "http://no-such-host.invalid:1", "", "");
    expect_failure(fixture, "/echo", REST_UNREACHABLE, "its name does not resolve");
}

static void unpacks_gzip(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    client_start_plain(fixture);
    get(fixture, "/gzip", &seen);
    assert_int_equal(seen.body.len, 7000);
    assert_memory_equal(seen.body.data, "packed packed ", 14);
    seen_deinit(&seen);
    expect_failure(fixture, "/gzip-broken", REST_BROKEN, "");

    cleanup_free char *server = mem_printf("http://127.0.0.1:%d/", port(fixture, "plain"));
    client_start(fixture, server, "disable-compression: true", "");
    expect_body(fixture, "/gzip", "plain");
}

static void cancels_from_everywhere(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    static const char *const places[] = {"headers", "body", "done"};
    for (size_t i = 0; i < array_size(places); i++) {
        struct seen seen = {.cancel_in = places[i]};
        get(fixture, "/stream?text=abc", &seen);
        expect_body(fixture, "/stream?text=x",
                    "x"); /* turns of the loop in which nothing may come any more */
        assert_int_equal(seen.done_count, i == 2);
        seen_deinit(&seen);
    }

    struct seen at_once = {0}, streaming = {0};
    call_start(fixture, &at_once, &(struct rest_request){.method = "GET", .path = "/echo"});
    rest_cancel(at_once.rest, at_once.call);
    at_once.over = true;
    call_start(fixture, &streaming, &(struct rest_request){.method = "GET", .path = "/silent?headers=1"});
    while (streaming.body.len == 0)
        loop_step(fixture->loop);
    rest_cancel(streaming.rest, streaming.call);
    streaming.over = true;
    expect_body(fixture, "/stream?text=x", "x");
    seen_deinit(&at_once);
    seen_deinit(&streaming);
}

/* One call cancels another, and starts a third, from its own callback. */
struct meddler {
    struct fixture *fixture;
    struct seen victim, third;
    bool over;
};

static void meddle(void *arg, const char *data, size_t len)
{
    struct meddler *meddler = arg;
    (void)data;
    (void)len;
    if (meddler->victim.over)
        return;
    rest_cancel(meddler->victim.rest, meddler->victim.call);
    meddler->victim.over = true;
    call_start(meddler->fixture, &meddler->third,
               &(struct rest_request){.method = "GET", .path = "/stream?text=3"});
}

static void meddler_done(void *arg, enum rest_result result, const char *reason)
{
    struct meddler *meddler = arg;
    (void)reason;
    assert_int_equal(result, REST_OK);
    meddler->over = true;
}

static void calls_meddle_with_each_other(void **state)
{
    struct fixture *fixture = *state;
    client_start_plain(fixture);
    struct meddler meddler = {.fixture = fixture};
    const struct rest_callbacks callbacks = {.body = meddle, .done = meddler_done};
    struct rest_request request = {.method = "GET", .path = "/silent?headers=1"};
    call_start(fixture, &meddler.victim, &request);
    while (meddler.victim.body.len == 0)
        loop_step(fixture->loop);

    request.path = "/stream?text=abc";
    rest_start(http_rest(fixture->http), &request, &callbacks, &meddler);
    while (!meddler.over)
        loop_step(fixture->loop);
    call_wait(&meddler.third);
    assert_string_equal(meddler.third.body.data, "3");
    assert_string_equal(meddler.victim.body.data, "hello");
    seen_deinit(&meddler.victim);
    seen_deinit(&meddler.third);
}

static void many_streams_at_once(void **state)
{
    struct fixture *fixture = *state;
    enum { STREAMS = 60 };
    static struct seen streams[STREAMS];
    client_start_plain(fixture);
    for (size_t i = 0; i < STREAMS; i++)
        call_start(fixture, &streams[i],
                   &(struct rest_request){.method = "GET", .path = "/silent?headers=1"});
    for (size_t i = 0; i < STREAMS; i++)
        while (streams[i].body.len == 0)
            loop_step(fixture->loop);
    expect_body(fixture, "/stream?text=between", "between"); /* none keeps the next from its turn */
    http_destroy(fixture->http);                             /* in mid-stream; no callback comes */
    fixture->http = NULL;
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(streams[i].done_count, 0);
        seen_deinit(&streams[i]);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(streams_whatever_the_chunks),
        TEST(sends_what_was_asked),
        TEST(every_method),
        TEST(an_error_status_is_an_answer),
        TEST(a_cut_answer_is_broken),
        TEST(silence_times_out),
        TEST(bytes_keep_a_call_alive),
        TEST(a_silent_connection_is_not_used_again),
        TEST(nobody_listens),
        TEST(unpacks_gzip),
        TEST(cancels_from_everywhere),
        TEST(calls_meddle_with_each_other),
        TEST(many_streams_at_once),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
