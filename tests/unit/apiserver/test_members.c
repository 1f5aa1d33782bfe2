/* Members of large objects are found without looking through all of them, by whatever works on trees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/fields.h"
#include "apiserver/members.h"
#include "apiserver/patch.h"
#include "base/mem.h"

/* Stand before those of the C library, for cJSON, too. */
static size_t comparisons;

int strncmp(const char *a, const char *b, size_t len)
{
    comparisons++;
    for (; len && *a && *a == *b; len--)
        a++, b++;
    return len ? (unsigned char)*a - (unsigned char)*b : 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, PTRDIFF_MAX);
}

static cJSON *parse(const char *json)
{
    cJSON *tree = tree_parse(json, strlen(json));
    assert_non_null(tree);
    return tree;
}

static const char *name_of(unsigned i, char out[16])
{
    snprintf(out, 16, "k%u", i);
    return out;
}

/* Of a linear congruential generator; the high bits are the good ones. */
static unsigned draw(uint64_t *seed, unsigned below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % below;
}

/* ---- the same as looking through them ---- */

static void check_same(struct members *members, const cJSON *model, unsigned names)
{
    char name[16];
    assert_true(tree_equal(members->object, model));
    for (unsigned i = 0; i < names; i++) {
        const cJSON *found = members_find(members, name_of(i, name));
        assert_true(tree_equal(found, cJSON_GetObjectItemCaseSensitive(model, name)));
    }
}

/* Of few names, members come and go without end; of many, there is a table soon. */
static void members_are_those_of_the_object(void **state)
{
    static const unsigned sizes[] = {3, 40, 300};
    (void)state;
    for (size_t size = 0; size < array_size(sizes); size++) {
        uint64_t seed = size;
        cleanup_tree cJSON *tree = cJSON_CreateObject(), *model = cJSON_CreateObject();
        cleanup_members struct members members;
        members_init(&members, tree);
        for (int step = 0; step < 4000; step++) {
            char name[16];
            name_of(draw(&seed, sizes[size]), name);
            if (draw(&seed, 3) == 0) {
                members_remove(&members, members_find(&members, name));
                tree_remove(model, name);
            } else {
                cJSON *set = members_set(&members, name, cJSON_CreateNumber(step));
                assert_ptr_equal(set, members_find(&members, name));
                tree_set(model, name, cJSON_CreateNumber(step));
            }
            if (step % 100 == 0)
                check_same(&members, model, sizes[size]);
        }
        check_same(&members, model, sizes[size]);
    }
}

/* One that had many members once, and has few. */
static void names_come_and_go(void **state)
{
    char name[16];
    (void)state;
    cleanup_tree cJSON *tree = cJSON_CreateObject();
    cleanup_members struct members members;
    members_init(&members, tree);
    for (unsigned i = 0; i < 100; i++)
        members_set(&members, name_of(i, name), cJSON_CreateNumber(i));
    for (unsigned i = 0; i < 100; i++)
        members_remove(&members, members_find(&members, name_of(i, name)));
    for (unsigned i = 0; i < 1000; i++) {
        cJSON *set = members_set(&members, name_of(i, name), cJSON_CreateNumber(i));
        assert_ptr_equal(members_find(&members, name), set);
        members_remove(&members, set);
    }
    assert_null(tree->child);
}

/* That stands where the next one is looked for first. */
static void member_found_before_may_go(void **state)
{
    (void)state;
    cleanup_tree cJSON *tree = parse("{\"a\":1,\"b\":2,\"c\":3}");
    cleanup_members struct members members;
    members_init(&members, tree);
    cJSON *b = members_find(&members, "b");
    assert_non_null(members_find(&members, "a"));
    members_remove(&members, b);
    assert_ptr_equal(members.beside, tree_at(tree, "c"));
    assert_null(members_find(&members, "b"));
}

static void what_is_no_object_has_no_members(void **state)
{
    (void)state;
    cleanup_tree cJSON *list = parse("[1]");
    cleanup_members struct members members;
    members_init(&members, list);
    assert_null(members_find(&members, "a"));
    assert_null(members_set(&members, "a", cJSON_CreateNumber(1)));
    members_remove(&members, NULL);
    assert_int_equal(cJSON_GetArraySize(list), 1);
}

/* ---- how much is compared ---- */

