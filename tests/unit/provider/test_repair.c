/* What a publisher answers to those who have nearly all of it, spoken to by hand. */
#include "tests/support/messages.h"
#include "tests/support/publishing.h"
#include "transport/buckets.h"

#define ANSWERS "p/c1/hub/core/v1/pods"
#define PATH "all/core/v1/pods"
#define NONCE 5
#define OBJECTS 3000

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods, *have; /* the informer's */
    struct publishing p;
    struct buf body;
};

static void put_all(struct store *store)
{
    for (int i = 0; i < OBJECTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(store, name, 1);
    }
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    f->have = store_create();
    buf_init(&f->body, 1 << 20);
    put_all(f->pods);
    put_all(f->have);
    put(f->have, "pod-7", 77);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods});
    wire_run(&f->wire, LOOP_SECOND);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    publishing_stop(&f->p);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    store_destroy(f->have);
    buf_deinit(&f->body);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static void say(struct fixture *f, const struct message *message)
{
    tap_say(f->tap, "s/c1/hub", message);
    wire_run(&f->wire, LOOP_SECOND);
}

static void say_sync(struct fixture *f, uint64_t nonce, uint64_t credit, bool whole)
{
    say(f, &(struct message){.kind = MESSAGE_SYNC,
                             .whole = whole,
                             .nonce = nonce,
                             .credit = credit,
                             .root = store_root(f->have),
                             .count = store_count(f->have),
                             .body = {PATH, strlen(PATH)}});
}

/* All that is there of one bucket, or of none. */
static struct message have_of(struct fixture *f, uint64_t index, const uint64_t *bucket, unsigned bits)
{
    buf_clear(&f->body);
    buf_append_str(&f->body, PATH "\n");
    if (bucket) {
        uint64_t next = 0, count = 0;
        uint64_t first = bucket_first_hash(*bucket, bits), last = bucket_last_hash(*bucket, bits);
        struct object *object;
        for (object = store_seek(f->have, first); object && object_key_hash(object) <= last;
             object = store_after(f->have, object))
            count++;
        bucket_append(&f->body, &next, *bucket);
        bytes_append_varint(&f->body, count);
        for (object = store_seek(f->have, first); count--; object = store_after(f->have, object))
            bytes_append_le(&f->body, (uint32_t)object_digest(object).low, BUCKET_ENTRY_LEN);
    }
    return (struct message){.kind = MESSAGE_HAVE,
                            .nonce = NONCE,
                            .index = index,
                            .last = true,
                            .body = {f->body.data, f->body.len}};
}

static const struct message *last_of(struct fixture *f, enum message_kind kind)
{
    const struct heard *heard = tap_last(f->tap, kind, ANSWERS);
    assert_non_null(heard);
    return &heard->message;
}

static size_t count_of(struct fixture *f, enum message_kind kind)
{
    return tap_count(f->tap, kind, ANSWERS);
}

/* The bucket of a pod, by the digests heard. */
static uint64_t bucket_of_pod(struct fixture *f, const char *key, unsigned *bits)
{
    *bits = (unsigned)last_of(f, MESSAGE_DIGESTS)->bits;
    return bucket_of(key_hash(key, strlen(key)), *bits);
}

/* The items of a repair of one bucket. */
static struct message items_of(const struct message *repair)
{
    const uint8_t *data = (const uint8_t *)repair->body.data, *bits;
    struct reader reader = {data, data + repair->body.len};
    uint64_t buckets, bucket, next = 0, entries;
    assert_true(reader_varint(&reader, &buckets));
    assert_int_equal(buckets, 1);
    assert_true(bucket_read(&reader, &next, 24, &bucket));
    assert_true(reader_varint(&reader, &entries));
    assert_true(reader_skip(&reader, (entries + 7) / 8, &bits));
    struct message items = *repair;
    items.body = (struct slice){(const char *)reader.at, (size_t)(reader.end - reader.at)};
    return items;
}

static size_t item_count(const struct message *items)
{
    struct item item;
    size_t cursor = 0, count = 0;
    while (message_next_item(items, &cursor, &item))
        count++;
    assert_int_equal(cursor, items->body.len);
    return count;
}

