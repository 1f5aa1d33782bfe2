/* What the applier deletes, and all that it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/agent/applier_fixture.h"

#define NGINX TARGET "nginx"

static void deleted_at_the_source(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    struct rest_call *call = expect_call(f, "DELETE", NGINX);
    assert_non_null(strstr(call->body, "\"uid\":\"u-1\""));
    fake_answer(call, 200, "{}");
    expect_condition(f, "default/nginx pruned");
    /* A finalizer keeps it for a while: that is no reason to delete it again. */
    target_has(f, "MODIFIED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{\"x\":1}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    target_has(f, "DELETED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    for (int i = 0; i < APPLIER_CONDITIONS; i++)
        assert_int_equal(applier_stats(f->applier)->works[i], 0);
}

/* A deletion that was seen counts, whether or not the source is known to be whole since. */
static void deleted_at_the_source_then_stale(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    applier_source_stale(f->applier);
    expect_call(f, "DELETE", NGINX);
}

static void its_label_went(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", "\"app\":\"x\"", "{}");
    expect_call(f, "DELETE", NGINX);
}

static void its_target_namespace_changed(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", TO("team-a"), "{}");
    expect_call(f, "DELETE", NGINX);
    expect_call(f, "GET", "/apis/apps/v1/namespaces/team-a/deployments/nginx");
}

