/*
 * An informer before providers that are broken or hostile: it never holds a wrong state, asks again at a
 * falling rate, keeps what it holds within its bounds, says so once in a while, and serves all others as
 * before.
 */
#include "informer/informer_internal.h"
#include "tests/unit/informer/hand.h"

#define FAR (UINT64_C(1) << 53)

static size_t lines_in(const char *text)
{
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

/* ---- announcements ---- */

static void say_presence(struct fixture *f, const char *name, uint64_t boot, const char *uid, bool alive)
{
    char topic[80];
    struct buf body = BUF_INIT(4096);
    struct presence presence = {.alive = alive, .heartbeat_ms = 2000};
    snprintf(presence.cluster, sizeof(presence.cluster), "%s", uid);
    snprintf(topic, sizeof(topic), "p/%s", name);
    presence_format(&body, &presence);
    tap_say(f->tap, topic,
            &(struct message){.kind = MESSAGE_PRESENCE, .boot = boot, .body = {body.data, body.len}});
    buf_deinit(&body);
}

/* Streams resource<first> and on; all of one epoch. */
static void say_catalog(struct fixture *f, const char *name, uint64_t boot, int first, int count,
                        uint64_t epoch)
{
    char topic[80], resource[32];
    struct catalog_entry *entries = mem_zalloc(((size_t)count + 1) * sizeof(*entries));
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    for (int i = 0; i < count; i++) {
        snprintf(resource, sizeof(resource), "resource%d", first + i);
        entries[i] = (struct catalog_entry){.kind = "Thing", .epoch = epoch};
        assert_int_equal(gvr_set(&entries[i].gvr, "", "v1", resource), 0);
    }
    snprintf(topic, sizeof(topic), "p/%s/all", name);
    catalog_format(&body, true, entries, (size_t)count);
    tap_say(f->tap, topic,
            &(struct message){.kind = MESSAGE_CATALOG,
                              .boot = boot,
                              .revision = 1, /* as hand_start() has it: no one is older */
                              .body = {body.data, body.len}});
    free(entries);
    buf_deinit(&body);
}

static size_t replicas_of(const struct informer_cluster *cluster)
{
    size_t count = 0;
    for (struct informer_replica *r = NULL; (r = cluster_next_replica(cluster, r));)
        count++;
    return count;
}

/* ---- what never gets right ---- */

/* With a chunk whose root is a lie. */
static void answer_wrong(struct hand *h)
{
    tap_say(h->f->tap, ANSWERS,
            &(struct message){.kind = MESSAGE_CHUNK,
                              .nonce = hand_nonce(h),
                              .epoch = h->epoch,
                              .last_hash = UINT64_MAX,
                              .last = true,
                              .to = 7,
                              .root = {.low = 5},
                              .count = 1});
}

/* However often it is announced. */
static void test_a_root_that_never_matches(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    int64_t longest_us;
    hand_start(&h, f);
    h.epoch = 22;
    assert_in_range(hand_suffers(&h, answer_wrong, 10 * MINUTE, false, &longest_us), 10, 35);
    assert_in_range(longest_us, 30 * LOOP_SECOND, 61 * LOOP_SECOND);
    check_quiet(f);
    assert_false(replica_synced(f->replica));
    hand_recovers(&h);
    hand_stop(&h);
}

/* Each catalog says that all has begun anew. */
static void test_epochs_that_never_last(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    int64_t longest_us;
    hand_start(&h, f);
    assert_in_range(hand_suffers(&h, answer_wrong, 10 * MINUTE, true, &longest_us), 20, 330);
    check_quiet(f);
    hand_recovers(&h);
    hand_stop(&h);
}

/* It is live for a moment, and then told what has changed in an object that it does not have. */
static void answer_and_patch_nothing(struct hand *h)
{
    static const char body[] = "\3keyhash.base\1x";
    hand_equal(h, hand_nonce(h));
    tap_say(h->f->tap, STREAM,
            &(struct message){
                .kind = MESSAGE_DELTA, .epoch = h->epoch, .from = 1, .items = 1, .body = {body, 15}});
    run(h->f, LOOP_MS);
}

static void test_patches_of_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    int64_t longest_us;
    hand_start(&h, f);
    answer_and_patch_nothing(&h);
    uint64_t syncs = hand_suffers(&h, answer_and_patch_nothing, 10 * MINUTE, false, &longest_us);
    assert_in_range(syncs, 10, 60);
    assert_in_range(stats(f)->bases_missing, syncs, syncs + 2);
    assert_in_range(longest_us, 30 * LOOP_SECOND, 61 * LOOP_SECOND);
    check_quiet(f);
    hand_recovers(&h);
    hand_stop(&h);
}

