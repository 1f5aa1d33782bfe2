#include "provider/outlet.h"

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

/* The will names the run of the publisher (boot), so that run is drawn first. */
static int connection_open(struct outlet *outlet, const struct outlet_config *config, uint64_t boot,
                           struct error *err)
{
    topics_text topic;
    struct codec *codec = codec_create((enum encoding)config->broker->encoding, (size_t)1 << 20);
    topics_presence(config->topics, config->name, topic);
    struct connection_will will = {.topic = topic, .payload = publisher_will(codec, boot)};
    int r = connection_create(config->loop, config->log, config->broker, config->name, NULL, &will,
                              &outlet->connection, err);
    codec_destroy(codec);
    return r;
}

int outlet_open(struct outlet *outlet, const struct outlet_config *config, struct error *err)
{
    static const struct connection_client client = {on_connected, on_disconnected, on_message, on_drained};
    uint64_t boot = loop_random(config->loop) | 1;
    *outlet = (struct outlet){0};
    int r = connection_open(outlet, config, boot, err);
    if (r != 0)
        return r;
    struct publisher_options options = {.name = config->name,
                                        .topics = *config->topics,
                                        .encoding = (enum encoding)config->broker->encoding,
                                        .heartbeat_us = config->heartbeat_us,
                                        .log = config->log};
    outlet->publisher = publisher_create(config->loop, connection_transport(outlet->connection), &options,
                                         config->ops, config->arg);
    publisher_set_boot(outlet->publisher, boot);
    connection_add(outlet->connection, &client, outlet->publisher);
    return 0;
}

void outlet_farewell(struct outlet *outlet)
{
    publisher_farewell(outlet->publisher);
}

void outlet_close(struct outlet *outlet)
{
    publisher_destroy(outlet->publisher);
    connection_destroy(outlet->connection);
    *outlet = (struct outlet){0};
}
