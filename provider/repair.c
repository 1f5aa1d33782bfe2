/*
 * Repair, for an informer that has nearly all of it. First digests: what the objects of each bucket of key
 * hashes add up to, so that it finds those that differ. It tells what it has in these (have), and is told
 * which of that is right, and given the rest (repair).
 *
 * All is read from the published store in the moment it is sent, at the sequence it names, so nothing is kept
 * here between two messages but where they go on. A have is answered bucket by bucket, and the next one comes
 * when it is done: there is one of them at a time.
 */
#include "provider/publisher_internal.h"

#include <string.h>

#include "base/mem.h"
#include "transport/buckets.h"

#define UNLIKE 4 /* who has so many times more or less gets a snapshot */
#define BITS_MIN 4
#define BITS_MAX 16
#define CHANGED_GUESS 1024                 /* one of so many, after a restart */
#define BUCKET_BYTES_MAX ((size_t)4 << 20) /* of objects, on the average */
#define SLICE_BUCKETS 16384
#define LOOK_EFFORT 64               /* to look at an object, in bytes of one that is read */
#define HAVE_MAX ((size_t)128 << 10) /* bytes; signals are never split */
#define ENTRIES_AHEAD 1024 /* more than so many that are not there any more make an object be sent again */

bool repair_can(const struct publisher_stream *stream, const struct message *sync)
{
    size_t count = store_count(stream->published);
    return stream->publisher->options.encoding == ENCODING_ZSTD && sync->count &&
           store_size(stream->published) > stream->publisher->options.repair_bytes &&
           sync->count / UNLIKE <= count && count / UNLIKE <= sync->count;
}

/* Sums cost by the bucket, and a changed object what it takes to tell its bucket: least in all where there
 * are as many buckets as the square root of (changed objects * objects). */
static unsigned choose_bits(const struct publisher_stream *stream, const struct message *sync)
{
    uint64_t count = store_count(stream->published), changed = count / CHANGED_GUESS;
    unsigned bits = BITS_MIN;
    if (sync->epoch == stream->epoch && sync->to <= stream->sequence)
        changed = stream->sequence - sync->to;
    changed = changed < 1 ? 1 : changed > count ? count : changed;
    while (bits < BITS_MAX && ((UINT64_C(1) << (2 * bits)) < changed * count ||
                               store_size(stream->published) >> bits > BUCKET_BYTES_MAX))
        bits++;
    return bits;
}

static struct message answer(const struct publisher_stream *stream, const struct transfer *transfer,
                             enum message_kind kind)
{
    return (struct message){.kind = kind,
                            .nonce = transfer->nonce,
                            .epoch = stream->epoch,
                            .index = transfer->index,
                            .to = stream->sequence,
                            .root = store_root(stream->published),
                            .count = store_count(stream->published)};
}

/* ---- digests ---- */

/* Adds up the bucket whose first object it is, if it has any; returns the one behind it. */
static struct object *sum_bucket(const struct publisher_stream *stream, struct object *object,
                                 uint64_t last_hash, uint32_t *sum, size_t *objects)
{
    for (*sum = 0; object && object_key_hash(object) <= last_hash; (*objects)++) {
        *sum += (uint32_t)object_digest(object).low;
        object = store_after(stream->published, object);
    }
    return object;
}

static bool digests_send(struct publisher_stream *stream, struct transfer *transfer)
{
    struct buf *body = &stream->publisher->body;
    struct message digests = answer(stream, transfer, MESSAGE_DIGESTS);
    struct object *object = store_seek(stream->published, transfer->cursor);
    uint64_t bucket = bucket_of(transfer->cursor, transfer->bits);
    size_t objects = 0;
    buf_clear(body);
    digests.first = transfer->cursor;
    digests.bits = transfer->bits;
    do {
        uint32_t sum;
        digests.last_hash = bucket_last_hash(bucket++, transfer->bits);
        object = sum_bucket(stream, object, digests.last_hash, &sum, &objects);
        bytes_append_le(body, sum, BUCKET_ENTRY_LEN);
    } while (digests.last_hash != UINT64_MAX && objects < stream->publisher->options.slice_objects &&
             body->len < (size_t)SLICE_BUCKETS * BUCKET_ENTRY_LEN);
    digests.last = digests.last_hash == UINT64_MAX;
    digests.body = (struct slice){body->data, body->len};
    turns_send(stream, transfer->topic, &digests);
    stream->publisher->effort += objects * LOOK_EFFORT;
    stream->publisher->stats.digests++;
    transfer->index++;
    transfer->cursor = digests.last_hash + 1;
    if (digests.last)
        transfer->send = NULL; /* until it says what it has */
    return false;
}

void repair_start(struct publisher_stream *stream, const char *informer, const struct message *sync)
{
    struct transfer *transfer = transfer_begin(stream, informer, sync, digests_send);
    if (!transfer)
        return;
    transfer->bits = choose_bits(stream, sync);
    STREAM_COUNT(stream, syncs_repair, 1);
}

/* ---- repairs ---- */

/* One bucket of a have, as it is read. */
struct told {
    uint64_t bucket, count;
    const uint8_t *entries;
};

