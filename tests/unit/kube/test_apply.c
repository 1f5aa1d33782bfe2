#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/apply.h"
#include "kube/url.h"
#include "tests/unit/kube/fake_rest.h"

struct fixture {
    struct loop *loop;
    struct fake_rest fake;
    struct apply_target target;
    int done;
    struct status status;
    char answer[256];
};

static void on_done(void *arg, const struct status *status, struct slice answer)
{
    struct fixture *f = arg;
    f->done++;
    f->status = *status;
    snprintf(f->answer, sizeof(f->answer), "%.*s", SLICE_ARGS(answer));
}

static const struct apply_ops ops = {on_done};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    fake_init(&f->fake, f->loop);
    gvr_set(&f->target.gvr, "apps", "v1", "deployments");
    f->target.namespace_ = "default";
    f->target.name = "nginx";
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_deinit(&f->fake);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static struct slice text(const char *text)
{
    return (struct slice){text, strlen(text)};
}

#define NGINX "/apis/apps/v1/namespaces/default/deployments/nginx"

static void server_side_apply(void **state)
{
    struct fixture *f = *state;
    apply_patch(&f->fake.rest, &f->target, text("{\"a\":1}"), false, &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    assert_string_equal(call->method, "PATCH");
    assert_string_equal(call->path, NGINX "?fieldManager=transport-informer&force=false");
    assert_string_equal(call->content_type, "application/apply-patch+yaml");
    assert_string_equal(call->body, "{\"a\":1}");
    assert_true(call->timeout_ms > 0);
    fake_headers(call, 201, -1);
    fake_body(call, "{\"kind\":");
    fake_body(call, "\"Deployment\"}");
    assert_int_equal(f->done, 0);
    fake_done(call, REST_OK, "");
    assert_int_equal(f->done, 1);
    assert_int_equal(f->status.outcome, OUTCOME_OK);
    assert_string_equal(f->answer, "{\"kind\":\"Deployment\"}");

    apply_patch(&f->fake.rest, &f->target, text("{}"), true, &ops, f);
    call = fake_next(&f->fake);
    fake_expect_query(call, "force", "true");
    fake_answer(call, 200, "{}");
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    const struct {
        int code;
        const char *reason;
        enum outcome outcome;
    } cases[] = {
        {409, "Conflict", OUTCOME_CONFLICT},        {404, "NotFound", OUTCOME_NOT_FOUND},
        {403, "Forbidden", OUTCOME_FORBIDDEN},      {422, "Invalid", OUTCOME_INVALID},
        {429, "TooManyRequests", OUTCOME_TOO_MANY}, {500, "InternalError", OUTCOME_INTERNAL},
        {503, "ServiceUnavailable", OUTCOME_LOST},  {401, "Unauthorized", OUTCOME_UNAUTHORIZED},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        apply_patch(&f->fake.rest, &f->target, text("{}"), false, &ops, f);
        fake_refuse(fake_next(&f->fake), cases[i].code, cases[i].reason, "because \\\"so\\\"");
        assert_int_equal(f->status.outcome, cases[i].outcome);
        assert_string_equal(f->status.text, "because \"so\"");
    }

    apply_patch(&f->fake.rest, &f->target, text("{}"), false, &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    fake_headers(call, 429, 3000);
    fake_done(call, REST_OK, "");
    assert_int_equal(f->status.retry_after_ms, 3000);
    assert_string_not_equal(f->status.text, "");

    apply_patch(&f->fake.rest, &f->target, text("{}"), false, &ops, f);
    fake_done(fake_next(&f->fake), REST_REFUSED, "connection refused");
    assert_int_equal(f->status.outcome, OUTCOME_REFUSED);
    apply_patch(&f->fake.rest, &f->target, text("{}"), false, &ops, f);
    call = fake_next(&f->fake);
    fake_headers(call, 200, -1);
    fake_done(call, REST_BROKEN, "reset");
    assert_int_equal(f->status.outcome, OUTCOME_LOST);
}

static void delete_that_very_object(void **state)
{
    struct fixture *f = *state;
    apply_delete(&f->fake.rest, &f->target, text("123-abc"), &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    assert_string_equal(call->method, "DELETE");
    assert_string_equal(call->path, NGINX);
    assert_non_null(strstr(call->body, "\"preconditions\":{\"uid\":\"123-abc\"}"));
    assert_non_null(strstr(call->body, "\"propagationPolicy\":\"Background\""));
    fake_answer(call, 200, "{}");
    assert_int_equal(f->status.outcome, OUTCOME_OK);
}

static void get_and_merge(void **state)
{
    struct fixture *f = *state;
    apply_get(&f->fake.rest, &f->target, &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    assert_string_equal(call->method, "GET");
    assert_string_equal(call->path, NGINX);
    fake_answer(call, 200, "{\"x\":1}");
    assert_string_equal(f->answer, "{\"x\":1}");

    apply_merge(&f->fake.rest, &f->target, text("{\"metadata\":{}}"), &ops, f);
    call = fake_next(&f->fake);
    assert_string_equal(call->method, "PATCH");
    assert_string_equal(call->content_type, "application/merge-patch+json");
    fake_answer(call, 200, "{}");
}

static void namespace_that_may_be_there(void **state)
{
    struct fixture *f = *state;
    apply_namespace(&f->fake.rest, "team", &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    assert_string_equal(call->method, "POST");
    fake_expect_path(call, "/api/v1/namespaces");
    assert_string_equal(call->body,
                        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\"}}");
    fake_refuse(call, 409, "AlreadyExists", "already exists");
    assert_int_equal(f->status.outcome, OUTCOME_OK);
    apply_namespace(&f->fake.rest, "team", &ops, f);
    fake_refuse(fake_next(&f->fake), 403, "Forbidden", "no");
    assert_int_equal(f->status.outcome, OUTCOME_FORBIDDEN);
}

static void names_with_every_character(void **state)
{
    struct fixture *f = *state;
    gvr_set(&f->target.gvr, "rbac.authorization.k8s.io", "v1", "clusterroles");
    f->target.namespace_ = NULL;
    f->target.name = "system:a b?c#d&e+f\"é~._-";
    apply_get(&f->fake.rest, &f->target, &ops, f);
    struct rest_call *call = fake_next(&f->fake);
    assert_string_equal(call->path, "/apis/rbac.authorization.k8s.io/v1/clusterroles/"
                                    "system%3Aa%20b%3Fc%23d%26e%2Bf%22%C3%A9~._-");
    fake_answer(call, 200, "{}");

    char *name = json_text(text("a\\u0026b\\\"c"));
    assert_string_equal(name, "a&b\"c");
    free(name);
    assert_null(json_text(text("a\\q")));
    assert_null(json_text((struct slice){0}));
    assert_null(json_text(text("a\\u0000b")));
}

static void cancelled(void **state)
{
    struct fixture *f = *state;
    struct apply_call *call = apply_get(&f->fake.rest, &f->target, &ops, f);
    apply_cancel(call);
    assert_false(fake_next(&f->fake)->open);
    assert_int_equal(f->done, 0);
    apply_cancel(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server_side_apply),
        TEST(refusals),
        TEST(delete_that_very_object),
        TEST(get_and_merge),
        TEST(namespace_that_may_be_there),
        TEST(names_with_every_character),
        TEST(cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
