/* Faults on demand, as a client in the same process meets them under virtual time. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/local.h"
#include "base/mem.h"
#include "samples/minicluster/faults.h"

#define NAMESPACES "/api/v1/namespaces"

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct faults *faults;
    struct local *local;
};

struct answer {
    struct loop *loop;
    int status;
    int64_t begun_us; /* the status came */
    struct buf body;
    bool done;
    enum rest_result result;
};

static void start(struct fixture *f)
{
    f->loop = loop_create_simulated(3);
    f->server = apiserver_create(&(struct apiserver_options){.loop = f->loop});
    f->faults = faults_create(f->server);
    f->local = local_create(f->server);
}

static void stop(struct fixture *f)
{
    local_destroy(f->local);
    faults_destroy(f->faults);
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
}

static void on_headers(void *arg, int status, int64_t retry_after_ms)
{
    struct answer *answer = arg;
    (void)retry_after_ms;
    answer->status = status;
    answer->begun_us = loop_now_us(answer->loop);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct answer *answer = arg;
    buf_append(&answer->body, data, len);
}

static void on_done(void *arg, enum rest_result result, const char *reason)
{
    struct answer *answer = arg;
    (void)reason;
    answer->done = true;
    answer->result = result;
}

/* Returns after how long the answer began. */
static int64_t ask(struct fixture *f, const char *method, const char *path, struct answer *answer)
{
    static const struct rest_callbacks callbacks = {on_headers, on_body, on_done};
    struct rest_request request = {.method = method, .path = path};
    int64_t begun = loop_now_us(f->loop);
    *answer = (struct answer){.loop = f->loop, .body = BUF_INIT(1 << 20)};
    rest_start(local_rest(f->local), &request, &callbacks, answer);
    while (!answer->done)
        loop_step(f->loop);
    buf_deinit(&answer->body);
    return answer->begun_us - begun;
}

static void make(struct fixture *f, const char *path)
{
    struct answer answer;
    ask(f, "POST", path, &answer);
    assert_int_equal(answer.status, 200);
}

static void slow_answer_begins_when_its_time_has_come(void **state)
{
    struct fixture f;
    struct answer answer;
    (void)state;
    start(&f);
    make(&f, "/minicluster/faults/slow?delay-ms=700&verb=list");
    assert_in_range(ask(&f, "GET", NAMESPACES, &answer), 700 * LOOP_MS, 710 * LOOP_MS);
    assert_int_equal(answer.status, 200);
    assert_in_range(ask(&f, "GET", NAMESPACES "/default", &answer), 0, 10 * LOOP_MS);
    stop(&f);
}

static void dropped_request_has_no_status(void **state)
{
    struct fixture f;
    struct answer answer;
    (void)state;
    start(&f);
    make(&f, "/minicluster/faults/drop?times=1");
    ask(&f, "GET", NAMESPACES, &answer);
    assert_int_equal(answer.result, REST_BROKEN);
    assert_int_equal(answer.status, 0);
    ask(&f, "GET", NAMESPACES, &answer);
    assert_int_equal(answer.status, 200);
    stop(&f);
}

/* Controllers ask the server directly. */
static void what_the_process_asks_itself_has_no_faults(void **state)
{
    struct fixture f;
    struct answer answer;
    struct rest_request request = {.method = "GET", .path = NAMESPACES};
    (void)state;
    start(&f);
    make(&f, "/minicluster/faults/error?code=503");
    ask(&f, "GET", NAMESPACES, &answer);
    assert_int_equal(answer.status, 503);
    cleanup_with(buf_deinit) struct buf body = BUF_INIT(1 << 20);
    assert_int_equal(apiserver_call(f.server, &request, &body), 200);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_answer_begins_when_its_time_has_come),
        cmocka_unit_test(dropped_request_has_no_status),
        cmocka_unit_test(what_the_process_asks_itself_has_no_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
