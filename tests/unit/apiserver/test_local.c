/* The in-process API server as kube/ and the simulation see it: a struct rest over a simulated loop. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/local.h"
#include "base/mem.h"
#include "tests/support/samples.h"

static const struct gvr configmaps = {"", "v1", "configmaps"};

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct local *local;
};

struct answer {
    struct rest_call *call;
    int status;
    struct buf body;
    bool done;
    enum rest_result result;
};

static void on_headers(void *arg, int status, int64_t retry_after_ms)
{
    struct answer *answer = arg;
    (void)retry_after_ms;
    assert_int_equal(answer->status, 0);
    answer->status = status;
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct answer *answer = arg;
    assert_int_not_equal(answer->status, 0);
    buf_append(&answer->body, data, len);
}

static void on_done(void *arg, enum rest_result result, const char *reason)
{
    struct answer *answer = arg;
    (void)reason;
    assert_false(answer->done);
    answer->done = true;
    answer->result = result;
    answer->call = NULL;
}

static const struct rest_callbacks callbacks = {on_headers, on_body, on_done};

static void get(struct fixture *f, struct answer *answer, const char *path)
{
    struct rest_request request = {.method = "GET", .path = path};
    *answer = (struct answer){.body = BUF_INIT(1 << 20)};
    answer->call = rest_start(local_rest(f->local), &request, &callbacks, answer);
    assert_int_equal(answer->status, 0);
}

static void set(void *arg)
{
    *(bool *)arg = true;
}

/* One second of virtual time. */
static void settle(struct fixture *f)
{
    struct timer timer;
    bool over = false;
    timer_init(&timer, f->loop, set, &over);
    timer_start(&timer, LOOP_SECOND);
    while (!over)
        loop_step(f->loop);
}

/* A single answer, to its end. */
static const char *fetch(struct fixture *f, struct answer *answer, const char *path)
{
    get(f, answer, path);
    settle(f);
    assert_true(answer->done);
    assert_int_equal(answer->result, REST_OK);
    return answer->body.data;
}

static void forget(struct fixture *f, struct answer *answer)
{
    if (answer->call)
        rest_cancel(local_rest(f->local), answer->call);
    buf_deinit(&answer->body);
}

static void put(struct fixture *f, const char *name, int value)
{
    struct error err = {0};
    cleanup_free char *key = mem_printf("default/%s", name);
    cleanup_free char *json = mem_printf(
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"labels\":{\"app\":\"a%d\"}},\"data\":"
        "{\"value\":\"%d\"}}",
        name, value % 2, value);
    if (apiserver_get_object(f->server, &configmaps, key))
        assert_int_equal(
            apiserver_update_object(f->server, &configmaps, json, strlen(json), false, NULL, &err), 0);
    else
        assert_int_equal(apiserver_create_object(f->server, &configmaps, json, strlen(json), NULL, &err), 0);
}

static void drop(struct fixture *f, const char *key)
{
    assert_int_equal(apiserver_delete_object(f->server, &configmaps, key, NULL), 0);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; at && (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(7);
    struct apiserver_options options = {.loop = f->loop};
    f->server = apiserver_create(&options);
    f->local = local_create(f->server);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    local_destroy(f->local);
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void lists_items_without_their_type(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "b", 1);
    put(f, "a", 2);
    const char *body = fetch(f, &answer, "/api/v1/configmaps");
    assert_int_equal(answer.status, 200);
    assert_ptr_equal(
        strstr(body,
               "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\""),
        body);
    assert_non_null(
        strstr(body, "\"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\",\"uid\":\""));
    assert_int_equal(count(body, "\"kind\""), 1);
    assert_true(strstr(body, "\"name\":\"a\"") < strstr(body, "\"name\":\"b\""));
    forget(f, &answer);
}

static void selects_by_namespace_label_and_field(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        size_t expected;
    } cases[] = {
        {"/api/v1/namespaces/default/configmaps", 3},
        {"/api/v1/namespaces/other/configmaps", 0},
        {"/api/v1/namespaces/default/configmaps?labelSelector=app%3Da1", 2},
        {"/api/v1/configmaps?labelSelector=app+in+(a0,a2)", 1},
        {"/api/v1/configmaps?labelSelector=!app", 0},
        {"/api/v1/configmaps?fieldSelector=metadata.name%3Db", 1},
        {"/api/v1/configmaps?fieldSelector=metadata.name!%3Db", 2},
    };
    put(f, "a", 1);
    put(f, "b", 2);
    put(f, "c", 3);
    for (size_t i = 0; i < array_size(cases); i++) {
        struct answer answer;
        assert_int_equal(count(fetch(f, &answer, cases[i].path), "\"value\":"), cases[i].expected);
        forget(f, &answer);
    }
}

