/* A buffer that stands in somebody else's memory, as long as it fits there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void what_fits_stands_in_what_is_lent(void **state)
{
    char memory[8] = "xxxxxxx";
    struct buf buf = BUF_INIT(100);
    (void)state;
    buf_lend(&buf, memory, sizeof(memory));
    assert_true(buf_fits(&buf, 7));
    assert_false(buf_fits(&buf, 8));
    assert_int_equal(buf_append_str(&buf, "abc"), 0);
    assert_int_equal(buf_appendf(&buf, "%d", 1234), 0);
    assert_ptr_equal(buf.data, memory);
    assert_false(buf_fits(&buf, 1));
    assert_int_equal(buf_take_back(&buf), 7);
    assert_memory_equal(memory, "abc1234", 8);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
}

static void what_outgrows_it_moves(void **state)
{
    char memory[8];
    struct buf buf = BUF_INIT(100);
    (void)state;
    buf_lend(&buf, memory, sizeof(memory));
    buf_append_str(&buf, "abcd");
    assert_int_equal(buf_append_str(&buf, "efgh"), 0);
    assert_string_equal(buf.data, "abcdefgh");
    assert_ptr_not_equal(buf.data, memory);
    assert_false(buf_fits(&buf, 0));
    assert_int_equal(buf_take_back(&buf), 0);
    assert_string_equal(buf.data, "abcdefgh");
    assert_int_equal(buf_append_str(&buf, "i"), 0);
    assert_int_equal(buf.len, 9);
    buf_deinit(&buf);
}

static void its_limit_holds_there_too(void **state)
{
    char memory[8];
    struct buf buf = BUF_INIT(5);
    (void)state;
    buf_lend(&buf, memory, sizeof(memory));
    assert_int_equal(buf_append_str(&buf, "abcdef"), BUF_E_LIMIT);
    assert_int_equal(buf_append_str(&buf, "abcde"), 0);
    assert_int_equal(buf_take_back(&buf), 5);
    buf_lend(&buf, memory, 0);
    assert_int_equal(buf_append_str(&buf, "a"), 0);
    assert_int_equal(buf_take_back(&buf), 0);
    assert_string_equal(buf.data, "a");
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stands_in_what_is_lent),
        cmocka_unit_test(what_outgrows_it_moves),
        cmocka_unit_test(its_limit_holds_there_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
