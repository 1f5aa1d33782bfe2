#include "store/object_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

#define OBJECTS 400

static struct object *object_named(unsigned number)
{
    struct object *object;
    cleanup_free char *json = mem_printf("{\"metadata\":{\"name\":\"n%u\"}}", number);
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    return object;
}

static int order(const void *a, const void *b)
{
    const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
    uint64_t hash = object_key_hash(x), other = object_key_hash(y);
    return hash != other ? (hash < other ? -1 : 1) : strcmp(object_key(x), object_key(y));
}

/* The table holds just those objects, finds each, and walks them in order. sorted is put in order. */
static void assert_holds(const struct object_table *table, struct object **sorted, size_t count)
{
    qsort(sorted, count, sizeof(*sorted), order);
    assert_int_equal(table->count, count);
    struct object *at = object_table_from(table, 0, "");
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = object_key_hash(sorted[i]);
        const char *key = object_key(sorted[i]);
        assert_ptr_equal(at, sorted[i]);
        assert_ptr_equal(object_table_find(table, hash, key)->object, sorted[i]);
        assert_ptr_equal(object_table_from(table, hash, ""), sorted[i]);
        at = object_table_after(table, hash, key);
    }
    assert_null(at);
}

static void remove_at(struct object_table *table, struct object **objects, size_t *count, size_t at)
{
    struct object *object = objects[at];
    struct object_slot *slot = object_table_find(table, object_key_hash(object), object_key(object));
    assert_ptr_equal(object_table_remove(table, slot), object);
    assert_null(object_table_find(table, object_key_hash(object), object_key(object)));
    objects[at] = objects[--*count];
    object_unref(object); /* the table's */
    object_unref(object); /* ours */
}

static void insert(struct object_table *table, struct object **objects, size_t *count, struct object *object)
{
    assert_null(object_table_find(table, object_key_hash(object), object_key(object)));
    object_table_insert(table, object);
    objects[(*count)++] = object;
}

/* Grows, shrinks and grows again, whatever the order of what comes and goes. */
static void comes_and_goes(void **state)
{
    (void)state;
    struct object_table table;
    struct object *objects[OBJECTS];
    size_t count = 0;
    object_table_init(&table);
    srand(7);
    for (unsigned number = 0; number < 6000; number++) {
        bool growing = number / 1000 % 2 == 0;
        bool add = count == 0 || (count < OBJECTS && rand() % 10 < (growing ? 7 : 3));
        if (add)
            insert(&table, objects, &count, object_named(number));
        else
            remove_at(&table, objects, &count, (size_t)rand() % count);
        assert_holds(&table, objects, count);
    }
    while (count)
        remove_at(&table, objects, &count, 0);
    assert_null(object_table_from(&table, 0, ""));
    object_table_deinit(&table);
}

/* Keys of the last hashes of all make a run that goes on behind the slots that hashes name. */
static void a_run_at_the_end(void **state)
{
    (void)state;
    struct object_table table;
    struct object *objects[OBJECTS];
    size_t count = 0;
    object_table_init(&table);
    for (unsigned number = 0; count < 100; number++) {
        char key[16];
        snprintf(key, sizeof(key), "n%u", number);
        if (key_hash(key, strlen(key)) >> 54 == 0x3ff)
            insert(&table, objects, &count, object_named(number));
    }
    assert_true(table.room > ((size_t)1 << table.bits) + 50);
    assert_holds(&table, objects, count);
    while (count) {
        remove_at(&table, objects, &count, count / 2);
        assert_holds(&table, objects, count);
    }
    object_table_deinit(&table);
}

static void drops_what_is_left(void **state)
{
    (void)state;
    struct object_table table;
    struct object *object = object_named(1);
    object_table_init(&table);
    object_table_insert(&table, object);
    object_unref(object);
    object_table_deinit(&table); /* else a leak */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_and_goes),
        cmocka_unit_test(a_run_at_the_end),
        cmocka_unit_test(drops_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
