/* Which cluster it is: asked until there is an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "provider/identity.h"
#include "tests/unit/kube/fake_rest.h"

struct fixture {
    struct loop *loop;
    struct fake_rest fake;
    struct identity *identity;
    char uid[64], version[64];
    size_t known, confirmed, replaced;
    size_t changes; /* of whether it is silent */
    bool silent;
};

static void on_known(void *arg, const char *uid, const char *version)
{
    struct fixture *f = arg;
    f->known++;
    snprintf(f->uid, sizeof(f->uid), "%s", uid);
    snprintf(f->version, sizeof(f->version), "%s", version);
}

static void on_confirmed(void *arg)
{
    ((struct fixture *)arg)->confirmed++;
}

static void on_replaced(void *arg)
{
    ((struct fixture *)arg)->replaced++;
}

static void on_silent(void *arg, bool silent)
{
    struct fixture *f = arg;
    f->changes++;
    f->silent = silent;
}

static int setup(void **state)
{
    static const struct identity_ops ops = {on_known, on_confirmed, on_replaced, on_silent};
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    fake_init(&f->fake, f->loop);
    f->identity = identity_create(f->loop, &f->fake.rest, NULL, &ops, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    identity_destroy(f->identity);
    fake_deinit(&f->fake);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void answer_version(struct fixture *f)
{
    struct rest_call *call = fake_next(&f->fake);
    fake_expect_path(call, "/version");
    fake_answer(call, 200, "{\"major\":\"1\",\"gitVersion\":\"v1.32.1\"}");
}

static void uid_and_version_are_told_once(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    struct rest_call *call = fake_next(&f->fake);
    fake_expect_path(call, "/api/v1/namespaces/kube-system");
    fake_answer(call, 200,
                "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-1\"}}");
    assert_string_equal(f->uid, "u-1");
    assert_string_equal(f->version, "v1.32.1");
    assert_int_equal(f->known, 1);
}

static void answer_uid(struct fixture *f, const char *uid)
{
    cleanup_free char *body = mem_printf("{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"%s\"}}", uid);
    fake_answer(fake_next(&f->fake), 200, body);
}

static void it_is_asked_again_now_and_then(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    answer_uid(f, "u-1");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
    answer_uid(f, "u-1");
    assert_int_equal(f->confirmed, 1);
    fake_refuse(fake_next(&f->fake), 503, "ServiceUnavailable", "away");
    fake_refuse(fake_next(&f->fake), 403, "Forbidden", "no word on which it is");
    assert_int_equal(f->confirmed, 1);
    answer_uid(f, "u-1");
    assert_int_equal(f->confirmed, 2);
    assert_int_equal(f->known, 1);
    assert_int_equal(f->replaced, 0);
}

static void who_leaves_a_question_open_is_silent_until_he_answers(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    answer_uid(f, "u-1");
    struct rest_call *open = fake_next(&f->fake);
    fake_quiet(&f->fake, 9 * LOOP_SECOND);
    assert_int_equal(f->changes, 0);
    fake_quiet(&f->fake, 2 * LOOP_SECOND);
    assert_true(f->silent);
    fake_done(open, REST_TIMEOUT, "not answered");
    for (int i = 0; i < 3; i++)
        fake_done(fake_next(&f->fake), REST_REFUSED, "refused");
    assert_int_equal(f->changes, 1);
    answer_uid(f, "u-1");
    assert_false(f->silent);
    assert_int_equal(f->changes, 2);
    for (int i = 0; i < 20; i++) /* who is away at once is not silent */
        fake_done(fake_next(&f->fake), REST_REFUSED, "refused");
    answer_uid(f, "u-1");
    assert_int_equal(f->changes, 2);
}

static void confirmed_is_what_was_asked_after_the_request(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    answer_uid(f, "u-1");
    struct rest_call *older = fake_next(&f->fake);
    identity_confirm(f->identity);
    fake_answer(older, 200, "{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-1\"}}");
    assert_int_equal(f->confirmed, 0);
    int64_t before = loop_now_us(f->loop);
    answer_uid(f, "u-1");
    assert_int_equal(f->confirmed, 1);
    assert_true(loop_now_us(f->loop) - before < LOOP_SECOND);
}

static void another_cluster_is_told_once(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    answer_uid(f, "u-1");
    identity_confirm(f->identity);
    answer_uid(f, "u-2");
    assert_int_equal(f->replaced, 1);
    identity_confirm(f->identity);
    fake_quiet(&f->fake, 3600 * LOOP_SECOND);
    assert_int_equal(f->confirmed, 0);
}

static void failures_are_no_answer(void **state)
{
    struct fixture *f = *state;
    fake_done(fake_next(&f->fake), REST_REFUSED, "connection refused");
    fake_refuse(fake_next(&f->fake), 401, "Unauthorized", "who are you");
    answer_version(f);
    fake_refuse(fake_next(&f->fake), 503, "ServiceUnavailable", "starting");
    fake_refuse(fake_next(&f->fake), 404, "NotFound", "not there yet");
    assert_int_equal(f->known, 0);
    fake_answer(fake_next(&f->fake), 200, "{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-1\"}}");
    assert_string_equal(f->uid, "u-1");
}

static void forbidden_is_an_answer(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    fake_refuse(fake_next(&f->fake), 403, "Forbidden", "no");
    assert_int_equal(f->known, 1);
    assert_string_equal(f->uid, "");
    assert_string_equal(f->version, "v1.32.1");
}

static void an_end_in_between_is_fine(void **state)
{
    struct fixture *f = *state;
    answer_version(f);
    fake_headers(fake_next(&f->fake), 200, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(uid_and_version_are_told_once),
        TEST(it_is_asked_again_now_and_then),
        TEST(confirmed_is_what_was_asked_after_the_request),
        TEST(who_leaves_a_question_open_is_silent_until_he_answers),
        TEST(another_cluster_is_told_once),
        TEST(failures_are_no_answer),
        TEST(forbidden_is_an_answer),
        TEST(an_end_in_between_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
