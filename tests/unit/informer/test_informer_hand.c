/* An informer against a provider that the test speaks for by hand: what no publisher of ours would say. */
#include "tests/unit/informer/hand.h"
#include "tests/support/steps.h"

/* ---- tests ---- */

static void test_deltas_that_overtook_one_another(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    struct message deltas[3];
    struct buf bodies[3];
    for (int i = 0; i < 3; i++) {
        script_next(&h.script);
        script_put(&h.script, "a", i + 1);
        deltas[i] = script_delta(&h.script, h.epoch);
        buf_init(&bodies[i], 4096);
        buf_append(&bodies[i], deltas[i].body.data, deltas[i].body.len);
        deltas[i].body.data = bodies[i].data;
    }
    tap_say(f->tap, STREAM, &deltas[2]);
    tap_say(f->tap, STREAM, &deltas[1]);
    tap_say(f->tap, STREAM, &deltas[2]);
    run(f, 100 * LOOP_MS);
    check_quiet(f);
    tap_say(f->tap, STREAM, &deltas[0]);
    tap_say(f->tap, STREAM, &deltas[1]);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(f->added, 1);
    assert_int_equal(f->modified, 2);
    assert_int_equal(stats(f)->gaps, 0);
    assert_int_equal(stats(f)->duplicates, 1);
    assert_int_equal(stats(f)->syncs, 1);
    for (int i = 0; i < 3; i++)
        buf_deinit(&bodies[i]);
    hand_stop(&h);
}

/* Each gap has its own time: what is missing now is not what was missing half a second ago. */
static void test_deltas_that_go_on_overtaking_one_another(void **state)
{
    static const int order[] = {1, 3, 5, 2, 7, 4, 9, 6, 8};
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    struct message deltas[10];
    struct buf bodies[10];
    for (int i = 1; i < 10; i++) {
        script_next(&h.script);
        script_put(&h.script, "a", i);
        deltas[i] = script_delta(&h.script, h.epoch);
        buf_init(&bodies[i], 4096);
        buf_append(&bodies[i], deltas[i].body.data, deltas[i].body.len);
        deltas[i].body.data = bodies[i].data;
    }
    for (size_t i = 0; i < array_size(order); i++) {
        tap_say(f->tap, STREAM, &deltas[order[i]]);
        run(f, 200 * LOOP_MS);
    }
    assert_int_equal(stats(f)->gaps, 0);
    assert_int_equal(f->modified, 8);
    for (int i = 1; i < 10; i++)
        buf_deinit(&bodies[i]);
    hand_stop(&h);
}

static void test_a_root_that_differs_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    script_put(&h.script, "a", 1);
    struct message delta = script_delta(&h.script, h.epoch);
    delta.root.high ^= 1;
    tap_say(f->tap, STREAM, &delta);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->divergences, 1);
    check_quiet(f);
    assert_int_equal(f->stale, 1);
    assert_int_equal(stats(f)->syncs, 2);
    hand_stop(&h);
}

static void test_a_patch_changes_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.script.patches = true;
    hand_delta(&h, "a", 1);
    hand_delta(&h, "a", 2);
    hand_delta(&h, "a", 3);
    run(f, LOOP_SECOND);
    assert_int_equal(version_in(replica_store(f->replica), "a"), 3);
    assert_int_equal(f->modified, 2);
    assert_int_equal(stats(f)->patched, 2);
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* More is wrong than that one object: nothing of the delta is applied, and a sync finds out. */
static void test_a_patch_of_what_is_not_there_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.script.patches = true;
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    forget_counts(f);
    put(h.script.published, "a", 2); /* nobody was told */
    script_next(&h.script);
    script_put(&h.script, "b", 1);
    script_put(&h.script, "a", 3);
    struct message delta = script_delta(&h.script, h.epoch);
    tap_say(f->tap, STREAM, &delta);
    run(f, LOOP_SECOND);
    check_quiet(f);
    assert_int_equal(stats(f)->bases_missing, 1);
    assert_int_equal(stats(f)->malformed, 0);
    assert_int_equal(stats(f)->patched, 0);
    assert_int_equal(f->stale, 1);
    run(f, 15 * LOOP_SECOND);
    assert_true(stats(f)->syncs > 1);
    hand_stop(&h);
}

