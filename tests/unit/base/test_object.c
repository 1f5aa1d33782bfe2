#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/object.h"

#define POD                                                                                                  \
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-0\",\"namespace\":\"shop\","       \
    "\"uid\":\"u-1\","                                                                                       \
    "\"resourceVersion\":\"42\",\"labels\":{\"app\":\"web\"},\"managedFields\":[{\"a\":{}}]},\"spec\":{"     \
    "\"x\":1}}"

static struct object *make(const char *json, struct object_rules *rules)
{
    struct object *object = NULL;
    assert_int_equal(object_create(json, strlen(json), rules, &object), 0);
    return object;
}

static void assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.data, text, slice.len);
}

static void identity_is_found(void **state)
{
    (void)state;
    struct object *pod = make(POD, NULL);
    assert_string_equal(object_key(pod), "shop/web-0");
    assert_slice(object_name(pod), "web-0");
    assert_slice(object_namespace(pod), "shop");
    assert_slice(object_uid(pod), "u-1");
    assert_slice(object_resource_version(pod), "42");
    assert_slice(object_labels(pod), "{\"app\":\"web\"}");
    assert_slice(object_bytes(pod), POD);
    assert_int_equal(object_key_hash(pod), key_hash("shop/web-0", 10));
    object_unref(pod);
}

