/* An informer and a publisher over a loopback broker that loses what it is told to. */
#include "tests/unit/informer/informer_fixture.h"

#define MANY 2000 /* objects, and so many of them go */
#define GO_IN_A_TURN 256

/* ---- sync ---- */

static void test_first_sync_then_deltas(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    check_in_sync(f);
    assert_int_equal(f->added, 30);
    assert_int_equal(f->synced, 1);
    assert_int_equal(stats(f)->syncs, 1);
    assert_string_equal(cluster_name(cluster(f)), "c1");
    assert_string_equal(cluster_uid(cluster(f)), "uid-1");
    assert_string_equal(cluster_version(cluster(f)), "v1.36.1");
    assert_string_equal(replica_kind(f->replica), "Pod");

    put(f->pods, "pod-3", 2);
    put(f->pods, "new", 1);
    store_delete(f->pods, "ns/pod-4", false);
    run(f, LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->added, 31);
    assert_int_equal(f->modified, 1);
    assert_int_equal(f->deleted, 1);
    assert_int_equal(stats(f)->syncs, 1);
}

static void put_large(struct store *store, int number)
{
    char fill[30001];
    memset(fill, 'x', sizeof(fill) - 1);
    fill[sizeof(fill) - 1] = '\0';
    cleanup_free char *text =
        mem_printf("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"large-%d\","
                   "\"namespace\":\"ns\",\"uid\":\"u\"},\"data\":\"%s\"}",
                   number, fill);
    cleanup_with(object_unrefp) struct object *object = NULL;
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    store_put(store, object);
}

/* Large objects are put in place a few in a turn. */
static void test_installing_takes_short_turns(void **state)
{
    enum { COUNT = 50, IN_A_TURN = 5 };
    struct fixture *f = *state;
    size_t most = 0;
    for (int i = 0; i < COUNT; i++)
        put_large(f->pods, i);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    while (f->synced == 0) {
        size_t before = f->added;
        assert_true(loop_step(f->wire.loop));
        most = f->added - before > most ? f->added - before : most;
    }
    assert_int_equal(f->added, store_count(f->pods));
    assert_in_range(most, 1, IN_A_TURN);
}

static void test_either_side_first(void **state)
{
    struct fixture *f = *state;
    hub_start(f, NULL, 0);
    run(f, 30 * LOOP_SECOND);
    put(f->pods, "a", 1);
    start_provider(f, NULL);
    run(f, 3 * LOOP_SECOND);
    check_in_sync(f);
}

/* Chunks that are many, and deltas in between. */
static void test_changes_during_the_sync(void **state)
{
    struct fixture *f = *state;
    put_pods(f, 400);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = LOOP_MS,
                                                                         .delay_max_us = 30 * LOOP_MS});
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    for (int i = 0; i < 100; i++) {
        char name[16], key[32];
        snprintf(name, sizeof(name), "pod-%d", i * 3);
        snprintf(key, sizeof(key), "ns/pod-%d", i * 3 + 1);
        put(f->pods, name, 2);
        store_delete(f->pods, key, false);
        run(f, 20 * LOOP_MS);
    }
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(stats(f)->syncs_failed, 0);
}

static void test_a_restart_with_nothing_changed_tells_nothing(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_kill(&f->p);
    start_provider(f, NULL);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_quiet(f);
    assert_int_equal(stats(f)->syncs_equal, 1);
    assert_int_equal(stats(f)->syncs_snapshot, 1);
    assert_int_equal(f->stale, 1);
    assert_int_equal(f->synced, 1);
}

static void test_a_restart_tells_only_what_changed(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_kill(&f->p);
    put(f->pods, "pod-1", 2);
    store_delete(f->pods, "ns/pod-2", false);
    start_provider(f, NULL);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->added, 0);
    assert_int_equal(f->modified, 1);
    assert_int_equal(f->deleted, 1);
}

/* ---- what gets lost ---- */

