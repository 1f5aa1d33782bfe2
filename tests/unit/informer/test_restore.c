/* Replicas of a run before: what they are at first, and that only what differs is asked for. */
#include "tests/unit/informer/informer_fixture.h"

static struct record record_of(struct fixture *f)
{
    struct record record;
    replica_record(f->replica, &record);
    return record;
}

/* The hub's next run, with what the one before had in the end but for `lost` objects. */
static void hub_again(struct fixture *f, const struct record *record, const struct store *had, size_t lost)
{
    hub_start(f, NULL, 0);
    struct informer_replica *replica = informer_restore(f->informer, record);
    assert_ptr_equal(replica, f->replica);
    struct object *object = store_seek(had, 0);
    bool whole = !lost;
    for (; object; object = store_after(had, object))
        if (lost)
            lost--;
        else
            store_put(replica_store(replica), object);
    replica_restored(replica, whole);
    forget_counts(f);
}

static void copy(struct store *to, const struct store *from)
{
    struct object *object = store_seek(from, 0);
    for (; object; object = store_after(from, object))
        store_put(to, object);
}

/* In sync with 100 pods, then the hub is gone. */
static struct record run_before(struct fixture *f, struct store *had)
{
    put_pods(f, 100);
    start_provider(f, "uid-1");
    hub_start(f, NULL, 0);
    run(f, 10 * LOOP_SECOND);
    assert_true(replica_synced(f->replica));
    struct record record = record_of(f);
    copy(had, replica_store(f->replica));
    hub_stop(f);
    return record;
}

static void test_it_is_stale_until_its_provider_is_heard(void **state)
{
    struct fixture *f = *state;
    struct store *had = store_create();
    struct record record = run_before(f, had);
    assert_true(record.whole && record.current && record.namespaced && record.epoch);
    assert_string_equal(record.uid, "uid-1");
    assert_in_range(record.since_s, loop_wall_us(f->wire.loop) / LOOP_SECOND - 11,
                    loop_wall_us(f->wire.loop) / LOOP_SECOND);
    record.since_s = 1234;
    strcpy(record.names.short_names, "po");
    record.heard_s = loop_wall_us(f->wire.loop) / LOOP_SECOND - 100;
    hub_again(f, &record, had, 0);
    struct replica_freshness freshness = replica_freshness(f->replica);
    assert_true(freshness.whole && !freshness.synced && !freshness.alive);
    assert_in_range(freshness.age_s, 100, 101);
    assert_false(cluster_alive(replica_cluster(f->replica)));
    assert_string_equal(cluster_uid(replica_cluster(f->replica)), "uid-1");
    record = record_of(f);
    assert_true(record.whole && !record.current && record.epoch);
    assert_int_equal(record.since_s, 1234);
    assert_string_equal(record.names.short_names, "po");

    run(f, 10 * LOOP_SECOND);
    assert_true(replica_synced(f->replica));
    assert_int_equal(stats(f)->syncs_equal, 1);
    assert_int_equal(stats(f)->syncs_snapshot + stats(f)->syncs_repair, 0);
    check_quiet(f);
    store_destroy(had);
}

static void test_what_is_lacking_is_made_good(void **state)
{
    struct fixture *f = *state;
    struct store *had = store_create();
    struct record record = run_before(f, had);
    hub_again(f, &record, had, 3);
    assert_false(replica_freshness(f->replica).whole);
    run(f, 10 * LOOP_SECOND);
    assert_true(replica_synced(f->replica));
    assert_int_equal(f->added, 3);
    assert_int_equal(f->deleted + f->modified, 0);
    store_destroy(had);
}

static void test_another_cluster_inherits_nothing(void **state)
{
    struct fixture *f = *state;
    struct store *had = store_create();
    struct record record = run_before(f, had);
    strcpy(record.uid, "uid-0");
    record.since_s = 1234;
    hub_again(f, &record, had, 0);
    assert_int_equal(cluster_since_s(replica_cluster(f->replica)), 1234);
    run(f, 10 * LOOP_SECOND);
    assert_int_equal(f->deleted, 100);
    assert_int_equal(f->dropped, 1);
    assert_int_equal(f->added, 100);
    assert_true(cluster_since_s(replica_cluster(f->replica)) > 1234);
    assert_true(replica_synced(f->replica));
    store_destroy(had);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    struct fixture *f = *state;
    struct record good = {.cluster = "c1", .audience = "all", .gvr = pods_gvr(), .kind = "Pod"}, bad = good;
    hub_start(f, NULL, 0);
    strcpy(bad.cluster, "../c1");
    assert_null(informer_restore(f->informer, &bad));
    bad = good;
    strcpy(bad.gvr.resource, "pods/x");
    assert_null(informer_restore(f->informer, &bad));
    bad = good;
    strcpy(bad.kind, "a\"b");
    assert_null(informer_restore(f->informer, &bad));
    assert_non_null(informer_restore(f->informer, &good));
    assert_null(informer_restore(f->informer, &good)); /* twice */
    assert_int_equal(replica_freshness(f->replica).age_s, -1);
    assert_false(replica_freshness(f->replica).whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_is_stale_until_its_provider_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_lacking_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_cluster_inherits_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_makes_no_sense_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
