/* A source that went back, as if restored from a backup: nothing is deleted, or made what it was long ago. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/agent/applier_fixture.h"

#define NGINX TARGET "nginx"
#define CARRYING(generation) STORE "\",\"hub.transport-informer/generation\":\"" generation
#define BEFORE(generation) STORE ".before-" generation

static void synced_at(struct fixture *f, const char *version)
{
    applier_source_synced(f->applier, STORE);
    applier_source_version(f->applier, version, true);
}

/* The object is marked as of the store before, and the watch shows it. */
static void expect_mark(struct fixture *f, const char *store, const char *spec)
{
    char text[256];
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"uid\":\"u-1\",\"annotations\":{\"hub.transport-informer/store\":\"%s\"}}}",
             store);
    assert_string_equal(call->body, text);
    fake_answer(call, 200, "{}");
    target_has(f, "MODIFIED", "default/nginx", "u-1", store, spec, "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/nginx frozen");
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
}

static void absent_from_a_source_that_went_back(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    applier_source_stale(f->applier);
    source_delete(f, "nginx", true);
    synced_at(f, "300");
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
    applier_source_version(f->applier, "900", true); /* it catches up, which changes nothing */
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

/* What was applied says how far it was, whether or not the source has told so since. */
static void restored_to_what_it_had_told(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "400", true);
    f->version = 499;
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}"); /* at 500 */
    fake_refuse(expect_call(f, "GET", NGINX), 404, "NotFound", "not found");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    assert_non_null(strstr(call->body, "\"hub.transport-informer/generation\":\"500\""));
    char *object = target_object(f, "default/nginx", "u-1", CARRYING("500"), "{\"replicas\":2}", "{}");
    fake_answer(call, 200, object);
    target_event(f, "ADDED", object);
    free(object);
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    applier_source_stale(f->applier);
    source_delete(f, "nginx", true);
    synced_at(f, "400");
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
}

/* Up to there it is complete, at least: that is no sign of having gone back. */
static void a_word_about_an_older_state_is_not_back(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    applier_source_stale(f->applier);
    applier_source_synced(f->applier, STORE);
    applier_source_version(f->applier, "300", false);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 0);
    applier_source_version(f->applier, "300", true);
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
}

/* Only what was synced anew can be another state. */
static void a_word_that_came_late_is_not_back(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    applier_source_version(f->applier, "499", true);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    synced_at(f, "500");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/nginx applied");
}

