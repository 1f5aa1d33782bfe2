/* What a publisher tells as what changed, and how much of that in one message. */
#include "tests/support/publishing.h"
#include "tests/support/replay.h"

#define STREAM "p/c1/all/core/v1/pods"

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods, *copy;
    struct publishing p;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    f->copy = store_create();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    publishing_stop(&f->p);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    store_destroy(f->copy);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static void start(struct fixture *f, struct publishing_options options)
{
    options.pods = f->pods;
    publishing_start(&f->p, &f->wire, &options);
    wire_run(&f->wire, LOOP_SECOND);
}

static void put_object(struct fixture *f, struct object *object)
{
    store_put(f->pods, object);
    object_unref(object);
}

static void put_many(struct fixture *f, int count, int version)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, version);
    }
}

/* All that was told so far, which has to lead to what there is; and the publisher counts it alike. */
static struct replayed check_told(struct fixture *f)
{
    wire_run(&f->wire, LOOP_SECOND);
    struct replayed told = replay(f->tap, STREAM, f->copy);
    const struct publisher_stats *stats = publisher_stats(f->p.publisher);
    assert_true(digest_equal(store_root(f->copy), store_root(f->pods)));
    assert_int_equal(stats->events, told.items);
    assert_int_equal(stats->patched, told.patched);
    return told;
}

static void test_a_change_is_told_as_what_changed(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    put(f->pods, "a", 1);
    assert_int_equal(check_told(f).patched, 0);
    store_destroy(f->copy);
    f->copy = store_create();
    put(f->pods, "a", 2);
    struct replayed told = check_told(f);
    assert_int_equal(told.patched, 1);
    assert_in_range(told.last_single, 20, 60);
    store_destroy(f->copy);
    f->copy = store_create();
    store_delete(f->pods, "ns/a", false);
    assert_int_equal(check_told(f).patched, 1);
}

/* What informers have from a snapshot is what is published: changes start from that. */
static void test_the_base_may_be_older_than_the_stream(void **state)
{
    struct fixture *f = *state;
    put(f->pods, "a", 1);
    put(f->copy, "a", 1);
    start(f, (struct publishing_options){0});
    put(f->pods, "a", 2);
    assert_int_equal(check_told(f).patched, 1);
}

/* Several changes while it waits are one patch, of what was published last. */
static void test_what_waits_is_patched_from_what_was_published(void **state)
{
    struct fixture *f = *state;
    put_many(f, 40, 1);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->copy, name, 1);
    }
    start(f, (struct publishing_options){.max_payload = 1100, .window = 600});
    for (int version = 2; version < 9; version++) {
        put_many(f, 40, version);
        loop_step(f->wire.loop);
    }
    struct replayed told = check_told(f);
    assert_int_equal(told.patched, told.items);
    assert_in_range(told.items, 41, 7 * 40 - 1);
}

static void test_nothing_is_patched_in_the_plain_encoding(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){.encoding = ENCODING_PLAIN});
    put(f->pods, "a", 1);
    wire_run(&f->wire, LOOP_SECOND);
    put(f->pods, "a", 2);
    struct replayed told = check_told(f);
    assert_int_equal(told.items, 2);
    assert_int_equal(told.patched, 0);
}

/* A reader finds the base by its key hash: that has to be enough. */
static void test_nothing_is_patched_beside_another_key_of_its_hash(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    put_object(f, cluster_object(COLLIDING_A, 1));
    put_object(f, cluster_object(COLLIDING_B, 1));
    wire_run(&f->wire, LOOP_SECOND);
    put_object(f, cluster_object(COLLIDING_A, 2));
    put_object(f, cluster_object(COLLIDING_B, 2));
    struct replayed told = check_told(f);
    assert_int_equal(told.items, 4);
    assert_int_equal(told.patched, 0);
    store_destroy(f->copy);
    f->copy = store_create();
    store_delete(f->pods, COLLIDING_B, false);
    wire_run(&f->wire, LOOP_SECOND);
    put_object(f, cluster_object(COLLIDING_A, 3));
    assert_int_equal(check_told(f).patched, 1);
}

static struct object *large_pod(int number, int version)
{
    static char text[20000];
    struct object *object = NULL;
    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"large-%d\",\"uid\":\"u\"},\"at\":%d,\"fill\":\"%016000d\"}", number,
             version, number);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

/* Whoever reads it has to unpack all of it in one turn. */
static void test_a_delta_is_bounded_by_what_it_stands_for(void **state)
{
    enum { COUNT = 100, BYTES = 256 << 10 };
    struct fixture *f = *state;
    for (int i = 0; i < COUNT; i++) {
        put_object(f, large_pod(i, 1));
        struct object *same = large_pod(i, 1);
        store_put(f->copy, same);
        object_unref(same);
    }
    start(f, (struct publishing_options){0});
    for (int i = 0; i < COUNT; i++)
        put_object(f, large_pod(i, 2));
    struct replayed told = check_told(f);
    assert_int_equal(told.patched, COUNT);
    assert_in_range(told.most, BYTES / 2, BYTES + 20000);
}

static void test_a_turn_is_bounded_by_its_events(void **state)
{
    struct fixture *f = *state;
    const struct publisher_stats *stats;
    put_many(f, 3000, 1);
    start(f, (struct publishing_options){0});
    stats = publisher_stats(f->p.publisher);
    put_many(f, 3000, 2);
    for (uint64_t before = 0; before < 3000; before = stats->events) {
        assert_true(loop_step(f->wire.loop));
        assert_in_range(stats->events - before, 0, 700);
    }
    wire_run(&f->wire, LOOP_SECOND);
    for (const struct heard *heard = NULL; (heard = tap_next(f->tap, heard, MESSAGE_DELTA, STREAM));)
        assert_in_range(heard->message.items, 1, 512);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_is_told_as_what_changed),
        TEST(test_the_base_may_be_older_than_the_stream),
        TEST(test_what_waits_is_patched_from_what_was_published),
        TEST(test_nothing_is_patched_in_the_plain_encoding),
        TEST(test_nothing_is_patched_beside_another_key_of_its_hash),
        TEST(test_a_delta_is_bounded_by_what_it_stands_for),
        TEST(test_a_turn_is_bounded_by_its_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