static void test_a_gap_leads_to_a_sync(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    run(f, 20 * LOOP_SECOND);
    forget_counts(f);
    lose(f, MESSAGE_DELTA, 1);
    put(f->pods, "pod-1", 2);
    run(f, LOOP_MS);
    put(f->pods, "pod-2", 2);
    run(f, 100 * LOOP_MS);
    check_quiet(f); /* the second one waits for the first */
    assert_true(replica_synced(f->replica));
    run(f, 5 * LOOP_SECOND);
    assert_int_equal(stats(f)->gaps, 1);
    assert_int_equal(stats(f)->syncs, 2);
    assert_int_equal(f->modified, 2);
    check_in_sync(f);
}

/* What was lost is sent once more, however much it is, and not all objects. */
static void test_lost_deltas_are_replayed(void **state)
{
    struct fixture *f = *state;
    put_pods(f, 400);
    start_all(f);
    run(f, 20 * LOOP_SECOND);
    forget_counts(f);
    lose(f, MESSAGE_DELTA, 200);
    for (int i = 0; i <= 200; i++) {
        put(f->pods, "pod-1", 2 + i);
        run(f, LOOP_MS);
    }
    run(f, 3 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->modified, 201);
    assert_int_equal(stats(f)->gaps, 1);
    assert_int_equal(stats(f)->syncs, 2);
    assert_int_equal(stats(f)->syncs_equal, 1);
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_replay, 1);
    assert_int_equal(publisher_stats(f->p.publisher)->deltas_replayed, 201);
}

/* Those that came while we asked are not what comes next: they come again. */
static void test_deltas_during_a_replay(void **state)
{
    struct fixture *f = *state;
    put_pods(f, 400);
    start_all(f);
    run(f, 20 * LOOP_SECOND);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = 20 * LOOP_MS,
                                                                         .delay_max_us = 20 * LOOP_MS,
                                                                         .lose_this = lose_this,
                                                                         .arg = f});
    lose(f, MESSAGE_DELTA, 1);
    for (int i = 0; i < 300; i++) {
        put(f->pods, "pod-1", 2 + i);
        run(f, 10 * LOOP_MS);
    }
    run(f, 3 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(stats(f)->syncs, 2);
    assert_int_equal(stats(f)->syncs_snapshot, 1);
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_replay, 1);
}

/* One that has nothing for us sends no heartbeats: it is heard where it is asked, sooner or later. */
static void test_a_provider_is_sought_until_it_is_heard(void **state)
{
    struct fixture *f = *state;
    hub_start(f, "c1", 0);
    run(f, 100 * LOOP_SECOND);
    assert_in_range(tap_count(f->tap, MESSAGE_WHOIS, SIGNALS), 4, 7);
}

/* Heartbeats are ahead of it all the time: what arrives in order is not lost. */
static void test_a_slow_replay_is_let_be(void **state)
{
    struct fixture *f = *state;
    put_pods(f, 400);
    start_all(f);
    run(f, 20 * LOOP_SECOND);
    lose(f, MESSAGE_DELTA, 200);
    for (int i = 0; i <= 200; i++) {
        put(f->pods, "pod-1", 2 + i);
        run(f, LOOP_MS);
    }
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = LOOP_SECOND,
                                                                         .delay_max_us = LOOP_SECOND});
    run(f, 180 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_replay, 1);
    assert_int_equal(publisher_stats(f->p.publisher)->deltas_replayed, 201);
    assert_int_equal(stats(f)->gaps, 1);
}

/* Nothing follows it, so only the heartbeat tells. */
static void test_the_last_delta_is_lost(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    lose(f, MESSAGE_DELTA, 1);
    put(f->pods, "pod-1", 2);
    run(f, 10 * LOOP_SECOND);
    assert_int_equal(stats(f)->gaps, 1);
    check_in_sync(f);
}

