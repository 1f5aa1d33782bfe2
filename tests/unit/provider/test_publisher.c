/* What a publisher says on the wire, heard by a tap that also speaks for informers. */
#include "base/object_internal.h"
#include "tests/support/messages.h"
#include "tests/support/publishing.h"
#include "tests/support/replay.h"

#define STREAM "p/c1/all/core/v1/pods"
#define ANSWERS "p/c1/hub/core/v1/pods"
#define PATH "all/core/v1/pods"

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods;
    struct publishing p;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    publishing_stop(&f->p);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static void start(struct fixture *f, struct publishing_options options)
{
    options.pods = f->pods;
    publishing_start(&f->p, &f->wire, &options);
    wire_run(&f->wire, LOOP_SECOND);
}

static void run(struct fixture *f, int64_t us)
{
    wire_run(&f->wire, us);
}

static const struct publisher_stats *stats(struct fixture *f)
{
    return publisher_stats(f->p.publisher);
}

static void say_sync(struct fixture *f, const char *informer, uint64_t nonce, const struct store *have,
                     uint64_t credit)
{
    char topic[64];
    snprintf(topic, sizeof(topic), "s/c1/%s", informer);
    struct message sync = {
        .kind = MESSAGE_SYNC, .nonce = nonce, .credit = credit, .body = {PATH, strlen(PATH)}};
    if (have) {
        sync.root = store_root(have);
        sync.count = store_count(have);
    }
    tap_say(f->tap, topic, &sync);
    run(f, LOOP_SECOND);
}

static void say_credit(struct fixture *f, uint64_t nonce, uint64_t credit)
{
    struct message message = {
        .kind = MESSAGE_CREDIT, .nonce = nonce, .credit = credit, .body = {PATH, strlen(PATH)}};
    tap_say(f->tap, "s/c1/hub", &message);
    run(f, LOOP_SECOND);
}

static void put_many(struct fixture *f, int count, int version)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, version);
    }
}

/* ---- announcing ---- */

