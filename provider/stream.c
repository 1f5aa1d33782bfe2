/*
 * One stream: what changed in the source waits by key, oldest first, until the window has room; then the
 * newest state of each key is compared with what is published and goes out as one event. Nothing waits while
 * there is room: the first change leaves at the end of the loop's turn, together with what came in the same
 * turn.
 */
#include "provider/publisher_internal.h"

#include <string.h>

#include "base/mem.h"
#include "transport/split.h"

/* Patches make a few bytes of much: these bound a turn of the loop here and at the reader, not the message.
 */
#define BATCH_ITEMS_MAX 512
#define BODY_ENOUGH ((size_t)128 << 10) /* however much the transport takes: longer ones are long turns */
#define BATCH_STANDS_FOR ((size_t)256 << 10)
#define FORGOTTEN_MAX 256 /* in one step, where nothing is sent */

/* Tables by key take the hash that the object has of it anyway. */
static unsigned table_hash(const struct object *object)
{
    return (unsigned)object_key_hash(object);
}

static struct pending *pending_find(struct publisher_stream *stream, const struct object *object)
{
    const char *key = object_key(object);
    struct pending *pending;
    HASH_FIND_BYHASHVALUE(hh, stream->pending_by_key, key, strlen(key), table_hash(object), pending);
    return pending;
}

static void pending_add(struct publisher_stream *stream, struct object *object)
{
    struct pending *pending = mem_alloc(sizeof(*pending));
    pending->object = object_ref(object);
    const char *key = object_key(object);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, stream->pending_by_key, key, strlen(key), table_hash(object), pending);
    DL_APPEND(stream->pending, pending);
}

static void pending_free(struct publisher_stream *stream, struct pending *pending)
{
    /* It is in the table, so that is not empty. */
    HASH_DEL(stream->pending_by_key, pending); /* NOLINT(clang-analyzer-core.NullDereference) */
    DL_DELETE(stream->pending, pending);
    object_unref(pending->object);
    free(pending);
}

void stream_work(struct publisher_stream *stream)
{
    struct publisher *publisher = stream->publisher;
    if (!stream->working) {
        stream->working = true;
        DL_APPEND2(publisher->work, stream, work_prev, work_next);
    }
    publisher_flush_soon(publisher);
}

/* No message could hold it: what is published of it, if anything, stays as it was. */
static bool is_too_large(struct publisher_stream *stream, const struct object *object)
{
    if (!object || object_size(object) <= OBJECT_SIZE_MAX)
        return false;
    STREAM_COUNT(stream, too_large, 1);
    log_error(
        stream->publisher->options.log, "publisher",
        "%s %s: %zu bytes are more than can be published (%zu): left out, and not up to date at informers",
        stream->path, object_key(object), object_size(object), OBJECT_SIZE_MAX);
    return true;
}

/* Where nobody reads the published state it just follows. `any` has the key; new_ NULL: deleted. */
static void follow(struct publisher_stream *stream, const struct object *any, struct object *new_)
{
    if (!new_)
        store_delete(stream->published, object_key(any), false);
    else if (!is_too_large(stream, new_))
        store_put(stream->published, new_);
}

static void on_source_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    (void)unseen;
    struct publisher_stream *stream = arg;
    if (!stream->ready) {
        follow(stream, new_ ? new_ : old, new_);
        return;
    }
    struct object *object = new_ ? new_ : old;
    if (pending_find(stream, object)) {
        STREAM_COUNT(stream, coalesced, 1);
        return;
    }
    pending_add(stream, object);
    stream_work(stream);
}

struct audience *audience_find(const struct publisher *publisher, const char *name, size_t len)
{
    struct audience *audience;
    HASH_FIND(hh, publisher->audiences, name, len, audience);
    return audience;
}

static struct audience *audience_get(struct publisher *publisher, const char *name)
{
    struct audience *audience = audience_find(publisher, name, strlen(name));
    if (audience)
        return audience;
    audience = mem_zalloc(sizeof(*audience));
    if (topics_audience(&publisher->options.topics, publisher->name, name, audience->topic) != 0) {
        free(audience);
        return NULL;
    }
    strcpy(audience->name, name);
    HASH_ADD_STR(publisher->audiences, name, audience);
    return audience;
}

