#include "transport/connection.h"

#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "transport/mqtt.h"

#define CLIENTS_MAX 2

struct connection_stats {
    uint64_t connects, failures; /* a failure is an attempt that failed, or a connection that was lost */
    uint64_t messages, bytes;    /* received */
};

struct connection {
    struct log *log;
    struct transport *transport;
    char *broker;
    char *role; /* "transfers: "; NULL where it is the only one */
    const struct connection_client *ops[CLIENTS_MAX];
    void *clients[CLIENTS_MAX];
    size_t count;
    char *reason; /* the last one logged; NULL while connected */
    bool started;
    struct connection_stats stats;
};

static const char *role_of(const struct connection *connection)
{
    return connection->role ? connection->role : "";
}

static void on_connected(void *arg)
{
    struct connection *connection = arg;
    connection->stats.connects++;
    log_info(connection->log, "broker", "%s%s: connected", role_of(connection), connection->broker);
    free(connection->reason);
    connection->reason = NULL;
    for (size_t i = 0; i < connection->count; i++)
        connection->ops[i]->connected(connection->clients[i]);
}

static void on_disconnected(void *arg, const char *reason)
{
    struct connection *connection = arg;
    connection->stats.failures++;
    if (!connection->reason || strcmp(connection->reason, reason) != 0) {
        log_warn(connection->log, "broker", "%s%s; trying again", role_of(connection), reason);
        free(connection->reason);
        connection->reason = mem_strdup(reason);
    }
    for (size_t i = 0; i < connection->count; i++)
        connection->ops[i]->disconnected(connection->clients[i]);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    struct connection *connection = arg;
    (void)retained;
    connection->stats.messages++;
    connection->stats.bytes += len;
    for (size_t i = 0; i < connection->count; i++)
        connection->ops[i]->message(connection->clients[i], topic, payload, len);
}

static void on_drained(void *arg)
{
    struct connection *connection = arg;
    for (size_t i = 0; i < connection->count; i++)
        connection->ops[i]->drained(connection->clients[i]);
}

struct connection *connection_over(struct transport *transport, struct log *log, const char *broker)
{
    struct connection *connection = mem_zalloc(sizeof(*connection));
    connection->log = log;
    connection->transport = transport;
    connection->broker = mem_strdup(broker);
    return connection;
}

int connection_create(struct loop *loop, struct log *log, const struct broker_options *options,
                      const char *name, const char *role, const struct connection_will *will,
                      struct connection **out, struct error *err)
{
    cleanup_free char *client_id =
        mem_printf("%s-%s%s%s", options->client_id, name, role ? "-" : "", role ? role : "");

    struct mqtt_options mqtt = {
        .broker = options->broker,
        .client_id = client_id,
        .username = options->username,
        .password_file = options->password_file,
        .tls_ca = options->tls_ca,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .keepalive_s = (int)(options->keepalive_us / LOOP_SECOND),
        .log = log,
    };
    if (will && will->topic) {
        mqtt.will_topic = will->topic;
        mqtt.will_payload = will->payload.data;
        mqtt.will_len = will->payload.len;
        mqtt.will_retain = true;
    }
    struct transport *transport;
    int r = mqtt_create(loop, &mqtt, &transport, err);
    if (r != 0)
        return r;
    *out = connection_over(transport, log, options->broker);
    (*out)->role = role ? mem_printf("%s: ", role) : NULL;
    return 0;
}

void connection_destroy(struct connection *connection)
{
    if (!connection)
        return;
    transport_destroy(connection->transport);
    free(connection->broker);
    free(connection->role);
    free(connection->reason);
    free(connection);
}

const char *connection_reason(const struct connection *connection)
{
    return connection->reason;
}

void connection_counters(const struct connection *connection, struct buf *out)
{
#define STAT(member) COUNTER(struct connection_stats, member)
    static const struct counter list[] = {STAT(connects), STAT(failures), STAT(messages), STAT(bytes)};
#undef STAT
    counters_append(out, connection->role ? "transfers" : "broker", list, array_size(list),
                    &connection->stats);
}

struct transport *connection_transport(struct connection *connection)
{
    return connection->transport;
}

void connection_add(struct connection *connection, const struct connection_client *ops, void *client)
{
    connection->ops[connection->count] = ops;
    connection->clients[connection->count++] = client;
}

void connection_start(struct connection *connection)
{
    static const struct transport_callbacks callbacks = {on_connected, on_disconnected, on_message,
                                                         on_drained};
    if (connection->started)
        return;
    connection->started = true;
    transport_start(connection->transport, &callbacks, connection);
}
