/*
 * A client of the loopback's broker: a small state machine whose one timer means something else in each
 * state. All callbacks come from timers, the client's or a packet's, and are the last thing done before
 * returning to the loop, so that the owner may destroy the transport inside any of them.
 */
#include "transport/loopback_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "transport/filter.h"

#define MAX_PAYLOAD_DEFAULT ((size_t)128 << 10)
#define WINDOW_DEFAULT ((size_t)8 << 20)
#define RECONNECT_MIN_US (50 * LOOP_MS)
#define RECONNECT_MAX_US (500 * LOOP_MS)
#define KEEPALIVE_US (15 * LOOP_SECOND)

/* -- sessions
 * ------------------------------------------------------------------------------------------------------- */

void client_lose(struct client *client, size_t arriving, bool will, const char *why)
{
    assert(client->state == CLIENT_ONLINE);
    link_close(&client->up, arriving);
    client->state = CLIENT_LOST;
    if (will && client->will)
        broker_route(client->broker, client->will);
    link_close(&client->down, 0);
    client->landed += client->in_flight;
    client->in_flight = client->in_flight_count = 0;
    snprintf(client->reason, sizeof(client->reason), "loopback broker, client %s: %s", client->name, why);
    timer_start(&client->timer, 0);
}

static void client_wait(struct client *client)
{
    int64_t spread = client->reconnect_max_us - client->reconnect_min_us;
    uint64_t extra = spread > 0 ? loop_random_below(client->broker->loop, (uint64_t)spread + 1) : 0;
    client->state = CLIENT_WAITING;
    timer_start(&client->timer, client->reconnect_min_us + (int64_t)extra);
}

static void client_report(struct client *client)
{
    client_wait(client);
    if (client->callbacks.disconnected)
        client->callbacks.disconnected(client->arg, client->reason);
}

static void client_connect(struct client *client)
{
    if (client->broker->down || client->cut) {
        snprintf(client->reason, sizeof(client->reason), "loopback broker, client %s: %s", client->name,
                 client->cut ? "cut off" : "connection refused, the broker is down");
        client_report(client);
        return;
    }
    client->state = CLIENT_ONLINE;
    struct subscription *subscription;
    LL_FOREACH(client->subscriptions, subscription)
    broker_send_retained(client->broker, client, subscription->filter);
    if (client->callbacks.connected)
        client->callbacks.connected(client->arg);
}

static void client_fire(void *arg)
{
    struct client *client = arg;
    switch (client->state) {
    case CLIENT_IDLE:
        break;
    case CLIENT_WAITING:
        client_connect(client);
        break;
    case CLIENT_ONLINE:
        client_lose(client, 0, true, "no answer within the keepalive");
        if (client->ghost)
            client_free(client);
        break;
    case CLIENT_LOST:
        client_report(client);
        break;
    }
}

/* -- the ends of the two links
 * -------------------------------------------------------------------------------------- */

static void client_published(struct client *client, struct packet *packet)
{
    if (packet->message->qos > 0 && !packet->repeat)
        link_acknowledge(&client->down, packet->message->len);
    if (link_admits(packet))
        broker_route(client->broker, packet->message);
}

static void client_acknowledged(struct client *client, size_t bytes)
{
    assert(client->in_flight >= bytes);
    client->landed += bytes;
    client->in_flight -= bytes;
    client->in_flight_count--;
    if (client->callbacks.drained)
        client->callbacks.drained(client->arg);
}

static void client_received(struct client *client, struct packet *packet)
{
    const struct message *message = packet->message;
    if (!message) {
        client_acknowledged(client, packet->acknowledged);
        return;
    }
    if (!link_admits(packet) || !client->callbacks.message)
        return;
    message = packet->message;
    client->broker->stats.delivered++;
    client->callbacks.message(client->arg, message->topic, message->payload, message->len, packet->retained);
}

/* -- the transport
 * -------------------------------------------------------------------------------------------------- */

static struct client *to_client(struct transport *transport)
{
    return container_of(transport, struct client, transport);
}

static void client_start(struct transport *transport, const struct transport_callbacks *callbacks, void *arg)
{
    struct client *client = to_client(transport);
    assert(client->state == CLIENT_IDLE);
    client->callbacks = *callbacks;
    client->arg = arg;
    client->state = CLIENT_WAITING;
    timer_start(&client->timer, 0);
}

static void client_subscribe(struct transport *transport, const char *filter, int qos)
{
    struct client *client = to_client(transport);
    (void)qos; /* both are delivered alike: no promise beyond the connection's */
    assert(topic_filter_valid(filter));
    struct subscription *subscription;
    LL_FOREACH(client->subscriptions, subscription)
    if (strcmp(subscription->filter, filter) == 0)
        break;
    if (!subscription) {
        subscription = mem_zalloc(sizeof(*subscription));
        subscription->filter = mem_strdup(filter);
        LL_APPEND(client->subscriptions, subscription);
    }
    if (client->state == CLIENT_ONLINE)
        broker_send_retained(client->broker, client, filter);
}