void publisher_audience(struct publisher *publisher, const char *name)
{
    struct audience *audience = audience_get(publisher, name);
    if (!audience)
        return;
    audience->catalog_due = true;
    announce_soon(publisher, 0);
}

/* To be told in the catalog. */
static void stream_changed(struct publisher_stream *stream)
{
    stream->audience->catalog_due = true;
    announce_soon(stream->publisher, 0);
}

struct publisher_stream *publisher_add(struct publisher *publisher, const char *audience,
                                       const struct gvr *gvr, const char *kind, bool namespaced,
                                       struct store *source)
{
    topics_text topic;
    struct audience *owner = audience_get(publisher, audience);
    if (!owner || topics_stream(&publisher->options.topics, publisher->name, audience, gvr, topic) != 0)
        return NULL;

    struct publisher_stream *stream = mem_zalloc(sizeof(*stream));
    stream->publisher = publisher;
    stream->audience = owner;
    stream->gvr = *gvr;
    strncpy(stream->kind, kind, sizeof(stream->kind) - 1);
    stream->namespaced = namespaced;
    strcpy(stream->topic, topic);
    stream->path = stream->topic + strlen(publisher->presence_topic) + 1;
    stream->state = STREAM_STARTING;
    stream->source = source;
    stream->published = store_create_on(store_shelf(source));
    stream->observer = (struct store_observer){.changed = on_source_changed, .arg = stream};
    DL_APPEND(owner->streams, stream);

    for (struct object *object = store_seek(source, 0); object; object = store_after(source, object))
        follow(stream, object, object);
    store_observe(source, &stream->observer);
    stream_changed(stream);
    return stream;
}

void publisher_stream_names(struct publisher_stream *stream, const struct names *names)
{
    free(stream->names);
    stream->names = names_pack(names);
    stream_changed(stream);
}

void publisher_stream_attend(struct publisher_stream *stream, const struct publisher_stream_ops *ops,
                             void *arg)
{
    stream->ops = ops;
    stream->arg = arg;
}

void publisher_stream_ready(struct publisher_stream *stream)
{
    if (stream->ready)
        return;
    stream->ready = true;
    stream->epoch = loop_random(stream->publisher->loop) | 1; /* never 0, which stands for none */
    if (stream->state == STREAM_STARTING)
        stream->state = STREAM_ACTIVE;
    stream_changed(stream);
}

/* What is pending still goes into the published store, by way of stream_pump(). */
void publisher_stream_unready(struct publisher_stream *stream)
{
    if (!stream->ready)
        return;
    stream->ready = false;
    stream->epoch = stream->sequence = 0;
    replay_forget(stream); /* what comes is counted from 1 again */
    while (stream->transfers)
        transfer_free(stream, stream->transfers);
    stream_changed(stream);
}

void publisher_stream_state(struct publisher_stream *stream, enum stream_state state)
{
    if (stream->state == state)
        return;
    stream->state = state;
    stream->audience->heartbeat_due = true;
    announce_soon(stream->publisher, 0);
}

void stream_destroy(struct publisher_stream *stream)
{
    struct publisher *publisher = stream->publisher;
    store_unobserve(stream->source, &stream->observer);
    while (stream->pending)
        pending_free(stream, stream->pending);
    while (stream->transfers)
        transfer_free(stream, stream->transfers);
    replay_forget(stream);
    turns_leave(stream);
    if (stream->working)
        DL_DELETE2(publisher->work, stream, work_prev, work_next);
    DL_DELETE(stream->audience->streams, stream);
    discards_add(&publisher->discards, stream->published);
    free(stream->names);
    free(stream);
}

void publisher_stream_end(struct publisher_stream *stream, enum end_reason reason)
{
    struct message end = {
        .kind = MESSAGE_END, .epoch = stream->epoch, .from = stream->sequence + 1, .reason = reason};
    if (stream->ready)
        publisher_send(stream->publisher, stream->topic, &end, false);
    stream_changed(stream);
    stream_destroy(stream);
}