/* What stays when a set of fields is cut, for every place a member can stand in. */
static void cuts_leave_json(void **state)
{
    (void)state;
    static const struct {
        const char *cut[3];
        const char *in, *out;
    } cases[] = {
        {{"a"}, "{\"metadata\":{\"name\":\"n\"},\"a\":1}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"a"}, "{\"a\":1,\"metadata\":{\"name\":\"n\"}}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"a", "b"}, "{\"a\":1,\"b\":2,\"metadata\":{\"name\":\"n\"}}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"a", "b"}, "{\"metadata\":{\"name\":\"n\"},\"a\":1 , \"b\":2}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"a", "b"}, "{\"a\":1,\"metadata\":{\"name\":\"n\"},\"b\":2}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"metadata.x"}, "{\"metadata\":{\"x\":1,\"name\":\"n\"}}", "{\"metadata\":{\"name\":\"n\"}}"},
        {{"metadata.annotations['k/v.w']"},
         "{\"metadata\":{\"annotations\":{\"k/v.w\":\"\\\"}\"},\"name\":\"n\"}}",
         "{\"metadata\":{\"annotations\":{},\"name\":\"n\"}}"},
        {{"s.t"},
         "{\"metadata\":{\"name\":\"n\"},\"s\":[{\"t\":1}]}",
         "{\"metadata\":{\"name\":\"n\"},\"s\":[{\"t\":1}]}"},
        {{"s.t.u", "s.t"},
         "{\"metadata\":{\"name\":\"n\"},\"s\":{\"t\":{\"u\":1}}}",
         "{\"metadata\":{\"name\":\"n\"},\"s\":{}}"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct object_rules rules = {0};
        for (size_t k = 0; k < 3 && cases[i].cut[k]; k++)
            assert_int_equal(object_rules_cut(&rules, cases[i].cut[k]), 0);
        struct object *object = make(cases[i].in, &rules);
        assert_slice(object_bytes(object), cases[i].out);
        object_unref(object);
        object_rules_deinit(&rules);
    }
}

/* A list item lacks kind and apiVersion, a watch event has them: the same bytes, digest and positions come
 * out. */
static void both_ways_give_the_same_bytes(void **state)
{
    (void)state;
    const char *item =
        "{\"metadata\":{\"managedFields\":[],\"name\":\"n\",\"uid\":\"u\",\"labels\":{\"a\":\"b\"}},\"z\":0}";
    const char *event =
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"managedFields\":[{\"m\":1}],\"name\":\"n\","
        "\"uid\":\"u\",\"labels\":{\"a\":\"b\"}},\"z\":0}";
    struct object_rules rules = {.kind = mem_strdup("Pod"), .api_version = mem_strdup("v1")};
    object_rules_cut(&rules, "metadata.managedFields");
    struct object *a = make(item, &rules), *b = make(event, &rules);
    assert_true(object_equal(a, b));
    assert_int_equal(object_bytes(a).len, object_bytes(b).len);
    assert_memory_equal(object_bytes(a).data, object_bytes(b).data, object_bytes(a).len);
    assert_slice(object_labels(a), "{\"a\":\"b\"}");
    assert_slice(object_name(a), "n");
    object_unref(a);
    object_unref(b);
    object_rules_deinit(&rules);
}

static void paths_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct object_rules rules = {0};
    const char *bad[] = {"",     ".",        "a..b",          "a['b",         "a['b'",
                         "['']", "metadata", "metadata.name", "metadata.uid", "kind"};
    for (size_t i = 0; i < array_size(bad); i++)
        assert_int_equal(object_rules_cut(&rules, bad[i]), 1);
    assert_int_equal(rules.cut_count, 0);
    object_rules_deinit(&rules);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(POD); len++) {
        cleanup_free char *part = mem_dup(POD, len); /* the sanitizer sees a read past it */
        struct object *object = NULL;
        assert_int_equal(object_create(part, len, NULL, &object), OBJECT_E_SYNTAX);
    }
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    const char *syntax[] = {
        "",
        "null",
        "[]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}}",
        "{\"a\":tru}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\u12g4\"}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":+}",
    };
    struct object *object = NULL;
    for (size_t i = 0; i < array_size(syntax); i++)
        assert_int_equal(object_create(syntax[i], strlen(syntax[i]), NULL, &object), OBJECT_E_SYNTAX);
    const char *shape[] = {"{}",
                           "{\"metadata\":{}}",
                           "{\"metadata\":{\"name\":\"\"}}",
                           "{\"metadata\":{\"name\":1}}",
                           "{\"metadata\":[]}",
                           "{\"x\":{\"name\":\"n\"}}"};
    for (size_t i = 0; i < array_size(shape); i++)
        assert_int_equal(object_create(shape[i], strlen(shape[i]), NULL, &object), OBJECT_E_SHAPE);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static char deep[4096];
    char *at = stpcpy(deep, "{\"metadata\":{\"name\":\"n\"},\"a\":");
    memset(at, '[', 1000);
    memset(at + 1000, ']', 1000);
    strcpy(at + 2000, "}");
    struct object *object = NULL;
    assert_int_equal(object_create(deep, strlen(deep), NULL, &object), OBJECT_E_SYNTAX);
}

static void digest_tells_key_uid_and_bytes_apart(void **state)
{
    (void)state;
    struct object *a = make("{\"metadata\":{\"name\":\"n\",\"uid\":\"1\"}}", NULL);
    struct object *b = make("{\"metadata\":{\"name\":\"n\",\"uid\":\"2\"}}", NULL);
    assert_false(object_equal(a, b));

    struct digest sum = {0}, one = object_digest(a), other = object_digest(b);
    digest_add(&sum, one);
    digest_add(&sum, other);
    digest_sub(&sum, one);
    assert_true(digest_equal(sum, other));
    digest_sub(&sum, other);
    assert_true(digest_equal(sum, (struct digest){0}));
    object_unref(a);
    object_unref(b);
}

struct known {
    struct object *object;
    unsigned asked;
};

static const struct object *known_object(void *arg, const char *key)
{
    struct known *known = arg;
    known->asked++;
    assert_string_equal(key, "shop/web-0");
    return known->object;
}

#define VERSION(number, spec, rest)                                                                          \
    "{\"metadata\":{\"name\":\"web-0\",\"namespace\":\"shop\",\"resourceVersion\":\"" number                 \
    "\"},\"spec\":" spec "," rest "}"
#define SPEC "{\"containers\":[{\"name\":\"web\",\"image\":\"web:1\"}],\"nodeName\":\"node-1\"}"
#define STATUS "\"status\":{\"phase\":\"Running\"}"

/* With or without knowing what it was, an object is the same, and what is no JSON is refused. */
static void what_is_known_is_not_read_again(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int result;
    } versions[] = {
        {VERSION("8", SPEC, "\"status\":{\"phase\":\"Failed\"}"), 0},
        {VERSION("1000", SPEC, STATUS), 0},
        {VERSION("8", "{\"containers\":[{\"name\":\"web\",\"image\":\"web:2\"}],\"nodeName\":\"node-1\"}",
                 STATUS),
         0},
        {VERSION("8",
                 "{\"containers\":[{\"name\":\"web\",\"image\":\"web:1\"}],\"nodeName\":\"node-1\",\"x\":1}",
                 STATUS),
         0},
        {VERSION("8", "{}", STATUS ",\"spec\":" SPEC), 0},
        {VERSION("8", SPEC "x", STATUS), OBJECT_E_SYNTAX},
        {VERSION("8", SPEC, "\"status\":{\"phase\":Failed}"), OBJECT_E_SYNTAX},
        {VERSION("8", "{\"containers\":[{\"name\":\"web\",\"image\":\"web:1\"},\"nodeName\":\"node-1\"}",
                 STATUS),
         OBJECT_E_SYNTAX},
    };
    struct known known = {.object = make(VERSION("7", SPEC, STATUS), NULL)};
    struct object_rules rules = {.known = known_object, .known_arg = &known};
    for (size_t i = 0; i < array_size(versions); i++) {
        struct object *plain = NULL, *object = NULL;
        const char *json = versions[i].json;
        assert_int_equal(object_create(json, strlen(json), &rules, &object), versions[i].result);
        assert_int_equal(object_create(json, strlen(json), NULL, &plain), versions[i].result);
        assert_int_equal(known.asked, i + 1);
        assert_true(versions[i].result || object_equal(object, plain));
        object_unref(object);
        object_unref(plain);
    }
    object_unref(known.object);
}

/* Nothing cut off is taken for whole, wherever that is. */
static void what_is_known_may_be_cut_off(void **state)
{
    (void)state;
    static const char json[] = VERSION("8", SPEC, STATUS);
    struct known known = {.object = make(VERSION("7", SPEC, STATUS), NULL)};
    struct object_rules rules = {.known = known_object, .known_arg = &known};
    for (size_t len = 0; len + 1 < sizeof(json); len++) {
        char *text = mem_dup(json, len); /* of just that length, so that a byte read behind it is found */
        text = mem_realloc(text, len ? len : 1);
        struct object *object = NULL;
        assert_int_equal(object_create(text, len, &rules, &object), OBJECT_E_SYNTAX);
        free(text);
    }
    object_unref(known.object);
}

/* Among the rules are cuts inside the part: it is as it was read, not as it was kept. */
static void what_is_known_was_cut(void **state)
{
    (void)state;
    struct object_rules rules = {0};
    assert_int_equal(object_rules_cut(&rules, "spec.nodeName"), 0);
    struct known known = {.object = make(VERSION("7", SPEC, STATUS), &rules)};
    rules.known = known_object;
    rules.known_arg = &known;
    struct object *object = make(VERSION("8", SPEC, STATUS), &rules);
    assert_slice(object_bytes(object),
                 VERSION("8", "{\"containers\":[{\"name\":\"web\",\"image\":\"web:1\"}]}", STATUS));
    object_unref(object);
    object_unref(known.object);
    object_rules_deinit(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_found),
        cmocka_unit_test(cuts_leave_json),
        cmocka_unit_test(both_ways_give_the_same_bytes),
        cmocka_unit_test(paths_that_make_no_sense_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(digest_tells_key_uid_and_bytes_apart),
        cmocka_unit_test(what_is_known_is_not_read_again),
        cmocka_unit_test(what_is_known_may_be_cut_off),
        cmocka_unit_test(what_is_known_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
