#ifndef TI_TESTS_INFORMER_MENDING_H
#define TI_TESTS_INFORMER_MENDING_H

/* A provider by hand that would repair what an informer has: one object differs. */

#include "informer/informer_internal.h"
#include "tests/unit/informer/hand.h"
#include "transport/buckets.h"

#define BITS 4
#define OBJECTS 40
#define CHANGED "o7"

struct mending {
    struct hand h;
    struct buf body;
};

/* Live, with objects. */
static inline void mending_start(struct mending *m, struct fixture *f)
{
    buf_init(&m->body, 64 << 20);
    hand_start(&m->h, f);
    script_next(&m->h.script);
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        script_put(&m->h.script, name, 1);
    }
    struct message delta = script_delta(&m->h.script, m->h.epoch);
    tap_say(f->tap, STREAM, &delta);
    run(f, LOOP_SECOND);
    assert_int_equal(f->added, OBJECTS);
}

static inline void mending_stop(struct mending *m)
{
    hand_stop(&m->h);
    buf_deinit(&m->body);
}

/* It begins anew, and one object has changed: the informer has asked. */
static inline void begin_anew(struct mending *m)
{
    struct fixture *f = m->h.f;
    run(f, 15 * LOOP_SECOND);
    m->h.epoch++;
    put(m->h.script.published, CHANGED, (int)m->h.epoch);
    forget_counts(f);
    hand_catalog(&m->h);
    hand_heartbeat(&m->h);
    run(f, LOOP_SECOND);
    assert_int_equal(f->replica->phase, REPLICA_SYNCING);
    assert_false(tap_last(f->tap, MESSAGE_SYNC, SIGNALS)->message.whole);
}

/* An answer as of now. */
static inline struct message answer_of(struct mending *m, enum message_kind kind, uint64_t index)
{
    const struct store *published = m->h.script.published;
    return (struct message){.kind = kind,
                            .nonce = hand_nonce(&m->h),
                            .epoch = m->h.epoch,
                            .index = index,
                            .to = m->h.script.sequence,
                            .root = store_root(published),
                            .count = store_count(published),
                            .last = true};
}

/* The sums of the buckets first … last. */
static inline struct message digests_of(struct mending *m, uint64_t index, uint64_t first, uint64_t last)
{
    const struct store *published = m->h.script.published;
    struct message digests = answer_of(m, MESSAGE_DIGESTS, index);
    digests.bits = BITS;
    digests.first = bucket_first_hash(first, BITS);
    digests.last_hash = bucket_last_hash(last, BITS);
    digests.last = digests.last_hash == UINT64_MAX;
    struct object *object = store_seek(published, digests.first);
    buf_clear(&m->body);
    for (uint64_t bucket = first; bucket <= last; bucket++) {
        uint32_t sum = 0;
        for (; object && object_key_hash(object) <= bucket_last_hash(bucket, BITS);
             object = store_after(published, object))
            sum += (uint32_t)object_digest(object).low;
        bytes_append_le(&m->body, sum, BUCKET_ENTRY_LEN);
    }
    digests.body = (struct slice){m->body.data, m->body.len};
    return digests;
}

static inline struct message all_digests(struct mending *m)
{
    return digests_of(m, 0, 0, (1 << BITS) - 1);
}

static inline void say(struct mending *m, const struct message *message)
{
    tap_say(m->h.f->tap, ANSWERS, message);
    run(m->h.f, LOOP_MS);
}

/* A repair of the one bucket that differs. */
struct telling {
    struct mending *provider;
    struct message message;
    uint64_t buckets, bucket, entries; /* as they are told */
    uint8_t right[OBJECTS];
    size_t right_len;
    struct buf more; /* behind the first bucket */
    struct buf items;
};

static inline uint64_t bucket_of_name(const char *name)
{
    char key[32];
    int len = snprintf(key, sizeof(key), "ns/%s", name);
    return bucket_of(key_hash(key, (size_t)len), BITS);
}

/* A name that nobody has, in that bucket or in another one. */
static inline const char *new_name(uint64_t bucket, bool inside)
{
    static char name[32];
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "new%d", i);
        if ((bucket_of_name(name) == bucket) == inside)
            return name;
    }
}

static inline void add_item(struct telling *telling, const char *name, int version)
{
    struct codec *codec = telling->provider->h.script.codec;
    cleanup_with(object_unrefp) struct object *object = object_of(name, version);
    assert_int_equal(codec_put_item(codec, &telling->items, NULL, object), 0);
}

/* As it should be. */
static inline void telling_init(struct telling *telling, struct mending *m)
{
    const struct store *has = replica_store(m->h.f->replica);
    uint64_t bucket = bucket_of_name(CHANGED);
    *telling = (struct telling){.provider = m,
                                .message = answer_of(m, MESSAGE_REPAIR, 1),
                                .buckets = 1,
                                .bucket = bucket,
                                .right_len = 1};
    struct object *object = store_seek(has, bucket_first_hash(bucket, BITS));
    for (; object && bucket_of(object_key_hash(object), BITS) == bucket; object = store_after(has, object)) {
        struct slice name = object_name(object);
        bool right = name.len != strlen(CHANGED) || memcmp(name.data, CHANGED, name.len) != 0;
        telling->right[telling->entries / 8] |= (uint8_t)(right << telling->entries % 8);
        telling->entries++;
    }
    assert_in_range(telling->entries, 2, 8); /* else some lies below would be none */
    buf_init(&telling->more, 4096);
    buf_init(&telling->items, 64 << 20);
    add_item(telling, CHANGED, version_in(m->h.script.published, CHANGED));
}

static inline void telling_deinit(struct telling *telling)
{
    buf_deinit(&telling->more);
    buf_deinit(&telling->items);
}

static inline void tell(struct telling *telling)
{
    struct mending *m = telling->provider;
    buf_clear(&m->body);
    bytes_append_varint(&m->body, telling->buckets);
    if (telling->buckets) {
        bytes_append_varint(&m->body, telling->bucket);
        bytes_append_varint(&m->body, telling->entries);
        buf_append(&m->body, telling->right, telling->right_len);
    }
    if (telling->more.len)
        buf_append(&m->body, telling->more.data, telling->more.len);
    if (telling->items.len)
        buf_append(&m->body, telling->items.data, telling->items.len);
    telling->message.body = (struct slice){m->body.data, m->body.len};
    say(m, &telling->message);
}

#endif