static void test_answers_are_lost(void **state)
{
    struct fixture *f = *state;
    lose(f, MESSAGE_CHUNK, 1);
    start_all(f);
    run(f, 10 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(stats(f)->syncs_failed, 1);
    const struct heard *first = tap_next(f->tap, NULL, MESSAGE_SYNC, SIGNALS);
    const struct heard *second = tap_next(f->tap, first, MESSAGE_SYNC, SIGNALS);
    assert_true(first->message.nonce != second->message.nonce);
}

static void test_a_broker_that_was_away(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    loopback_broker_down(f->wire.broker);
    run(f, LOOP_SECOND);
    put(f->pods, "pod-1", 2);
    run(f, 20 * LOOP_SECOND);
    assert_false(cluster_alive(cluster(f)));
    check_quiet(f);
    loopback_broker_forget(f->wire.broker);
    loopback_broker_up(f->wire.broker);
    run(f, 10 * LOOP_SECOND);
    check_in_sync(f);
    assert_int_equal(f->modified, 1);
    assert_int_equal(f->added + f->deleted, 0);
}

/* ---- silence ---- */

static void test_silence_is_stale_and_passes(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    loopback_cut(f->p.transport);
    run(f, 3 * LOOP_SECOND);
    assert_true(cluster_alive(cluster(f)));
    run(f, 5 * LOOP_SECOND);
    assert_false(cluster_alive(cluster(f)));
    assert_false(replica_synced(f->replica));
    assert_int_equal(store_count(replica_store(f->replica)), 30);
    loopback_join(f->p.transport);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_quiet(f);
}

static void test_a_farewell_is_silence_at_once(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    run(f, 100 * LOOP_MS);
    assert_false(cluster_alive(cluster(f)));
    check_quiet(f);
}

/* ---- which cluster it is ---- */

static void test_another_cluster_under_the_same_name(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    run(f, LOOP_SECOND);
    start_provider(f, "uid-2");
    run(f, 5 * LOOP_SECOND);
    assert_int_equal(f->dropped, 1);
    assert_int_equal(f->deleted, 30);
    assert_int_equal(f->added, 30);
    assert_string_equal(cluster_uid(cluster(f)), "uid-2");
    check_in_sync(f);
}

/* The most deletions that were told in a turn of the loop until the replica was dropped. All that is
 * announced meanwhile, and answered, comes before that. */
static size_t most_deleted_in_a_turn(struct fixture *f)
{
    size_t most = 0;
    loop_set_turn_us(f->wire.loop, 200 * LOOP_MS);
    while (f->dropped == 0) {
        size_t before = f->deleted;
        assert_true(loop_step(f->wire.loop));
        most = f->deleted - before > most ? f->deleted - before : most;
    }
    loop_set_turn_us(f->wire.loop, 0);
    return most;
}

/* It comes once the last object of the old one is gone, and that takes its time. */
static void test_many_objects_of_another_cluster_go_in_short_turns(void **state)
{
    struct fixture *f = *state;
    put_pods(f, MANY);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 10 * LOOP_SECOND);
    check_in_sync(f);
    forget_counts(f);
    publishing_stop(&f->p);
    run(f, LOOP_SECOND);
    start_provider(f, "uid-2");
    assert_in_range(most_deleted_in_a_turn(f), 1, GO_IN_A_TURN);
    assert_int_equal(f->deleted, MANY);
    assert_int_equal(f->added, 0);
    run(f, 3 * LOOP_SECOND);
    assert_string_equal(cluster_uid(cluster(f)), "uid-2");
    assert_int_equal(f->added, MANY);
    assert_int_equal(f->dropped, 1);
    check_in_sync(f);
}

static void test_a_uid_that_is_not_known_yet_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    start_provider(f, "");
    run(f, 5 * LOOP_SECOND);
    assert_string_equal(cluster_uid(cluster(f)), "uid-1");
    check_in_sync(f);
    check_quiet(f);
    publisher_set_cluster(f->p.publisher, "uid-1", "v1.36.1");
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_quiet(f);

    publishing_stop(&f->p);
    start_provider(f, "");
    run(f, 5 * LOOP_SECOND);
    publisher_set_cluster(f->p.publisher, "uid-2", "v1.36.1");
    run(f, 10 * LOOP_SECOND);
    assert_int_equal(f->deleted, 30);
    assert_string_equal(cluster_uid(cluster(f)), "uid-2");
    check_in_sync(f);
}

