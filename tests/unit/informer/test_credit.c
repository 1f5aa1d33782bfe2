/* Credit: one budget for all syncs of an informer, and whatever becomes of a sync, what it had comes back. */
#include "informer/informer_internal.h"
#include "tests/unit/informer/hand.h"

#define BUDGET 256
#define OF_CLUSTER 128
#define WINDOW_MAX 32

/* ---- the sums ---- */

#define CLUSTERS 3
#define REPLICAS 90 /* thirty each */

struct syncs {
    struct informer informer;
    struct informer_cluster clusters[CLUSTERS];
    struct informer_replica replicas[REPLICAS];
    bool running[REPLICAS];
};

static void syncs_init(struct syncs *s)
{
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < REPLICAS; i++) {
        s->replicas[i].informer = &s->informer;
        s->replicas[i].cluster = &s->clusters[i % CLUSTERS];
    }
}

static size_t ahead(const struct informer_replica *replica)
{
    return replica->credit - replica->answers;
}

/* What is counted is what is out, and within the bounds. */
static void check_sums(const struct syncs *s)
{
    size_t all = 0, of_cluster[CLUSTERS] = {0};
    for (int i = 0; i < REPLICAS; i++) {
        assert_true(s->replicas[i].credit >= s->replicas[i].answers);
        assert_in_range(ahead(&s->replicas[i]), 0, WINDOW_MAX);
        all += ahead(&s->replicas[i]);
        of_cluster[i % CLUSTERS] += ahead(&s->replicas[i]);
    }
    assert_int_equal(all, s->informer.promised);
    assert_in_range(all, 0, BUDGET);
    for (int i = 0; i < CLUSTERS; i++) {
        assert_int_equal(of_cluster[i], s->clusters[i].promised);
        assert_in_range(of_cluster[i], 0, OF_CLUSTER);
    }
    assert_int_equal(credit_left(&s->informer), all < BUDGET);
}

static void begin(struct syncs *s, int i)
{
    struct informer_replica *replica = &s->replicas[i];
    if (!credit_left(&s->informer) || !credit_left_for(replica->cluster))
        return;
    s->running[i] = true;
    s->informer.syncing++;
    credit_start(replica);
    assert_in_range(ahead(replica), 1, 4); /* nobody starts with nothing */
}

static void answer(struct syncs *s, int i)
{
    struct informer_replica *replica = &s->replicas[i];
    size_t before = replica->credit;
    credit_answered(replica);
    bool renewed = credit_renew(replica);
    assert_int_equal(renewed, replica->credit > before);
    assert_in_range(ahead(replica), 1, WINDOW_MAX); /* it may go on */
}

static void finish(struct syncs *s, int i)
{
    credit_return(&s->replicas[i]);
    assert_int_equal(ahead(&s->replicas[i]), 0);
    s->running[i] = false;
    s->informer.syncing--;
}

/* Anybody begins, is answered and ends at any time, and lines are long and short. */
static void test_the_budget_is_never_passed(void **state)
{
    (void)state;
    struct syncs s;
    size_t most = 0;
    struct loop *loop = loop_create_simulated(7);
    syncs_init(&s);
    for (int step = 0; step < 200000; step++) {
        int i = (int)loop_random_below(loop, REPLICAS);
        if (step % 5000 == 0)
            s.informer.queued = loop_random_below(loop, 2) * loop_random_below(loop, 500);
        if (!s.running[i])
            begin(&s, i);
        else if (loop_random_below(loop, 200) == 0)
            finish(&s, i);
        else
            answer(&s, i);
        check_sums(&s);
        most = s.informer.promised > most ? s.informer.promised : most;
    }
    assert_in_range(most, BUDGET - WINDOW_MAX, BUDGET); /* and it is made use of */
    for (int i = 0; i < REPLICAS; i++)
        if (s.running[i])
            finish(&s, i);
    check_sums(&s);
    assert_int_equal(s.informer.promised, 0);
    loop_destroy(loop);
}

