#include "tests/support/transport_contract.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define WAIT_US (20 * LOOP_SECOND)
#define RECEIVED_MAX 4000

static const struct contract_backend *backend;

struct received {
    char *topic, *payload;
    size_t len;
    bool retained;
};

/* A connection, and all that it was told. */
struct peer {
    struct transport *transport;
    int connected, disconnected, drained;
    char reason[512];
    struct received received[RECEIVED_MAX];
    size_t count;
    bool inside_call;
    bool destroy_on_message;
};

struct world {
    struct loop *loop;
    void *broker;
    struct peer *a, *b;
};

/* -- what peers hear
 * ------------------------------------------------------------------------------------------------ */

static void peer_connected(void *arg)
{
    struct peer *peer = arg;
    assert_false(peer->inside_call);
    peer->connected++;
}

static void peer_disconnected(void *arg, const char *reason)
{
    struct peer *peer = arg;
    assert_false(peer->inside_call);
    peer->disconnected++;
    snprintf(peer->reason, sizeof(peer->reason), "%s", reason);
}

static void peer_drained(void *arg)
{
    struct peer *peer = arg;
    assert_false(peer->inside_call);
    peer->drained++;
}

static void peer_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    struct peer *peer = arg;
    assert_false(peer->inside_call);
    assert_non_null(peer->transport);
    assert_true(peer->count < RECEIVED_MAX);
    peer->received[peer->count++] =
        (struct received){mem_strdup(topic), mem_dup(payload, len), len, retained};
    if (peer->destroy_on_message) {
        transport_destroy(peer->transport);
        peer->transport = NULL;
    }
}

static const struct transport_callbacks peer_callbacks = {
    .connected = peer_connected,
    .disconnected = peer_disconnected,
    .message = peer_message,
    .drained = peer_drained,
};

/* -- peers
 * ----------------------------------------------------------------------------------------------------------
 */

static struct peer *peer_create(struct world *world, const struct contract_client *options)
{
    struct peer *peer = mem_zalloc(sizeof(*peer));
    peer->transport = backend->client_create(world->broker, options);
    return peer;
}

static void peer_start(struct peer *peer)
{
    peer->inside_call = true;
    transport_start(peer->transport, &peer_callbacks, peer);
    peer->inside_call = false;
}

static void peer_subscribe(struct peer *peer, const char *filter)
{
    peer->inside_call = true;
    transport_subscribe(peer->transport, filter, 1);
    peer->inside_call = false;
}

static int peer_publish(struct peer *peer, const char *topic, const char *payload, int qos, bool retain)
{
    peer->inside_call = true;
    int r = transport_publish(peer->transport, topic, payload, strlen(payload), qos, retain);
    peer->inside_call = false;
    return r;
}

static void peer_forget(struct peer *peer)
{
    for (size_t i = 0; i < peer->count; i++) {
        free(peer->received[i].topic);
        free(peer->received[i].payload);
    }
    peer->count = 0;
}

static void peer_destroy(struct peer *peer)
{
    if (!peer)
        return;
    transport_destroy(peer->transport);
    peer_forget(peer);
    free(peer);
}

/* -- waiting
 * -------------------------------------------------------------------------------------------------------- */

static void deadline_passed(void *arg)
{
    *(bool *)arg = true;
}

static bool wait_for(struct world *world, bool (*condition)(const struct peer *peer, size_t n),
                     const struct peer *peer, size_t n)
{
    bool late = false;
    struct timer deadline;
    timer_init(&deadline, world->loop, deadline_passed, &late);
    timer_start(&deadline, WAIT_US);
    while (!late && !condition(peer, n))
        loop_step(world->loop);
    timer_stop(&deadline);
    return !late;
}

static bool has_connected(const struct peer *peer, size_t n)
{
    return (size_t)peer->connected >= n;
}

static bool has_disconnected(const struct peer *peer, size_t n)
{
    return (size_t)peer->disconnected >= n;
}

static bool has_received(const struct peer *peer, size_t n)
{
    return peer->count >= n;
}

static bool has_drained(const struct peer *peer, size_t n)
{
    (void)n;
    return transport_in_flight(peer->transport) == 0;
}

#define WAIT(world, condition, peer, n) assert_true(wait_for((world), (condition), (peer), (n)))

/* b, who listens to t/#, has heard everything that a published before: a marker comes behind it on every
 * topic. */
