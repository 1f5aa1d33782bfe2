/* Parts: the vectors, and what is published over a transport that takes only so much. */
#include "tests/unit/transport/vectors.h"

#include "transport/split.h"

#define PAYLOAD_LIMIT 65536
#define TOTAL_LIMIT 100000

/* ---- the vectors ---- */

static int outcome_of(const struct vector *vector)
{
    static const char *const names[] = {[0] = "ok",
                                        [ASSEMBLER_E_MORE] = "more",
                                        [ASSEMBLER_E_MALFORMED] = "malformed",
                                        [ASSEMBLER_E_LIMIT] = "limit"};
    for (size_t i = 0; i < array_size(names); i++)
        if (strcmp(names[i], vector_get(vector, "expect")) == 0)
            return (int)i;
    return -1;
}

static void check_whole(struct slice whole)
{
    assert_int_equal(whole.len, 2500);
    for (size_t i = 0; i < whole.len; i++)
        assert_int_equal(whole.data[i], 'a' + i / 1024);
}

static void run_parts(const struct vector *vector)
{
    struct slice whole = {0};
    if (!strstr(vector->name, "parts"))
        return;
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    for (size_t i = 0; i < vector->payload_count; i++) {
        const struct buf *part = &vector->payloads[i];
        int r = assembler_add(assembler, "s", "t", (struct slice){part->data, part->len}, &whole);
        bool last = i + 1 == vector->payload_count;
        if (r != (last ? outcome_of(vector) : ASSEMBLER_E_MORE))
            fail_msg("%s: part %zu: outcome %d", vector->name, i, r);
        if (r == 0)
            check_whole(whole);
    }
    assembler_destroy(assembler);
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_each(run_parts);
}

static void run_prefixes(const struct vector *vector)
{
    struct slice whole;
    if (strcmp(vector->name, "parts.vec") != 0)
        return;
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    for (size_t len = 1; len < vector->payloads[0].len; len++) {
        char *copy = malloc(len);
        memcpy(copy, vector->payloads[0].data, len);
        assert_int_equal(assembler_add(assembler, "s", "t", (struct slice){copy, len}, &whole),
                         ASSEMBLER_E_MALFORMED);
        free(copy);
    }
    assembler_destroy(assembler);
}

static void test_a_part_cut_at_each_length(void **state)
{
    (void)state;
    vectors_each(run_prefixes);
}

/* ---- a transport that keeps what it is given ---- */

#define KEPT_MAX 64

struct keeper {
    struct transport transport;
    size_t max;
    struct buf kept[KEPT_MAX];
    size_t count;
    size_t refuse_from; /* this one and those behind it */
};

static int keeper_publish(struct transport *transport, const char *topic, const void *payload, size_t len,
                          int qos, bool retain)
{
    struct keeper *keeper = (struct keeper *)transport;
    assert_string_equal(topic, "topic");
    assert_int_equal(qos, 1);
    assert_false(retain);
    assert_in_range(len, 1, keeper->max);
    if (keeper->count >= keeper->refuse_from)
        return TRANSPORT_E_FULL;
    assert_in_range(keeper->count, 0, KEPT_MAX - 1);
    buf_init(&keeper->kept[keeper->count], 1 << 20);
    buf_append(&keeper->kept[keeper->count++], payload, len);
    return 0;
}

static size_t keeper_max(struct transport *transport)
{
    return ((struct keeper *)transport)->max;
}

static const struct transport_ops keeper_ops = {.publish = keeper_publish, .max_payload = keeper_max};

static void keeper_init(struct keeper *keeper, size_t max)
{
    *keeper = (struct keeper){.transport = {.ops = &keeper_ops}, .max = max, .refuse_from = KEPT_MAX};
}

static void keeper_deinit(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->count; i++)
        buf_deinit(&keeper->kept[i]);
}

static struct slice kept(const struct keeper *keeper, size_t i)
{
    return (struct slice){keeper->kept[i].data, keeper->kept[i].len};
}

static char big[20000];

static struct slice big_payload(size_t len)
{
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 + i / 251);
    return (struct slice){big, len};
}

static void check_round_trip(size_t len, size_t max)
{
    struct keeper keeper;
    struct slice whole = {0}, payload = big_payload(len);
    keeper_init(&keeper, max);
    assert_int_equal(split_publish(&keeper.transport, "topic", payload, 5), 0);
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    for (size_t i = keeper.count; i-- > 0;)
        assert_int_equal(assembler_add(assembler, "s", "topic", kept(&keeper, i), &whole),
                         i == 0 ? 0 : ASSEMBLER_E_MORE);
    assert_int_equal(whole.len, len);
    assert_memory_equal(whole.data, payload.data, len);
    assembler_destroy(assembler);
    keeper_deinit(&keeper);
}

static void test_what_was_split_comes_back(void **state)
{
    (void)state;
    const size_t part = 1024;
    for (size_t len = part + 23; len < 5 * part; len += 31)
        check_round_trip(len, part + 22);
    check_round_trip(2 * part, part + 22);
    check_round_trip(2 * part + 1, part + 22);
    check_round_trip(2 * part - 1, part + 22);
}

static void test_what_fits_is_sent_as_it_is(void **state)
{
    (void)state;
    struct keeper keeper;
    keeper_init(&keeper, 2000);
    assert_int_equal(split_publish(&keeper.transport, "topic", big_payload(2000), 5), 0);
    assert_int_equal(keeper.count, 1);
    assert_int_equal(keeper.kept[0].len, 2000);
    assert_int_equal(split_publish(&keeper.transport, "topic", big_payload(2001), 5), 0);
    assert_int_equal(keeper.count, 3);
    keeper_deinit(&keeper);
}