static void test_presence_catalog_and_heartbeat(void **state)
{
    struct fixture *f = *state;
    struct presence presence;
    struct catalog_entry *entries = NULL;
    struct heartbeat_entry *beats = NULL;
    bool complete = false;
    size_t count = 0;
    put(f->pods, "a", 1);
    start(f, (struct publishing_options){0});
    run(f, 3 * LOOP_SECOND);
    const struct heard *heard = tap_last(f->tap, MESSAGE_PRESENCE, "p/c1");
    assert_int_equal(presence_parse(heard->message.body, &presence), 0);
    assert_true(presence.alive);
    assert_string_equal(presence.cluster, "uid-1");
    assert_int_equal(presence.heartbeat_ms, 2000);
    heard = tap_last(f->tap, MESSAGE_CATALOG, "p/c1/all");
    assert_int_equal(catalog_parse(heard->message.body, &complete, &entries, &count), 0);
    assert_true(complete);
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].kind, "Pod");
    uint64_t hash = catalog_hash(heard->message.body);
    free(entries);

    put(f->pods, "a", 2);
    publisher_stream_state(f->p.stream, STREAM_FORBIDDEN);
    run(f, 3 * LOOP_SECOND);
    heard = tap_last(f->tap, MESSAGE_HEARTBEAT, "p/c1/all");
    assert_true(heard->message.catalog == hash);
    assert_int_equal(heartbeat_parse(heard->message.body, &beats, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(beats[0].sequence, 1);
    assert_int_equal(beats[0].age_s, -1);
    assert_int_equal(beats[0].state, STREAM_FORBIDDEN);
    free(beats);
}

/* A hub has an audience for each of its clusters: it stops for none of them, and forgets none. */
static uint64_t last_revision(struct fixture *f)
{
    return tap_last(f->tap, MESSAGE_CATALOG, "p/c1/all")->message.revision;
}

/* So that a late one is told from it. */
static void test_each_new_catalog_has_a_greater_revision(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    uint64_t revision = last_revision(f);
    assert_true(revision > 0);
    tap_clear(f->tap);
    tap_say(f->tap, "s/c1/hub", &(struct message){.kind = MESSAGE_WHOIS});
    run(f, LOOP_SECOND);
    assert_true(last_revision(f) == revision); /* it is the same one */
    publisher_stream_unready(f->p.stream);
    run(f, LOOP_SECOND);
    assert_true(last_revision(f) == revision + 1);
    publisher_stream_ready(f->p.stream);
    run(f, LOOP_SECOND);
    assert_true(last_revision(f) == revision + 2);
}

static void test_many_audiences(void **state)
{
    struct fixture *f = *state;
    char topic[32];
    start(f, (struct publishing_options){0});
    for (int i = 0; i < 1000; i++) {
        snprintf(topic, sizeof(topic), "k%d", i);
        publishing_add(&f->p, topic, true);
    }
    for (uint64_t before; stats(f)->messages < 1000;) {
        before = stats(f)->messages;
        assert_true(loop_step(f->wire.loop));
        assert_in_range(stats(f)->messages - before, 0, 70);
    }
    publisher_stream_state(f->p.stream, STREAM_FORBIDDEN);
    run(f, 5 * LOOP_SECOND);
    for (int i = 0; i < 1000; i += 333) {
        snprintf(topic, sizeof(topic), "p/c1/k%d", i);
        assert_int_equal(tap_count(f->tap, MESSAGE_CATALOG, topic), 1);
        assert_in_range(tap_count(f->tap, MESSAGE_HEARTBEAT, topic), 3, 4);
    }
}

/* What finds no room is not left for the next time, where it may find none again. */
static void test_a_heartbeat_waits_for_room(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){.transport_window = 1});
    assert_int_equal(tap_count(f->tap, MESSAGE_CATALOG, "p/c1/all"), 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_HEARTBEAT, "p/c1/all"), 1);
}

static void test_whois_is_answered(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    tap_clear(f->tap);
    tap_say(f->tap, "s/all/hub", &(struct message){.kind = MESSAGE_WHOIS});
    run(f, LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, MESSAGE_PRESENCE, "p/c1"), 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_CATALOG, "p/c1/all"), 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_HEARTBEAT, "p/c1/all"), 1);
}

static void test_a_stream_that_is_not_ready_says_nothing_of_its_objects(void **state)
{
    struct fixture *f = *state;
    struct catalog_entry *entries = NULL;
    bool complete;
    size_t count = 9;
    start(f, (struct publishing_options){.unready = true});
    put(f->pods, "a", 1);
    say_sync(f, "hub", 5, NULL, 16);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(
        catalog_parse(tap_last(f->tap, MESSAGE_CATALOG, NULL)->message.body, &complete, &entries, &count), 0);
    assert_int_equal(count, 1);
    assert_true(entries[0].epoch == 0);
    free(entries);
    assert_int_equal(tap_count(f->tap, 0, STREAM) + tap_count(f->tap, 0, ANSWERS), 0);
    assert_int_equal(stats(f)->syncs_refused, 1);

    publisher_stream_ready(f->p.stream);
    say_sync(f, "hub", 6, NULL, 16);
    const struct heard *chunk = tap_last(f->tap, MESSAGE_CHUNK, ANSWERS);
    assert_non_null(chunk);
    assert_int_equal(chunk->message.count, 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_DELTA, NULL), 0); /* what it had before is no event */
}

/* ---- deltas ---- */