static bool told_read(struct reader *reader, uint64_t *next, unsigned bits, struct told *told)
{
    return bucket_read(reader, next, bits, &told->bucket) && reader_varint(reader, &told->count) &&
           told->count <= (uint64_t)(reader->end - reader->at) / BUCKET_ENTRY_LEN &&
           reader_skip(reader, (size_t)told->count * BUCKET_ENTRY_LEN, &told->entries);
}

/* The entry that stands for the object, from the given one on, or the number of all. Both are in one order.
 */
static uint64_t told_find(const struct told *told, uint64_t from, const struct object *object)
{
    uint32_t wanted = (uint32_t)object_digest(object).low;
    uint64_t end = told->count - from < ENTRIES_AHEAD ? told->count : from + ENTRIES_AHEAD;
    for (uint64_t i = from; i < end; i++)
        if ((uint32_t)bytes_get_le(told->entries + i * BUCKET_ENTRY_LEN, BUCKET_ENTRY_LEN) == wanted)
            return i;
    return told->count;
}

/* What a repair is put together in. */
struct parts {
    struct buf head, *items;
    uint64_t buckets, next;
    size_t looked_at;
};

/* 0; 1 where it is more than a message may hold. */
static int answer_bucket(struct publisher_stream *stream, const struct told *told, unsigned bits,
                         struct parts *parts)
{
    uint64_t last_hash = bucket_last_hash(told->bucket, bits), from = 0;
    size_t bits_len = (size_t)(told->count + 7) / 8;
    struct object *object = store_seek(stream->published, bucket_first_hash(told->bucket, bits));
    if (bucket_append(&parts->head, &parts->next, told->bucket) != 0 ||
        bytes_append_varint(&parts->head, told->count) != 0 || buf_reserve(&parts->head, bits_len) != 0)
        return 1;
    uint8_t *right = (uint8_t *)parts->head.data + parts->head.len;
    memset(right, 0, bits_len);
    parts->head.len += bits_len;
    for (; object && object_key_hash(object) <= last_hash; object = store_after(stream->published, object)) {
        uint64_t found = told_find(told, from, object);
        parts->looked_at++;
        if (found < told->count) {
            right[found / 8] |= (uint8_t)(1 << found % 8);
            from = found + 1;
        } else if (codec_put_item(stream->publisher->codec, parts->items, NULL, object) != 0) {
            return 1;
        }
    }
    parts->buckets++;
    parts->looked_at += told->count;
    return 0;
}

/* As many buckets as fit in one message. 0; 1 where that is not even one, or what was told makes no sense. */
static int answer_buckets(struct publisher_stream *stream, struct transfer *transfer, struct parts *parts)
{
    size_t max = stream_body_max(stream->publisher);
    struct told told;
    while (transfer->have.at < transfer->have.end &&
           parts->looked_at < stream->publisher->options.slice_objects &&
           parts->items->len + parts->head.len < max) {
        if (!told_read(&transfer->have, &transfer->have_next, transfer->bits, &told) ||
            answer_bucket(stream, &told, transfer->bits, parts) != 0)
            return 1;
    }
    return 0;
}

static void repair_put_together(struct buf *body, const struct parts *parts)
{
    bytes_append_varint(body, parts->buckets);
    if (parts->head.len)
        buf_append(body, parts->head.data, parts->head.len);
    if (parts->items->len)
        buf_append(body, parts->items->data, parts->items->len);
}

/* One that cannot be answered is dropped, and the informer asks anew, for all of it. */
static bool repair_send(struct publisher_stream *stream, struct transfer *transfer)
{
    struct publisher *publisher = stream->publisher;
    struct buf body __attribute__((cleanup(buf_deinit))) = BUF_INIT(BODY_LIMIT);
    struct parts parts = {.head = BUF_INIT(BODY_LIMIT), .items = &publisher->body};
    struct message repair = answer(stream, transfer, MESSAGE_REPAIR);
    buf_clear(parts.items);
    int r = answer_buckets(stream, transfer, &parts);
    if (r == 0)
        repair_put_together(&body, &parts);
    buf_deinit(&parts.head);
    if (r != 0)
        return true;
    bool answered = transfer->have.at == transfer->have.end;
    repair.last = answered && transfer->have_last;
    repair.body = (struct slice){body.data, body.len};
    turns_send(stream, transfer->topic, &repair);
    publisher->effort += parts.looked_at * LOOK_EFFORT + parts.items->len;
    publisher->stats.repairs++;
    transfer->index++;
    if (answered)
        transfer->send = NULL;
    return repair.last;
}

void repair_have(struct publisher_stream *stream, const char *informer, const struct message *have,
                 struct slice told)
{
    struct transfer *transfer = transfer_find(stream, informer, have->nonce);
    if (!transfer || transfer->send || transfer->have_index != have->index || told.len > HAVE_MAX)
        return;
    free(transfer->have_body);
    transfer->have_body = mem_dup(told.data, told.len);
    transfer->have =
        (struct reader){(uint8_t *)transfer->have_body, (uint8_t *)transfer->have_body + told.len};
    transfer->have_next = 0;
    transfer->have_last = have->last;
    transfer->have_index++;
    transfer->send = repair_send;
    transfer->last_us = loop_now_us(stream->publisher->loop);
    turns_want(stream);
}
