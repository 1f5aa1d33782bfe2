/*
 * Snapshots. A chunk is a range of key hashes, read from the published store in the moment it is sent, at the
 * sequence it names; ranges follow one another from 0 to the last hash, without hole or overlap.
 */
#include "provider/publisher_internal.h"

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
    publisher->effort += body->len;
}

static bool chunk_send(struct publisher_stream *stream, struct transfer *transfer)
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
    turns_send(stream, transfer->topic, &chunk);
    transfer->index++;
    transfer->cursor = chunk.last_hash + 1;
    return chunk.last;
}

void chunks_start(struct publisher_stream *stream, const char *informer, const struct message *sync)
{
    if (transfer_begin(stream, informer, sync, chunk_send))
        STREAM_COUNT(stream, syncs_snapshot, 1);
}
