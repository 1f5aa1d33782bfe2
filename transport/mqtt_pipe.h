#ifndef TI_TRANSPORT_MQTT_PIPE_H
#define TI_TRANSPORT_MQTT_PIPE_H

/*
 * What the loop thread and the network thread of one connection share, and all that they share. Items go
 * down, to the network, and up, to the loop; each list is handed over whole under one lock, so that the cost
 * of locking is that of a turn and not that of a message. Each side wakes the other only when it may be
 * asleep.
 *
 * The network thread stops reading the socket while the loop is `inbound_limit` bytes or messages behind,
 * which becomes the broker's backpressure; it goes on when half of that is worked off. There is no limit
 * downwards: the loop thread counts what it sends and what comes back as released.
 *
 * Both sides hold a reference; the last one frees. After mqtt_pipe_leave() the network thread touches nothing
 * of the loop.
 */

#include <stdbool.h>
#include <stddef.h>

struct uv_async_s;

enum mqtt_item_kind {
    MQTT_ITEM_SUBSCRIBE, /* down: topic is the filter */
    MQTT_ITEM_PUBLISH,   /* down */
    MQTT_ITEM_CONNECTED, /* up: the payload is the protocol's name */
    MQTT_ITEM_MESSAGE,   /* up */
    MQTT_ITEM_NOTE,      /* up: the payload is a line for the log */
    MQTT_ITEM_ENDED,     /* up, once, last: the payload is the reason */
};

/* One block: the topic and the payload follow it, each with a NUL byte behind. */
struct mqtt_item {
    struct mqtt_item *next;
    enum mqtt_item_kind kind;
    int qos;
    bool retain;
    const char *topic;
    const char *payload;
    size_t len;
    size_t max_payload; /* MQTT_ITEM_CONNECTED: what the broker takes */
};

struct mqtt_item *mqtt_item_create(enum mqtt_item_kind kind, const char *topic, const void *payload,
                                   size_t len);

struct mqtt_items {
    struct mqtt_item *first, *last;
    size_t count, bytes;
};

void mqtt_items_append(struct mqtt_items *items, struct mqtt_item *item); /* takes it */
struct mqtt_item *mqtt_items_shift(struct mqtt_items *items); /* yours to free; NULL where empty */
void mqtt_items_clear(struct mqtt_items *items);

/* Messages that are no longer on their way: acknowledged, or, at QoS 0, written to the socket. */
struct mqtt_released {
    size_t count, bytes;
    size_t acknowledged_count, acknowledged_bytes; /* those at QoS 1 */
};

enum mqtt_wish {
    MQTT_WISH_STAY,
    MQTT_WISH_GOODBYE, /* send what there is, then DISCONNECT */
    MQTT_WISH_VANISH,  /* end at once */
};

struct mqtt_pipe;

/* Two references: one for each side. NULL where there are no file descriptors left. */
struct mqtt_pipe *mqtt_pipe_create(struct uv_async_s *async, size_t inbound_bytes, size_t inbound_count);
void mqtt_pipe_unref(struct mqtt_pipe *pipe); /* the network thread's last word, after MQTT_ITEM_ENDED */

/* -- loop thread -- */
void mqtt_pipe_send(struct mqtt_pipe *pipe, struct mqtt_item *item); /* takes it */
/* Moves what came up behind `items`, and adds to `released`. */
void mqtt_pipe_receive(struct mqtt_pipe *pipe, struct mqtt_items *items, struct mqtt_released *released);
/* So many of them are worked off. */
void mqtt_pipe_worked_off(struct mqtt_pipe *pipe, size_t count, size_t bytes);
void mqtt_pipe_goodbye(struct mqtt_pipe *pipe); /* MQTT_ITEM_ENDED comes once it is said, or cannot be */
/* Never to be called again by the network thread, which vanishes; drops the loop's reference. */
void mqtt_pipe_leave(struct mqtt_pipe *pipe);

/* -- network thread -- */
int mqtt_pipe_wake_fd(
    const struct mqtt_pipe *pipe); /* readable when there is something down, or another wish */
/* Moves what came down behind `items`. Returns the wish; *full: the loop is behind, do not read. */
enum mqtt_wish mqtt_pipe_take(struct mqtt_pipe *pipe, struct mqtt_items *items, bool *full);
/* Between these two the wake_fd is watched. False: something has changed since the last take, do not wait. */
bool mqtt_pipe_sleep(struct mqtt_pipe *pipe);
void mqtt_pipe_awake(struct mqtt_pipe *pipe);
/* Moves all of items up, and adds released; both are empty afterwards. */
void mqtt_pipe_report(struct mqtt_pipe *pipe, struct mqtt_items *items, struct mqtt_released *released);

#endif