static void test_a_delta_of_another_epoch_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.epoch = 22;
    run(f, 3 * LOOP_SECOND); /* whois is said every other second at most */
    tap_clear(f->tap);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    check_quiet(f);
    assert_int_equal(stats(f)->foreign, 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_WHOIS, SIGNALS), 1);
    hand_stop(&h);
}

/* The first of many deltas comes last: what waited for it is taken a few in a turn, in order. */
static void test_what_was_held_is_taken_a_few_in_a_turn(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    script_put(&h.script, "first", 1);
    struct message first = script_delta(&h.script, h.epoch);
    cleanup_free char *body = mem_dup(first.body.data, first.body.len);
    first.body.data = body;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof(name), "later-%d", i);
        hand_delta(&h, name, 1);
    }
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->added, 0);
    tap_say(f->tap, STREAM, &first);
    while (f->added == 0)
        assert_true(loop_step(f->wire.loop));
    assert_in_range(f->added, 1, 10);
    put(h.script.published, "first", 1);
    hand_delta(&h, "last", 1);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->added, 42);
    assert_int_equal(stats(f)->gaps, 0);
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

static void test_an_answer_that_nobody_asked_for(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    struct message chunk = {
        .kind = MESSAGE_CHUNK, .nonce = 77, .epoch = h.epoch, .last_hash = UINT64_MAX, .last = true};
    struct message end = {.kind = MESSAGE_END, .nonce = 77, .epoch = h.epoch, .from = 2, .reason = END_GONE};
    tap_say(f->tap, ANSWERS, &chunk);
    tap_say(f->tap, ANSWERS, &end);
    run(f, LOOP_SECOND);
    assert_int_equal(f->deleted, 0);
    assert_true(replica_synced(f->replica));
    assert_int_equal(stats(f)->syncs, 1);
    hand_stop(&h);
}

/* The provider restarts while its answer is on the way: the answer comes after the new catalog. */
static void test_a_late_answer_of_the_run_before(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.epoch = 22;
    hand_catalog(&h);
    run(f, 15 * LOOP_SECOND); /* asked for; not answered */
    hand_heartbeat(&h);
    uint64_t nonce = hand_nonce(&h);
    h.epoch = 23;
    hand_catalog(&h);
    run(f, LOOP_MS);
    h.epoch = 22;
    hand_equal(&h, nonce);
    assert_false(replica_synced(f->replica));
    h.epoch = 23;
    for (int i = 0; i < 8; i++) {
        hand_heartbeat(&h);
        run(f, LOOP_SECOND);
    }
    assert_true(hand_nonce(&h) != nonce);
    assert_false(replica_synced(f->replica));
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* A second provider of this name, which is not followed, answers the sync first: with all that it has, which
 * is nothing. An agent would delete its workloads by that. */
static void test_an_answer_of_a_provider_that_is_not_followed(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22;
    hand_catalog(&h);
    hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    struct message chunk = {
        .kind = MESSAGE_CHUNK, .nonce = hand_nonce(&h), .epoch = 77, .last_hash = UINT64_MAX, .last = true};
    tap_say(f->tap, ANSWERS, &chunk);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->deleted, 0);
    assert_false(replica_synced(f->replica));
    hand_equal(&h, hand_nonce(&h)); /* and this one still counts */
    assert_true(replica_synced(f->replica));
    assert_int_equal(store_count(replica_store(f->replica)), 1);
    hand_stop(&h);
}

/* The same provider that is not followed says that the resource is gone. The one that we follow has it. */
static void test_an_end_of_a_provider_that_is_not_followed(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22;
    hand_catalog(&h);
    hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    struct message end = {
        .kind = MESSAGE_END, .nonce = hand_nonce(&h), .epoch = 21, .from = 2, .reason = END_GONE};
    tap_say(f->tap, ANSWERS, &end);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->deleted + f->dropped, 0);
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* Not in the catalog, and asked for: an end of another epoch than ours is not the answer. */
static void test_an_end_of_another_epoch(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    hand_catalog_of(&h, true, 0);
    run(f, 100 * LOOP_MS);
    struct message end = {
        .kind = MESSAGE_END, .nonce = hand_nonce(&h), .epoch = 77, .from = 2, .reason = END_GONE};
    tap_say(f->tap, ANSWERS, &end);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->deleted + f->dropped, 0);
    end.epoch = 21;
    tap_say(f->tap, ANSWERS, &end);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->deleted, 1);
    assert_int_equal(f->dropped, 1);
    hand_stop(&h);
}

