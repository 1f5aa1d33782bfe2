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

static void on_transfers_connected(void *client)
{
    informer_on_transfers(client, true);
}

static void on_transfers_disconnected(void *client)
{
    informer_on_transfers(client, false);
}

struct informer *inlet_create(struct loop *loop, struct connection *connection, struct connection *transfers,
                              const struct informer_options *options, const struct informer_ops *ops,
                              void *arg)
{
    static const struct connection_client first = {on_connected, on_disconnected, on_message, on_drained};
    static const struct connection_client second = {on_transfers_connected, on_transfers_disconnected,
                                                    on_message, on_drained};
    struct informer_options with = *options;
    with.transfers = transfers ? connection_transport(transfers) : NULL;
    struct informer *informer = informer_create(loop, connection_transport(connection), &with, ops, arg);
    connection_add(connection, &first, informer);
    if (transfers)
        connection_add(transfers, &second, informer);
    return informer;
}

int inlet_open(struct inlet *inlet, struct loop *loop, const struct broker_options *broker,
               const struct informer_options *options, const struct informer_ops *ops, void *arg,
               struct error *err)
{
    *inlet = (struct inlet){0};
    int r = connection_create(loop, options->log, broker, options->name, NULL, NULL, &inlet->connection, err);
    if (r == 0)
        r = connection_create(loop, options->log, broker, options->name, "transfers", NULL, &inlet->transfers,
                              err);
    if (r != 0)
        return r;
    inlet->informer = inlet_create(loop, inlet->connection, inlet->transfers, options, ops, arg);
    return 0;
}

void inlet_start(struct inlet *inlet)
{
    connection_start(inlet->connection);
    connection_start(inlet->transfers);
}

void inlet_counters(const struct inlet *inlet, struct counters *out)
{
    informer_counters(inlet->informer, out);
    connection_counters(inlet->connection, "main", out);
    connection_counters(inlet->transfers, "transfers", out);
}

bool inlet_metrics(const struct inlet *inlet, struct metrics *out, size_t part)
{
    return informer_metrics(inlet->informer, out, part);
}

void inlet_ready(const struct inlet *inlet, struct checks *out)
{
    connection_ready(inlet->connection, "main", out);
    connection_ready(inlet->transfers, "transfers", out);
    informer_ready(inlet->informer, out);
}

void inlet_close(struct inlet *inlet)
{
    informer_farewell(inlet->informer);
    informer_destroy(inlet->informer);
    connection_destroy(inlet->connection);
    connection_destroy(inlet->transfers);
    *inlet = (struct inlet){0};
}
