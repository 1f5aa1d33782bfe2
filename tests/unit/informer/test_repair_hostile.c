/*
 * An informer before a provider that lies while it repairs: in its digests, in what it says is right, in what
 * it sends. Such a repair is given up, nothing of it is put in place, nothing of it stays behind, and the
 * informer asks for all of it next time.
 */
#include "informer/repair.h"
#include "tests/unit/informer/mending.h"

#define FAR (UINT64_C(1) << 53)

static void test_one_that_tells_the_truth(void **state)
{
    struct mending m;
    struct telling telling;
    mending_start(&m, *state);
    begin_anew(&m);
    struct message digests = all_digests(&m);
    say(&m, &digests);
    telling_init(&telling, &m);
    tell(&telling);
    telling_deinit(&telling);
    assert_true(replica_synced(m.h.f->replica));
    assert_int_equal(m.h.f->modified, 1);
    hand_recovers(&m.h);
    mending_stop(&m);
}

/* ---- lies ---- */

/* The sync is over, and nothing is left of it; the objects are what they were. */
static const char *whats_left(const struct fixture *f, struct digest before)
{
    struct informer_replica *replica = f->replica;
    if (f->added + f->modified + f->deleted || !digest_equal(store_root(replica->store), before))
        return "it was put in place";
    if (replica->phase != REPLICA_IDLE || replica->snapshot || replica->fresh || replica->gone)
        return "it was not given up";
    if (f->informer->promised || f->informer->syncing || replica->cluster->promised)
        return "credit was kept";
    return NULL;
}

/* Once all of it comes. */
static bool recovers(struct mending *m)
{
    struct fixture *f = m->h.f;
    for (int i = 0; i < 40 && !replica_synced(f->replica); i++) {
        run(f, LOOP_SECOND);
        hand_heartbeat(&m->h);
        hand_snapshot(&m->h);
        run(f, 100 * LOOP_MS);
    }
    return replica_synced(f->replica) &&
           digest_equal(store_root(replica_store(f->replica)), store_root(m->h.script.published));
}

struct lie {
    const char *name;
    void (*digests)(struct mending *m);
    void (*repair)(struct telling *telling);
    bool plausible; /* nothing is wrong with the message as such */
    int64_t takes_us;
};

static void hear_lie(struct mending *m, const struct lie *lie)
{
    struct telling telling;
    if (lie->digests) {
        lie->digests(m);
        return;
    }
    struct message digests = all_digests(m);
    say(m, &digests);
    telling_init(&telling, m);
    lie->repair(&telling);
    tell(&telling);
    telling_deinit(&telling);
}

static void check_lie(struct mending *m, const struct lie *lie)
{
    struct fixture *f = m->h.f;
    begin_anew(m);
    struct digest before = store_root(replica_store(f->replica));
    uint64_t failed = stats(f)->syncs_failed, malformed = stats(f)->malformed;
    hear_lie(m, lie);
    run(f, lie->takes_us);
    const char *left = whats_left(f, before);
    if (left)
        fail_msg("%s: %s", lie->name, left);
    if (stats(f)->syncs_failed != failed + 1 || stats(f)->malformed != malformed + !lie->plausible)
        fail_msg("%s: it was not counted", lie->name);
    if (!recovers(m))
        fail_msg("%s: it did not recover", lie->name);
}

/* ---- digests ---- */

static void digests_of_too_many_bits(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 7);
    digests.bits = BUCKET_BITS_MAX + 1;
    digests.last_hash = bucket_last_hash(7, BUCKET_BITS_MAX + 1);
    say(m, &digests);
}

static void digests_of_absurd_bits(struct mending *m)
{
    struct message digests = all_digests(m);
    digests.bits = FAR;
    say(m, &digests);
}

static void digests_with_a_sum_too_few(struct mending *m)
{
    struct message digests = all_digests(m);
    digests.body.len -= BUCKET_ENTRY_LEN;
    say(m, &digests);
}

static void digests_with_a_sum_too_many(struct mending *m)
{
    struct message digests = all_digests(m);
    bytes_append_le(&m->body, 1, BUCKET_ENTRY_LEN);
    digests.body = (struct slice){m->body.data, m->body.len};
    say(m, &digests);
}

static void digests_that_cut_a_bucket(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    digests.last_hash--;
    say(m, &digests);
}