/* One more for each answer, up to what it may have. */
static void test_one_alone_begins_slowly(void **state)
{
    (void)state;
    struct syncs s;
    syncs_init(&s);
    begin(&s, 0);
    assert_int_equal(ahead(&s.replicas[0]), 4);
    for (size_t i = 1; i <= 100; i++) {
        answer(&s, 0);
        size_t window = i + 4 < WINDOW_MAX ? i + 4 : WINDOW_MAX;
        assert_int_equal(s.replicas[0].window, window);
        assert_in_range(ahead(&s.replicas[0]), window / 2, window);
    }
    check_sums(&s);
}

static void test_shares_are_small_where_many_wait(void **state)
{
    (void)state;
    struct syncs s;
    syncs_init(&s);
    begin(&s, 0);
    for (int i = 0; i < 100; i++)
        answer(&s, 0);
    s.informer.queued = 1000;
    for (int i = 0; i < WINDOW_MAX; i++) /* what it had before is used up first */
        answer(&s, 0);
    assert_int_equal(ahead(&s.replicas[0]), 1);
    begin(&s, 1);
    assert_int_equal(ahead(&s.replicas[1]), 1);
    s.informer.queued = 0;
    for (int i = 0; i < 100; i++)
        answer(&s, 0);
    assert_in_range(ahead(&s.replicas[0]), WINDOW_MAX / 2, WINDOW_MAX);
    check_sums(&s);
}

/* However many of one cluster want to, the others find the other half. */
static void test_a_cluster_has_half(void **state)
{
    (void)state;
    struct syncs s;
    syncs_init(&s);
    for (int i = 0; i < REPLICAS; i += CLUSTERS)
        begin(&s, i);
    for (int n = 0; n < 100 * REPLICAS; n += CLUSTERS)
        answer(&s, n % REPLICAS);
    assert_in_range(s.clusters[0].promised, OF_CLUSTER / 2, OF_CLUSTER);
    check_sums(&s);
    for (int i = 0; i < REPLICAS; i += CLUSTERS)
        finish(&s, i);
    s.clusters[0].promised = s.informer.promised = OF_CLUSTER; /* to some */
    assert_false(credit_left_for(&s.clusters[0]));
    assert_true(credit_left(&s.informer));
    assert_true(credit_left_for(&s.clusters[1]));
    assert_false(credit_renew(&s.replicas[0]));
    begin(&s, 1);
    assert_int_equal(ahead(&s.replicas[1]), 4);
}

/* A provider that sends more than it was promised takes from nobody. */
static void test_more_answers_than_were_promised(void **state)
{
    (void)state;
    struct syncs s;
    syncs_init(&s);
    begin(&s, 0);
    begin(&s, 1);
    for (int i = 0; i < 50; i++)
        credit_answered(&s.replicas[0]);
    assert_int_equal(ahead(&s.replicas[0]), 0);
    check_sums(&s);
    finish(&s, 0);
    credit_return(&s.replicas[0]); /* twice is once */
    check_sums(&s);
    assert_int_equal(s.informer.promised, 4);
}

/* Nothing is left, and nothing is said: else a signal would go out for each of them. */
static void test_more_answers_while_nothing_is_left(void **state)
{
    (void)state;
    struct syncs s;
    syncs_init(&s);
    begin(&s, 0);
    for (int i = 0; i < 4; i++)
        credit_answered(&s.replicas[0]);
    s.informer.promised = BUDGET; /* to others */
    for (int i = 0; i < 10; i++) {
        credit_answered(&s.replicas[0]);
        assert_false(credit_renew(&s.replicas[0]));
    }
    assert_int_equal(s.informer.promised, BUDGET);
    assert_false(credit_left(&s.informer));
}

/* ---- every way in which a sync ends ---- */

