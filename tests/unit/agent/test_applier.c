/* The applier brings workloads down, keeps them as they should be, and does not fight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/samples.h"
#include "tests/unit/agent/applier_fixture.h"

#define NGINX TARGET "nginx"

static void applies_what_the_source_has(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "not found");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    fake_expect_query(call, "fieldManager", "transport-informer");
    fake_expect_query(call, "force", "false");
    assert_string_equal(
        call->body,
        "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"spec\":{\"replicas\":2},\"metadata\":{"
        "\"name\":\"nginx\",\"namespace\":\"default\",\"labels\":{"
        "\"hub.transport-informer/managed-by\":\"transport-informer\"},\"annotations\":{"
        "\"hub.transport-informer/source\":\"cluster1/nginx\","
        "\"hub.transport-informer/target\":\"default/nginx\","
        "\"hub.transport-informer/store\":\"store-1\",\"hub.transport-informer/generation\":\"102\"}}}");
    apply_ok(f, call, "ADDED", "default/nginx", "u-1", "{\"replicas\":2,\"defaulted\":true}");
    expect_condition(f, "default/nginx applied");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_APPLIED], 1);

    source_put(f, "nginx", SELECTED, "{\"replicas\":5}");
    call = expect_call(f, "PATCH", NGINX);
    assert_non_null(strstr(call->body, "\"replicas\":5"));
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{\"replicas\":5,\"defaulted\":true}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->repaired, 0);
}

static void nothing_before_both_sides_are_known(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{}");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    source_synced(f, STORE);
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    target_synced(f);
    expect_call(f, "GET", NGINX);
}

static void a_source_without_a_lasting_identity_is_refused(void **state)
{
    struct fixture *f = *state;
    target_synced(f);
    source_put(f, "nginx", SELECTED, "{}");
    source_synced(f, NULL);
    source_synced(f, "");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
}

static void only_what_is_selected(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", "\"app\":\"x\"", "{}");
    source_put(f, "wrong", TO("No_Namespace"), "{}");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    source_put(f, "nginx", SELECTED, "{}");
    expect_call(f, "GET", NGINX);
}

static void deleted_on_the_target_it_comes_back(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_has(f, "DELETED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "not found");
    apply_ok(f, expect_call(f, "PATCH", NGINX), "ADDED", "default/nginx", "u-2", "{\"replicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->repaired, 1);
}

static void status_is_nobodys_drift(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{\"availableReplicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

/* Not even where something is to be tried again later. */
static void status_at_the_source_is_no_change(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    for (int i = 0; i < 3; i++)
        source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    source_put(f, "bad", SELECTED, "{}");
    fake_refuse(expect_call(f, "GET", TARGET "bad"), 403, "Forbidden", "no");
    source_put(f, "bad", SELECTED, "{}");
    fake_quiet(&f->fake, 59 * LOOP_SECOND);
}

/* As after the target's relist, or a sync of the source: everything is looked at, and nothing done. */
static void looking_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    source_synced(f, STORE);
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

static void drift_is_put_right(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
    apply_ok(f, expect_call(f, "PATCH", NGINX), "MODIFIED", "default/nginx", "u-1", "{\"replicas\":2}");
    expect_condition(f, "default/nginx applied");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->repaired, 1);
}

static double shown(struct fixture *f, const char *series)
{
    struct metrics *metrics = metrics_create(1 << 16);
    applier_counters(f->applier, &(struct counters){.metrics = metrics});
    double value = sample_of(metrics, series);
    metrics_destroy(metrics);
    return value;
}

