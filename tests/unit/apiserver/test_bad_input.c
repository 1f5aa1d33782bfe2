/* What is wrong with a request is told as a real API server tells it, and changes nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/exchange.h"
#include "apiserver/tree.h"
#include "base/mem.h"

#define MAPS "/api/v1/namespaces/default/configmaps"
#define JSON "application/json"

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct buf body;
};

/* One request and what is said to it. */
struct row {
    const char *method, *path, *type, *body;
    int code;
    const char *reason, *message; /* NULL: no Status; a part of it */
};

static int call(struct fixture *f, const struct row *row)
{
    struct rest_request request = {.method = row->method,
                                   .path = row->path,
                                   .content_type = row->type,
                                   .body = row->body,
                                   .body_len = row->body ? strlen(row->body) : 0};
    buf_clear(&f->body);
    int code = apiserver_call(f->server, &request, &f->body);
    buf_append(&f->body, "", 0);
    return code;
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    f->server = apiserver_create(&(struct apiserver_options){.loop = f->loop, .history_events = 100});
    f->body = (struct buf)BUF_INIT(1 << 22);
    *state = f;
    const struct row there = {
        .method = "POST", .path = MAPS, .type = JSON, .body = "{\"metadata\":{\"name\":\"there\"}}"};
    return call(f, &there) != 201;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    buf_deinit(&f->body);
    free(f);
    return 0;
}

static void expect(struct fixture *f, const struct row *row)
{
    uint64_t before = apiserver_revision(f->server);
    int code = call(f, row);
    if (code != row->code)
        fail_msg("%s %s %s: %d, not %d: %s", row->method, row->path, row->body ? row->body : "", code,
                 row->code, f->body.data);
    assert_int_equal(apiserver_revision(f->server), before);
    if (!row->reason)
        return;
    cleanup_tree cJSON *status = tree_parse(f->body.data, f->body.len);
    assert_string_equal(tree_text(status, "kind"), "Status");
    assert_int_equal(tree_number(status, "code", 0), code);
    assert_string_equal(tree_text(status, "reason"), row->reason);
    if (!strstr(tree_text(status, "message"), row->message))
        fail_msg("%s: no \"%s\" in %s", row->path, row->message, tree_text(status, "message"));
}

#define EACH(f, rows)                                                                                        \
    for (size_t i = 0; i < array_size(rows); i++)                                                            \
    expect(f, &(rows)[i])

static void refused_get(struct fixture *f, const char *path, const char *message)
{
    expect(f, &(struct row){"GET", path, NULL, NULL, 400, "BadRequest", message});
}

static void selectors_that_nothing_can_match_are_refused(void **state)
{
    static const char *const labels[][2] = {
        {"a+in+(b", "unable to parse requirement"},
        {"a%3Db%3Dc", "expected: ',' or 'end of string'"},
        {",", "expected: !, identifier, or 'end of string'"},
        {"a,", "expected: identifier after ','"},
        {"-a%3Db", "a key is at most 63"},
        {"a/b/c", "a key is at most 63"},
        {"/a", "a key is at most 63"},
        {"a/", "a key is at most 63"},
        {"a%3Db-", "a value is at most 63"},
        {"a+in+(b,c/d)", "a value is at most 63"},
        {"a%3E1x", "must be an integer"},
        {"a%3C", "must be an integer"},
        {"a%3D1234567890123456789012345678901234567890123456789012345678901234", "a value is at most 63"},
    };
    static const char *const fields[][2] = {
        {"a", "invalid selector"},
        {"%3Da", "invalid selector"},
        {"metadata.name%3Da%3Db", "invalid selector"},
        {"metadata.name%3Da%5Cb", "invalid selector"},
        {"metadata.name%3Da%5C", "invalid selector"},
        {"spec.x%3Da", "field label not supported: spec.x"},
    };
    char path[256];
    for (size_t i = 0; i < array_size(labels); i++) {
        snprintf(path, sizeof(path), "/api/v1/pods?labelSelector=%s", labels[i][0]);
        refused_get(*state, path, labels[i][1]);
    }
    for (size_t i = 0; i < array_size(fields); i++) {
        snprintf(path, sizeof(path), "/api/v1/pods?watch=1&fieldSelector=%s", fields[i][0]);
        refused_get(*state, path, fields[i][1]);
    }
}