/* A heartbeat overtakes the delta that it counts: complete up to there is only who has that, too. */
static void test_a_version_counts_once_its_event_is_there(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.version = "10";
    hand_heartbeat(&h);
    assert_string_equal(replica_freshness(f->replica).resource_version, "10");
    script_next(&h.script);
    script_put(&h.script, "a", 1);
    struct message delta = script_delta(&h.script, h.epoch);
    h.version = "11";
    hand_heartbeat(&h);
    assert_string_equal(replica_freshness(f->replica).resource_version, "10");
    tap_say(f->tap, STREAM, &delta);
    run(f, 100 * LOOP_MS);
    assert_string_equal(replica_freshness(f->replica).resource_version, "11");
    run(f, 15 * LOOP_SECOND);
    h.script.sequence += 5; /* a heartbeat of events that were lost */
    h.version = "12";
    hand_heartbeat(&h);
    run(f, 3 * LOOP_SECOND);
    h.script.sequence -= 5;
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    assert_string_equal(replica_freshness(f->replica).resource_version, "11"); /* it is not taken back */
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22; /* of which nothing is known yet */
    hand_catalog(&h);
    run(f, LOOP_SECOND);
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    assert_string_equal(replica_freshness(f->replica).resource_version, "");
    hand_stop(&h);
}

/* A provider whose roots are always wrong is asked less and less often, whatever else arrives out of order.
 */
static void test_what_keeps_going_wrong_is_no_storm(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    for (int i = 0; i < 300; i++) {
        uint64_t nonce = hand_nonce(&h);
        struct message wrong = {.kind = MESSAGE_DELTA,
                                .epoch = h.epoch,
                                .from = 1,
                                .items = 1,
                                .root = {.low = 5},
                                .body = {"\2\1a\1u", 5}};
        struct message early = wrong;
        early.from = 9;
        tap_say(f->tap, STREAM, &early);
        tap_say(f->tap, STREAM, &wrong);
        run(f, 50 * LOOP_MS);
        hand_heartbeat(&h);
        if (nonce != hand_nonce(&h))
            hand_equal(&h, hand_nonce(&h));
        run(f, 50 * LOOP_MS);
    }
    assert_in_range(stats(f)->syncs, 3, 12); /* in a minute */
    check_quiet(f);
    hand_stop(&h);
}

static void hand_end(struct hand *h, uint64_t from)
{
    tap_say(h->f->tap, STREAM,
            &(struct message){.kind = MESSAGE_END, .epoch = h->epoch, .from = from, .reason = END_GONE});
    run(h->f, 100 * LOOP_MS);
}

/* It counts where nothing is missing in front of it; else the stream is asked about. */
static void test_an_end_that_does_not_follow(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    hand_heartbeat(&h);
    uint64_t nonce = hand_nonce(&h);
    hand_end(&h, 3);
    assert_int_equal(f->deleted, 0);
    assert_true(hand_nonce(&h) != nonce);
    hand_equal(&h, hand_nonce(&h));
    h.epoch = 20;
    hand_end(&h, 2); /* of another epoch */
    assert_int_equal(f->deleted, 0);
    h.epoch = 21;
    hand_end(&h, 2);
    assert_int_equal(f->deleted, 1);
    assert_int_equal(f->dropped, 1);
    hand_stop(&h);
}

