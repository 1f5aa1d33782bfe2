#ifndef TI_TESTS_INFORMER_HAND_H
#define TI_TESTS_INFORMER_HAND_H

/* A provider that the test speaks for by hand. */

#include "tests/unit/informer/informer_fixture.h"

#define MINUTE (60 * LOOP_SECOND)

struct hand {
    struct fixture *f;
    struct script script;
    uint64_t boot, epoch, catalog, revision; /* of the catalog said last */
    const char *version;                     /* that heartbeats tell; NULL: none */
    uint64_t beat;                           /* of the next heartbeat; 0: they are not counted */
};

static inline void hand_presence(struct hand *h, const char *uid)
{
    struct buf body = BUF_INIT(4096);
    struct presence presence = {.alive = true, .heartbeat_ms = 2000};
    snprintf(presence.cluster, sizeof(presence.cluster), "%s", uid);
    presence_format(&body, &presence);
    tap_say(h->f->tap, "p/c1",
            &(struct message){.kind = MESSAGE_PRESENCE, .boot = h->boot, .body = {body.data, body.len}});
    buf_deinit(&body);
}

static inline uint64_t hand_catalog_format(const struct hand *h, bool complete, size_t count,
                                           struct buf *body)
{
    struct catalog_entry entry = {.gvr = pods_gvr(), .kind = "Pod", .namespaced = true, .epoch = h->epoch};
    catalog_format(body, complete, &entry, count);
    return catalog_hash((struct slice){body->data, body->len});
}

/* Of what hand_catalog() would say now. */
static inline uint64_t hand_catalog_hash(const struct hand *h)
{
    struct buf body = BUF_INIT(4096);
    uint64_t hash = hand_catalog_format(h, true, 1, &body);
    buf_deinit(&body);
    return hash;
}

static inline void hand_catalog_of(struct hand *h, bool complete, size_t count)
{
    struct buf body = BUF_INIT(4096);
    h->catalog = hand_catalog_format(h, complete, count, &body);
    tap_say(h->f->tap, "p/c1/all",
            &(struct message){.kind = MESSAGE_CATALOG,
                              .boot = h->boot,
                              .revision = ++h->revision,
                              .body = {body.data, body.len}});
    buf_deinit(&body);
}

static inline void hand_catalog(struct hand *h)
{
    hand_catalog_of(h, true, 1);
}

/* The same of each of so many streams, two at most. */
static inline void hand_heartbeat_of(struct hand *h, size_t count)
{
    struct buf body = BUF_INIT(4096);
    struct heartbeat_entry entry = {.sequence = h->script.sequence, .lease_s = -1};
    if (h->version)
        strcpy(entry.version, h->version);
    heartbeat_format(&body, (struct heartbeat_entry[]){entry, entry}, count);
    tap_say(h->f->tap, "p/c1/all",
            &(struct message){.kind = MESSAGE_HEARTBEAT,
                              .boot = h->boot,
                              .catalog = h->catalog,
                              .revision = h->beat,
                              .body = {body.data, body.len}});
    buf_deinit(&body);
    run(h->f, 100 * LOOP_MS);
}

static inline void hand_heartbeat(struct hand *h)
{
    hand_heartbeat_of(h, 1);
}

static inline uint64_t hand_nonce(struct hand *h)
{
    const struct heard *sync = tap_last(h->f->tap, MESSAGE_SYNC, SIGNALS);
    return sync ? sync->message.nonce : 0;
}

static inline void hand_equal(struct hand *h, uint64_t nonce)
{
    tap_say(h->f->tap, ANSWERS,
            &(struct message){.kind = MESSAGE_EQUAL,
                              .nonce = nonce,
                              .epoch = h->epoch,
                              .to = h->script.sequence,
                              .root = store_root(h->script.published),
                              .count = store_count(h->script.published)});
    run(h->f, 100 * LOOP_MS);
}

/* All that is published, in one chunk. */
static inline void hand_snapshot(struct hand *h)
{
    struct buf body = BUF_INIT(1 << 20);
    const struct store *published = h->script.published;
    for (struct object *object = store_seek(published, 0); object; object = store_after(published, object))
        assert_int_equal(codec_put_item(h->script.codec, &body, NULL, object), 0);
    tap_say(h->f->tap, ANSWERS,
            &(struct message){.kind = MESSAGE_CHUNK,
                              .nonce = hand_nonce(h),
                              .epoch = h->epoch,
                              .to = h->script.sequence,
                              .last_hash = UINT64_MAX,
                              .last = true,
                              .root = store_root(published),
                              .count = store_count(published),
                              .body = {body.data, body.len}});
    buf_deinit(&body);
}

static inline void hand_delta(struct hand *h, const char *name, int version)
{
    script_next(&h->script);
    script_put(&h->script, name, version);
    struct message delta = script_delta(&h->script, h->epoch);
    tap_say(h->f->tap, STREAM, &delta);
}

/* In sync with nothing. */
static inline void hand_start(struct hand *h, struct fixture *f)
{
    *h = (struct hand){.f = f, .boot = 11, .epoch = 21};
    script_init(&h->script, ENCODING_ZSTD);
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    hand_presence(h, "uid-1");
    hand_catalog(h);
    hand_heartbeat(h);
    hand_equal(h, hand_nonce(h));
    assert_true(replica_synced(f->replica));
}

/* Announces for so long, every 100 ms, and answers each sync once. Returns how many syncs there were, and the
 * longest time between two of them. */
static inline uint64_t hand_suffers(struct hand *h, void (*answer)(struct hand *h), int64_t us,
                                    bool new_epochs, int64_t *longest_us)
{
    struct loop *loop = h->f->wire.loop;
    uint64_t answered = 0, before = stats(h->f)->syncs, seen = before;
    int64_t end_us = loop_now_us(loop) + us, last_us = loop_now_us(loop);
    *longest_us = 0;
    while (loop_now_us(loop) < end_us) {
        if (new_epochs)
            h->epoch++;
        hand_catalog(h);
        hand_heartbeat(h); /* takes 100 ms */
        if (hand_nonce(h) != answered)
            answer(h);
        answered = hand_nonce(h);
        if (stats(h->f)->syncs == seen)
            continue;
        seen = stats(h->f)->syncs;
        if (loop_now_us(loop) - last_us > *longest_us)
            *longest_us = loop_now_us(loop) - last_us;
        last_us = loop_now_us(loop);
    }
    return seen - before;
}

/* From now on the provider is as it should be: whatever it was before, that is found out. */
static inline void hand_recovers(struct hand *h)
{
    struct informer_replica *replica = h->f->replica;
    for (int i = 0; i < 150 && !replica_synced(replica); i++) {
        run(h->f, LOOP_SECOND);
        hand_heartbeat(h);
        hand_equal(h, hand_nonce(h));
    }
    assert_true(replica_synced(replica));
    assert_true(digest_equal(store_root(replica_store(replica)), store_root(h->script.published)));
}

static inline void hand_stop(struct hand *h)
{
    script_deinit(&h->script);
}

#endif
