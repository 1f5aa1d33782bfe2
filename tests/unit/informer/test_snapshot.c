/* A snapshot while it is received: ranges, deltas before, between and after them, and what must not pass. */
#include "tests/support/messages.h"

#include "informer/snapshot.h"

#define EPOCH 7
#define NONCE 99
#define MIDDLE (UINT64_MAX / 2)

/* ---- a provider by hand ---- */

struct fixture {
    struct script script;
    struct store *have;
    struct snapshot *snapshot;
    struct buf chunk_body;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    script_init(&f->script, ENCODING_ZSTD);
    f->script.patches = true;
    f->have = store_create();
    f->snapshot = snapshot_create(NONCE, f->script.codec, f->have);
    buf_init(&f->chunk_body, 2 << 20);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        put(f->script.published, name, 1);
    }
    f->script.sequence = 10;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    snapshot_destroy(f->snapshot);
    script_deinit(&f->script);
    store_destroy(f->have);
    buf_deinit(&f->chunk_body);
    free(f);
    return 0;
}

/* A name of the published objects (or of none of them) whose key hash is in a half. */
static const char *name_in(bool high, const char *lead)
{
    static char name[32];
    for (int i = 0;; i++) {
        char key[40];
        snprintf(name, sizeof(name), "%s%d", lead, i);
        snprintf(key, sizeof(key), "ns/%s", name);
        if ((key_hash(key, strlen(key)) > MIDDLE) == high)
            return name;
    }
}

static struct message chunk_of(struct fixture *f, uint64_t index, uint64_t first, uint64_t last)
{
    const struct store *published = f->script.published;
    buf_clear(&f->chunk_body);
    for (struct object *object = store_seek(published, first); object && object_key_hash(object) <= last;
         object = store_after(published, object))
        assert_int_equal(codec_put_item(f->script.codec, &f->chunk_body, NULL, object), 0);
    return (struct message){
        .kind = MESSAGE_CHUNK,
        .nonce = NONCE,
        .epoch = EPOCH,
        .index = index,
        .to = f->script.sequence,
        .first = first,
        .last_hash = last,
        .last = last == UINT64_MAX,
        .root = store_root(published),
        .count = store_count(published),
        .body = {f->chunk_body.data, f->chunk_body.len},
    };
}

static int add_low(struct fixture *f)
{
    struct message chunk = chunk_of(f, 0, 0, MIDDLE);
    return snapshot_add_chunk(f->snapshot, &chunk);
}

static int add_high(struct fixture *f)
{
    struct message chunk = chunk_of(f, 1, MIDDLE + 1, UINT64_MAX);
    return snapshot_add_chunk(f->snapshot, &chunk);
}

/* Changes one object; the delta is given to the snapshot, or lost. */
static void change(struct fixture *f, const char *name, int version, bool lost)
{
    script_next(&f->script);
    if (version)
        script_put(&f->script, name, version);
    else
        script_delete(&f->script, name);
    struct message delta = script_delta(&f->script, EPOCH);
    if (!lost)
        assert_int_equal(snapshot_add_delta(f->snapshot, &delta), 0);
}

static struct store *take(struct fixture *f)
{
    struct store *store, *gone;
    struct digest root = snapshot_take(f->snapshot, &store, &gone);
    assert_null(gone);
    assert_true(digest_equal(root, store_root(store)));
    return store;
}

static void check_verified(struct fixture *f)
{
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    assert_int_equal(snapshot_sequence(f->snapshot), f->script.sequence);
    assert_int_equal(snapshot_kind(f->snapshot), SNAPSHOT_WHOLE);
    struct store *store = take(f);
    assert_true(digest_equal(store_root(store), store_root(f->script.published)));
    assert_int_equal(store_count(store), store_count(f->script.published));
    store_destroy(store);
}