/* The presence of the run before, delayed: the run that is followed stays. */
static void test_an_old_presence_come_late(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.boot = 12;
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    h.boot = 11;
    hand_presence(&h, "uid-1");
    hand_heartbeat(&h);
    h.boot = 12;
    tap_clear(f->tap);
    run(f, 3 * LOOP_SECOND);
    hand_heartbeat(&h);
    assert_int_equal(tap_count(f->tap, MESSAGE_WHOIS, SIGNALS), 0);
    assert_int_equal(stats(f)->conflicts, 1);
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* The will of the run before, come late; a will of the run that is followed. */
static void test_whose_will_it_is(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    struct buf body = BUF_INIT(4096);
    presence_format(&body, &(struct presence){.alive = false});
    struct message will = {.kind = MESSAGE_PRESENCE, .boot = 10, .body = {body.data, body.len}};
    hand_start(&h, f);
    tap_say(f->tap, "p/c1", &will);
    run(f, 100 * LOOP_MS);
    assert_true(cluster_alive(cluster(f)));
    will.boot = h.boot;
    tap_say(f->tap, "p/c1", &will);
    run(f, 100 * LOOP_MS);
    assert_false(cluster_alive(cluster(f)));
    buf_deinit(&body);
    hand_stop(&h);
}

/* Of two with one name, the one that is followed says goodbye: the other, left before, is followed again at
 * once. */
static void test_the_other_one_goes_on(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    struct buf body = BUF_INIT(4096);
    presence_format(&body, &(struct presence){.alive = false});
    struct message will = {.kind = MESSAGE_PRESENCE, .boot = 12, .body = {body.data, body.len}};
    hand_start(&h, f);
    uint64_t first = h.boot;
    h.boot = 12;
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    assert_true(cluster_alive(cluster(f)));
    tap_say(f->tap, "p/c1", &will);
    run(f, 100 * LOOP_MS);
    assert_false(cluster_alive(cluster(f)));
    h.boot = first;
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    assert_true(cluster_alive(cluster(f)));
    buf_deinit(&body);
    hand_stop(&h);
}

/* A heartbeat that counts by a catalog that we do not have says nothing about any stream. */
static void test_a_heartbeat_by_another_catalog(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    run(f, 3 * LOOP_SECOND);
    tap_clear(f->tap);
    h.catalog++;
    h.script.sequence = 5;
    hand_heartbeat(&h);
    assert_int_equal(tap_count(f->tap, MESSAGE_WHOIS, SIGNALS), 1);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(stats(f)->gaps, 0);
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* Installing takes several turns of the loop; deltas come in between, before and behind the place it is at.
 */
static void test_deltas_while_a_snapshot_is_installed(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    char first[32], last[32] = "";
    hand_start(&h, f);
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22;
    hand_catalog(&h);
    hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    for (int i = 0; i < 3000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        put(h.script.published, name, 1);
    }
    struct object *object = store_seek(h.script.published, 0);
    snprintf(first, sizeof(first), "%.*s", SLICE_ARGS(object_name(object)));
    object = store_seek(h.script.published, UINT64_MAX - UINT64_MAX / 1000);
    snprintf(last, sizeof(last), "%.*s", SLICE_ARGS(object_name(object)));
    hand_snapshot(&h);
    struct store *store = replica_store(f->replica);
    h.script.patches = true;
    while (store_count(store) == 0)
        loop_step(f->wire.loop);
    assert_in_range(store_count(store), 1, 1000);
    hand_delta(&h, first, 2);
    hand_delta(&h, last, 2);
    while (version_in(store, first) == 1)
        loop_step(f->wire.loop);
    assert_in_range(store_count(store), 1, 2999); /* it was in between */
    run(f, LOOP_SECOND);
    assert_true(replica_synced(f->replica));
    assert_true(digest_equal(store_root(store), store_root(h.script.published)));
    assert_int_equal(f->added, 3000);
    assert_int_equal(f->modified, 1);
    assert_int_equal(stats(f)->syncs, 2);
    assert_int_equal(stats(f)->patched, 2);
    hand_stop(&h);
}

/* Another uid under the boot that we follow, and another uid that is said only once: bytes that were changed
 * on the way could say that, and it would take all objects away. */
static void test_another_cluster_is_not_taken_from_one_message(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    hand_presence(&h, "uid-2");
    hand_presence(&h, "uid-2");
    run(f, 20 * LOOP_SECOND);
    assert_false(cluster_alive(cluster(f)));
    h.boot = 12;
    hand_presence(&h, "uid-3");
    hand_presence(&h, "uid-4");
    run(f, LOOP_SECOND);
    assert_int_equal(f->deleted, 0);
    assert_string_equal(cluster_uid(cluster(f)), "uid-1");
    hand_presence(&h, "uid-4");
    run(f, LOOP_SECOND);
    assert_int_equal(f->deleted, 1);
    assert_string_equal(cluster_uid(cluster(f)), "uid-4");
    hand_stop(&h);
}

/* What waits for its turn when the decision to ask again falls has no say in when that happens. */
static void test_what_is_held_does_not_outlive_the_decision(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.script.sequence = 5;
    hand_heartbeat(&h); /* ahead of us: that may be so for two seconds */
    run(f, 1800 * LOOP_MS);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->gaps, 1);
    check_quiet(f);
    hand_stop(&h);
}

/* Heard twice: each is made, then found. */
static uint64_t steps_of_a_catalog(struct hand *h, int count)
{
    struct catalog_entry *entries = mem_zalloc((size_t)count * sizeof(*entries));
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    for (int i = 0; i < count; i++) {
        char resource[32];
        snprintf(resource, sizeof(resource), "resource%d", i);
        entries[i] = (struct catalog_entry){.kind = "Thing", .epoch = 1 + (uint64_t)i};
        assert_int_equal(gvr_set(&entries[i].gvr, "example.com", "v1", resource), 0);
    }
    catalog_format(&body, true, entries, (size_t)count);
    uint64_t before = steps;
    for (int i = 0; i < 2; i++) {
        tap_say(h->f->tap, "p/c1/all",
                &(struct message){.kind = MESSAGE_CATALOG,
                                  .boot = h->boot,
                                  .revision = ++h->revision,
                                  .body = {body.data, body.len}});
        run(h->f, LOOP_MS);
    }
    buf_deinit(&body);
    free(entries);
    return steps - before;
}

/* Each one is found by its name, not by asking all others. */
static void test_a_catalog_as_large_as_one_may_be(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    uint64_t small = steps_of_a_catalog(&h, CATALOG_STREAMS_MAX / 4);
    hub_stop(f);
    hand_stop(&h);
    f->replica = NULL;
    hand_start(&h, f);
    assert_linear(small, steps_of_a_catalog(&h, CATALOG_STREAMS_MAX));
    size_t count = 0;
    for (struct informer_replica *r = NULL; (r = cluster_next_replica(cluster(f), r));)
        count++;
    assert_int_equal(count, CATALOG_STREAMS_MAX); /* the one before held nothing */
    f->replica = NULL;
    hand_stop(&h);
}

static void test_garbage_is_counted_and_harmless(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    uint64_t before = stats(f)->malformed;
    tap_say_bytes(f->tap, "p/c1", "hello", 5, false);
    tap_say_bytes(f->tap, "p/c1/all", "T\0\1", 3, false);
    tap_say_bytes(f->tap, STREAM, "P\0\0", 3, false);
    tap_say(f->tap, STREAM, &(struct message){.kind = MESSAGE_WHOIS}); /* understood, but not there */
    tap_say(f->tap, "p/c1/all", &(struct message){.kind = MESSAGE_CATALOG, .boot = h.boot}); /* no body */
    tap_say(f->tap, "p/c1/all", &(struct message){.kind = MESSAGE_HEARTBEAT, .boot = h.boot});
    tap_say(f->tap, "p/c1", &(struct message){.kind = MESSAGE_PRESENCE, .boot = 0});
    tap_say(f->tap, STREAM, &(struct message){.kind = MESSAGE_END, .epoch = h.epoch, .from = 1, .reason = 9});
    tap_say_bytes(f->tap, "p/c1/all/core/v1/pods/more", "x", 1,
                  false); /* no topic of ours: not even counted */
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->malformed - before, 8);
    assert_true(replica_synced(f->replica));
    check_quiet(f);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(f->added, 1);
    hand_stop(&h);
}