static void options_out_of_bounds_are_refused(void **state)
{
    static const char *const options[][2] = {
        {"limit=1e3", "parsing \"1e3\": invalid syntax"},
        {"limit=-", "parsing \"-\": invalid syntax"},
        {"limit=99999999999999999999", "value out of range"},
        {"timeoutSeconds=-1", "timeoutSeconds"},
        {"timeoutSeconds=4294967296", "timeoutSeconds"},
        {"resourceVersion=x", "parsing \"x\""},
        {"resourceVersion=-1", "parsing \"-1\""},
        {"resourceVersion=99999999999999999999", "invalid resource version"},
        {"continue=abc", "invalid continue token"},
        {"continue=%20", "invalid continue token"},
        {"continue=MTAgIGE&resourceVersion=7", "not allowed when using continue"},
        {"labelSelector=%00", "could not be decoded"},
        {"labelSelector=%ff", "could not be decoded"},
        {"labelSelector=%zz", "could not be decoded"},
        {"labelSelector=%", "could not be decoded"},
        {"labelSelector=%c3", "could not be decoded"},
        {"a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a", "more than 32"},
    };
    char path[256];
    for (size_t i = 0; i < array_size(options); i++) {
        snprintf(path, sizeof(path), "/api/v1/pods?%s", options[i][0]);
        refused_get(*state, path, options[i][1]);
    }
    const struct row rows[] = {
        {"GET", "/api/v1/pods?resourceVersion=18446744073709551615", NULL, NULL, 504, "Timeout", "Too large"},
        {"GET", "/api/v1/pods?watch=1&resourceVersion=0x1", NULL, NULL, 500, NULL, "parsing"},
        {"GET", "/api/v1/pods?resourceVersion=1&resourceVersionMatch=x", NULL, NULL, 422, "Invalid",
         "Unsupported"},
        {"GET", "/api/v1/pods?resourceVersionMatch=Exact", NULL, NULL, 422, "Invalid", "Forbidden"},
        {"GET", "/api/v1/pods?limit=1&limit=x", NULL, NULL, 200, NULL, NULL}, /* the first counts */
    };
    EACH(*state, rows);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const paths[] = {
        "/api/v1/../../etc/passwd",
        "/api/v1/namespaces/%2e%2e/pods",
        MAPS "/%2E",
        MAPS "/..%2fthere",
        "/api/v1/configmaps/default%2fthere",
        "/api/v1/namespaces/default%2Fconfigmaps",
        MAPS "/a%2525",
        "/clusters/..%2f/api/v1/pods",
    };
    for (size_t i = 0; i < array_size(paths); i++)
        refused_get(*state, paths[i], "invalid resource name");
    refused_get(*state, MAPS "/%ff", "could not be decoded");
    refused_get(*state, MAPS "/\xff", "could not be decoded");
    refused_get(*state, MAPS "/a%00b", "could not be decoded");
    const struct row rows[] = {
        {"DELETE", "/api/v1/configmaps/default%2fthere", NULL, NULL, 400, "BadRequest",
         "invalid resource name"},
        {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m", NULL, NULL, 404, "NotFound", "could not find"},
        {"GET", "http://elsewhere/api/v1/pods", NULL, NULL, 404, NULL, NULL},
        {"GET", "*", NULL, NULL, 404, NULL, NULL},
        {"GET", MAPS "/there/nonsense", NULL, NULL, 404, "NotFound", "could not find"},
    };
    EACH(*state, rows);
}

static void bodies_that_mean_nothing_or_two_things_are_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"metadata\":{\"name\":\"a\"},\"da",
        "nonsense",
        "{\"metadata\":{\"name\":\"a\"}}{",
        "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\xff\"}}",
        "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\\u0000\"}}",
        "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\\ud800\"}}",
        "{\"metadata\":{\"name\":\"a\"},\"metadata\":{\"name\":\"b\"}}",
        "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\",\"y\":\"2\",\"x\":\"3\"}}}",
    };
    for (size_t i = 0; i < array_size(bodies); i++)
        expect(*state,
               &(struct row){"POST", MAPS, JSON, bodies[i], 400, "BadRequest", "could not be parsed"});
    const struct row rows[] = {
        {"POST", MAPS, JSON, "[]", 400, "BadRequest", "cannot unmarshal array"},
        {"POST", MAPS, JSON, "", 400, "BadRequest", "unexpected end of JSON input (<empty>)"},
        {"POST", MAPS, JSON, "{\"metadata\":{\"name\":7}}", 422, "Invalid", "Required value"},
        {"POST", MAPS, JSON, "{\"metadata\":{\"name\":\"A B\"}}", 422, "Invalid", "RFC 1123"},
        {"POST", MAPS, JSON, "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}", 400, "BadRequest",
         "ConfigMap"},
        {"POST", MAPS, "application/cbor", "{}", 415, "UnsupportedMediaType", "accepted media types"},
        {"POST", MAPS, "text/plain", "{}", 415, "UnsupportedMediaType", "accepted media types"},
        {"POST", MAPS, "application/vnd.kubernetes.protobuf", "k8s", 400, "BadRequest", "protobuf"},
        {"PATCH", MAPS "/there", "application/json-patch+json", "{}", 400, "BadRequest",
         "cannot unmarshal object into Go value of type []"},
        {"PATCH", MAPS "/there", "application/merge-patch+json", "[]", 400, "BadRequest", "unmarshal array"},
        {"PATCH", MAPS "/there", "text/plain", "{}", 415, "UnsupportedMediaType", "Unsupported"},
        {"POST", MAPS "/there", JSON, "{}", 405, "MethodNotAllowed", "method"},
        {"PUT", MAPS, JSON, "{}", 405, "MethodNotAllowed", "method"},
        {"get", MAPS, NULL, NULL, 405, "MethodNotAllowed", "method"},
        {"DELETE", MAPS "/there", JSON, "{", 400, "BadRequest", "could not be parsed"},
    };
    EACH(*state, rows);
}