static void digests_that_begin_in_a_bucket(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    say(m, &digests);
    digests = digests_of(m, 1, 4, 9);
    digests.first++;
    say(m, &digests);
}

static void digests_with_a_hole(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    say(m, &digests);
    digests = digests_of(m, 1, 5, 15);
    say(m, &digests);
}

static void digests_that_overlap(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    say(m, &digests);
    digests = digests_of(m, 1, 3, 15);
    say(m, &digests);
}

static void digests_of_other_buckets_on_the_way(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 7);
    say(m, &digests);
    digests = digests_of(m, 1, 8, 15);
    digests.bits = BITS + 1;
    buf_append(&m->body, m->body.data, digests.body.len); /* as many as these bits have */
    digests.body = (struct slice){m->body.data, m->body.len};
    say(m, &digests);
}

static void digests_of_nothing(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    digests.body.len = 0;
    say(m, &digests);
}

static void digests_final_too_early(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    digests.last = true;
    say(m, &digests);
}

static void digests_never_final(struct mending *m)
{
    struct message digests = all_digests(m);
    digests.last = false;
    say(m, &digests);
}

static void digests_behind_the_final_ones(struct mending *m)
{
    struct message digests = all_digests(m);
    say(m, &digests);
    digests = digests_of(m, 1, 0, 15);
    say(m, &digests);
}

static void digests_of_a_time_before(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    say(m, &digests);
    digests = digests_of(m, 1, 4, 15);
    digests.to--;
    say(m, &digests);
}

static void a_chunk_behind_digests(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 3);
    say(m, &digests);
    struct message chunk = digests_of(m, 1, 4, 15);
    chunk.kind = MESSAGE_CHUNK;
    chunk.body.len = 0;
    say(m, &chunk);
}

static void digests_behind_a_chunk(struct mending *m)
{
    struct message chunk = answer_of(m, MESSAGE_CHUNK, 0);
    struct object *object = store_seek(m->h.script.published, 0);
    buf_clear(&m->body);
    assert_int_equal(codec_put_item(m->h.script.codec, &m->body, NULL, object), 0);
    chunk.last = false;
    chunk.last_hash = bucket_last_hash(bucket_of(object_key_hash(object), BITS), BITS);
    chunk.body = (struct slice){m->body.data, m->body.len};
    say(m, &chunk);
    struct message digests = digests_of(m, 1, bucket_of(chunk.last_hash, BITS) + 1, 15);
    say(m, &digests);
}

static void a_repair_without_digests(struct mending *m)
{
    struct message repair = answer_of(m, MESSAGE_REPAIR, 0);
    repair.body = (struct slice){"\0", 1};
    say(m, &repair);
}

static void a_repair_before_the_last_digests(struct mending *m)
{
    struct message digests = digests_of(m, 0, 0, 7);
    say(m, &digests);
    struct message repair = answer_of(m, MESSAGE_REPAIR, 1);
    repair.body = (struct slice){"\0", 1};
    say(m, &repair);
}

static void test_digests_that_lie(void **state)
{
    static const struct lie lies[] = {
#define LIE(function) {.name = #function, .digests = (function)}
        LIE(digests_of_too_many_bits),
        LIE(digests_of_absurd_bits),
        LIE(digests_with_a_sum_too_few),
        LIE(digests_with_a_sum_too_many),
        LIE(digests_that_cut_a_bucket),
        LIE(digests_that_begin_in_a_bucket),
        LIE(digests_with_a_hole),
        LIE(digests_that_overlap),
        LIE(digests_of_other_buckets_on_the_way),
        LIE(digests_of_nothing),
        LIE(digests_final_too_early),
        LIE(digests_never_final),
        LIE(digests_behind_the_final_ones),
        LIE(digests_of_a_time_before),
        LIE(a_chunk_behind_digests),
        LIE(digests_behind_a_chunk),
        LIE(a_repair_without_digests),
        LIE(a_repair_before_the_last_digests),
#undef LIE
    };
    struct mending m;
    mending_start(&m, *state);
    for (size_t i = 0; i < array_size(lies); i++)
        check_lie(&m, &lies[i]);
    mending_stop(&m);
}

/* ---- repairs ---- */

static void of_no_bucket(struct telling *telling)
{
    telling->buckets = 0;
    telling->message.last = false;
    buf_clear(&telling->items);
}

