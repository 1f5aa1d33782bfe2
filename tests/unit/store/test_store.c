#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/attic.h"
#include "base/mem.h"
#include "store/store.h"
#include "tests/support/steps.h"

struct seen {
    struct store_observer observer;
    char log[512];
    size_t events;
};

static void seen_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct seen *seen = arg;
    size_t n = strlen(seen->log);
    seen->events++;
    snprintf(seen->log + n, sizeof(seen->log) - n, "%s%s:%s ", unseen ? "?" : "",
             !old   ? "A"
             : new_ ? "M"
                    : "D",
             object_key(new_ ? new_ : old));
}

static struct object *make(const char *name, const char *uid, int version)
{
    cleanup_free char *json =
        mem_printf("{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"resourceVersion\":\"%d\"}}", name, uid,
                   version);
    struct object *object = NULL;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    return object;
}

static enum store_outcome put(struct store *store, const char *name, const char *uid, int version)
{
    struct object *object = make(name, uid, version);
    enum store_outcome outcome = store_put(store, object);
    object_unref(object);
    return outcome;
}

static void changes_are_told_once_and_right(void **state)
{
    (void)state;
    struct store *store = store_create();
    struct seen seen = {.observer = {.changed = seen_changed}};
    seen.observer.arg = &seen;
    store_observe(store, &seen.observer);

    assert_int_equal(put(store, "a", "1", 1), STORE_ADDED);
    assert_int_equal(put(store, "a", "1", 1), STORE_UNCHANGED);
    assert_int_equal(put(store, "a", "1", 2), STORE_MODIFIED);
    assert_int_equal(put(store, "a", "2", 3), STORE_ADDED);
    assert_int_equal(store_delete(store, "b", false), STORE_UNCHANGED);
    assert_int_equal(store_delete(store, "a", false), STORE_DELETED);
    assert_string_equal(seen.log, "A:a M:a ?D:a A:a D:a ");
    store_unobserve(store, &seen.observer);
    put(store, "a", "1", 1);
    assert_int_equal(seen.events, 5);
    store_destroy(store);
}

/* The root is the sum over what is there, by whatever way it came to be. */
static void the_root_depends_on_the_state_alone(void **state)
{
    (void)state;
    struct store *a = store_create(), *b = store_create();
    for (int i = 0; i < 100; i++) {
        cleanup_free char *name = mem_printf("n%d", i);
        put(a, name, "u", 1);
        put(a, name, "u", 2);
    }
    for (int i = 99; i >= 0; i--) {
        cleanup_free char *name = mem_printf("n%d", i);
        put(b, name, "u", 2);
    }
    assert_true(digest_equal(store_root(a), store_root(b)));
    put(b, "n5", "u", 3);
    assert_false(digest_equal(store_root(a), store_root(b)));
    for (int i = 0; i < 100; i++) {
        cleanup_free char *name = mem_printf("n%d", i);
        store_delete(a, name, false);
    }
    assert_true(digest_equal(store_root(a), (struct digest){0}));
    assert_int_equal(store_count(a), 0);
    store_destroy(a);
    store_destroy(b);
}

/* What is there weighs what its objects weigh, whichever way it came and went. */
static void the_size_is_that_of_what_is_there(void **state)
{
    (void)state;
    struct store *store = store_create();
    for (int i = 0; i < 300; i++) {
        cleanup_free char *name = mem_printf("n%d", i % 100);
        put(store, name, i < 200 ? "u" : "another", i * i);
    }
    store_delete(store, "n7", false);
    store_delete_some(store, 10, true);
    uint64_t size = 0;
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        size += strlen(object_key(object)) + 1 + object_uid(object).len + 1 + object_bytes(object).len;
    assert_true(size > 0);
    assert_int_equal(store_size(store), size);
    store_delete_some(store, SIZE_MAX, true);
    assert_int_equal(store_size(store), 0);
    store_destroy(store);
}