static void its_target_namespace_became_nonsense(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", TO("No_Namespace"), "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

static void absent_from_a_whole_copy(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    applier_source_stale(f->applier);
    source_delete(f, "nginx", true);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    source_synced(f, STORE);
    expect_call(f, "DELETE", NGINX);
}

/* After a restart the inventory is what the target says; what the source has not is pruned, once the source
 * is whole. */
static void after_a_restart(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", STORE, "{}", "{}");
    target_has(f, "ADDED", "default/old", "u-2", STORE, "{}", "{}");
    source_put(f, "nginx", SELECTED, "{}");
    target_synced(f);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    source_synced(f, STORE);
    struct rest_call *one = fake_next(&f->fake), *two = fake_next(&f->fake);
    struct rest_call *patch = strcmp(one->method, "PATCH") == 0 ? one : two, *gone = patch == one ? two : one;
    assert_string_equal(patch->method, "PATCH");
    fake_expect_path(patch, NGINX);
    assert_string_equal(gone->method, "DELETE");
    fake_expect_path(gone, TARGET "old");
    assert_non_null(strstr(gone->body, "\"uid\":\"u-2\""));
}

/* The stream of the source ends, and its copy is emptied: that is not the source's word. */
static void the_source_goes_away(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", true);
    applier_source_detach(f->applier);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

static void the_source_is_emptied_without_a_word(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", true);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

/* Deleted and made anew by the same name before anybody looked: the copy is as whole as it was. */
static void another_object_by_that_name(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", true);
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    target_has(f, "ADDED", "default/old", "u-2", STORE, "{}", "{}");
    expect_call(f, "DELETE", TARGET "old");
}

/* But not where anything else has come in between. */
static void emptied_and_then_filled(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "other", "", "{}");
    source_delete(f, "other", true);
    source_delete(f, "nginx", true);
    source_put(f, "other", "", "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

static void another_store_freezes(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    struct store *other = store_create();
    applier_source_attach(f->applier, other);
    source_synced(f, "store-2");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/nginx frozen");
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);

    /* Not even what the other store has, and drops again. */
    applier_source_attach(f->applier, f->source);
    source_synced(f, "store-2");
    source_put(f, "nginx", SELECTED, "{\"replicas\":7}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    source_delete(f, "nginx", false);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);

    /* The first store comes back. */
    source_put(f, "nginx", SELECTED, "{\"replicas\":7}");
    source_synced(f, STORE);
    expect_call(f, "PATCH", NGINX);
    store_destroy(other);
}

static void adopted_is_only_what_the_new_source_has(void **state)
{
    struct fixture *f = fixture_make();
    fixture_begin(f, &(struct applier_config){.adopt = true});
    target_has(f, "ADDED", "default/nginx", "u-1", "store-0", "{}", "{}");
    target_has(f, "ADDED", "default/old", "u-2", "store-0", "{}", "{}");
    target_synced(f);
    source_put(f, "nginx", SELECTED, "{}");
    source_synced(f, STORE);
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    assert_non_null(strstr(call->body, "\"hub.transport-informer/store\":\"store-1\""));
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
    *state = f;
}

/* What goes while there is no source to hold it against is counted no more. */
static void frozen_and_gone_meanwhile(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", "store-0", "{\"replicas\":2}", "{}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
    applier_source_detach(f->applier);
    target_has(f, "DELETED", "default/nginx", "u-1", "store-0", "{\"replicas\":2}", "{}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    applier_source_attach(f->applier, f->source);
    source_synced(f, STORE);
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 0);
}

static void ours_by_label_only(void **state)
{
    struct fixture *f = *state;
    target_event(
        f, "ADDED",
        "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"x\",\"namespace\":"
        "\"default\",\"uid\":\"u\",\"resourceVersion\":\"9\",\"labels\":{"
        "\"hub.transport-informer/managed-by\":\"transport-informer\"}}}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/x conflict");
}

/* kubectl get -o yaml, another name, kubectl apply: it says that it came from cluster1/nginx, and nothing
 * leads there. It is somebody's own. */
static void a_copy_is_left_alone(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_event(f, "ADDED",
                 "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/"
                 "v1\",\"metadata\":{\"name\":\"nginx-2\",\"namespace\":"
                 "\"default\",\"uid\":\"u-2\",\"resourceVersion\":\"900\",\"labels\":{"
                 "\"hub.transport-informer/managed-by\":\"transport-informer\"},\"annotations\":{"
                 "\"hub.transport-informer/source\":\"cluster1/nginx\","
                 "\"hub.transport-informer/target\":\"default/nginx\","
                 "\"hub.transport-informer/store\":\"" STORE "\"}}}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/nginx-2 conflict");
    source_delete(f, "nginx", false);
    expect_call(f, "DELETE", NGINX); /* and only that */
}

static void another_uid_by_now(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    fake_refuse(expect_call(f, "DELETE", NGINX), 409, "Conflict",
                "the UID in the precondition does not match");
    target_has(f, "DELETED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

static void not_there_any_more(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    fake_refuse(expect_call(f, "DELETE", NGINX), 404, "NotFound", "not found");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
    expect_condition(f, "default/nginx pruned");
}

static void may_not_delete(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    fake_refuse(expect_call(f, "DELETE", NGINX), 403, "Forbidden", "no");
    expect_condition(f, "default/nginx forbidden");
    fake_quiet(&f->fake, 59 * LOOP_SECOND);
    expect_call(f, "DELETE", NGINX);
}

static void wanted_again_before_it_went(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_delete(f, "nginx", false);
    struct rest_call *call = expect_call(f, "DELETE", NGINX);
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    fake_answer(call, 200, "{}");
    target_has(f, "DELETED", "default/nginx", "u-1", STORE, "{\"replicas\":2}", "{}");
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "x");
    apply_ok(f, expect_call(f, "PATCH", NGINX), "ADDED", "default/nginx", "u-2", "{\"replicas\":2}");
    fake_quiet(&f->fake, 60 * LOOP_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deleted_at_the_source),
        TEST(deleted_at_the_source_then_stale),
        TEST(its_label_went),
        TEST(its_target_namespace_changed),
        TEST(its_target_namespace_became_nonsense),
        TEST(absent_from_a_whole_copy),
        TEST_BEGUN(after_a_restart),
        TEST(the_source_goes_away),
        TEST(the_source_is_emptied_without_a_word),
        TEST(another_object_by_that_name),
        TEST(emptied_and_then_filled),
        TEST(another_store_freezes),
        cmocka_unit_test_teardown(adopted_is_only_what_the_new_source_has, teardown),
        TEST(frozen_and_gone_meanwhile),
        TEST(ours_by_label_only),
        TEST(a_copy_is_left_alone),
        TEST(another_uid_by_now),
        TEST(not_there_any_more),
        TEST(may_not_delete),
        TEST(wanted_again_before_it_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
