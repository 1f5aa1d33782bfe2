/* Writes as clients make them, by request: what is stored, what is refused, and in which words. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/server.h"
#include "apiserver/tree.h"
#include "base/mem.h"
#include "kube/rest.h"

#define CMS "/api/v1/namespaces/default/configmaps"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define APPLY "application/apply-patch+yaml"
#define MERGE "application/merge-patch+json"

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct buf body;
    cJSON *tree; /* of the last answer */
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(3);
    struct apiserver_options options = {.loop = f->loop};
    f->server = apiserver_create(&options);
    buf_init(&f->body, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cJSON_Delete(f->tree);
    buf_deinit(&f->body);
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static int call(struct fixture *f, const char *method, const char *path, const char *type, const char *body)
{
    struct rest_request request = {.method = method,
                                   .path = path,
                                   .content_type = type,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0};
    buf_clear(&f->body);
    int status = apiserver_call(f->server, &request, &f->body);
    cJSON_Delete(f->tree);
    f->tree = tree_parse(f->body.data, f->body.len);
    assert_true(f->tree || f->body.data[0] != '{');
    return status;
}

static int post(struct fixture *f, const char *path, const char *body)
{
    return call(f, "POST", path, "application/json", body);
}

static int put(struct fixture *f, const char *path, const char *body)
{
    return call(f, "PUT", path, "application/json", body);
}

static int patch(struct fixture *f, const char *path, const char *body)
{
    return call(f, "PATCH", path, MERGE, body);
}

static int apply(struct fixture *f, const char *path, const char *manager, const char *body)
{
    cleanup_free char *full = mem_printf("%s%cfieldManager=%s", path, strchr(path, '?') ? '&' : '?', manager);
    return call(f, "PATCH", full, APPLY, body);
}

static void check_refusal(struct fixture *f, const char *reason, const char *message)
{
    assert_string_equal(tree_text(f->tree, "kind"), "Status");
    assert_string_equal(tree_text(f->tree, "reason"), reason);
    if (!strstr(tree_text(f->tree, "message"), message))
        fail_msg("%s", tree_text(f->tree, "message"));
}

static const char *deployment(int replicas, const char *image)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "{\"apiVersion\":\"apps/"
             "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":%d,"
             "\"selector\":{\"matchLabels\":{\"app\":\"w\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":"
             "\"w\"}},\"spec\":{"
             "\"containers\":[{\"name\":\"main\",\"image\":\"%s\"}]}}}}",
             replicas, image);
    return text;
}

static void create_makes_metadata(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(post(f, CMS,
                          "{\"data\":{\"k\":\"v\"},\"metadata\":{\"name\":\"a\",\"uid\":\"mine\","
                          "\"creationTimestamp\":null}}"),
                     201);
    assert_ptr_equal(
        strstr(f->body.data,
               "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"namespace\":"
               "\"default\",\"uid\":\""),
        f->body.data);
    assert_int_equal(strlen(tree_text(f->tree, "metadata.uid")), 36);
    assert_string_equal(tree_text(f->tree, "metadata.creationTimestamp"), "2026-01-01T00:00:01Z");
    assert_string_equal(tree_text(f->tree, "metadata.resourceVersion"), "5");
    assert_int_equal(post(f, CMS, "{\"metadata\":{\"generateName\":\"g-\"}}"), 201);
    assert_int_equal(strlen(tree_text(f->tree, "metadata.name")), 7);
}