static void test_each_delta_follows_the_one_before(void **state)
{
    struct fixture *f = *state;
    uint64_t next = 1;
    start(f, (struct publishing_options){.max_payload = 1100});
    for (int version = 1; version < 4; version++) {
        put_many(f, 30, version);
        run(f, LOOP_SECOND);
    }
    store_delete(f->pods, "ns/pod-3", false);
    run(f, LOOP_SECOND);
    const struct heard *heard = NULL;
    while ((heard = tap_next(f->tap, heard, MESSAGE_DELTA, STREAM))) {
        assert_int_equal(heard->message.from, next);
        next += heard->message.items;
    }
    assert_int_equal(next, 92);
    assert_true(tap_count(f->tap, MESSAGE_DELTA, STREAM) > 4); /* more than fit in a payload */
    assert_true(digest_equal(tap_last(f->tap, MESSAGE_DELTA, STREAM)->message.root, store_root(f->pods)));
}

/* The window is small: much is pending while each message is made, and none of it may show. */
static void test_the_root_is_of_what_is_published(void **state)
{
    struct fixture *f = *state;
    struct store *copy = store_create();
    start(f, (struct publishing_options){.max_payload = 1100, .window = 600});
    for (int version = 1; version < 6; version++) {
        put_many(f, 40, version);
        loop_step(f->wire.loop);
        loop_step(f->wire.loop);
    }
    store_delete(f->pods, "ns/pod-7", false);
    run(f, LOOP_SECOND);
    replay(f->tap, STREAM, copy);
    assert_true(digest_equal(store_root(copy), store_root(f->pods)));
    assert_true(stats(f)->coalesced > 0);
    store_destroy(copy);
}

static void test_only_the_newest_state_waits(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    loopback_break(f->p.transport);
    loop_step(f->wire.loop);
    for (int version = 1; version <= 5; version++)
        put(f->pods, "a", version);
    put(f->pods, "passing", 1);
    store_delete(f->pods, "ns/passing", false);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, MESSAGE_DELTA, STREAM), 1);
    const struct message *delta = &tap_last(f->tap, MESSAGE_DELTA, STREAM)->message;
    assert_int_equal(delta->from, 1);
    assert_int_equal(delta->items, 1);
    assert_int_equal(stats(f)->coalesced, 5);
    assert_int_equal(stats(f)->events, 1);
    assert_true(digest_equal(delta->root, store_root(f->pods)));
}

static void test_an_object_larger_than_a_payload(void **state)
{
    struct fixture *f = *state;
    static char text[6000];
    struct object *object = NULL;
    snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"big\",\"uid\":\"u\"},\"fill\":\"");
    for (size_t i = strlen(text); i < sizeof(text) - 3; i++)
        text[i] = (char)('a' + loop_random_below(f->wire.loop, 26));
    strcpy(text + sizeof(text) - 3, "\"}");
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    start(f, (struct publishing_options){.max_payload = 1100});
    store_put(f->pods, object);
    object_unref(object);
    run(f, LOOP_SECOND);
    struct item item;
    size_t cursor = 0;
    assert_true(message_next_item(&tap_last(f->tap, MESSAGE_DELTA, STREAM)->message, &cursor, &item));
    assert_true(slice_equal(item.object, text));
}

/* ---- answers ---- */

static struct object *large_object(const char *name, size_t len)
{
    cleanup_free char *text = mem_alloc(len + 200);
    struct object *object = NULL;
    int head = snprintf(text, 200, "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\",\"uid\":\"%s\"}",
                        name, name);
    memset(text + head, ' ', len);
    text[(size_t)head + len] = '}';
    assert_int_equal(object_create(text, (size_t)head + len + 1, NULL, &object), 0);
    return object;
}

/* It is left out, before the stream is ready and behind that; all else goes on. */
static void test_what_no_message_can_hold_is_left_out(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *first = large_object("large-1", 32 << 20);
    cleanup_with(object_unrefp) struct object *second = large_object("large-2", 32 << 20);
    put(f->pods, "a", 1);
    store_put(f->pods, first);
    start(f, (struct publishing_options){0});
    store_put(f->pods, second);
    put(f->pods, "b", 1);
    put(f->pods, "large-3", 1);
    run(f, LOOP_SECOND);
    say_sync(f, "hub", 5, NULL, 16);
    const struct heard *chunk = tap_last(f->tap, MESSAGE_CHUNK, ANSWERS);
    assert_non_null(chunk);
    assert_true(chunk->message.last);
    assert_int_equal(chunk->message.count, 3);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 1);
    assert_int_equal(stats(f)->too_large, 2);
    store_delete(f->pods, "ns/large-1", false);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->events, 2); /* nobody had it */
}

