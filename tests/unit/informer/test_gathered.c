/*
 * What deltas tell while a sync is under way. The script is the publisher: what it patches is what it
 * published last. Answers come in halves of the key hashes.
 */
#include "tests/support/messages.h"

#include "informer/gathered.h"

#define EPOCH 7
#define MIDDLE (UINT64_MAX / 2)

struct fixture {
    struct script script;
    struct store *have, *answers;
    struct gathered *gathered;
    uint64_t low_to, high_to; /* sequences of the answers */
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    script_init(&f->script, ENCODING_ZSTD);
    f->script.patches = true;
    f->have = store_create();
    f->answers = store_create();
    f->gathered = gathered_create(f->script.codec, f->have, f->answers);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    gathered_destroy(f->gathered);
    store_destroy(f->have);
    store_destroy(f->answers);
    script_deinit(&f->script);
    free(f);
    return 0;
}

static int tell(struct fixture *f)
{
    struct message delta = script_delta(&f->script, EPOCH);
    int r = gathered_add(f->gathered, &delta);
    script_next(&f->script);
    return r;
}

static void change(struct fixture *f, const char *name, int version)
{
    if (version)
        script_put(&f->script, name, version);
    else
        script_delete(&f->script, name);
    assert_int_equal(tell(f), 0);
}

/* Known to the publisher before the first delta. */
static void publish(struct fixture *f, const char *name, int version)
{
    put(f->script.published, name, version);
}

static uint64_t answered_to(const void *arg, uint64_t hash)
{
    const struct fixture *f = arg;
    return hash <= MIDDLE ? f->low_to : f->high_to;
}

/* A chunk of one half, as of now. */
static void answer(struct fixture *f, bool high)
{
    uint64_t first = high ? MIDDLE + 1 : 0, last = high ? UINT64_MAX : MIDDLE;
    *(high ? &f->high_to : &f->low_to) = f->script.sequence;
    const struct store *published = f->script.published;
    for (struct object *object = store_seek(published, first); object && object_key_hash(object) <= last;
         object = store_after(published, object)) {
        store_put(f->answers, object);
        gathered_answered(f->gathered, object, f->script.sequence);
    }
}

static void lay_over(void *arg, const char *key, struct object *object)
{
    if (object)
        store_put(arg, object);
    else
        store_delete(arg, key, false);
}

static void check_leads_to(struct fixture *f, const struct store *wanted)
{
    struct gathered_since since = {answered_to, f};
    assert_int_equal(gathered_resolve(f->gathered, &since), 0);
    gathered_each_newer(f->gathered, &since, lay_over, f->answers);
    assert_true(digest_equal(store_root(f->answers), store_root(wanted)));
    assert_int_equal(store_count(f->answers), store_count(wanted));
}

static bool resolves(struct fixture *f)
{
    struct gathered_since since = {answered_to, f};
    return gathered_resolve(f->gathered, &since) == 0;
}

/* ---- bases ---- */

static void test_the_base_is_what_we_have(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    put(f->have, "a", 1);
    change(f, "a", 2);
    change(f, "a", 3);
    assert_int_equal(f->script.patched, 2);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    publish(f, "none", 1); /* answers as of 0, without a: made of what we have alone */
    put(f->answers, "a", 1);
    put(f->answers, "none", 1);
    check_leads_to(f, f->script.published);
}

static void test_the_base_was_told(void **state)
{
    struct fixture *f = *state;
    change(f, "a", 1);
    change(f, "a", 2);
    assert_int_equal(f->script.patched, 1);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    check_leads_to(f, f->script.published);
}

static void test_the_base_is_in_an_answer_that_was_there(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    answer(f, false);
    answer(f, true);
    change(f, "a", 2);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    check_leads_to(f, f->script.published);
}

static void test_the_base_is_in_an_answer_to_come(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    change(f, "a", 2); /* overtaken by the answer */
    assert_int_equal(gathered_waiting(f->gathered), 1);
    answer(f, false);
    answer(f, true);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    change(f, "a", 3);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    check_leads_to(f, f->script.published);
}

/* Chunk and deltas travel on topics of their own: the chunk may be the first to come. */
static void test_patches_that_come_behind_their_answer(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    publish(f, "b", 1);
    script_put(&f->script, "a", 2);
    script_put(&f->script, "a", 3);
    script_put(&f->script, "b", 2);
    struct message late = script_delta(&f->script, EPOCH);
    answer(f, false);
    answer(f, true);
    assert_int_equal(gathered_add(f->gathered, &late), 0);
    assert_int_equal(gathered_waiting(f->gathered), 3);
    script_next(&f->script);
    change(f, "a", 4); /* behind those that wait, whatever it starts from */
    assert_int_equal(gathered_waiting(f->gathered), 4);
    check_leads_to(f, f->script.published);
}