/* Which sums are not those of what the informer has; the last one of them. */
static size_t count_differing(struct fixture *f, const struct message *digests, uint64_t *which)
{
    const uint8_t *theirs = (const uint8_t *)digests->body.data;
    struct object *object = store_seek(f->have, 0);
    size_t differing = 0;
    for (uint64_t bucket = 0; bucket < UINT64_C(1) << digests->bits; bucket++, theirs += BUCKET_ENTRY_LEN) {
        uint32_t sum = 0;
        for (; object && bucket_of(object_key_hash(object), (unsigned)digests->bits) == bucket;
             object = store_after(f->have, object))
            sum += (uint32_t)object_digest(object).low;
        if (sum == (uint32_t)bytes_get_le(theirs, BUCKET_ENTRY_LEN))
            continue;
        differing++;
        *which = bucket;
    }
    return differing;
}

static void test_digests_and_one_bucket(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    say_sync(f, NONCE, 16, false);
    const struct message *digests = last_of(f, MESSAGE_DIGESTS);
    assert_true(digests->last);
    assert_int_equal(digests->first, 0);
    assert_true(digests->last_hash == UINT64_MAX);
    assert_int_equal(digests->body.len, BUCKET_ENTRY_LEN << digests->bits);
    assert_int_equal(digests->count, OBJECTS);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits), differs;
    assert_int_equal(count_differing(f, digests, &differs), 1);
    assert_int_equal(differs, bucket);
    struct message have = have_of(f, 0, &bucket, bits);
    say(f, &have);
    const struct message *repair = last_of(f, MESSAGE_REPAIR);
    assert_true(repair->last);
    assert_int_equal(repair->index, digests->index + 1);
    assert_true(digest_equal(repair->root, store_root(f->pods)));
    struct message items = items_of(repair);
    assert_int_equal(item_count(&items), 1);
    assert_int_equal(count_of(f, MESSAGE_CHUNK), 0);
}

/* Only the next have counts; one that comes twice, too early, or for another nonce is none. */
static void test_haves_out_of_order(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    struct message early = have_of(f, 0, NULL, 0);
    say(f, &early); /* nobody has asked */
    say_sync(f, NONCE, 16, false);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits);
    struct message have = have_of(f, 1, &bucket, bits);
    say(f, &have);
    have.index = 0;
    have.nonce = 6;
    say(f, &have);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 0);
    have.nonce = NONCE;
    have.last = false;
    say(f, &have);
    say(f, &have);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 1);
    assert_false(last_of(f, MESSAGE_REPAIR)->last);
    have = have_of(f, 1, NULL, 0);
    say(f, &have);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 2);
    assert_true(last_of(f, MESSAGE_REPAIR)->last);
    assert_int_equal(last_of(f, MESSAGE_REPAIR)->index, 2);
    have.index = 2;
    say(f, &have); /* it is over */
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 2);
}

static void test_a_repair_waits_for_credit(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    say_sync(f, NONCE, 0, false);
    assert_int_equal(count_of(f, MESSAGE_DIGESTS), 0);
    struct message credit = {
        .kind = MESSAGE_CREDIT, .nonce = NONCE, .credit = 1, .body = {PATH, strlen(PATH)}};
    say(f, &credit);
    assert_int_equal(count_of(f, MESSAGE_DIGESTS), 1);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits);
    struct message have = have_of(f, 0, &bucket, bits);
    say(f, &have);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 0);
    credit.credit = 2;
    say(f, &credit);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 1);
}

/* It takes the place of none that is not answered yet. */
static void test_a_have_before_its_turn(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    say_sync(f, NONCE, 1, false);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits);
    struct message have = have_of(f, 0, &bucket, bits);
    have.last = false;
    say(f, &have);
    have = have_of(f, 1, NULL, 0);
    say(f, &have);
    struct message credit = {
        .kind = MESSAGE_CREDIT, .nonce = NONCE, .credit = 9, .body = {PATH, strlen(PATH)}};
    say(f, &credit);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 1);
    assert_false(last_of(f, MESSAGE_REPAIR)->last);
    struct message items = items_of(last_of(f, MESSAGE_REPAIR));
    assert_int_equal(item_count(&items), 1);
}