static void settle(struct world *world)
{
    size_t marker = world->b->count;
    assert_int_equal(peer_publish(world->a, "t/marker", "marker", 1, false), 0);
    for (;;) {
        WAIT(world, has_received, world->b, marker + 1);
        if (strcmp(world->b->received[marker++].topic, "t/marker") == 0)
            break;
    }
    assert_int_equal(world->b->count, marker);
    free(world->b->received[--world->b->count].topic);
    free(world->b->received[world->b->count].payload);
}

static void assert_received(const struct peer *peer, size_t i, const char *topic, const char *payload,
                            bool retained)
{
    assert_true(i < peer->count);
    assert_string_equal(peer->received[i].topic, topic);
    assert_int_equal(peer->received[i].len, strlen(payload));
    assert_memory_equal(peer->received[i].payload, payload, strlen(payload));
    assert_int_equal(peer->received[i].retained, retained);
}

/* -- the world: a, who talks, and b, who listens to t/#
 * -------------------------------------------------------------- */

static int world_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    *state = world;
    world->loop = backend->loop_create();
    world->broker = backend->broker_create(world->loop);
    world->a =
        peer_create(world, &(struct contract_client){.name = "a", .will_topic = "t/will", .window = 4000});
    world->b = peer_create(world, &(struct contract_client){.name = "b"});
    peer_subscribe(world->b, "t/#");
    peer_start(world->a);
    peer_start(world->b);
    WAIT(world, has_connected, world->a, 1);
    WAIT(world, has_connected, world->b, 1);
    return 0;
}

static int world_down(void **state)
{
    struct world *world = *state;
    peer_destroy(world->a);
    peer_destroy(world->b);
    backend->broker_destroy(world->broker);
    loop_destroy(world->loop);
    free(world);
    return 0;
}

/* -- the tests
 * ------------------------------------------------------------------------------------------------------ */

static void test_delivers_bytes(void **state)
{
    struct world *world = *state;
    assert_int_equal(transport_publish(world->a->transport, "t/x", "a\0b", 3, 1, false), 0);
    assert_int_equal(peer_publish(world->a, "t/x", "at most once", 0, false), 0);
    assert_int_equal(peer_publish(world->a, "t/x", "", 1, false), 0);
    assert_int_equal(peer_publish(world->a, "other", "not for b", 1, false), 0);
    WAIT(world, has_received, world->b, 3);
    settle(world);
    assert_int_equal(world->b->count, 3);
    assert_int_equal(world->b->received[0].len, 3);
    assert_memory_equal(world->b->received[0].payload, "a\0b", 3);
    assert_received(world->b, 1, "t/x", "at most once", false);
    assert_received(world->b, 2, "t/x", "", false);
}

static void test_keeps_order_within_a_topic(void **state)
{
    struct world *world = *state;
    const size_t messages = 3000;
    char payload[16];
    for (size_t sent = 0; sent < messages;) {
        snprintf(payload, sizeof(payload), "%zu", sent);
        int r = peer_publish(world->a, "t/order", payload, 1, false);
        if (r == 0)
            sent++;
        else
            assert_int_equal(r, TRANSPORT_E_FULL);
        if (r != 0)
            loop_step(world->loop);
    }
    WAIT(world, has_received, world->b, messages);
    for (size_t i = 0; i < messages; i++) {
        snprintf(payload, sizeof(payload), "%zu", i);
        assert_received(world->b, i, "t/order", payload, false);
    }
}

static void test_filters(void **state)
{
    struct world *world = *state;
    struct peer *c = peer_create(world, &(struct contract_client){.name = "c"});
    peer_subscribe(c, "t/+/x");
    peer_start(c);
    WAIT(world, has_connected, c, 1);
    const char *topics[] = {"t/1/x", "t/1/y", "t/x", "t/1/2/x", "/t/1/x", "t//x", "t/last/x"};
    for (size_t i = 0; i < array_size(topics); i++)
        assert_int_equal(peer_publish(world->a, topics[i], "m", 1, false), 0);
    WAIT(world, has_received, c, 3);
    assert_int_equal(c->count, 3);
    assert_received(c, 0, "t/1/x", "m", false);
    assert_received(c, 1, "t//x", "m", false);
    assert_received(c, 2, "t/last/x", "m", false);
    peer_destroy(c);
}