static void create_refuses_as_the_real_server_does(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *body;
        int code;
        const char *reason, *message;
    } cases[] = {
        {CMS, "{\"metadata\":{\"name\":\"a\"}}", 409, "AlreadyExists", "configmaps \"a\" already exists"},
        {CMS, "{\"metadata\":{}}", 422, "Invalid", "name or generateName is required"},
        {CMS, "{\"metadata\":{\"name\":\"A\"}}", 422, "Invalid",
         "a lowercase RFC 1123 subdomain must consist of"},
        {CMS, "{\"metadata\":{\"name\":\"b\",\"namespace\":\"other\"}}", 400, "BadRequest",
         "does not match the namespace"},
        {CMS, "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"}}", 400, "BadRequest",
         "cannot be handled as a ConfigMap"},
        {CMS, "{\"apiVersion\":\"v2\",\"metadata\":{\"name\":\"b\"}}", 400, "BadRequest",
         "no kind \"ConfigMap\" is registered for version \"v2\""},
        {CMS, "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"1\"}}", 500, "",
         "resourceVersion should not be set"},
        {CMS, "{\"metadata\":{\"name\":\"b\",\"labels\":{\"x\":1}}}", 400, "BadRequest", "labels"},
        {CMS, "{", 400, "BadRequest", "could not be parsed"},
        {CMS, "[]", 400, "BadRequest", "cannot unmarshal array"},
        {"/api/v1/namespaces/none/configmaps", "{\"metadata\":{\"name\":\"b\"}}", 404, "NotFound",
         "namespaces \"none\" not found"},
        {DEPLOYMENTS, "{\"metadata\":{\"name\":\"d\"},\"spec\":{}}", 422, "Invalid",
         "spec.selector: Required value"},
        {DEPLOYMENTS,
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":"
         "{}}}",
         422, "Invalid", "`selector` does not match template `labels`"},
        {"/api/v1/nonsense", "{}", 404, "NotFound", "could not find the requested resource"},
        {CMS "/a", "{\"metadata\":{\"name\":\"a\"}}", 405, "MethodNotAllowed", "does not allow this method"},
    };
    assert_int_equal(post(f, CMS, "{\"metadata\":{\"name\":\"a\"}}"), 201);
    uint64_t revision = apiserver_revision(f->server);
    for (size_t i = 0; i < array_size(cases); i++) {
        assert_int_equal(post(f, cases[i].path, cases[i].body), cases[i].code);
        assert_int_equal(tree_number(f->tree, "code", 0), cases[i].code);
        check_refusal(f, cases[i].reason, cases[i].message);
    }
    assert_int_equal(call(f, "POST", CMS, "text/plain", "{}"), 415);
    assert_int_equal(apiserver_revision(f->server), revision);
}

static void update_locks_optimistically(void **state)
{
    struct fixture *f = *state;
    post(f, CMS, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"n\":\"0\"}}");
    cleanup_free char *uid = mem_strdup(tree_text(f->tree, "metadata.uid"));
    assert_int_equal(put(f, CMS "/a",
                         "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"},\"data\":{\"n\":\"1\"}}"),
                     200);
    assert_string_equal(tree_text(f->tree, "metadata.uid"), uid);
    assert_string_equal(tree_text(f->tree, "metadata.resourceVersion"), "6");
    assert_int_equal(put(f, CMS "/a",
                         "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"},\"data\":{\"n\":\"2\"}}"),
                     409);
    check_refusal(f, "Conflict",
                  "Operation cannot be fulfilled on configmaps \"a\": the object has been modified");
    assert_int_equal(put(f, CMS "/a", "{\"metadata\":{\"name\":\"a\",\"uid\":\"x\"},\"data\":{\"n\":\"2\"}}"),
                     409);
    assert_int_equal(put(f, CMS "/b", "{\"metadata\":{\"name\":\"b\"}}"), 404);
    assert_int_equal(put(f, CMS "/b", "{\"metadata\":{\"name\":\"a\"}}"), 400);
    /* What changes nothing is no change. */
    assert_int_equal(put(f, CMS "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"n\":\"1\"}}"), 200);
    assert_string_equal(tree_text(f->tree, "metadata.resourceVersion"), "6");
}

