/* The pipe between the loop and the network thread; both sides are played here by one thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "transport/mqtt_pipe.h"

struct bench {
    uv_loop_t loop;
    uv_async_t async;
    int calls;
    struct mqtt_pipe *pipe;
};

static void on_async(uv_async_t *async)
{
    ((struct bench *)async->data)->calls++;
}

static int bench_up(void **state)
{
    struct bench *bench = mem_zalloc(sizeof(*bench));
    *state = bench;
    uv_loop_init(&bench->loop);
    uv_async_init(&bench->loop, &bench->async, on_async);
    bench->async.data = bench;
    bench->pipe = mqtt_pipe_create(&bench->async, 1000, 4);
    assert_non_null(bench->pipe);
    return 0;
}

static int bench_down(void **state)
{
    struct bench *bench = *state;
    uv_close((uv_handle_t *)&bench->async, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    free(bench);
    return 0;
}

static int calls(struct bench *bench)
{
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    int calls = bench->calls;
    bench->calls = 0;
    return calls;
}

static bool wake_fd_readable(const struct bench *bench)
{
    struct pollfd fd = {.fd = mqtt_pipe_wake_fd(bench->pipe), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void report(struct bench *bench, size_t count, size_t len)
{
    struct mqtt_items items = {0};
    struct mqtt_released released = {0};
    cleanup_free char *payload = mem_zalloc(len + 1);
    for (size_t i = 0; i < count; i++)
        mqtt_items_append(&items, mqtt_item_create(MQTT_ITEM_MESSAGE, "t", payload, len));
    mqtt_pipe_report(bench->pipe, &items, &released);
    assert_null(items.first);
}

static size_t receive(struct bench *bench, struct mqtt_released *released)
{
    struct mqtt_items items = {0};
    mqtt_pipe_receive(bench->pipe, &items, released);
    size_t count = items.count;
    mqtt_items_clear(&items);
    return count;
}

static bool full(struct bench *bench)
{
    struct mqtt_items items = {0};
    bool full = false;
    mqtt_pipe_take(bench->pipe, &items, &full);
    mqtt_items_clear(&items);
    return full;
}

static void finish(struct bench *bench)
{
    mqtt_pipe_leave(bench->pipe);
    mqtt_pipe_unref(bench->pipe);
}

static void test_order_and_contents(void **state)
{
    struct bench *bench = *state;
    mqtt_pipe_send(bench->pipe, mqtt_item_create(MQTT_ITEM_PUBLISH, "first", "a\0b", 3));
    mqtt_pipe_send(bench->pipe, mqtt_item_create(MQTT_ITEM_PUBLISH, "second", NULL, 0));
    struct mqtt_items items = {0};
    bool stop;
    assert_int_equal(mqtt_pipe_take(bench->pipe, &items, &stop), MQTT_WISH_STAY);
    assert_false(stop);
    assert_int_equal(items.count, 2);
    assert_int_equal(items.bytes, 3);
    struct mqtt_item *item = mqtt_items_shift(&items);
    assert_string_equal(item->topic, "first");
    assert_memory_equal(item->payload, "a\0b", 4);
    free(item);
    item = mqtt_items_shift(&items);
    assert_string_equal(item->topic, "second");
    assert_string_equal(item->payload, "");
    free(item);
    assert_null(mqtt_items_shift(&items));
    finish(bench);
}

static void test_network_is_woken_only_when_asleep(void **state)
{
    struct bench *bench = *state;
    assert_false(full(bench));
    mqtt_pipe_send(bench->pipe, mqtt_item_create(MQTT_ITEM_PUBLISH, "t", NULL, 0));
    assert_false(wake_fd_readable(bench));
    assert_false(mqtt_pipe_sleep(bench->pipe)); /* there is something: do not wait */
    mqtt_pipe_awake(bench->pipe);
    assert_false(full(bench));
    assert_true(mqtt_pipe_sleep(bench->pipe));
    mqtt_pipe_send(bench->pipe, mqtt_item_create(MQTT_ITEM_PUBLISH, "t", NULL, 0));
    assert_true(wake_fd_readable(bench));
    mqtt_pipe_awake(bench->pipe);
    assert_false(wake_fd_readable(bench));
    finish(bench);
}

