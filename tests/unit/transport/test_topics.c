#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "transport/topics.h"

static struct topics topics_of(const char *signal, const char *payload)
{
    struct topics topics;
    assert_int_equal(topics_init(&topics, signal, payload, NULL), 0);
    return topics;
}

static void test_prefixes(void **state)
{
    (void)state;
    const char *good[][2] = {
        {"/signal", "/payload"},
        {"ti/signal", "ti/payload"},
        {"/a", "a"},
        {"a", "ab"},
        {"a/b", "a/bc"},
        {"s", "p"},
    };
    struct topics topics;
    for (size_t i = 0; i < array_size(good); i++)
        assert_int_equal(topics_init(&topics, good[i][0], good[i][1], NULL), 0);
}

static void test_prefix_faults_name_the_flag(void **state)
{
    (void)state;
    char at_limit[TOPICS_PREFIX_MAX + 2];
    memset(at_limit, 'x', sizeof(at_limit));
    at_limit[TOPICS_PREFIX_MAX] = '\0';
    char beyond[TOPICS_PREFIX_MAX + 2];
    memset(beyond, 'x', sizeof(beyond));
    beyond[TOPICS_PREFIX_MAX + 1] = '\0';
    struct topics topics;
    assert_int_equal(topics_init(&topics, at_limit, "/payload", NULL), 0);

    const char *bad[] = {"",  "/",      "a/",  "a//b", "//a",   "+",         "a/+/b", "a/#",
                         "#", "$SYS/a", "a b", "a\n",  "a\x7f", "a\xc3\xa4", beyond};
    for (size_t i = 0; i < array_size(bad); i++) {
        struct error err = {0};
        assert_int_equal(topics_init(&topics, bad[i], "/payload", &err), EX_USAGE);
        assert_non_null(strstr(err.text, "--signal"));
        assert_int_equal(topics_init(&topics, "/signal", bad[i], &err), EX_USAGE);
        assert_non_null(strstr(err.text, "--payload"));
    }
}

static void test_prefixes_stand_side_by_side(void **state)
{
    (void)state;
    const char *bad[][2] = {{"/a", "/a"}, {"/a", "/a/b"}, {"/a/b", "/a"}, {"x", "x/y/z"}};
    struct topics topics;
    for (size_t i = 0; i < array_size(bad); i++) {
        struct error err = {0};
        assert_int_equal(topics_init(&topics, bad[i][0], bad[i][1], &err), EX_USAGE);
        assert_non_null(strstr(err.text, "side by side"));
    }
}

static void test_names(void **state)
{
    (void)state;
    char long_name[65];
    memset(long_name, 'n', 64);
    long_name[64] = '\0';
    assert_false(topics_participant_valid(long_name));
    long_name[63] = '\0';
    assert_true(topics_participant_valid(long_name));
    assert_true(topics_participant_valid("hub"));
    assert_false(topics_cluster_valid("hub"));
    assert_true(topics_cluster_valid("cluster1"));
    assert_true(topics_cluster_valid("0"));
    const char *bad[] = {"", "all", "A", "-a", "a-", "a.b", "a/b", "a_b", "+", "#", "a b", "\xc3\xa4"};
    for (size_t i = 0; i < array_size(bad); i++) {
        assert_false(topics_participant_valid(bad[i]));
        assert_false(topics_cluster_valid(bad[i]));
    }
}

static void test_builds(void **state)
{
    (void)state;
    struct topics topics = topics_of("/signal", "/payload");
    struct gvr pods, widgets;
    assert_int_equal(gvr_set(&pods, "", "v1", "pods"), 0);
    assert_int_equal(gvr_set(&widgets, "stable.example.com", "v1beta1", "widgets"), 0);
    topics_text out;

    assert_int_equal(topics_signal(&topics, "cluster1", "hub", out), 0);
    assert_string_equal(out, "/signal/cluster1/hub");
    assert_int_equal(topics_whois(&topics, "hub", out), 0);
    assert_string_equal(out, "/signal/all/hub");
    assert_int_equal(topics_presence(&topics, "cluster1", out), 0);
    assert_string_equal(out, "/payload/cluster1");
    assert_int_equal(topics_audience(&topics, "cluster1", "all", out), 0);
    assert_string_equal(out, "/payload/cluster1/all");
    assert_int_equal(topics_stream(&topics, "cluster1", "all", &pods, out), 0);
    assert_string_equal(out, "/payload/cluster1/all/core/v1/pods");
    assert_int_equal(topics_stream(&topics, "hub", "cluster1", &widgets, out), 0);
    assert_string_equal(out, "/payload/hub/cluster1/stable~example~com/v1beta1/widgets");
}

