/* An informer on two connections: live deltas on the first, answers on the second. */
#include "tests/unit/informer/informer_fixture.h"

#include "informer/inlet.h"

struct two {
    struct fixture f; /* without its own informer's transport */
    struct transport *first_transport, *second_transport;
    struct connection *first, *second;
};

static bool is_stream(const char *topic, const char *audience)
{
    return strncmp(topic, audience, strlen(audience)) == 0;
}

/* What comes over the wrong connection. */
static bool astray(void *arg, const struct loopback_passage *passage)
{
    size_t *count = arg;
    if (passage->to_client && strcmp(passage->client, "first") == 0)
        *count += is_stream(passage->topic, "p/c1/hub/");
    if (passage->to_client && strcmp(passage->client, "second") == 0)
        *count += !is_stream(passage->topic, "p/c1/hub");
    return false;
}

static struct connection *connect_as(struct two *two, const char *name, struct transport **transport)
{
    *transport = loopback_create(two->f.wire.broker,
                                 &(struct loopback_options){.name = name, .keepalive_us = LOOP_SECOND});
    return connection_over(*transport, NULL, "loopback");
}

static void two_open(struct two *two)
{
    static const struct informer_ops ops = {.replica = on_replica, .synced = on_synced, .stale = on_stale};
    wire_init(&two->f.wire, 1);
    struct informer_options options = {.name = "hub", .topics = two->f.wire.topics};
    two->f.tap = tap_create(&two->f.wire);
    two->f.pods = store_create();
    put_pods(&two->f, 200);
    start_provider(&two->f, NULL);
    two->first = connect_as(two, "first", &two->first_transport);
    two->second = connect_as(two, "second", &two->second_transport);
    two->f.informer = inlet_create(two->f.wire.loop, two->first, two->second, &options, &ops, &two->f);
    connection_start(two->first);
}

static void two_close(struct two *two)
{
    store_unobserve(replica_store(two->f.replica), &two->f.observer);
    informer_destroy(two->f.informer);
    connection_destroy(two->first);
    connection_destroy(two->second);
    publishing_stop(&two->f.p);
    tap_destroy(two->f.tap);
    store_destroy(two->f.pods);
    wire_deinit(&two->f.wire);
}

static void test_each_connection_brings_its_own(void **state)
{
    (void)state;
    struct two two = {0};
    size_t count = 0;
    two_open(&two);
    loopback_broker_set_faults(two.f.wire.broker,
                               &(struct loopback_faults){.lose_this = astray, .arg = &count});
    connection_start(two.second);
    run(&two.f, 3 * LOOP_SECOND);
    check_in_sync(&two.f);
    put(two.f.pods, "pod-3", 2);
    run(&two.f, LOOP_SECOND);
    check_in_sync(&two.f);
    assert_int_equal(two.f.modified, 1);
    assert_int_equal(count, 0);
    two_close(&two);
}

static void test_nothing_is_asked_before_answers_can_come(void **state)
{
    (void)state;
    struct two two = {0};
    two_open(&two);
    run(&two.f, 30 * LOOP_SECOND);
    assert_int_equal(tap_count(two.f.tap, MESSAGE_SYNC, SIGNALS), 0);
    connection_start(two.second);
    run(&two.f, 3 * LOOP_SECOND);
    check_in_sync(&two.f);
    assert_int_equal(stats(&two.f)->syncs_failed, 0);
    two_close(&two);
}

static void test_without_the_second_live_deltas_go_on(void **state)
{
    (void)state;
    struct two two = {0};
    two_open(&two);
    connection_start(two.second);
    run(&two.f, 3 * LOOP_SECOND);
    loopback_cut(two.second_transport);
    run(&two.f, 5 * LOOP_SECOND);
    put(two.f.pods, "pod-3", 2);
    run(&two.f, LOOP_SECOND);
    check_in_sync(&two.f);
    assert_int_equal(two.f.stale, 0);

    loopback_break(two.first_transport); /* a change is missed, and cannot be asked for yet */
    put(two.f.pods, "pod-4", 2);
    run(&two.f, 30 * LOOP_SECOND);
    assert_int_equal(tap_count(two.f.tap, MESSAGE_SYNC, SIGNALS), 1);
    loopback_join(two.second_transport);
    run(&two.f, 40 * LOOP_SECOND);
    check_in_sync(&two.f);
    two_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_connection_brings_its_own),
        cmocka_unit_test(test_nothing_is_asked_before_answers_can_come),
        cmocka_unit_test(test_without_the_second_live_deltas_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