/* {"data":{"k0":value,…}}; backwards where turned. */
static cJSON *large(unsigned count, const char *value, bool turned)
{
    char name[16];
    struct buf text = BUF_INIT(1 << 24);
    for (unsigned i = 0; i < count; i++)
        buf_appendf(&text, "%s\"%s\":%s", i ? "," : "{\"data\":{", name_of(turned ? count - 1 - i : i, name),
                    value);
    buf_append_str(&text, "}}");
    cJSON *tree = parse(text.data);
    buf_deinit(&text);
    return tree;
}

static void merge(unsigned count)
{
    cleanup_tree cJSON *there = large(count, "\"a\"", false), *changed = large(count, "\"b\"", true);
    cleanup_tree cJSON *none = large(count, "null", true), *empty = parse("{}");
    patch_merge(there, changed);
    assert_true(tree_equal(there, changed));
    patch_merge(there, none);
    assert_null(tree_at(there, "data")->child);
    patch_merge(empty, changed);
    assert_true(tree_equal(empty, changed));
}

static void strategic(unsigned count)
{
    struct status status = {0};
    cleanup_tree cJSON *there = large(count, "\"a\"", false), *changed = large(count, "\"b\"", true);
    cleanup_tree cJSON *none = large(count, "null", true), *kept = parse("{\"data\":{\"$retainKeys\":[]}}");
    for (const cJSON *member = tree_at(changed, "data")->child; member; member = member->next)
        tree_add(tree_at(kept, "data")->child, cJSON_CreateString(member->string));
    assert_int_equal(patch_strategic(there, changed, &status), 0);
    assert_int_equal(patch_strategic(there, kept, &status), 0);
    assert_true(tree_equal(there, changed));
    assert_int_equal(patch_strategic(there, none, &status), 0);
    assert_null(tree_at(there, "data")->child);
}

static void append_operation(struct buf *patch, const char *op, const char *folder, unsigned i)
{
    buf_appendf(patch, "%s{\"op\":\"%s\",\"path\":\"/%s/k%u\",\"value\":1}", patch->len ? "," : "[", op,
                folder, i);
}

static void json(unsigned count)
{
    struct status status = {0};
    struct buf text = BUF_INIT(1 << 24);
    cleanup_tree cJSON *tree = large(count, "\"a\"", false);
    for (unsigned i = count; i-- > 0;) {
        append_operation(&text, "add", "data", count + i);
        append_operation(&text, "replace", "data", i);
        append_operation(&text, "test", "data", i);
        append_operation(&text, "remove", "data", i);
    }
    buf_append_str(&text, "]");
    cleanup_tree cJSON *patch = parse(text.data);
    assert_int_equal(patch_json(&tree, patch, &status), 0);
    assert_int_equal(cJSON_GetArraySize(tree_at(tree, "data")), count);
    buf_deinit(&text);
}

static void fields(unsigned count)
{
    cleanup_with(buf_deinit) struct buf path = BUF_INIT(4096);
    cleanup_tree cJSON *there = large(count, "\"a\"", false), *same = large(count, "\"a\"", true);
    cleanup_tree cJSON *other = large(count, "\"b\"", true), *merged = parse("{\"data\":{}}");
    cleanup_tree cJSON *set = fields_of(there), *turned = fields_of(other), *united = fields_of(merged);
    cleanup_tree cJSON *changed = fields_changed(other, there), *none = fields_changed(same, there);
    assert_true(fields_empty(none));
    assert_true(tree_equal(changed, turned));
    assert_false(fields_conflict(turned, set, same, there, &path));
    assert_true(fields_conflict(turned, set, other, there, &path));
    fields_prune(set, same);
    fields_unite(united, changed);
    fields_merge(merged, other);
    assert_true(tree_equal(merged, other));
    fields_subtract(united, set);
    fields_remove(same, turned);
    assert_null(tree_at(same, "data.k0"));
}

/* Four times as many members are not much more than four times the work. */
static void work_grows_with_the_size(void **state)
{
    static void (*const works[])(unsigned) = {merge, strategic, json, fields};
    (void)state;
    for (size_t i = 0; i < array_size(works); i++) {
        comparisons = 0;
        works[i](500);
        size_t few = comparisons;
        comparisons = 0;
        works[i](2000);
        if (comparisons > 6 * few)
            fail_msg("work %zu: %zu comparisons, of a fourth of the members %zu", i, comparisons, few);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_those_of_the_object), cmocka_unit_test(names_come_and_go),
        cmocka_unit_test(member_found_before_may_go),      cmocka_unit_test(what_is_no_object_has_no_members),
        cmocka_unit_test(work_grows_with_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
