#include "tests/support/messages.h"

#include "informer/changes.h"

#define EPOCH 7

static void check_delta(enum encoding encoding)
{
    struct script script;
    struct store *have = store_create();
    struct changes changes;
    script_init(&script, encoding);
    script_put(&script, "a", 1);
    script_put(&script, "b", 2);
    struct message delta = script_delta(&script, EPOCH);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    assert_int_equal(changes.count, 2);
    assert_true(digest_equal(changes_root(&changes, have), delta.root));
    assert_int_equal(store_count(have), 0); /* asked, not done */
    changes_apply(&changes, have, UINT64_MAX);
    assert_int_equal(version_in(have, "a"), 1);
    assert_int_equal(version_in(have, "b"), 2);
    changes_deinit(&changes);

    script_next(&script);
    script_put(&script, "a", 3);
    script_delete(&script, "b");
    delta = script_delta(&script, EPOCH);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    assert_true(digest_equal(changes_root(&changes, have), delta.root));
    changes_apply(&changes, have, UINT64_MAX);
    assert_int_equal(version_in(have, "a"), 3);
    assert_int_equal(store_count(have), 1);
    assert_true(digest_equal(store_root(have), delta.root));
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

static void test_a_delta_foretells_its_root(void **state)
{
    (void)state;
    check_delta(ENCODING_ZSTD);
    check_delta(ENCODING_PLAIN);
}

static void test_another_store_foretells_another_root(void **state)
{
    (void)state;
    struct script script;
    struct store *have = store_create();
    struct changes changes;
    script_init(&script, ENCODING_ZSTD);
    script_put(&script, "a", 1);
    struct message delta = script_delta(&script, EPOCH);
    put(have, "z", 1);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    assert_false(digest_equal(changes_root(&changes, have), delta.root));
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

static void test_a_key_that_occurs_twice_foretells_another_root(void **state)
{
    (void)state;
    struct script script;
    struct store *have = store_create();
    struct changes changes;
    script_init(&script, ENCODING_ZSTD);
    script_put(&script, "a", 1);
    script_put(&script, "a", 2);
    struct message delta = script_delta(&script, EPOCH);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    assert_false(digest_equal(changes_root(&changes, have), delta.root));
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

static void test_only_keys_up_to_a_hash(void **state)
{
    (void)state;
    struct script script;
    struct store *have = store_create();
    struct changes changes;
    script_init(&script, ENCODING_ZSTD);
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        script_put(&script, name, 1);
    }
    struct message delta = script_delta(&script, EPOCH);
    uint64_t middle = UINT64_MAX / 2;
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    changes_apply(&changes, have, middle);
    size_t low = store_count(have);
    assert_in_range(low, 1, 49);
    assert_null(store_seek(have, middle + 1));
    changes_apply(&changes, have, UINT64_MAX);
    assert_int_equal(store_count(have), 50);
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

static void test_what_is_equal_is_shared(void **state)
{
    (void)state;
    struct script script;
    struct store *have = store_create();
    struct changes changes;
    script_init(&script, ENCODING_ZSTD);
    put(have, "a", 1);
    put(have, "b", 1);
    script_put(&script, "a", 1);
    script_put(&script, "b", 2);
    struct message delta = script_delta(&script, EPOCH);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    assert_ptr_equal(changes.list[0].object, store_get(have, "ns/a"));
    assert_ptr_not_equal(changes.list[1].object, store_get(have, "ns/b"));
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

static void test_malformed_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t len;
        uint64_t items;
        bool plain;
    } bad[] = {
        {"", 0, 1, false},
        {"\0\2{}", 4, 1, false},
        {"\0\3{}", 4, 1, false},
        {"\2\0\0", 3, 1, false},
        {"\2\1a\1u\2", 6, 1, false},
        {"\2\1a\1u", 5, 2, false},
        {"\7", 1, 1, false},
        {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n", 42, 1, true},
        {"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"uid\":\"u\"}}}\n", 53, 1, true},
    };
    struct store *have = store_create();
    struct codec *codec = codec_create(ENCODING_ZSTD, 1 << 20);
    for (size_t i = 0; i < array_size(bad); i++) {
        struct changes changes;
        struct message delta = {.kind = MESSAGE_DELTA,
                                .items = bad[i].items,
                                .body = {bad[i].body, bad[i].len},
                                .plain = bad[i].plain};
        if (changes_decode(&changes, codec, &delta, have) == 0)
            fail_msg("body %zu was taken", i);
        assert_int_equal(changes.count, 0);
        assert_null(changes.list);
    }
    struct changes changes;
    struct message right = {.kind = MESSAGE_DELTA, .items = 1, .body = {"\2\1a\1u", 5}};
    assert_int_equal(changes_decode(&changes, codec, &right, have), 0);
    changes_deinit(&changes);
    store_destroy(have);
    codec_destroy(codec);
}

/* An object large enough for a patch to pay. */
static struct object *large(const char *name, int version)
{
    char text[2048];
    struct object *object = NULL;
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"%s\",\"uid\":\"u\",\"resourceVersion\":\"%d\"},\"spec\":\"%0900d\"}",
             name, version, 7);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

struct patch_fixture {
    struct codec *codec;
    struct store *have;
    struct object *base, *next;
    struct buf body;
    struct message delta;
};

static void patch_setup(struct patch_fixture *f)
{
    *f = (struct patch_fixture){.codec = codec_create(ENCODING_ZSTD, 1 << 20), .have = store_create()};
    buf_init(&f->body, 1 << 20);
    f->base = large("a", 1);
    f->next = large("a", 2);
    assert_int_equal(codec_put_patch(f->codec, &f->body, f->base, f->next), 0);
    assert_true(f->body.len < 100);
    f->delta = (struct message){.kind = MESSAGE_DELTA, .items = 1, .body = {f->body.data, f->body.len}};
}

static void patch_teardown(struct patch_fixture *f)
{
    codec_destroy(f->codec);
    store_destroy(f->have);
    object_unref(f->base);
    object_unref(f->next);
    buf_deinit(&f->body);
}

static void test_a_patch_makes_the_object_of_its_base(void **state)
{
    (void)state;
    struct patch_fixture f;
    struct changes changes;
    patch_setup(&f);
    store_put(f.have, f.base);
    assert_int_equal(changes_decode(&changes, f.codec, &f.delta, f.have), 0);
    assert_int_equal(changes.count, 1);
    assert_true(object_equal(changes.list[0].object, f.next));
    changes_deinit(&changes);
    patch_teardown(&f);
}

static void test_a_patch_without_its_base(void **state)
{
    (void)state;
    struct patch_fixture f;
    struct changes changes;
    patch_setup(&f);
    assert_int_equal(changes_decode(&changes, f.codec, &f.delta, f.have), CHANGES_E_BASE);
    store_put(f.have, f.next); /* the key, and other bytes */
    assert_int_equal(changes_decode(&changes, f.codec, &f.delta, f.have), CHANGES_E_BASE);
    assert_null(changes.list);
    patch_teardown(&f);
}

/* Its base says which one of several of a hash it is. */
static void test_a_patch_among_objects_of_one_hash(void **state)
{
    (void)state;
    const char *const names[] = {COLLIDING_A, COLLIDING_B};
    for (int i = 0; i < 2; i++) {
        struct script script;
        struct changes changes;
        cleanup_with(object_unrefp) struct object *base = cluster_object(names[i], 1),
                                                  *next = cluster_object(names[i], 2),
                                                  *other = cluster_object(names[!i], 1);
        script_init(&script, ENCODING_ZSTD);
        script.patches = true;
        store_put(script.published, base);
        store_put(script.published, other);
        struct store *have = store_create();
        store_put(have, base);
        store_put(have, other);
        script_put_object(&script, next);
        assert_int_equal(script.patched, 1);
        struct message delta = script_delta(&script, EPOCH);
        assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
        assert_true(object_equal(changes.list[0].object, next));
        assert_true(digest_equal(changes_root(&changes, have), delta.root));
        changes_deinit(&changes);
        store_delete(have, names[i], false); /* the other one is no base for it */
        assert_int_equal(changes_decode(&changes, script.codec, &delta, have), CHANGES_E_BASE);
        store_destroy(have);
        script_deinit(&script);
    }
}

static size_t deleted_and_added;

static void count_both(void *arg, struct object *old, struct object *new_, bool unseen)
{
    (void)arg, (void)unseen;
    deleted_and_added += !old || !new_;
}

/* Deleted and made anew while it waited to be published. */
static void test_a_patch_to_another_uid(void **state)
{
    (void)state;
    struct script script;
    struct changes changes;
    struct store *have = store_create();
    struct store_observer observer = {.changed = count_both};
    cleanup_with(object_unrefp) struct object *base = object_with_uid("a", 1, "u1"),
                                              *next = object_with_uid("a", 2, "u2");
    script_init(&script, ENCODING_ZSTD);
    script.patches = true;
    store_put(script.published, base);
    store_put(have, base);
    store_observe(have, &observer);
    script_put_object(&script, next);
    assert_int_equal(script.patched, 1);
    struct message delta = script_delta(&script, EPOCH);
    assert_int_equal(changes_decode(&changes, script.codec, &delta, have), 0);
    changes_apply(&changes, have, UINT64_MAX);
    assert_true(digest_equal(store_root(have), delta.root));
    assert_int_equal(deleted_and_added, 2);
    changes_deinit(&changes);
    store_destroy(have);
    script_deinit(&script);
}

/* What a patch leads to is checked as anything that arrives. */
static void test_a_patch_to_another_key(void **state)
{
    (void)state;
    struct patch_fixture f;
    struct changes changes;
    patch_setup(&f);
    cleanup_with(object_unrefp) struct object *other = large("b", 2);
    store_put(f.have, f.base);
    buf_clear(&f.body);
    assert_int_equal(codec_put_patch(f.codec, &f.body, f.base, other), 0);
    f.delta.body = (struct slice){f.body.data, f.body.len};
    assert_int_equal(changes_decode(&changes, f.codec, &f.delta, f.have), CHANGES_E_MALFORMED);
    patch_teardown(&f);
}

static void test_a_patch_that_is_cut_off(void **state)
{
    (void)state;
    struct patch_fixture f;
    patch_setup(&f);
    store_put(f.have, f.base);
    while (f.delta.body.len-- > 0) {
        struct changes changes;
        assert_int_equal(changes_decode(&changes, f.codec, &f.delta, f.have), CHANGES_E_MALFORMED);
    }
    patch_teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delta_foretells_its_root),
        cmocka_unit_test(test_another_store_foretells_another_root),
        cmocka_unit_test(test_a_key_that_occurs_twice_foretells_another_root),
        cmocka_unit_test(test_only_keys_up_to_a_hash),
        cmocka_unit_test(test_what_is_equal_is_shared),
        cmocka_unit_test(test_malformed_bodies),
        cmocka_unit_test(test_a_patch_makes_the_object_of_its_base),
        cmocka_unit_test(test_a_patch_without_its_base),
        cmocka_unit_test(test_a_patch_among_objects_of_one_hash),
        cmocka_unit_test(test_a_patch_to_another_uid),
        cmocka_unit_test(test_a_patch_to_another_key),
        cmocka_unit_test(test_a_patch_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