static void back_to_what_was_older_here_too(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    applier_source_stale(f->applier);
    source_put(f, "nginx", SELECTED, "{\"replicas\":1}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND); /* nothing is known of it yet */
    applier_source_synced(f->applier, STORE);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    applier_source_version(f->applier, "300", true);
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
}

/* What was applied knows it, when this process did not see it. */
static void went_back_while_nobody_looked(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", CARRYING("500"), "{}", "{}");
    target_synced(f);
    synced_at(f, "499");
    expect_mark(f, BEFORE("500"), "{}");
}

static void the_source_was_there_before_the_target(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", CARRYING("500"), "{}", "{}");
    synced_at(f, "499");
    target_synced(f);
    expect_mark(f, BEFORE("500"), "{}");
}

/* The next run, when the source has long passed the number. */
static void a_mark_lasts(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", BEFORE("500"), "{}", "{}");
    target_synced(f);
    synced_at(f, "900");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    expect_condition(f, "default/nginx frozen");
}

static void as_old_as_what_was_applied_is_not_back(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", CARRYING("500"), "{}", "{}");
    target_synced(f);
    synced_at(f, "500");
    expect_call(f, "DELETE", NGINX);
}

/* Another store's numbers are of no meaning. */
static void another_store_is_not_back(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    target_has(f, "ADDED", "default/other", "u-2", "store-2\",\"hub.transport-informer/generation\":\"3",
               "{}", "{}");
    applier_source_synced(f->applier, "store-2");
    applier_source_version(f->applier, "4", true);
    fake_answer(expect_call(f, "DELETE", TARGET "other"), 200, "{}");
    target_has(f, "DELETED", "default/other", "u-2", "store-2", "{}", "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
    synced_at(f, "501");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    source_delete(f, "nginx", false);
    expect_call(f, "DELETE", NGINX);
}

static void what_another_store_carries_is_not_ours(void **state)
{
    struct fixture *f = *state;
    target_has(f, "ADDED", "default/nginx", "u-1", CARRYING("900"), "{}", "{}");
    target_has(f, "ADDED", "default/other", "u-2", "store-2\",\"hub.transport-informer/generation\":\"3",
               "{}", "{}");
    target_synced(f);
    applier_source_synced(f->applier, "store-2");
    applier_source_version(f->applier, "4", true);
    expect_call(f, "DELETE", TARGET "other");
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
}

static void a_deletion_before_anything_is_known(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    applier_source_stale(f->applier);
    applier_source_synced(f->applier, STORE);
    source_delete(f, "nginx", false);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    applier_source_version(f->applier, "300", true);
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
}

static void a_mark_is_tried_until_it_is_there(void **state)
{
    struct fixture *f = *state;
    applier_source_version(f->applier, "500", true);
    deployed(f, "nginx");
    source_delete(f, "nginx", true);
    synced_at(f, "300");
    fake_refuse(expect_call(f, "PATCH", NGINX), 500, "InternalError", "not now");
    fake_refuse(expect_call(f, "PATCH", NGINX), 403, "Forbidden", "no");
    expect_mark(f, BEFORE("500"), "{\"replicas\":2}");
}

static void a_version_that_is_no_number(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    target_has(f, "ADDED", "default/old", "u-2", STORE, "{}", "{}");
    target_has(f, "MODIFIED", "default/old", "u-2", STORE, "{}", "{}");
    fake_answer(expect_call(f, "DELETE", TARGET "old"), 200, "{}");
    target_has(f, "DELETED", "default/old", "u-2", STORE, "{}", "{}");
    synced_at(f, "v1.2-opaque");
    target_has(f, "ADDED", "default/old", "u-3", STORE, "{}", "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND); /* absent, and that alone is not enough */
    source_delete(f, "nginx", false);
    expect_call(f, "DELETE", NGINX);
}

static void adopted_after_it_went_back(void **state)
{
    struct fixture *f = fixture_make();
    fixture_begin(f, &(struct applier_config){.adopt = true});
    target_has(f, "ADDED", "default/nginx", "u-1", BEFORE("500"), "{}", "{}");
    target_has(f, "ADDED", "default/old", "u-2", BEFORE("500"), "{}", "{}");
    target_synced(f);
    source_put(f, "nginx", SELECTED, "{}");
    synced_at(f, "300");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    fake_expect_query(call, "force", "false");
    fake_refuse(call, 409, "Conflict", "conflict with \"transport-informer\" using apps/v1");
    call = expect_call(f, "PATCH", NGINX); /* the mark is a field that a change of another kind has set */
    fake_expect_query(call, "force", "true");
    assert_non_null(strstr(call->body, "\"hub.transport-informer/store\":\"store-1\""));
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{}");
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_FROZEN], 1);
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_APPLIED], 1);
    *state = f;
}

/* It went back, and was marked; and then there was another source. */
static void adopted_from_one_that_went_back(void **state)
{
    struct fixture *f = fixture_make();
    fixture_begin(f, &(struct applier_config){.adopt = true});
    target_has(f, "ADDED", "default/nginx", "u-1",
               "store-0.before-500\",\"hub.transport-informer/generation\":\"500", "{}", "{}");
    target_synced(f);
    source_put(f, "nginx", SELECTED, "{}");
    synced_at(f, "300");
    struct rest_call *call = expect_call(f, "PATCH", NGINX);
    fake_refuse(call, 409, "Conflict", "conflict with \"transport-informer\" using apps/v1");
    call = expect_call(f, "PATCH", NGINX);
    fake_expect_query(call, "force", "true");
    apply_ok(f, call, "MODIFIED", "default/nginx", "u-1", "{}");
    assert_int_equal(applier_stats(f->applier)->works[APPLIER_APPLIED], 1);
    *state = f;
}

/* Its resourceVersion moves on with every word that is said about it at the source. */
static void a_generation_alone_is_no_change(void **state)
{
    struct fixture *f = *state;
    deployed(f, "nginx");
    source_put(f, "nginx", SELECTED, "{\"replicas\":2}");
    source_synced(f, STORE);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(absent_from_a_source_that_went_back),
        TEST(a_word_that_came_late_is_not_back),
        TEST(back_to_what_was_older_here_too),
        TEST_BEGUN(went_back_while_nobody_looked),
        TEST(restored_to_what_it_had_told),
        TEST(a_word_about_an_older_state_is_not_back),
        TEST_BEGUN(the_source_was_there_before_the_target),
        TEST_BEGUN(a_mark_lasts),
        TEST_BEGUN(as_old_as_what_was_applied_is_not_back),
        TEST(another_store_is_not_back),
        TEST_BEGUN(what_another_store_carries_is_not_ours),
        TEST(a_deletion_before_anything_is_known),
        TEST(a_mark_is_tried_until_it_is_there),
        TEST(a_version_that_is_no_number),
        cmocka_unit_test_teardown(adopted_after_it_went_back, teardown),
        cmocka_unit_test_teardown(adopted_from_one_that_went_back, teardown),
        TEST(a_generation_alone_is_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
