#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/attic.h"
#include "base/mem.h"
#include "base/object.h"

#define IDLE_US (10 * LOOP_SECOND)

struct bench {
    struct loop *loop;
    struct attic *attic;
    struct shelf *shelf;
};

static struct bench bench_open(int64_t hot_bytes)
{
    struct attic_options options = {.hot_bytes = hot_bytes, .idle_us = IDLE_US, .dictionary_from = 8 << 10};
    struct gvr gvr;
    struct bench bench = {.loop = loop_create_simulated(1)};
    gvr_set(&gvr, "", "v1", "pods");
    bench.attic = attic_create(bench.loop, &options);
    bench.shelf = attic_shelf(bench.attic, &gvr);
    return bench;
}

static void bench_close(struct bench *bench)
{
    shelf_unref(bench->shelf);
    assert_int_equal(attic_stats(bench->attic).packed, 0);
    attic_destroy(bench->attic);
    loop_destroy(bench->loop);
}

static struct object *make_on(struct shelf *shelf, const char *name, const char *fill)
{
    struct object_rules rules = {.shelf = shelf};
    struct object *object = NULL;
    cleanup_free char *json = mem_printf(
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\","
        "\"uid\":"
        "\"uid-of-%s\",\"resourceVersion\":\"4711\",\"labels\":{\"app\":\"%s\"},\"annotations\":{\"note\":"
        "\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"shop/web:1.27.3\",\"args\":["
        "\"--listen=:8080\"],\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"}}}],"
        "\"restartPolicy\":\"Always\",\"dnsPolicy\":\"ClusterFirst\",\"schedulerName\":\"default-scheduler\"}"
        ","
        "\"status\":{\"phase\":\"Running\",\"qosClass\":\"Burstable\"}}",
        name, name, name, fill);
    assert_int_equal(object_create(json, strlen(json), &rules, &object), 0);
    return object;
}

static struct object *make(struct bench *bench, int number)
{
    char name[32];
    snprintf(name, sizeof(name), "web-%d", number);
    return make_on(bench->shelf, name, "");
}

static void fill(struct bench *bench, struct object **objects, int count)
{
    for (int i = 0; i < count; i++)
        objects[i] = make(bench, i);
}

static void drop(struct object **objects, int count)
{
    for (int i = 0; i < count; i++)
        object_unref(objects[i]);
}

static void on_end(void *loop)
{
    loop_stop(loop);
}

/* Lets so much time pass, with whatever is due in it. */
static void pass(struct bench *bench, int64_t us)
{
    struct timer end;
    timer_init(&end, bench->loop, on_end, bench->loop);
    timer_start(&end, us);
    loop_run(bench->loop);
}

static void assert_same_slice(struct slice a, struct slice b)
{
    assert_int_equal(a.len, b.len);
    if (a.len)
        assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(a.data == NULL, b.data == NULL);
}

static void assert_same(const struct object *a, const struct object *b)
{
    assert_string_equal(object_key(a), object_key(b));
    assert_true(object_key_hash(a) == object_key_hash(b));
    assert_true(digest_equal(object_digest(a), object_digest(b)));
    assert_int_equal(object_size(a), object_size(b));
    assert_same_slice(object_name(a), object_name(b));
    assert_same_slice(object_namespace(a), object_namespace(b));
    assert_same_slice(object_uid(a), object_uid(b));
    assert_same_slice(object_resource_version(a), object_resource_version(b));
    assert_same_slice(object_labels(a), object_labels(b));
    assert_same_slice(object_annotations(a), object_annotations(b));
    assert_same_slice(object_bytes(a), object_bytes(b));
}

static void what_was_packed_reads_as_before(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct bench bench = bench_open(1 << 20);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    pass(&bench, 3 * IDLE_US);
    struct attic_stats stats = attic_stats(bench.attic);
    assert_int_equal(stats.packed, COUNT);
    assert_int_equal(stats.hot, 0);
    assert_true(stats.packed_bytes < COUNT * 200);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "web-%d", i);
        struct object *raw = make_on(NULL, name, "");
        assert_same(objects[i], raw);
        object_unref(raw);
    }
    assert_int_equal(attic_stats(bench.attic).hot, COUNT);
    drop(objects, COUNT);
    bench_close(&bench);
}