static void spec_and_status_are_written_apart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(post(f, DEPLOYMENTS, deployment(2, "a:1")), 201);
    assert_int_equal(tree_number(f->tree, "metadata.generation", 0), 1);
    assert_string_equal(tree_text(f->tree, "spec.strategy.rollingUpdate.maxSurge"), "25%");
    assert_int_equal(
        patch(f, DEPLOYMENTS "/web/status", "{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":2}}"), 200);
    assert_int_equal(tree_number(f->tree, "spec.replicas", 0), 2);
    assert_int_equal(tree_number(f->tree, "status.replicas", 0), 2);
    assert_int_equal(tree_number(f->tree, "metadata.generation", 0), 1);
    assert_int_equal(patch(f, DEPLOYMENTS "/web", "{\"spec\":{\"replicas\":3},\"status\":{\"replicas\":7}}"),
                     200);
    assert_int_equal(tree_number(f->tree, "spec.replicas", 0), 3);
    assert_int_equal(tree_number(f->tree, "status.replicas", 0), 2);
    assert_int_equal(tree_number(f->tree, "metadata.generation", 0), 2);
    assert_int_equal(patch(f, CMS "/web/status", "{}"), 404);
}

static void scale_is_a_view_of_replicas(void **state)
{
    struct fixture *f = *state;
    post(f, DEPLOYMENTS, deployment(2, "a:1"));
    assert_int_equal(call(f, "GET", DEPLOYMENTS "/web/scale", NULL, NULL), 200);
    assert_string_equal(tree_text(f->tree, "kind"), "Scale");
    assert_int_equal(tree_number(f->tree, "spec.replicas", 0), 2);
    assert_string_equal(tree_text(f->tree, "status.selector"), "app=w");
    assert_int_equal(
        put(f, DEPLOYMENTS "/web/scale", "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":5}}"), 200);
    assert_int_equal(patch(f, DEPLOYMENTS "/web/scale", "{\"spec\":{\"replicas\":4}}"), 200);
    assert_string_equal(tree_text(f->tree, "kind"), "Scale");
    call(f, "GET", DEPLOYMENTS "/web", NULL, NULL);
    assert_int_equal(tree_number(f->tree, "spec.replicas", 0), 4);
    assert_int_equal(tree_number(f->tree, "metadata.generation", 0), 3);
}

static void delete_keeps_its_conditions(void **state)
{
    struct fixture *f = *state;
    post(f, CMS, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"example.com/hold\"]}}");
    assert_int_equal(call(f, "DELETE", CMS "/a", NULL, "{\"preconditions\":{\"uid\":\"x\"}}"), 409);
    check_refusal(f, "Conflict", "the UID in the precondition (x) does not match the UID in record");
    assert_int_equal(call(f, "DELETE", CMS "/a", NULL, NULL), 200);
    assert_string_not_equal(tree_text(f->tree, "metadata.deletionTimestamp"), "");
    assert_int_equal(call(f, "GET", CMS "/a", NULL, NULL), 200);
    assert_int_equal(patch(f, CMS "/a", "{\"metadata\":{\"finalizers\":null}}"), 200);
    assert_int_equal(call(f, "GET", CMS "/a", NULL, NULL), 404);
    assert_int_equal(call(f, "DELETE", CMS "/a", NULL, NULL), 404);
    check_refusal(f, "NotFound", "configmaps \"a\" not found");
    assert_int_equal(call(f, "DELETE", "/api/v1/namespaces/default", NULL, NULL), 403);
}

static void collection_is_deleted_by_selector(void **state)
{
    struct fixture *f = *state;
    post(f, CMS, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\"}}}");
    post(f, CMS, "{\"metadata\":{\"name\":\"b\"}}");
    assert_int_equal(call(f, "DELETE", CMS "?labelSelector=x", NULL, NULL), 200);
    call(f, "GET", CMS, NULL, NULL);
    assert_int_equal(cJSON_GetArraySize(tree_at(f->tree, "items")), 1);
    assert_string_equal(tree_text(cJSON_GetArrayItem(tree_at(f->tree, "items"), 0), "metadata.name"), "b");
}