/* Whatever it says it has: garbage, of as many entries as fit, and of more. */
static void test_a_have_of_many_entries(void **state)
{
    static const uint64_t counts[] = {32000, 32769};
    struct fixture *f = *state;
    for (size_t i = 0; i < array_size(counts); i++) {
        unsigned bits;
        tap_clear(f->tap);
        say_sync(f, NONCE + i, 16, false);
        uint64_t next = 0, bucket = bucket_of_pod(f, "ns/pod-7", &bits);
        struct message have = have_of(f, 0, NULL, 0);
        have.nonce = NONCE + i;
        bucket_append(&f->body, &next, bucket);
        bytes_append_varint(&f->body, counts[i]);
        for (uint64_t n = 0; n < counts[i]; n++)
            bytes_append_le(&f->body, n, BUCKET_ENTRY_LEN);
        have.body = (struct slice){f->body.data, f->body.len};
        say(f, &have);
        assert_int_equal(count_of(f, MESSAGE_REPAIR), i == 0);
    }
}

/* What waits to be published is not there yet: root, count, sequence and bucket are of one moment. */
static void test_a_store_that_is_emptied_just_now(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    say_sync(f, NONCE, 16, false);
    (void)bucket_of_pod(f, "ns/pod-7", &bits);
    uint64_t to = last_of(f, MESSAGE_DIGESTS)->to, bucket = bucket_of(UINT64_MAX, bits);
    store_delete_some(f->pods, SIZE_MAX, false); /* in the order of the buckets: the last one comes last */
    struct message have = have_of(f, 0, &bucket, bits);
    say(f, &have);
    const struct message *repair = last_of(f, MESSAGE_REPAIR);
    assert_in_range(repair->to, to, to + OBJECTS - 100);
    assert_int_equal(repair->count, OBJECTS - (repair->to - to));
    const uint8_t *data = (const uint8_t *)repair->body.data, *right;
    struct reader reader = {data, data + repair->body.len};
    uint64_t buckets, next = 0, entries;
    assert_true(reader_varint(&reader, &buckets) && bucket_read(&reader, &next, bits, &bucket));
    assert_true(reader_varint(&reader, &entries) && reader_skip(&reader, (entries + 7) / 8, &right));
    for (uint64_t i = 0; i < entries; i++)
        assert_true(right[i / 8] & 1 << i % 8);
    assert_ptr_equal(reader.at, reader.end); /* and nothing comes */
}

/* It is answered as it is when it is answered: here, by nothing. */
static void test_a_store_that_was_emptied_meanwhile(void **state)
{
    struct fixture *f = *state;
    unsigned bits;
    say_sync(f, NONCE, 16, false);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits), to = last_of(f, MESSAGE_DIGESTS)->to;
    store_delete_some(f->pods, SIZE_MAX, false);
    wire_run(&f->wire, LOOP_SECOND);
    struct message have = have_of(f, 0, &bucket, bits);
    say(f, &have);
    const struct message *repair = last_of(f, MESSAGE_REPAIR);
    struct message items = items_of(repair);
    assert_int_equal(item_count(&items), 0);
    assert_int_equal(repair->count, 0);
    assert_int_equal(repair->to, to + OBJECTS);
}

static void test_an_object_of_two_megabytes(void **state)
{
    struct fixture *f = *state;
    struct object *object = NULL;
    unsigned bits;
    size_t len = 2 << 20;
    cleanup_free char *text = mem_alloc(len);
    snprintf(text, len, "{\"metadata\":{\"name\":\"pod-7\",\"namespace\":\"ns\",\"uid\":\"u\"},\"fill\":\"");
    for (size_t i = strlen(text); i < len - 2; i++)
        text[i] = (char)('a' + loop_random_below(f->wire.loop, 26));
    memcpy(text + len - 2, "\"}", 2);
    assert_int_equal(object_create(text, len, NULL, &object), 0);
    store_put(f->pods, object);
    wire_run(&f->wire, LOOP_SECOND);
    say_sync(f, NONCE, 16, false);
    uint64_t bucket = bucket_of_pod(f, "ns/pod-7", &bits);
    struct message have = have_of(f, 0, &bucket, bits);
    say(f, &have);
    struct message items = items_of(last_of(f, MESSAGE_REPAIR));
    struct item item;
    size_t cursor = 0;
    assert_true(message_next_item(&items, &cursor, &item));
    assert_int_equal(item.object.len, len);
    object_unref(object);
}

