/* What becomes of pods when their nodes do not take them, fall silent, or go. */

#include "samples/minicluster/node.h"
#include "tests/unit/minicluster/cluster_fixture.h"

#define NODES "/api/v1/nodes/"

static size_t count_on(struct fixture *f, const char *node)
{
    struct object_place place = {0};
    const struct object_entry *pod;
    size_t n = 0;
    while ((pod = object_set_next(objects_of(f, &gvr_pods), &place)))
        n += slice_equal(json_member(json_member(object_bytes(pod->object), "spec"), "nodeName"), node);
    return n;
}

static void patch_node(struct fixture *f, const char *node, const char *patch)
{
    cleanup_free char *path = mem_printf(NODES "%s", node);
    assert_int_equal(call(f, "PATCH", path, patch), 200);
}

static void scale(struct fixture *f, int replicas)
{
    cleanup_free char *patch = mem_printf("{\"spec\":{\"replicas\":%d}}", replicas);
    assert_int_equal(call(f, "PATCH", DEPLOYMENTS "/web", patch), 200);
}

static bool has_taint(struct fixture *f, const char *node, const char *key, const char *effect)
{
    cleanup_tree cJSON *tree = cluster_read(f->cluster, &gvr_nodes, node);
    const cJSON *taint;
    cJSON_ArrayForEach(taint, tree_at(tree, "spec.taints"))
    {
        if (!strcmp(tree_text(taint, "key"), key) && !strcmp(tree_text(taint, "effect"), effect))
            return true;
    }
    return false;
}

static void check_ready(struct fixture *f, const char *node, const char *is)
{
    assert_true(slice_equal(node_ready(cluster_peek(f->cluster, &gvr_nodes, node)), is));
}

static void cordoned_node_takes_no_pods(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    patch_node(&f, "node-1", "{\"spec\":{\"unschedulable\":true}}");
    patch_node(&f, "node-2", "{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]}}");
    deploy(&f);
    scale(&f, 12);
    pass(&f, 5);
    assert_int_equal(count_on(&f, "node-3"), 12);
    assert_true(has_taint(&f, "node-1", "node.kubernetes.io/unschedulable", "NoSchedule"));
    patch_node(&f, "node-1", "{\"spec\":{\"unschedulable\":null}}");
    pass(&f, 1);
    assert_false(has_taint(&f, "node-1", "node.kubernetes.io/unschedulable", "NoSchedule"));
    scale(&f, 40);
    pass(&f, 5);
    assert_in_range(count_on(&f, "node-1"), 1, 28);
    assert_int_equal(count_on(&f, "node-2"), 0);
    stop(&f);
}

static void pod_that_no_node_takes_waits_for_one(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    call(&f, "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"picky\"},\"spec\":{\"nodeSelector\":{\"disk\":\"fast\"},\"containers\":[{"
         "\"name\":\"a\",\"image\":\"a\"}]}}");
    pass(&f, 5);
    cleanup_tree cJSON *waiting = cluster_read(f.cluster, &gvr_pods, "default/picky");
    assert_string_equal(tree_text(waiting, "spec.nodeName"), "");
    assert_true(condition_is_false(tree_at(waiting, "status"), "PodScheduled"));
    patch_node(&f, "node-2", "{\"metadata\":{\"labels\":{\"disk\":\"fast\"}}}");
    pass(&f, 5);
    assert_int_equal(count_on(&f, "node-2"), 1);
    assert_int_equal(count_running(&f, "\"a\""), 1);
    stop(&f);
}

static void pods_of_a_deleted_node_go(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    scale(&f, 12);
    pass(&f, 5);
    assert_in_range(count_on(&f, "node-1"), 1, 12);
    assert_int_equal(call(&f, "DELETE", NODES "node-1", NULL), 200);
    pass(&f, 5);
    assert_int_equal(count_on(&f, "node-1"), 0);
    assert_int_equal(count_running(&f, "a:1"), 12);
    stop(&f);
}

/* Forty seconds, then five minutes; and what was on it goes when it comes back. */
static void silent_node_is_left_after_a_while(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    scale(&f, 12);
    pass(&f, 5);
    size_t there = count_on(&f, "node-1");
    assert_in_range(there, 1, 12);
    patch_node(&f, "node-1", "{\"metadata\":{\"annotations\":{\"" NODE_KUBELET "\":\"stopped\"}}}");
    pass(&f, 28);
    check_ready(&f, "node-1", "True");
    pass(&f, 15);
    check_ready(&f, "node-1", "Unknown");
    assert_true(has_taint(&f, "node-1", "node.kubernetes.io/unreachable", "NoExecute"));
    cleanup_tree cJSON *less = cluster_read(f.cluster, &gvr_deployments, "default/web");
    assert_int_equal(tree_number(less, "status.availableReplicas", 0), 12 - there);
    pass(&f, 280);
    assert_int_equal(count(&f, &gvr_pods, "default"), 12);
    pass(&f, 30);
    assert_int_equal(count_on(&f, "node-1"), there); /* nobody is there to end them */
    assert_int_equal(count(&f, &gvr_pods, "default"), 12 + there);
    patch_node(&f, "node-1", "{\"metadata\":{\"annotations\":{\"" NODE_KUBELET "\":null}}}");
    pass(&f, 5);
    check_ready(&f, "node-1", "True");
    assert_false(has_taint(&f, "node-1", "node.kubernetes.io/unreachable", "NoExecute"));
    assert_int_equal(count(&f, &gvr_pods, "default"), 12);
    assert_int_equal(count_running(&f, "a:1"), 12);
    stop(&f);
}

