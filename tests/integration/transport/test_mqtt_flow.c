/* More than either side can take at once: nothing is lost, nothing grows, and nobody hangs. */
#include "tests/integration/transport/broker.h"
#include "tests/integration/transport/watcher.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"

#define FLOOD 3000

struct flow {
    struct broker broker;
    char url[64];
};

static int flow_up(void **state)
{
    struct flow *flow = mem_zalloc(sizeof(*flow));
    *state = flow;
    broker_init(&flow->broker);
    broker_start(&flow->broker, "allow_anonymous true\nlog_type all\n");
    snprintf(flow->url, sizeof(flow->url), "tcp://127.0.0.1:%u", flow->broker.port);
    return 0;
}

static int flow_down(void **state)
{
    struct flow *flow = *state;
    broker_deinit(&flow->broker);
    free(flow);
    return 0;
}

static struct watcher *listener(const struct mqtt_options *options)
{
    struct watcher *watcher = watcher_create(options);
    transport_subscribe(watcher->transport, "flood", 1);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    return watcher;
}

/* From another process, while the listener's loop stands still: 0, 1, 2 … with some text behind. */
static void flood(const struct flow *flow)
{
    run_command("seq -f '%%.0f %0200d' 0 %d | mosquitto_pub -h 127.0.0.1 -p %u -q 1 -t flood -l", 0,
                FLOOD - 1, flow->broker.port);
}

/* The listener has read, and so acknowledged, little more than its bound: the rest waits at the broker. */
static void check_broker_holds_back(const struct flow *flow)
{
    run_command("test $(grep -c 'Received PUBACK from watcher' %s/log) -lt 200", flow->broker.directory);
}

static void check_slow_listener(const struct mqtt_options *options, const struct flow *flow)
{
    struct watcher *watcher = listener(options);
    flood(flow);
    check_broker_holds_back(flow);
    assert_int_equal(watcher->messages, 0);
    watcher_wait(watcher, watcher_heard, FLOOD);
    assert_int_equal(watcher->messages, FLOOD);
    assert_int_equal(watcher->out_of_order, 0);
    assert_int_equal(watcher->disconnected, 0);
    watcher_destroy(watcher);
}

static void test_slow_listener_bound_by_messages(void **state)
{
    struct flow *flow = *state;
    check_slow_listener(&(struct mqtt_options){.broker = flow->url, .inbound_count = 10}, flow);
}

static void test_slow_listener_bound_by_bytes(void **state)
{
    struct flow *flow = *state;
    check_slow_listener(&(struct mqtt_options){.broker = flow->url, .inbound_bytes = 4000}, flow);
}

static void test_destroy_amid_a_flood(void **state)
{
    struct flow *flow = *state;
    struct watcher *watcher = listener(&(struct mqtt_options){.broker = flow->url, .inbound_count = 10});
    flood(flow);
    watcher_wait(watcher, watcher_heard, 1);
    int64_t before_us = loop_now_us(watcher->loop);
    transport_destroy(watcher->transport);
    assert_in_range(loop_now_us(watcher->loop) - before_us, 0, 2 * LOOP_SECOND);
    watcher->transport = NULL;
    size_t heard = watcher->messages;
    watcher_destroy(watcher);
    assert_in_range(heard, 1, FLOOD);
}

static void test_broker_dies_amid_a_flood(void **state)
{
    struct flow *flow = *state;
    struct watcher *watcher = listener(&(struct mqtt_options){.broker = flow->url, .inbound_count = 10});
    flood(flow);
    watcher_wait(watcher, watcher_heard, 1);
    broker_kill(&flow->broker);
    watcher_wait(watcher, watcher_disconnected, 1);
    broker_start(&flow->broker, "allow_anonymous true\n");
    watcher_wait(watcher, watcher_connected, 2);
    watcher_destroy(watcher);
}

