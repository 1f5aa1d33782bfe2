/*
 * Transfers beside deltas, on one connection: what waits in it is delivered in order, so a chunk in front of
 * a delta is what the delta waits for. Transfers therefore have a window of their own in flight, much smaller
 * than that of deltas, and take turns: a message of each stream after the other, beside the deltas, so that
 * neither waits for the other to have nothing more to say.
 */
#include "provider/publisher_internal.h"

#include "base/mem.h"

/* A message of a transfer in flight: until so many bytes have landed in all. */
struct crossing {
    uint64_t end;
    size_t bytes;
    struct crossing *prev, *next;
};

static void crossing_free(struct publisher *publisher, struct crossing *crossing)
{
    DL_DELETE(publisher->crossings, crossing);
    publisher->crossing_bytes -= crossing->bytes;
    free(crossing);
}

void turns_deinit(struct publisher *publisher)
{
    while (publisher->crossings)
        crossing_free(publisher, publisher->crossings);
}

bool turns_send_payload(struct publisher_stream *stream, const char *topic, struct slice payload)
{
    struct publisher *publisher = stream->publisher;
    struct transport *transport = publisher->transport;
    struct crossing *crossing = mem_alloc(sizeof(*crossing));
    bool sent = publisher_send_payload(stream, topic, payload);
    *crossing = (struct crossing){.end = transport_landed(transport) + transport_in_flight(transport),
                                  .bytes = payload.len};
    DL_APPEND(publisher->crossings, crossing);
    publisher->crossing_bytes += crossing->bytes;
    return sent;
}

bool turns_send(struct publisher_stream *stream, const char *topic, const struct message *message)
{
    return turns_send_payload(stream, topic, codec_encode(stream->publisher->codec, message));
}

void turns_want(struct publisher_stream *stream)
{
    struct publisher *publisher = stream->publisher;
    if (!stream->in_turn) {
        stream->in_turn = true;
        DL_APPEND2(publisher->turns, stream, turn_prev, turn_next);
    }
    publisher_flush_soon(publisher);
}

void turns_leave(struct publisher_stream *stream)
{
    if (stream->in_turn)
        DL_DELETE2(stream->publisher->turns, stream, turn_prev, turn_next);
    stream->in_turn = false;
}

bool turns_may_go(struct publisher *publisher)
{
    uint64_t landed = transport_landed(publisher->transport);
    while (publisher->crossings && publisher->crossings->end <= landed)
        crossing_free(publisher, publisher->crossings);
    return publisher->turns && publisher_may_send(publisher) && publisher->crossing_bytes < TRANSFER_WINDOW;
}

void turns_go(struct publisher *publisher)
{
    struct publisher_stream *stream = publisher->turns;
    turns_leave(stream);
    if (stream->pending) /* so that the answer is of now, as far as that goes */
        stream_pump(stream);
    if (transfer_pump(stream))
        turns_want(stream);
}