static void pages_show_one_revision(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    char path[4096];
    put(f, "a", 1);
    put(f, "b", 1);
    put(f, "c", 1);
    const char *body = fetch(f, &answer, "/api/v1/configmaps?limit=2");
    assert_int_equal(count(body, "\"value\":"), 2);
    assert_non_null(strstr(body, "\"remainingItemCount\":1"));
    struct slice metadata = json_member((struct slice){body, strlen(body)}, "metadata");
    struct slice token = json_member(metadata, "continue");
    struct slice revision = json_member(metadata, "resourceVersion");
    snprintf(path, sizeof(path), "/api/v1/configmaps?limit=2&continue=%.*s", SLICE_ARGS(token));
    cleanup_free char *first = mem_dup(revision.data, revision.len);
    forget(f, &answer);

    put(f, "c", 9);
    put(f, "d", 9);
    drop(f, "default/b");
    body = fetch(f, &answer, path);
    assert_int_equal(count(body, "\"value\":\"1\""), 1);
    assert_int_equal(count(body, "\"value\":"), 1);
    assert_non_null(strstr(body, first));
    forget(f, &answer);

    apiserver_compact(f->server, apiserver_revision(f->server));
    body = fetch(f, &answer, path);
    assert_int_equal(answer.status, 410);
    assert_non_null(strstr(body, "\"reason\":\"Expired\""));
    assert_non_null(strstr(body, "\"metadata\":{\"continue\":\""));
    forget(f, &answer);
}

static void watch_tells_changes_in_order(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "a", 1);
    char path[128];
    snprintf(path, sizeof(path), "/api/v1/configmaps?watch=1&resourceVersion=%llu",
             (unsigned long long)apiserver_revision(f->server));
    get(f, &answer, path);
    settle(f);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.len, 0);
    put(f, "b", 1);
    put(f, "a", 2);
    put(f, "a", 2); /* changes nothing, and is not told */
    drop(f, "default/a");
    settle(f);
    const char *body = answer.body.data;
    assert_int_equal(count(body, "\n"), 3);
    assert_ptr_equal(
        strstr(body,
               "{\"type\":\"ADDED\",\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"
               "\"name\":\"b\""),
        body);
    assert_true(strstr(body, "MODIFIED") < strstr(body, "DELETED"));
    char last[64];
    snprintf(last, sizeof(last), "\"resourceVersion\":\"%llu\"",
             (unsigned long long)apiserver_revision(f->server));
    assert_non_null(strstr(strstr(body, "DELETED"), last));
    forget(f, &answer);
}

static void selecting_watch_tells_comings_and_goings(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "a", 2);
    get(f, &answer, "/api/v1/configmaps?watch=1&labelSelector=app%3Da1");
    settle(f);
    put(f, "a", 1);
    put(f, "a", 3);
    put(f, "a", 4);
    settle(f);
    const char *body = answer.body.data;
    assert_int_equal(count(body, "\n"), 3);
    assert_true(strstr(body, "ADDED") < strstr(body, "MODIFIED"));
    const char *gone = strstr(body, "DELETED");
    assert_non_null(gone);
    assert_non_null(strstr(gone, "\"value\":\"3\"")); /* the last state that matched */
    forget(f, &answer);
}

static void watch_from_a_forgotten_revision_gets_410(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "a", 1);
    apiserver_compact(f->server, apiserver_revision(f->server));
    const char *body = fetch(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=1");
    assert_int_equal(answer.status, 200);
    assert_ptr_equal(strstr(body, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\""), body);
    assert_non_null(strstr(body, "\"reason\":\"Expired\",\"code\":410}}\n"));
    forget(f, &answer);
}