static void test_retains(void **state)
{
    struct world *world = *state;
    assert_int_equal(peer_publish(world->a, "t/r/1", "old", 1, true), 0);
    assert_int_equal(peer_publish(world->a, "t/r/1", "new", 1, true), 0);
    assert_int_equal(peer_publish(world->a, "t/r/2", "gone", 1, true), 0);
    assert_int_equal(peer_publish(world->a, "t/r/2", "", 1, true), 0);
    WAIT(world, has_received, world->b, 4);
    settle(world);
    assert_received(world->b, 0, "t/r/1", "old", false);

    struct peer *c = peer_create(world, &(struct contract_client){.name = "c"});
    peer_start(c);
    WAIT(world, has_connected, c, 1);
    peer_subscribe(c, "t/r/+");
    WAIT(world, has_received, c, 1);
    assert_int_equal(peer_publish(world->a, "t/r/3", "live", 1, true), 0);
    WAIT(world, has_received, c, 2);
    assert_int_equal(c->count, 2);
    assert_received(c, 0, "t/r/1", "new", true);
    assert_received(c, 1, "t/r/3", "live", false);
    peer_destroy(c);
}

static void test_will_follows_a_broken_connection(void **state)
{
    struct world *world = *state;
    backend->client_break(world->broker, world->a->transport);
    WAIT(world, has_received, world->b, 1);
    assert_received(world->b, 0, "t/will", "will", false);
    WAIT(world, has_disconnected, world->a, 1);
    WAIT(world, has_connected, world->a, 2);
}

static void test_no_will_after_goodbye(void **state)
{
    struct world *world = *state;
    assert_int_equal(peer_publish(world->a, "t/last", "goodbye", 1, false), 0);
    peer_destroy(world->a);
    world->a = peer_create(world, &(struct contract_client){.name = "a2"});
    peer_start(world->a);
    WAIT(world, has_connected, world->a, 1);
    WAIT(world, has_received, world->b, 1);
    settle(world);
    assert_int_equal(world->b->count, 1);
    assert_received(world->b, 0, "t/last", "goodbye", false);
}

static void test_reconnect_subscribes_again(void **state)
{
    struct world *world = *state;
    peer_subscribe(world->b, "late/+");
    backend->client_break(world->broker, world->b->transport);
    WAIT(world, has_disconnected, world->b, 1);
    assert_true(strlen(world->b->reason) > 0);
    assert_null(strchr(world->b->reason, '\n'));
    WAIT(world, has_connected, world->b, 2);
    assert_int_equal(peer_publish(world->a, "t/again", "1", 1, false), 0);
    assert_int_equal(peer_publish(world->a, "late/again", "2", 1, false), 0);
    WAIT(world, has_received, world->b, 2);
}

static void test_offline_refuses(void **state)
{
    struct world *world = *state;
    struct peer *c = peer_create(world, &(struct contract_client){.name = "c"});
    assert_int_equal(peer_publish(c, "t/x", "early", 1, false), TRANSPORT_E_OFFLINE);
    peer_start(c);
    WAIT(world, has_connected, c, 1);
    assert_int_equal(peer_publish(c, "t/x", "in time", 1, false), 0);
    WAIT(world, has_received, world->b, 1);
    assert_received(world->b, 0, "t/x", "in time", false);
    peer_destroy(c);
}

static void test_broker_restart(void **state)
{
    struct world *world = *state;
    backend->broker_down(world->broker);
    WAIT(world, has_disconnected, world->a, 2); /* the loss, and an attempt that failed */
    WAIT(world, has_disconnected, world->b, 2);
    assert_true(strlen(world->a->reason) > 0);
    assert_int_equal(peer_publish(world->a, "t/x", "lost", 1, false), TRANSPORT_E_OFFLINE);
    assert_int_equal(transport_in_flight(world->a->transport), 0);

    backend->broker_up(world->broker);
    WAIT(world, has_connected, world->a, 2);
    WAIT(world, has_connected, world->b, 2);
    peer_forget(world->b);
    assert_int_equal(peer_publish(world->a, "t/x", "after", 1, false), 0);
    WAIT(world, has_received, world->b, 1);
    assert_received(world->b, 0, "t/x", "after", false);
}