static void test_builds_filters(void **state)
{
    (void)state;
    struct topics topics = topics_of("ti/signal", "ti/payload");
    topics_text out;
    assert_int_equal(topics_filter_signals(&topics, "cluster1", out), 0);
    assert_string_equal(out, "ti/signal/cluster1/+");
    assert_int_equal(topics_filter_whois(&topics, out), 0);
    assert_string_equal(out, "ti/signal/all/+");
    assert_int_equal(topics_filter_presences(&topics, out), 0);
    assert_string_equal(out, "ti/payload/+");
    assert_int_equal(topics_filter_streams(&topics, NULL, "all", out), 0);
    assert_string_equal(out, "ti/payload/+/all/#");
    assert_int_equal(topics_filter_streams(&topics, "hub", "cluster1", out), 0);
    assert_string_equal(out, "ti/payload/hub/cluster1/#");
}

static void test_refuses_to_build(void **state)
{
    (void)state;
    struct topics topics = topics_of("/signal", "/payload");
    struct gvr pods, core = {.group = "core", .version = "v1", .resource = "pods"};
    struct gvr bad = {.group = "a/b", .version = "v1", .resource = "pods"};
    assert_int_equal(gvr_set(&pods, "", "v1", "pods"), 0);
    topics_text out = "x";
    assert_int_equal(topics_signal(&topics, "all", "hub", out), TOPICS_E_UNSPEAKABLE);
    assert_string_equal(out, "");
    assert_int_equal(topics_signal(&topics, "a", "+", out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_whois(&topics, "all", out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_presence(&topics, "a/b", out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_stream(&topics, "a", "#", &pods, out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_stream(&topics, "a", "all", &core, out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_stream(&topics, "a", "all", &bad, out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_filter_signals(&topics, "all", out), TOPICS_E_UNSPEAKABLE);
    assert_int_equal(topics_filter_streams(&topics, "all", "all", out), TOPICS_E_UNSPEAKABLE);
}

/* A group of just the length that makes the topic `len` bytes long. */
static int build_of_length(size_t len, topics_text out)
{
    struct topics topics = topics_of("s", "p");
    struct gvr gvr;
    char group[TOPIC_MAX];
    size_t n = len - strlen("p/a/all//v1/pods");
    for (size_t i = 0; i < n; i++)
        group[i] = i % 8 == 7 && i + 1 < n ? '.' : 'g';
    group[n] = '\0';
    assert_int_equal(gvr_set(&gvr, group, "v1", "pods"), 0);
    return topics_stream(&topics, "a", "all", &gvr, out);
}

static void test_length_is_bounded(void **state)
{
    (void)state;
    topics_text out;
    struct topics topics = topics_of("s", "p");
    struct topic parsed;
    assert_int_equal(build_of_length(TOPIC_MAX, out), 0);
    assert_int_equal(strlen(out), TOPIC_MAX);
    assert_int_equal(topics_parse(&topics, out, &parsed), 0);
    assert_int_equal(build_of_length(TOPIC_MAX + 1, out), TOPICS_E_UNSPEAKABLE);
}

static void test_longest_names_fit(void **state)
{
    (void)state;
    char prefix[TOPICS_PREFIX_MAX + 1], name[TOPICS_PARTICIPANT_MAX + 1];
    memset(prefix, 's', sizeof(prefix));
    memset(name, 'n', sizeof(name));
    prefix[TOPICS_PREFIX_MAX] = name[TOPICS_PARTICIPANT_MAX] = '\0';
    struct topics topics = topics_of(prefix, "p");
    struct topic parsed;
    topics_text out;
    assert_int_equal(topics_signal(&topics, name, name, out), 0);
    assert_int_equal(topics_parse(&topics, out, &parsed), 0);
    assert_string_equal(parsed.provider, name);
    assert_string_equal(parsed.informer, name);
}

static void test_parses(void **state)
{
    (void)state;
    struct topics topics = topics_of("/signal", "ti/payload");
    struct topic topic;

    assert_int_equal(topics_parse(&topics, "/signal/cluster1/hub", &topic), 0);
    assert_int_equal(topic.kind, TOPIC_SIGNAL);
    assert_string_equal(topic.provider, "cluster1");
    assert_string_equal(topic.informer, "hub");

    assert_int_equal(topics_parse(&topics, "/signal/all/hub", &topic), 0);
    assert_int_equal(topic.kind, TOPIC_WHOIS);
    assert_string_equal(topic.provider, "");
    assert_string_equal(topic.informer, "hub");

    assert_int_equal(topics_parse(&topics, "ti/payload/cluster1", &topic), 0);
    assert_int_equal(topic.kind, TOPIC_PRESENCE);
    assert_string_equal(topic.provider, "cluster1");

    assert_int_equal(topics_parse(&topics, "ti/payload/c/all/rbac~authorization~k8s~io/v1/roles", &topic), 0);
    assert_int_equal(topic.kind, TOPIC_STREAM);
    assert_string_equal(topic.informer, "all");
    assert_string_equal(topic.gvr.group, "rbac.authorization.k8s.io");

    assert_int_equal(topics_parse(&topics, "ti/payload/c/hub/core/v1/pods", &topic), 0);
    assert_string_equal(topic.informer, "hub");
    assert_string_equal(topic.gvr.group, "");
    assert_string_equal(topic.gvr.version, "v1");
    assert_string_equal(topic.gvr.resource, "pods");
}

static void test_foreign_topics(void **state)
{
    (void)state;
    struct topics topics = topics_of("/signal", "ti/payload");
    struct topic topic;
    const char *foreign[] = {
        "",
        "/",
        "/signal",
        "/signal/",
        "/signal/a",
        "/signal/a/",
        "/signal//a",
        "/signal/a/b/",
        "/signal/a/b/c",
        "/signal/a/all",
        "/signal/all/all",
        "/signalx/a/b",
        "signal/a/b",
        "//signal/a/b",
        "/SIGNAL/a/b",
        "/signal/A/b",
        "/signal/+/b",
        "ti/payload",
        "ti/payload/",
        "ti/payload/all",
        "ti/payload/a/",
        "ti/payload/a/All",
        "ti/payload/a/all/",
        "ti/payload/a/all/core",
        "ti/payload/a/all/core/v1",
        "ti/payload/a/all/core/v1/",
        "ti/payload/a/all/core/v1/pods/",
        "ti/payload/a/all/core/v1/pods/x",
        "ti/payload/a/all//v1/pods",
        "ti/payload/all/all/core/v1/pods",
        "ti/payload/a/all/a.b/v1/pods",
        "ti/payload/a/all/~/v1/pods",
        "ti/payload/a/all/a~~b/v1/pods",
        "ti/payload/a/all/core/v1/Pods",
        "ti/payload/a/all/core/v1~1/pods",
        "ti/payload/a/b~c/core/v1/pods",
        "ti/payload/\xff",
        "ti/payloads/a",
    };
    for (size_t i = 0; i < array_size(foreign); i++)
        assert_int_equal(topics_parse(&topics, foreign[i], &topic), TOPICS_E_FOREIGN);

    char endless[70000];
    memset(endless, '/', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_int_equal(topics_parse(&topics, endless, &topic), TOPICS_E_FOREIGN);
}

static void test_filters_of_mqtt(void **state)
{
    (void)state;
    assert_true(topic_filter_matches("#", "a"));
    assert_true(topic_filter_matches("#", "/a/b"));
    assert_true(topic_filter_matches("a/#", "a"));
    assert_true(topic_filter_matches("a/#", "a/b/c"));
    assert_true(topic_filter_matches("+/b", "/b"));
    assert_true(topic_filter_matches("a/+", "a/"));
    assert_true(topic_filter_matches("a/+/#", "a/b"));
    assert_false(topic_filter_matches("a/+", "a"));
    assert_false(topic_filter_matches("a/+", "a/b/c"));
    assert_false(topic_filter_matches("a/b", "a/bc"));
    assert_false(topic_filter_matches("a/bc", "a/b"));
    assert_false(topic_filter_matches("a", "a/b"));
    assert_false(topic_filter_matches("#", "$SYS/a"));
    assert_false(topic_filter_matches("+/a", "$SYS/a"));
    assert_true(topic_filter_matches("$SYS/#", "$SYS/a"));

    const char *good[] = {"#", "+", "/", "a//b", "+/+/#", "/#"},
               *bad[] = {"", "a#", "#/a", "a/#/b", "a+", "+a/b"};
    for (size_t i = 0; i < array_size(good); i++)
        assert_true(topic_filter_valid(good[i]));
    for (size_t i = 0; i < array_size(bad); i++)
        assert_false(topic_filter_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_prefix_faults_name_the_flag),
        cmocka_unit_test(test_prefixes_stand_side_by_side),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_builds),
        cmocka_unit_test(test_builds_filters),
        cmocka_unit_test(test_refuses_to_build),
        cmocka_unit_test(test_length_is_bounded),
        cmocka_unit_test(test_longest_names_fit),
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_foreign_topics),
        cmocka_unit_test(test_filters_of_mqtt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
