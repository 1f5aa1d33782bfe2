/* Repairs between an informer and a publisher: what differs is found, and only that is sent. */
#include "tests/unit/informer/informer_fixture.h"

#define OBJECTS 3000

/* In sync, for long enough that a sync that follows does not have to wait. */
static void start_many(struct fixture *f)
{
    put_pods(f, OBJECTS);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 20 * LOOP_SECOND);
    check_in_sync(f);
    forget_counts(f);
}

static const struct publisher_stats *published(const struct fixture *f)
{
    return publisher_stats(f->p.publisher);
}

static void change_some(struct fixture *f)
{
    put(f->pods, "pod-7", 2);
    put(f->pods, "pod-8", 2);
    put(f->pods, "more", 1);
    store_delete(f->pods, "ns/pod-9", false);
}

static void check_some_changed(const struct fixture *f)
{
    assert_int_equal(f->added, 1);
    assert_int_equal(f->modified, 2);
    assert_int_equal(f->deleted, 1);
}

static void restart(struct fixture *f, int64_t us)
{
    publishing_kill(&f->p);
    change_some(f);
    start_provider(f, NULL);
    run(f, us);
}

static void test_a_restart_sends_only_what_changed(void **state)
{
    struct fixture *f = *state;
    start_many(f);
    restart(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_some_changed(f);
    assert_int_equal(f->synced, 1);
    assert_int_equal(stats(f)->syncs_repair, 1);
    assert_int_equal(stats(f)->syncs_failed, 0);
    assert_int_equal(published(f)->syncs_repair, 1);
    assert_int_equal(published(f)->syncs_snapshot, 0);
    assert_in_range(published(f)->bytes, 100, 2500);
}

static void test_many_changes_and_small_messages(void **state)
{
    struct fixture *f = *state;
    start_many(f);
    publishing_kill(&f->p);
    for (int i = 0; i < OBJECTS; i += 3) {
        char name[16], key[32];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
        snprintf(key, sizeof(key), "ns/pod-%d", i + 1);
        if (i % 2)
            store_delete(f->pods, key, false);
    }
    start_provider(f, NULL);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->modified, OBJECTS / 3);
    assert_int_equal(f->deleted, OBJECTS / 6);
    assert_int_equal(f->added, 0);
    assert_int_equal(stats(f)->syncs_repair, 1);
    assert_true(published(f)->repairs > 10);
    assert_int_equal(stats(f)->syncs_failed, 0);
}

/* The provider publishes while it is repaired: buckets stand at different sequences. */
static void test_changes_during_the_repair(void **state)
{
    struct fixture *f = *state;
    start_many(f);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = LOOP_MS,
                                                                         .delay_max_us = 30 * LOOP_MS});
    publishing_kill(&f->p);
    for (int i = 0; i < OBJECTS; i += 5) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
    }
    start_provider(f, NULL);
    for (int i = 0; i < 300; i++) {
        char name[16], key[32];
        snprintf(name, sizeof(name), "pod-%d", i * 7 % OBJECTS);
        put(f->pods, name, 3 + i);
        snprintf(key, sizeof(key), "ns/pod-%d", i * 11 % OBJECTS);
        store_delete(f->pods, key, false);
        run(f, 5 * LOOP_MS);
    }
    run(f, 20 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(stats(f)->syncs_repair, 1);
    assert_int_equal(stats(f)->syncs_failed, 0);
}

/* More than is put in place in one turn; a delta comes in between, and waits. */
static void test_a_delta_while_a_repair_is_put_in_place(void **state)
{
    struct fixture *f = *state;
    start_many(f);
    publishing_kill(&f->p);
    for (int i = 0; i < OBJECTS; i += 2) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
    }
    start_provider(f, NULL);
    while (f->modified == 0)
        loop_step(f->wire.loop);
    assert_in_range(f->modified, 1, OBJECTS / 2 - 1);
    put(f->pods, "pod-2", 3);
    put(f->pods, "pod-1", 3);
    run(f, LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(version_in(replica_store(f->replica), "pod-2"), 3);
    assert_int_equal(stats(f)->syncs, 2);
    assert_int_equal(stats(f)->gaps, 0);
    assert_int_equal(f->synced, 1);
}

static void test_what_is_lost_of_a_repair(void **state)
{
    static const enum message_kind kinds[] = {MESSAGE_DIGESTS, MESSAGE_REPAIR};
    struct fixture *f = *state;
    start_many(f);
    for (size_t i = 0; i < array_size(kinds); i++) {
        uint64_t failed = stats(f)->syncs_failed;
        publishing_kill(&f->p);
        put(f->pods, "pod-1", 20 + (int)i);
        lose(f, kinds[i], 1);
        start_provider(f, NULL);
        run(f, 40 * LOOP_SECOND);
        check_in_sync(f);
        assert_int_equal(stats(f)->syncs_failed, failed + 1);
    }
}

/* It is gone before it has answered; the next run answers anew. */
static void test_a_provider_that_dies_in_the_middle(void **state)
{
    struct fixture *f = *state;
    start_many(f);
    publishing_kill(&f->p);
    change_some(f);
    lose(f, MESSAGE_REPAIR, 1);
    start_provider(f, NULL);
    run(f, 1500 * LOOP_MS);
    assert_int_equal(f->lose_count, 0);
    check_quiet(f);
    restart(f, 40 * LOOP_SECOND);
    check_in_sync(f);
    check_some_changed(f);
}

static void test_too_different_to_be_repaired(void **state)
{
    struct fixture *f = *state;
    put_pods(f, 5 * OBJECTS);
    start_many(f);
    publishing_kill(&f->p);
    store_delete_some(f->pods, 4 * OBJECTS, false);
    start_provider(f, NULL);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->deleted, 4 * OBJECTS);
    assert_int_equal(published(f)->syncs_snapshot, 1);
    assert_int_equal(stats(f)->syncs_failed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_restart_sends_only_what_changed), TEST(test_many_changes_and_small_messages),
        TEST(test_changes_during_the_repair),         TEST(test_a_delta_while_a_repair_is_put_in_place),
        TEST(test_what_is_lost_of_a_repair),          TEST(test_a_provider_that_dies_in_the_middle),
        TEST(test_too_different_to_be_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
