#ifndef TI_SAMPLES_MINICLUSTER_QUEUE_H
#define TI_SAMPLES_MINICLUSTER_QUEUE_H

/*
 * Keys to be worked on, each once however often it was added, and none before its time: the work queue of a
 * controller. It works a few keys in each turn of the loop.
 */

#include "base/loop.h"

struct queue_entry;

struct queue {
    struct queue_entry *by_key; /* hash table */
    struct queue_entry *first;  /* by due time */
    struct timer timer;
    void (*work)(void *arg, const char *key);
    void *arg;
};

void queue_init(struct queue *queue, struct loop *loop, void (*work)(void *arg, const char *key), void *arg);
void queue_deinit(struct queue *queue);

/* In delay_us at the latest; an earlier time that it has already stays. From inside work() as well. */
void queue_add(struct queue *queue, const char *key, int64_t delay_us);

#endif
