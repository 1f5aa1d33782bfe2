/*
 * Replay: the last deltas of a stream, as they were sent. An informer that lost a few of them says where it
 * stands; if that is a point where we were, the answer is that it has what was published then (equal), and
 * the deltas since, once more. So a lost message costs about as much as the message.
 *
 * What is kept is bounded for each stream, and for all of a publisher, where the oldest makes room. A
 * stream's deltas are of its epoch, and follow one another: the one that goes is its oldest.
 */
#include "provider/publisher_internal.h"

#include <string.h>

#include "base/mem.h"

#define STREAM_BYTES_MAX ((size_t)256 << 10)
#define TOTAL_BYTES_MAX ((size_t)2 << 20)
#define MESSAGES_MAX 256 /* in one replay: informers and brokers hold no more */

/* A delta that was sent. */
struct sent {
    struct publisher_stream *stream;
    uint64_t from, items;
    struct digest root; /* of what was published before it, and how many that were */
    uint64_t count;
    size_t len;
    struct sent *prev, *next;         /* the stream's, oldest first */
    struct sent *all_prev, *all_next; /* the publisher's */
    char payload[];
};

static size_t sent_bytes(size_t len)
{
    return sizeof(struct sent) + len;
}

static void sent_free(struct sent *sent)
{
    struct publisher_stream *stream = sent->stream;
    /* It is in both lists, so neither is empty. NOLINTBEGIN(clang-analyzer-core.NullDereference) */
    DL_DELETE(stream->sent, sent);
    DL_DELETE2(stream->publisher->sent, sent, all_prev, all_next);
    /* NOLINTEND(clang-analyzer-core.NullDereference) */
    stream->sent_bytes -= sent_bytes(sent->len);
    stream->publisher->sent_bytes -= sent_bytes(sent->len);
    free(sent);
}

void replay_forget(struct publisher_stream *stream)
{
    while (stream->sent)
        sent_free(stream->sent);
}

static void make_room(struct publisher_stream *stream)
{
    while (stream->sent_bytes > STREAM_BYTES_MAX)
        sent_free(stream->sent);
    while (stream->publisher->sent_bytes > TOTAL_BYTES_MAX)
        sent_free(stream->publisher->sent);
}

void replay_keep(struct publisher_stream *stream, const struct message *delta, struct slice payload,
                 struct digest root, uint64_t count)
{
    struct sent *sent = mem_alloc(sent_bytes(payload.len));
    *sent = (struct sent){.stream = stream,
                          .from = delta->from,
                          .items = delta->items,
                          .root = root,
                          .count = count,
                          .len = payload.len};
    memcpy(sent->payload, payload.data, payload.len);
    DL_APPEND(stream->sent, sent);
    DL_APPEND2(stream->publisher->sent, sent, all_prev, all_next);
    stream->sent_bytes += sent_bytes(sent->len);
    stream->publisher->sent_bytes += sent_bytes(sent->len);
    make_room(stream);
}

static const struct sent *sent_from(const struct publisher_stream *stream, uint64_t from)
{
    const struct sent *sent = stream->sent;
    while (sent && sent->from != from)
        sent = sent->next;
    return sent;
}

/* Few and small beside all that is published: otherwise another answer is cheaper. */
static bool is_cheap(const struct publisher_stream *stream, const struct sent *sent)
{
    size_t messages = 0, bytes = 0;
    for (; sent; sent = sent->next) {
        messages++;
        bytes += sent->len;
    }
    return messages <= MESSAGES_MAX && bytes <= store_size(stream->published);
}

bool replay_can(const struct publisher_stream *stream, const struct message *sync)
{
    const struct sent *sent = sync->epoch == stream->epoch ? sent_from(stream, sync->to + 1) : NULL;
    return sent && sent->count == sync->count && digest_equal(sent->root, sync->root) &&
           is_cheap(stream, sent);
}

/* One delta. It ends where it has caught up, or where what comes next had to make room meanwhile. */
static bool replay_send(struct publisher_stream *stream, struct transfer *transfer)
{
    const struct sent *sent = sent_from(stream, transfer->cursor);
    if (!sent)
        return true;
    turns_send_payload(stream, transfer->topic, (struct slice){sent->payload, sent->len});
    stream->publisher->stats.deltas_replayed++;
    transfer->cursor = sent->from + sent->items;
    return sent->next == NULL;
}

void replay_start(struct publisher_stream *stream, const char *informer, const struct message *sync)
{
    struct publisher *publisher = stream->publisher;
    struct transfer *transfer = transfer_begin(stream, informer, sync, replay_send);
    if (!transfer)
        return;
    struct message equal = {.kind = MESSAGE_EQUAL,
                            .nonce = sync->nonce,
                            .epoch = stream->epoch,
                            .to = sync->to,
                            .root = sync->root,
                            .count = sync->count};
    STREAM_COUNT(stream, syncs_replay, 1);
    publisher_send(publisher, transfer->topic, &equal, false);
    transfer->cursor = sync->to + 1;
    transfer->credit = UINT64_MAX; /* of its own bound */
}
