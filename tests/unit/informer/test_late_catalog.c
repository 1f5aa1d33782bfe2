/* Which catalog of a run is the newest: its revision tells, whatever comes in which order. */
#include "tests/unit/informer/hand.h"

/* A catalog with that revision and epoch is said, and then all is as before. */
static void say_catalog(struct hand *h, uint64_t revision, uint64_t epoch)
{
    struct hand before = *h;
    h->revision = revision - 1;
    h->epoch = epoch;
    hand_catalog(h);
    run(h->f, LOOP_SECOND);
    *h = before;
}

/* In sync in epoch 22, of which the second catalog tells. */
static void start(struct hand *h, struct fixture *f)
{
    hand_start(h, f);
    h->epoch = 22;
    hand_catalog(h);
    hand_heartbeat(h);
    run(f, LOOP_SECOND);
    hand_equal(h, hand_nonce(h));
    assert_true(replica_synced(f->replica));
}

static void test_an_older_one_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    run(f, 5 * LOOP_SECOND);
    hand_heartbeat(&h);
    uint64_t syncs = stats(f)->syncs;
    say_catalog(&h, 1, 21);
    assert_int_equal(stats(f)->catalogs_old, 1);
    assert_true(replica_synced(f->replica));
    hand_heartbeat(&h);
    assert_int_equal(stats(f)->syncs, syncs);
    run(f, MINUTE);
    say_catalog(&h, 1, 21);
    assert_false(cluster_alive(cluster(f))); /* nor does it prove that anybody lives */
    say_catalog(&h, 2, 22);
    assert_true(cluster_alive(cluster(f)));
    hand_stop(&h);
}

static void test_another_run_counts_for_itself(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    h.boot = 12;
    h.epoch = 23;
    h.revision = 0;
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_recovers(&h);
    assert_int_equal(stats(f)->catalogs_old, 0);
    hand_stop(&h);
}

/* In the plain form, which has no check, any number may have been heard. */
static void test_a_revision_that_was_told_too_high(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    say_catalog(&h, 1000, 22);
    h.epoch = 23;
    hand_catalog(&h);
    uint64_t syncs = stats(f)->syncs;
    for (int beats = 0; beats < 3; beats++) { /* of two seconds */
        hand_heartbeat(&h);
        hand_catalog(&h); /* a whois is answered */
        run(f, 1900 * LOOP_MS);
        assert_int_equal(stats(f)->catalogs_old, beats + 2);
    }
    assert_int_equal(stats(f)->syncs, syncs);
    hand_heartbeat(&h);
    hand_catalog(&h);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->catalogs_old, 4);
    assert_int_equal(stats(f)->syncs, syncs + 1);
    hand_stop(&h);
}

/* ---- heartbeats ---- */

static const char *version_told(struct fixture *f)
{
    return replica_freshness(cluster_next_replica(cluster(f), NULL)).resource_version;
}

static void beat(struct hand *h, uint64_t revision, const char *version)
{
    h->beat = revision;
    h->version = version;
    hand_heartbeat(h);
}

static void test_a_heartbeat_that_was_overtaken(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    beat(&h, 5, "50");
    assert_string_equal(version_told(f), "50");
    uint64_t duplicates = stats(f)->duplicates;
    beat(&h, 4, "40");
    beat(&h, 5, "45");
    assert_string_equal(version_told(f), "50");
    assert_int_equal(stats(f)->duplicates, duplicates + 2);
    beat(&h, 6, "60");
    assert_string_equal(version_told(f), "60");
    hand_stop(&h);
}

/* It proves no life either; and then any number may come, for the one that was heard may have been wrong. */
static void test_a_number_that_was_told_too_high(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    beat(&h, 1000, "50");
    for (uint64_t i = 1; i <= 5; i++) {
        beat(&h, i, "60");
        run(f, 1900 * LOOP_MS);
    }
    assert_true(cluster_alive(cluster(f)));
    assert_string_equal(version_told(f), "60");
    hand_stop(&h);
}

/* The last word holds while none is said. */
static void test_a_heartbeat_without_a_version(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    start(&h, f);
    beat(&h, 1, "50");
    assert_true(replica_freshness(cluster_next_replica(cluster(f), NULL)).exact);
    beat(&h, 2, "");
    assert_string_equal(version_told(f), "50");
    hand_stop(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_older_one_is_nothing),           TEST(test_another_run_counts_for_itself),
        TEST(test_a_revision_that_was_told_too_high), TEST(test_a_heartbeat_that_was_overtaken),
        TEST(test_a_number_that_was_told_too_high),   TEST(test_a_heartbeat_without_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