static void test_equal_is_answered_in_one_message(void **state)
{
    struct fixture *f = *state;
    put_many(f, 10, 1);
    start(f, (struct publishing_options){0});
    put(f->pods, "pod-3", 2);
    run(f, LOOP_SECOND);
    say_sync(f, "hub", 5, f->pods, 16);
    const struct heard *equal = tap_last(f->tap, MESSAGE_EQUAL, ANSWERS);
    assert_non_null(equal);
    assert_int_equal(equal->message.nonce, 5);
    assert_int_equal(equal->message.to, 1);
    assert_int_equal(equal->message.count, 10);
    assert_true(equal->message.epoch == tap_last(f->tap, MESSAGE_DELTA, STREAM)->message.epoch);
    assert_true(digest_equal(equal->message.root, store_root(f->pods)));
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, NULL), 0);
    assert_int_equal(stats(f)->syncs_equal, 1);
}

/* Chunks of a nonce, in order and without a hole; the number of objects in them. */
static size_t check_chunks(struct fixture *f, uint64_t nonce, bool whole)
{
    const struct heard *heard = NULL;
    uint64_t first = 0, index = 0;
    size_t objects = 0;
    bool last = false;
    while ((heard = tap_next(f->tap, heard, MESSAGE_CHUNK, ANSWERS))) {
        const struct message *chunk = &heard->message;
        struct item item;
        if (chunk->nonce != nonce)
            continue;
        assert_false(last);
        assert_int_equal(chunk->index, index++);
        assert_true(chunk->first == first);
        assert_true(chunk->last_hash >= first);
        for (size_t cursor = 0; message_next_item(chunk, &cursor, &item);)
            objects++;
        first = chunk->last_hash + 1;
        last = chunk->last;
    }
    assert_int_equal(last, whole);
    assert_true(first == 0 || !whole);
    return objects;
}

static void test_credit_is_respected(void **state)
{
    struct fixture *f = *state;
    put_many(f, 60, 1);
    start(f, (struct publishing_options){.max_payload = 1100});
    say_sync(f, "hub", 5, NULL, 2);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 2);
    say_credit(f, 6, 9); /* another nonce */
    say_credit(f, 5, 1); /* less than before */
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 2);
    say_credit(f, 5, 3);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 3);
    check_chunks(f, 5, false);
    say_credit(f, 5, 1000);
    assert_int_equal(check_chunks(f, 5, true), 60);
}

static void test_a_snapshot_while_objects_change(void **state)
{
    struct fixture *f = *state;
    put_many(f, 60, 1);
    start(f, (struct publishing_options){.max_payload = 1100});
    say_sync(f, "hub", 5, NULL, 1);
    for (uint64_t credit = 2; credit < 40; credit++) {
        put_many(f, 60, (int)credit);
        run(f, LOOP_SECOND);
        say_credit(f, 5, credit);
        const struct message *chunk = &tap_last(f->tap, MESSAGE_CHUNK, ANSWERS)->message;
        if (chunk->index == credit - 1) {
            assert_int_equal(chunk->to, stats(f)->events);
            assert_true(digest_equal(chunk->root, store_root(f->pods)));
        }
    }
    assert_int_equal(check_chunks(f, 5, true), 60);
}