static void what_it_does_is_counted(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    double applied = shown(f, "transport_informer_applier_requests_total{outcome=\"applied\"}");
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    assert_true(shown(f, "transport_informer_applier_requests_in_flight") == 1);
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{\"replicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_true(shown(f, "transport_informer_applier_requests_in_flight") == 0);
    assert_true(shown(f, "transport_informer_applier_requests_total{outcome=\"applied\"}") == applied + 1);
    assert_true(shown(f, "transport_informer_applier_repairs_total") == 1);
    assert_true(shown(f, "transport_informer_applier_workloads{condition=\"applied\"}") == 1);
    assert_true(shown(f, "transport_informer_applier_workloads{condition=\"conflict\"}") == 0);
}

/* kubectl scale makes kubectl the owner of the field: a plain apply conflicts. */
static void drift_that_conflicts_is_put_right_by_force(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
    fake_refuse(expect_call(f, "PATCH", NGINX), 409, "Conflict", "conflict with kubectl");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    fake_expect_query(call, "force", "true");
    assert_non_null(strstr(call->body, "\"replicas\":2"));
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{\"replicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

/* Somebody who changes it back each time: the repairs grow rare, and after three by force it is a conflict.
 */
static void no_fight(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    int64_t last = 0;
    for (int i = 0; i < 3; i++) {
        target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
        struct rest_call *call = expect_call(f, "PATCH", NGINX);
        if (i > 0)
            assert_true(call->at_us - last >= (INT64_C(1) << (i - 1)) * LOOP_SECOND);
        last = call->at_us;
        fake_refuse(call, 409, "Conflict", "conflict with horizontal-pod-autoscaler");
        apply_ok(f, expect_call(f, "PATCH", NGINX), "MODIFIED", "default/nginx", "u-1", "{\"replicas\":2}");
    }
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
    fake_refuse(expect_call(f, "PATCH", NGINX), 409, "Conflict", "conflict with horizontal-pod-autoscaler");
    expect_condition(f, "default/nginx conflict");
    fake_quiet(&f->fake, 299 * LOOP_SECOND);
    for (int i = 0; i < 5; i++) { /* never by force again, even after the window */
        struct rest_call *call = expect_call(f, "PATCH", NGINX);
        fake_expect_query(call, "force", "false");
        fake_refuse(call, 409, "Conflict", "conflict with horizontal-pod-autoscaler");
    }
    /* The source speaks: that is news. */
    source_put(f, "nginx", SELECTED, "{\"replicas\":3}");
    fake_refuse(expect_call(f, "PATCH", NGINX), 409, "Conflict", "conflict");
    fake_expect_query(expect_call(f, "PATCH", NGINX), "force", "true");
}

static void what_is_not_ours_is_not_taken_over(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    char *object = target_object(f, "default/nginx", "u-9", NULL, "{}", "{}");
    fake_answer(expect_call(f, "GET", NGINX), 200, object);
    expect_condition(f, "default/nginx conflict");
    fake_quiet(&f->fake, 299 * LOOP_SECOND);
    fake_answer(expect_call(f, "GET", NGINX), 200, object);
    free(object);

    /* Nor is it deleted when the source drops it. */
    source_delete(f, "nginx", false);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

/* Created by somebody between our look and our apply, and a field of it is theirs. */
static void a_conflict_at_the_first_apply_is_reported(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "not found");
    fake_refuse(expect_call(f, "PATCH", NGINX), 409, "Conflict", "conflict with somebody");
    expect_condition(f, "default/nginx conflict");
    fake_quiet(&f->fake, 299 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_CONFLICT], 1);
}

static void a_missing_namespace_is_made(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", TO("team-a"), "{}");
    const char *path = "/apis/apps/v1/namespaces/team-a/deployments/nginx";
    fake_refuse(expect_call(f, "GET", path), 404, "NotFound", "namespaces team-a not found");
    fake_refuse(expect_call(f, "PATCH", path), 404, "NotFound", "namespaces team-a not found");
    struct rest_call *call = expect_call(f, "POST", "/api/v1/namespaces");
    assert_non_null(strstr(call->body, "\"name\":\"team-a\""));
    fake_answer(call, 201, "{}");
    apply_ok(f, expect_call(f, "PATCH", path), "ADDED", "team-a/nginx", "u-1", "{}");
    expect_condition(f, "team-a/nginx applied");

    /* It is not asked for over and over. */
    source_put(f, "nginx", TO("team-a"), "{\"x\":1}");
    fake_refuse(expect_call(f, "PATCH", path), 404, "NotFound", "x");
    fake_refuse(expect_call(f, "POST", "/api/v1/namespaces"), 403, "Forbidden", "may not");
    expect_condition(f, "team-a/nginx forbidden");
    fake_quiet(&f->fake, 59 * LOOP_SECOND);
}

static void retries(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{}");
    struct rest_call *call = expect_call(f, "GET", NGINX);
    fake_headers(call, 429, 20000);
    fake_done(call, REST_OK, "");
    expect_condition(f, "default/nginx retrying");
    fake_quiet(&f->fake, 20 * LOOP_SECOND - LOOP_MS);
    int64_t last = loop_now_us(f->loop);
    fake_done(expect_call(f, "GET", NGINX), REST_REFUSED, "connection refused");
    for (int i = 1; i < 5; i++) {
        call = expect_call(f, "GET", NGINX);
        assert_true(call->at_us - last >= (INT64_C(1) << i) * LOOP_SECOND);
        last = call->at_us;
        fake_refuse(call, 500, "InternalError", "oops");
    }
    /* The source changes: no more waiting. */
    last = loop_now_us(f->loop);
    source_put(f, "nginx", SELECTED, "{\"replicas\":3}");
    call = expect_call(f, "GET", NGINX);
    assert_int_equal(call->at_us, last);
    fake_refuse(call, 404, "NotFound", "x");
    fake_refuse(expect_call(f, "PATCH", NGINX), 422, "Invalid", "spec.replicas: must be positive");
    expect_condition(f, "default/nginx invalid");
    fake_quiet(&f->fake, 59 * LOOP_SECOND);
    fake_refuse(expect_call(f, "GET", NGINX), 403, "Forbidden", "no");
    expect_condition(f, "default/nginx forbidden");
    fake_quiet(&f->fake, 59 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->failed, 8);
}

static void a_change_during_a_request_is_not_lost(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "x");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    source_put(f, "nginx", SELECTED, "{\"replicas\":3}");
    fake_quiet(&f->fake, LOOP_SECOND);
    apply_ok(f, call, "ADDED", "default/nginx", "u-1", "{\"replicas\":2}");
    call = expect_call(f, "PATCH", NGINX);
    assert_non_null(strstr(call->body, "\"replicas\":3"));
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{\"replicas\":3}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

static void a_change_during_a_request_that_fails_is_not_lost(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{\"replicas\":-1}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "x");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    source_put(f, "nginx", SELECTED, "{\"replicas\":3}");
    int64_t now = loop_now_us(f->loop);
    fake_refuse(call, 422, "Invalid", "negative");
    assert_int_equal(expect_call(f, "GET", NGINX)->at_us, now);
}

/* The watch shows our own apply before its answer comes. */
static void our_own_event_first(void **state)
{
    struct fixture *f = *state;
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "x");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    char *object = target_object(f, "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{}");
    target_event(f, "ADDED", object);
    fake_answer(call, 200, object);
    free(object);
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->applied, 1);
}

/* Changed on the target right behind our apply, before we have its answer. */
static void drift_during_a_request_is_not_lost(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", SELECTED, "{\"replicas\":3}");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    char *object = target_object(f, "default/nginx", "u-1", STORE, "{\"replicas\":3}", "{}");
    target_event(f, "MODIFIED", object);
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":9}", "{}");
    fake_answer(call, 200, object);
    free(object);
    call = expect_call(f, "PATCH", NGINX);
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{\"replicas\":3}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

static void eight_in_flight(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d-%d", i);
        source_put(f, name, SELECTED, "{}");
    }
    fake_run(&f->fake, LOOP_SECOND);
    assert_int_equal(f->fake.open, 8 + 1);
    for (int done = 0; done < 100;) {
        struct rest_call *call = fake_next(&f->fake);
        if (strcmp(call->method, "GET") == 0) {
            fake_refuse(call, 404, "NotFound", "x");
        } else {
            fake_answer(call, 200, "{}");
            done++;
        }
    }
    assert_int_equal(f->fake.open_max, 8 + 1); /* and the watch */
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_APPLIED], 100);
}