/* What we have, with what is told laid over it. */
static void check_laid_over(struct fixture *f, struct digest root)
{
    struct store *come, *gone;
    struct object *object;
    size_t count = store_count(f->have);
    assert_true(digest_equal(snapshot_take(f->snapshot, &come, &gone), root));
    assert_int_equal(store_count(f->have), count); /* not touched yet */
    for (object = store_seek(gone, 0); object; object = store_after(gone, object))
        store_delete(f->have, object_key(object), false);
    for (object = store_seek(come, 0); object; object = store_after(come, object))
        store_put(f->have, object);
    assert_true(digest_equal(store_root(f->have), root));
    store_destroy(come);
    store_destroy(gone);
}

/* ---- whole ---- */

static void test_two_chunks_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(snapshot_nonce(f->snapshot), NONCE);
    assert_int_equal(snapshot_epoch(f->snapshot), 0);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(snapshot_epoch(f->snapshot), EPOCH);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_INCOMPLETE);
    assert_int_equal(add_high(f), 0);
    assert_int_equal(snapshot_answers(f->snapshot), 2);
    check_verified(f);
}

static void test_an_empty_stream(void **state)
{
    struct fixture *f = *state;
    struct message chunk = {
        .kind = MESSAGE_CHUNK, .nonce = NONCE, .epoch = EPOCH, .last_hash = UINT64_MAX, .last = true};
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    assert_int_equal(snapshot_sequence(f->snapshot), 0);
    struct store *store = take(f);
    assert_int_equal(store_count(store), 0);
    store_destroy(store);
}

static void test_objects_that_we_have_are_shared(void **state)
{
    struct fixture *f = *state;
    put(f->have, "o1", 1);
    put(f->have, "o2", 77);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(add_high(f), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    struct store *store = take(f);
    assert_ptr_equal(store_get(store, "ns/o1"), store_get(f->have, "ns/o1"));
    assert_int_equal(version_in(store, "o2"), 1);
    store_destroy(store);
}

/* ---- deltas around chunks ---- */

/* Each change hits a range before it was read, or after. */
static void test_deltas_before_between_and_after(void **state)
{
    struct fixture *f = *state;
    change(f, name_in(false, "o"), 2, false);
    assert_int_equal(add_low(f), 0);
    change(f, name_in(false, "o"), 3, false); /* the low range is older */
    change(f, name_in(true, "o"), 4, false);  /* the high range will have it */
    change(f, name_in(false, "new"), 1, false);
    assert_int_equal(add_high(f), 0);
    change(f, name_in(true, "o"), 0, false);
    change(f, name_in(true, "new"), 1, false);
    check_verified(f);
}

/* A patch is kept until its base is here; this one is older than that. */
static void test_a_chunk_lets_patches_go_that_waited_for_it(void **state)
{
    struct fixture *f = *state;
    change(f, name_in(false, "o"), 2, false);
    assert_int_equal(f->script.patched, 1);
    uint64_t before = snapshot_gathered_size(f->snapshot);
    assert_int_equal(add_low(f), 0);
    assert_true(snapshot_gathered_size(f->snapshot) < before);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
}

/* It is no fault of the deltas: what comes behind them counts again. */
static void test_more_patches_than_may_wait(void **state)
{
    enum { LEN = 900000 };
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *a = noise_object("o1", 1, LEN),
                                              *b = noise_object("o1", 2, LEN);
    store_put(f->script.published, a);
    int told = 0;
    for (uint64_t next = 1; next != 0 && told < 60; told++, next = snapshot_next_delta(f->snapshot)) {
        script_next(&f->script);
        script_put_object(&f->script, told % 2 ? a : b);
        struct message delta = script_delta(&f->script, EPOCH);
        assert_int_equal(snapshot_add_delta(f->snapshot, &delta), 0);
    }
    assert_in_range(told, 33, 59);
    change(f, "new", 1, false);
    assert_int_equal(snapshot_next_delta(f->snapshot), f->script.sequence + 1);
}

static void test_an_old_delta_does_not_undo_a_newer_range(void **state)
{
    struct fixture *f = *state;
    change(f, "o1", 2, false);
    change(f, "o1", 3, true);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
}

static void test_after_a_gap_gathering_begins_anew(void **state)
{
    struct fixture *f = *state;
    change(f, "o1", 2, false);
    change(f, "o2", 2, true);
    change(f, "o3", 0, false);
    assert_int_equal(snapshot_next_delta(f->snapshot), 14);
    assert_int_equal(add_low(f), 0);
    change(f, name_in(false, "o"), 5, false);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
}

static void test_a_delta_that_changes_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    const char *name = name_in(false, "o");
    change(f, name, 0, false);
    change(f, name, 1, false);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
}