static void say_answer(struct hand *h, struct message answer)
{
    answer.nonce = hand_nonce(h);
    answer.epoch = h->epoch;
    answer.to = h->script.sequence;
    tap_say(h->f->tap, ANSWERS, &answer);
    run(h->f, 10 * LOOP_MS);
}

static void ends_by_equal(struct hand *h)
{
    hand_equal(h, hand_nonce(h));
}

static void ends_by_a_snapshot(struct hand *h)
{
    hand_snapshot(h);
    run(h->f, 10 * LOOP_MS);
}

static void ends_by_an_end(struct hand *h)
{
    hand_catalog_of(h, true, 0);
    run(h->f, 10 * LOOP_MS);
    h->epoch--; /* the one that the sync has told */
    say_answer(h, (struct message){.kind = MESSAGE_END, .from = 2, .reason = END_GONE});
}

static void ends_by_what_makes_no_sense(struct hand *h)
{
    say_answer(h, (struct message){.kind = MESSAGE_DIGESTS, .bits = 99, .last = true});
}

static void ends_by_an_answer_too_early(struct hand *h)
{
    say_answer(h, (struct message){.kind = MESSAGE_CHUNK, .index = 3, .last_hash = 9, .body = {"x", 1}});
}

static void ends_by_another_root(struct hand *h)
{
    say_answer(h, (struct message){
                      .kind = MESSAGE_CHUNK, .last_hash = UINT64_MAX, .last = true, .root = {.low = 9}});
}

static void ends_by_no_answer(struct hand *h)
{
    uint64_t failed = stats(h->f)->syncs_failed;
    while (stats(h->f)->syncs_failed == failed)
        loop_step(h->f->wire.loop);
}

static void ends_by_the_bounds(struct hand *h)
{
    say_answer(h,
               (struct message){
                   .kind = MESSAGE_CHUNK, .last_hash = UINT64_MAX, .last = true, .count = UINT64_C(1) << 40});
}

static void ends_by_silence(struct hand *h)
{
    for (int i = 0; i < 30; i++)
        run(h->f, LOOP_SECOND);
    assert_false(cluster_alive(cluster(h->f)));
}

static void ends_by_a_goodbye(struct hand *h)
{
    struct buf body = BUF_INIT(4096);
    presence_format(&body, &(struct presence){.alive = false});
    tap_say(h->f->tap, "p/c1",
            &(struct message){.kind = MESSAGE_PRESENCE, .boot = h->boot, .body = {body.data, body.len}});
    buf_deinit(&body);
    run(h->f, 6 * LOOP_SECOND);
}

static void ends_by_a_stream_that_is_not_published(struct hand *h)
{
    h->epoch = 0;
    hand_catalog(h);
    run(h->f, 10 * LOOP_MS);
}

/* One sync is under way, and has credit, when it ends. */
static void check_returned(struct fixture *f, void (*ends)(struct hand *h))
{
    struct hand h;
    hand_start(&h, f);
    run(f, 15 * LOOP_SECOND);
    h.epoch = 22;
    hand_catalog(&h);
    hand_heartbeat(&h);
    run(f, LOOP_SECOND);
    assert_int_equal(f->replica->phase, REPLICA_SYNCING);
    assert_int_equal(f->informer->promised, 4);
    struct informer_cluster *c = cluster(f);
    assert_int_equal(c->promised, 4);
    ends(&h);
    assert_int_equal(f->informer->promised, 0);
    assert_int_equal(f->informer->syncing, 0);
    assert_int_equal(c->promised, 0);
    hand_stop(&h);
}

#define ENDS(way)                                                                                            \
    static void test_credit_comes_back_where_it_##way(void **state)                                          \
    {                                                                                                        \
        check_returned(*state, way);                                                                         \
    }
