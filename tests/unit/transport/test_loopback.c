/* The loopback keeps the transport's contract, and fails in the ways it is told to. */
#include "tests/support/transport_contract.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "transport/loopback.h"

/* -- the contract
 * --------------------------------------------------------------------------------------------------- */

static struct loop *seeded_loop(void)
{
    return loop_create_simulated(7);
}

static void *broker_create(struct loop *loop)
{
    return loopback_broker_create(loop);
}

static void broker_destroy(void *broker)
{
    loopback_broker_destroy(broker);
}

static void broker_down(void *broker)
{
    loopback_broker_down(broker);
}

static void broker_up(void *broker)
{
    loopback_broker_up(broker);
}

static struct transport *client_create(void *broker, const struct contract_client *options)
{
    return loopback_create(broker, &(struct loopback_options){
                                       .name = options->name,
                                       .will_topic = options->will_topic,
                                       .will_payload = "will",
                                       .will_len = 4,
                                       .will_retain = true,
                                       .window = options->window,
                                   });
}

static void client_break(void *broker, struct transport *transport)
{
    (void)broker;
    loopback_break(transport);
}

static const struct contract_backend simulated = {
    .loop_create = seeded_loop,
    .broker_create = broker_create,
    .broker_down = broker_down,
    .broker_up = broker_up,
    .broker_destroy = broker_destroy,
    .client_create = client_create,
    .client_break = client_break,
};

static struct contract_backend real(void)
{
    struct contract_backend backend = simulated;
    backend.loop_create = loop_create;
    return backend;
}

/* -- faults
 * ---------------------------------------------------------------------------------------------------------
 */

#define HEARD_MAX 2000

struct listener {
    int heard[HEARD_MAX];
    size_t count;
    int connected, disconnected, wills, damaged;
};

struct bench {
    struct loop *loop;
    struct loopback_broker *broker;
    struct transport *talker, *hearer;
    struct listener talked, listener;
};

static void on_connected(void *arg)
{
    ((struct listener *)arg)->connected++;
}

static void on_disconnected(void *arg, const char *reason)
{
    assert_non_null(reason);
    ((struct listener *)arg)->disconnected++;
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    struct listener *listener = arg;
    (void)retained;
    if (strcmp(topic, "will") == 0) {
        listener->wills++;
        return;
    }
    assert_int_equal(len, sizeof(int));
    assert_true(listener->count < HEARD_MAX);
    memcpy(&listener->heard[listener->count++], payload, sizeof(int));
}

static const struct transport_callbacks callbacks = {
    .connected = on_connected, .disconnected = on_disconnected, .message = on_message};

static struct bench *bench_create(uint64_t seed)
{
    struct bench *bench = mem_zalloc(sizeof(*bench));
    bench->loop = loop_create_simulated(seed);
    bench->broker = loopback_broker_create(bench->loop);
    bench->talker = loopback_create(bench->broker, &(struct loopback_options){.name = "talker",
                                                                              .will_topic = "will",
                                                                              .will_payload = "x",
                                                                              .will_len = 1});
    bench->hearer = loopback_create(bench->broker, &(struct loopback_options){.name = "hearer"});
    transport_subscribe(bench->hearer, "#", 1);
    transport_start(bench->talker, &callbacks, &bench->talked);
    transport_start(bench->hearer, &callbacks, &bench->listener);
    loop_run(bench->loop);
    assert_int_equal(bench->talked.connected, 1);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    transport_destroy(bench->talker);
    transport_destroy(bench->hearer);
    loopback_broker_destroy(bench->broker);
    loop_destroy(bench->loop);
    free(bench);
}

static void bench_faults(struct bench *bench, struct loopback_faults faults)
{
    loopback_broker_set_faults(bench->broker, &faults);
}

/* Publishes 0 … count - 1, alternating between so many topics. */
static void bench_talk(struct bench *bench, int count, int topics)
{
    for (int i = 0; i < count; i++) {
        char topic[16];
        snprintf(topic, sizeof(topic), "t/%d", i % topics);
        assert_int_equal(transport_publish(bench->talker, topic, &i, sizeof(i), 1, false), 0);
    }
}

/* How often a message came after one with a higher number that has the same remainder. */
static size_t overtakings(const struct listener *listener, int topics)
{
    size_t found = 0;
    for (size_t i = 0; i < listener->count; i++)
        for (size_t j = 0; j < i; j++)
            found += listener->heard[j] > listener->heard[i] &&
                     listener->heard[j] % topics == listener->heard[i] % topics;
    return found;
}

static void test_loses_a_share(void **state)
{
    (void)state;
    struct bench *bench = bench_create(1);
    bench_faults(bench, (struct loopback_faults){.lose = 0.1});
    bench_talk(bench, 1000, 1);
    loop_run(bench->loop);
    assert_in_range(bench->listener.count, 750, 870); /* 0.9 × 0.9 */
    assert_int_equal(transport_in_flight(bench->talker), 0);
    assert_int_equal(loopback_broker_stats(bench->broker).lost, 1000 - bench->listener.count);
    bench_destroy(bench);
}