/* However much credit there is, little of a transfer is in flight, and a delta is not behind all of it. */
static void test_a_delta_beside_a_snapshot(void **state)
{
    struct fixture *f = *state;
    put_many(f, 20000, 1);
    start(f, (struct publishing_options){.encoding = ENCODING_PLAIN});
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = 100 * LOOP_MS,
                                                                         .delay_max_us = 100 * LOOP_MS});
    tap_say(
        f->tap, "s/c1/hub",
        &(struct message){.kind = MESSAGE_SYNC, .nonce = 5, .credit = 1000, .body = {PATH, strlen(PATH)}});
    run(f, 350 * LOOP_MS); /* each way takes 100 ms */
    assert_in_range(transport_in_flight(f->p.transport), 1 << 17, (1 << 18) + (1 << 17));
    run(f, 100 * LOOP_MS);
    assert_in_range(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 1, 4);
    put(f->pods, "pod-1", 2);
    run(f, 250 * LOOP_MS);
    assert_int_equal(tap_count(f->tap, MESSAGE_DELTA, STREAM), 1);
    assert_in_range(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 1, 12);
    run(f, 20 * LOOP_SECOND);
    assert_true(tap_last(f->tap, MESSAGE_CHUNK, ANSWERS)->message.last);
}

/* There is always a delta that waits for the window, and still the snapshot comes to its end. */
static void test_a_snapshot_under_more_load_than_there_is_room_for(void **state)
{
    struct fixture *f = *state;
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.delay_min_us = 20 * LOOP_MS,
                                                                         .delay_max_us = 20 * LOOP_MS});
    put_many(f, 50, 1);
    start(f, (struct publishing_options){.max_payload = 1100, .window = 1});
    struct message sync = {.kind = MESSAGE_SYNC, .nonce = 7, .credit = 1000, .body = {PATH, strlen(PATH)}};
    put_many(f, 50, 2);
    tap_say(f->tap, "s/c1/hub", &sync);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i % 50);
        put(f->pods, name, 3 + i);
        run(f, 2 * LOOP_MS);
    }
    const struct heard *last = tap_last(f->tap, MESSAGE_CHUNK, ANSWERS);
    assert_true(last && last->message.last);
    assert_true(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS) > 4);
    assert_true(tap_count(f->tap, MESSAGE_DELTA, STREAM) > 40);
}

static void test_a_newer_sync_takes_the_place(void **state)
{
    struct fixture *f = *state;
    put_many(f, 60, 1);
    start(f, (struct publishing_options){.max_payload = 1100});
    say_sync(f, "hub", 5, NULL, 1);
    say_sync(f, "second", 7, NULL, 1);
    say_sync(f, "hub", 6, NULL, 1000);
    say_credit(f, 5, 1000);
    assert_int_equal(check_chunks(f, 6, true), 60);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, "p/c1/second/core/v1/pods"), 1);
    check_chunks(f, 5, false);
}

static void test_an_empty_stream_is_one_empty_chunk(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    struct store *have = store_create();
    put(have, "gone", 1);
    say_sync(f, "hub", 5, have, 16);
    store_destroy(have);
    assert_int_equal(check_chunks(f, 5, true), 0);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 1);
}

static void test_a_stream_for_one_audience(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){.unready = true});
    publishing_add(&f->p, "second", true);
    put(f->pods, "a", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, MESSAGE_DELTA, "p/c1/second/core/v1/pods"), 1);
    struct message sync = {
        .kind = MESSAGE_SYNC, .nonce = 5, .credit = 16, .body = {"second/core/v1/pods", 19}};
    tap_say(f->tap, "s/c1/hub", &sync);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs_refused, 1);
    tap_say(f->tap, "s/c1/second", &sync);
    run(f, LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, MESSAGE_CHUNK, "p/c1/second/core/v1/pods"), 1);
    assert_int_equal(tap_count(f->tap, 0, ANSWERS), 0);
}

/* ---- interest ---- */

struct asked {
    char informer[64];
    int64_t lease_us;
    size_t count;
};

static void on_wanted(void *arg, const char *informer, int64_t lease_us)
{
    struct asked *asked = arg;
    snprintf(asked->informer, sizeof(asked->informer), "%s", informer);
    asked->lease_us = lease_us;
    asked->count++;
}

