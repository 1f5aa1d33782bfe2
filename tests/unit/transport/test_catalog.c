#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "transport/catalog.h"

static struct slice text_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static struct slice body_of(const struct buf *buf)
{
    return (struct slice){buf->data, buf->len};
}

static void test_presence_comes_back(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(4096);
    struct presence presence = {.alive = true, .cluster = "c\"1", .version = "v1.36", .heartbeat_ms = 15000};
    struct presence back;
    presence_format(&body, &presence);
    assert_int_equal(presence_parse(body_of(&body), &back), 0);
    assert_int_equal(presence.alive, back.alive);
    assert_string_equal(presence.cluster, back.cluster);
    assert_string_equal(presence.version, back.version);
    assert_int_equal(presence.heartbeat_ms, back.heartbeat_ms);
    buf_deinit(&body);
}

static void test_presence_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"alive\":1,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":0}",
        "{\"alive\":true,\"version\":\"\",\"heartbeatMs\":0}",
        "{\"alive\":true,\"cluster\":7,\"version\":\"\",\"heartbeatMs\":0}",
        "{\"alive\":true,\"cluster\":\"\",\"version\":\"\"}",
        "{\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":\"1\"}",
        "{\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":-2}",
        "{\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":1e300}",
        "{\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":0",
        "{\"alive\":true,\"cluster\":\"0123456789012345678901234567890123456789012345678901234567890123\","
        "\"version\":\"\",\"heartbeatMs\":0}",
    };
    struct presence presence;
    for (size_t i = 0; i < array_size(bad); i++)
        if (presence_parse(text_of(bad[i]), &presence) != CATALOG_E_MALFORMED)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(
        presence_parse(
            text_of("{\"more\":[1],\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":0}"),
            &presence),
        0);
}

#define FIFTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

static void test_catalog_comes_back(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(4096);
    struct catalog_entry list[2] = {{.kind = "Pod", .namespaced = true, .epoch = 1},
                                    {.kind = "Node", .namespaced = false, .epoch = UINT64_MAX}};
    gvr_set(&list[0].gvr, "", "v1", "pods");
    gvr_set(&list[1].gvr, "a.example.com", "v2beta1", "nodes");
    for (size_t count = 0; count <= 2; count++) {
        struct catalog_entry *back = NULL;
        size_t n;
        bool complete = false;
        buf_clear(&body);
        catalog_format(&body, true, list, count);
        assert_int_equal(catalog_parse(body_of(&body), &complete, &back, &n), 0);
        assert_true(complete);
        assert_int_equal(n, count);
        for (size_t i = 0; i < n; i++) {
            assert_true(gvr_equal(&back[i].gvr, &list[i].gvr));
            assert_string_equal(back[i].kind, list[i].kind);
            assert_int_equal(back[i].namespaced, list[i].namespaced);
            assert_true(back[i].epoch == list[i].epoch);
        }
        free(back);
    }
    buf_deinit(&body);
}

#define ENTRY_(group, kind, namespaced, epoch)                                                               \
    "{\"complete\":true,\"streams\":[{\"group\":" group                                                      \
    ",\"version\":\"v1\",\"resource\":\"pods\",\"kind\":" kind ",\"namespaced\":" namespaced                 \
    ",\"epoch\":" epoch "}]}"

static void test_catalog_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{\"complete\":true}",
        "{\"complete\":true,\"streams\":{}}",
        "{\"complete\":true,\"streams\":[7]}",
        ENTRY_("7", "\"Pod\"", "true", "\"0000000000000001\""),
        ENTRY_("\"a/b\"", "\"Pod\"", "true", "\"0000000000000001\""),
        ENTRY_("\"\"", "null", "true", "\"0000000000000001\""),
        ENTRY_("\"\"", "\"\"", "true", "\"0000000000000001\""),
        ENTRY_("\"\"", "\"P\\\"od\"", "true", "\"0000000000000001\""),
        ENTRY_("\"\"", "\"1Pod\"", "true", "\"0000000000000001\""),
        ENTRY_("\"\"", "\"Pod\"", "1", "\"0000000000000001\""),
        ENTRY_("\"\"", "\"Pod\"", "true", "1"),
        ENTRY_("\"\"", "\"Pod\"", "true", "\"1\""),
        ENTRY_("\"\"", "\"Pod\"", "true", "\"000000000000000A\""),
        ENTRY_("\"\"", "\"Pod\"", "true", "\"00000000000000001\""),
    };
    struct catalog_entry *entries = NULL;
    size_t count;
    bool complete;
    for (size_t i = 0; i < array_size(bad); i++)
        if (catalog_parse(text_of(bad[i]), &complete, &entries, &count) != CATALOG_E_MALFORMED)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(catalog_parse(text_of(ENTRY_("\"\"", "\"Pod\"", "true", "\"0000000000000001\"")),
                                   &complete, &entries, &count),
                     0);
    free(entries);
}