static void test_two_clusters_with_one_name(void **state)
{
    struct fixture *f = *state;
    struct store *others = store_create();
    struct publishing other;
    start_all(f);
    forget_counts(f);
    put(others, "other", 1);
    publishing_start(&other, &f->wire, &(struct publishing_options){.pods = others, .uid = "uid-2"});
    run(f, 60 * LOOP_SECOND);
    assert_true(stats(f)->conflicts > 0);
    check_in_sync(f); /* the first one is followed as long as it lives */
    check_quiet(f);
    publishing_stop(&other);
    store_destroy(others);
}

static void test_more_clusters_than_the_limit(void **state)
{
    struct fixture *f = *state;
    struct publishing other;
    char *said = NULL;
    size_t said_len;
    struct log log = {.out = open_memstream(&said, &said_len), .level = LOG_LEVEL_ERROR};
    f->log = &log;
    hub_start(f, NULL, 1);
    start_provider(f, NULL);
    run(f, 3 * LOOP_SECOND);
    publishing_start(&other, &f->wire, &(struct publishing_options){.pods = f->pods, .name = "c2"});
    run(f, 3 * LOOP_SECOND);
    check_in_sync(f);
    assert_null(informer_next_cluster(f->informer, cluster(f)));
    publishing_stop(&other);
    hub_stop(f);
    fclose(log.out);
    assert_non_null(strstr(said, "c2: left out"));
    assert_null(strstr(strstr(said, "left out") + 1, "left out")); /* once in a while */
    free(said);
}

static void test_one_provider_only(void **state)
{
    struct fixture *f = *state;
    struct publishing other;
    hub_start(f, "c1", 0);
    publishing_start(&other, &f->wire, &(struct publishing_options){.pods = f->pods, .name = "c2"});
    start_provider(f, NULL);
    publishing_add(&f->p, "hub", true);
    run(f, 5 * LOOP_SECOND);
    assert_string_equal(cluster_name(cluster(f)), "c1");
    assert_null(informer_next_cluster(f->informer, cluster(f)));
    assert_non_null(f->replica); /* what it has for us alone; "all" is not for us */
    assert_null(cluster_next_replica(cluster(f), f->replica));
    publishing_stop(&other);
}

/* ---- streams that end ---- */

static void test_an_ended_stream_takes_its_objects_along(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    publisher_stream_end(f->p.stream, END_GONE);
    run(f, LOOP_SECOND);
    assert_int_equal(f->dropped, 1);
    assert_int_equal(f->deleted, 30);
    assert_null(cluster_next_replica(cluster(f), NULL));
    f->p.stream = publishing_add(&f->p, "all", true);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(f->added, 60);
    check_in_sync(f);
}

/* The stream ends, and another one of its name is announced before the last object of the old one is gone. */
static void end_and_begin_anew(struct fixture *f)
{
    forget_counts(f);
    publisher_stream_end(f->p.stream, END_GONE);
    f->p.stream = publishing_add(&f->p, "all", true);
    assert_in_range(most_deleted_in_a_turn(f), 1, GO_IN_A_TURN);
    assert_int_equal(f->deleted, MANY);
    assert_int_equal(f->added, 0);
}

static void test_many_objects_of_an_ended_stream_go_in_short_turns(void **state)
{
    struct fixture *f = *state;
    put_pods(f, MANY);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 10 * LOOP_SECOND);
    check_in_sync(f);
    end_and_begin_anew(f);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(f->added, MANY);
    check_in_sync(f);
    end_and_begin_anew(f);
    lose(f, MESSAGE_CATALOG, 1); /* which is asked for then, and by the next heartbeat */
    run(f, 20 * LOOP_SECOND);
    assert_int_equal(f->lose_count, 0);
    assert_int_equal(f->added, MANY);
    check_in_sync(f);
    assert_int_equal(stats(f)->syncs_failed, 0);
}

