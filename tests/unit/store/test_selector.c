#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/selector.h"

static struct slice text(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

static void labels_match(void **state)
{
    (void)state;
    static const char labels[] = "{\"app\":\"web\",\"example.com/tier\":\"db\",\"n\":\"5\",\"empty\":\"\"}";
    static const struct {
        const char *selector;
        bool matches;
    } cases[] = {
        {"", true},
        {"app=web", true},
        {"app==web", true},
        {"app=other", false},
        {" app = web , n = 5 ", true},
        {"app!=web", false},
        {"missing!=web", true},
        {"missing=web", false},
        {"app", true},
        {"missing", false},
        {"!missing", true},
        {"!app", false},
        {"app in (web,other)", true},
        {"app in (other)", false},
        {"app notin (other)", true},
        {"app notin (web)", false},
        {"missing notin (web)", true},
        {"example.com/tier=db,app in (web)", true},
        {"n>4", true},
        {"n>5", false},
        {"n<6", true},
        {"app>1", false},
        {"empty=", true},
        {"app=", false},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct selector selector;
        assert_int_equal(selector_parse_labels(&selector, cases[i].selector, NULL), 0);
        if (selector_matches_labels(&selector, text(labels)) != cases[i].matches)
            fail_msg("%s", cases[i].selector);
        selector_deinit(&selector);
    }
}

static void absent_labels_match_what_asks_for_nothing(void **state)
{
    (void)state;
    struct selector selector;
    struct slice none = {0};
    assert_int_equal(selector_parse_labels(&selector, "!a,b!=c", NULL), 0);
    assert_true(selector_matches_labels(&selector, none));
    selector_deinit(&selector);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *selector, *why;
    } labels[] = {
        {"=a", "found '=', expected: !, identifier, or 'end of string'"},
        {",", "found ',', expected: !, identifier, or 'end of string'"},
        {"a,", "found '', expected: identifier after ','"},
        {"a,,b", "found ',', expected: identifier after ','"},
        {"a=b)", "found ')', expected: ',' or 'end of string'"},
        {"a in (b))", "found ')', expected: ',' or 'end of string'"},
        {"a=b c", "found 'c', expected: ',' or 'end of string'"},
        {"!", "unable to parse requirement: found '', expected: identifier"},
        {"a=(", "unable to parse requirement: found '(', expected: identifier"},
        {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
        {"a in b", "unable to parse requirement: found 'b' expected: '('"},
        {"a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"},
        {"a in (b,=", "unable to parse requirement: found '=', expected: ',', or identifier"},
        {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
    };
    static const char *const fields[] = {"a", "=b", "a!b", "a=b,c"};
    struct error err;
    for (size_t i = 0; i < array_size(labels); i++) {
        struct selector selector;
        err.code = 0;
        assert_int_equal(selector_parse_labels(&selector, labels[i].selector, &err), EX_DATAERR);
        assert_string_equal(err.text, labels[i].why);
        assert_int_equal(selector.count, 0);
    }
    for (size_t i = 0; i < array_size(fields); i++) {
        struct selector selector;
        assert_int_equal(selector_parse_fields(&selector, fields[i], &err), EX_DATAERR);
    }
}

static void fields_match(void **state)
{
    (void)state;
    static const char object[] =
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},\"status\":{\"phase\":\"Running\"}}";
    static const struct {
        const char *selector;
        bool matches;
    } cases[] = {{"", true},
                 {"metadata.name=a", true},
                 {"metadata.name==a,metadata.namespace=b", true},
                 {"metadata.name!=a", false},
                 {"status.phase!=Pending", true},
                 {"spec.nodeName=", true},
                 {"spec.nodeName=n", false},
                 {"metadata.name=a\\,b", false}};
    for (size_t i = 0; i < array_size(cases); i++) {
        struct selector selector;
        assert_int_equal(selector_parse_fields(&selector, cases[i].selector, NULL), 0);
        if (selector_matches_fields(&selector, text(object)) != cases[i].matches)
            fail_msg("%s", cases[i].selector);
        selector_deinit(&selector);
    }
}

static void exact_value_is_told(void **state)
{
    (void)state;
    struct selector selector;
    assert_int_equal(selector_parse_fields(&selector, "metadata.name=a,x!=y", NULL), 0);
    assert_string_equal(selector_exact(&selector, "metadata.name"), "a");
    assert_null(selector_exact(&selector, "x"));
    selector_deinit(&selector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_match),        cmocka_unit_test(absent_labels_match_what_asks_for_nothing),
        cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(fields_match),
        cmocka_unit_test(exact_value_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
