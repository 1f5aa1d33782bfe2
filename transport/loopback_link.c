/*
 * One way between a client and the broker. Every packet has a timer of its own. Order within a topic is kept
 * by lanes: a packet is due no earlier than the one of its topic that was sent before it; timers of one
 * instant fire in the order in which they were started.
 */
#include "transport/loopback_internal.h"

#include <string.h>
#include <utlist.h>

#include "base/mem.h"

struct lane {
    UT_hash_handle hh;
    int64_t due_us; /* of its latest packet */
    char topic[];
};

struct message *message_create(const char *topic, const void *payload, size_t len, int qos, bool retain)
{
    struct message *message = mem_zalloc(sizeof(*message));
    *message = (struct message){.refs = 1, .len = len, .qos = qos, .retain = retain};
    message->topic = mem_strdup(topic);
    message->payload = mem_dup(payload, len);
    return message;
}

struct message *message_ref(struct message *message)
{
    message->refs++;
    return message;
}

void message_unref(struct message *message)
{
    if (!message || --message->refs > 0)
        return;
    free(message->topic);
    free(message->payload);
    free(message);
}

static struct loopback_broker *link_broker(const struct link *link)
{
    return link->client->broker;
}

static bool chance(struct loop *loop, double share)
{
    const uint64_t whole = UINT64_C(1) << 53;
    return share > 0 && (double)loop_random_below(loop, whole) < share * (double)whole;
}

static void packet_free(struct packet *packet)
{
    timer_stop(&packet->timer);
    message_unref(packet->message);
    free(packet);
}

static void packet_arrive(struct packet *packet)
{
    struct link *link = packet->link;
    DL_DELETE(link->packets, packet);
    link->count--;
    link->arrive(link->client, packet);
    packet_free(packet);
}

static void packet_fire(void *arg)
{
    struct packet *packet = arg;
    if (!packet->link->client->cut) /* else it waits in its place for link_resume() */
        packet_arrive(packet);
}

static struct lane *link_lane(struct link *link, const char *topic)
{
    struct lane *lane;
    HASH_FIND_STR(link->lanes, topic, lane);
    if (!lane) {
        size_t len = strlen(topic);
        lane = mem_zalloc(sizeof(*lane) + len + 1);
        memcpy(lane->topic, topic, len);
        HASH_ADD_KEYPTR(hh, link->lanes, lane->topic, len, lane);
    }
    return lane;
}

static int64_t link_due_us(const struct link *link)
{
    const struct loopback_broker *broker = link_broker(link);
    int64_t spread = broker->faults.delay_max_us - broker->faults.delay_min_us;
    int64_t extra = spread > 0 ? (int64_t)loop_random_below(broker->loop, (uint64_t)spread + 1) : 0;
    return loop_now_us(broker->loop) + broker->faults.delay_min_us + extra;
}

static int64_t link_due_in_order_us(struct link *link, const char *topic)
{
    struct lane *lane = link_lane(link, topic);
    int64_t due_us = link_due_us(link);
    if (due_us > lane->due_us)
        lane->due_us = due_us;
    return lane->due_us;
}

static struct packet *link_put(struct link *link, struct message *message, int64_t due_us)
{
    struct loop *loop = link_broker(link)->loop;
    struct packet *packet = mem_zalloc(sizeof(*packet));
    packet->link = link;
    packet->message = message ? message_ref(message) : NULL;
    packet->due_us = due_us;
    DL_APPEND(link->packets, packet);
    link->count++;
    timer_init(&packet->timer, loop, packet_fire, packet);
    timer_start(&packet->timer, due_us - loop_now_us(loop));
    return packet;
}

void link_init(struct link *link, struct client *client, bool to_client,
               void (*arrive)(struct client *client, struct packet *packet))
{
    *link = (struct link){.client = client, .to_client = to_client, .arrive = arrive};
}

void link_send(struct link *link, struct message *message, bool retained)
{
    struct loopback_broker *broker = link_broker(link);
    const struct loopback_faults *faults = &broker->faults;
    if (link->to_client && faults->queue_limit && link->count >= faults->queue_limit) {
        broker->stats.overflowed++;
        return;
    }
    int64_t due_us = faults->reorder ? link_due_us(link) : link_due_in_order_us(link, message->topic);
    link_put(link, message, due_us)->retained = retained;
    if (chance(broker->loop, faults->repeat)) {
        broker->stats.repeated++;
        int64_t late_us = (int64_t)loop_random_below(broker->loop, (uint64_t)faults->late_us + 1);
        struct packet *copy = link_put(link, message, link_due_us(link) + late_us);
        copy->retained = retained;
        copy->repeat = true;
    }
}

void link_acknowledge(struct link *link, size_t bytes)
{
    link_put(link, NULL, link_due_us(link))->acknowledged = bytes;
}

void link_resume(struct link *link)
{
    int64_t now_us = loop_now_us(link_broker(link)->loop);
    struct packet *packet;
    DL_FOREACH(link->packets, packet) /* all of them, so that those of one instant keep their order */
    timer_start(&packet->timer, packet->due_us > now_us ? packet->due_us - now_us : 0);
}

static void link_clear(struct link *link)
{
    struct packet *packet, *next;
    DL_FOREACH_SAFE(link->packets, packet, next)
    {
        DL_DELETE(link->packets, packet);
        packet_free(packet);
    }
    link->count = 0;

    struct lane *lane, *next_lane;
    HASH_ITER (hh, link->lanes, lane, next_lane) {
        HASH_DEL(link->lanes, lane);
        free(lane);
    }
}

void link_close(struct link *link, size_t count)
{
    while (link->packets && count-- > 0)
        packet_arrive(link->packets);
    link_clear(link);
}

static bool link_loses(const struct packet *packet)
{
    const struct link *link = packet->link;
    struct loopback_broker *broker = link_broker(link);
    struct loopback_passage passage = {
        .client = link->client->name,
        .to_client = link->to_client,
        .topic = packet->message->topic,
        .payload = packet->message->payload,
        .len = packet->message->len,
    };
    const struct loopback_faults *faults = &broker->faults;
    return chance(broker->loop, faults->lose) ||
           (faults->lose_this && faults->lose_this(faults->arg, &passage));
}

static void packet_flip(struct packet *packet, struct loop *loop)
{
    const struct message *whole = packet->message;
    struct message *damaged =
        message_create(whole->topic, whole->payload, whole->len, whole->qos, whole->retain);
    uint64_t bit = loop_random_below(loop, whole->len * 8);
    damaged->payload[bit / 8] ^= (char)(1u << (bit % 8));
    message_unref(packet->message);
    packet->message = damaged;
}

bool link_admits(struct packet *packet)
{
    struct loopback_broker *broker = link_broker(packet->link);
    if (link_loses(packet)) {
        broker->stats.lost++;
        return false;
    }
    if (packet->message->len && chance(broker->loop, broker->faults.flip)) {
        broker->stats.flipped++;
        packet_flip(packet, broker->loop);
    }
    return true;
}
