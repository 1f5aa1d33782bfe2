/* Evictions, and the budgets that they keep to. */

#include "tests/unit/minicluster/cluster_fixture.h"

#define PODS "/api/v1/namespaces/default/pods"
#define BUDGETS "/apis/policy/v1/namespaces/default/poddisruptionbudgets"

static const struct gvr gvr_budgets = {"policy", "v1", "poddisruptionbudgets"};

/* The n-th that is not going away. */
static int evict(struct fixture *f, int n, const char *options)
{
    struct object_place place = {0};
    const struct object_entry *pod;
    while ((pod = object_set_next(objects_of(f, &gvr_pods), &place))) {
        struct slice metadata = json_member(object_bytes(pod->object), "metadata");
        if (json_member(metadata, "deletionTimestamp").data || n-- > 0)
            continue;
        struct slice name = object_name(pod->object);
        cleanup_free char *path = mem_printf(PODS "/%.*s/eviction", SLICE_ARGS(name));
        cleanup_free char *body =
            mem_printf("{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
                       "\"name\":\"%.*s\"},\"deleteOptions\":%s}",
                       SLICE_ARGS(name), options);
        return call(f, "POST", path, body);
    }
    fail_msg("there are not so many pods");
    return 0;
}

static void add_budget(struct fixture *f, const char *name, const char *bound)
{
    cleanup_free char *body = mem_printf(
        "{\"metadata\":{\"name\":\"%s\"},\"spec\":{%s,\"selector\":{\"matchExpressions\":[{\"key\":\"app\","
        "\"operator\":\"In\",\"values\":[\"w\",\"x\"]}]}}}",
        name, bound);
    assert_int_equal(call(f, "POST", BUDGETS, body), 201);
}

static int allowed(struct fixture *f, const char *key)
{
    cleanup_tree cJSON *budget = cluster_read(f->cluster, &gvr_budgets, key);
    return (int)tree_number(budget, "status.disruptionsAllowed", -1);
}

static void start_with_budget(struct fixture *f, const char *bound)
{
    start(f, 0, 0);
    deploy(f);
    pass(f, 5);
    add_budget(f, "b", bound);
}

static void eviction_keeps_to_the_budget(void **state)
{
    struct fixture f;
    (void)state;
    start_with_budget(&f, "\"minAvailable\":2");
    assert_int_equal(evict(&f, 0, "{}"), 429); /* nobody has counted yet */
    pass(&f, 1);
    assert_int_equal(allowed(&f, "default/b"), 1);
    assert_int_equal(evict(&f, 0, "{\"dryRun\":[\"All\"]}"), 201);
    assert_int_equal(evict(&f, 0, "{}"), 201);
    assert_int_equal(evict(&f, 0, "{}"), 429);
    pass(&f, 5);
    assert_int_equal(allowed(&f, "default/b"), 1); /* another one has come */
    assert_int_equal(evict(&f, 1, "{}"), 201);
    post_pod(&f, "other", "Always", "");
    pass(&f, 5);
    add_budget(&f, "strict", "\"maxUnavailable\":0");
    assert_int_equal(call(&f, "DELETE", BUDGETS "/b", NULL), 200);
    assert_int_equal(call(&f, "POST", PODS "/other/eviction", "{}"), 201); /* it is none of theirs */
    assert_int_equal(count_running(&f, "a:1"), 3);
    assert_int_equal(call(&f, "POST", PODS "/none/eviction", "{}"), 404);
    stop(&f);
}

static void budget_is_a_number_or_a_share(void **state)
{
    static const struct {
        const char *bound;
        int allowed; /* of three pods */
    } cases[] = {{"\"minAvailable\":4", 0},         {"\"minAvailable\":0", 3},
                 {"\"minAvailable\":\"50%\"", 1},   {"\"minAvailable\":\"100%\"", 0},
                 {"\"maxUnavailable\":2", 2},       {"\"maxUnavailable\":0", 0},
                 {"\"maxUnavailable\":\"50%\"", 2}, {"\"maxUnavailable\":\"0%\"", 0}};
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        struct fixture f;
        start_with_budget(&f, cases[i].bound);
        pass(&f, 1);
        assert_int_equal(allowed(&f, "default/b"), cases[i].allowed);
        stop(&f);
    }
}

/* Half of four, two of which are not there. */
static void share_is_of_what_is_asked_for(void **state)
{
    static const struct gvr gvr_rc = {"", "v1", "replicationcontrollers"};
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    call(&f, "POST", "/api/v1/namespaces/default/replicationcontrollers",
         "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"replicas\":4,\"selector\":{\"app\":\"x\"}}}");
    cleanup_tree cJSON *owner = cluster_read(f.cluster, &gvr_rc, "default/r");
    for (int i = 0; i < 2; i++) {
        cleanup_tree cJSON *pod =
            json("{\"metadata\":{\"name\":\"p%d\",\"namespace\":\"default\",\"labels\":{"
                 "\"app\":\"x\"}},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"a\"}]}}",
                 i);
        set_controller(pod, owner);
        assert_int_equal(cluster_write(f.cluster, &gvr_pods, pod), 0);
    }
    add_budget(&f, "b", "\"minAvailable\":\"50%\"");
    pass(&f, 5);
    assert_int_equal(allowed(&f, "default/b"), 0);
    cleanup_tree cJSON *budget = cluster_read(f.cluster, &gvr_budgets, "default/b");
    assert_int_equal(tree_number(budget, "status.expectedPods", 0), 4);
    assert_int_equal(tree_number(budget, "status.currentHealthy", 0), 2);
    stop(&f);
}

static void two_budgets_are_one_too_many(void **state)
{
    struct fixture f;
    (void)state;
    start_with_budget(&f, "\"minAvailable\":0");
    add_budget(&f, "c", "\"minAvailable\":0");
    pass(&f, 1);
    assert_int_equal(evict(&f, 0, "{}"), 500);
    assert_int_equal(call(&f, "DELETE", BUDGETS "/c", NULL), 200);
    assert_int_equal(evict(&f, 0, "{}"), 201);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eviction_keeps_to_the_budget),
        cmocka_unit_test(budget_is_a_number_or_a_share),
        cmocka_unit_test(share_is_of_what_is_asked_for),
        cmocka_unit_test(two_budgets_are_one_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