static void test_the_next_delta_that_is_wanted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(snapshot_next_delta(f->snapshot), 0);
    change(f, "o1", 2, false);
    assert_int_equal(snapshot_next_delta(f->snapshot), 12);
    script_next(&f->script);
    script_put(&f->script, "o1", 3);
    script_put(&f->script, "o2", 3);
    struct message delta = script_delta(&f->script, EPOCH);
    assert_int_equal(snapshot_add_delta(f->snapshot, &delta), 0);
    assert_int_equal(snapshot_next_delta(f->snapshot), 14);
}

static void test_missing_deltas_are_waited_for(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    script_next(&f->script);
    script_put(&f->script, name_in(false, "o"), 2);
    struct message late = script_delta(&f->script, EPOCH);
    assert_int_equal(add_high(f), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_LAGGING);
    assert_int_equal(snapshot_add_delta(f->snapshot, &late), 0);
    check_verified(f);
}

static void test_part_of_the_deltas_is_not_enough(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    change(f, "o1", 2, false);
    change(f, "o2", 2, true);
    assert_int_equal(add_high(f), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_LAGGING);
}

static void test_a_lost_delta_breaks_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    change(f, "o1", 2, true);
    change(f, "o2", 2, false);
    assert_int_equal(add_high(f), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_BROKEN);
}

static void test_a_delta_lost_behind_the_last_chunk_breaks_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    assert_int_equal(add_high(f), 0);
    change(f, "o1", 2, true);
    change(f, "o2", 2, false);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_BROKEN);
}

/* ---- what does not add up ---- */

static void test_another_root_breaks_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    struct message chunk = chunk_of(f, 1, MIDDLE + 1, UINT64_MAX);
    chunk.root.low ^= 1;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_BROKEN);
}

static void test_another_count_breaks_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_low(f), 0);
    struct message chunk = chunk_of(f, 1, MIDDLE + 1, UINT64_MAX);
    chunk.count++;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_BROKEN);
}

static void test_a_missing_object_breaks_it(void **state)
{
    struct fixture *f = *state;
    struct message chunk = chunk_of(f, 0, 0, UINT64_MAX);
    struct item item;
    size_t skip = 0;
    assert_true(message_next_item(&chunk, &skip, &item));
    chunk.body.data += skip;
    chunk.body.len -= skip;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_BROKEN);
}

static void test_ranges_that_make_no_sense(void **state)
{
    struct fixture *f = *state;
    struct message hole = chunk_of(f, 0, 1, MIDDLE);
    assert_int_equal(snapshot_add_chunk(f->snapshot, &hole), SNAPSHOT_E_MALFORMED);
    struct message early_end = chunk_of(f, 0, 0, MIDDLE);
    early_end.last = true;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &early_end), SNAPSHOT_E_MALFORMED);
    struct message no_end = chunk_of(f, 0, 0, UINT64_MAX);
    no_end.last = false;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &no_end), SNAPSHOT_E_MALFORMED);
    assert_int_equal(add_low(f), 0);
    struct message overlap = chunk_of(f, 1, MIDDLE, UINT64_MAX);
    assert_int_equal(snapshot_add_chunk(f->snapshot, &overlap), SNAPSHOT_E_MALFORMED);
    struct message backwards = chunk_of(f, 1, MIDDLE + 1, MIDDLE);
    backwards.body.len = 0;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &backwards), SNAPSHOT_E_MALFORMED);
    struct message older = chunk_of(f, 1, MIDDLE + 1, UINT64_MAX);
    older.to--;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &older), SNAPSHOT_E_MALFORMED);
}