static int64_t lease_of(void *arg)
{
    return ((struct asked *)arg)->lease_us;
}

static const char *version_of(void *arg)
{
    (void)arg;
    return "17";
}

static void say_want(struct fixture *f, const char *paths, uint64_t lease)
{
    tap_say(f->tap, "s/c1/hub",
            &(struct message){.kind = MESSAGE_WANT, .lease = lease, .body = {paths, strlen(paths)}});
    run(f, LOOP_SECOND);
}

static struct heartbeat_entry last_beat(struct fixture *f)
{
    struct heartbeat_entry *beats = NULL;
    size_t count;
    assert_int_equal(heartbeat_parse(tap_last(f->tap, MESSAGE_HEARTBEAT, NULL)->message.body, &beats, &count),
                     0);
    assert_int_equal(count, 1);
    struct heartbeat_entry beat = beats[0];
    free(beats);
    return beat;
}

static void test_a_want_reaches_the_owner_of_the_stream(void **state)
{
    static const struct publisher_stream_ops ops = {.wanted = on_wanted, .lease_us = lease_of};
    struct fixture *f = *state;
    struct asked asked = {.count = 0};
    start(f, (struct publishing_options){.unready = true});
    publisher_stream_attend(f->p.stream, &ops, &asked);
    run(f, 3 * LOOP_SECOND);
    assert_int_equal(last_beat(f).lease_s, 0);
    size_t beats = tap_count(f->tap, MESSAGE_HEARTBEAT, NULL);
    say_want(f, "all/core/v1/none all/core/v1/pods", 300);
    assert_string_equal(asked.informer, "hub");
    assert_true(asked.lease_us == 300 * LOOP_SECOND);
    assert_int_equal(stats(f)->wants_refused, 1);                    /* which is not to be had */
    assert_true(tap_count(f->tap, MESSAGE_HEARTBEAT, NULL) > beats); /* others need not ask */
    assert_int_equal(last_beat(f).lease_s, 300);
    say_want(f, "all/core/v1/pods", 0);
    assert_true(asked.lease_us == 0);
    assert_int_equal(asked.count, 2);
}

static void test_a_want_of_too_much_is_cut(void **state)
{
    static const struct publisher_stream_ops ops = {.wanted = on_wanted};
    struct fixture *f = *state;
    struct asked asked = {.count = 0};
    struct buf paths = BUF_INIT(1 << 20);
    start(f, (struct publishing_options){.unready = true});
    publisher_stream_attend(f->p.stream, &ops, &asked);
    for (int i = 0; i < 1000; i++)
        buf_append_str(&paths, "all/core/v1/pods ");
    say_want(f, paths.data, UINT64_C(1) << 53);
    assert_int_equal(asked.count, 64);
    assert_in_range(asked.lease_us, LOOP_SECOND, 86400 * LOOP_SECOND);
    assert_int_equal(stats(f)->wants_refused, 1);
    buf_deinit(&paths);
}

/* A stream of another participant is as if it were not there. */
static void test_a_want_for_what_is_not_for_the_asker(void **state)
{
    static const struct publisher_stream_ops ops = {.wanted = on_wanted};
    struct fixture *f = *state;
    struct asked asked = {.count = 0};
    start(f, (struct publishing_options){0});
    publisher_stream_attend(publishing_add(&f->p, "other", true), &ops, &asked);
    say_want(f, "other/core/v1/pods", 300);
    assert_int_equal(asked.count, 0);
    assert_int_equal(stats(f)->wants_refused, 1);
}

