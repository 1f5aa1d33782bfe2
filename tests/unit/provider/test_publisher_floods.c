/* A publisher before informers that ask without end, or never go on: what it says stays bounded, and whoever
 * asks decently is answered. */
#include "tests/support/messages.h"
#include "tests/support/publishing.h"

#include "provider/askers.h"

#define PATH "all/core/v1/pods"

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods;
    struct publishing p;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    put(f->pods, "a", 1);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods});
    wire_run(&f->wire, LOOP_SECOND);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    publishing_stop(&f->p);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static void run(struct fixture *f, int64_t us)
{
    wire_run(&f->wire, us);
}

static const struct publisher_stats *stats(const struct fixture *f)
{
    return publisher_stats(f->p.publisher);
}

static void say_sync(struct fixture *f, const char *informer, const char *path, const struct store *have,
                     uint64_t nonce)
{
    char topic[64];
    snprintf(topic, sizeof(topic), "s/c1/%s", informer);
    struct message sync = {.kind = MESSAGE_SYNC, .nonce = nonce, .credit = 16, .body = {path, strlen(path)}};
    if (have) {
        sync.root = store_root(have);
        sync.count = store_count(have);
    }
    tap_say(f->tap, topic, &sync);
}

static void say_whois(struct fixture *f, const char *topic)
{
    tap_say(f->tap, topic, &(struct message){.kind = MESSAGE_WHOIS});
}

/* A whois of 9 bytes is answered with a presence and two catalogs. */
static void test_a_flood_of_whois(void **state)
{
    struct fixture *f = *state;
    tap_clear(f->tap);
    for (int second = 0; second < 60; second++) {
        for (int i = 0; i < 100; i++) {
            say_whois(f, i % 2 ? "s/c1/loud" : "s/all/loud");
            run(f, 10 * LOOP_MS);
        }
    }
    assert_in_range(tap_count(f->tap, MESSAGE_CATALOG, "p/c1/all"), 30, 70);
    assert_in_range(tap_count(f->tap, MESSAGE_PRESENCE, "p/c1"), 30, 70);
    assert_in_range(stats(f)->excess, 5900, 6000);
    for (int i = 0; i < 100; i++)
        say_whois(f, "s/c1/loud");
    run(f, 5 * LOOP_MS);
    tap_clear(f->tap);
    say_whois(f, "s/c1/quiet");
    run(f, 5 * LOOP_MS);
    assert_int_equal(tap_count(f->tap, MESSAGE_CATALOG, "p/c1/all"), 1);
}

/* All at once, and then without end: at the rate that one informer is allowed. */
static void test_a_flood_of_syncs(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= 20000; i++)
        say_sync(f, "loud", PATH, f->pods, i);
    run(f, 100 * LOOP_MS);
    assert_in_range(stats(f)->syncs_equal, ASKER_SIGNALS_BURST, ASKER_SIGNALS_BURST + 500);
    uint64_t before = stats(f)->syncs_equal;
    for (int second = 0; second < 3; second++) {
        for (uint64_t i = 1; i <= 5000; i++)
            say_sync(f, "loud", PATH, f->pods, i);
        run(f, LOOP_SECOND);
    }
    assert_in_range(stats(f)->syncs_equal - before, 1000, 4000);
    assert_in_range(stats(f)->excess, 10000, 35000);
    say_sync(f, "quiet", PATH, f->pods, 1);
    run(f, LOOP_MS);
    assert_int_equal(tap_count(f->tap, MESSAGE_EQUAL, "p/c1/quiet/core/v1/pods"), 1);
}

static void test_syncs_for_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {
        "all/core/v1/nodes", "all", "", "other/core/v1/pods", "all//pods", "all/core/v1/pods/", "\xff/\xfe"};
    uint64_t before = stats(f)->messages;
    for (size_t i = 0; i < array_size(paths); i++)
        say_sync(f, "hub", paths[i], NULL, i + 1);
    run(f, 100 * LOOP_MS);
    assert_int_equal(stats(f)->syncs_refused, array_size(paths));
    assert_int_equal(stats(f)->messages, before);
}

/* Many informers ask, get their first chunks, and are never heard of again. */
static void test_transfers_that_never_get_credit(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 1);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "i%d", i);
        struct message sync = {.kind = MESSAGE_SYNC, .nonce = 7, .credit = 1, .body = {PATH, strlen(PATH)}};
        char topic[64];
        snprintf(topic, sizeof(topic), "s/c1/%s", name);
        tap_say(f->tap, topic, &sync);
    }
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs_snapshot, 64);
    assert_int_equal(stats(f)->syncs_refused, 200 - 64);
    run(f, 61 * LOOP_SECOND);
    say_sync(f, "hub", PATH, NULL, 8);
    run(f, LOOP_SECOND);
    assert_non_null(tap_last(f->tap, MESSAGE_CHUNK, "p/c1/hub/core/v1/pods"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_flood_of_whois),
        TEST(test_a_flood_of_syncs),
        TEST(test_syncs_for_what_is_not_there),
        TEST(test_transfers_that_never_get_credit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
