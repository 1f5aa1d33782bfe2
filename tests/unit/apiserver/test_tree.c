/* Trees keep what cJSON alone would change; patches do what their specifications say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/patch.h"
#include "apiserver/tree.h"
#include "base/mem.h"

static cJSON *parse(const char *json)
{
    cJSON *tree = tree_parse(json, strlen(json));
    if (!tree)
        fail_msg("%s", json);
    return tree;
}

static void check_print(const cJSON *tree, const char *expected)
{
    struct buf out = BUF_INIT(1 << 20);
    tree_print(tree, &out);
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
}

static void numbers_keep_their_spelling(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[9007199254740993,-9223372036854775808,18446744073709551615]",
        "{\"a\":1.10,\"b\":[0.1,-0,1e400,1E5],\"c\":{\"d\":12}}",
        "{\"text\":\"1.10 \\\" 9007199254740993\",\"n\":9007199254740995}",
    };
    for (size_t i = 0; i < array_size(texts); i++) {
        cleanup_tree cJSON *tree = parse(texts[i]);
        check_print(tree, texts[i]);
    }
}

static void what_would_be_cut_off_is_refused(void **state)
{
    (void)state;
    static const char nul[] = "{\"a\":\"x\0y\"}";
    assert_null(tree_parse(nul, sizeof(nul) - 1));
    assert_null(tree_parse("{\"a\":\"x\\u0000y\"}", 16));
    assert_null(tree_parse("{} {}", 5));
    assert_null(tree_parse("{", 1));
    assert_null(tree_parse("", 0));
}

/* {"a":{"a":…{"b":1}…}}, the members of each level in either order. */
static char *deep(size_t levels, bool turned)
{
    struct buf out = BUF_INIT(1 << 20);
    for (size_t i = 0; i < levels; i++)
        buf_append_str(&out, turned ? "{\"b\":0,\"a\":" : "{\"a\":");
    buf_append_str(&out, "1");
    for (size_t i = 0; i < levels; i++)
        buf_append_str(&out, turned ? "}" : ",\"b\":0}");
    return buf_steal(&out);
}

/* Else it would take longer than anybody waits. */
static void what_is_deep_or_long_is_compared_once(void **state)
{
    (void)state;
    cleanup_free char *one = deep(200, false), *other = deep(200, true);
    cleanup_tree cJSON *a = parse(one), *b = parse(other);
    assert_true(tree_equal(a, b));
    cleanup_tree cJSON *forth = cJSON_CreateObject(), *back = cJSON_CreateObject();
    for (int i = 0; i < 200000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%06d", i);
        cJSON_AddNumberToObject(forth, name, i);
        snprintf(name, sizeof(name), "%06d", 199999 - i);
        cJSON_AddNumberToObject(back, name, 199999 - i);
    }
    assert_true(tree_equal(forth, back));
    cJSON_SetNumberValue(back->child->next, 7);
    assert_false(tree_equal(forth, back));
}

static void trees_are_equal_that_say_the_same(void **state)
{
    static const char *const same[][2] = {{"{\"a\":1,\"b\":[2,{}]}", "{\"b\":[2,{}],\"a\":1}"},
                                          {"[true,null,\"x\",1.10]", "[true,null,\"x\",1.10]"}};
    static const char *const other[][2] = {
        {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}"},
        {"[1,2]", "[2,1]"},
        {"[1]", "[1,1]"},
        {"{\"a\":1,\"b\":2}", "{\"c\":1,\"b\":2}"},
        {"\"a\"", "\"b\""},
        {"1.10", "1.1"},
        {"true", "false"},
        {"[]", "{}"},
    };
    (void)state;
    for (size_t i = 0; i < array_size(same); i++) {
        cleanup_tree cJSON *a = parse(same[i][0]), *b = parse(same[i][1]);
        assert_true(tree_equal(a, b));
    }
    for (size_t i = 0; i < array_size(other); i++) {
        cleanup_tree cJSON *a = parse(other[i][0]), *b = parse(other[i][1]);
        assert_false(tree_equal(a, b));
    }
    assert_true(tree_equal(NULL, NULL));
}

