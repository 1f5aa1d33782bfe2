/* Informers that run under one name: each is sent what the others have asked for, and none is worse off. */
#include "informer/informer_internal.h"
#include "tests/unit/informer/hand.h"

#define OBJECTS 3000

#define MANY 6 /* more than a provider answers at a time */

/* ---- the others ---- */

struct namesake {
    struct fixture *f; /* of the first one */
    struct transport *transport;
    struct informer *informer;
};

static void other_connected(void *arg)
{
    informer_on_connected(((struct namesake *)arg)->informer);
}

static void other_disconnected(void *arg, const char *reason)
{
    (void)reason;
    informer_on_disconnected(((struct namesake *)arg)->informer);
}

static void other_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    informer_on_message(((struct namesake *)arg)->informer, topic, payload, len);
}

static void namesake_start_as(struct namesake *n, const char *client)
{
    static const struct transport_callbacks callbacks = {
        .connected = other_connected, .disconnected = other_disconnected, .message = other_message};
    static const struct informer_ops ops = {0};
    struct informer_options options = {.name = "hub", .topics = n->f->wire.topics};
    n->transport = loopback_create(n->f->wire.broker, &(struct loopback_options){.name = client});
    n->informer = informer_create(n->f->wire.loop, n->transport, &options, &ops, n);
    transport_start(n->transport, &callbacks, n);
}

static void namesake_start(struct namesake *n)
{
    namesake_start_as(n, "hub-2");
}

static void namesake_stop(struct namesake *n)
{
    informer_destroy(n->informer);
    transport_destroy(n->transport);
}

static int start_nobody(void **state)
{
    struct namesake *n = mem_zalloc(sizeof(*n));
    setup((void **)&n->f);
    *state = n;
    return 0;
}

static int stop_both(void **state)
{
    struct namesake *n = *state;
    if (n->informer)
        namesake_stop(n);
    teardown((void **)&n->f);
    free(n);
    return 0;
}

static void check_other_in_sync(const struct namesake *n)
{
    struct informer_cluster *c = informer_next_cluster(n->informer, NULL);
    struct informer_replica *replica = cluster_next_replica(c, NULL);
    assert_true(replica_synced(replica));
    assert_true(digest_equal(store_root(replica_store(replica)), store_root(n->f->pods)));
}

/* Objects and a way so slow that what two ask for at the same time overlaps. */
static void start_slow(struct fixture *f)
{
    put_pods(f, OBJECTS);
    start_provider(f, NULL);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = 200 * LOOP_MS,
                                                                         .delay_max_us = 200 * LOOP_MS});
    run(f, 2 * LOOP_SECOND);
}

/* ---- tests ---- */

static void test_both_get_a_snapshot(void **state)
{
    struct namesake *other = *state;
    struct fixture *f = other->f;
    start_slow(f);
    hub_start(f, NULL, 0);
    namesake_start(other);
    run(f, 3 * LOOP_SECOND);
    assert_false(replica_synced(f->replica)); /* both are in the middle of it */
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_snapshot, 2);
    run(f, 30 * LOOP_SECOND);
    check_in_sync(f);
    check_other_in_sync(other);
    assert_int_equal(stats(f)->syncs_failed + informer_stats(other->informer)->syncs_failed, 0);
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_snapshot, 2);
    assert_in_range(stats(f)->namesakes, 1, UINT64_MAX);
    assert_int_equal(stats(f)->namesakes, stats(f)->unasked);
}

static void test_both_are_repaired(void **state)
{
    struct namesake *other = *state;
    struct fixture *f = other->f;
    start_slow(f);
    hub_start(f, NULL, 0);
    namesake_start(other);
    run(f, 40 * LOOP_SECOND);
    publishing_kill(&f->p);
    for (int i = 0; i < OBJECTS; i += 3) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
    }
    start_provider(f, NULL);
    run(f, 30 * LOOP_SECOND);
    check_in_sync(f);
    check_other_in_sync(other);
    assert_int_equal(stats(f)->syncs_repair, 1);
    assert_int_equal(informer_stats(other->informer)->syncs_repair, 1);
    assert_int_equal(stats(f)->syncs_failed + informer_stats(other->informer)->syncs_failed, 0);
}