/* Not one of them may be read as what it is not. */
static void metadata_of_another_shape_is_refused(void **state)
{
    static const char *const members[] = {
        "\"labels\":[\"a\"]",
        "\"annotations\":[\"a\"]",
        "\"annotations\":\"a\"",
        "\"finalizers\":{\"a\":1}",
        "\"ownerReferences\":7",
        "\"managedFields\":{\"a\":1}",
        "\"managedFields\":[7]",
        "\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Update\",\"fieldsV1\":{\"f:data\":[\"x\"]}}]",
        "\"managedFields\":[{\"manager\":\"m\",\"operation\":\"Update\",\"fieldsV1\":{\"f:data\":{\"f:a\":1}}"
        "}]",
    };
    static const char *const types[] = {"application/merge-patch+json",
                                        "application/strategic-merge-patch+json"};
    for (size_t i = 0; i < array_size(members); i++) {
        cleanup_free char *body =
            mem_printf("{\"metadata\":{\"name\":\"there\",%s},\"data\":{\"a\":\"x\"}}", members[i]);
        const struct row put = {"PUT", MAPS "/there", JSON, body, 400, "BadRequest", "cannot unmarshal"};
        expect(*state, &put);
        for (size_t j = 0; j < array_size(types); j++) {
            const struct row patch = {"PATCH", MAPS "/there", types[j],          body,
                                      400,     "BadRequest",  "cannot unmarshal"};
            expect(*state, &patch);
        }
    }
    static const struct row rows[] = {
        {"POST", MAPS, JSON, "{\"metadata\":{\"name\":\"x\"},\"data\":[\"a\"]}", 400, "BadRequest",
         "cannot unmarshal array"},
        {"POST", "/api/v1/namespaces/default/secrets", JSON,
         "{\"metadata\":{\"name\":\"x\"},\"stringData\":[\"a\"]}", 400, "BadRequest",
         "cannot unmarshal array"},
        {"POST", MAPS, JSON, "{\"metadata\":[7]}", 400, "BadRequest", "cannot unmarshal array"},
        {"PATCH", MAPS "/there?fieldManager=m", "application/apply-patch+yaml", "{\"metadata\":null}", 400,
         "BadRequest", "must not be null"},
        {"PATCH", MAPS "/there?fieldManager=m", "application/apply-patch+yaml", "{\"metadata\":[7]}", 400,
         "BadRequest", "cannot unmarshal array"},
        {"PATCH", MAPS "/there?fieldManager=m", "application/apply-patch+yaml",
         "{\"metadata\":{\"labels\":[\"a\"]}}", 400, "BadRequest", "cannot unmarshal array"},
    };
    EACH(*state, rows);
}

