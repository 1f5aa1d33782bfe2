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

static int reverse_order(const void *a, const void *b)
{
    return order(b, a);
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
        assert_ptr_equal(*object_table_find(table, hash, key), sorted[i]);
        assert_ptr_equal(object_table_from(table, hash, ""), sorted[i]);
        at = object_table_after(table, hash, key);
    }
    assert_null(at);
}

static void remove_at(struct object_table *table, struct object **objects, size_t *count, size_t at)
{
    struct object *object = objects[at];
    object_table_remove(table, object);
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
    struct object_table table = {0};
    struct object *objects[OBJECTS];
    size_t count = 0;
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

/* As a snapshot does it: pages are filled, and none is searched for long. */
static void filled_in_order(void **state)
{
    (void)state;
    struct object_table table = {0};
    struct object *objects[OBJECTS];
    size_t count = 0;
    for (unsigned number = 0; number < OBJECTS; number++)
        objects[number] = object_named(number);
    qsort(objects, OBJECTS, sizeof(objects[0]), order);
    while (count < OBJECTS)
        object_table_insert(&table, objects[count++]);
    assert_int_equal(table.chapter_count, (OBJECTS + 63) / 64);
    assert_holds(&table, objects, count);
    while (count) { /* from the front, and each at once */
        qsort(objects, count, sizeof(objects[0]), reverse_order);
        remove_at(&table, objects, &count, count - 1);
    }
    object_table_deinit(&table);
}

/* Where few are left, pages join. */
static void thinned_out(void **state)
{
    (void)state;
    struct object_table table = {0};
    struct object *objects[OBJECTS];
    size_t count = 0;
    for (unsigned number = 0; number < OBJECTS; number++)
        insert(&table, objects, &count, object_named(number));
    size_t pages = table.chapter_count;
    qsort(objects, count, sizeof(objects[0]), order);
    for (size_t at = count; at-- > 0;)
        if (at % 8)
            remove_at(&table, objects, &count, at);
    assert_true(table.chapter_count <= pages / 2);
    assert_holds(&table, objects, count);
    while (count)
        remove_at(&table, objects, &count, 0);
    object_table_deinit(&table);
}

static void drops_what_is_left(void **state)
{
    (void)state;
    struct object_table table = {0};
    struct object *object = object_named(1);
    object_table_insert(&table, object);
    object_unref(object);
    object_table_deinit(&table); /* else a leak */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_and_goes),
        cmocka_unit_test(filled_in_order),
        cmocka_unit_test(thinned_out),
        cmocka_unit_test(drops_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