static void test_repeats_a_share(void **state)
{
    (void)state;
    struct bench *bench = bench_create(2);
    bench_faults(bench, (struct loopback_faults){.repeat = 0.1});
    bench_talk(bench, 1000, 1);
    loop_run(bench->loop);
    assert_in_range(bench->listener.count, 1150, 1270);
    assert_int_equal(transport_in_flight(bench->talker), 0);
    bench_destroy(bench);
}

static void test_second_copy_comes_late(void **state)
{
    (void)state;
    struct bench *bench = bench_create(2);
    bench_faults(bench, (struct loopback_faults){.repeat = 1, .late_us = 20 * LOOP_SECOND});
    bench_talk(bench, 100, 1);
    int64_t start_us = loop_now_us(bench->loop);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 400);
    assert_in_range(loop_now_us(bench->loop) - start_us, 20 * LOOP_SECOND, 41 * LOOP_SECOND);
    bench_destroy(bench);
}

static void test_delays_keep_order_within_topics_only(void **state)
{
    (void)state;
    struct bench *bench = bench_create(3);
    bench_faults(bench, (struct loopback_faults){.delay_min_us = 1000, .delay_max_us = 900000});
    int64_t before_us = loop_now_us(bench->loop);
    bench_talk(bench, 500, 5);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 500);
    assert_int_equal(overtakings(&bench->listener, 5), 0);
    assert_true(overtakings(&bench->listener, 1) > 100);
    assert_in_range(loop_now_us(bench->loop) - before_us, 900000, 2 * 900000);
    bench_destroy(bench);
}

static void test_reorders_within_topics_if_asked(void **state)
{
    (void)state;
    struct bench *bench = bench_create(4);
    bench_faults(bench, (struct loopback_faults){.delay_max_us = 900000, .reorder = true});
    bench_talk(bench, 500, 1);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 500);
    assert_true(overtakings(&bench->listener, 1) > 100);
    bench_destroy(bench);
}

static void test_queue_overflows(void **state)
{
    (void)state;
    struct bench *bench = bench_create(5);
    bench_faults(bench, (struct loopback_faults){.queue_limit = 10});
    bench_talk(bench, 100, 1);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 10);
    assert_int_equal(loopback_broker_stats(bench->broker).overflowed, 90);
    bench_destroy(bench);
}

static void test_flips_one_bit(void **state)
{
    (void)state;
    struct bench *bench = bench_create(6);
    bench_faults(bench, (struct loopback_faults){.flip = 1});
    int sent = 0;
    assert_int_equal(transport_publish(bench->talker, "t", &sent, sizeof(sent), 1, false), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 1);
    assert_int_equal(loopback_broker_stats(bench->broker).flipped, 2); /* each way */
    int bits = __builtin_popcount((unsigned)bench->listener.heard[0]);
    assert_true(bits == 2 || bits == 0);
    bench_destroy(bench);
}

static bool lose_number_three(void *arg, const struct loopback_passage *passage)
{
    (void)arg;
    int number;
    memcpy(&number, passage->payload, sizeof(number));
    return passage->to_client && strcmp(passage->client, "hearer") == 0 && number == 3;
}

static void test_loses_what_it_is_told_to(void **state)
{
    (void)state;
    struct bench *bench = bench_create(7);
    bench_faults(bench, (struct loopback_faults){.lose_this = lose_number_three});
    bench_talk(bench, 6, 1);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 5);
    assert_int_equal(bench->listener.heard[2], 2);
    assert_int_equal(bench->listener.heard[3], 4);
    bench_destroy(bench);
}

static void test_short_cut_holds_everything_back(void **state)
{
    (void)state;
    struct bench *bench = bench_create(8);
    bench_faults(bench, (struct loopback_faults){.delay_max_us = 1000});
    loopback_cut(bench->hearer);
    bench_talk(bench, 50, 1);
    int64_t until_us = loop_now_us(bench->loop) + LOOP_SECOND;
    while (loop_now_us(bench->loop) < until_us && transport_in_flight(bench->talker))
        loop_step(bench->loop);
    assert_int_equal(bench->listener.count, 0);
    loopback_join(bench->hearer);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 50);
    assert_int_equal(overtakings(&bench->listener, 1), 0);
    assert_int_equal(bench->listener.disconnected, 0);
    bench_destroy(bench);
}

static void test_long_cut_ends_the_connection(void **state)
{
    (void)state;
    struct bench *bench = bench_create(9);
    loopback_cut(bench->talker);
    bench_talk(bench, 5, 1);
    while (bench->talked.disconnected < 2)
        loop_step(bench->loop);
    assert_int_equal(bench->listener.wills, 1);
    assert_int_equal(bench->listener.count, 0);
    assert_int_equal(transport_in_flight(bench->talker), 0);
    loopback_join(bench->talker);
    loop_run(bench->loop);
    assert_int_equal(bench->talked.connected, 2);
    assert_int_equal(bench->listener.count, 0);
    bench_destroy(bench);
}