/* Each copy doubles what is there, or how deep it is. */
static void patches_do_not_make_much_of_little(void **state)
{
    static const char *const paths[][2] = {{"", "/a"}, {"/a", "/b"}};
    (void)state;
    for (size_t i = 0; i < array_size(paths); i++) {
        cleanup_tree cJSON *tree = parse("{\"a\":{\"x\":[1,2,3]}}");
        struct buf patch = BUF_INIT(1 << 20);
        struct status status = {0};
        for (int j = 0; j < 200; j++)
            buf_appendf(&patch,
                        "%s{\"op\":\"copy\",\"from\":\"%s\",\"path\":\"%s\"},{\"op\":\"copy\",\"from\":\"\","
                        "\"path\":\"/c\"},"
                        "{\"op\":\"move\",\"from\":\"/c\",\"path\":\"/a\"}",
                        j ? "," : "[", paths[i][0], paths[i][1]);
        buf_append_str(&patch, "]");
        cleanup_tree cJSON *operations = parse(patch.data);
        assert_int_equal(patch_json(&tree, operations, &status), 422);
        buf_deinit(&patch);
    }
}

static void a_value_is_put_no_deeper_than_it_could_be_read(void **state)
{
    (void)state;
    cleanup_tree cJSON *tree = parse("{\"a\":{}}");
    cleanup_free char *high = deep(200, false);
    cleanup_free char *text = mem_printf(
        "[{\"op\":\"add\",\"path\":\"/a/a\",\"value\":%s},{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]",
        high);
    cleanup_tree cJSON *patch = parse(text);
    struct status status = {0};
    assert_int_equal(patch_json(&tree, patch, &status), 0);
    struct buf path = BUF_INIT(1 << 16);
    for (int i = 0; i < 100; i++)
        buf_append_str(&path, "/a");
    cleanup_free char *again =
        mem_printf("[{\"op\":\"add\",\"path\":\"/b%s\",\"value\":%s}]", path.data, high);
    cleanup_tree cJSON *deeper = parse(again);
    assert_int_equal(patch_json(&tree, deeper, &status), 422);
    buf_deinit(&path);
}

static void paths_lead_where_they_say(void **state)
{
    (void)state;
    cleanup_tree cJSON *tree = parse("{\"a\":{\"b\":{\"c\":\"x\"}},\"ab\":1}");
    assert_string_equal(tree_text(tree, "a.b.c"), "x");
    assert_string_equal(tree_text(tree, "a.b"), "");
    assert_null(tree_at(tree, "a.bc"));
    tree_set_text(tree_make(tree, "a.d.e"), "f", "y");
    static const char *const order[] = {"ab", "none", "a", NULL};
    tree_order(tree, order);
    check_print(tree, "{\"ab\":1,\"a\":{\"b\":{\"c\":\"x\"},\"d\":{\"e\":{\"f\":\"y\"}}}}");
}

static void merge_patch(void **state)
{
    (void)state;
    /* The examples of RFC 7386 whose target is an object. */
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        cleanup_tree cJSON *target = parse(cases[i][0]), *patch = parse(cases[i][1]);
        patch_merge(target, patch);
        check_print(target, cases[i][2]);
    }
}