/* What a table asks for on the way does not wake it. */
static void keys_and_digests_are_at_hand(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct bench bench = bench_open(1 << 20);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    pass(&bench, 3 * IDLE_US);
    for (int i = 0; i < COUNT; i++) {
        assert_non_null(object_key(objects[i]));
        assert_int_equal(object_name(objects[i]).len, i < 10 ? 5 : 6);
        assert_int_equal(object_namespace(objects[i]).len, 4);
        assert_true(object_equal(objects[i], objects[i]));
        assert_true(object_size(objects[i]) > 400);
        assert_ptr_equal(object_shelf(objects[i]), bench.shelf);
    }
    assert_int_equal(attic_stats(bench.attic).unpacks, 0);
    drop(objects, COUNT);
    bench_close(&bench);
}

static void packed_once_in_its_life(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct bench bench = bench_open(1 << 20);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    for (int round = 0; round < 3; round++) {
        pass(&bench, 3 * IDLE_US);
        assert_int_equal(attic_stats(bench.attic).hot, 0);
        for (int i = 0; i < COUNT; i++)
            object_bytes(objects[i]);
    }
    assert_int_equal(attic_stats(bench.attic).packs, COUNT);
    assert_int_equal(attic_stats(bench.attic).unpacks, 3 * COUNT);
    drop(objects, COUNT);
    bench_close(&bench);
}

/* Slices live until control goes back to the loop, whatever is made and looked at meanwhile. */
static void slices_stay_for_the_turn(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct bench bench = bench_open(4 << 10);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    pass(&bench, LOOP_SECOND);
    assert_true(attic_stats(bench.attic).packed > 0);
    struct slice slices[COUNT];
    for (int i = 0; i < COUNT; i++)
        slices[i] = object_bytes(objects[i]);
    for (int i = 0; i < COUNT; i++)
        object_unref(make(&bench, COUNT + i));
    assert_true(attic_stats(bench.attic).hot_bytes > 4 << 10);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(slices[i].data, object_bytes(objects[i]).data);
        assert_memory_equal(slices[i].data, "{\"kind\":\"Pod\"", 13);
    }
    drop(objects, COUNT);
    bench_close(&bench);
}

static void the_bound_holds_without_waiting(void **state)
{
    (void)state;
    enum { COUNT = 2000, BOUND = 64 << 10 };
    struct bench bench = bench_open(BOUND);
    static struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    pass(&bench, IDLE_US / 100);
    assert_in_range(attic_stats(bench.attic).hot_bytes, 1, BOUND);
    assert_true(attic_stats(bench.attic).packed > COUNT / 2);
    drop(objects, COUNT);
    bench_close(&bench);
}

static bool is_hot(struct bench *bench, struct object *object)
{
    uint64_t before = attic_stats(bench->attic).unpacks;
    object_bytes(object);
    return attic_stats(bench->attic).unpacks == before;
}

/* Where room is short, those go first that nobody has looked at. */
/* So many large ones, and a turn. Gives the bytes packed in it. */
static size_t turn_with(struct bench *bench, struct object **objects, size_t count)
{
    char fill[1501], name[32];
    memset(fill, 'x', sizeof(fill) - 1);
    fill[sizeof(fill) - 1] = '\0';
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "web-%zu", i);
        objects[i] = make_on(bench->shelf, name, fill);
    }
    uint64_t before = attic_stats(bench->attic).packs;
    loop_step(bench->loop);
    return (attic_stats(bench->attic).packs - before) * object_size(objects[0]);
}

