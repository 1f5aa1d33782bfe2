/* MQTT keeps the transport's contract, over a real broker, at both versions of the protocol. */
#include "tests/support/transport_contract.h"

#include <stdio.h>

#include "base/mem.h"
#include "tests/integration/transport/broker.h"
#include "tests/integration/transport/relay.h"
#include "transport/mqtt.h"

#define CLIENTS_MAX 8

/* Every client has a relay between itself and the broker, where its connection can be broken. */
struct fixture {
    struct loop *loop;
    struct broker broker;
    bool old; /* the relays pretend that the broker knows only MQTT 3.1.1 */
    struct transport *clients[CLIENTS_MAX];
    struct relay *relays[CLIENTS_MAX];
    size_t count;
};

static void fixture_up(void *arg)
{
    struct fixture *fixture = arg;
    broker_start(&fixture->broker, "allow_anonymous true\n");
}

static void *fixture_create(struct loop *loop)
{
    struct fixture *fixture = mem_zalloc(sizeof(*fixture));
    fixture->loop = loop;
    broker_init(&fixture->broker);
    fixture_up(fixture);
    return fixture;
}

static void *fixture_create_old(struct loop *loop)
{
    struct fixture *fixture = fixture_create(loop);
    fixture->old = true;
    return fixture;
}

static void fixture_down(void *arg)
{
    broker_kill(&((struct fixture *)arg)->broker);
}

static void fixture_destroy(void *arg)
{
    struct fixture *fixture = arg;
    for (size_t i = 0; i < fixture->count; i++)
        relay_destroy(fixture->relays[i]);
    broker_deinit(&fixture->broker);
    free(fixture);
}

static struct transport *client_create(void *arg, const struct contract_client *options)
{
    struct fixture *fixture = arg;
    assert_true(fixture->count < CLIENTS_MAX);
    size_t i = fixture->count++;
    fixture->relays[i] = relay_create(fixture->broker.port, fixture->old);
    char url[64];
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", relay_port(fixture->relays[i]));
    struct mqtt_options mqtt = {
        .broker = url,
        .client_id = options->name,
        .will_topic = options->will_topic,
        .will_payload = "will",
        .will_len = 4,
        .will_retain = true,
        .outbound_bytes = options->window,
        .reconnect_min_us = 10 * LOOP_MS,
        .reconnect_max_us = 100 * LOOP_MS,
    };
    struct error err = {0};
    assert_int_equal(mqtt_create(fixture->loop, &mqtt, &fixture->clients[i], &err), 0);
    return fixture->clients[i];
}

static void client_break(void *arg, struct transport *transport)
{
    struct fixture *fixture = arg;
    for (size_t i = 0; i < fixture->count; i++)
        if (fixture->clients[i] == transport)
            relay_break(fixture->relays[i]);
}

int main(void)
{
    const struct contract_backend backend = {
        .loop_create = loop_create,
        .broker_create = fixture_create,
        .broker_down = fixture_down,
        .broker_up = fixture_up,
        .broker_destroy = fixture_destroy,
        .client_create = client_create,
        .client_break = client_break,
    };
    struct contract_backend old = backend;
    old.broker_create = fixture_create_old;
    return contract_run("contract, MQTT 5", &backend) + contract_run("contract, MQTT 3.1.1", &old);
}