static void dry_run_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t revision = apiserver_revision(f->server);
    assert_int_equal(post(f, CMS "?dryRun=All", "{\"metadata\":{\"name\":\"a\"}}"), 201);
    assert_int_equal(apiserver_revision(f->server), revision);
    assert_int_equal(call(f, "GET", CMS "/a", NULL, NULL), 404);
    post(f, CMS, "{\"metadata\":{\"name\":\"a\"}}");
    assert_int_equal(call(f, "DELETE", CMS "/a?dryRun=All", NULL, NULL), 200);
    assert_int_equal(call(f, "GET", CMS "/a", NULL, NULL), 200);
}

static void apply_owns_removes_and_conflicts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        apply(f, CMS "/a", "one", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"1\",\"y\":\"1\"}}"), 201);
    uint64_t revision = apiserver_revision(f->server);
    assert_int_equal(
        apply(f, CMS "/a", "one", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"1\",\"y\":\"1\"}}"), 200);
    assert_int_equal(apiserver_revision(f->server), revision);
    /* The same value is owned together, another is a conflict. */
    assert_int_equal(apply(f, CMS "/a", "two", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"1\"}}"),
                     200);
    assert_int_equal(apply(f, CMS "/a", "two", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"2\"}}"),
                     409);
    check_refusal(f, "Conflict", "conflict with \"one\": .data.x");
    const cJSON *cause = cJSON_GetArrayItem(tree_at(f->tree, "details.causes"), 0);
    assert_string_equal(tree_text(cause, "reason"), "FieldManagerConflict");
    assert_string_equal(tree_text(cause, "field"), ".data.x");
    assert_int_equal(
        apply(f, CMS "/a?force=true", "two", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"x\":\"2\"}}"), 200);
    /* What one leaves out goes, but for what belongs to others. */
    assert_int_equal(apply(f, CMS "/a", "one", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"z\":\"1\"}}"),
                     200);
    assert_string_equal(tree_text(f->tree, "data.x"), "2");
    assert_null(tree_at(f->tree, "data.y"));
    assert_string_equal(tree_text(f->tree, "data.z"), "1");
    assert_int_equal(call(f, "PATCH", CMS "/a", APPLY, "{\"metadata\":{\"name\":\"a\"}}"), 422);
}

static void plain_write_takes_what_it_changes(void **state)
{
    struct fixture *f = *state;
    apply(f, DEPLOYMENTS "/web", "agent", deployment(2, "a:1"));
    assert_int_equal(patch(f, DEPLOYMENTS "/web?fieldManager=someone", "{\"spec\":{\"replicas\":3}}"), 200);
    /* The agent has lost it, and is not who a third one meets. */
    assert_int_equal(apply(f, DEPLOYMENTS "/web", "third", deployment(5, "a:1")), 409);
    check_refusal(f, "Conflict", "conflict with \"someone\" using apps/v1: .spec.replicas");
    assert_int_equal(apply(f, DEPLOYMENTS "/web", "agent", deployment(2, "a:1")), 409);
    check_refusal(f, "Conflict", "conflict with \"someone\" using apps/v1: .spec.replicas");
    assert_int_equal(apply(f, DEPLOYMENTS "/web", "agent", deployment(3, "a:2")), 200);
    assert_int_equal(apply(f, DEPLOYMENTS "/web?force=true", "agent", deployment(2, "a:2")), 200);
    assert_int_equal(patch(f, DEPLOYMENTS "/web/status", "{\"status\":{\"replicas\":2}}"), 200);
    assert_int_equal(apply(f, DEPLOYMENTS "/web", "agent", deployment(2, "a:2")), 200);
    assert_int_equal(tree_number(f->tree, "status.replicas", 0), 2);
}

