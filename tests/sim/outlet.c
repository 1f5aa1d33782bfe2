/* A publisher over the broker of the simulation, as provider/outlet.c has it over MQTT. */
#include "tests/sim/outlet.h"

static void on_connected(void *client)
{
    publisher_on_connected(client);
}

static void on_disconnected(void *client)
{
    publisher_on_disconnected(client);
}

static void on_message(void *client, const char *topic, const void *payload, size_t len)
{
    publisher_on_message(client, topic, payload, len);
}

static void on_drained(void *client)
{
    publisher_on_drained(client);
}

static struct transport *transport_open(struct world *world, const char *name, uint64_t boot)
{
    struct codec *codec = codec_create(world->encoding, 4096);
    struct slice will = publisher_will(codec, boot);
    struct topics topics = world_topics();
    topics_text topic;
    topics_presence(&topics, name, topic);
    struct loopback_options options = {
        .name = name,
        .will_topic = topic,
        .will_payload = will.data,
        .will_len = will.len,
        .will_retain = true,
        .max_payload = world->max_payload,
    };
    struct transport *transport = loopback_create(world->broker, &options);
    codec_destroy(codec);
    return transport;
}

struct transport *outlet_over_loopback(struct world *world, const char *name, const struct publisher_ops *ops,
                                       void *arg, struct outlet *outlet)
{
    static const struct connection_client client_ops = {on_connected, on_disconnected, on_message,
                                                        on_drained};
    uint64_t boot = loop_random(world->loop) | 1;
    struct log *log = world->options.verbose ? &world->log : NULL;
    struct transport *transport = transport_open(world, name, boot);
    struct publisher_options options = {
        .name = name,
        .topics = world_topics(),
        .encoding = world->encoding,
        .heartbeat_us = world->heartbeat_us,
        .window_bytes = 64 << 10,
        .repair_bytes = loop_random_below(world->loop, 4) ? 1 : 0,
        .slice_objects = 1 + loop_random_below(world->loop, 20),
        .window_messages = world->window_messages,
        .log = log,
    };
    outlet->connection = connection_over(transport, log, "loopback");
    outlet->publisher = publisher_create(world->loop, transport, &options, ops, arg);
    publisher_set_boot(outlet->publisher, boot);
    connection_add(outlet->connection, &client_ops, outlet->publisher);
    return transport;
}