/* Boot 0 is nobody's: without a presence there is no telling which cluster that would be. */
static void test_a_catalog_without_a_presence(void **state)
{
    struct fixture *f = *state;
    struct hand h = {.f = f, .epoch = 21};
    script_init(&h.script, ENCODING_ZSTD);
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    hand_catalog(&h);
    hand_heartbeat(&h);
    assert_null(f->replica);
    assert_false(cluster_alive(cluster(f)));
    assert_int_equal(tap_count(f->tap, MESSAGE_WHOIS, SIGNALS), 1);
    hand_stop(&h);
}

/* A chunk skipped is a sync that has failed; its objects are not those of a whole. */
/* A provider that has just begun finds out what there is, and would not answer about what it has not found
 * yet.
 */
static void test_what_a_catalog_lacks_is_asked_for_once_it_is_complete(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    uint64_t syncs = stats(f)->syncs;
    run(f, 11 * LOOP_SECOND);
    h.boot = 12;
    h.epoch = 22;
    hand_presence(&h, "uid-1");
    hand_catalog_of(&h, false, 0);
    run(f, 4 * LOOP_SECOND);
    assert_false(replica_synced(f->replica));
    assert_int_equal(stats(f)->syncs, syncs);
    hand_catalog_of(&h, true, 0);
    run(f, 100 * LOOP_MS);
    assert_int_equal(stats(f)->syncs, syncs + 1);
    hand_stop(&h);
}