/* Streams that go as soon as they are asked for, and are there again: each begins from nothing, and remembers
 * nothing of how often it was asked for. */
static void test_a_storm_of_syncs_by_another_way(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hub_stop(f);
    f->replica = NULL;
    f->observer = (struct store_observer){0};
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    hand_presence(&h, "uid-1");
    hand_catalog(&h);
    hand_heartbeat(&h);
    for (int i = 0; i < 30000; i++) {
        hand_catalog_of(&h, true, 0);
        tap_clear(f->tap);
        hand_catalog(&h);
        run(f, LOOP_MS);
        if (tap_count(f->tap, MESSAGE_SYNC, SIGNALS) == 0)
            break;
    }
    assert_in_range(stats(f)->syncs, 1000, 20000);
    assert_in_range(stats(f)->syncs_delayed + stats(f)->excess, 1, 30000);
    hand_stop(&h);
}

/* One cluster with thousands of streams that never answers, and another one whose turn it is all the same. */
static void test_a_provider_that_never_answers(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    struct publishing other;
    struct store *pods = store_create();
    hand_start(&h, f);
    say_catalog(f, "c1", h.boot, 0, 3000, 31);
    run(f, LOOP_SECOND);
    f->replica = NULL;
    put(pods, "there", 1);
    publishing_start(&other, &f->wire,
                     &(struct publishing_options){.name = "c2", .uid = "uid-2", .pods = pods});
    run(f, 2 * LOOP_SECOND);
    struct informer_cluster *quiet = informer_next_cluster(f->informer, cluster(f));
    assert_true(cluster_synced(quiet));
    assert_int_equal(store_count(replica_store(cluster_next_replica(quiet, NULL))), 1);
    publishing_stop(&other);
    store_destroy(pods);
    f->replica = NULL;
    hand_stop(&h);
}

/* ---- numbers that cannot be ---- */

/* The only object is deleted, and the root is right: nothing but the numbers speaks against it. */
static void say_delta(struct hand *h, uint64_t from, uint64_t items)
{
    struct message delta = {.kind = MESSAGE_DELTA, .epoch = h->epoch, .from = from, .items = items};
    delta.body = (struct slice){"\2\4ns/a\1a", 8};
    tap_say(h->f->tap, STREAM, &delta);
}

static void test_absurd_sequences(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    static const uint64_t froms[] = {FAR, FAR - 1, 1, 3, FAR, 300, 299, 0, FAR - 4096};
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, 15 * LOOP_SECOND);
    for (size_t i = 0; i < array_size(froms); i++) {
        say_delta(&h, froms[i], 1);
        say_delta(&h, froms[i], FAR);
        say_delta(&h, froms[i], 0);
        say_delta(&h, 2, 2 + i); /* it would be next, and is one */
        run(f, 100 * LOOP_MS);
    }
    assert_int_equal(f->added, 1);
    assert_int_equal(f->modified + f->deleted, 0);
    hand_recovers(&h);
    h.script.sequence = FAR; /* a heartbeat from beyond the end: asked for, and no more than that */
    uint64_t before = stats(f)->syncs;
    for (int i = 0; i < 100; i++)
        hand_heartbeat(&h);
    assert_in_range(stats(f)->syncs, before + 1, before + 3);
    hand_recovers(&h);     /* by an answer that is as absurd */
    h.script.sequence = 1; /* the same epoch going back is nothing that follows */
    hand_delta(&h, "b", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(f->added, 1);
    assert_int_equal(store_count(replica_store(f->replica)), 1);
    hand_stop(&h);
}