static void only_in_allowed_namespaces(void **state)
{
    struct fixture *f = fixture_make();
    const char *const namespaces[] = {"team-a", "team-b", NULL};
    fixture_begin(f, &(struct applier_config){.namespaces = namespaces, .default_namespace = "team-b"});
    target_synced(f);
    source_synced(f, STORE);
    source_put(f, "x", TO("kube-system"), "{}");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    expect_condition(f, "kube-system/x forbidden");
    source_put(f, "y", SELECTED, "{}");
    expect_call(f, "GET", "/apis/apps/v1/namespaces/team-b/deployments/y");
    *state = f;
}

/* And is there again when somebody wants to know. */
static void what_rests_on_the_target_is_packed(void **state)
{
    enum { OBJECTS = 20 };
    static const char spec[] = "{\"replicas\":2}";
    struct fixture *f = fixture_make();
    f->attic = attic_create(f->loop, &(struct attic_options){.hot_bytes = 1 << 20, .dictionary_from = 2048});
    fixture_begin(f, &(struct applier_config){0});
    target_synced(f);
    source_synced(f, STORE);
    char name[16], key[32], path[128];
    for (int i = 0; i < OBJECTS; i++) {
        snprintf(name, sizeof(name), "web-%d", i);
        deployed(f, name);
    }
    fake_quiet(&f->fake, 300 * LOOP_SECOND);
    assert_int_equal(attic_stats(f->attic).packed, OBJECTS);
    assert_int_equal(attic_stats(f->attic).hot, 0);

    for (int i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof(key), "default/web-%d", i);
        snprintf(path, sizeof(path), TARGET "web-%d", i);
        target_has(f, "MODIFIED", key, "u-1", STORE, "{\"replicas\":7}", "{}");
        apply_ok(f, expect_call(f, "PATCH", path), "MODIFIED", key, "u-1", spec);
        fake_quiet(&f->fake, 10 * LOOP_SECOND);
    }
    assert_int_equal(applier_stats(f->applier)->repaired, OBJECTS);
    *state = f;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applies_what_the_source_has),
        TEST_BEGUN(nothing_before_both_sides_are_known),
        TEST_BEGUN(a_source_without_a_lasting_identity_is_refused),
        TEST(only_what_is_selected),
        TEST(deleted_on_the_target_it_comes_back),
        TEST(status_is_nobodys_drift),
        TEST(status_at_the_source_is_no_change),
        TEST(looking_again_changes_nothing),
        TEST(drift_is_put_right),
        TEST(what_it_does_is_counted),
        TEST(drift_that_conflicts_is_put_right_by_force),
        TEST(no_fight),
        TEST(what_is_not_ours_is_not_taken_over),
        TEST(a_conflict_at_the_first_apply_is_reported),
        TEST(a_missing_namespace_is_made),
        TEST(retries),
        TEST(a_change_during_a_request_is_not_lost),
        TEST(a_change_during_a_request_that_fails_is_not_lost),
        TEST(our_own_event_first),
        TEST(drift_during_a_request_is_not_lost),
        TEST(eight_in_flight),
        cmocka_unit_test_teardown(only_in_allowed_namespaces, teardown),
        cmocka_unit_test_teardown(what_rests_on_the_target_is_packed, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