static void test_a_base_that_does_not_come(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    answer(f, false);
    answer(f, true);
    script_put(&f->script, "a", 2);
    script_delta(&f->script, EPOCH); /* lost */
    script_next(&f->script);
    change(f, "a", 3);
    assert_int_equal(gathered_waiting(f->gathered), 1);
    assert_false(resolves(f));
}

static void test_a_chain_with_a_link_missing(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    script_put(&f->script, "a", 2);
    script_put(&f->script, "a", 3);
    script_put(&f->script, "a", 4);
    struct message delta = script_delta(&f->script, EPOCH);
    struct item item;
    size_t first = 0, second = 0;
    assert_true(message_next_item(&delta, &first, &item));
    second = first;
    assert_true(message_next_item(&delta, &second, &item));
    memmove(f->script.body.data + first, f->script.body.data + second, delta.body.len - second);
    delta.body.len -= second - first;
    delta.items = 2;
    assert_int_equal(gathered_add(f->gathered, &delta), 0);
    put(f->answers, "a", 1);
    assert_false(resolves(f));
}

/* ---- what overtakes a chain ---- */

static void test_a_chain_that_ends_in_a_deletion(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    cleanup_with(object_unrefp) struct object *before = object_of("a", 1);
    change(f, "a", 2);
    change(f, "a", 0);
    store_put(f->answers, before); /* as of 0 */
    gathered_answered(f->gathered, before, 0);
    check_leads_to(f, f->script.published);
    assert_int_equal(store_count(f->answers), 0);
}

static void test_a_chain_before_another_object_of_its_name(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    change(f, "a", 2);
    change(f, "a", 0);
    change(f, "a", 3);
    change(f, "a", 4);
    assert_int_equal(f->script.patched, 2);
    assert_int_equal(gathered_waiting(f->gathered), 1); /* the last one starts from what was told in full */
    put(f->answers, "a", 1);                            /* as of 0 */
    check_leads_to(f, f->script.published);
}

/* Who may choose names may choose two of one hash: what waits is still that of the first one. */
static void test_a_chain_beside_another_key_of_its_hash(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *a = cluster_object(COLLIDING_A, 1),
                                              *a2 = cluster_object(COLLIDING_A, 2),
                                              *b = cluster_object(COLLIDING_B, 1),
                                              *b2 = cluster_object(COLLIDING_B, 2);
    assert_true(object_key_hash(a) == object_key_hash(b));
    store_put(f->script.published, a);
    script_put_object(&f->script, a2);
    f->script.patches = false; /* there are two from now on */
    script_put_object(&f->script, b);
    script_put_object(&f->script, b2);
    assert_int_equal(tell(f), 0);
    assert_int_equal(f->script.patched, 1);
    assert_int_equal(gathered_waiting(f->gathered), 1);
    store_put(f->answers, a); /* as of 0 */
    check_leads_to(f, f->script.published);
    assert_int_equal(store_count(f->answers), 2);
}

static void test_an_answer_settles_its_own_key_alone(void **state)
{
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *a = cluster_object(COLLIDING_A, 1),
                                              *a2 = cluster_object(COLLIDING_A, 2),
                                              *b = cluster_object(COLLIDING_B, 1);
    store_put(f->script.published, a);
    script_put_object(&f->script, a2);
    assert_int_equal(tell(f), 0);
    gathered_answered(f->gathered, b, 0);
    assert_int_equal(gathered_waiting(f->gathered), 1);
    gathered_answered(f->gathered, a, 0);
    assert_int_equal(gathered_waiting(f->gathered), 0);
}

static void test_after_a_gap_nothing_waits(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    change(f, "a", 2);
    f->script.sequence++;
    change(f, "b", 1);
    assert_int_equal(gathered_waiting(f->gathered), 0);
    assert_int_equal(gathered_first(f->gathered), 3);
}

/* ---- bounds ---- */

static int tell_noise(struct fixture *f, struct object *object)
{
    script_put_object(&f->script, object);
    return tell(f);
}

static void test_too_much_waits(void **state)
{
    enum { LEN = 900000 };
    struct fixture *f = *state;
    cleanup_with(object_unrefp) struct object *a = noise_object("a", 1, LEN), *b = noise_object("a", 2, LEN);
    store_put(f->script.published, a);
    int r = 0, told = 0;
    for (; r == 0 && told < 60; told++)
        r = tell_noise(f, told % 2 ? a : b);
    assert_int_equal(f->script.patched, told);
    assert_int_equal(r, GATHERED_E_FULL);
    assert_in_range(told, 33, 59);
    assert_int_equal(gathered_first(f->gathered), 0); /* anew */
    assert_int_equal(gathered_waiting(f->gathered), 0);
    assert_int_equal(gathered_size(f->gathered), 0);
    change(f, "b", 1);
    assert_int_equal(gathered_first(f->gathered), (uint64_t)told + 1);
}

