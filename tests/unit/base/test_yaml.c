#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/yaml.h"

/* Parses, and compares with the JSON it must be. */
static void expect(const char *text, const char *json)
{
    cJSON *tree = NULL;
    struct error err = {0};
    int r = yaml_parse(text, strlen(text), &tree, &err);
    if (r != 0)
        print_error("%s\n", err.text);
    assert_int_equal(r, 0);
    char *printed = cJSON_PrintUnformatted(tree);
    assert_string_equal(printed, json);
    free(printed);
    cJSON_Delete(tree);
}

static void refuse_bytes(const char *text, size_t len, const char *reason)
{
    cJSON *tree = NULL;
    struct error err = {0};
    assert_int_equal(yaml_parse(text, len, &tree, &err), EX_DATAERR);
    assert_null(tree);
    if (!strstr(err.text, reason))
        print_error("\"%s\" does not say \"%s\"\n", err.text, reason);
    assert_non_null(strstr(err.text, reason));
}

static void refuse(const char *text, const char *reason)
{
    refuse_bytes(text, strlen(text), reason);
}

static void reads_structure(void **state)
{
    (void)state;
    expect("", "null");
    expect("a: b\nc:\n- d\n- e: f\n  g: [h, {i: j}]\n",
           "{\"a\":\"b\",\"c\":[\"d\",{\"e\":\"f\",\"g\":[\"h\",{\"i\":\"j\"}]}]}");
    expect("text: |\n  one\n  two\nfolded: >-\n  one\n  two\n",
           "{\"text\":\"one\\ntwo\\n\",\"folded\":\"one two\"}");
    expect("---\na: 1\n...\n", "{\"a\":1}");
    expect("{\"a\":1,\"b\":[true,null,\"x\\ty\"]}", "{\"a\":1,\"b\":[true,null,\"x\\ty\"]}");
    expect("{\n\t\"a\":\t1\n}", "{\"a\":1}");
}

static void reads_scalars_as_kubectl_does(void **state)
{
    (void)state;
    expect("[true, Yes, on, y, false, No, OFF, n]", "[true,true,true,true,false,false,false,false]");
    expect("[null, ~, '', \"\"]", "[null,null,\"\",\"\"]");
    expect("[0, 42, -7, +5, 0x1F, 0o17, 017, 0b11]", "[0,42,-7,5,31,15,15,3]");
    expect("[1.5, -2e+3, 1.]", "[1.5,-2000,1]");
    expect("['true', \"42\", !!str 42, !!int '42']", "[\"true\",\"42\",\"42\",42]");
    expect("[09, 0x, 1_, 1.2.3, '-', e5, 1e999, 12h, tcp://h:1]",
           "[9,\"0x\",\"1_\",\"1.2.3\",\"-\",\"e5\",\"1e999\",\"12h\",\"tcp://h:1\"]");
}

static void keeps_the_spelling(void **state)
{
    (void)state;
    const char *text = "{a: 007, b: on, c: x, d: ~, e: [], f: '5'}";
    cJSON *tree = NULL;
    assert_int_equal(yaml_parse(text, strlen(text), &tree, NULL), 0);
    assert_string_equal(yaml_text(yaml_member(tree, "a")), "007");
    assert_string_equal(yaml_text(yaml_member(tree, "b")), "on");
    assert_string_equal(yaml_text(yaml_member(tree, "c")), "x");
    assert_null(yaml_text(yaml_member(tree, "d")));
    assert_null(yaml_text(yaml_member(tree, "e")));
    assert_string_equal(yaml_text(yaml_member(tree, "f")), "5");
    assert_null(yaml_text(yaml_member(tree, "A")));
    assert_null(yaml_member(yaml_member(tree, "e"), "a"));
    cJSON_Delete(tree);
}

static void says_the_line(void **state)
{
    (void)state;
    refuse("a: 1\nb: [\n", "line ");
    refuse("a: 1\nb: *x\n", "line 2: aliases");
    refuse("a: &x 1\nb: *x\n", "line 2: aliases");
    refuse("a: 1\n\na: 2\n", "line 3: key \"a\" is given twice");
    refuse("? [a]\n: b\n", "line 1: a key must be");
    refuse("a: !secret b\n", "line 1: a tag");
    refuse("a: 1\n---\nb: 1\n", "line 2: a second document");
    refuse("a: \"x\\0y\"\n", "line 1: a NUL");
    refuse("\"x\\0y\": a\n", "line 1: a NUL");
    refuse("a: b: c\n", "line 1");
    refuse("a:\n\t- b\n", "line 2");
    refuse_bytes("a: \xff\xfe\n", 6, "line ");
}

static void is_bounded(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    for (int i = 0; i < YAML_DEPTH_MAX + 1; i++)
        buf_append_char(&text, '[');
    refuse(text.data, "nested too deeply");
    buf_clear(&text);
    for (int i = 0; i <= YAML_KEYS_MAX; i++)
        buf_appendf(&text, "k%d: v\n", i);
    refuse(text.data, "too many keys");
    buf_deinit(&text);
    refuse_bytes("", YAML_SIZE_MAX + 1, "larger than 8 MiB");
}

static void names_the_file(void **state)
{
    (void)state;
    struct error err = {0};
    cJSON *tree = NULL;
    assert_int_equal(yaml_read_file("/nonexistent/config", &tree, &err), EX_NOINPUT);
    assert_string_equal(err.text, "/nonexistent/config: cannot be read: No such file or directory");
    assert_int_equal(yaml_read_file("/", &tree, &err), EX_NOINPUT);
    assert_non_null(strstr(err.text, "Is a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_structure),    cmocka_unit_test(reads_scalars_as_kubectl_does),
        cmocka_unit_test(keeps_the_spelling), cmocka_unit_test(says_the_line),
        cmocka_unit_test(is_bounded),         cmocka_unit_test(names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