static void test_names_come_back(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(4096);
    struct catalog_entry entry = {.kind = "Widget", .epoch = 1}, *back = NULL;
    size_t n;
    bool complete;
    gvr_set(&entry.gvr, "example.com", "v1", "widgets");
    strcpy(entry.names.singular, "widget");
    strcpy(entry.names.short_names, "wd w");
    strcpy(entry.names.categories, "all gadgets");
    strcpy(entry.names.subresources, "scale status");
    catalog_format(&body, true, &entry, 1);
    assert_non_null(
        strstr(body.data,
               ",\"singular\":\"widget\",\"shortNames\":[\"wd\",\"w\"],\"categories\":[\"all\",\"gadgets\"],"
               "\"subresources\":[\"scale\",\"status\"]}"));
    assert_int_equal(catalog_parse(body_of(&body), &complete, &back, &n), 0);
    assert_string_equal(back[0].names.singular, "widget");
    assert_string_equal(back[0].names.short_names, "wd w");
    assert_string_equal(back[0].names.categories, "all gadgets");
    assert_string_equal(back[0].names.subresources, "scale status");
    free(back);
    buf_deinit(&body);
}

/* What is no name, or one too many, is left out; the stream is there. */
static void test_names_that_are_none(void **state)
{
    (void)state;
    struct catalog_entry *entries = NULL;
    size_t count;
    bool complete;
    assert_int_equal(
        catalog_parse(
            text_of(
                "{\"complete\":true,\"streams\":[{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\","
                "\"kind\":\"Pod\",\"namespaced\":true,\"epoch\":\"0000000000000001\",\"singular\":\"a b\","
                "\"shortNames\":[\"Po\",7,\"po\",\"a\\\"b\",\"" FIFTY "\",\"" FIFTY "\",\"p\"],"
                "\"categories\":{\"a\":\"\"}}]}"),
            &complete, &entries, &count),
        0);
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].names.singular, "");
    assert_string_equal(entries[0].names.short_names, "po " FIFTY " p");
    assert_string_equal(entries[0].names.categories, "");
    free(entries);
}

/* Group, version and resource together make a stream; two epochs of one stream are none. */
static void test_each_stream_is_there_once(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(4096);
    struct catalog_entry list[4] = {{.epoch = 1}, {.epoch = 2}, {.epoch = 3}, {.epoch = 4}}, *back = NULL;
    for (size_t i = 0; i < 4; i++)
        strcpy(list[i].kind, "Kind");
    size_t count;
    bool complete;
    gvr_set(&list[0].gvr, "", "v1", "pods");
    gvr_set(&list[1].gvr, "", "v2", "pods");
    gvr_set(&list[2].gvr, "a.example.com", "v1", "pods");
    gvr_set(&list[3].gvr, "", "v1", "nodes");
    catalog_format(&body, true, list, 4);
    assert_int_equal(catalog_parse(body_of(&body), &complete, &back, &count), 0);
    free(back);
    for (size_t i = 1; i < 4; i++) {
        struct gvr gvr = list[i].gvr;
        list[i].gvr = list[0].gvr;
        buf_clear(&body);
        catalog_format(&body, true, list, 4);
        assert_int_equal(catalog_parse(body_of(&body), &complete, &back, &count), CATALOG_E_MALFORMED);
        list[i].gvr = gvr;
    }
    buf_deinit(&body);
}

static struct slice repeated(struct buf *out, const char *lead, const char *entry, size_t count,
                             const char *tail)
{
    buf_clear(out);
    buf_append_str(out, lead);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i ? "," : "");
        buf_append_str(out, entry);
    }
    buf_append_str(out, tail);
    return body_of(out);
}

static void test_more_streams_than_the_limit(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(1 << 24);
    struct heartbeat_entry *beats = NULL;
    struct catalog_entry *entries = NULL;
    size_t count;
    bool complete;
    assert_int_equal(
        heartbeat_parse(repeated(&body, "[", "[1,2,0]", CATALOG_STREAMS_MAX, "]"), &beats, &count), 0);
    assert_int_equal(count, CATALOG_STREAMS_MAX);
    free(beats);
    assert_int_equal(heartbeat_parse(repeated(&body, "[", "[1,2,0]", CATALOG_STREAMS_MAX + 1, "]"), &beats,
                                     &count),
                     CATALOG_E_MALFORMED);
    assert_int_equal(catalog_parse(repeated(&body, "{\"streams\":[", "0", CATALOG_STREAMS_MAX + 1, "]}"),
                                   &complete, &entries, &count),
                     CATALOG_E_MALFORMED);
    buf_deinit(&body);
}