static void of_more_buckets_than_were_told(struct telling *telling)
{
    telling->buckets = 2;
    bytes_append_varint(&telling->more, 0); /* the one behind it */
    bytes_append_varint(&telling->more, 0);
}

static void of_more_buckets_than_there_are(struct telling *telling)
{
    telling->buckets = FAR;
}

static void of_a_bucket_nobody_asked_for(struct telling *telling)
{
    telling->bucket ^= 1;
}

static void of_a_bucket_that_cannot_be(struct telling *telling)
{
    telling->bucket = FAR;
}

static void of_fewer_entries_than_were_told(struct telling *telling)
{
    telling->entries--;
}

static void of_more_entries_than_were_told(struct telling *telling)
{
    telling->entries++;
}

static void of_absurd_entries(struct telling *telling)
{
    telling->entries = FAR;
}

static void without_its_bits(struct telling *telling)
{
    telling->right_len = 0;
    buf_clear(&telling->items);
}

static void with_an_object_of_another_bucket(struct telling *telling)
{
    add_item(telling, new_name(telling->bucket, false), 1);
}

static void with_an_object_in_the_place_of_a_right_one(struct telling *telling)
{
    telling->right[0] = 0xff;
}

static void with_a_deletion(struct telling *telling)
{
    struct script *script = &telling->provider->h.script;
    struct object *object = store_get(script->published, "ns/" CHANGED);
    assert_int_equal(codec_put_item(script->codec, &telling->items, object, NULL), 0);
}

static void with_a_patch(struct telling *telling)
{
    cleanup_with(object_unrefp) struct object *before = noise_object(CHANGED, 1, 400);
    cleanup_with(object_unrefp) struct object *after = noise_object(CHANGED, 1, 500);
    assert_int_equal(codec_put_patch(telling->provider->h.script.codec, &telling->items, before, after), 0);
}

static void with_an_object_cut_off(struct telling *telling)
{
    telling->items.len--;
}

static void with_more_objects_than_may_be(struct telling *telling)
{
    for (int i = 0; i < 65536; i++)
        add_item(telling, CHANGED, 5);
}

static void not_final_though_nothing_is_left(struct telling *telling)
{
    telling->message.last = false;
}

static void of_a_time_before_the_digests(struct telling *telling)
{
    telling->message.to--;
}

/* As such it could be true. */
static void all_right_and_nothing_comes(struct telling *telling)
{
    telling->right[0] = 0xff;
    buf_clear(&telling->items);
}

static void all_wrong_and_nothing_comes(struct telling *telling)
{
    telling->right[0] = 0;
    buf_clear(&telling->items);
}

static void with_an_object_too_many(struct telling *telling)
{
    add_item(telling, new_name(telling->bucket, true), 1);
}

static void with_one_key_twice(struct telling *telling)
{
    add_item(telling, CHANGED, 5);
}

static void with_another_root(struct telling *telling)
{
    telling->message.root.low++;
}

static void with_another_count(struct telling *telling)
{
    telling->message.count++;
}

static void of_a_time_that_never_comes(struct telling *telling)
{
    telling->message.to = FAR;
}

static void test_repairs_that_lie(void **state)
{
    static const struct lie lies[] = {
#define LIE(function) {.name = #function, .repair = (function)}
        LIE(of_no_bucket),
        LIE(of_more_buckets_than_were_told),
        LIE(of_more_buckets_than_there_are),
        LIE(of_a_bucket_nobody_asked_for),
        LIE(of_a_bucket_that_cannot_be),
        LIE(of_fewer_entries_than_were_told),
        LIE(of_more_entries_than_were_told),
        LIE(of_absurd_entries),
        LIE(without_its_bits),
        LIE(with_an_object_of_another_bucket),
        LIE(with_an_object_in_the_place_of_a_right_one),
        LIE(with_a_deletion),
        LIE(with_a_patch),
        LIE(with_an_object_cut_off),
        LIE(with_more_objects_than_may_be),
        LIE(not_final_though_nothing_is_left),
        LIE(of_a_time_before_the_digests),
#undef LIE
    };
    struct mending m;
    mending_start(&m, *state);
    for (size_t i = 0; i < array_size(lies); i++)
        check_lie(&m, &lies[i]);
    mending_stop(&m);
}

