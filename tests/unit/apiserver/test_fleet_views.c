/* What a fleet's API has of objects beside them: their status and their scale, to be read. */

#include "tests/unit/apiserver/fleet_fixture.h"

static void define_gears(struct fixture *f, const char *cluster, const char *replicas)
{
    struct collection *definitions = serve(f, "apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                           "CustomResourceDefinition", RESOURCE_STATUS);
    cleanup_free char *json = mem_printf(
        "{\"metadata\":{\"name\":\"gears.example.com\"},\"spec\":{\"versions\":[{\"name\":\"v1\","
        "\"subresources\":{"
        "\"scale\":{\"specReplicasPath\":\"%s\",\"statusReplicasPath\":\".status.n\",\"labelSelectorPath\":"
        "\".status.s\"}}}]}}",
        replicas);
    commit_json(definitions, cluster, json, false);
}

#define GEAR                                                                                                 \
    "{\"metadata\":{\"name\":\"one\",\"uid\":\"u\",\"resourceVersion\":\"77\"},\"spec\":{\"teeth\":7,"       \
    "\"cogs\":9},"                                                                                           \
    "\"status\":{\"n\":3,\"s\":\"a=b\"}}"

static void a_scale_is_where_its_clusters_definition_has_it(void **state)
{
    struct fixture *f = *state;
    struct collection *gears =
        serve(f, "example.com", "v1", "gears", "Gear", RESOURCE_CUSTOM | RESOURCE_SCALE | RESOURCE_STATUS);
    commit_json(gears, "b", GEAR, false);
    assert_int_equal(get(f, "/clusters/b/apis/example.com/v1/gears/one/scale"), 404);
    assert_has(f, "gears/scale is not mirrored");
    define_gears(f, "a", ".spec.teeth");
    define_gears(f, "b", ".spec.cogs");
    assert_int_equal(get(f, "/apis/example.com/v1/gears/one/scale"), 200);
    assert_has(f, "\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\"");
    assert_has(f, "\"spec\":{\"replicas\":9},\"status\":{\"replicas\":3,\"selector\":\"a=b\"}");
    assert_has(f, "\"uid\":\"u\",\"resourceVersion\":\"1001\",\"annotations\":{\"cluster.transport-informer/"
                  "name\":\"b\"}");
    commit_json(gears, "a", GEAR, false);
    assert_int_equal(get(f, "/clusters/a/apis/example.com/v1/gears/one/scale"), 200);
    assert_has(f, "\"spec\":{\"replicas\":7}");
    assert_int_equal(get(f, "/apis/example.com/v1/gears/one/scale"), 409);
    assert_int_equal(get(f, "/clusters/b/apis/example.com/v1/gears/one/status"), 200);
    assert_has(f, "\"status\":{\"n\":3");
    assert_int_equal(call(f, "PATCH", "/clusters/b/apis/example.com/v1/gears/one/scale", NULL), 405);
    define_gears(f, "b", ".spec.nowhere");
    assert_int_equal(get(f, "/clusters/b/apis/example.com/v1/gears/one/scale"), 500);
    assert_has(f, ".spec.nowhere");
}

static void views_are_discovered_to_be_read(void **state)
{
    struct fixture *f = *state;
    commit_json(serve(f, "example.com", "v1", "gears", "Gear", RESOURCE_CUSTOM | RESOURCE_SCALE), "a", GEAR,
                false);
    commit_json(serve(f, "", "v1", "namespaces", "Namespace", RESOURCE_STATUS), "a", GEAR, false);
    assert_int_equal(get(f, "/apis/example.com/v1"), 200);
    assert_has(
        f, "{\"name\":\"gears/scale\",\"singularName\":\"\",\"namespaced\":false,\"group\":\"autoscaling\","
           "\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"get\"]}");
    assert_false(has(f, "gears/status"));
    assert_int_equal(get(f, "/api/v1"), 200);
    assert_has(
        f,
        "{\"name\":\"namespaces/status\",\"singularName\":\"\",\"namespaced\":false,\"kind\":\"Namespace\","
        "\"verbs\":[\"get\"]}");
    assert_false(has(f, "namespaces/finalize"));
    assert_int_equal(get(f, "/clusters/a/apis/example.com/v1/gears/one/status"), 404);
    assert_int_equal(get(f, "/clusters/a/api/v1/namespaces/one/status"), 200);
    static const char aggregated[] = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    assert_int_equal(call(f, "GET", "/apis", aggregated), 200);
    assert_has(f, "\"subresources\":[{\"subresource\":\"scale\",\"responseKind\":{\"group\":\"autoscaling\","
                  "\"version\":\"v1\",\"kind\":\"Scale\"},\"verbs\":[\"get\"]}]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fleet_setup, fleet_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_scale_is_where_its_clusters_definition_has_it),
        TEST(views_are_discovered_to_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