/* What makes no sense ends the transfer, and nothing else. */
static void test_haves_that_make_no_sense(void **state)
{
    static const char *const bodies[] = {PATH "\n\x80", PATH "\n\x01",
                                         PATH "\n\x01\x05"
                                              "abcd",
                                         PATH "\n\xff\xff\xff\xff\x0f"
                                              "\x00"};
    struct fixture *f = *state;
    for (size_t i = 0; i < array_size(bodies); i++) {
        say_sync(f, NONCE, 16, false);
        struct message have = {
            .kind = MESSAGE_HAVE, .nonce = NONCE, .last = true, .body = {bodies[i], strlen(bodies[i])}};
        say(f, &have);
        assert_int_equal(count_of(f, MESSAGE_REPAIR), 0);
        have = have_of(f, 1, NULL, 0);
        say(f, &have); /* too late */
        assert_int_equal(count_of(f, MESSAGE_REPAIR), 0);
    }
    struct message have = {.kind = MESSAGE_HAVE, .nonce = NONCE, .last = true, .body = {"all", 3}};
    say(f, &have);
    assert_int_equal(count_of(f, MESSAGE_REPAIR), 0);
}

static void test_who_gets_a_snapshot_instead(void **state)
{
    struct fixture *f = *state;
    say_sync(f, NONCE, 16, true);
    assert_int_equal(count_of(f, MESSAGE_DIGESTS), 0);
    assert_true(count_of(f, MESSAGE_CHUNK) > 0);
    store_delete_some(f->have, OBJECTS * 4 / 5, false);
    say_sync(f, 6, 16, false);
    assert_int_equal(count_of(f, MESSAGE_DIGESTS), 0);
    store_delete_some(f->have, OBJECTS / 8, false);
    store_delete_some(f->pods, OBJECTS - 100, false); /* and few are not worth it */
    wire_run(&f->wire, LOOP_SECOND);
    say_sync(f, 7, 16, false);
    assert_int_equal(count_of(f, MESSAGE_DIGESTS), 0);
}

/* The fewer events since, the fewer sums. */
static void test_buckets_by_what_has_changed(void **state)
{
    struct fixture *f = *state;
    say_sync(f, NONCE, 16, false);
    uint64_t bits = last_of(f, MESSAGE_DIGESTS)->bits, epoch = last_of(f, MESSAGE_DIGESTS)->epoch;
    struct message sync = {.kind = MESSAGE_SYNC,
                           .nonce = 6,
                           .epoch = epoch,
                           .to = 1,
                           .credit = 16,
                           .root = store_root(f->have),
                           .count = store_count(f->have),
                           .body = {PATH, strlen(PATH)}};
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 2);
        wire_run(&f->wire, LOOP_MS);
    }
    say(f, &sync);
    assert_true(last_of(f, MESSAGE_DIGESTS)->bits > bits);
    sync.nonce = 7;
    sync.to = 499;
    say(f, &sync);
    assert_true(last_of(f, MESSAGE_DIGESTS)->bits <= bits);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_have_before_its_turn),
        TEST(test_a_have_of_many_entries),
        TEST(test_a_store_that_is_emptied_just_now),
        TEST(test_digests_and_one_bucket),
        TEST(test_haves_out_of_order),
        TEST(test_a_repair_waits_for_credit),
        TEST(test_a_store_that_was_emptied_meanwhile),
        TEST(test_an_object_of_two_megabytes),
        TEST(test_haves_that_make_no_sense),
        TEST(test_who_gets_a_snapshot_instead),
        TEST(test_buckets_by_what_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