static void apply_merges_lists_by_their_keys(void **state)
{
    struct fixture *f = *state;
    apply(f, DEPLOYMENTS "/web", "agent", deployment(1, "a:1"));
    assert_int_equal(
        apply(f, DEPLOYMENTS "/web", "mesh",
              "{\"apiVersion\":\"apps/"
              "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"template\":{"
              "\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"s:1\"},{\"name\":\"main\",\"env\":[{"
              "\"name\":\"E\","
              "\"value\":\"1\"}]}]}}}}"),
        200);
    const cJSON *containers = tree_at(f->tree, "spec.template.spec.containers");
    assert_int_equal(cJSON_GetArraySize(containers), 2);
    assert_string_equal(tree_text(cJSON_GetArrayItem(containers, 0), "image"), "a:1");
    assert_int_equal(cJSON_GetArraySize(tree_at(cJSON_GetArrayItem(containers, 0), "env")), 1);
    assert_int_equal(
        apply(f, DEPLOYMENTS "/web", "mesh",
              "{\"apiVersion\":\"apps/"
              "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"labels\":{\"m\":\"1\"}}}"),
        200);
    containers = tree_at(f->tree, "spec.template.spec.containers");
    assert_int_equal(cJSON_GetArraySize(containers), 1);
    assert_null(tree_at(cJSON_GetArrayItem(containers, 0), "env"));
}

static void definition_is_served(void **state)
{
    struct fixture *f = *state;
    static const char definition[] = "{\"metadata\":{\"name\":\"widgets.example.com\"},\"spec\":{\"group\":"
                                     "\"example.com\",\"scope\":\"Namespaced\",\"names\":{"
                                     "\"plural\":\"widgets\",\"kind\":\"Widget\"},\"versions\":[{\"name\":"
                                     "\"v1\",\"served\":true,\"storage\":true}]}}";
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define WIDGETS "/apis/example.com/v1/namespaces/default/widgets"
    assert_int_equal(call(f, "GET", WIDGETS, NULL, NULL), 404);
    assert_int_equal(post(f, CRDS, definition), 201);
    assert_int_equal(
        post(f, WIDGETS,
             "{\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\"},\"spec\":{\"n\":9007199254740993}}"),
        201);
    assert_non_null(strstr(f->body.data, "9007199254740993"));
    assert_int_equal(call(f, "GET", WIDGETS, NULL, NULL), 200);
    assert_string_equal(tree_text(f->tree, "kind"), "WidgetList");
    assert_string_equal(tree_text(cJSON_GetArrayItem(tree_at(f->tree, "items"), 0), "kind"), "Widget");
    assert_int_equal(call(f, "GET", "/apis/example.com/v1", NULL, NULL), 200);
    assert_int_equal(call(f, "DELETE", CRDS "/widgets.example.com", NULL, NULL), 200);
    assert_int_equal(call(f, "GET", WIDGETS, NULL, NULL), 404);
    assert_int_equal(call(f, "GET", "/apis/example.com/v1", NULL, NULL), 404);
    assert_int_equal(post(f, CRDS, definition), 201);
    assert_int_equal(call(f, "GET", WIDGETS, NULL, NULL), 200);
    assert_int_equal(cJSON_GetArraySize(tree_at(f->tree, "items")), 0);
}

