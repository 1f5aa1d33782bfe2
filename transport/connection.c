#include "transport/connection.h"

#include <string.h>

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
    bool started, connected;
    struct connection_stats stats;
};

static const char *role_of(const struct connection *connection)
{
    return connection->role ? connection->role : "";
}

static void on_connected(void *arg)
{
    struct connection *connection = arg;
    connection->connected = true;
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
    connection->connected = false;
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

/* What is counted here, and how the transport is doing. */
struct figures {
    struct connection_stats stats;
    uint64_t connected, sent_messages, sent_bytes, in_flight, in_flight_bytes;
};

static const struct metric connected =
    METRIC_GAUGE("transport_informer_broker_connected", "1 while there is a connection to the broker.");
static const struct metric connects =
    METRIC_COUNTER("transport_informer_broker_connects_total",
                   "Connections to the broker that were made; all but the first are reconnects.");
static const struct metric failures =
    METRIC_COUNTER("transport_informer_broker_failures_total",
                   "Connections to the broker that were lost, and attempts that failed.");
static const struct metric received_messages =
    METRIC_COUNTER("transport_informer_broker_received_messages_total",
                   "Messages that came from the broker.");
static const struct metric received_bytes =
    METRIC_COUNTER("transport_informer_broker_received_bytes_total",
                   "Payloads of messages that came from the broker, in bytes.");
static const struct metric sent_messages = METRIC_COUNTER("transport_informer_broker_sent_messages_total",
                                                          "Messages that were handed over to be published.");
static const struct metric sent_bytes =
    METRIC_COUNTER("transport_informer_broker_sent_bytes_total",
                   "Payloads of messages that were handed over to be published, in bytes.");
static const struct metric in_flight = METRIC_GAUGE("transport_informer_broker_in_flight_messages",
                                                    "Messages that the broker has not acknowledged yet.");
static const struct metric in_flight_bytes =
    METRIC_GAUGE("transport_informer_broker_in_flight_bytes",
                 "Payloads that the broker has not acknowledged yet, in bytes.");

static struct figures figures_of(const struct connection *connection)
{
    struct transport *transport = connection->transport;
    return (struct figures){
        .stats = connection->stats,
        .connected = connection->connected,
        .sent_messages = transport->sent_messages,
        .sent_bytes = transport->sent_bytes,
        .in_flight = transport_in_flight_count(transport),
        .in_flight_bytes = transport_in_flight(transport),
    };
}

void connection_counters(const struct connection *connection, const char *name, struct counters *out)
{
#define STAT(member, ...)                                                                                    \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct figures, stats.member), .metric = __VA_ARGS__             \
    }
#define FIGURE(...) COUNTER(struct figures, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(connects, &connects),
        STAT(failures, &failures),
        STAT(messages, &received_messages),
        STAT(bytes, &received_bytes),
        FIGURE(connected, &connected),
        FIGURE(sent_messages, &sent_messages),
        FIGURE(sent_bytes, &sent_bytes),
        FIGURE(in_flight, &in_flight),
        FIGURE(in_flight_bytes, &in_flight_bytes),
    };
#undef STAT
#undef FIGURE
    struct figures figures = figures_of(connection);
    cleanup_free char *instance = mem_printf("connection=\"%s\"", name);
    counters_add(out, connection->role ? "transfers" : "broker", instance, list, array_size(list), &figures);
}

void connection_ready(const struct connection *connection, const char *name, struct checks *out)
{
    const char *reason = connection->reason ? connection->reason : "not connected yet";
    cleanup_free char *check = mem_printf("broker-%s", name);
    checks_add(out, check, connection->connected ? NULL : reason);
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