static void watch_list_ends_with_its_bookmark(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "a", 1);
    put(f, "b", 1);
    get(f, &answer,
        "/api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
        "allowWatchBookmarks=true");
    settle(f);
    const char *body = answer.body.data;
    assert_int_equal(count(body, "\"ADDED\""), 2);
    assert_int_equal(count(body, "k8s.io/initial-events-end"), 1);
    put(f, "c", 1);
    settle(f);
    assert_true(strstr(answer.body.data, "initial-events-end") < strstr(answer.body.data, "\"name\":\"c\""));
    forget(f, &answer);
}

static void bookmark_carries_the_revision_of_other_resources(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    get(f, &answer, "/api/v1/pods?watch=1&resourceVersion=4&allowWatchBookmarks=true");
    put(f, "a", 1);
    for (int i = 0; i < 70; i++)
        settle(f);
    char expected[64];
    snprintf(expected, sizeof(expected), "\"resourceVersion\":\"%llu\"",
             (unsigned long long)apiserver_revision(f->server));
    assert_int_equal(count(answer.body.data, "BOOKMARK"), 1);
    assert_non_null(strstr(answer.body.data, expected));
    forget(f, &answer);
}

static void watch_ends_after_its_timeout(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    int64_t from = loop_now_us(f->loop);
    get(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=4&timeoutSeconds=30");
    while (!answer.done)
        loop_step(f->loop);
    assert_int_equal(answer.result, REST_OK);
    assert_int_equal((loop_now_us(f->loop) - from) / LOOP_SECOND, 30);
    forget(f, &answer);
}

static void lagging_replica_shows_the_past(void **state)
{
    struct fixture *f = *state;
    struct answer answer, watch;
    put(f, "a", 1);
    local_set_horizon(f->local, apiserver_revision(f->server));
    get(f, &watch, "/api/v1/configmaps?watch=1&resourceVersion=5");
    put(f, "b", 1);
    assert_int_equal(count(fetch(f, &answer, "/api/v1/configmaps?resourceVersion=0"), "\"value\":"), 1);
    forget(f, &answer);
    assert_int_equal(count(fetch(f, &answer, "/api/v1/configmaps"), "\"value\":"), 2);
    forget(f, &answer);
    fetch(f, &answer, "/api/v1/configmaps?resourceVersion=6");
    assert_int_equal(answer.status, 504);
    assert_non_null(strstr(answer.body.data, "Too large resource version: 6, current: 5"));
    forget(f, &answer);
    fetch(f, &answer,
          "/api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
          "&allowWatchBookmarks=true&resourceVersion=6");
    assert_int_equal(answer.status, 504);
    forget(f, &answer);
    assert_int_equal(watch.body.len, 0);
    local_set_horizon(f->local, UINT64_MAX);
    settle(f);
    assert_int_equal(count(watch.body.data, "ADDED"), 1);
    forget(f, &watch);
}

static void faults_end_calls_as_they_say(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    local_set_refusing(f->local, true);
    get(f, &answer, "/api/v1/configmaps");
    settle(f);
    assert_int_equal(answer.result, REST_REFUSED);
    forget(f, &answer);
    local_set_refusing(f->local, false);

    get(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=4");
    settle(f);
    local_cut_watches(f->local);
    settle(f);
    assert_true(answer.done);
    assert_int_equal(answer.result, REST_BROKEN);
    forget(f, &answer);

    put(f, "a", 1);
    local_break_after(f->local, 10);
    get(f, &answer, "/api/v1/configmaps");
    settle(f);
    assert_int_equal(answer.result, REST_BROKEN);
    assert_int_equal(answer.body.len, 10);
    forget(f, &answer);
    local_break_after(f->local, SIZE_MAX);

    apiserver_forbid(f->server, &configmaps, true);
    fetch(f, &answer, "/api/v1/configmaps");
    assert_int_equal(answer.status, 403);
    assert_non_null(strstr(answer.body.data, "cannot list resource \\\"configmaps\\\" in API group"));
    forget(f, &answer);
}

static void restart_breaks_watches_and_forgets_the_cache(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    put(f, "a", 1);
    get(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=5");
    settle(f);
    put(f, "a", 2);
    apiserver_restart(f->server);
    settle(f);
    assert_int_equal(answer.result, REST_BROKEN);
    forget(f, &answer);
    assert_non_null(strstr(fetch(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=5"), "too old"));
    forget(f, &answer);
}

static void hanging_answer_times_out(void **state)
{
    struct fixture *f = *state;
    struct rest_request request = {.method = "GET", .path = "/api/v1/configmaps", .idle_timeout_ms = 500};
    struct answer answer = {.body = BUF_INIT(1 << 20)};
    local_set_hanging(f->local, true);
    answer.call = rest_start(local_rest(f->local), &request, &callbacks, &answer);
    settle(f);
    assert_true(answer.done);
    assert_int_equal(answer.result, REST_TIMEOUT);
    forget(f, &answer);
}

static double shown(struct fixture *f, const char *series)
{
    struct metrics *metrics = metrics_create(1 << 16);
    apiserver_counters(f->server, "", &(struct counters){.metrics = metrics});
    double value = sample_of(metrics, series);
    metrics_destroy(metrics);
    return value;
}

static void requests_are_counted(void **state)
{
    struct fixture *f = *state;
    struct answer answer, watch;
    double ok = shown(f, "transport_informer_apiserver_requests_total{class=\"2xx\"}");
    double refused = shown(f, "transport_informer_apiserver_requests_total{class=\"4xx\"}");
    double bytes = shown(f, "transport_informer_apiserver_sent_bytes_total");
    get(f, &watch, "/api/v1/configmaps?watch=1&resourceVersion=4");
    settle(f);
    assert_true(shown(f, "transport_informer_apiserver_requests_in_flight{kind=\"watch\"}") == 1);
    fetch(f, &answer, "/api/v1/configmaps");
    size_t len = answer.body.len;
    forget(f, &answer);
    fetch(f, &answer, "/api/v1/nothing");
    len += answer.body.len;
    forget(f, &answer);
    assert_true(shown(f, "transport_informer_apiserver_requests_total{class=\"2xx\"}") == ok + 1);
    assert_true(shown(f, "transport_informer_apiserver_requests_total{class=\"4xx\"}") == refused + 1);
    assert_true(shown(f, "transport_informer_apiserver_sent_bytes_total") ==
                bytes + (double)(len + watch.body.len));
    forget(f, &watch);
    assert_true(shown(f, "transport_informer_apiserver_requests_in_flight{kind=\"watch\"}") == 0);
    assert_true(shown(f, "transport_informer_apiserver_requests_total{class=\"2xx\"}") == ok + 2);
}

static void slow_watch_is_told_that_history_has_gone_past_it(void **state)
{
    struct fixture *f = *state;
    struct answer answer;
    apiserver_storage(f->server)->history_events = 5;
    get(f, &answer, "/api/v1/configmaps?watch=1&resourceVersion=4");
    settle(f);
    local_set_hanging(f->local, true);
    for (int i = 0; i < 10; i++)
        put(f, "a", i);
    local_set_hanging(f->local, false);
    settle(f);
    assert_true(answer.done);
    assert_int_equal(answer.result, REST_OK);
    assert_non_null(strstr(answer.body.data, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\""));
    assert_non_null(strstr(answer.body.data, "\"reason\":\"Expired\",\"code\":410}}\n"));
    assert_true(shown(f, "transport_informer_apiserver_outpaced_watches_total") == 1);
    forget(f, &answer);
}

static void history_has_every_revision(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 1);
    put(f, "a", 2);
    drop(f, "default/a");
    uint64_t revision = 0;
    size_t events = 0;
    const struct collection *collection;
    const struct event *event;
    while ((event = storage_event_after(apiserver_storage(f->server), revision, &collection))) {
        assert_int_equal(event->revision, revision + 1);
        revision = event->revision;
        events++;
    }
    assert_int_equal(events, 4 + 3); /* four namespaces are made at the start */
    assert_int_equal(revision, apiserver_revision(f->server));
}

static void half_open_watch_says_nothing_any_more(void **state)
{
    struct fixture *f = *state;
    struct answer watch, list;
    get(f, &watch, "/api/v1/configmaps?watch=true&resourceVersion=4");
    settle(f);
    local_stall_watches(f->local);
    put(f, "a", 1);
    assert_int_equal(count(fetch(f, &list, "/api/v1/configmaps"), "\"value\":"), 1);
    assert_int_equal(watch.body.len, 0);
    assert_false(watch.done);
    local_cut(f->local);
    settle(f);
    assert_int_equal(watch.result, REST_BROKEN);
    forget(f, &watch);
    forget(f, &list);
}

static void another_server_comes_under_the_same_address(void **state)
{
    struct fixture *f = *state;
    struct answer watch, list;
    struct apiserver *other = apiserver_create(&(struct apiserver_options){.loop = f->loop});
    put(f, "a", 1);
    get(f, &watch, "/api/v1/configmaps?watch=true&resourceVersion=4");
    local_point_to(f->local, other);
    apiserver_destroy(f->server);
    f->server = other;
    assert_int_equal(count(fetch(f, &list, "/api/v1/configmaps"), "\"value\":"), 0);
    assert_int_equal(watch.result, REST_BROKEN);
    forget(f, &watch);
    forget(f, &list);
}

static void restored_from_a_backup_revisions_come_again(void **state)
{
    struct fixture *f = *state;
    struct answer watch, list;
    put(f, "a", 1);
    put(f, "b", 1);
    uint64_t backup = apiserver_revision(f->server);
    put(f, "a", 2);
    put(f, "c", 2);
    drop(f, "default/b");
    get(f, &watch, "/api/v1/configmaps?watch=true&resourceVersion=4");
    assert_int_equal(apiserver_restore(f->server, backup), 0);
    const char *body = fetch(f, &list, "/api/v1/configmaps");
    assert_int_equal(watch.result, REST_BROKEN);
    assert_int_equal(count(body, "\"value\":\"1\""), 2);
    assert_int_equal(count(body, "\"value\":"), 2);
    assert_int_equal(apiserver_revision(f->server), backup);
    put(f, "a", 3);
    assert_int_equal(apiserver_revision(f->server), backup + 1);
    apiserver_compact(f->server, backup + 1);
    assert_int_equal(apiserver_restore(f->server, backup), STORAGE_E_EXPIRED);
    forget(f, &watch);
    forget(f, &list);
}

static void rewritten_object_makes_no_event(void **state)
{
    struct fixture *f = *state;
    struct answer list;
    put(f, "a", 1);
    uint64_t revision = apiserver_revision(f->server);
    struct object *object = apiserver_get_object(f->server, &configmaps, "default/a"), *other;
    struct slice bytes = object_bytes(object);
    cleanup_free char *text = mem_dup(bytes.data, bytes.len);
    memcpy(strstr(text, "\"value\":\"1\""), "\"value\":\"7\"", 11);
    assert_int_equal(object_create(text, bytes.len, NULL, &other), 0);
    apiserver_rewrite(f->server, &configmaps, other);
    object_unref(other);
    assert_int_equal(apiserver_revision(f->server), revision);
    assert_non_null(strstr(fetch(f, &list, "/api/v1/configmaps"), "\"value\":\"7\""));
    assert_null(collection_event_after(apiserver_collection(f->server, &configmaps), revision));
    forget(f, &list);
}

static void same_seed_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct answer answer, again;
    void *second;
    put(f, "a", 1);
    fetch(f, &answer, "/api/v1/configmaps");
    setup(&second);
    put(second, "a", 1);
    fetch(second, &again, "/api/v1/configmaps");
    assert_string_equal(answer.body.data, again.body.data);
    forget(f, &answer);
    forget(second, &again);
    teardown(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_items_without_their_type),
        TEST(selects_by_namespace_label_and_field),
        TEST(pages_show_one_revision),
        TEST(watch_tells_changes_in_order),
        TEST(selecting_watch_tells_comings_and_goings),
        TEST(watch_from_a_forgotten_revision_gets_410),
        TEST(watch_list_ends_with_its_bookmark),
        TEST(bookmark_carries_the_revision_of_other_resources),
        TEST(watch_ends_after_its_timeout),
        TEST(lagging_replica_shows_the_past),
        TEST(faults_end_calls_as_they_say),
        TEST(restart_breaks_watches_and_forgets_the_cache),
        TEST(hanging_answer_times_out),
        TEST(requests_are_counted),
        TEST(slow_watch_is_told_that_history_has_gone_past_it),
        TEST(half_open_watch_says_nothing_any_more),
        TEST(another_server_comes_under_the_same_address),
        TEST(restored_from_a_backup_revisions_come_again),
        TEST(rewritten_object_makes_no_event),
        TEST(history_has_every_revision),
        TEST(same_seed_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
