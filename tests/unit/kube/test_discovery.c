#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "kube/discovery.h"
#include "tests/unit/kube/fake_rest.h"

struct world {
    struct loop *loop;
    struct fake_rest fake;
    struct discovery *discovery;
    int done;
    struct status status;
};

static void on_discovered(void *arg, const struct status *status)
{
    struct world *world = arg;
    world->done++;
    world->status = *status;
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->loop = loop_create_simulated(1);
    fake_init(&world->fake, world->loop);
    world->discovery = discovery_create(&world->fake.rest, on_discovered, world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    discovery_destroy(world->discovery);
    fake_deinit(&world->fake);
    loop_destroy(world->loop);
    free(world);
    return 0;
}

#define LW "\"verbs\":[\"create\",\"delete\",\"get\",\"list\",\"patch\",\"update\",\"watch\"]"

static const char core[] =
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/"
    "v2\",\"metadata\":{},\"items\":["
    "{\"metadata\":{\"creationTimestamp\":null},\"versions\":[{\"version\":\"v1\",\"freshness\":\"Current\","
    "\"resources\":["
    "{\"resource\":\"bindings\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Binding\"},"
    "\"scope\":\"Namespaced\",\"singularResource\":\"binding\",\"verbs\":[\"create\"]},"
    "{\"resource\":\"pods\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},"
    "\"scope\":\"Namespaced\",\"singularResource\":\"pod\"," LW
    ",\"shortNames\":[\"po\"],\"categories\":[\"all\"],"
    "\"subresources\":[{\"subresource\":\"log\",\"responseKind\":{\"kind\":\"Pod\"},\"verbs\":[\"get\"]},"
    "{\"subresource\":\"scale\",\"verbs\":[\"update\"]},{\"subresource\":\"status\",\"verbs\":[\"get\"]}]},"
    "{\"resource\":\"nodes\",\"responseKind\":{\"kind\":\"Node\"},\"scope\":\"Cluster\","
    "\"singularResource\":\"node\"," LW ",\"shortNames\":[\"no\"]},"
    "{\"resource\":\"events\",\"responseKind\":{\"kind\":\"Event\"},\"scope\":\"Namespaced\","
    "\"singularResource\":\"event\"," LW ",\"shortNames\":[\"ev\"]},"
    "{\"resource\":\"secrets\",\"responseKind\":{\"kind\":\"Secret\"},\"scope\":\"Namespaced\","
    "\"singularResource\":\"secret\"," LW "}"
    "]}]}]}";

/* apps has two versions of which the first is preferred; one resource is in the second only. example.com was
 * brought by a CRD; metrics has resources that cannot be watched, and a version that is stale. */
static const char groups[] =
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/"
    "v2\",\"metadata\":{},\"items\":["
    "{\"metadata\":{\"name\":\"apps\"},\"versions\":["
    "{\"version\":\"v1\",\"resources\":[{\"resource\":\"deployments\",\"responseKind\":{\"group\":\"apps\","
    "\"version\":"
    "\"v1\",\"kind\":\"Deployment\"},\"scope\":\"Namespaced\",\"singularResource\":\"deployment\"," LW
    ",\"shortNames\":[\"deploy\",\"dp\"]}]},"
    "{\"version\":\"v1beta1\",\"resources\":[{\"resource\":\"deployments\",\"responseKind\":{\"kind\":"
    "\"Deployment\"},"
    "\"scope\":\"Namespaced\",\"singularResource\":\"deployment\"," LW "},"
    "{\"resource\":\"legacies\",\"responseKind\":{\"kind\":\"Legacy\"},\"scope\":\"Namespaced\"," LW "}]}]},"
    "{\"metadata\":{\"name\":\"events.k8s.io\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{"
    "\"resource\":"
    "\"events\",\"responseKind\":{\"kind\":\"Event\"},\"scope\":\"Namespaced\",\"singularResource\":"
    "\"event\"," LW "}]}]},"
    "{\"metadata\":{\"name\":\"example.com\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":"
    "\"widgets\",\"responseKind\":{\"kind\":\"WidgetThing\"},\"scope\":\"Cluster\",\"singularResource\":"
    "\"widget\"," LW ",\"shortNames\":[\"po\",\"wd\"]}]}]},"
    "{\"metadata\":{\"name\":\"metrics.k8s.io\"},\"versions\":["
    "{\"version\":\"v1\",\"resources\":[{\"resource\":\"pods\",\"responseKind\":{\"kind\":\"PodMetrics\"},"
    "\"scope\":"
    "\"Namespaced\",\"verbs\":[\"get\",\"list\"]}]}%s]}]}";

static void answer_core(struct world *world)
{
    struct rest_call *call = fake_next(&world->fake);
    fake_expect_path(call, "/api");
    fake_answer(call, 200, core);
}

/* stale: further versions of metrics.k8s.io */
static void answer_groups(struct world *world, const char *stale)
{
    cleanup_free char *text = mem_alloc(sizeof(groups) + 800);
    const char *at = strstr(groups, "%s");
    snprintf(text, sizeof(groups) + 800, "%.*s%s%s", (int)(at - groups), groups, stale, at + 2);
    struct rest_call *call = fake_next(&world->fake);
    fake_expect_path(call, "/apis");
    fake_answer(call, 200, text);
}

static void discover(struct world *world)
{
    discovery_refresh(world->discovery);
    answer_core(world);
    answer_groups(world, "");
    assert_int_equal(world->status.outcome, OUTCOME_OK);
}

static void expect(const struct world *world, const char *spelling, const char *api_version,
                   const char *resource, const char *kind)
{
    struct api_resource found;
    struct error err = {0};
    if (api_table_resolve(discovery_table(world->discovery), spelling, &found, &err) != 0)
        fail_msg("%s: %s", spelling, err.text);
    assert_string_equal(found.api_version, api_version);
    assert_string_equal(found.gvr.resource, resource);
    assert_string_equal(found.kind, kind);
}

static void expect_subresources(const struct world *world, const char *resource, const char *list)
{
    struct api_resource found;
    assert_int_equal(api_table_resolve(discovery_table(world->discovery), resource, &found, NULL), 0);
    assert_string_equal(found.names.subresources, list);
}

static void knows_the_views_that_can_be_read(void **state)
{
    struct world *world = *state;
    discover(world);
    expect_subresources(world, "pods", "status");
    expect_subresources(world, "deployments", "");
}

static void reads_spellings_as_kubectl_does(void **state)
{
    struct world *world = *state;
    discover(world);
    static const char *const deployments[] = {"deployments",      "deployment",          "deploy",
                                              "DEPLOYMENTS",      "Deployment",          "dp",
                                              "deployments.apps", "deployments.v1.apps", "deploy.apps",
                                              "deployment.app"};
    for (size_t i = 0; i < array_size(deployments); i++)
        expect(world, deployments[i], "apps/v1", "deployments", "Deployment");
    expect(world, "deployments.v1beta1.apps", "apps/v1beta1", "deployments", "Deployment");
    expect(world, "legacies", "apps/v1beta1", "legacies", "Legacy");
    expect(world, "legacy", "apps/v1beta1", "legacies", "Legacy"); /* no singular was told: the kind's */
    expect(world, "pods", "v1", "pods", "Pod");
    expect(world, "po", "v1", "pods", "Pod"); /* not widgets: the core group is preferred */
    expect(world, "pods.v1.", "v1", "pods", "Pod");
    expect(world, "pods.metrics.k8s.io", "metrics.k8s.io/v1", "pods", "PodMetrics");
    expect(world, "events", "v1", "events", "Event");
    expect(world, "event.events", "events.k8s.io/v1", "events", "Event");
    expect(world, "widgets.v1.example.com", "example.com/v1", "widgets", "WidgetThing");
    expect(world, "widgets.example.com", "example.com/v1", "widgets", "WidgetThing");
    expect(world, "widgetthing", "example.com/v1", "widgets", "WidgetThing");
    expect(world, "wd", "example.com/v1", "widgets", "WidgetThing");
}

static void tells_scope_and_verbs(void **state)
{
    struct world *world = *state;
    struct api_resource found;
    discover(world);
    assert_int_equal(api_table_resolve(discovery_table(world->discovery), "nodes", &found, NULL), 0);
    assert_false(found.namespaced);
    assert_true(found.verbs & API_VERB_WATCH);
    assert_int_equal(api_table_resolve(discovery_table(world->discovery), "bindings", &found, NULL), 0);
    assert_true(found.namespaced);
    assert_int_equal(found.verbs, API_VERB_CREATE);

    struct gvr gvr;
    gvr_set(&gvr, "apps", "v1beta1", "deployments");
    assert_int_equal(api_table_get(discovery_table(world->discovery), &gvr, &found), 0);
    assert_string_equal(found.api_version, "apps/v1beta1");
    gvr_set(&gvr, "apps", "v2", "deployments");
    assert_int_equal(api_table_get(discovery_table(world->discovery), &gvr, &found), API_E_UNKNOWN);
}

static void expect_unknown(const struct world *world, const char *spelling, int code, const char *text)
{
    struct api_resource found;
    struct error err = {0};
    assert_int_equal(api_table_resolve(discovery_table(world->discovery), spelling, &found, &err), code);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void suggests_near_names(void **state)
{
    struct world *world = *state;
    discover(world);
    expect_unknown(world, "deplyments", API_E_UNKNOWN,
                   "the cluster has no resource \"deplyments\"; did you mean deployments.apps?");
    expect_unknown(world, "Deploymnet", API_E_UNKNOWN, "did you mean deployments.apps?");
    expect_unknown(world, "pod.apps", API_E_UNKNOWN, "did you mean pods, pods.metrics.k8s.io?");
    expect_unknown(world, "widg", API_E_UNKNOWN, "did you mean widgets.example.com?");
    expect_unknown(world, "xyzzy", API_E_UNKNOWN, "see kubectl api-resources");
    static const char *const odd[] = {
        "",
        ".",
        "..",
        "...",
        "*",
        "a.b.c.d",
        "pods.",
        "pods.v2.",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < array_size(odd); i++)
        if (strcmp(odd[i], "pods.") != 0) /* which is pods of the core group */
            expect_unknown(world, odd[i], API_E_UNKNOWN, "the cluster has no resource");
    expect(world, "pods.", "v1", "pods", "Pod");
}

static void append_name(void *arg, const struct api_resource *resource)
{
    char text[GVR_TEXT_MAX];
    buf_appendf(arg, "%s/%s ", gvr_text(&resource->gvr, text), resource->gvr.version);
}

static void star_is_all_but_secrets(void **state)
{
    struct world *world = *state;
    discover(world);
    struct buf names = BUF_INIT(4096);
    assert_int_equal(api_table_each(discovery_table(world->discovery), append_name, &names), 6);
    assert_string_equal(names.data, "pods/v1 nodes/v1 events/v1 deployments.apps/v1 legacies.apps/v1beta1 "
                                    "widgets.example.com/v1 ");
    buf_deinit(&names);
}

static void one_dead_api_does_not_fail_the_rest(void **state)
{
    struct world *world = *state;
    static const char stale[] = ",{\"version\":\"v2\",\"freshness\":\"Stale\"}";
    discovery_refresh(world->discovery);
    answer_core(world);
    answer_groups(world, stale);
    assert_int_equal(world->status.outcome, OUTCOME_OK);
    expect(world, "pods", "v1", "pods", "Pod");
    expect_unknown(world, "gauges", API_E_UNSURE, "these groups did not answer: metrics.k8s.io/v2");
}

static void keeps_what_a_dead_api_had(void **state)
{
    struct world *world = *state;
    static const char alive[] =
        ",{\"version\":\"v2\",\"resources\":[{\"resource\":\"gauges\",\"responseKind\":"
        "{\"kind\":\"Gauge\"},\"singularResource\":\"gauge\",\"scope\":\"Namespaced\"," LW
        ",\"shortNames\":[\"ga\",\"gg\"],\"subresources\":[{\"subresource\":\"scale\",\"verbs\":[\"get\"]}]}]"
        "}";
    static const char stale[] = ",{\"version\":\"v2\",\"freshness\":\"Stale\",\"resources\":[]}";
    for (int i = 0; i < 3; i++) {
        discovery_refresh(world->discovery);
        answer_core(world);
        answer_groups(world, i == 0 ? alive : stale);
        expect(world, "gg", "metrics.k8s.io/v2", "gauges", "Gauge");
        expect_subresources(world, "gauges", "scale");
    }
    struct api_resource found;
    assert_int_equal(api_table_resolve(discovery_table(world->discovery), "gauge", &found, NULL), 0);
    assert_true(found.namespaced);
    assert_true(found.verbs & API_VERB_WATCH);
}

static void falls_back_to_single_documents(void **state)
{
    struct world *world = *state;
    discovery_refresh(world->discovery);
    fake_answer(fake_next(&world->fake), 200, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
    struct rest_call *call = fake_next(&world->fake);
    fake_expect_path(call, "/apis");
    fake_answer(
        call, 200,
        "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":["
        "{\"name\":\"apps\",\"versions\":[{\"groupVersion\":\"apps/v1beta1\",\"version\":\"v1beta1\"},"
        "{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}],"
        "\"preferredVersion\":{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}},"
        "{\"name\":\"../../secrets\",\"versions\":[{\"version\":\"v1\"}]},"
        "{\"name\":\"metrics.k8s.io\",\"versions\":[{\"version\":\"v1\"}]}]}");
    call = fake_next(&world->fake);
    fake_expect_path(call, "/api/v1");
    fake_answer(call, 200,
                "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":["
                "{\"name\":\"pods\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Pod\"," LW
                ",\"shortNames\":[\"po\"]},"
                "{\"name\":\"pods/"
                "log\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[\"get\"]},"
                "{\"name\":\"pods/resize\",\"kind\":\"Pod\",\"verbs\":[\"get\"]},"
                "{\"name\":\"pods/scale\",\"kind\":\"Pod\",\"verbs\":[\"patch\"]},"
                "{\"name\":\"pods/status\",\"kind\":\"Pod\",\"verbs\":[\"get\",\"patch\"]},"
                "{\"name\":\"others/scale\",\"kind\":\"Pod\",\"verbs\":[\"get\"]}"
                "]}");
    static const char deployments[] =
        "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"deployments\","
        "\"namespaced\":true,\"kind\":\"Deployment\"," LW "}]}";
    call = fake_next(&world->fake);
    fake_expect_path(call, "/apis/apps/v1"); /* the preferred one first */
    fake_answer(call, 200, deployments);
    call = fake_next(&world->fake);
    fake_expect_path(call, "/apis/apps/v1beta1");
    fake_answer(call, 200, deployments);
    call = fake_next(&world->fake);
    fake_expect_path(call, "/apis/metrics.k8s.io/v1");
    assert_int_equal(world->done, 0);
    fake_refuse(call, 503, "ServiceUnavailable", "the server is currently unable to handle the request");

    assert_int_equal(world->done, 1);
    assert_int_equal(world->status.outcome, OUTCOME_OK);
    expect(world, "pod", "v1", "pods", "Pod");
    expect(world, "po", "v1", "pods", "Pod");
    expect(world, "deployment", "apps/v1", "deployments", "Deployment");
    expect_subresources(world, "pods", "status");
    expect_unknown(world, "pods/log", API_E_UNSURE, "metrics.k8s.io/v1");
}

static void a_failed_refresh_changes_nothing(void **state)
{
    struct world *world = *state;
    discover(world);
    static const char *const wrong[] = {"{\"kind\":\"APIGroupDiscoveryList\",\"items\":[", "<html>", "", "{}",
                                        "{\"kind\":\"APIVersions\"} {}"};
    for (size_t i = 0; i < array_size(wrong); i++) {
        discovery_refresh(world->discovery);
        answer_core(world);
        fake_answer(fake_next(&world->fake), 200, wrong[i]);
        assert_int_equal(world->status.outcome, OUTCOME_MALFORMED);
        assert_non_null(strstr(world->status.text, "/apis is no list of the API's groups"));
    }
    discovery_refresh(world->discovery);
    fake_refuse(fake_next(&world->fake), 403, "Forbidden", "no");
    assert_int_equal(world->status.outcome, OUTCOME_FORBIDDEN);
    expect(world, "deploy", "apps/v1", "deployments", "Deployment");

    discovery_clear(world->discovery);
    expect_unknown(world, "deploy", API_E_UNKNOWN, "no resource");
}

static void resources_come_and_go(void **state)
{
    struct world *world = *state;
    discover(world);
    discovery_refresh(world->discovery);
    discovery_refresh(world->discovery); /* one is under way */
    answer_core(world);
    fake_answer(fake_next(&world->fake), 200, "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[]}");
    assert_int_equal(world->done, 2);
    fake_quiet(&world->fake, LOOP_SECOND);
    expect_unknown(world, "widgets", API_E_UNKNOWN, "no resource");
    discover(world);
    expect(world, "widgets", "example.com/v1", "widgets", "WidgetThing");
}

static void stops_in_the_middle(void **state)
{
    struct world *world = *state;
    discovery_refresh(world->discovery);
    answer_core(world);
    fake_next(&world->fake);
    discovery_destroy(world->discovery); /* cancels; the fake checks that nothing is left open */
    world->discovery = NULL;
    assert_int_equal(world->done, 0);
}

static void leaves_out_what_no_api_allows(void **state)
{
    struct world *world = *state;
    discovery_refresh(world->discovery);
    fake_answer(
        fake_next(&world->fake), 200,
        "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{},\"versions\":[{\"version\":\"v1\","
        "\"resources\":[{\"resource\":\"Bad_Name\",\"responseKind\":{\"kind\":\"Bad\"}},"
        "{\"resource\":\"kindless\"},{\"resource\":5},[],"
        "{\"resource\":\"quoted\",\"responseKind\":{\"kind\":\"a\\\"b\"}},"
        "{\"resource\":\"good\",\"responseKind\":{\"kind\":\"Good\"},\"shortNames\":[null,\"\",\"gd\"]},"
        "{\"resource\":\"good\",\"responseKind\":{\"kind\":\"Again\"}}]}]}]}");
    fake_answer(fake_next(&world->fake), 200, "{\"kind\":\"APIGroupList\",\"groups\":null}");
    assert_int_equal(world->status.outcome, OUTCOME_OK);
    expect_unknown(world, "bad_name", API_E_UNKNOWN, "no resource");
    expect_unknown(world, "kindless", API_E_UNKNOWN, "no resource");
    expect_unknown(world, "quoted", API_E_UNKNOWN, "no resource");
    expect(world, "gd", "v1", "good", "Good");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_spellings_as_kubectl_does),
        TEST(knows_the_views_that_can_be_read),
        TEST(tells_scope_and_verbs),
        TEST(suggests_near_names),
        TEST(star_is_all_but_secrets),
        TEST(one_dead_api_does_not_fail_the_rest),
        TEST(keeps_what_a_dead_api_had),
        TEST(falls_back_to_single_documents),
        TEST(a_failed_refresh_changes_nothing),
        TEST(resources_come_and_go),
        TEST(stops_in_the_middle),
        TEST(leaves_out_what_no_api_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