/* What comes in a turn is packed in a turn, as long as that is no long one. */
static void a_flood_is_packed_in_short_turns(void **state)
{
    (void)state;
    enum { BOUND = 256 << 10, TURN = 512 << 10, STEPS = 40, EACH = 150, MANY = 2000 };
    struct bench bench = bench_open(BOUND);
    static struct object *objects[STEPS * EACH + MANY];
    for (size_t step = 0; step < STEPS; step++)
        turn_with(&bench, &objects[step * EACH], EACH);
    assert_in_range((size_t)EACH * object_size(objects[0]), TURN / 2, TURN);
    assert_in_range(attic_stats(bench.attic).hot_bytes_peak, BOUND, 3 * TURN);
    size_t packed = turn_with(&bench, &objects[STEPS * EACH], MANY);
    assert_in_range(packed, TURN / 2, TURN);
    drop(objects, array_size(objects));
    bench_close(&bench);
}

static void what_is_looked_at_stays_hot(void **state)
{
    (void)state;
    enum { COUNT = 400, FAVOURITES = 20 };
    struct bench bench = bench_open(64 << 10);
    static struct object *objects[COUNT];
    for (int i = 0; i < COUNT; i++) {
        objects[i] = make(&bench, i);
        for (int k = 0; k < FAVOURITES && k <= i; k++)
            object_bytes(objects[k]);
        pass(&bench, LOOP_MS);
    }
    assert_true(attic_stats(bench.attic).packs > COUNT / 2);
    assert_int_equal(attic_stats(bench.attic).unpacks, 0);
    assert_false(is_hot(&bench, objects[FAVOURITES]));
    drop(objects, COUNT);
    bench_close(&bench);
}

static void too_few_stay_raw(void **state)
{
    (void)state;
    struct bench bench = bench_open(1 << 20);
    struct object *objects[5];
    fill(&bench, objects, 5);
    pass(&bench, 10 * IDLE_US);
    struct attic_stats stats = attic_stats(bench.attic);
    assert_int_equal(stats.packed, 0);
    assert_int_equal(stats.waiting, 5);
    assert_int_equal(stats.dictionaries, 0);
    drop(objects, 5);
    bench_close(&bench);
}

static void noise(char *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (char)('a' + (seed >> 33) % 26);
    }
    out[len] = '\0';
}

static void what_does_not_pack_stays_raw(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct bench bench = bench_open(1 << 20);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    static char text[20001];
    uint64_t seed = 7;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        text[i] = (char)('#' + (seed >> 33) % (0xff - '#')); /* nearly eight bits each */
        if (text[i] == '\\')
            text[i] = '#';
    }
    pass(&bench, LOOP_MS); /* or it would be in the dictionary */
    struct object *odd = make_on(bench.shelf, "odd", text);
    pass(&bench, 10 * IDLE_US);
    assert_int_equal(attic_stats(bench.attic).packed, COUNT);
    assert_int_equal(attic_stats(bench.attic).hot, 0);
    assert_true(is_hot(&bench, odd));
    assert_memory_equal(object_annotations(odd).data, "{\"note\":\"", 9);
    object_unref(odd);
    drop(objects, COUNT);
    bench_close(&bench);
}

static void an_attic_at_rest_has_no_timer(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct bench bench = bench_open(1 << 20);
    struct object *objects[COUNT];
    fill(&bench, objects, COUNT);
    int64_t start = loop_now_us(bench.loop);
    while (loop_step(bench.loop))
        assert_true(loop_now_us(bench.loop) - start < 5 * IDLE_US);
    assert_int_equal(attic_stats(bench.attic).packed, COUNT);
    object_bytes(objects[0]);
    assert_true(loop_step(bench.loop));
    drop(objects, COUNT);
    bench_close(&bench);
}

/* Objects of another make come: a dictionary of them takes over, and the first one goes with the last object
 * that needs it. */
