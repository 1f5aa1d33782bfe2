/*
 * Answers to syncs that take more than one message: chunks (chunks.c), deltas once more (replay.c), digests
 * and repairs (repair.c). One run of an informer has one transfer per stream: that of its newest sync. The
 * informer gives credit; a transfer that gets none for a while is dropped.
 *
 * Informers that share a name are told apart by the run in their nonces, and do not break off each other's
 * transfers, however many they are: those for whom there is no place ask again, as after any sync that is not
 * answered. A run that is over leaves its transfer behind; who comes after it takes that place once it does
 * not move any more.
 */
#include "provider/publisher_internal.h"

#include <string.h>

#include "base/mem.h"

#define RUNS_MAX 4 /* of one name, at a time */
#define RUN_OVER_US (5 * LOOP_SECOND)

struct transfer *transfer_find(struct publisher_stream *stream, const char *informer, uint64_t nonce)
{
    struct transfer *transfer;
    DL_FOREACH(stream->transfers, transfer)
    if (transfer->nonce == nonce && strcmp(transfer->informer, informer) == 0)
        return transfer;
    return NULL;
}

/* All but its place among the others. */
static void transfer_clear(struct transfer *transfer)
{
    free(transfer->have_body);
    *transfer = (struct transfer){.prev = transfer->prev, .next = transfer->next};
}

void transfer_free(struct publisher_stream *stream, struct transfer *transfer)
{
    if (!transfer)
        return;
    /* It is in the list, so that is not empty. */
    DL_DELETE(stream->transfers, transfer); /* NOLINT(clang-analyzer-core.NullDereference) */
    free(transfer->have_body);
    free(transfer);
}

static void drop_idle(struct publisher_stream *stream)
{
    int64_t now = loop_now_us(stream->publisher->loop);
    struct transfer *transfer, *next;
    DL_FOREACH_SAFE(stream->transfers, transfer, next)
    if (now - transfer->last_us > TRANSFER_IDLE_US)
        transfer_free(stream, transfer);
}

/* One whose place a sync of this informer takes; NULL where there is none. runs: how many others of that name
 * there are. */
static struct transfer *transfer_before(struct publisher_stream *stream, const char *informer, uint64_t nonce,
                                        size_t *runs)
{
    struct transfer *transfer, *over = NULL;
    int64_t over_since = loop_now_us(stream->publisher->loop) - RUN_OVER_US;
    *runs = 0;
    DL_FOREACH(stream->transfers, transfer)
    {
        if (strcmp(transfer->informer, informer) != 0)
            continue;
        if (nonce_run(transfer->nonce) == nonce_run(nonce))
            return transfer;
        ++*runs;
        if (transfer->last_us < over_since)
            over = transfer;
    }
    return over;
}

static struct transfer *transfer_slot(struct publisher_stream *stream, const char *informer, uint64_t nonce)
{
    size_t runs;
    struct transfer *transfer = transfer_before(stream, informer, nonce, &runs);
    if (transfer)
        return transfer;
    int count;
    drop_idle(stream);
    DL_COUNT(stream->transfers, transfer, count);
    if (count >= TRANSFERS_MAX || runs == RUNS_MAX)
        return NULL;
    transfer = mem_zalloc(sizeof(*transfer));
    DL_APPEND(stream->transfers, transfer);
    return transfer;
}

struct transfer *transfer_begin(struct publisher_stream *stream, const char *informer,
                                const struct message *sync, transfer_send_fn *send)
{
    struct publisher *publisher = stream->publisher;
    struct transfer *transfer = transfer_slot(stream, informer, sync->nonce);
    topics_text topic;
    if (!transfer ||
        topics_stream(&publisher->options.topics, publisher->name, informer, &stream->gvr, topic) != 0) {
        publisher->stats.syncs_refused++;
        transfer_free(stream, transfer);
        return NULL;
    }
    transfer_clear(transfer);
    strcpy(transfer->informer, informer);
    strcpy(transfer->topic, topic);
    transfer->nonce = sync->nonce;
    transfer->credit = sync->credit;
    transfer->send = send;
    transfer->last_us = loop_now_us(publisher->loop);
    turns_want(stream);
    return transfer;
}

void transfer_credit(struct publisher_stream *stream, const char *informer, const struct message *credit)
{
    struct transfer *transfer = transfer_find(stream, informer, credit->nonce);
    if (!transfer || credit->credit <= transfer->credit)
        return;
    transfer->credit = credit->credit;
    transfer->last_us = loop_now_us(stream->publisher->loop);
    turns_want(stream);
}

bool transfer_pump(struct publisher_stream *stream)
{
    struct transfer *transfer;
    DL_FOREACH(stream->transfers, transfer)
    if (transfer->send && transfer->index < transfer->credit)
        break;
    if (!transfer)
        return false;
    transfer->last_us = loop_now_us(stream->publisher->loop);
    if (transfer->send(stream, transfer)) {
        transfer_free(stream, transfer);
    } else { /* the next message is another informer's */
        DL_DELETE(stream->transfers, transfer);
        DL_APPEND(stream->transfers, transfer);
    }
    return true;
}
