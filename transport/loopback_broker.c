/* The broker of the loopback: what is retained, and who gets what. */
#include "transport/loopback_internal.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "transport/filter.h"

struct retained {
    UT_hash_handle hh; /* by the message's topic */
    struct message *message;
};

struct loopback_broker *loopback_broker_create(struct loop *loop)
{
    struct loopback_broker *broker = mem_zalloc(sizeof(*broker));
    broker->loop = loop;
    return broker;
}

static void retained_drop(struct loopback_broker *broker, struct retained *retained)
{
    HASH_DEL(broker->retained, retained);
    message_unref(retained->message);
    free(retained);
}

void loopback_broker_forget(struct loopback_broker *broker)
{
    struct retained *retained, *next;
    HASH_ITER (hh, broker->retained, retained, next)
        retained_drop(broker, retained);
}

static void free_ghosts(struct loopback_broker *broker)
{
    struct client *client, *next;
    DL_FOREACH_SAFE(broker->clients, client, next)
    if (client->ghost)
        client_free(client);
}

void loopback_broker_destroy(struct loopback_broker *broker)
{
    if (!broker)
        return;
    free_ghosts(broker);
    assert(!broker->clients);
    loopback_broker_forget(broker);
    free(broker);
}

void loopback_broker_set_faults(struct loopback_broker *broker, const struct loopback_faults *faults)
{
    broker->faults = *faults;
}

struct loopback_stats loopback_broker_stats(const struct loopback_broker *broker)
{
    return broker->stats;
}

void loopback_broker_down(struct loopback_broker *broker)
{
    broker->down = true;
    free_ghosts(broker);
    struct client *client;
    DL_FOREACH(broker->clients, client)
    if (client->state == CLIENT_ONLINE)
        client_lose(client, 0, false, "the broker closed the connection");
}

void loopback_broker_up(struct loopback_broker *broker)
{
    broker->down = false;
}

static void broker_retain(struct loopback_broker *broker, struct message *message)
{
    struct retained *retained;
    HASH_FIND_STR(broker->retained, message->topic, retained);
    if (retained)
        retained_drop(broker, retained);
    if (message->len == 0)
        return;
    retained = mem_zalloc(sizeof(*retained));
    retained->message = message_ref(message);
    HASH_ADD_KEYPTR(hh, broker->retained, message->topic, strlen(message->topic), retained);
}

static bool client_wants(const struct client *client, const char *topic)
{
    const struct subscription *subscription;
    LL_FOREACH(client->subscriptions, subscription)
    if (topic_filter_matches(subscription->filter, topic))
        return true;
    return false;
}

void broker_route(struct loopback_broker *broker, struct message *message)
{
    if (broker->down)
        return;
    if (message->retain)
        broker_retain(broker, message);
    struct client *client;
    DL_FOREACH(broker->clients, client)
    if (client->state == CLIENT_ONLINE && !client->ghost && client_wants(client, message->topic))
        link_send(&client->down, message, false);
}

void broker_send_retained(struct loopback_broker *broker, struct client *client, const char *filter)
{
    struct retained *retained, *next;
    HASH_ITER (hh, broker->retained, retained, next)
        if (topic_filter_matches(filter, retained->message->topic))
            link_send(&client->down, retained->message, true);
}