static void test_kill_sends_some_and_the_will(void **state)
{
    (void)state;
    struct bench *bench = bench_create(10);
    bench_talk(bench, 100, 1);
    loopback_kill(bench->talker);
    bench->talker = NULL;
    loop_run(bench->loop);
    assert_int_equal(bench->listener.wills, 1);
    assert_in_range(bench->listener.count, 1, 99);
    assert_int_equal(bench->talked.disconnected, 0); /* nobody there to hear it */
    bench_destroy(bench);
}

static void test_killed_behind_a_cut_the_will_comes_late(void **state)
{
    (void)state;
    struct bench *bench = bench_create(11);
    loopback_cut(bench->talker);
    int64_t cut_us = loop_now_us(bench->loop);
    loopback_kill(bench->talker);
    bench->talker = NULL;
    assert_int_equal(bench->listener.wills, 0);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.wills, 1);
    assert_true(loop_now_us(bench->loop) - cut_us >= 15 * LOOP_SECOND);
    bench_destroy(bench);
}

static void test_doomed_client_dies_where_it_would_say_goodbye(void **state)
{
    (void)state;
    struct bench *bench = bench_create(10);
    bench_talk(bench, 100, 1);
    loopback_doom(bench->talker);
    transport_destroy(bench->talker);
    bench->talker = NULL;
    loop_run(bench->loop);
    assert_int_equal(bench->listener.wills, 1);
    assert_in_range(bench->listener.count, 1, 99);
    bench_destroy(bench);
}

static void retain_one(struct bench *bench)
{
    int value = 42;
    assert_int_equal(transport_publish(bench->talker, "kept", &value, sizeof(value), 1, true), 0);
    loop_run(bench->loop);
    assert_int_equal(bench->listener.count, 1);
}

static void test_restart_keeps_or_forgets_what_is_retained(void **state)
{
    (void)state;
    struct bench *bench = bench_create(11);
    retain_one(bench);
    for (int forget = 0; forget < 2; forget++) {
        loopback_broker_down(bench->broker);
        if (forget)
            loopback_broker_forget(bench->broker);
        loopback_broker_up(bench->broker);
        loop_run(bench->loop);
        assert_int_equal(bench->listener.count,
                         2); /* once more after the first restart, not after the second */
    }
    assert_int_equal(bench->listener.connected, 3);
    assert_int_equal(bench->listener.wills, 0);
    bench_destroy(bench);
}

static void run_with_everything(uint64_t seed, struct listener *heard)
{
    struct bench *bench = bench_create(seed);
    bench_faults(bench,
                 (struct loopback_faults){
                     .lose = 0.1, .repeat = 0.1, .delay_max_us = 5000, .reorder = true, .queue_limit = 400});
    bench_talk(bench, 300, 3);
    for (int i = 0; i < 200; i++)
        loop_step(bench->loop);
    loopback_break(bench->talker);
    loop_run(bench->loop);
    *heard = bench->listener;
    bench_destroy(bench);
}

static void test_a_seed_replays_exactly(void **state)
{
    (void)state;
    static struct listener first, again, other;
    run_with_everything(12, &first);
    run_with_everything(12, &again);
    run_with_everything(13, &other);
    assert_true(first.count > 0);
    assert_memory_equal(&first, &again, sizeof(first));
    assert_memory_not_equal(&first, &other, sizeof(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loses_a_share),
        cmocka_unit_test(test_repeats_a_share),
        cmocka_unit_test(test_second_copy_comes_late),
        cmocka_unit_test(test_delays_keep_order_within_topics_only),
        cmocka_unit_test(test_reorders_within_topics_if_asked),
        cmocka_unit_test(test_queue_overflows),
        cmocka_unit_test(test_flips_one_bit),
        cmocka_unit_test(test_loses_what_it_is_told_to),
        cmocka_unit_test(test_short_cut_holds_everything_back),
        cmocka_unit_test(test_long_cut_ends_the_connection),
        cmocka_unit_test(test_kill_sends_some_and_the_will),
        cmocka_unit_test(test_killed_behind_a_cut_the_will_comes_late),
        cmocka_unit_test(test_doomed_client_dies_where_it_would_say_goodbye),
        cmocka_unit_test(test_restart_keeps_or_forgets_what_is_retained),
        cmocka_unit_test(test_a_seed_replays_exactly),
    };
    const struct contract_backend on_real_loop = real();
    int failed = contract_run("contract, simulated loop", &simulated);
    failed += contract_run("contract, real loop", &on_real_loop);
    failed += cmocka_run_group_tests_name("faults", tests, NULL, NULL);
    return failed;
}