/* All that a provider has ever said, once more, and again, while it goes on. */
static void test_a_day_that_is_replayed(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    for (int i = 0; i < 20; i++) {
        put(f->pods, i % 2 ? "pod-1" : "pod-2", 2 + i);
        store_delete(f->pods, "ns/more", false);
        run(f, 500 * LOOP_MS);
        put(f->pods, "more", 1);
    }
    run(f, 10 * LOOP_SECOND);
    check_in_sync(f);
    forget_counts(f);
    uint64_t syncs = stats(f)->syncs;
    const struct heard *last = tap_last(f->tap, 0, NULL), *heard = NULL;
    for (int round = 0; round < 2; round++) {
        do {
            heard = tap_next(f->tap, heard, 0, NULL);
            if (strncmp(heard->topic, "p/", 2) == 0)
                tap_say(f->tap, heard->topic, &heard->message);
            run(f, 10 * LOOP_MS);
        } while (heard != last);
        heard = NULL;
    }
    run(f, 40 * LOOP_SECOND);
    check_quiet(f);
    check_in_sync(f);
    assert_int_equal(f->dropped, 0);
    assert_int_equal(stats(f)->syncs, syncs);
    assert_in_range(stats(f)->duplicates, 40, UINT64_MAX);
}

/* ---- what is held ---- */

/* Each of many streams sends what comes too early, small on the wire and large in memory. */
static void test_what_is_held_is_bounded(void **state)
{
    enum { STREAMS = 32, LEN = 1280 << 10 };
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    cleanup_free char *body = mem_zalloc(LEN);
    say_catalog(f, "c1", h.boot, 0, STREAMS, 31);
    run(f, 10 * LOOP_MS);
    size_t most = 0;
    for (int i = 0; i < STREAMS * 2; i++) {
        char topic[80];
        snprintf(topic, sizeof(topic), "p/c1/all/core/v1/resource%d", i % STREAMS);
        struct message delta = {.kind = MESSAGE_DELTA, .epoch = 31, .from = 1, .items = 1};
        delta.body = (struct slice){"\2\1a\1u", 5};
        if (i >= STREAMS) {
            delta.from = 100 + (uint64_t)i;
            delta.body = (struct slice){body, LEN};
        }
        tap_say(f->tap, topic, &delta);
        run(f, LOOP_MS);
        if (cluster(f)->held_bytes > most)
            most = cluster(f)->held_bytes;
    }
    assert_in_range(most, CLUSTER_HELD_BYTES_MAX / 2, CLUSTER_HELD_BYTES_MAX);
    run(f, LOOP_SECOND);
    hand_stop(&h);
}

/* ---- what unpacks to more than it looks ---- */

/* Some kilobytes each, on every topic that there is; one stands where a delta should be. */
static void test_zstd_bombs(void **state)
{
    enum { LEN = 48 << 20, COUNT = 100 };
    static const enum message_kind kinds[] = {MESSAGE_PRESENCE, MESSAGE_CATALOG, MESSAGE_DELTA,
                                              MESSAGE_CHUNK};
    static const char *const topics[] = {"p/c1", "p/c1/all", STREAM, ANSWERS};
    struct fixture *f = *state;
    struct hand h;
    char *said = NULL;
    size_t said_len;
    struct log log = {.out = open_memstream(&said, &said_len), .level = LOG_LEVEL_INFO};
    f->log = &log;
    hand_start(&h, f);
    cleanup_free char *zeros = mem_zalloc(LEN);
    struct codec *codec = codec_create(ENCODING_ZSTD, LEN);
    for (size_t i = 0; i < array_size(kinds); i++) {
        struct message bomb = {.kind = kinds[i], .epoch = h.epoch, .boot = h.boot, .nonce = hand_nonce(&h)};
        bomb.from = bomb.items = 1;
        bomb.body = (struct slice){zeros, LEN};
        struct slice payload = codec_encode(codec, &bomb);
        assert_in_range(payload.len, 1, 16384);
        for (int n = 0; n < COUNT; n++)
            tap_say_bytes(f->tap, topics[i], payload.data, payload.len, false);
        run(f, LOOP_SECOND);
    }
    assert_int_equal(stats(f)->malformed, COUNT * array_size(kinds));
    assert_true(replica_synced(f->replica));
    h.script.sequence = 1; /* that of the one that was no delta */
    run(f, 10 * LOOP_SECOND);
    hand_heartbeat(&h);
    run(f, 3 * LOOP_SECOND);
    assert_in_range(stats(f)->syncs, 2, 3);
    hand_recovers(&h);
    hub_stop(f);
    fclose(log.out);
    assert_in_range(lines_in(said), 1, 10);
    free(said);
    codec_destroy(codec);
    f->replica = NULL;
    hand_stop(&h);
}

