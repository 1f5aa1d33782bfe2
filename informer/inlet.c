#include "informer/inlet.h"

static void on_connected(void *client)
{
    informer_on_connected(client);
}

static void on_disconnected(void *client)
{
    informer_on_disconnected(client);
}

static void on_message(void *client, const char *topic, const void *payload, size_t len)
{
    informer_on_message(client, topic, payload, len);
}

static void on_drained(void *client)
{
    informer_on_drained(client);
}

struct informer *inlet_create(struct loop *loop, struct connection *connection,
                              const struct informer_options *options, const struct informer_ops *ops,
                              void *arg)
{
    static const struct connection_client client = {on_connected, on_disconnected, on_message, on_drained};
    struct informer *informer = informer_create(loop, connection_transport(connection), options, ops, arg);
    connection_add(connection, &client, informer);
    return informer;
}