/* Publishes as much as fits, for as often as asked. */
static size_t publish_all(struct watcher *watcher, size_t count)
{
    char payload[4000] = "";
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(payload, sizeof(payload), "%zu", i);
        payload[n] = ' ';
        if (transport_publish(watcher->transport, "flood", payload, sizeof(payload), 1, false) != 0)
            return i;
    }
    return count;
}

static void test_goodbye_sends_everything(void **state)
{
    struct flow *flow = *state;
    struct watcher *hearer = listener(&(struct mqtt_options){.broker = flow->url});
    struct watcher *talker =
        watcher_create(&(struct mqtt_options){.broker = flow->url, .will_topic = "flood"});
    watcher_start(talker);
    watcher_wait(talker, watcher_connected, 1);
    assert_int_equal(publish_all(talker, 500), 500);
    watcher_destroy(talker);
    watcher_wait(hearer, watcher_heard, 500);
    assert_int_equal(hearer->out_of_order, 0);
    watcher_destroy(hearer);
}

static void on_resume(void *arg)
{
    kill(((struct broker *)arg)->pid, SIGCONT);
}

/* One whose broker stands still, with ten messages for it. */
static struct watcher *talker_before_a_still_broker(struct flow *flow)
{
    struct watcher *talker =
        watcher_create(&(struct mqtt_options){.broker = flow->url, .will_topic = "flood"});
    watcher_start(talker);
    watcher_wait(talker, watcher_connected, 1);
    kill(flow->broker.pid, SIGSTOP);
    assert_int_equal(publish_all(talker, 10), 10);
    return talker;
}

/* What wakes the broker is a timer of the loop that says goodbye. */
static void test_goodbye_leaves_the_loop_to_others(void **state)
{
    struct flow *flow = *state;
    struct timer resume;
    struct watcher *hearer = listener(&(struct mqtt_options){.broker = flow->url});
    struct watcher *talker = talker_before_a_still_broker(flow);
    timer_init(&resume, talker->loop, on_resume, &flow->broker);
    timer_start(&resume, 0);
    watcher_destroy(talker);
    run_command("mosquitto_pub -h 127.0.0.1 -p %u -q 1 -t flood -m 10", flow->broker.port);
    watcher_wait(hearer, watcher_heard, 11);
    assert_int_equal(hearer->out_of_order, 0); /* nor is there a will */
    watcher_destroy(hearer);
}

static void test_goodbye_to_nobody_has_an_end(void **state)
{
    struct flow *flow = *state;
    watcher_destroy(talker_before_a_still_broker(flow));
    on_resume(&flow->broker);
}

static void test_outbound_is_bounded(void **state)
{
    struct flow *flow = *state;
    struct watcher *watcher =
        watcher_create(&(struct mqtt_options){.broker = flow->url, .outbound_count = 20});
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    assert_int_equal(publish_all(watcher, 100), 20);
    assert_int_equal(transport_in_flight(watcher->transport), 20 * 4000);
    watcher_wait(watcher, watcher_idle, 0);
    assert_int_equal(publish_all(watcher, 100), 20);
    watcher_destroy(watcher);

    watcher = watcher_create(&(struct mqtt_options){.broker = flow->url, .outbound_bytes = 50000});
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    assert_int_equal(publish_all(watcher, 100), 12);
    watcher_destroy(watcher);
}

int main(void)
{
#define FLOW(function) cmocka_unit_test_setup_teardown(function, flow_up, flow_down)
    const struct CMUnitTest tests[] = {
        FLOW(test_slow_listener_bound_by_messages),
        FLOW(test_slow_listener_bound_by_bytes),
        FLOW(test_destroy_amid_a_flood),
        FLOW(test_broker_dies_amid_a_flood),
        FLOW(test_goodbye_sends_everything),
        FLOW(test_goodbye_leaves_the_loop_to_others),
        FLOW(test_goodbye_to_nobody_has_an_end),
        FLOW(test_outbound_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