/* ---- encoding ---- */

size_t stream_body_max(const struct publisher *publisher)
{
    size_t max = transport_max_payload(publisher->transport);
    if (max > BODY_ENOUGH)
        return BODY_ENOUGH;
    return max > 2 * HEADER_ROOM ? max - HEADER_ROOM : HEADER_ROOM;
}

struct batch {
    struct buf *body;
    uint64_t items, patched;
    size_t stands_for; /* bytes of the objects looked at: what it costs to write it, and to read it */
};

/* As a patch of what is published, where readers can find that by its key hash. 0, BUF_E_LIMIT. */
static int put_item(struct publisher_stream *stream, struct batch *batch, const struct object *old,
                    const struct object *new_)
{
    struct codec *codec = stream->publisher->codec;
    if (old && new_ && store_is_sole(stream->published, old) &&
        codec_put_patch(codec, batch->body, old, new_) == 0) {
        batch->patched++;
        return 0;
    }
    return codec_put_item(codec, batch->body, old, new_);
}

/* Puts the newest state of that object's key in the batch, and makes it the published one. False where it
 * does not fit any more. */
static bool batch_add(struct publisher_stream *stream, struct batch *batch, const struct object *any)
{
    struct publisher *publisher = stream->publisher;
    struct object *old = store_get_like(stream->published, any);
    struct object *new_ = store_get_like(stream->source, any);
    if ((!old && !new_) || (old && new_ && object_equal(old, new_)) || is_too_large(stream, new_))
        return true;

    size_t before = batch->body->len, patched = batch->patched;
    bool full = put_item(stream, batch, old, new_) != 0;
    if (full || (batch->items && batch->body->len > stream_body_max(publisher))) {
        buf_truncate(batch->body, before);
        batch->patched = patched;
        return false;
    }
    batch->stands_for += object_size(new_ ? new_ : old);
    if (new_)
        store_put(stream->published, new_);
    else
        store_delete(stream->published, object_key(any), false);
    batch->items++;
    return true;
}

static void batch_fill(struct publisher_stream *stream, struct batch *batch)
{
    while (stream->pending && batch->items < BATCH_ITEMS_MAX && batch->stands_for < BATCH_STANDS_FOR &&
           batch_add(stream, batch, stream->pending->object))
        pending_free(stream, stream->pending);
}

/* What was taken by the transport may still be lost, and so may what is not: both are gaps that informers
 * see. */
static void publish_batch(struct publisher_stream *stream)
{
    struct publisher *publisher = stream->publisher;
    struct batch batch = {.body = &publisher->body};
    struct digest root = store_root(stream->published);
    uint64_t count = store_count(stream->published);
    buf_clear(batch.body);
    batch_fill(stream, &batch);
    if (batch.items == 0)
        return;
    struct message delta = {
        .kind = MESSAGE_DELTA,
        .epoch = stream->epoch,
        .from = stream->sequence + 1,
        .items = batch.items,
        .root = store_root(stream->published),
        .body = {publisher->body.data, publisher->body.len},
    };
    stream->sequence += batch.items;
    publisher->effort += batch.stands_for;
    STREAM_COUNT(stream, events, batch.items);
    publisher->stats.patched += batch.patched;
    struct slice payload = codec_encode(publisher->codec, &delta);
    replay_keep(stream, &delta, payload, root, count);
    publisher_send_payload(stream, stream->topic, payload);
}

/* Nobody is told any more. */
static void forget_pending(struct publisher_stream *stream)
{
    for (int i = 0; i < FORGOTTEN_MAX && stream->pending; i++) {
        const struct object *object = stream->pending->object;
        follow(stream, object, store_get_like(stream->source, object));
        pending_free(stream, stream->pending);
    }
}

bool stream_pump(struct publisher_stream *stream)
{
    if (!stream->ready) {
        forget_pending(stream);
        return stream->pending != NULL;
    }
    if (stream->pending) {
        publish_batch(stream);
        announce_version(stream);
        return true;
    }
    return false;
}