static void table_has_the_columns_of_a_definition(void **state)
{
    struct fixture *f = *state;
    struct rest_request request = {.method = "GET",
                                   .path = WIDGETS,
                                   .accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"};
    post(f, CRDS,
         "{\"metadata\":{\"name\":\"widgets.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
         "\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"kind\":\"Widget\"},\"versions\":[{\"name\":"
         "\"v1\","
         "\"served\":true,\"storage\":true,\"additionalPrinterColumns\":["
         "{\"name\":\"Color\",\"type\":\"string\",\"jsonPath\":\".spec.color\"},"
         "{\"name\":\"Size\",\"type\":\"integer\",\"jsonPath\":\".spec.size\",\"priority\":1},"
         "{\"name\":\"Good\",\"type\":\"boolean\",\"jsonPath\":\".spec.good\"},"
         "{\"name\":\"Share\",\"type\":\"number\",\"jsonPath\":\".spec.share\"},"
         "{\"name\":\"Since\",\"type\":\"date\",\"jsonPath\":\".spec.since\"},"
         "{\"name\":\"Odd\",\"type\":\"tuple\",\"jsonPath\":\".spec.color\"}]}]}}");
    post(f, WIDGETS,
         "{\"kind\":\"Widget\",\"metadata\":{\"name\":\"one\"},\"spec\":{\"color\":\"red\",\"size\":4.0,"
         "\"good\":true,"
         "\"share\":0.5,\"since\":\"yesterday\"}}");
    post(f, WIDGETS,
         "{\"kind\":\"Widget\",\"metadata\":{\"name\":\"two\"},\"spec\":{\"color\":7,\"size\":\"x\",\"good\":"
         "1,\"since\":2}}");
    buf_clear(&f->body);
    assert_int_equal(apiserver_call(f->server, &request, &f->body), 200);
    assert_non_null(strstr(f->body.data, "\"cells\":[\"one\",\"red\",4,true,0.5,\"<invalid>\"]"));
    assert_non_null(strstr(f->body.data, "\"cells\":[\"two\",\"7\",null,null,null,null]"));
    assert_non_null(strstr(f->body.data,
                           "{\"name\":\"Size\",\"type\":\"integer\",\"format\":\"\",\"description\":"
                           "\"Custom resource definition column (in JSONPath format): .spec.size\","
                           "\"priority\":1}"));
}

static void table_has_columns_and_rows(void **state)
{
    struct fixture *f = *state;
    struct rest_request request = {.method = "GET",
                                   .path = DEPLOYMENTS,
                                   .accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"};
    post(f, DEPLOYMENTS, deployment(2, "a:1"));
    buf_clear(&f->body);
    assert_int_equal(apiserver_call(f->server, &request, &f->body), 200);
    cleanup_tree cJSON *table = tree_parse(f->body.data, f->body.len);
    assert_string_equal(tree_text(table, "kind"), "Table");
    assert_int_equal(cJSON_GetArraySize(tree_at(table, "columnDefinitions")), 8);
    const cJSON *row = cJSON_GetArrayItem(tree_at(table, "rows"), 0);
    assert_string_equal(cJSON_GetArrayItem(tree_at(row, "cells"), 1)->valuestring, "0/2");
    assert_string_equal(tree_text(row, "object.metadata.name"), "web");
}

static void discovery_is_json_throughout(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/api",
                                        "/apis",
                                        "/api/v1",
                                        "/apis/apps",
                                        "/apis/apps/v1",
                                        "/version",
                                        "/openapi/v3",
                                        "/openapi/v3/api/v1",
                                        "/openapi/v3/apis/apps/v1",
                                        "/openapi/v2"};
    for (size_t i = 0; i < array_size(paths); i++)
        assert_int_equal(call(f, "GET", paths[i], NULL, NULL), 200);
    struct rest_request request = {
        .method = "GET",
        .path = "/apis",
        .accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"};
    buf_clear(&f->body);
    assert_int_equal(apiserver_call(f->server, &request, &f->body), 200);
    cleanup_tree cJSON *list = tree_parse(f->body.data, f->body.len);
    assert_string_equal(tree_text(list, "kind"), "APIGroupDiscoveryList");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_makes_metadata),
        TEST(create_refuses_as_the_real_server_does),
        TEST(update_locks_optimistically),
        TEST(spec_and_status_are_written_apart),
        TEST(scale_is_a_view_of_replicas),
        TEST(delete_keeps_its_conditions),
        TEST(collection_is_deleted_by_selector),
        TEST(dry_run_changes_nothing),
        TEST(apply_owns_removes_and_conflicts),
        TEST(plain_write_takes_what_it_changes),
        TEST(apply_merges_lists_by_their_keys),
        TEST(definition_is_served),
        TEST(table_has_the_columns_of_a_definition),
        TEST(table_has_columns_and_rows),
        TEST(discovery_is_json_throughout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
