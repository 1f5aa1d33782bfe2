/* How a publisher keeps its presence right, which the broker retains, and others may write or damage. */
#include "tests/support/messages.h"
#include "tests/support/publishing.h"

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

static void start(struct fixture *f, struct publishing_options options)
{
    options.pods = f->pods;
    publishing_start(&f->p, &f->wire, &options);
    wire_run(&f->wire, LOOP_SECOND);
}

static void run(struct fixture *f, int64_t us)
{
    wire_run(&f->wire, us);
}

static const struct publisher_stats *stats(struct fixture *f)
{
    return publisher_stats(f->p.publisher);
}

static bool retained_alive(struct fixture *f)
{
    struct presence presence = {0};
    struct tap *late = tap_create(&f->wire);
    const struct heard *heard = tap_last(late, MESSAGE_PRESENCE, "p/c1");
    if (heard)
        assert_int_equal(presence_parse(heard->message.body, &presence), 0);
    tap_destroy(late);
    return presence.alive;
}

static void test_a_late_will_is_put_right(void **state)
{
    struct fixture *f = *state;
    struct publishing old;
    publishing_start(&old, &f->wire, &(struct publishing_options){.pods = f->pods});
    run(f, LOOP_SECOND);
    loopback_cut(old.transport);
    start(f, (struct publishing_options){0});
    run(f, 10 * LOOP_SECOND);
    assert_true(retained_alive(f));
    run(f, 6 * LOOP_SECOND); /* the broker gives the old one up, and says its will */
    assert_int_equal(stats(f)->conflicts, 0);
    run(f, 5 * LOOP_SECOND);
    assert_true(retained_alive(f));
    publishing_kill(&old);
}

/* A bit may flip on the way to the broker, and what it retains then tells those who come later nothing. */
static void test_a_presence_that_was_damaged_is_put_right(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    run(f, LOOP_SECOND);
    tap_say_bytes(f->tap, "p/c1", "T", 1, true);
    run(f, LOOP_SECOND);
    assert_false(retained_alive(f));
    run(f, 5 * LOOP_SECOND);
    assert_true(retained_alive(f));
}

/* In the plain form such a presence may be one that can be understood, and tell of another cluster. */
static void test_a_presence_that_says_something_else_is_put_right(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    const struct message *said = &tap_last(f->tap, MESSAGE_PRESENCE, "p/c1")->message;
    struct presence presence = {0};
    assert_int_equal(presence_parse(said->body, &presence), 0);
    presence.cluster[4] ^= 1;
    struct buf body = BUF_INIT(4096);
    presence_format(&body, &presence);
    struct message damaged = {.kind = MESSAGE_PRESENCE, .boot = said->boot, .body = {body.data, body.len}};
    tap_clear(f->tap);
    tap_say(f->tap, "p/c1", &damaged);
    run(f, 5 * LOOP_SECOND);
    assert_int_equal(presence_parse(tap_last(f->tap, MESSAGE_PRESENCE, "p/c1")->message.body, &presence), 0);
    assert_string_equal(presence.cluster, "uid-1");
    run(f, 60 * LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, MESSAGE_PRESENCE, "p/c1"), 2);
    buf_deinit(&body);
}

static bool lose_presence(void *arg, const struct loopback_passage *passage)
{
    (void)arg;
    return !passage->to_client && strcmp(passage->topic, "p/c1") == 0;
}

/* MQTT 3.1.1 acknowledges what it denies: only that our own presence stays away tells. */
static void test_a_silent_denial_is_noticed(void **state)
{
    struct fixture *f = *state;
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.lose_this = lose_presence});
    start(f, (struct publishing_options){0});
    run(f, 40 * LOOP_SECOND);
    assert_int_equal(stats(f)->unheard, 1);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){0});
    run(f, 20 * LOOP_SECOND);
    assert_true(retained_alive(f)); /* it was said again */
    loopback_break(f->p.transport);
    run(f, 40 * LOOP_SECOND);
    assert_int_equal(stats(f)->unheard, 1);
}

static void test_a_farewell_is_retained(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    publishing_stop(&f->p);
    run(f, 10 * LOOP_SECOND);
    assert_false(retained_alive(f));
}

static void test_two_providers_of_one_name(void **state)
{
    struct fixture *f = *state;
    struct publishing other;
    start(f, (struct publishing_options){0});
    publishing_start(&other, &f->wire, &(struct publishing_options){.pods = f->pods});
    run(f, 10 * LOOP_SECOND);
    assert_true(stats(f)->conflicts > 0);
    assert_true(publisher_stats(other.publisher)->conflicts > 0);
    publishing_stop(&other);
}

/* The presence of a run that died unseen is still retained when we come. */
static void test_what_a_run_before_left_is_no_conflict(void **state)
{
    struct fixture *f = *state;
    struct publishing old;
    publishing_start(&old, &f->wire, &(struct publishing_options){.pods = f->pods});
    run(f, LOOP_SECOND);
    loopback_cut(old.transport);
    start(f, (struct publishing_options){0});
    run(f, 5 * LOOP_SECOND);
    assert_int_equal(stats(f)->conflicts, 0);
    publishing_kill(&old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_late_will_is_put_right),
        TEST(test_a_presence_that_was_damaged_is_put_right),
        TEST(test_a_presence_that_says_something_else_is_put_right),
        TEST(test_a_silent_denial_is_noticed),
        TEST(test_a_farewell_is_retained),
        TEST(test_two_providers_of_one_name),
        TEST(test_what_a_run_before_left_is_no_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