static void test_nothing_old_after_reconnect(void **state)
{
    struct world *world = *state;
    assert_int_equal(peer_publish(world->a, "t/before", "perhaps", 1, false), 0);
    backend->broker_down(world->broker);
    WAIT(world, has_disconnected, world->a, 1);
    assert_int_equal(transport_in_flight(world->a->transport), 0);
    backend->broker_up(world->broker);
    WAIT(world, has_connected, world->a, 2);
    WAIT(world, has_connected, world->b, 2);
    peer_forget(world->b);
    settle(world);
    assert_int_equal(world->b->count, 0);
    WAIT(world, has_drained, world->a, 0);
}

static void test_window(void **state)
{
    struct world *world = *state;
    char payload[1001];
    memset(payload, 'x', 1000);
    payload[1000] = '\0';
    for (int i = 0; i < 4; i++)
        assert_int_equal(peer_publish(world->a, "t/window", payload, 1, false), 0);
    assert_int_equal(transport_in_flight(world->a->transport), 4000);
    assert_int_equal(transport_in_flight_count(world->a->transport), 4);
    assert_int_equal(peer_publish(world->a, "t/window", payload, 1, false), TRANSPORT_E_FULL);
    assert_int_equal(world->a->drained, 0);
    WAIT(world, has_drained, world->a, 0);
    assert_int_equal(transport_in_flight_count(world->a->transport), 0);
    assert_true(world->a->drained > 0);
    assert_int_equal(peer_publish(world->a, "t/window", payload, 1, false), 0);
    WAIT(world, has_received, world->b, 5);
}

static void test_payload_limit(void **state)
{
    struct world *world = *state;
    size_t limit = transport_max_payload(world->a->transport);
    assert_in_range(limit, 1000, (size_t)256 << 20);
    cleanup_free char *payload = mem_zalloc(limit + 1);
    assert_int_equal(transport_publish(world->a->transport, "t/big", payload, limit + 1, 1, false),
                     TRANSPORT_E_TOO_BIG);
    assert_int_equal(transport_publish(world->a->transport, "t/big", payload, limit, 1, false), 0);
    WAIT(world, has_received, world->b, 1);
    assert_int_equal(world->b->received[0].len, limit);
}

static void test_bad_topics(void **state)
{
    struct world *world = *state;
    char topic[300] = "t/";
    memset(topic + 2, 'x', 254);
    assert_int_equal(peer_publish(world->a, topic, "m", 1, false), TRANSPORT_E_TOO_BIG);
    topic[255] = '\0';
    assert_int_equal(peer_publish(world->a, topic, "m", 1, false), 0);
    WAIT(world, has_received, world->b, 1);
    assert_true(peer_publish(world->a, "t/+", "m", 1, false) < 0);
    assert_true(peer_publish(world->a, "t/#", "m", 1, false) < 0);
    assert_true(peer_publish(world->a, "", "m", 1, false) < 0);
}

static void test_destroy_inside_a_callback(void **state)
{
    struct world *world = *state;
    world->b->destroy_on_message = true;
    assert_int_equal(peer_publish(world->a, "t/1", "1", 1, false), 0);
    assert_int_equal(peer_publish(world->a, "t/2", "2", 1, false), 0);
    WAIT(world, has_received, world->b, 1);
    WAIT(world, has_drained, world->a, 0);
    assert_int_equal(world->b->count, 1);
}

static void test_destroy_before_connected(void **state)
{
    struct world *world = *state;
    struct peer *c = peer_create(world, &(struct contract_client){.name = "c", .will_topic = "t/c"});
    peer_destroy(c);
    c = peer_create(world, &(struct contract_client){.name = "c", .will_topic = "t/c"});
    peer_start(c);
    peer_destroy(c);
    settle(world);
}

int contract_run(const char *name, const struct contract_backend *given)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)
    const struct CMUnitTest tests[] = {
        CASE(test_delivers_bytes),
        CASE(test_keeps_order_within_a_topic),
        CASE(test_filters),
        CASE(test_retains),
        CASE(test_will_follows_a_broken_connection),
        CASE(test_no_will_after_goodbye),
        CASE(test_reconnect_subscribes_again),
        CASE(test_offline_refuses),
        CASE(test_broker_restart),
        CASE(test_nothing_old_after_reconnect),
        CASE(test_window),
        CASE(test_payload_limit),
        CASE(test_bad_topics),
        CASE(test_destroy_inside_a_callback),
        CASE(test_destroy_before_connected),
    };
    backend = given;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
