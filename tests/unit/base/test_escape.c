#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/escape.h"

static void expect(const char *text, const char *escaped)
{
    struct buf out = BUF_INIT(1000);
    assert_int_equal(escape_append(&out, text, strlen(text)), 0);
    assert_string_equal(out.data ? out.data : "", escaped);
    buf_deinit(&out);
}

static void what_is_harmless_stays(void **state)
{
    (void)state;
    expect("", "");
    expect("nginx-7d9 \\x1b", "nginx-7d9 \\x1b");
    expect("Zürich 東京 🚀", "Zürich 東京 🚀");
}

static void control_characters_are_shown(void **state)
{
    (void)state;
    expect("a\x1b[2Jb\n\t\x7f", "a\\x1b[2Jb\\x0a\\x09\\x7f");
    expect("\xc2\x9b"
           "31m",
           "\\u009b31m"); /* CSI as one character */
    expect("\xe2\x80\xae"
           "txt",
           "\\u202etxt"); /* right to left */
}

static void what_is_no_utf8_is_shown(void **state)
{
    (void)state;
    expect("\x9b"
           "31m",
           "\\x9b31m");
    expect("\xc0\x80\xed\xa0\x80\xf5", "\\xc0\\x80\\xed\\xa0\\x80\\xf5");
    expect("a\xe6\x9d", "a\\xe6\\x9d");
    expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static void width_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(escape_width(""), 0);
    assert_int_equal(escape_width("Zürich"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_harmless_stays),
        cmocka_unit_test(control_characters_are_shown),
        cmocka_unit_test(what_is_no_utf8_is_shown),
        cmocka_unit_test(width_counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