static void test_objects_outside_of_their_range(void **state)
{
    struct fixture *f = *state;
    struct message chunk = chunk_of(f, 0, 0, UINT64_MAX);
    chunk.last_hash = MIDDLE;
    chunk.last = false;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), SNAPSHOT_E_MALFORMED);
}

static void test_chunks_out_of_turn(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add_high(f), SNAPSHOT_E_GAP);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(add_low(f), SNAPSHOT_E_GAP); /* again */
    assert_int_equal(add_high(f), 0);
    assert_int_equal(add_high(f), SNAPSHOT_E_GAP);
    check_verified(f);
}

static void test_a_chunk_holds_no_deletions(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n";
    struct message chunk = {.kind = MESSAGE_CHUNK,
                            .nonce = NONCE,
                            .epoch = EPOCH,
                            .last_hash = UINT64_MAX,
                            .last = true,
                            .body = {body, sizeof(body) - 1},
                            .plain = true};
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), SNAPSHOT_E_MALFORMED);
}

/* A patch says what changed, and a chunk what is. */
static void test_a_chunk_holds_no_patches(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *base = object_of("o1", 1), *next = object_of("o1", 2);
    store_put(f->have, base);
    struct message chunk = chunk_of(f, 0, 0, UINT64_MAX);
    buf_clear(&f->chunk_body);
    assert_int_equal(codec_put_patch(f->script.codec, &f->chunk_body, base, next), 0);
    chunk.body = (struct slice){f->chunk_body.data, f->chunk_body.len};
    assert_int_equal(snapshot_add_chunk(f->snapshot, &chunk), SNAPSHOT_E_MALFORMED);
}

/* ---- epochs ---- */

static void test_answers_of_two_epochs(void **state)
{
    struct fixture *f = *state;
    struct message none = chunk_of(f, 0, 0, MIDDLE);
    none.epoch = 0;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &none), SNAPSHOT_E_MALFORMED);
    assert_int_equal(add_low(f), 0);
    struct message other = chunk_of(f, 1, MIDDLE + 1, UINT64_MAX);
    other.epoch = EPOCH + 1;
    assert_int_equal(snapshot_add_chunk(f->snapshot, &other), SNAPSHOT_E_FOREIGN);
    struct message delta = {.kind = MESSAGE_DELTA, .epoch = EPOCH + 1, .from = 11, .items = 1};
    assert_int_equal(snapshot_add_delta(f->snapshot, &delta), SNAPSHOT_E_FOREIGN);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
}

/* What was gathered of another epoch before the answer came is of no use. */
static void test_deltas_of_an_epoch_that_is_not_adopted(void **state)
{
    struct fixture *f = *state;
    struct script other;
    script_init(&other, ENCODING_ZSTD);
    other.sequence = 10;
    script_put(&other, "foreign", 1);
    struct message delta = script_delta(&other, EPOCH + 1);
    assert_int_equal(snapshot_add_delta(f->snapshot, &delta), 0);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(snapshot_next_delta(f->snapshot), 0);
    assert_int_equal(add_high(f), 0);
    check_verified(f);
    script_deinit(&other);
}

/* ---- equal ---- */

static struct message equal_of(struct fixture *f)
{
    for (struct object *object = store_seek(f->script.published, 0); object;
         object = store_after(f->script.published, object))
        store_put(f->have, object);
    return (struct message){
        .kind = MESSAGE_EQUAL,
        .nonce = NONCE,
        .epoch = EPOCH,
        .to = f->script.sequence,
        .root = store_root(f->script.published),
        .count = store_count(f->script.published),
    };
}

static void test_equal(void **state)
{
    struct fixture *f = *state;
    struct message equal = equal_of(f);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    assert_int_equal(snapshot_kind(f->snapshot), SNAPSHOT_EQUAL);
    assert_int_equal(snapshot_sequence(f->snapshot), 10);
}

