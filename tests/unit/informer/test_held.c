/* Deltas that wait for an answer, and what becomes of them where it does not come, or not that of the
 * provider as it was. */
#include "tests/unit/informer/hand.h"

/* One that has asked after a gap, and holds what may follow on a replay. */
static void hand_start_holding(struct hand *h, struct fixture *f)
{
    hand_start(h, f);
    run(f, 11 * LOOP_SECOND); /* one that has just become live would not ask at once */
    hand_heartbeat(h);
    h->script.sequence = 2;
    hand_delta(h, "a", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->gaps, 1);
    assert_int_equal(stats(f)->syncs, 2);
    hand_delta(h, "b", 1);
    run(f, 100 * LOOP_MS);
    assert_int_equal(informer_memory(f->informer).held, 1);
}

/* What it holds is of the epoch before: it does not follow on an answer of this one, whatever its number is.
 */
static void test_the_provider_begins_anew_while_deltas_are_held(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start_holding(&h, f);
    h.epoch++;
    hand_catalog(&h);
    script_put(&h.script, "c", 1);
    h.script.sequence = 3; /* what is held begins with 4 */
    hand_snapshot(&h);
    run(f, 3 * LOOP_SECOND);
    assert_true(replica_synced(f->replica));
    assert_int_equal(f->added, 3);
    assert_int_equal(stats(f)->divergences, 0);
    assert_int_equal(stats(f)->syncs, 2);
    hand_stop(&h);
}

/* A sync that is given up holds nothing for the next one. */
static void test_no_answer_comes_while_deltas_are_held(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start_holding(&h, f);
    uint64_t failed = stats(f)->syncs_failed;
    for (int i = 0; stats(f)->syncs_failed == failed; i++) {
        assert_in_range(i, 0, 100);
        h.script.sequence++; /* one is missing each time */
        hand_delta(&h, "b", i + 2);
        run(f, 100 * LOOP_MS);
    }
    assert_int_equal(informer_memory(f->informer).held, 0);
    hand_stop(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_provider_begins_anew_while_deltas_are_held),
        TEST(test_no_answer_comes_while_deltas_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