static void test_the_end_is_lost(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    lose(f, MESSAGE_END, 1);
    f->p.absent = END_GONE;
    publisher_stream_end(f->p.stream, END_GONE);
    run(f, 100 * LOOP_SECOND);
    assert_int_equal(f->lose_count, 0);
    assert_int_equal(f->dropped, 1); /* the catalog has it no more: a sync is answered with the end */
    assert_int_equal(f->deleted, 30);
}

/* Not in the catalog, and no word of an end: nothing follows from that. */
static void test_absence_from_the_catalog_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods});
    publisher_stream_end(f->p.stream, END_GONE); /* before anybody has heard of it */
    run(f, 300 * LOOP_SECOND);
    check_quiet(f);
    assert_int_equal(store_count(replica_store(f->replica)), 30);
    assert_false(replica_synced(f->replica));
    assert_in_range(stats(f)->syncs, 4, 10); /* it asks on, but slowly */
    f->p.stream = publishing_add(&f->p, "all", true);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_quiet(f);
    publisher_stream_end(f->p.stream, END_GONE);
}

/* The run that ended the stream is over; the one after it finds out later why there is none. */
static void test_an_end_that_only_the_next_run_knows_of(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods});
    publisher_stream_end(f->p.stream, END_GONE);
    run(f, 200 * LOOP_SECOND);
    check_quiet(f);
    f->p.absent = END_REVOKED;
    run(f, 200 * LOOP_SECOND);
    assert_int_equal(f->deleted, 30);
    assert_int_equal(f->dropped, 1);
}

/* It may be had, and is not published: what we have stays, stale. */
static void test_a_stream_that_is_not_ready_yet(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    forget_counts(f);
    publishing_stop(&f->p);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods, .unready = true});
    uint64_t syncs = stats(f)->syncs;
    run(f, 300 * LOOP_SECOND);
    check_quiet(f);
    assert_int_equal(store_count(replica_store(f->replica)), 30);
    assert_int_equal(replica_state(f->replica), STREAM_STARTING);
    assert_false(cluster_synced(cluster(f)));
    assert_int_equal(stats(f)->syncs, syncs);
    publisher_stream_ready(f->p.stream);
    run(f, 5 * LOOP_SECOND);
    check_in_sync(f);
    check_quiet(f);
    publisher_stream_unready(f->p.stream);
    run(f, 5 * LOOP_SECOND);
    assert_int_equal(f->stale, 2);
    assert_false(replica_synced(f->replica));
    check_quiet(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_sync_then_deltas),
        TEST(test_either_side_first),
        TEST(test_installing_takes_short_turns),
        TEST(test_changes_during_the_sync),
        TEST(test_a_restart_with_nothing_changed_tells_nothing),
        TEST(test_a_restart_tells_only_what_changed),
        TEST(test_a_gap_leads_to_a_sync),
        TEST(test_lost_deltas_are_replayed),
        TEST(test_deltas_during_a_replay),
        TEST(test_a_provider_is_sought_until_it_is_heard),
        TEST(test_a_slow_replay_is_let_be),
        TEST(test_the_last_delta_is_lost),
        TEST(test_answers_are_lost),
        TEST(test_a_broker_that_was_away),
        TEST(test_silence_is_stale_and_passes),
        TEST(test_a_farewell_is_silence_at_once),
        TEST(test_another_cluster_under_the_same_name),
        TEST(test_many_objects_of_another_cluster_go_in_short_turns),
        TEST(test_a_uid_that_is_not_known_yet_deletes_nothing),
        TEST(test_two_clusters_with_one_name),
        TEST(test_more_clusters_than_the_limit),
        TEST(test_one_provider_only),
        TEST(test_an_ended_stream_takes_its_objects_along),
        TEST(test_many_objects_of_an_ended_stream_go_in_short_turns),
        TEST(test_the_end_is_lost),
        TEST(test_absence_from_the_catalog_deletes_nothing),
        TEST(test_an_end_that_only_the_next_run_knows_of),
        TEST(test_a_stream_that_is_not_ready_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
