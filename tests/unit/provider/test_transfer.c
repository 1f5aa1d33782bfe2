/* Whose transfer takes the place of whose: runs of informers, spoken for by hand. */
#include "tests/support/messages.h"
#include "tests/support/publishing.h"

#define PATH "all/core/v1/pods"
#define OBJECTS 3000
#define NONCE(run, attempt) ((uint64_t)(run) << 32 | (attempt))

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods;
    struct publishing p;
};

static int setup_with(void **state, size_t max_payload)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 1);
    }
    publishing_start(&f->p, &f->wire,
                     &(struct publishing_options){.pods = f->pods, .max_payload = max_payload});
    wire_run(&f->wire, LOOP_SECOND);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, 1100);
}

static int setup_roomy(void **state)
{
    return setup_with(state, 1 << 20);
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

/* A sync of nothing, or credit for it. */
static void say(struct fixture *f, enum message_kind kind, const char *informer, uint64_t nonce,
                uint64_t credit)
{
    char topic[80];
    snprintf(topic, sizeof(topic), "s/c1/%s", informer);
    tap_say(f->tap, topic,
            &(struct message){.kind = kind,
                              .whole = kind == MESSAGE_SYNC,
                              .nonce = nonce,
                              .credit = credit,
                              .body = {PATH, strlen(PATH)}});
    wire_run(&f->wire, 100 * LOOP_MS);
}

/* Chunks that answer that nonce. */
static size_t chunks(struct fixture *f, uint64_t nonce)
{
    const struct heard *heard = NULL;
    size_t count = 0;
    while ((heard = tap_next(f->tap, heard, MESSAGE_CHUNK, NULL)))
        count += heard->message.nonce == nonce;
    return count;
}

/* Does it go on with more credit? */
static bool goes_on(struct fixture *f, const char *informer, uint64_t nonce)
{
    size_t before = chunks(f, nonce);
    say(f, MESSAGE_CREDIT, informer, nonce, before + 1);
    return chunks(f, nonce) == before + 1;
}

static void test_one_run_has_one(void **state)
{
    struct fixture *f = *state;
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 1), 2);
    assert_int_equal(chunks(f, NONCE(1, 1)), 2);
    assert_true(goes_on(f, "hub", NONCE(1, 1)));
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 2), 2);
    assert_int_equal(chunks(f, NONCE(1, 2)), 2);
    assert_false(goes_on(f, "hub", NONCE(1, 1)));
    assert_true(goes_on(f, "hub", NONCE(1, 2)));
}

static void test_two_of_one_name_go_on_beside_each_other(void **state)
{
    struct fixture *f = *state;
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 1), 2);
    say(f, MESSAGE_SYNC, "hub", NONCE(2, 1), 2);
    for (int i = 0; i < 3; i++) {
        assert_true(goes_on(f, "hub", NONCE(1, 1)));
        assert_true(goes_on(f, "hub", NONCE(2, 1)));
    }
    say(f, MESSAGE_SYNC, "hub", NONCE(2, 2), 2);
    assert_false(goes_on(f, "hub", NONCE(2, 1)));
    assert_true(goes_on(f, "hub", NONCE(1, 1)));
}

/* A name holds four places at most, however many it says it is; nobody who has one is broken off. Who comes
 * too many is answered once one of them is over. */
static void test_more_runs_than_places(void **state)
{
    struct fixture *f = *state;
    const struct publisher_stats *stats = publisher_stats(f->p.publisher);
    say(f, MESSAGE_SYNC, "other", NONCE(999, 1), 1);
    for (uint64_t run = 1; run <= 10; run++)
        say(f, MESSAGE_SYNC, "hub", NONCE(run, 1), 1);
    assert_int_equal(stats->syncs_refused, 6);
    for (uint64_t run = 1; run <= 10; run++)
        assert_int_equal(goes_on(f, "hub", NONCE(run, 1)), run <= 4);
    assert_true(goes_on(f, "other", NONCE(999, 1)));
    for (int i = 0; i < 6; i++) {
        wire_run(&f->wire, LOOP_SECOND);
        assert_true(goes_on(f, "hub", NONCE(1, 1)));
        assert_true(goes_on(f, "hub", NONCE(2, 1)));
    }
    say(f, MESSAGE_SYNC, "hub", NONCE(5, 2), 1);
    assert_true(goes_on(f, "hub", NONCE(5, 2)));
    assert_true(goes_on(f, "hub", NONCE(1, 1)));
    assert_true(goes_on(f, "hub", NONCE(2, 1)));
    assert_int_equal(stats->syncs_refused, 6);
}

/* One that was killed says nothing any more: the one after it takes its place, and nobody is sent what is
 * left.
 */
static void test_a_run_that_is_over_gives_its_place(void **state)
{
    struct fixture *f = *state;
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 1), 2);
    wire_run(&f->wire, 3 * LOOP_SECOND);
    assert_true(goes_on(f, "hub", NONCE(1, 1)));
    wire_run(&f->wire, 3 * LOOP_SECOND);
    say(f, MESSAGE_SYNC, "hub", NONCE(2, 1), 2);
    assert_true(goes_on(f, "hub", NONCE(1, 1))); /* heard three seconds ago: it may live */
    say(f, MESSAGE_SYNC, "other", NONCE(8, 1), 2);
    wire_run(&f->wire, 6 * LOOP_SECOND);
    say(f, MESSAGE_SYNC, "other", NONCE(9, 1), 2);
    assert_false(goes_on(f, "other", NONCE(8, 1)));
    assert_true(goes_on(f, "other", NONCE(9, 1)));
}

/* Nor is what it has taken for another informer's of that nonce. */
static void test_a_nonce_of_somebody_else(void **state)
{
    struct fixture *f = *state;
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 1), 2);
    say(f, MESSAGE_SYNC, "other", NONCE(2, 1), 2);
    assert_false(goes_on(f, "other", NONCE(1, 1)));
    assert_true(goes_on(f, "hub", NONCE(1, 1)));
}

/* What is read for it bounds a turn, however well it packs; and however much the transport takes. */
static void test_a_turn_is_bounded(void **state)
{
    enum { MANY = 40000, CHUNK = 128 << 10, TURN = 256 << 10 };
    struct fixture *f = *state;
    const struct publisher_stats *stats = publisher_stats(f->p.publisher);
    uint64_t most = 0, first;
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
    }
    wire_run(&f->wire, 10 * LOOP_SECOND);
    say(f, MESSAGE_SYNC, "hub", NONCE(1, 1), 1);
    first = stats->messages;
    tap_say(f->tap, "s/c1/hub",
            &(struct message){
                .kind = MESSAGE_CREDIT, .nonce = NONCE(1, 1), .credit = 1000, .body = {PATH, strlen(PATH)}});
    for (int64_t end = loop_now_us(f->wire.loop) + LOOP_SECOND; loop_now_us(f->wire.loop) < end;) {
        uint64_t before = stats->messages;
        loop_step(f->wire.loop);
        most = stats->messages - before > most ? stats->messages - before : most;
    }
    assert_in_range(stats->messages - first, store_size(f->pods) / CHUNK / 2, 1000);
    assert_in_range(most, 1, TURN / CHUNK + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_run_has_one),
        TEST(test_two_of_one_name_go_on_beside_each_other),
        TEST(test_more_runs_than_places),
        TEST(test_a_run_that_is_over_gives_its_place),
        TEST(test_a_nonce_of_somebody_else),
        cmocka_unit_test_setup_teardown(test_a_turn_is_bounded, setup_roomy, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