static void test_equal_and_deltas_behind_it(void **state)
{
    struct fixture *f = *state;
    change(f, "o1", 2, false); /* equal will have this one */
    struct message equal = equal_of(f);
    change(f, "o2", 3, false);
    change(f, "o3", 0, false);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    assert_int_equal(snapshot_sequence(f->snapshot), 13);
    check_laid_over(f, store_root(f->script.published));
}

/* What was lost is replayed, and what came behind it as well: we go on where the answer says. */
static void test_equal_and_a_lost_delta(void **state)
{
    struct fixture *f = *state;
    struct message equal = equal_of(f);
    change(f, "o2", 3, true);
    change(f, "o3", 0, false);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), 0);
    assert_int_equal(snapshot_check(f->snapshot), SNAPSHOT_VERIFIED);
    assert_int_equal(snapshot_sequence(f->snapshot), equal.to);
    check_laid_over(f, equal.root);
}

static void test_equal_that_is_not(void **state)
{
    struct fixture *f = *state;
    struct message equal = equal_of(f);
    put(f->have, "more", 1);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), SNAPSHOT_E_MALFORMED);
    store_delete(f->have, "ns/more", false);
    put(f->have, "o1", 2);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), SNAPSHOT_E_MALFORMED);
}

static void test_equal_after_a_chunk(void **state)
{
    struct fixture *f = *state;
    struct message equal = equal_of(f);
    assert_int_equal(add_low(f), 0);
    assert_int_equal(snapshot_set_equal(f->snapshot, &equal), SNAPSHOT_E_MALFORMED);
}

static void test_a_malformed_delta(void **state)
{
    struct fixture *f = *state;
    change(f, "o1", 2, false);
    struct message delta = {.kind = MESSAGE_DELTA, .epoch = EPOCH, .from = 12, .items = 1, .body = {"\7", 1}};
    assert_int_equal(snapshot_add_delta(f->snapshot, &delta), SNAPSHOT_E_MALFORMED);
    assert_int_equal(snapshot_next_delta(f->snapshot), 0); /* nothing of it counts */
    script_next(&f->script);
    script_put(&f->script, "o1", 3);
    delta = script_delta(&f->script, EPOCH);
    delta.items++;
    assert_int_equal(snapshot_add_delta(f->snapshot, &delta), SNAPSHOT_E_MALFORMED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_chunks_and_nothing_else),
        TEST(test_an_empty_stream),
        TEST(test_objects_that_we_have_are_shared),
        TEST(test_deltas_before_between_and_after),
        TEST(test_a_chunk_lets_patches_go_that_waited_for_it),
        TEST(test_more_patches_than_may_wait),
        TEST(test_an_old_delta_does_not_undo_a_newer_range),
        TEST(test_after_a_gap_gathering_begins_anew),
        TEST(test_a_delta_that_changes_back),
        TEST(test_the_next_delta_that_is_wanted),
        TEST(test_missing_deltas_are_waited_for),
        TEST(test_part_of_the_deltas_is_not_enough),
        TEST(test_a_lost_delta_breaks_it),
        TEST(test_a_delta_lost_behind_the_last_chunk_breaks_it),
        TEST(test_another_root_breaks_it),
        TEST(test_another_count_breaks_it),
        TEST(test_a_missing_object_breaks_it),
        TEST(test_ranges_that_make_no_sense),
        TEST(test_objects_outside_of_their_range),
        TEST(test_chunks_out_of_turn),
        TEST(test_a_chunk_holds_no_deletions),
        TEST(test_a_chunk_holds_no_patches),
        TEST(test_answers_of_two_epochs),
        TEST(test_deltas_of_an_epoch_that_is_not_adopted),
        TEST(test_equal),
        TEST(test_equal_and_deltas_behind_it),
        TEST(test_equal_and_a_lost_delta),
        TEST(test_equal_that_is_not),
        TEST(test_equal_after_a_chunk),
        TEST(test_a_malformed_delta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