static void test_loop_is_woken_once(void **state)
{
    struct bench *bench = *state;
    struct mqtt_released released = {0};
    assert_int_equal(calls(bench), 0);
    report(bench, 1, 10);
    report(bench, 1, 10);
    assert_int_equal(calls(bench), 1);
    report(bench, 1, 10);
    assert_int_equal(calls(bench), 0); /* it has not yet looked */
    assert_int_equal(receive(bench, &released), 3);
    report(bench, 1, 10);
    assert_int_equal(calls(bench), 1);
    finish(bench);
}

static void test_released_adds_up(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 2; i++) {
        struct mqtt_items none = {0};
        struct mqtt_released some = {.count = 2, .bytes = 30, .acknowledged_bytes = 10};
        mqtt_pipe_report(bench->pipe, &none, &some);
        assert_int_equal(some.count, 0);
    }
    struct mqtt_released released = {0};
    assert_int_equal(receive(bench, &released), 0);
    assert_int_equal(released.count, 4);
    assert_int_equal(released.bytes, 60);
    assert_int_equal(released.acknowledged_bytes, 20);
    finish(bench);
}

static void test_stalls_at_the_limit_and_goes_on_at_half(void **state)
{
    struct bench *bench = *state;
    struct mqtt_released released = {0};
    report(bench, 3, 10);
    assert_false(full(bench));
    report(bench, 1, 10);
    assert_true(full(bench));
    receive(bench, &released);
    assert_true(full(bench)); /* taken is not worked off */
    assert_true(mqtt_pipe_sleep(bench->pipe));
    mqtt_pipe_worked_off(bench->pipe, 1, 10);
    assert_false(wake_fd_readable(bench));
    mqtt_pipe_worked_off(bench->pipe, 1, 10);
    assert_true(wake_fd_readable(bench));
    assert_false(full(bench));
    mqtt_pipe_worked_off(bench->pipe, 2, 20);

    report(bench, 1, 1000); /* by bytes */
    assert_true(full(bench));
    mqtt_pipe_worked_off(bench->pipe, 1, 1000);
    assert_false(full(bench));
    finish(bench);
}

static void test_who_leaves_is_left_alone(void **state)
{
    struct bench *bench = *state;
    report(bench, 4, 10);
    assert_int_equal(calls(bench), 1);
    assert_true(full(bench));
    assert_true(mqtt_pipe_sleep(bench->pipe));
    struct mqtt_pipe *pipe = bench->pipe;
    mqtt_pipe_leave(pipe);
    assert_true(wake_fd_readable(bench));
    struct mqtt_items items = {0};
    bool stop;
    assert_int_equal(mqtt_pipe_take(pipe, &items, &stop), MQTT_WISH_VANISH);
    assert_false(stop); /* there is nobody to wait for */
    report(bench, 1, 10);
    assert_int_equal(calls(bench), 0);
    mqtt_pipe_unref(pipe);
}

static void test_goodbye_and_then_none(void **state)
{
    struct bench *bench = *state;
    struct mqtt_items items = {0};
    bool stop;
    assert_true(mqtt_pipe_sleep(bench->pipe));
    mqtt_pipe_goodbye(bench->pipe);
    assert_true(wake_fd_readable(bench));
    assert_int_equal(mqtt_pipe_take(bench->pipe, &items, &stop), MQTT_WISH_GOODBYE);
    report(bench, 1, 10); /* still heard */
    assert_int_equal(calls(bench), 1);
    mqtt_pipe_leave(bench->pipe);
    assert_int_equal(mqtt_pipe_take(bench->pipe, &items, &stop), MQTT_WISH_VANISH);
    mqtt_pipe_unref(bench->pipe);
}

int main(void)
{
#define BENCH(function) cmocka_unit_test_setup_teardown(function, bench_up, bench_down)
    const struct CMUnitTest tests[] = {
        BENCH(test_order_and_contents),
        BENCH(test_network_is_woken_only_when_asleep),
        BENCH(test_loop_is_woken_once),
        BENCH(test_released_adds_up),
        BENCH(test_stalls_at_the_limit_and_goes_on_at_half),
        BENCH(test_who_leaves_is_left_alone),
        BENCH(test_goodbye_and_then_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