static void json_patch(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}"},
        {"{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2,3]}"},
        {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]", "{\"a\":[1,2]}"},
        {"{\"a\":[]}", "[{\"op\":\"add\",\"path\":\"/a/0\",\"value\":2}]", "{\"a\":[2]}"},
        {"{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}"},
        {"{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/0\"}]", "{\"a\":[2]}"},
        {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{\"b\":2}}]", "{\"a\":{\"b\":2}}"},
        {"{\"a\":{\"b\":1},\"c\":{}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]",
         "{\"a\":{},\"c\":{\"d\":1}}"},
        {"{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"a\":1,\"b\":1}"},
        {"{\"x/y\":1,\"~\":2}",
         "[{\"op\":\"remove\",\"path\":\"/x~1y\"},{\"op\":\"remove\",\"path\":\"/~0\"}]", "{}"},
        {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1},{\"op\":\"remove\",\"path\":\"/a\"}]",
         "{}"},
        {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", "{\"a\":1,\"b\":1}"},
        {"{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":1}]", NULL},
        {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":1}]", NULL},
        {"{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":1}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"b\",\"value\":1}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"dance\",\"path\":\"/a\",\"value\":1}]", NULL},
        {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":1}]", NULL},
        {"{\"a\":1}", "{\"op\":\"remove\",\"path\":\"/a\"}", NULL},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct status status = {0};
        cleanup_tree cJSON *target = parse(cases[i][0]), *patch = parse(cases[i][1]);
        int r = patch_json(&target, patch, &status);
        if ((r != 0) != (cases[i][2] == NULL))
            fail_msg("%s: %s", cases[i][1], status.message);
        if (cases[i][2])
            check_print(target, cases[i][2]);
    }
}

static void strategic_patch(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}]}",
         "{\"containers\":[{\"name\":\"a\",\"image\":\"2\"},{\"name\":\"c\"}]}",
         "{\"containers\":[{\"name\":\"a\",\"image\":\"2\"},{\"name\":\"c\"},{\"name\":\"b\"}]}"},
        {"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}",
         "{\"containers\":[{\"name\":\"b\"},{\"name\":\"d\"}]}",
         "{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"d\"},{\"name\":\"c\"}]}"},
        {"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
         "{\"$setElementOrder/"
         "containers\":[{\"name\":\"b\"},{\"name\":\"a\"},{\"name\":\"c\"}],\"containers\":[{\"name\":\"c\"}]"
         "}",
         "{\"containers\":[{\"name\":\"b\"},{\"name\":\"a\"},{\"name\":\"c\"}]}"},
        {"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
         "{\"$setElementOrder/"
         "containers\":[{\"name\":\"b\"}],\"containers\":[{\"$patch\":\"delete\",\"name\":\"a\"}]}",
         "{\"containers\":[{\"name\":\"b\"}]}"},
        {"{\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\",\"name\":\"x\"}]}",
         "{\"ports\":[{\"containerPort\":80,\"name\":\"y\"}]}",
         "{\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\",\"name\":\"y\"}]}"},
        {"{\"ports\":[{\"port\":80}]}", "{\"ports\":[{\"port\":81}]}",
         "{\"ports\":[{\"port\":81},{\"port\":80}]}"},
        {"{\"args\":[\"a\",\"b\"]}", "{\"args\":[\"c\"]}", "{\"args\":[\"c\"]}"},
        {"{\"finalizers\":[\"a\"]}", "{\"finalizers\":[\"b\",\"a\"]}", "{\"finalizers\":[\"a\",\"b\"]}"},
        {"{\"finalizers\":[\"a\",\"b\"]}", "{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}",
         "{\"finalizers\":[\"b\"]}"},
        {"{\"s\":{\"type\":\"A\",\"rollingUpdate\":{}}}",
         "{\"s\":{\"$retainKeys\":[\"type\"],\"type\":\"B\"}}", "{\"s\":{\"type\":\"B\"}}"},
        {"{\"m\":{\"a\":1,\"b\":2}}", "{\"m\":{\"$patch\":\"replace\",\"c\":3}}", "{\"m\":{\"c\":3}}"},
        {"{\"m\":{\"a\":1,\"b\":2}}", "{\"m\":{\"a\":null}}", "{\"m\":{\"b\":2}}"},
        {"{}", "{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"$patch\":\"delete\"}]}]}",
         "{\"containers\":[{\"name\":\"a\",\"env\":[]}]}"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct status status = {0};
        cleanup_tree cJSON *target = parse(cases[i][0]), *patch = parse(cases[i][1]);
        assert_int_equal(patch_strategic(target, patch, &status), 0);
        check_print(target, cases[i][2]);
    }
}