static void a_dictionary_goes_with_its_last_object(void **state)
{
    (void)state;
    enum { COUNT = 50, MORE = 3000 };
    struct bench bench = bench_open(64 << 10);
    struct object *first[COUNT];
    static struct object *later[MORE];
    fill(&bench, first, COUNT);
    pass(&bench, 3 * IDLE_US);
    assert_int_equal(attic_stats(bench.attic).dictionaries, 1);
    char other[1001], name[32];
    noise(other, 1000, 5);
    for (int i = 0; i < MORE; i++) {
        snprintf(name, sizeof(name), "other-%d", i);
        later[i] = make_on(bench.shelf, name, other);
        pass(&bench, LOOP_MS);
    }
    pass(&bench, 3 * IDLE_US);
    uint64_t with_first = attic_stats(bench.attic).dictionaries;
    assert_in_range(with_first, 2, 4);
    for (int i = 0; i < COUNT; i++)
        assert_memory_equal(object_bytes(first[i]).data, "{\"kind\":\"Pod\"", 13);
    drop(later, MORE);
    assert_int_equal(attic_stats(bench.attic).dictionaries, 2);
    drop(first, COUNT);
    assert_int_equal(attic_stats(bench.attic).dictionaries, 1);
    bench_close(&bench);
}

static void a_shelf_is_one_for_all_who_ask(void **state)
{
    (void)state;
    struct bench bench = bench_open(1 << 20);
    struct gvr pods, nodes;
    gvr_set(&pods, "", "v1", "pods");
    gvr_set(&nodes, "", "v1", "nodes");
    struct shelf *again = attic_shelf(bench.attic, &pods), *other = attic_shelf(bench.attic, &nodes);
    assert_ptr_equal(again, bench.shelf);
    assert_ptr_not_equal(other, bench.shelf);
    assert_null(attic_shelf(NULL, &pods));
    shelf_unref(again);
    shelf_unref(other);
    bench_close(&bench);
}

/* Random makes, looks, drops and passing time, against raw twins. */
static void whatever_happens_bytes_are_right(void **state)
{
    (void)state;
    enum { COUNT = 200, STEPS = 20000 };
    struct bench bench = bench_open(20 << 10);
    static struct object *objects[COUNT], *twins[COUNT];
    static char text[3001];
    for (int step = 0; step < STEPS; step++) {
        size_t i = loop_random_below(bench.loop, COUNT);
        uint64_t dice = loop_random_below(bench.loop, 10);
        if (dice < 2) {
            char name[32];
            snprintf(name, sizeof(name), "n%zu", i);
            object_unref(objects[i]);
            object_unref(twins[i]);
            noise(text, (size_t)loop_random_below(bench.loop, 3000), loop_random_below(bench.loop, 20));
            objects[i] = make_on(bench.shelf, name, text);
            twins[i] = make_on(NULL, name, text);
        } else if (dice == 2) {
            object_unref(objects[i]);
            object_unref(twins[i]);
            objects[i] = twins[i] = NULL;
        } else if (dice == 3) {
            pass(&bench, (int64_t)loop_random_below(bench.loop, LOOP_SECOND));
        } else if (objects[i]) {
            assert_same(objects[i], twins[i]);
        }
    }
    assert_true(attic_stats(bench.attic).unpacks > 1000);
    drop(objects, COUNT);
    drop(twins, COUNT);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_reads_as_before),
        cmocka_unit_test(keys_and_digests_are_at_hand),
        cmocka_unit_test(packed_once_in_its_life),
        cmocka_unit_test(slices_stay_for_the_turn),
        cmocka_unit_test(the_bound_holds_without_waiting),
        cmocka_unit_test(a_flood_is_packed_in_short_turns),
        cmocka_unit_test(what_is_looked_at_stays_hot),
        cmocka_unit_test(too_few_stay_raw),
        cmocka_unit_test(what_does_not_pack_stays_raw),
        cmocka_unit_test(an_attic_at_rest_has_no_timer),
        cmocka_unit_test(a_dictionary_goes_with_its_last_object),
        cmocka_unit_test(a_shelf_is_one_for_all_who_ask),
        cmocka_unit_test(whatever_happens_bytes_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