/* Walking by hash sees each object once and in order, though the table grows in mid-walk. */
static void a_walk_survives_growth(void **state)
{
    (void)state;
    struct store *store = store_create();
    for (int i = 0; i < 1000; i++) {
        cleanup_free char *name = mem_printf("n%d", i);
        put(store, name, "u", 1);
    }
    size_t walked = 0;
    uint64_t last = 0;
    struct object *object = store_seek(store, 0);
    while (object) {
        assert_true(object_key_hash(object) >= last);
        last = object_key_hash(object);
        if (walked == 500)
            for (int i = 0; i < 5000; i++) {
                cleanup_free char *name = mem_printf("m%d", i);
                put(store, name, "u", 1);
            }
        walked++;
        assert_ptr_equal(store_seek(store, last), object);
        object = last == UINT64_MAX ? NULL : store_seek(store, last + 1);
    }
    assert_true(walked > 1000 && walked < 6000);

    walked = 0;
    for (object = store_seek(store, 0); object; object = store_after(store, object))
        walked++;
    assert_int_equal(walked, store_count(store));
    store_destroy(store);
}

static void emptied_in_order(void **state)
{
    (void)state;
    struct store *store = store_create();
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        put(store, name, "1", 1);
    }
    struct seen seen = {.observer = {.changed = seen_changed}};
    seen.observer.arg = &seen;
    store_observe(store, &seen.observer);
    struct object *first = object_ref(store_seek(store, 0));
    assert_int_equal(store_delete_some(store, 1, true), 1);
    assert_null(store_get(store, object_key(first)));
    object_unref(first);
    assert_int_equal(store_delete_some(store, 9, true), 9);
    assert_int_equal(seen.events, 10);
    assert_memory_equal(seen.log, "?D:", 3);
    assert_int_equal(store_delete_some(store, 1000, true), 90);
    assert_int_equal(store_delete_some(store, 1000, true), 0);
    assert_int_equal(store_count(store), 0);
    store_destroy(store);
}

static uint64_t steps_to_empty(int count)
{
    struct store *store = store_create();
    char name[16];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "o%d", i);
        put(store, name, "1", 1);
    }
    uint64_t before = steps;
    assert_int_equal(store_delete_some(store, SIZE_MAX, true), count);
    store_destroy(store);
    return steps - before;
}

/* Looking for each from the front would take as many times as long as there are more. */
static void a_large_store_is_emptied_in_one_walk(void **state)
{
    (void)state;
    assert_linear(steps_to_empty(10000), steps_to_empty(40000));
}

/* Slots that merge keep the order, and lose nothing. */
static void a_walk_survives_shrinking(void **state)
{
    (void)state;
    struct store *store = store_create();
    for (int i = 0; i < 20000; i++) {
        cleanup_free char *name = mem_printf("n%d", i);
        put(store, name, "u", 1);
    }
    for (int i = 0; i < 19990; i++) {
        cleanup_free char *name = mem_printf("n%d", i);
        assert_int_equal(store_delete(store, name, false), STORE_DELETED);
        assert_non_null(store_get(store, "n19999"));
    }
    size_t walked = 0;
    uint64_t last = 0;
    for (struct object *object = store_seek(store, 0); object;
         object = store_after(store, object), walked++) {
        assert_true(object_key_hash(object) >= last);
        last = object_key_hash(object);
    }
    assert_int_equal(walked, 10);
    store_destroy(store);
}

/* Else its pages would stand between the objects' texts. */
static void a_table_is_where_its_objects_are(void **state)
{
    enum { OBJECTS = 1000, SLOT = 16 };
    (void)state;
    struct loop *loop = loop_create_simulated(1);
    struct attic *attic = attic_create(loop, &(struct attic_options){.hot_bytes = 1 << 20});
    struct gvr pods;
    gvr_set(&pods, "", "v1", "pods");
    struct shelf *shelf = attic_shelf(attic, &pods);
    struct store *store = store_create_on(shelf);
    shelf_unref(shelf);
    uint64_t empty = attic_stats(attic).pool_bytes;
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        struct object *object = make(name, "u", i);
        store_put(store, object);
        object_unref(object);
    }
    assert_true(attic_stats(attic).pool_bytes >= empty + OBJECTS * SLOT);
    assert_int_equal(store_delete_some(store, OBJECTS, false), OBJECTS);
    assert_int_equal(attic_stats(attic).pool_bytes, empty);
    store_destroy(store);
    attic_destroy(attic);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told_once_and_right),
        cmocka_unit_test(a_table_is_where_its_objects_are),
        cmocka_unit_test(the_root_depends_on_the_state_alone),
        cmocka_unit_test(the_size_is_that_of_what_is_there),
        cmocka_unit_test(a_walk_survives_growth),
        cmocka_unit_test(a_walk_survives_shrinking),
        cmocka_unit_test(emptied_in_order),
        cmocka_unit_test(a_large_store_is_emptied_in_one_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