/* Only the root and the count tell, or that it never gets there; and then all of it is asked for. */
static void test_repairs_that_could_be_true(void **state)
{
    static const struct lie lies[] = {
#define LIE(function) {.name = #function, .repair = (function), .plausible = true}
        LIE(all_right_and_nothing_comes),
        LIE(all_wrong_and_nothing_comes),
        LIE(with_an_object_too_many),
        LIE(with_one_key_twice),
        LIE(with_another_root),
        LIE(with_another_count),
        {.name = "of_a_time_that_never_comes",
         .repair = of_a_time_that_never_comes,
         .plausible = true,
         .takes_us = 5200 * LOOP_MS},
#undef LIE
    };
    struct mending m;
    mending_start(&m, *state);
    for (size_t i = 0; i < array_size(lies); i++) {
        check_lie(&m, &lies[i]);
        assert_true(tap_last(m.h.f->tap, MESSAGE_SYNC, SIGNALS)->message.whole);
    }
    mending_stop(&m);
}

/* It answers what it was not told yet: a have tells so much, and no more. */
static void test_a_bucket_that_was_not_told_yet(void **state)
{
    enum { MANY = 20000 };
    struct mending m;
    struct fixture *f = *state;
    mending_start(&m, f);
    struct store *has = replica_store(f->replica);
    for (int i = OBJECTS; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        put(has, name, 1);
    }
    begin_anew(&m);
    struct message digests = all_digests(&m);
    say(&m, &digests);
    const struct heard *have = tap_last(f->tap, MESSAGE_HAVE, SIGNALS);
    assert_false(have->message.last);
    struct message repair = answer_of(&m, MESSAGE_REPAIR, 1);
    repair.last = false;
    buf_clear(&m.body);
    bytes_append_varint(&m.body, 1 << BITS);
    for (uint64_t bucket = 0; bucket < 1 << BITS; bucket++) {
        struct object *object = store_seek(has, bucket_first_hash(bucket, BITS));
        size_t entries = 0;
        for (; object && bucket_of(object_key_hash(object), BITS) == bucket;
             object = store_after(has, object))
            entries++;
        bytes_append_varint(&m.body, 0);
        bytes_append_varint(&m.body, entries);
        for (size_t i = 0; i < (entries + 7) / 8; i++)
            buf_append(&m.body, "\xff", 1);
    }
    repair.body = (struct slice){m.body.data, m.body.len};
    say(&m, &repair);
    assert_int_equal(stats(f)->malformed, 1);
    assert_int_equal(stats(f)->haves, 1);
    assert_null(whats_left(f, store_root(has)));
    mending_stop(&m);
}

/* All sums are right, and it repairs. */
static void test_a_bucket_where_none_differs(void **state)
{
    struct mending m;
    struct telling telling;
    struct fixture *f = *state;
    mending_start(&m, f);
    begin_anew(&m);
    put(m.h.script.published, CHANGED, 1); /* as it was */
    struct message digests = all_digests(&m);
    say(&m, &digests);
    telling_init(&telling, &m);
    tell(&telling);
    telling_deinit(&telling);
    assert_int_equal(stats(f)->malformed, 1);
    assert_null(whats_left(f, store_root(replica_store(f->replica))));
    mending_stop(&m);
}

/* It answers before anything is told at all. */
static void test_a_repair_that_is_not_its_turn(void **state)
{
    (void)state;
    struct store *have = store_create(), *come = store_create(), *gone = store_create();
    struct buf body = BUF_INIT(64);
    bool last;
    struct repair *repair = repair_create(have, (struct repair_target){.come = come, .gone = gone});
    struct message digests = {.kind = MESSAGE_DIGESTS, .last_hash = UINT64_MAX, .body = {"\0\0\0", 4}};
    struct message answer = {.kind = MESSAGE_REPAIR, .body = {"", 1}};
    assert_int_equal(repair_compare(repair, &digests), 0);
    assert_int_equal(repair_take(repair, &answer), REPAIR_E_MALFORMED);
    assert_true(repair_tell(repair, &body, &last));
    assert_true(last);
    assert_int_equal(repair_take(repair, &answer), 0);
    assert_true(repair_done(repair));
    repair_destroy(repair);
    buf_deinit(&body);
    store_destroy(have);
    store_destroy(come);
    store_destroy(gone);
}

/* ---- without end ---- */

