/*
 * Snapshots. A chunk is a range of key hashes, read from the published store in the moment it is sent, at the
 * sequence it names; ranges follow one another from 0 to the last hash, without hole or overlap. The informer
 * gives credit; a transfer that gets none for a while is dropped, and one informer has one transfer per
 * stream: its newest.
 */
#include "provider/publisher_internal.h"

#include <string.h>

#include "base/mem.h"

static struct transfer *transfer_find(struct publisher_stream *stream, const char *informer)
{
    struct transfer *transfer;
    DL_FOREACH(stream->transfers, transfer)
    if (strcmp(transfer->informer, informer) == 0)
        return transfer;
    return NULL;
}

void transfer_free(struct publisher_stream *stream, struct transfer *transfer)
{
    DL_DELETE(stream->transfers, transfer);
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

static struct transfer *transfer_slot(struct publisher_stream *stream, const char *informer)
{
    struct transfer *transfer = transfer_find(stream, informer);
    if (transfer)
        return transfer;
    int count;
    drop_idle(stream);
    DL_COUNT(stream->transfers, transfer, count);
    if (count >= TRANSFERS_MAX)
        return NULL;
    transfer = mem_zalloc(sizeof(*transfer));
    DL_APPEND(stream->transfers, transfer);
    return transfer;
}

void transfer_start(struct publisher_stream *stream, const char *informer, const struct message *sync)
{
    struct publisher *publisher = stream->publisher;
    struct transfer *transfer = transfer_slot(stream, informer);
    if (!transfer) {
        publisher->stats.syncs_refused++;
        return;
    }
    if (topics_stream(&publisher->options.topics, publisher->name, informer, &stream->gvr, transfer->topic) !=
        0) {
        transfer_free(stream, transfer);
        return;
    }
    strcpy(transfer->informer, informer);
    transfer->nonce = sync->nonce;
    transfer->cursor = 0;
    transfer->index = 0;
    transfer->credit = sync->credit;
    transfer->last_us = loop_now_us(publisher->loop);
    publisher->stats.syncs_snapshot++;
    stream_work(stream);
}

void transfer_credit(struct publisher_stream *stream, const char *informer, const struct message *credit)
{
    struct transfer *transfer = transfer_find(stream, informer);
    if (!transfer || transfer->nonce != credit->nonce || credit->credit <= transfer->credit)
        return;
    transfer->credit = credit->credit;
    transfer->last_us = loop_now_us(stream->publisher->loop);
    stream_work(stream);
}

/* Fills the body from the cursor on, and puts the end of the range in the chunk. Objects of one hash stay
 * together. */
static void chunk_fill(struct publisher_stream *stream, const struct transfer *transfer,
                       struct message *chunk)
{
    struct publisher *publisher = stream->publisher;
    struct buf *body = &publisher->body;
    size_t max = stream_body_max(publisher);
    struct object *object = store_seek(stream->published, transfer->cursor);
    buf_clear(body);
    while (object) {
        size_t before = body->len;
        int r = codec_put_item(publisher->codec, body, NULL, object);
        bool joined = before && chunk->last_hash == object_key_hash(object);
        if (r != 0 || (before && body->len > max && !joined)) {
            buf_truncate(body, before);
            break;
        }
        chunk->last_hash = object_key_hash(object);
        object = store_after(stream->published, object);
    }
    chunk->last = object == NULL;
    if (chunk->last)
        chunk->last_hash = UINT64_MAX;
    chunk->body = (struct slice){body->data, body->len};
}

static void chunk_send(struct publisher_stream *stream, struct transfer *transfer)
{
    struct message chunk = {
        .kind = MESSAGE_CHUNK,
        .nonce = transfer->nonce,
        .epoch = stream->epoch,
        .index = transfer->index,
        .to = stream->sequence,
        .first = transfer->cursor,
        .root = store_root(stream->published),
        .count = store_count(stream->published),
    };
    chunk_fill(stream, transfer, &chunk);
    publisher_send(stream->publisher, transfer->topic, &chunk, false);
    transfer->index++;
    transfer->cursor = chunk.last_hash + 1;
    transfer->last_us = loop_now_us(stream->publisher->loop);
    if (chunk.last) {
        transfer_free(stream, transfer);
    } else { /* the next one is another informer's */
        DL_DELETE(stream->transfers, transfer);
        DL_APPEND(stream->transfers, transfer);
    }
}

bool transfer_pump(struct publisher_stream *stream)
{
    struct transfer *transfer;
    DL_FOREACH(stream->transfers, transfer)
    if (transfer->index < transfer->credit) {
        chunk_send(stream, transfer);
        return true;
    }
    return false;
}