/* No heartbeat names it, so nothing else would remind of it. */
static void test_what_a_catalog_lacks_is_asked_for_after_a_silence(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 11 * LOOP_SECOND);
    h.boot = 12;
    hand_presence(&h, "uid-1");
    hand_catalog_of(&h, true, 0);
    run(f, 30 * LOOP_SECOND); /* nobody answers, nor is anybody heard */
    assert_false(cluster_alive(cluster(f)));
    uint64_t syncs = stats(f)->syncs;
    hand_heartbeat_of(&h, 0);
    assert_true(cluster_alive(cluster(f)));
    assert_int_equal(stats(f)->syncs, syncs + 1);
    hand_stop(&h);
}

/* Else all that comes would pass for old until that sequence is reached. */
static void test_a_sequence_that_was_told_too_high(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    run(f, 11 * LOOP_SECOND);
    hand_heartbeat(&h);
    h.boot = 12;
    h.epoch = 22;
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    run(f, 4 * LOOP_SECOND);
    h.script.sequence = 50; /* and in truth it is 0 */
    hand_equal(&h, hand_nonce(&h));
    assert_true(replica_synced(f->replica));
    uint64_t syncs = stats(f)->syncs;
    h.script.sequence = 0;
    run(f, 11 * LOOP_SECOND);
    for (int i = 0; i < 4; i++) /* copies of one, which a delta may have overtaken */
        hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs, syncs);
    hand_heartbeat(&h);
    assert_int_equal(stats(f)->syncs, syncs + 1);
    hand_stop(&h);
}

static void test_an_interrupted_snapshot_deletes_nothing(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22;
    hand_heartbeat(&h);
    hand_catalog(&h);
    run(f, LOOP_SECOND);
    struct message chunk = {.kind = MESSAGE_CHUNK,
                            .nonce = hand_nonce(&h),
                            .epoch = h.epoch,
                            .index = 1,
                            .first = UINT64_MAX / 2,
                            .last_hash = UINT64_MAX,
                            .last = true};
    tap_say(f->tap, ANSWERS, &chunk);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs_failed, 1);
    chunk.nonce = hand_nonce(&h);
    chunk.index = 0;
    chunk.first = 0;
    chunk.root.low = 1; /* says it is whole, and is not */
    tap_say(f->tap, ANSWERS, &chunk);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs_failed, 2);
    assert_int_equal(f->deleted, 0);
    assert_int_equal(store_count(replica_store(f->replica)), 1);
    hand_stop(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deltas_that_overtook_one_another),
        TEST(test_deltas_that_go_on_overtaking_one_another),
        TEST(test_a_root_that_differs_changes_nothing),
        TEST(test_a_patch_changes_what_is_there),
        TEST(test_a_patch_of_what_is_not_there_changes_nothing),
        TEST(test_a_delta_of_another_epoch_changes_nothing),
        TEST(test_an_answer_that_nobody_asked_for),
        TEST(test_a_late_answer_of_the_run_before),
        TEST(test_an_answer_of_a_provider_that_is_not_followed),
        TEST(test_an_end_of_a_provider_that_is_not_followed),
        TEST(test_an_end_of_another_epoch),
        TEST(test_a_version_counts_once_its_event_is_there),
        TEST(test_what_keeps_going_wrong_is_no_storm),
        TEST(test_an_end_that_does_not_follow),
        TEST(test_an_old_presence_come_late),
        TEST(test_whose_will_it_is),
        TEST(test_the_other_one_goes_on),
        TEST(test_a_heartbeat_by_another_catalog),
        TEST(test_deltas_while_a_snapshot_is_installed),
        TEST(test_another_cluster_is_not_taken_from_one_message),
        TEST(test_what_is_held_does_not_outlive_the_decision),
        TEST(test_what_was_held_is_taken_a_few_in_a_turn),
        TEST(test_a_catalog_as_large_as_one_may_be),
        TEST(test_garbage_is_counted_and_harmless),
        TEST(test_a_catalog_without_a_presence),
        TEST(test_what_a_catalog_lacks_is_asked_for_once_it_is_complete),
        TEST(test_what_a_catalog_lacks_is_asked_for_after_a_silence),
        TEST(test_a_sequence_that_was_told_too_high),
        TEST(test_an_interrupted_snapshot_deletes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