static int client_publish(struct transport *transport, const char *topic, const void *payload, size_t len,
                          int qos, bool retain)
{
    struct client *client = to_client(transport);
    if (len > client->limit || strnlen(topic, TOPIC_MAX + 1) > TOPIC_MAX)
        return TRANSPORT_E_TOO_BIG;
    if (!topic_name_valid(topic))
        return -EINVAL;
    if (client->state != CLIENT_ONLINE)
        return TRANSPORT_E_OFFLINE;
    if (client->in_flight && client->in_flight + len > client->window)
        return TRANSPORT_E_FULL;

    struct message *message = message_create(topic, payload, len, qos, retain);
    link_send(&client->up, message, false);
    message_unref(message);
    if (qos > 0) {
        client->in_flight += len;
        client->in_flight_count++;
    }
    return 0;
}

static size_t client_in_flight(struct transport *transport)
{
    return to_client(transport)->in_flight;
}

static uint64_t client_landed(struct transport *transport)
{
    return to_client(transport)->landed;
}

static size_t client_in_flight_count(struct transport *transport)
{
    return to_client(transport)->in_flight_count;
}

static size_t client_max_payload(struct transport *transport)
{
    return to_client(transport)->limit;
}

void client_free(struct client *client)
{
    link_close(&client->up, 0);
    link_close(&client->down, 0);
    timer_stop(&client->timer);
    DL_DELETE(client->broker->clients, client);
    struct subscription *subscription, *next;
    LL_FOREACH_SAFE(client->subscriptions, subscription, next)
    {
        free(subscription->filter);
        free(subscription);
    }
    message_unref(client->will);
    free(client->name);
    free(client);
}

static void client_destroy(struct transport *transport)
{
    struct client *client = to_client(transport);
    if (client->doomed) {
        loopback_kill(transport);
        return;
    }
    if (client->state == CLIENT_ONLINE && !client->cut)
        link_close(&client->up, SIZE_MAX);
    client_free(client);
}

static const struct transport_ops client_ops = {
    .start = client_start,
    .subscribe = client_subscribe,
    .publish = client_publish,
    .in_flight = client_in_flight,
    .in_flight_count = client_in_flight_count,
    .landed = client_landed,
    .max_payload = client_max_payload,
    .destroy = client_destroy,
};

/* -- faults, and creation
 * ------------------------------------------------------------------------------------------- */

/* How many of the packets under way had left before the end came. */
static size_t client_sent_by_chance(struct client *client)
{
    return client->cut ? 0 : (size_t)loop_random_below(client->broker->loop, client->up.count + 1);
}

void loopback_kill(struct transport *transport)
{
    struct client *client = to_client(transport);
    if (client->state == CLIENT_ONLINE && client->cut) {
        link_close(&client->up, 0);
        link_close(&client->down, 0);
        client->ghost = true;
        return;
    }
    if (client->state == CLIENT_ONLINE)
        client_lose(client, client_sent_by_chance(client), true, "killed");
    client_free(client);
}

void loopback_doom(struct transport *transport)
{
    to_client(transport)->doomed = true;
}

void loopback_break(struct transport *transport)
{
    struct client *client = to_client(transport);
    if (client->state == CLIENT_ONLINE)
        client_lose(client, client_sent_by_chance(client), true, "connection reset");
}

void loopback_cut(struct transport *transport)
{
    struct client *client = to_client(transport);
    if (client->cut)
        return;
    client->cut = true;
    if (client->state == CLIENT_ONLINE)
        timer_start(&client->timer, client->keepalive_us);
}

void loopback_join(struct transport *transport)
{
    struct client *client = to_client(transport);
    if (!client->cut)
        return;
    client->cut = false;
    if (client->state != CLIENT_ONLINE)
        return;
    timer_stop(&client->timer);
    link_resume(&client->up);
    link_resume(&client->down);
}

static int64_t time_or(int64_t value_us, int64_t otherwise_us)
{
    return value_us ? value_us : otherwise_us;
}

struct transport *loopback_create(struct loopback_broker *broker, const struct loopback_options *options)
{
    struct client *client = mem_zalloc(sizeof(*client));
    client->transport.ops = &client_ops;
    client->broker = broker;
    client->name = mem_strdup(options->name ? options->name : "unnamed");
    if (options->will_topic)
        client->will = message_create(options->will_topic, options->will_payload, options->will_len, 1,
                                      options->will_retain);
    client->limit = options->max_payload ? options->max_payload : MAX_PAYLOAD_DEFAULT;
    client->window = options->window ? options->window : WINDOW_DEFAULT;
    client->reconnect_min_us = time_or(options->reconnect_min_us, RECONNECT_MIN_US);
    client->reconnect_max_us = time_or(options->reconnect_max_us, RECONNECT_MAX_US);
    client->keepalive_us = time_or(options->keepalive_us, KEEPALIVE_US);
    timer_init(&client->timer, broker->loop, client_fire, client);
    link_init(&client->up, client, false, client_published);
    link_init(&client->down, client, true, client_received);
    DL_APPEND(broker->clients, client);
    return &client->transport;
}