/* While events wait, what is published is not complete up to what the source says. */
static void test_a_version_is_that_of_what_is_published(void **state)
{
    static const struct publisher_stream_ops ops = {.version = version_of};
    struct fixture *f = *state;
    start(f, (struct publishing_options){.window = 1, .transport_window = 1});
    run(f, 3 * LOOP_SECOND);
    loopback_cut(f->p.transport);
    publisher_stream_attend(f->p.stream, &ops, NULL);
    put(f->pods, "a", 1);
    tap_clear(f->tap);
    publisher_stream_state(f->p.stream, STREAM_UNAVAILABLE);
    loopback_join(f->p.transport);
    while (!tap_last(f->tap, MESSAGE_HEARTBEAT, NULL))
        loop_step(f->wire.loop);
    assert_string_equal(last_beat(f).version, "");
    run(f, 100 * LOOP_MS); /* and it is told without waiting for the next heartbeat's time */
    assert_int_equal(last_beat(f).sequence, 1);
    assert_string_equal(last_beat(f).version, "17");
}

static void test_what_waits_when_it_is_not_wanted_any_more_is_not_told(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    run(f, LOOP_SECOND);
    loopback_cut(f->p.transport);
    run(f, 60 * LOOP_SECOND);
    put(f->pods, "a", 1);
    run(f, LOOP_SECOND);
    publisher_stream_unready(f->p.stream);
    tap_clear(f->tap);
    loopback_join(f->p.transport);
    run(f, 60 * LOOP_SECOND);
    assert_int_equal(tap_count(f->tap, 0, STREAM), 0);
    assert_int_equal(last_beat(f).sequence, 0);
    publisher_stream_ready(f->p.stream);
    say_sync(f, "hub", 6, f->pods, 16);
    assert_non_null(tap_last(f->tap, MESSAGE_EQUAL, ANSWERS));
    assert_int_equal(tap_count(f->tap, 0, STREAM), 0);
}

/* Sequences begin anew with the epoch: what was sent under the same ones before it is not what was lost. */
static void test_no_delta_of_an_epoch_before_is_sent_once_more(void **state)
{
    struct fixture *f = *state;
    put_many(f, 20, 1);
    start(f, (struct publishing_options){0});
    for (int version = 2; version <= 4; version++) {
        put(f->pods, "pod-1", version);
        run(f, LOOP_SECOND);
    }
    publisher_stream_unready(f->p.stream);
    publisher_stream_ready(f->p.stream);
    struct message sync = {.kind = MESSAGE_SYNC,
                           .nonce = 5,
                           .root = store_root(f->pods),
                           .count = store_count(f->pods),
                           .credit = 16,
                           .body = {PATH, strlen(PATH)}};
    put(f->pods, "pod-1", 5);
    run(f, LOOP_SECOND);
    uint64_t epoch = sync.epoch = tap_last(f->tap, MESSAGE_DELTA, STREAM)->message.epoch;
    tap_say(f->tap, "s/c1/hub", &sync);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->syncs_replay, 1);
    assert_int_equal(tap_count(f->tap, MESSAGE_DELTA, ANSWERS), 1);
    assert_true(tap_last(f->tap, MESSAGE_DELTA, ANSWERS)->message.epoch == epoch);
}

/* ---- the end of a stream ---- */

static void test_an_ended_stream_is_answered(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    put(f->pods, "a", 1);
    run(f, LOOP_SECOND);
    uint64_t epoch = tap_last(f->tap, MESSAGE_DELTA, STREAM)->message.epoch;
    publisher_stream_end(f->p.stream, END_REVOKED);
    run(f, LOOP_SECOND);
    const struct message *end = &tap_last(f->tap, MESSAGE_END, STREAM)->message;
    assert_true(end->epoch == epoch);
    assert_int_equal(end->nonce, 0);
    assert_int_equal(end->from, 2);
    assert_int_equal(end->reason, END_REVOKED);

    say_sync(f, "hub", 4, f->pods, 16);
    assert_null(
        tap_last(f->tap, MESSAGE_END, ANSWERS)); /* whether it is over is not the publisher's to say */
    f->p.absent = END_REVOKED;
    say_sync(f, "hub", 5, f->pods, 16);
    end = &tap_last(f->tap, MESSAGE_END, ANSWERS)->message;
    assert_int_equal(end->nonce, 5);
    assert_int_equal(end->reason, END_REVOKED);

    f->p.stream = publishing_add(&f->p, "all", true);
    tap_clear(f->tap);
    say_sync(f, "hub", 6, NULL, 16);
    assert_int_equal(tap_count(f->tap, MESSAGE_END, NULL), 0);
    const struct heard *chunk = tap_last(f->tap, MESSAGE_CHUNK, ANSWERS);
    assert_non_null(chunk);
    assert_true(chunk->message.epoch != epoch);
}

