/*
 * A heartbeat at QoS 0 overtakes the catalog that it names, which is at QoS 1, and the next one may be long
 * in coming: it counts once the catalog is there.
 */
#include "tests/unit/informer/hand.h"

/* In sync; the next catalog will list another epoch of the stream. Returns what that catalog is named by. */
static uint64_t start(struct hand *h, struct fixture *f)
{
    hand_start(h, f);
    h->epoch = 22;
    return hand_catalog_hash(h);
}

static void say(struct hand *h, uint64_t catalog, const char *version)
{
    h->catalog = catalog;
    h->version = version;
    hand_heartbeat(h);
}

/* The catalog comes, and the stream is followed in its new epoch: what is known of it then? */
static const char *version_after_catalog(struct hand *h)
{
    hand_catalog(h);
    run(h->f, LOOP_SECOND);
    hand_equal(h, hand_nonce(h));
    assert_true(replica_synced(h->f->replica));
    return replica_freshness(h->f->replica).resource_version;
}

static void test_it_counts_once_its_catalog_is_there(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    uint64_t catalog = start(&h, f);
    say(&h, catalog, "20");
    assert_string_equal(replica_freshness(f->replica).resource_version, "");
    assert_string_equal(version_after_catalog(&h), "20");
    hand_stop(&h);
}

static void test_the_last_one_counts(void **state)
{
    struct hand h;
    uint64_t catalog = start(&h, *state);
    say(&h, catalog, "20");
    say(&h, catalog, "21");
    assert_string_equal(version_after_catalog(&h), "21");
    hand_stop(&h);
}

static void test_that_of_another_catalog_does_not(void **state)
{
    struct hand h;
    uint64_t catalog = start(&h, *state);
    say(&h, catalog ^ 1, "20");
    assert_string_equal(version_after_catalog(&h), "");
    hand_stop(&h);
}

static void test_one_that_is_longer_than_its_catalog_does_not(void **state)
{
    struct hand h;
    h.catalog = start(&h, *state);
    h.version = "20";
    hand_heartbeat_of(&h, 2);
    assert_string_equal(version_after_catalog(&h), "");
    hand_stop(&h);
}

/* One that could be read came behind it, and is newer. */
static void test_an_outdated_one_does_not(void **state)
{
    struct hand h;
    uint64_t catalog = start(&h, *state), known = h.catalog;
    say(&h, catalog, "20");
    say(&h, known, NULL);
    assert_string_equal(version_after_catalog(&h), "");
    hand_stop(&h);
}

/* It proves life, and nothing of the streams: that run may not have looked at its cluster yet. */
static void test_one_of_another_run_makes_nothing_fresh(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    uint64_t catalog = start(&h, f);
    run(f, MINUTE);
    assert_false(cluster_alive(cluster(f)));
    h.boot = 12;
    h.revision = 0;
    hand_presence(&h, "uid-1");
    say(&h, catalog, "20");
    assert_true(cluster_alive(cluster(f)));
    assert_false(replica_synced(f->replica));
    assert_string_equal(version_after_catalog(&h), "20");
    hand_stop(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_counts_once_its_catalog_is_there),
        TEST(test_the_last_one_counts),
        TEST(test_that_of_another_catalog_does_not),
        TEST(test_one_that_is_longer_than_its_catalog_does_not),
        TEST(test_an_outdated_one_does_not),
        TEST(test_one_of_another_run_makes_nothing_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