/* Each of them is sent a whole copy, once: those who are too many at a time have their turn later. */
static void test_any_number_of_them(void **state)
{
    struct fixture *f = ((struct namesake *)*state)->f;
    struct namesake others[MANY];
    start_slow(f);
    hub_start(f, NULL, 0);
    for (int i = 0; i < MANY; i++) {
        char client[16];
        snprintf(client, sizeof(client), "hub-%d", i + 2);
        others[i] = (struct namesake){.f = f};
        namesake_start_as(&others[i], client);
    }
    run(f, 120 * LOOP_SECOND);
    check_in_sync(f);
    for (int i = 0; i < MANY; i++) {
        check_other_in_sync(&others[i]);
        namesake_stop(&others[i]);
    }
    assert_int_equal(publisher_stats(f->p.publisher)->syncs_snapshot, MANY + 1);
    assert_int_not_equal(publisher_stats(f->p.publisher)->syncs_refused, 0);
}

static size_t lines_in(const char *text)
{
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

/* Said once, and not of the run before this one, whose answers may come for a while, nor of our own that come
 * late. */
static void test_it_is_said(void **state)
{
    struct fixture *f = ((struct namesake *)*state)->f;
    struct hand h;
    char *said = NULL;
    size_t said_len;
    struct log log = {.out = open_memstream(&said, &said_len), .level = LOG_LEVEL_WARN};
    f->log = &log;
    hand_start(&h, f);
    uint64_t nonce = hand_nonce(&h);
    for (int i = 0; i < 10; i++)
        hand_equal(&h, nonce);
    assert_int_equal(stats(f)->unasked, 10);
    assert_int_equal(stats(f)->namesakes, 0);
    for (uint64_t i = 0; i < 10; i++)
        hand_equal(&h, 1000 + i);
    assert_int_equal(stats(f)->namesakes, 10);
    run(f, 60 * LOOP_SECOND);
    hand_equal(&h, nonce);
    fflush(log.out);
    assert_int_equal(lines_in(said), 0);
    for (uint64_t i = 0; i < 10; i++)
        hand_equal(&h, 1000 + i);
    hub_stop(f);
    fclose(log.out);
    assert_int_equal(lines_in(said), 1);
    assert_non_null(strstr(said, "other informers run as 'hub'"));
    free(said);
    f->replica = NULL;
    hand_stop(&h);
}

/* All nonces of a run have its half in common, and are none the less each another one. */
static void test_a_run_is_in_its_nonces(void **state)
{
    struct namesake *other = *state;
    struct fixture *f = other->f;
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    struct hand h = {.f = f, .boot = 11, .epoch = 21};
    script_init(&h.script, ENCODING_ZSTD);
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    uint64_t first = hand_nonce(&h);
    for (int i = 0; i < 10; i++) {
        run(f, LOOP_SECOND);
        hand_heartbeat(&h);
    }
    uint64_t second = hand_nonce(&h);
    assert_true(first != second);
    assert_int_equal(nonce_run(first), nonce_run(second));
    namesake_start(other);
    run(f, LOOP_SECOND);
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    struct informer_cluster *c = informer_next_cluster(other->informer, NULL);
    const struct informer_replica *replica = cluster_next_replica(c, NULL);
    assert_int_not_equal(nonce_run(snapshot_nonce(replica->snapshot)), nonce_run(first));
    hand_stop(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_nobody, stop_both)
    const struct CMUnitTest tests[] = {
        TEST(test_both_get_a_snapshot), TEST(test_both_are_repaired),      TEST(test_any_number_of_them),
        TEST(test_it_is_said),          TEST(test_a_run_is_in_its_nonces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