/* How many objects somebody besides their store holds. */
static size_t held_elsewhere(const struct store *store)
{
    size_t count = 0;
    for (const struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        count += object->refs > 1;
    return count;
}

/* What was published goes a slice in a turn of the loop. */
static void test_the_end_of_a_large_stream_takes_short_turns(void **state)
{
    enum { MANY = 5000, IN_A_TURN = 1024 };
    struct fixture *f = *state;
    put_many(f, MANY, 1);
    start(f, (struct publishing_options){0});
    assert_int_equal(held_elsewhere(f->pods), MANY);
    publisher_stream_end(f->p.stream, END_GONE);
    f->p.stream = NULL;
    for (size_t before = MANY, left; before; before = left) {
        left = held_elsewhere(f->pods);
        assert_in_range(before - left, 0, IN_A_TURN);
        assert_true(loop_step(f->wire.loop));
    }
}

/* ---- what others send ---- */

static void test_garbage_is_counted(void **state)
{
    struct fixture *f = *state;
    start(f, (struct publishing_options){0});
    tap_say_bytes(f->tap, "s/c1/hub", "hello", 5, false);
    tap_say_bytes(f->tap, "s/all/hub", "", 0, false);
    tap_say_bytes(f->tap, "p/c1", "T", 1, false);
    tap_say(f->tap, "s/c1/hub", &(struct message){.kind = MESSAGE_DELTA, .items = 1});
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->malformed, 4);
    say_sync(f, "hub", 5, f->pods, 16);
    assert_int_equal(tap_count(f->tap, MESSAGE_EQUAL, ANSWERS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_presence_catalog_and_heartbeat),
        TEST(test_each_new_catalog_has_a_greater_revision),
        TEST(test_many_audiences),
        TEST(test_a_heartbeat_waits_for_room),
        TEST(test_whois_is_answered),
        TEST(test_a_stream_that_is_not_ready_says_nothing_of_its_objects),
        TEST(test_each_delta_follows_the_one_before),
        TEST(test_the_root_is_of_what_is_published),
        TEST(test_only_the_newest_state_waits),
        TEST(test_an_object_larger_than_a_payload),
        TEST(test_what_no_message_can_hold_is_left_out),
        TEST(test_equal_is_answered_in_one_message),
        TEST(test_credit_is_respected),
        TEST(test_a_snapshot_while_objects_change),
        TEST(test_a_delta_beside_a_snapshot),
        TEST(test_a_snapshot_under_more_load_than_there_is_room_for),
        TEST(test_a_newer_sync_takes_the_place),
        TEST(test_an_empty_stream_is_one_empty_chunk),
        TEST(test_a_stream_for_one_audience),
        TEST(test_a_want_reaches_the_owner_of_the_stream),
        TEST(test_a_want_of_too_much_is_cut),
        TEST(test_a_want_for_what_is_not_for_the_asker),
        TEST(test_a_version_is_that_of_what_is_published),
        TEST(test_what_waits_when_it_is_not_wanted_any_more_is_not_told),
        TEST(test_no_delta_of_an_epoch_before_is_sent_once_more),
        TEST(test_an_ended_stream_is_answered),
        TEST(test_the_end_of_a_large_stream_takes_short_turns),
        TEST(test_garbage_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