/* So many times from little to much, and back: small as patches, and much to unpack. */
static void tell_growth(struct fixture *f, struct object *small, struct object *large, int times)
{
    script_put_object(&f->script, large);
    script_put_object(&f->script, small);
    for (int i = 0; i < times; i++, f->script.items = 2) {
        struct message delta = script_delta(&f->script, EPOCH);
        assert_int_equal(gathered_add(f->gathered, &delta), 0);
    }
    script_next(&f->script);
}

static void test_what_waits_leads_to_too_much(void **state)
{
    enum { LEN = 1000000, TIMES = 270 };
    struct fixture *f = *state;
    cleanup_free char *text =
        mem_printf("{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"d\":\"%0*d\"}", LEN, 0);
    struct object *large = NULL;
    cleanup_with(object_unrefp) struct object *small = noise_object("a", 1, 200);
    assert_int_equal(object_create(text, strlen(text), NULL, &large), 0);
    store_put(f->script.published, small);
    tell_growth(f, small, large, TIMES);
    assert_int_equal(gathered_waiting(f->gathered), 2 * TIMES);
    store_put(f->answers, small);
    assert_false(resolves(f));
    gathered_clear(f->gathered); /* which counts anew */
    store_delete(f->answers, object_key(small), false);
    tell_growth(f, small, large, 5);
    store_put(f->answers, small);
    assert_true(resolves(f));
    object_unref(large);
}

static void test_its_size_is_what_it_holds(void **state)
{
    struct fixture *f = *state;
    publish(f, "a", 1);
    change(f, "a", 2); /* waits */
    uint64_t waiting = gathered_size(f->gathered);
    assert_true(waiting > 0);
    change(f, "b", 1);
    assert_true(gathered_size(f->gathered) > waiting + 100);
    gathered_clear(f->gathered);
    assert_int_equal(gathered_size(f->gathered), 0);
}

/* ---- anything, in any order ---- */

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void random_change(struct fixture *f, unsigned *seed, int version)
{
    char name[16], key[24];
    snprintf(name, sizeof(name), "o%u", next_random(seed) % 12);
    snprintf(key, sizeof(key), "ns/%s", name);
    bool is_there = store_get(f->script.published, key) != NULL;
    change(f, name, is_there && next_random(seed) % 6 == 0 ? 0 : version);
}

/* Answers in either order, some time within the deltas; what we have is what was published some time before.
 */
static void check_random(void **state, unsigned seed)
{
    struct fixture *f = *state;
    int version = 1, last = 2 + (int)(next_random(&seed) % 60);
    int low_at = (int)next_random(&seed) % last, high_at = (int)next_random(&seed) % last;
    for (int i = 0; i < 12; i++, version++) {
        char name[16];
        snprintf(name, sizeof(name), "o%d", i);
        publish(f, name, version);
        if (next_random(&seed) % 2)
            put(f->have, name, next_random(&seed) % 4 ? version : 9999);
    }
    for (int i = 0; i < last; i++, version++) {
        if (i == low_at)
            answer(f, false);
        if (i == high_at)
            answer(f, true);
        random_change(f, &seed, version);
    }
    check_leads_to(f, f->script.published);
}

static void test_anything_in_any_order(void **state)
{
    size_t patched = 0;
    for (unsigned seed = 1; seed <= 500; seed++) {
        check_random(state, seed);
        patched += (*(struct fixture **)state)->script.patched;
        teardown(state);
        setup(state);
    }
    assert_true(patched > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_base_is_what_we_have),
        TEST(test_the_base_was_told),
        TEST(test_the_base_is_in_an_answer_that_was_there),
        TEST(test_the_base_is_in_an_answer_to_come),
        TEST(test_patches_that_come_behind_their_answer),
        TEST(test_a_base_that_does_not_come),
        TEST(test_a_chain_with_a_link_missing),
        TEST(test_a_chain_that_ends_in_a_deletion),
        TEST(test_a_chain_before_another_object_of_its_name),
        TEST(test_a_chain_beside_another_key_of_its_hash),
        TEST(test_an_answer_settles_its_own_key_alone),
        TEST(test_after_a_gap_nothing_waits),
        TEST(test_too_much_waits),
        TEST(test_what_waits_leads_to_too_much),
        TEST(test_its_size_is_what_it_holds),
        TEST(test_anything_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