/* A tree costs forty times its text: what is too long is not parsed at all, even if it were right. */
static void test_a_body_beyond_the_limit_is_not_parsed(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(1 << 24);
    struct presence presence;
    struct catalog_entry *entries = NULL;
    struct heartbeat_entry *beats = NULL;
    size_t count;
    bool complete;
    const char *alive = "{\"alive\":true,\"cluster\":\"\",\"version\":\"\",\"heartbeatMs\":0,\"more\":[";
    assert_int_equal(presence_parse(repeated(&body, alive, "0", 1000, "]}"), &presence), 0);
    assert_int_equal(presence_parse(repeated(&body, alive, "0", CATALOG_BODY_MAX / 2, "]}"), &presence),
                     CATALOG_E_MALFORMED);
    assert_int_equal(
        catalog_parse(repeated(&body, "{\"streams\":[],\"more\":[", "0", CATALOG_BODY_MAX / 2, "]}"),
                      &complete, &entries, &count),
        CATALOG_E_MALFORMED);
    assert_int_equal(heartbeat_parse(repeated(&body, "[[1,2,0,", "0", CATALOG_BODY_MAX / 2, "]]"), &beats,
                                     &count),
                     CATALOG_E_MALFORMED);
    buf_deinit(&body);
}

static void test_heartbeat_comes_back(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(4096);
    struct heartbeat_entry list[] = {{.sequence = 0, .age_s = -1, .state = STREAM_ACTIVE, .lease_s = -1},
                                     {.sequence = UINT64_C(1) << 53,
                                      .age_s = 3600,
                                      .state = STREAM_UNAVAILABLE,
                                      .lease_s = 299,
                                      .version = "1234"}};
    struct heartbeat_entry *back = NULL;
    size_t count;
    heartbeat_format(&body, list, 2);
    assert_string_equal(body.data, "[[0,-1,0,-1,\"\"],[9007199254740992,3600,2,299,\"1234\"]]");
    assert_int_equal(heartbeat_parse(body_of(&body), &back, &count), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(back[i].sequence == list[i].sequence);
        assert_int_equal(back[i].age_s, list[i].age_s);
        assert_int_equal(back[i].state, list[i].state);
        assert_int_equal(back[i].lease_s, list[i].lease_s);
        assert_string_equal(back[i].version, list[i].version);
    }
    free(back);
    buf_deinit(&body);
}

static void test_heartbeat_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "{}",         "[1]",          "[[1,2]]",      "[[-1,2,0]]", "[[1,2,-1]]",
        "[[1,2,5]]", "[[1,-2,0]]", "[[1,\"\",0]]", "[[1e17,2,0]]", "[[1,2,0]",   "[[1,2,0,\"later\"]]",
    };
    struct heartbeat_entry *entries = NULL;
    size_t count;
    for (size_t i = 0; i < array_size(bad); i++)
        if (heartbeat_parse(text_of(bad[i]), &entries, &count) != CATALOG_E_MALFORMED)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(heartbeat_parse(text_of("[[1,2,0,3,\"4\",\"later\"]]"), &entries, &count), 0);
    free(entries);
}

/* A version is text of others, and goes to terminals; what came later a writer need not know. */
static void test_heartbeat_without_lease_and_version(void **state)
{
    (void)state;
    struct heartbeat_entry *entries = NULL;
    size_t count;
    assert_int_equal(heartbeat_parse(text_of("[[1,2,0],[1,2,0,60,\"\\u001b[2J\"]]"), &entries, &count), 0);
    assert_int_equal(entries[0].lease_s, -1);
    assert_string_equal(entries[0].version, "");
    assert_int_equal(entries[1].lease_s, 60);
    assert_string_equal(entries[1].version, "");
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presence_comes_back),
        cmocka_unit_test(test_presence_refuses),
        cmocka_unit_test(test_catalog_comes_back),
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_catalog_refuses),
        cmocka_unit_test(test_each_stream_is_there_once),
        cmocka_unit_test(test_more_streams_than_the_limit),
        cmocka_unit_test(test_a_body_beyond_the_limit_is_not_parsed),
        cmocka_unit_test(test_heartbeat_comes_back),
        cmocka_unit_test(test_heartbeat_refuses),
        cmocka_unit_test(test_heartbeat_without_lease_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