static void test_a_refused_part_is_a_lost_payload(void **state)
{
    (void)state;
    struct keeper keeper;
    keeper_init(&keeper, 2000);
    keeper.refuse_from = 0;
    assert_int_equal(split_publish(&keeper.transport, "topic", big_payload(9000), 5), TRANSPORT_E_FULL);
    keeper.refuse_from = 2;
    assert_int_equal(split_publish(&keeper.transport, "topic", big_payload(9000), 5), 0);
    assert_int_equal(keeper.count, 2);
    keeper_deinit(&keeper);
    keeper_init(&keeper, 1000); /* parts of that size nobody would take */
    assert_int_equal(split_publish(&keeper.transport, "topic", big_payload(9000), 5), TRANSPORT_E_TOO_BIG);
}

/* ---- what is unfinished ---- */

static struct slice part_of(struct keeper *keeper, size_t len, uint64_t id, size_t index)
{
    keeper_deinit(keeper);
    keeper_init(keeper, 1046);
    assert_int_equal(split_publish(&keeper->transport, "topic", big_payload(len), id), 0);
    return kept(keeper, index);
}

static void test_the_next_payload_takes_the_place(void **state)
{
    (void)state;
    struct keeper keeper;
    struct slice whole;
    keeper_init(&keeper, 1046);
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    assert_int_equal(assembler_add(assembler, "s", "t", part_of(&keeper, 1500, 1, 0), &whole),
                     ASSEMBLER_E_MORE);
    assert_int_equal(assembler_add(assembler, "s", "t", part_of(&keeper, 1500, 2, 0), &whole),
                     ASSEMBLER_E_MORE);
    assert_int_equal(assembler_add(assembler, "s", "t", part_of(&keeper, 1500, 1, 1), &whole),
                     ASSEMBLER_E_MORE);
    assert_int_equal(assembler_add(assembler, "s", "u", part_of(&keeper, 1500, 1, 0), &whole),
                     ASSEMBLER_E_MORE);
    assert_int_equal(assembler_add(assembler, "s", "t", part_of(&keeper, 1500, 1, 0), &whole), 0);
    assert_int_equal(whole.len, 1500);
    assembler_destroy(assembler);
    keeper_deinit(&keeper);
}

/* 100,000 bytes hold six payloads of 16,000: the seventh puts the oldest out. */
static void test_the_oldest_make_room(void **state)
{
    (void)state;
    struct keeper keeper;
    struct slice whole = {0};
    char topic[] = "0";
    keeper_init(&keeper, 1046);
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    for (topic[0] = '0'; topic[0] <= '6'; topic[0]++)
        assert_int_equal(assembler_add(assembler, "s", topic, part_of(&keeper, 16000, 1, 0), &whole),
                         ASSEMBLER_E_MORE);
    size_t finished[2] = {0, 0};
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 1; i < 16; i++)
            finished[which] +=
                assembler_add(assembler, "s", which ? "0" : "1", part_of(&keeper, 16000, 1, i), &whole) == 0;
    assert_int_equal(finished[0], 1); /* "1" was still there */
    assert_int_equal(finished[1], 0); /* "0" was not */
    assembler_destroy(assembler);
    keeper_deinit(&keeper);
}

/* One sender announces more than there is room for; another one's payload is not put out. */
static void test_who_has_most_makes_room(void **state)
{
    (void)state;
    struct keeper keeper;
    struct slice whole = {0};
    char topic[] = "0";
    int r = 0;
    keeper_init(&keeper, 1046);
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    assert_int_equal(assembler_add(assembler, "quiet", "q", part_of(&keeper, 16000, 1, 0), &whole),
                     ASSEMBLER_E_MORE);
    for (topic[0] = '0'; topic[0] <= '9'; topic[0]++)
        assert_int_equal(assembler_add(assembler, "loud", topic, part_of(&keeper, 16000, 1, 0), &whole),
                         ASSEMBLER_E_MORE);
    assert_int_equal(assembler_given_up(assembler), 5);
    for (size_t i = 1; i < 16; i++)
        r = assembler_add(assembler, "quiet", "q", part_of(&keeper, 16000, 1, i), &whole);
    assert_int_equal(r, 0);
    assert_int_equal(whole.len, 16000);
    assembler_destroy(assembler);
    keeper_deinit(&keeper);
}

static void test_what_is_no_part_passes(void **state)
{
    (void)state;
    struct slice whole, payload = {"T and more", 10};
    struct assembler *assembler = assembler_create(PAYLOAD_LIMIT, TOTAL_LIMIT);
    assert_int_equal(assembler_add(assembler, "s", "t", payload, &whole), 0);
    assert_ptr_equal(whole.data, payload.data);
    assert_int_equal(whole.len, payload.len);
    assembler_destroy(assembler);
    assembler_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_a_part_cut_at_each_length),
        cmocka_unit_test(test_what_was_split_comes_back),
        cmocka_unit_test(test_what_fits_is_sent_as_it_is),
        cmocka_unit_test(test_a_refused_part_is_a_lost_payload),
        cmocka_unit_test(test_the_next_payload_takes_the_place),
        cmocka_unit_test(test_the_oldest_make_room),
        cmocka_unit_test(test_who_has_most_makes_room),
        cmocka_unit_test(test_what_is_no_part_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