/* The object of that name, with so much white space in it. */
static struct object *blown_up(const char *name, size_t len)
{
    cleanup_with(object_unrefp) struct object *object = object_of(name, 1);
    struct slice bytes = object_bytes(object);
    struct object *large = NULL;
    cleanup_free char *text = mem_alloc(bytes.len + len);
    memcpy(text, bytes.data, bytes.len - 1);
    memset(text + bytes.len - 1, ' ', len);
    text[bytes.len + len - 1] = '}';
    assert_int_equal(object_create(text, bytes.len + len, NULL, &large), 0);
    return large;
}

/* Each of them some hundred bytes of patch, and the root right: all of it would be as the provider says. */
static void test_patches_that_grow(void **state)
{
    enum { COUNT = 9, LEN = 4 << 20 };
    struct fixture *f = *state;
    struct hand h;
    char name[16];
    hand_start(&h, f);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        hand_delta(&h, name, 1);
    }
    run(f, LOOP_SECOND);
    struct codec *codec = codec_create(ENCODING_ZSTD, 64 << 20);
    struct digest root = store_root(h.script.published);
    script_next(&h.script);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        cleanup_with(object_unrefp) struct object *base = object_of(name, 1), *large = blown_up(name, LEN);
        assert_int_equal(codec_put_patch(codec, &h.script.body, base, large), 0);
        digest_sub(&root, object_digest(base));
        digest_add(&root, object_digest(large));
    }
    struct message delta = {.kind = MESSAGE_DELTA,
                            .epoch = h.epoch,
                            .from = COUNT + 1,
                            .items = COUNT,
                            .root = root,
                            .body = {h.script.body.data, h.script.body.len}};
    tap_say(f->tap, STREAM, &delta);
    run(f, LOOP_SECOND);
    assert_int_equal(f->added, COUNT);
    assert_int_equal(f->modified, 0);
    assert_int_equal(stats(f)->malformed, 1);
    codec_destroy(codec);
    hand_stop(&h);
}

static void test_a_delta_of_too_many_events(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    struct buf body = BUF_INIT(1 << 20);
    hand_start(&h, f);
    for (int i = 0; i < 4097; i++)
        buf_append(&body, "\2\1a\1u", 5);
    struct message delta = {
        .kind = MESSAGE_DELTA, .epoch = h.epoch, .from = 1, .items = 4097, .body = {body.data, body.len}};
    tap_say(f->tap, STREAM, &delta);
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->malformed, 1);
    assert_int_equal(stats(f)->deltas, 0);
    buf_deinit(&body);
    hand_stop(&h);
}

/* A snapshot that is never whole, by chunks without anything in them. */
static void test_chunks_that_lead_nowhere(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    h.epoch = 22;
    hand_catalog(&h);
    run(f, 20 * LOOP_SECOND);
    hand_heartbeat(&h);
    uint64_t failed = stats(f)->syncs_failed;
    tap_say(
        f->tap, ANSWERS,
        &(struct message){.kind = MESSAGE_CHUNK, .nonce = hand_nonce(&h), .epoch = h.epoch, .last_hash = 9});
    run(f, 10 * LOOP_MS);
    assert_int_equal(stats(f)->syncs_failed, failed + 1);
    assert_int_equal(stats(f)->malformed, 1);
    hand_recovers(&h);
    hand_stop(&h);
}

/* ---- streams and clusters ---- */

/* What is followed stays followed; what nobody announces any more and holds nothing is forgotten. */
static void test_catalogs_that_change_and_change(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    struct informer_replica *pods = f->replica;
    for (int i = 0; i < 4; i++) {
        say_catalog(f, "c1", h.boot, i * CATALOG_STREAMS_MAX, CATALOG_STREAMS_MAX, 31);
        run(f, LOOP_SECOND);
        assert_in_range(replicas_of(cluster(f)), 1, 2 * CATALOG_STREAMS_MAX);
        for (struct informer_replica *r = pods; (r = cluster_next_replica(cluster(f), r));)
            r->epoch = 31; /* as if it had been synced once */
    }
    assert_int_equal(stats(f)->streams_refused, 0);
    assert_int_equal(f->deleted, 0);
    assert_int_equal(store_count(replica_store(pods)), 1);
    f->replica = pods; /* for the fixture */
    hand_catalog(&h);
    run(f, LOOP_SECOND);
    assert_in_range(replicas_of(cluster(f)), 1, CATALOG_STREAMS_MAX);
    hand_stop(&h);
}