ENDS(ends_by_equal)
ENDS(ends_by_a_snapshot)
ENDS(ends_by_an_end)
ENDS(ends_by_what_makes_no_sense)
ENDS(ends_by_an_answer_too_early)
ENDS(ends_by_another_root)
ENDS(ends_by_no_answer)
ENDS(ends_by_the_bounds)
ENDS(ends_by_silence)
ENDS(ends_by_a_goodbye)
ENDS(ends_by_a_stream_that_is_not_published)
#undef ENDS

/* ---- in turn ---- */

static void say_streams(struct fixture *f, const char *name, const char *audience, int count, uint64_t epoch)
{
    char topic[80], resource[32];
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    struct catalog_entry *entries = mem_zalloc((size_t)count * sizeof(*entries));
    for (int i = 0; i < count; i++) {
        snprintf(resource, sizeof(resource), "resource%d", i);
        entries[i] = (struct catalog_entry){.kind = "Thing", .epoch = epoch};
        assert_int_equal(gvr_set(&entries[i].gvr, "", "v1", resource), 0);
    }
    snprintf(topic, sizeof(topic), "p/%s/%s", name, audience);
    catalog_format(&body, true, entries, (size_t)count);
    tap_say(f->tap, topic,
            &(struct message){.kind = MESSAGE_CATALOG, .boot = 7, .body = {body.data, body.len}});
    free(entries);
    buf_deinit(&body);
}

static void say_alive(struct fixture *f, const char *name)
{
    char topic[80];
    struct buf body = BUF_INIT(4096);
    struct presence presence = {.alive = true, .heartbeat_ms = 600000};
    snprintf(presence.cluster, sizeof(presence.cluster), "%s", name);
    snprintf(topic, sizeof(topic), "p/%s", name);
    presence_format(&body, &presence);
    tap_say(f->tap, topic,
            &(struct message){.kind = MESSAGE_PRESENCE, .boot = 7, .body = {body.data, body.len}});
    buf_deinit(&body);
}

/* Three with many streams and one with few are in line; nobody answers. The few are all asked for, and the
 * others share what is left. */
static void test_providers_take_turns(void **state)
{
    static const char *const names[] = {"k0", "k1", "k2", "k3"};
    static const int streams[] = {1000, 300, 500, 20};
    struct fixture *f = *state;
    char topic[80];
    size_t sent[4];
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    informer_on_disconnected(f->informer);
    for (size_t i = 0; i < array_size(names); i++) {
        say_alive(f, names[i]);
        run(f, 10 * LOOP_MS);
        say_streams(f, names[i], "all", streams[i], 31);
        run(f, 10 * LOOP_MS);
    }
    assert_int_equal(f->informer->queued, 1820);
    informer_on_connected(f->informer);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->informer->promised, BUDGET);
    for (size_t i = 0; i < array_size(names); i++) {
        snprintf(topic, sizeof(topic), "s/%s/hub", names[i]);
        sent[i] = tap_count(f->tap, MESSAGE_SYNC, topic);
    }
    assert_int_equal(sent[3], 20);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(sent[i], (BUDGET - 20) / 3, (BUDGET - 20) / 3 + 1);
    f->replica = NULL;
}

static void test_one_provider_waits_for_its_own(void **state)
{
    struct fixture *f = *state;
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    say_alive(f, "k0");
    run(f, 10 * LOOP_MS);
    say_streams(f, "k0", "all", 1000, 31);
    run(f, 100 * LOOP_MS);
    assert_int_equal(f->informer->promised, OF_CLUSTER);
    assert_in_range(tap_count(f->tap, MESSAGE_SYNC, "s/k0/hub"), OF_CLUSTER / 4, OF_CLUSTER);
    f->replica = NULL;
}

/* ---- not all at once ---- */

#define HERD 30

