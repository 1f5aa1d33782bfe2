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
static int connection_open(struct outlet *outlet, struct loop *loop, struct log *log,
                           const struct broker_options *options, const struct topics *topics,
                           const char *name, uint64_t boot, struct error *err)
{
    topics_text topic;
    struct codec *codec = codec_create((enum encoding)options->encoding, (size_t)1 << 20);
    topics_presence(topics, name, topic);
    struct connection_will will = {.topic = topic, .payload = publisher_will(codec, boot)};
    int r = connection_create(loop, log, options, name, NULL, &will, &outlet->connection, err);
    codec_destroy(codec);
    return r;
}

int outlet_open(struct outlet *outlet, struct loop *loop, struct log *log,
                const struct broker_options *options, const struct topics *topics, const char *name,
                const struct publisher_ops *ops, void *arg, struct error *err)
{
    static const struct connection_client client = {on_connected, on_disconnected, on_message, on_drained};
    uint64_t boot = loop_random(loop) | 1;
    *outlet = (struct outlet){0};
    int r = connection_open(outlet, loop, log, options, topics, name, boot, err);
    if (r != 0)
        return r;
    struct publisher_options publisher_options = {
        .name = name, .topics = *topics, .encoding = (enum encoding)options->encoding, .log = log};
    outlet->publisher =
        publisher_create(loop, connection_transport(outlet->connection), &publisher_options, ops, arg);
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