/* What holds objects is not forgotten, since nothing is concluded from absence; so there is no room for more.
 */
static void test_catalogs_that_leave_objects_behind(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    for (int i = 0; i < 4; i++) {
        say_catalog(f, "c1", h.boot, i * 3000, 3000, 31);
        run(f, LOOP_SECOND);
        for (struct informer_replica *r = NULL; (r = cluster_next_replica(cluster(f), r));)
            put(replica_store(r), "a", 1);
    }
    assert_int_equal(replicas_of(cluster(f)), 2 * CATALOG_STREAMS_MAX);
    assert_int_equal(stats(f)->streams_refused, 1 + 4 * 3000 - 2 * CATALOG_STREAMS_MAX);
    f->replica = NULL;
    hand_stop(&h);
}

static void test_a_million_streams(void **state)
{
    struct fixture *f = *state;
    char name[16];
    f->bounded.streams_max = 10000;
    hub_start(f, NULL, 0);
    run(f, LOOP_SECOND);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        say_presence(f, name, 7, name, true);
        run(f, 10 * LOOP_MS);
        say_catalog(f, name, 7, 0, CATALOG_STREAMS_MAX, 31);
        run(f, LOOP_SECOND);
    }
    size_t count = 0;
    for (struct informer_cluster *c = NULL; (c = informer_next_cluster(f->informer, c));)
        count += replicas_of(c);
    assert_int_equal(count, 10000);
    assert_int_equal(stats(f)->streams_refused, 8 * CATALOG_STREAMS_MAX - 10000);
    f->replica = NULL;
}

/* Nearly a megabyte each, most of it a member that nobody knows, and each with another stream. */
static void test_announcements_without_end(void **state)
{
    enum { COUNT = 30, LEN = 1000 << 10 };
    static const char head[] = "{\"complete\":false,\"streams\":[{\"group\":\"\",\"version\":\"v1\",\"kind\":"
                               "\"Thing\",\"namespaced\":false,\"epoch\":\"000000000000001f\",\"resource\":"
                               "\"resource%02d\"}],\"more\":\"";
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    cleanup_free char *body = mem_alloc(LEN);
    for (int i = 0; i < COUNT; i++) {
        memset(body, 'x', LEN);
        body[snprintf(body, LEN, head, i)] = 'x';
        memcpy(body + LEN - 2, "\"}", 2);
        tap_say(f->tap, "p/c1/all",
                &(struct message){
                    .kind = MESSAGE_CATALOG, .boot = h.boot, .revision = ++h.revision, .body = {body, LEN}});
    }
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->malformed, 0);
    assert_in_range(stats(f)->excess, COUNT - 10, COUNT - 8);
    char last[32]; /* of those that were heard */
    snprintf(last, sizeof(last), "resource%02d", (int)(COUNT - stats(f)->excess - 1));
    assert_string_equal(replica_gvr(f->replica)->resource, last);
    say_presence(f, "c2", 8, "uid-2", true); /* another one is heard */
    run(f, 100 * LOOP_MS);
    say_catalog(f, "c2", 8, 0, 1, 31);
    run(f, 100 * LOOP_MS);
    struct informer_cluster *other = informer_next_cluster(f->informer, cluster(f));
    assert_true(cluster_alive(other));
    assert_int_equal(replicas_of(other), 1);
    f->replica = NULL;
    hand_stop(&h);
}

