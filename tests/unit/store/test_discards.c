/* Stores that go slice by slice. That nothing is left of them is for the leak checker to say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/discards.h"

static struct store *filled(int count)
{
    struct store *store = store_create();
    for (int i = 0; i < count; i++) {
        struct object *object = NULL;
        cleanup_free char *text = mem_printf("{\"metadata\":{\"name\":\"o%d\"}}", i);
        assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
        store_put(store, object);
        object_unref(object);
    }
    return store;
}

static void large_ones_take_turns(void **state)
{
    (void)state;
    struct loop *loop = loop_create_simulated(1);
    struct discards discards;
    discards_init(&discards, loop);
    discards_add(&discards, filled(10000));
    discards_add(&discards, filled(5000));
    int turns = 0;
    while (loop_step(loop))
        turns++;
    assert_in_range(turns, 15000 / 2000, 15000 / 500);
    assert_null(discards.first);
    discards_deinit(&discards);
    loop_destroy(loop);
}

static void small_ones_and_none_go_at_once(void **state)
{
    (void)state;
    struct loop *loop = loop_create_simulated(1);
    struct discards discards;
    discards_init(&discards, loop);
    discards_add(&discards, filled(10));
    discards_add(&discards, NULL);
    assert_false(loop_step(loop));
    discards_deinit(&discards);
    loop_destroy(loop);
}

static void an_end_in_between_is_fine(void **state)
{
    (void)state;
    struct loop *loop = loop_create_simulated(1);
    struct discards discards;
    discards_init(&discards, loop);
    discards_add(&discards, filled(10000));
    loop_step(loop);
    assert_non_null(discards.first);
    discards_deinit(&discards);
    assert_false(loop_step(loop));
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_ones_take_turns),
        cmocka_unit_test(small_ones_and_none_go_at_once),
        cmocka_unit_test(an_end_in_between_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
