#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/base64.h"

static void both_ways(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct buf text = BUF_INIT(64), bytes = BUF_INIT(64);
        assert_int_equal(base64_encode(pairs[i][0], strlen(pairs[i][0]), &text), 0);
        assert_string_equal(text.data ? text.data : "", pairs[i][1]);
        assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &bytes), 0);
        assert_int_equal(bytes.len, strlen(pairs[i][0]));
        assert_memory_equal(bytes.data ? bytes.data : "", pairs[i][0], bytes.len);
        buf_deinit(&text);
        buf_deinit(&bytes);
    }
}

static void is_strict_but_for_space(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "=", "Zm9v!", "Zg=a", "Z-_v"};
    struct buf out = BUF_INIT(64);
    buf_append_str(&out, "kept");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &out), 2);
        assert_string_equal(out.data, "kept");
    }
    assert_int_equal(base64_decode(" Zm\r\n9v\t", 8, &out), 0);
    assert_string_equal(out.data, "keptfoo");
    buf_deinit(&out);
}

static void respects_the_limit(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(5);
    assert_int_equal(base64_decode("Zm9vYmFy", 8, &out), BUF_E_LIMIT);
    assert_int_equal(base64_encode("foobar", 6, &out), BUF_E_LIMIT);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(is_strict_but_for_space),
        cmocka_unit_test(respects_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