static void test_the_same_stream_all_over(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    struct buf body = BUF_INIT(CATALOG_BODY_MAX);
    hand_start(&h, f);
    struct catalog_entry *entries = mem_zalloc(CATALOG_STREAMS_MAX * sizeof(*entries));
    for (int i = 0; i < CATALOG_STREAMS_MAX; i++)
        entries[i] = (struct catalog_entry){.gvr = pods_gvr(), .kind = "Pod", .epoch = 100 + (uint64_t)i};
    catalog_format(&body, true, entries, CATALOG_STREAMS_MAX);
    tap_say(f->tap, "p/c1/all",
            &(struct message){.kind = MESSAGE_CATALOG, .boot = h.boot, .body = {body.data, body.len}});
    run(f, LOOP_SECOND);
    assert_int_equal(stats(f)->malformed, 1);
    assert_int_equal(stats(f)->syncs, 1);
    assert_true(replica_synced(f->replica));
    free(entries);
    buf_deinit(&body);
    hand_stop(&h);
}

/* ---- names, boots, uids ---- */

static void test_presences_without_end(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    char *said = NULL, name[32];
    size_t said_len;
    struct log log = {.out = open_memstream(&said, &said_len), .level = LOG_LEVEL_INFO};
    f->log = &log;
    hand_start(&h, f);
    hand_delta(&h, "a", 1);
    run(f, LOOP_SECOND);
    for (int i = 0; i < 21000; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        say_presence(f, name, 7, "u", true);
    }
    run(f, LOOP_SECOND);
    assert_in_range(stats(f)->clusters_refused, 1000, 1001);
    for (uint64_t i = 0; i < 1000; i++) { /* a name with many boots, each of its own cluster, twice */
        snprintf(name, sizeof(name), "other-%d", (int)i);
        say_presence(f, "k1", 1000 + i / 2, name, true);
        say_presence(f, "k1", 1000 + i / 2, name, true);
        say_presence(f, "k1", 1000 + i, name, i % 2 == 0);
        say_presence(f, "c1", 5000 + i, name, true); /* and the name of one that is alive */
        run(f, 10 * LOOP_MS);
        if (i % 100 == 0)
            hand_heartbeat(&h);
    }
    hand_recovers(&h);
    assert_int_equal(f->deleted, 0);
    assert_in_range(stats(f)->conflicts, 900, 2500);
    assert_in_range(stats(f)->whois, 1, 3000);
    hub_stop(f);
    fclose(log.out);
    assert_in_range(lines_in(said), 3, 40);
    free(said);
    f->replica = NULL;
    hand_stop(&h);
}

/* Now alive, now not: told each time, and said a few times. */
static void test_a_provider_that_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    char *said = NULL;
    size_t said_len;
    struct log log = {.out = open_memstream(&said, &said_len), .level = LOG_LEVEL_INFO};
    f->log = &log;
    hand_start(&h, f);
    for (int i = 0; i < 500; i++) {
        say_presence(f, "c1", h.boot, "uid-1", false);
        hand_heartbeat(&h);
    }
    assert_true(f->clusters > 900);
    assert_true(replica_synced(f->replica));
    hub_stop(f);
    fclose(log.out);
    assert_in_range(lines_in(said), 5, 40);
    free(said);
    f->replica = NULL;
    hand_stop(&h);
}

static void test_what_nobody_asked_for_is_counted(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    hand_start(&h, f);
    hand_equal(&h, 77);
    tap_say(f->tap, "p/c1/all/core/v1/secrets",
            &(struct message){.kind = MESSAGE_DELTA, .epoch = 5, .from = 1, .items = 1});
    h.boot = 12;
    hand_catalog(&h);
    run(f, 100 * LOOP_MS);
    assert_int_equal(stats(f)->unasked, 1);
    assert_int_equal(stats(f)->foreign, 2);
    assert_true(replica_synced(f->replica));
    hand_stop(&h);
}

/* ---- objects ---- */

static void put_some(struct store *store, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(store, name, 1);
    }
}

/* Hub and provider with 30 objects, and another cluster that has nothing to do with it. */
static void start_bounded(struct fixture *f, struct publishing *other, struct store *pods)
{
    start_all(f);
    put(pods, "there", 1);
    publishing_start(other, &f->wire,
                     &(struct publishing_options){.name = "c2", .uid = "uid-2", .pods = pods});
}