/* Whatever it is asked for, its digests say that all differs, and its repair that nothing does. */
static void repair_wrongly(struct hand *h)
{
    struct mending m = {.h = *h};
    buf_init(&m.body, 4096);
    struct message digests = all_digests(&m);
    uint64_t bucket = bucket_of_name(CHANGED);
    m.body.data[bucket * BUCKET_ENTRY_LEN] ^= 1;
    say(&m, &digests);
    struct telling telling;
    telling_init(&telling, &m);
    telling.message.root.low = 5;
    all_right_and_nothing_comes(&telling);
    tell(&telling);
    telling_deinit(&telling);
    buf_deinit(&m.body);
}

static void test_repairs_that_never_match(void **state)
{
    struct mending m;
    struct fixture *f = *state;
    int64_t longest_us;
    mending_start(&m, f);
    begin_anew(&m);
    uint64_t haves = stats(f)->haves;
    uint64_t syncs = hand_suffers(&m.h, repair_wrongly, 10 * MINUTE, false, &longest_us);
    assert_in_range(syncs, 10, 35);
    assert_in_range(longest_us, 30 * LOOP_SECOND, 61 * LOOP_SECOND);
    assert_in_range(stats(f)->haves - haves, 10, syncs + 1); /* one for each, at most */
    assert_int_equal(stats(f)->syncs_repair, 0);
    check_quiet(f);
    assert_true(recovers(&m));
    mending_stop(&m);
}

/* One bucket after the other, and there could be millions: a range is kept for each message. */
static void test_digests_without_end(void **state)
{
    enum { MESSAGES = 4097 };
    struct mending m;
    struct fixture *f = *state;
    mending_start(&m, f);
    begin_anew(&m);
    struct object *object = store_seek(replica_store(f->replica), 0);
    assert_true(bucket_of(object_key_hash(object), BUCKET_BITS_MAX) > MESSAGES); /* empty ones, all of them */
    struct message digests = answer_of(&m, MESSAGE_DIGESTS, 0);
    digests.bits = BUCKET_BITS_MAX;
    digests.last = false;
    digests.body = (struct slice){"\0\0\0", BUCKET_ENTRY_LEN};
    for (; digests.index < MESSAGES; digests.index++) {
        assert_int_equal(stats(f)->malformed, 0);
        digests.first = bucket_first_hash(digests.index, BUCKET_BITS_MAX);
        digests.last_hash = bucket_last_hash(digests.index, BUCKET_BITS_MAX);
        tap_say(f->tap, ANSWERS, &digests);
        if (digests.index % 64 == 0)
            run(f, LOOP_MS);
    }
    run(f, LOOP_MS);
    assert_int_equal(stats(f)->malformed, 1);
    assert_null(whats_left(f, store_root(replica_store(f->replica))));
    assert_true(recovers(&m));
    mending_stop(&m);
}

/* Small on the wire, and each bucket differs: what is kept of that has a bound. */
static void test_digests_of_absurd_size(void **state)
{
    enum { LEN = 31 << 20 };
    struct mending m;
    struct fixture *f = *state;
    mending_start(&m, f);
    begin_anew(&m);
    struct message digests = answer_of(&m, MESSAGE_DIGESTS, 0);
    cleanup_free char *sums = mem_alloc(LEN);
    memset(sums, 1, LEN);
    digests.bits = BUCKET_BITS_MAX;
    digests.last = false;
    digests.last_hash = bucket_last_hash(LEN / BUCKET_ENTRY_LEN - 1, BUCKET_BITS_MAX);
    digests.body = (struct slice){sums, LEN};
    uint64_t haves = stats(f)->haves;
    say(&m, &digests);
    assert_int_equal(stats(f)->syncs_failed, 1);
    assert_int_equal(stats(f)->malformed, 0);
    assert_int_equal(stats(f)->haves, haves);
    assert_null(whats_left(f, store_root(replica_store(f->replica))));
    assert_true(recovers(&m));
    mending_stop(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_that_tells_the_truth),
        TEST(test_digests_that_lie),
        TEST(test_repairs_that_lie),
        TEST(test_repairs_that_could_be_true),
        TEST(test_a_bucket_where_none_differs),
        TEST(test_a_bucket_that_was_not_told_yet),
        cmocka_unit_test(test_a_repair_that_is_not_its_turn),
        TEST(test_repairs_that_never_match),
        TEST(test_digests_without_end),
        TEST(test_digests_of_absurd_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