/* They stand in answers to everybody who asks what there is. */
static void definitions_give_names_that_are_names(void **state)
{
    static const char *const names[] = {
        "\"kind\":\"W\\\"\"",
        "\"kind\":\"1W\"",
        "\"kind\":\"W\",\"listKind\":\"\\n\"",
        "\"kind\":\"W\",\"singular\":\"w\\\"\"",
    };
    for (size_t i = 0; i < array_size(names); i++) {
        cleanup_free char *body = mem_printf("{\"metadata\":{\"name\":\"ws.example.com\"},\"spec\":{"
                                             "\"group\":\"example.com\",\"scope\":\"Cluster\","
                                             "\"names\":{\"plural\":\"ws\",%s},\"versions\":[{\"name\":"
                                             "\"v1\",\"served\":true,\"storage\":true}]}}",
                                             names[i]);
        expect(*state, &(struct row){"POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", JSON,
                                     body, 422, "Invalid", "must be names"});
    }
}

static void a_text_that_looks_like_an_escape_is_stored(void **state)
{
    const struct row row = {
        "POST", MAPS, JSON, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\\\\u0000\"}}", 0, 0, 0};
    assert_int_equal(call(*state, &row), 201);
}

static void what_is_cut_to_its_length_is_cut_between_characters(void **state)
{
    char path[1024] = "/api/v1/pods?fieldSelector=x";
    for (int i = 0; i < 150; i++)
        strcat(path, "\xc3\xa4");
    refused_get(*state, path, "invalid selector");
}

static void nobody_gets_what_is_not_served(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *accept;
        int code;
    } cases[] = {{"", 200},          {"*/*", 200},
                 {"text/html", 406}, {"application/cbor, application/json", 200},
                 {",", 200},         {"application/vnd.kubernetes.protobuf", 406},
                 {"x", 406},         {"text/html, */*;q=0.1", 200}};
    for (size_t i = 0; i < array_size(cases); i++) {
        struct rest_request request = {.method = "GET", .path = MAPS, .accept = cases[i].accept};
        buf_clear(&f->body);
        if (apiserver_call(f->server, &request, &f->body) != cases[i].code)
            fail_msg("Accept: %s: %s", cases[i].accept, f->body.data);
    }
}

static void an_option_is_on_unless_it_says_no(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *option;
        bool streams;
    } cases[] = {{"watch", true},    {"watch=", true},       {"watch=maybe", true}, {"watch=1&watch=0", true},
                 {"watch=0", false}, {"watch=False", false}, {"x", false}};
    for (size_t i = 0; i < array_size(cases); i++) {
        char path[128];
        snprintf(path, sizeof(path), MAPS "?%s", cases[i].option);
        struct rest_request request = {.method = "GET", .path = path};
        struct exchange *exchange = exchange_open(f->server, &request, NULL, NULL, NULL, NULL);
        if (exchange_streams(exchange) != cases[i].streams)
            fail_msg("%s", path);
        exchange_close(exchange);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(selectors_that_nothing_can_match_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(options_out_of_bounds_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_that_mean_nothing_or_two_things_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(metadata_of_another_shape_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(definitions_give_names_that_are_names, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_that_looks_like_an_escape_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_cut_to_its_length_is_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_gets_what_is_not_served, setup, teardown),
        cmocka_unit_test_setup_teardown(an_option_is_on_unless_it_says_no, setup, teardown),
    };
    return cmocka_run_group_tests_name("bad_input", tests, NULL, NULL);
}
