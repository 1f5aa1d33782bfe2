#include "samples/minicluster/queue.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

#define KEYS_PER_TURN 20

struct queue_entry {
    char *key;
    int64_t due_us;
    struct queue_entry *prev, *next;
    UT_hash_handle hh;
};

static void entry_remove(struct queue *queue, struct queue_entry *entry)
{
    /* It is in the table, so that is not empty. */
    HASH_DEL(queue->by_key, entry); /* NOLINT(clang-analyzer-core.NullDereference) */
    DL_DELETE(queue->first, entry);
}

static void entry_free(struct queue_entry *entry)
{
    free(entry->key);
    free(entry);
}

static void schedule(struct queue *queue)
{
    timer_stop(&queue->timer);
    if (!queue->first)
        return;
    int64_t delay = queue->first->due_us - loop_now_us(queue->timer.loop);
    timer_start(&queue->timer, delay > 0 ? delay : 0);
}

static void turn(void *arg)
{
    struct queue *queue = arg;
    int64_t now = loop_now_us(queue->timer.loop);
    for (int i = 0; i < KEYS_PER_TURN && queue->first && queue->first->due_us <= now; i++) {
        struct queue_entry *entry = queue->first;
        entry_remove(queue, entry);
        queue->work(queue->arg, entry->key);
        entry_free(entry);
    }
    schedule(queue);
}

void queue_init(struct queue *queue, struct loop *loop, void (*work)(void *arg, const char *key), void *arg)
{
    *queue = (struct queue){.work = work, .arg = arg};
    timer_init(&queue->timer, loop, turn, queue);
}

void queue_deinit(struct queue *queue)
{
    timer_stop(&queue->timer);
    while (queue->first) {
        struct queue_entry *entry = queue->first;
        entry_remove(queue, entry);
        entry_free(entry);
    }
}

/* Most are due later than all others: looked for from the end. */
static void insert(struct queue *queue, struct queue_entry *entry)
{
    struct queue_entry *before = queue->first ? queue->first->prev : NULL;
    while (before && before->due_us > entry->due_us)
        before = before == queue->first ? NULL : before->prev;
    if (before)
        DL_APPEND_ELEM(queue->first, before, entry);
    else
        DL_PREPEND(queue->first, entry);
}

void queue_add(struct queue *queue, const char *key, int64_t delay_us)
{
    int64_t due = loop_now_us(queue->timer.loop) + delay_us;
    struct queue_entry *entry;
    HASH_FIND_STR(queue->by_key, key, entry);
    if (entry && entry->due_us <= due)
        return;
    if (entry) {
        DL_DELETE(queue->first, entry);
    } else {
        entry = mem_zalloc(sizeof(*entry));
        entry->key = mem_strdup(key);
        HASH_ADD_KEYPTR(hh, queue->by_key, entry->key, strlen(entry->key), entry);
    }
    entry->due_us = due;
    insert(queue, entry);
    if (queue->first == entry)
        schedule(queue);
}