static bool parses(int members, int twin)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(1 << 16);
    buf_append_char(&text, '{');
    for (int i = 0; i < members; i++)
        buf_appendf(&text, "%s\"m%d\":1", i ? "," : "", i == members - 1 && twin >= 0 ? twin : i);
    buf_append_char(&text, '}');
    cleanup_tree cJSON *tree = tree_parse(text.data, text.len);
    return tree != NULL;
}

/* Few are compared each with each other, many are sorted. */
static void a_member_twice_is_none_of_ours(void **state)
{
    (void)state;
    for (int members = 2; members < 40; members++) {
        assert_true(parses(members, -1));
        for (int twin = 0; twin < members - 1; twin++)
            assert_false(parses(members, twin));
    }
}

/* Whoever makes an integer of one need not look how large it is. */
static void numbers_are_within_what_is_exact(void **state)
{
    (void)state;
    cleanup_tree cJSON *tree = parse("[{\"a\":1e400,\"b\":-1e300,\"c\":9223372036854775808,\"d\":-1.5}]");
    assert_true(tree_number(tree->child, "a", 0) == 9007199254740992.0);
    assert_true(tree_number(tree->child, "b", 0) == -9007199254740992.0);
    assert_true(tree_number(tree->child, "c", 0) == 9007199254740992.0);
    assert_true(tree_number(tree->child, "d", 0) == -1.5);
    assert_int_equal(tree_count(tree->child, "a", 0), TREE_COUNT_MAX);
    assert_int_equal(tree_count(tree->child, "d", 0), 0);
}

/* A name in an array and a part without one in an object would be no JSON. */
static void parts_are_added_to_what_can_have_them(void **state)
{
    (void)state;
    cleanup_tree cJSON *tree = parse("{\"list\":[1],\"map\":{\"a\":1},\"text\":\"x\"}");
    tree_set_text(tree_at(tree, "list"), "a", "b");
    tree_add(tree_at(tree, "map"), cJSON_CreateString("b"));
    tree_add(tree_at(tree, "text"), cJSON_CreateString("b"));
    tree_add(NULL, cJSON_CreateString("b"));
    tree_set_text(NULL, "a", "b");
    check_print(tree, "{\"list\":[1],\"map\":{\"a\":1},\"text\":\"x\"}");
    assert_null(tree_first(tree_at(tree, "list")));
    assert_null(tree_make_list(tree_at(tree, "list"), "a"));
    tree_add(tree_make_list(tree, "list"), cJSON_CreateNumber(2));
    tree_add(tree_make_list(tree, "text"), cJSON_CreateNumber(3));
    check_print(tree, "{\"list\":[1,2],\"map\":{\"a\":1},\"text\":[3]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_twice_is_none_of_ours),
        cmocka_unit_test(numbers_keep_their_spelling),
        cmocka_unit_test(numbers_are_within_what_is_exact),
        cmocka_unit_test(parts_are_added_to_what_can_have_them),
        cmocka_unit_test(what_would_be_cut_off_is_refused),
        cmocka_unit_test(what_is_deep_or_long_is_compared_once),
        cmocka_unit_test(trees_are_equal_that_say_the_same),
        cmocka_unit_test(patches_do_not_make_much_of_little),
        cmocka_unit_test(a_value_is_put_no_deeper_than_it_could_be_read),
        cmocka_unit_test(paths_lead_where_they_say),
        cmocka_unit_test(merge_patch),
        cmocka_unit_test(json_patch),
        cmocka_unit_test(strategic_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