static void node_that_comes_back_in_time_keeps_its_pods(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    post_pod(&f, "one", "Always", "");
    pass(&f, 5);
    cleanup_tree cJSON *before = cluster_read(f.cluster, &gvr_pods, "default/one");
    const char *node = tree_text(before, "spec.nodeName");
    patch_node(&f, node, "{\"metadata\":{\"annotations\":{\"" NODE_KUBELET "\":\"stopped\"}}}");
    pass(&f, 60);
    cleanup_tree cJSON *unheard = cluster_read(f.cluster, &gvr_pods, "default/one");
    assert_true(condition_is_false(tree_at(unheard, "status"), "Ready"));
    patch_node(&f, node, "{\"metadata\":{\"annotations\":{\"" NODE_KUBELET "\":null}}}");
    pass(&f, 5);
    cleanup_tree cJSON *after = cluster_read(f.cluster, &gvr_pods, "default/one");
    assert_string_equal(tree_text(after, "metadata.uid"), tree_text(before, "metadata.uid"));
    assert_true(condition_is(tree_at(after, "status"), "Ready"));
    pass(&f, 400);
    assert_int_equal(count_running(&f, "\"a\""), 1);
    stop(&f);
}

/* A taint that nobody tolerates works at once. */
static void taint_drives_pods_away(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    scale(&f, 12);
    pass(&f, 5);
    patch_node(&f, "node-2",
               "{\"spec\":{\"taints\":[{\"key\":\"a\",\"value\":\"b\",\"effect\":\"NoExecute\"}]}}");
    pass(&f, 6);
    assert_int_equal(count_on(&f, "node-2"), 0);
    assert_int_equal(count_running(&f, "a:1"), 12);
    stop(&f);
}

static void taints_are_borne_as_pods_say(void **state)
{
    static const struct {
        const char *tolerations;
        int64_t stays_us; /* from when the taint was put there; -1: for ever */
    } cases[] = {
        {"[]", 0},
        {"[{\"operator\":\"Exists\"}]", -1},
        {"[{\"key\":\"a\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}]", 0},
        {"[{\"key\":\"a\",\"operator\":\"Equal\",\"value\":\"c\"}]", 0},
        {"[{\"key\":\"a\",\"operator\":\"Equal\",\"value\":\"b\",\"tolerationSeconds\":30}]",
         30 * LOOP_SECOND},
        {"[{\"key\":\"a\",\"value\":\"b\",\"tolerationSeconds\":30},{\"key\":\"a\",\"operator\":\"Exists\","
         "\"tolerationSeconds\":20}]",
         20 * LOOP_SECOND},
    };
    static const char text[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"uid\":\"u\","
        "\"resourceVersion\":"
        "\"1\"},\"spec\":{\"taints\":[{\"key\":\"a\",\"value\":\"b\",\"effect\":\"NoExecute\",\"timeAdded\":"
        "\"2026-01-01T00:00:00Z\"}]}}";
    struct object *node = NULL;
    (void)state;
    assert_int_equal(object_create(text, strlen(text), NULL, &node), 0);
    int64_t added = time_us((struct slice){"2026-01-01T00:00:00Z", 20});
    for (size_t i = 0; i < array_size(cases); i++) {
        cleanup_tree cJSON *tolerations = json("%s", cases[i].tolerations);
        int64_t until = cases[i].stays_us < 0 ? INT64_MAX : added + cases[i].stays_us;
        assert_true(node_expels_at(node, tolerations) == until);
        assert_int_equal(node_repels(node, tolerations), cases[i].stays_us == 0);
    }
    object_unref(node);
}

/* What controllers read and add to is of any shape, where nobody has looked before. */
static void parts_of_another_shape_are_left_alone(void **state)
{
    static const char *const specs[] = {"\"tolerations\":{\"x\":\"y\"}", "\"nodeSelector\":[\"x\"]",
                                        "\"tolerations\":\"x\",\"nodeSelector\":1"};
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    for (size_t i = 0; i < array_size(specs); i++) {
        cleanup_free char *body =
            mem_printf("{\"metadata\":{\"name\":\"odd\"},\"spec\":{\"containers\":[{\"name\":\"main\","
                       "\"image\":\"a\"}],%s}}",
                       specs[i]);
        assert_int_equal(call(&f, "POST", "/api/v1/namespaces/default/pods", body), 201);
        pass(&f, 2);
        assert_int_equal(count_running(&f, "\"a\""), 1);
        assert_int_equal(call(&f, "DELETE", "/api/v1/namespaces/default/pods/odd?gracePeriodSeconds=0", NULL),
                         200);
    }
    patch_node(&f, "node-1", "{\"spec\":{\"taints\":[\"x\"],\"unschedulable\":true}}");
    pass(&f, 2);
    assert_int_equal(count_with(&f, &gvr_nodes, "\"taints\":[\"x\",{"), 1);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cordoned_node_takes_no_pods),
        cmocka_unit_test(parts_of_another_shape_are_left_alone),
        cmocka_unit_test(pod_that_no_node_takes_waits_for_one),
        cmocka_unit_test(pods_of_a_deleted_node_go),
        cmocka_unit_test(silent_node_is_left_after_a_while),
        cmocka_unit_test(node_that_comes_back_in_time_keeps_its_pods),
        cmocka_unit_test(taint_drives_pods_away),
        cmocka_unit_test(taints_are_borne_as_pods_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
