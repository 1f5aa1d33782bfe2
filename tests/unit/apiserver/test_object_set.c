/* Objects in order, against a plain array; and copies that keep what was, whatever happens to the original.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/object_set.h"
#include "base/mem.h"

#define NAMES 1000

static struct object *make(unsigned name)
{
    char json[128];
    struct object *object = NULL;
    int len = snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"o%04u\",\"namespace\":\"n%u\"}}", name,
                       name % 7);
    assert_int_equal(object_create(json, (size_t)len, NULL, &object), 0);
    return object;
}

/* What there is: revisions by name, 0 where absent. */
struct model {
    uint64_t revisions[NAMES];
    size_t count;
};

static void put(struct object_set *set, struct model *model, unsigned name, uint64_t revision)
{
    struct object *object = make(name);
    object_set_put(set, object, revision);
    object_unref(object);
    model->count += !model->revisions[name];
    model->revisions[name] = revision;
}

static void take(struct object_set *set, struct model *model, unsigned name)
{
    struct object *object = make(name);
    object_set_remove(set, object_key(object));
    object_unref(object);
    model->count -= model->revisions[name] != 0;
    model->revisions[name] = 0;
}

static unsigned name_of(const struct object_entry *entry)
{
    return (unsigned)strtoul(object_name(entry->object).data + 1, NULL, 10);
}

static void check(const struct object_set *set, const struct model *model)
{
    struct object_place place = {0};
    const struct object_entry *entry;
    const char *before = "";
    size_t seen = 0;
    assert_int_equal(set->count, model->count);
    while ((entry = object_set_next(set, &place))) {
        const char *key = object_key(entry->object);
        assert_true(strcmp(before, key) < 0);
        assert_int_equal(entry->revision, model->revisions[name_of(entry)]);
        assert_ptr_equal(object_set_get(set, key), entry->object);
        assert_int_equal(object_set_rank(set, object_set_seek(set, key)), seen);
        before = key;
        seen++;
    }
    assert_int_equal(seen, model->count);
}

static unsigned dice(unsigned *state, unsigned sides)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % sides;
}

static void step(struct object_set *set, struct model *model, unsigned *state, uint64_t revision)
{
    unsigned name = dice(state, NAMES);
    if (dice(state, 5) < (model->count > NAMES / 2 ? 3 : 2))
        take(set, model, name);
    else
        put(set, model, name, revision);
}

static void it_is_as_an_array_would_be(void **state)
{
    struct object_set set = {0};
    struct model model = {0};
    unsigned seed = 1;
    (void)state;
    for (uint64_t i = 1; i <= 20000; i++) {
        step(&set, &model, &seed, i);
        if (i % 500 == 0)
            check(&set, &model);
    }
    for (unsigned name = 0; name < NAMES; name++)
        take(&set, &model, name);
    check(&set, &model);
    assert_int_equal(set.page_count, 0);
    object_set_deinit(&set);
}

static void a_copy_stays_as_it_was(void **state)
{
    struct object_set set = {0}, copies[8] = {0};
    struct model model = {0}, then[8] = {0};
    unsigned seed = 2;
    (void)state;
    for (uint64_t i = 1; i <= 8000; i++) {
        step(&set, &model, &seed, i);
        if (i % 1000 == 0) {
            then[i / 1000 - 1] = model;
            object_set_copy(&copies[i / 1000 - 1], &set);
        }
        if (i % 3 == 0 && i > 4000) /* a copy is a set like any other */
            step(&copies[1], &then[1], &seed, i);
    }
    for (size_t i = 0; i < array_size(copies); i++) {
        check(&copies[i], &then[i]);
        object_set_deinit(&copies[i]);
    }
    check(&set, &model);
    object_set_deinit(&set);
}

static void a_copy_shares_its_pages(void **state)
{
    struct object_set set = {0}, copy;
    struct model model = {0};
    (void)state;
    for (unsigned name = 0; name < NAMES; name++)
        put(&set, &model, name, 1);
    object_set_copy(&copy, &set);
    put(&set, &model, 500, 2);
    size_t own = 0;
    for (size_t i = 0; i < set.page_count; i++)
        own += set.pages[i] != copy.pages[i];
    assert_int_equal(own, 1);
    object_set_deinit(&copy);
    check(&set, &model);
    object_set_deinit(&set);
}

static size_t in_namespace(const struct object_set *set, const char *namespace_)
{
    struct object_place from, to;
    object_set_range(set, namespace_, &from, &to);
    return object_set_rank(set, to) - object_set_rank(set, from);
}

static void a_namespace_is_a_range(void **state)
{
    struct object_set set = {0};
    struct model model = {0};
    (void)state;
    assert_int_equal(in_namespace(&set, "n1"), 0);
    for (unsigned name = 0; name < 700; name++)
        put(&set, &model, name, 1);
    for (unsigned i = 0; i < 7; i++) {
        char namespace_[8];
        snprintf(namespace_, sizeof(namespace_), "n%u", i);
        assert_int_equal(in_namespace(&set, namespace_), 100);
    }
    assert_int_equal(in_namespace(&set, "n"), 0);
    assert_int_equal(in_namespace(&set, "n7"), 0);
    assert_int_equal(in_namespace(&set, NULL), 700);
    object_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_as_an_array_would_be),
        cmocka_unit_test(a_copy_stays_as_it_was),
        cmocka_unit_test(a_copy_shares_its_pages),
        cmocka_unit_test(a_namespace_is_a_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