static void hub_start_deaf(struct fixture *f)
{
    static const struct transport_callbacks callbacks = {
        .connected = hub_connected, .disconnected = hub_disconnected, .message = hub_message};
    static const struct informer_ops ops = {0};
    struct informer_options options = {.name = "hub", .topics = f->wire.topics};
    f->transport = loopback_create(f->wire.broker, &(struct loopback_options){.name = "hub"});
    f->informer = informer_create(f->wire.loop, f->transport, &options, &ops, f);
    transport_start(f->transport, &callbacks, f);
    run(f, LOOP_SECOND);
}

/* Until all are. */
static void answer_all(struct fixture *f, uint64_t epoch)
{
    while (!cluster_synced(cluster(f))) {
        struct informer_replica *r = NULL;
        while ((r = cluster_next_replica(cluster(f), r))) {
            topics_text topic;
            topics_stream(&f->wire.topics, "k0", "hub", &r->gvr, topic);
            if (r->snapshot)
                tap_say(f->tap, topic,
                        &(struct message){
                            .kind = MESSAGE_EQUAL, .nonce = snapshot_nonce(r->snapshot), .epoch = epoch});
        }
        run(f, 10 * LOOP_MS);
    }
}

/* When, of so many streams that one provider has for us alone, each was asked for once it has begun anew: ms
 * from then on. */
static void ask_times(uint64_t seed, int64_t *times)
{
    struct fixture f = {0};
    wire_init(&f.wire, seed);
    f.tap = tap_create(&f.wire);
    hub_start_deaf(&f);
    say_alive(&f, "k0");
    run(&f, 10 * LOOP_MS);
    say_streams(&f, "k0", "hub", HERD, 31);
    run(&f, 10 * LOOP_MS);
    answer_all(&f, 31);
    run(&f, 20 * LOOP_SECOND);
    size_t before = tap_count(f.tap, MESSAGE_SYNC, "s/k0/hub"), now = 0;
    say_streams(&f, "k0", "hub", HERD, 32);
    for (int64_t ms = 0; ms < 600; ms++) {
        for (; now < tap_count(f.tap, MESSAGE_SYNC, "s/k0/hub") - before; now++)
            times[now] = ms;
        run(&f, LOOP_MS);
    }
    assert_int_equal(now, HERD);
    hub_stop(&f);
    tap_destroy(f.tap);
    wire_deinit(&f.wire);
}

/* All who have streams of one provider hear at once that it has begun anew. When they ask is spread by
 * chance, and the chance is the loop's: the same seed, the same times. */
static void test_a_herd_is_spread_by_the_seed(void **state)
{
    (void)state;
    int64_t once[HERD], again[HERD], other[HERD];
    ask_times(1, once);
    ask_times(1, again);
    ask_times(2, other);
    assert_memory_equal(once, again, sizeof(once));
    assert_memory_not_equal(once, other, sizeof(once));
    assert_in_range(once[0], 0, 100);
    assert_in_range(once[HERD - 1], 400, 510);
    assert_in_range(once[HERD / 2], 150, 350);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ENDS(way) TEST(test_credit_comes_back_where_it_##way)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_budget_is_never_passed),
        cmocka_unit_test(test_one_alone_begins_slowly),
        cmocka_unit_test(test_shares_are_small_where_many_wait),
        cmocka_unit_test(test_a_cluster_has_half),
        cmocka_unit_test(test_more_answers_than_were_promised),
        cmocka_unit_test(test_more_answers_while_nothing_is_left),
        ENDS(ends_by_equal),
        ENDS(ends_by_a_snapshot),
        ENDS(ends_by_an_end),
        ENDS(ends_by_what_makes_no_sense),
        ENDS(ends_by_an_answer_too_early),
        ENDS(ends_by_another_root),
        ENDS(ends_by_no_answer),
        ENDS(ends_by_the_bounds),
        ENDS(ends_by_silence),
        ENDS(ends_by_a_goodbye),
        ENDS(ends_by_a_stream_that_is_not_published),
        TEST(test_providers_take_turns),
        TEST(test_one_provider_waits_for_its_own),
        cmocka_unit_test(test_a_herd_is_spread_by_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