static void test_more_objects_than_the_bound(void **state)
{
    struct fixture *f = *state;
    struct publishing other;
    struct store *pods = store_create();
    f->bounded.objects_max = 50;
    start_bounded(f, &other, pods);
    check_in_sync(f);
    struct informer_replica *replica = f->replica;
    run(f, 3 * LOOP_SECOND);
    assert_ptr_not_equal(f->replica, replica);
    assert_true(replica_synced(f->replica));
    f->replica = replica;
    put_some(f->pods, 30, 25); /* one by one, in deltas */
    run(f, 2 * MINUTE);
    assert_false(replica_synced(replica));
    assert_true(replica_refused(replica));
    assert_in_range(store_count(replica_store(replica)), 30, 50);
    assert_in_range(stats(f)->refused, 1, 10);
    struct informer_cluster *quiet = informer_next_cluster(f->informer, cluster(f));
    put(pods, "more", 1);
    run(f, LOOP_SECOND);
    assert_int_equal(store_count(replica_store(cluster_next_replica(quiet, NULL))), 2);
    assert_true(cluster_synced(quiet));

    store_delete_some(f->pods, 20, false); /* and it fits again */
    run(f, 3 * MINUTE);
    check_in_sync(f);
    assert_false(replica_refused(replica));
    publishing_stop(&other);
    store_destroy(pods);
}

/* The first chunk tells how many there are: the others are not even asked for. */
static void test_a_snapshot_beyond_the_bound(void **state)
{
    struct fixture *f = *state;
    f->bounded.objects_max = 500;
    put_some(f->pods, 0, 600);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 3 * LOOP_SECOND);
    assert_true(replica_refused(f->replica));
    assert_int_equal(store_count(replica_store(f->replica)), 0);
    assert_in_range(tap_count(f->tap, MESSAGE_CHUNK, ANSWERS), 1, 16);
    store_delete_some(f->pods, 100, false);
    run(f, 3 * MINUTE);
    check_in_sync(f);
}

/* In bytes: 600 objects of some hundred each. */
static void test_a_snapshot_beyond_the_size(void **state)
{
    struct fixture *f = *state;
    f->bounded.size_max = 20000;
    put_some(f->pods, 0, 600);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 3 * LOOP_SECOND);
    assert_true(replica_refused(f->replica));
    assert_int_equal(store_count(replica_store(f->replica)), 0);
    store_delete_some(f->pods, 500, false);
    run(f, 3 * MINUTE);
    check_in_sync(f);
    assert_true(store_size(replica_store(f->replica)) <= 20000);
}

/* The answer does not come, but deltas do, each with another object. */
static void test_deltas_beyond_the_bound_during_a_sync(void **state)
{
    struct fixture *f = *state;
    struct hand h;
    char name[16];
    f->bounded.size_max = 20000;
    hand_start(&h, f);
    h.epoch = 22;
    hand_catalog(&h);
    run(f, LOOP_SECOND);
    for (int i = 0; i < 300 && !replica_refused(f->replica); i++) {
        snprintf(name, sizeof(name), "n%d", i);
        hand_delta(&h, name, 1);
        run(f, LOOP_MS);
    }
    assert_true(replica_refused(f->replica));
    check_quiet(f);
    hand_stop(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_root_that_never_matches),
        TEST(test_patches_of_what_is_not_there),
        TEST(test_zstd_bombs),
        TEST(test_a_day_that_is_replayed),
        TEST(test_epochs_that_never_last),
        TEST(test_a_storm_of_syncs_by_another_way),
        TEST(test_a_provider_that_never_answers),
        TEST(test_absurd_sequences),
        TEST(test_what_is_held_is_bounded),
        TEST(test_patches_that_grow),
        TEST(test_a_delta_of_too_many_events),
        TEST(test_chunks_that_lead_nowhere),
        TEST(test_catalogs_that_change_and_change),
        TEST(test_catalogs_that_leave_objects_behind),
        TEST(test_a_million_streams),
        TEST(test_announcements_without_end),
        TEST(test_the_same_stream_all_over),
        TEST(test_presences_without_end),
        TEST(test_a_provider_that_comes_and_goes),
        TEST(test_what_nobody_asked_for_is_counted),
        TEST(test_more_objects_than_the_bound),
        TEST(test_a_snapshot_beyond_the_bound),
        TEST(test_a_snapshot_beyond_the_size),
        TEST(test_deltas_beyond_the_bound_during_a_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
