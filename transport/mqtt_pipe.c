#include "transport/mqtt_pipe.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

struct mqtt_pipe {
    pthread_mutex_t mutex;
    int refs;
    int wake_fd;
    struct uv_async_s *async; /* the loop's; NULL once it has left */
    struct mqtt_items down, up;
    struct mqtt_released released;
    size_t limit_bytes, limit_count;
    size_t behind_bytes, behind_count; /* up, and not yet worked off */
    bool told;                         /* the loop knows that there is something for it */
    bool changed;                      /* since the network thread took last */
    bool asleep;                       /* it may be in poll() */
    bool stalled;                      /* it does not read, and wants to be woken when it may */
    enum mqtt_wish wish;
};

/* -- items
 * ----------------------------------------------------------------------------------------------------------
 */

struct mqtt_item *mqtt_item_create(enum mqtt_item_kind kind, const char *topic, const void *payload,
                                   size_t len)
{
    size_t topic_len = strlen(topic);
    struct mqtt_item *item = mem_alloc(sizeof(*item) + topic_len + 1 + len + 1);
    char *text = (char *)(item + 1);
    memcpy(text, topic, topic_len + 1);
    char *copy = text + topic_len + 1;
    if (len)
        memcpy(copy, payload, len);
    copy[len] = '\0';
    *item = (struct mqtt_item){.kind = kind, .topic = text, .payload = copy, .len = len};
    return item;
}

void mqtt_items_append(struct mqtt_items *items, struct mqtt_item *item)
{
    item->next = NULL;
    if (items->last)
        items->last->next = item;
    else
        items->first = item;
    items->last = item;
    items->count++;
    items->bytes += item->len;
}

struct mqtt_item *mqtt_items_shift(struct mqtt_items *items)
{
    struct mqtt_item *item = items->first;
    if (!item)
        return NULL;
    items->first = item->next;
    if (!items->first)
        items->last = NULL;
    items->count--;
    items->bytes -= item->len;
    return item;
}

void mqtt_items_clear(struct mqtt_items *items)
{
    struct mqtt_item *item;
    while ((item = mqtt_items_shift(items)))
        free(item);
}

static void items_move(struct mqtt_items *to, struct mqtt_items *from)
{
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    to->bytes += from->bytes;
    *from = (struct mqtt_items){0};
}

static void released_move(struct mqtt_released *to, struct mqtt_released *from)
{
    to->count += from->count;
    to->bytes += from->bytes;
    to->acknowledged_count += from->acknowledged_count;
    to->acknowledged_bytes += from->acknowledged_bytes;
    *from = (struct mqtt_released){0};
}

/* -- life
 * -----------------------------------------------------------------------------------------------------------
 */

struct mqtt_pipe *mqtt_pipe_create(struct uv_async_s *async, size_t inbound_bytes, size_t inbound_count)
{
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return NULL;
    struct mqtt_pipe *pipe = mem_zalloc(sizeof(*pipe));
    *pipe = (struct mqtt_pipe){.refs = 2,
                               .wake_fd = wake_fd,
                               .async = async,
                               .limit_bytes = inbound_bytes,
                               .limit_count = inbound_count};
    pthread_mutex_init(&pipe->mutex, NULL);
    return pipe;
}

void mqtt_pipe_unref(struct mqtt_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    int refs = --pipe->refs;
    pthread_mutex_unlock(&pipe->mutex);
    if (refs > 0)
        return;
    mqtt_items_clear(&pipe->down);
    mqtt_items_clear(&pipe->up);
    pthread_mutex_destroy(&pipe->mutex);
    close(pipe->wake_fd);
    free(pipe);
}

/* Both under the lock. */

static void wake_network(struct mqtt_pipe *pipe)
{
    uint64_t one = 1;
    pipe->changed = true;
    if (!pipe->asleep)
        return;
    pipe->asleep = false;
    if (write(pipe->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is at its end: it is awake anyway */
}

static void wake_loop(struct mqtt_pipe *pipe)
{
    if (pipe->told || !pipe->async)
        return;
    pipe->told = true;
    uv_async_send(pipe->async);
}

/* -- loop thread
 * ---------------------------------------------------------------------------------------------------- */

void mqtt_pipe_send(struct mqtt_pipe *pipe, struct mqtt_item *item)
{
    pthread_mutex_lock(&pipe->mutex);
    mqtt_items_append(&pipe->down, item);
    wake_network(pipe);
    pthread_mutex_unlock(&pipe->mutex);
}

void mqtt_pipe_receive(struct mqtt_pipe *pipe, struct mqtt_items *items, struct mqtt_released *released)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->told = false;
    items_move(items, &pipe->up);
    released_move(released, &pipe->released);
    pthread_mutex_unlock(&pipe->mutex);
}

void mqtt_pipe_worked_off(struct mqtt_pipe *pipe, size_t count, size_t bytes)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->behind_count -= count;
    pipe->behind_bytes -= bytes;
    if (pipe->stalled && pipe->behind_count <= pipe->limit_count / 2 &&
        pipe->behind_bytes <= pipe->limit_bytes / 2) {
        pipe->stalled = false;
        wake_network(pipe);
    }
    pthread_mutex_unlock(&pipe->mutex);
}

static void set_wish(struct mqtt_pipe *pipe, enum mqtt_wish wish)
{
    pipe->wish = wish;
    wake_network(pipe);
}

void mqtt_pipe_goodbye(struct mqtt_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    set_wish(pipe, MQTT_WISH_GOODBYE);
    pthread_mutex_unlock(&pipe->mutex);
}

void mqtt_pipe_leave(struct mqtt_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->async = NULL;
    set_wish(pipe, MQTT_WISH_VANISH);
    pthread_mutex_unlock(&pipe->mutex);
    mqtt_pipe_unref(pipe);
}

/* -- network thread
 * ------------------------------------------------------------------------------------------------- */

int mqtt_pipe_wake_fd(const struct mqtt_pipe *pipe)
{
    return pipe->wake_fd;
}

enum mqtt_wish mqtt_pipe_take(struct mqtt_pipe *pipe, struct mqtt_items *items, bool *full)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->changed = false;
    items_move(items, &pipe->down);
    if (pipe->behind_count >= pipe->limit_count || pipe->behind_bytes >= pipe->limit_bytes)
        pipe->stalled = true;
    *full = pipe->stalled && pipe->wish == MQTT_WISH_STAY;
    enum mqtt_wish wish = pipe->wish;
    pthread_mutex_unlock(&pipe->mutex);
    return wish;
}

bool mqtt_pipe_sleep(struct mqtt_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->asleep = !pipe->changed;
    bool asleep = pipe->asleep;
    pthread_mutex_unlock(&pipe->mutex);
    return asleep;
}

void mqtt_pipe_awake(struct mqtt_pipe *pipe)
{
    uint64_t count;
    pthread_mutex_lock(&pipe->mutex);
    pipe->asleep = false;
    if (read(pipe->wake_fd, &count, sizeof(count)) < 0)
        count = 0; /* nobody called */
    pthread_mutex_unlock(&pipe->mutex);
}

void mqtt_pipe_report(struct mqtt_pipe *pipe, struct mqtt_items *items, struct mqtt_released *released)
{
    if (!items->first && !released->count)
        return;
    pthread_mutex_lock(&pipe->mutex);
    pipe->behind_count += items->count;
    pipe->behind_bytes += items->bytes;
    items_move(&pipe->up, items);
    released_move(&pipe->released, released);
    wake_loop(pipe);
    pthread_mutex_unlock(&pipe->mutex);
}
