/* A whole cluster under virtual time: its controllers bring about what is asked for, and do so the same way
 * each time. */

#include "tests/unit/minicluster/cluster_fixture.h"

static void check_status(struct fixture *f, int available)
{
    cleanup_tree cJSON *deployment = cluster_read(f->cluster, &gvr_deployments, "default/web");
    assert_non_null(deployment);
    assert_int_equal(tree_number(deployment, "status.availableReplicas", 0), available);
    assert_int_equal(tree_number(deployment, "status.updatedReplicas", 0), available);
    assert_int_equal(tree_number(deployment, "status.observedGeneration", 0),
                     tree_number(deployment, "metadata.generation", 0));
    assert_true(condition_is(tree_at(deployment, "status"), "Available"));
}

static void deployment_comes_to_life(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:1"), 3);
    check_status(&f, 3);
    call(&f, "PATCH", DEPLOYMENTS "/web", "{\"spec\":{\"replicas\":5}}");
    pass(&f, 5);
    check_status(&f, 5);
    call(&f, "PATCH", DEPLOYMENTS "/web", "{\"spec\":{\"replicas\":1}}");
    pass(&f, 5);
    check_status(&f, 1);
    assert_int_equal(count(&f, &gvr_pods, "default"), 1);
    stop(&f);
}

static void new_template_replaces_the_old_pods(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    call(&f, "PATCH", DEPLOYMENTS "/web",
         "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"a:2\"}]}}}}");
    pass(&f, 10);
    assert_int_equal(count_running(&f, "a:2"), 3);
    assert_int_equal(count(&f, &gvr_pods, "default"), 3);
    assert_int_equal(count(&f, &gvr_replicasets, "default"), 2);
    check_status(&f, 3);
    stop(&f);
}

static void deleted_pod_is_replaced(void **state)
{
    struct fixture f;
    char path[256];
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    const struct object_entry *pod = object_set_next(objects_of(&f, &gvr_pods), &(struct object_place){0});
    snprintf(path, sizeof(path), "/api/v1/namespaces/default/pods/%.*s",
             SLICE_ARGS(object_name(pod->object)));
    assert_int_equal(call(&f, "DELETE", path, NULL), 200);
    assert_int_equal(call(&f, "GET", path, NULL), 200); /* it is given time */
    pass(&f, 5);
    assert_int_equal(call(&f, "GET", path, NULL), 404);
    assert_int_equal(count_running(&f, "a:1"), 3);
    stop(&f);
}

static void what_belongs_to_the_deleted_goes(void **state)
{
    static const char *const policies[] = {"Background", "Foreground"};
    (void)state;
    for (size_t i = 0; i < array_size(policies); i++) {
        struct fixture f;
        cleanup_free char *options = mem_printf("{\"propagationPolicy\":\"%s\"}", policies[i]);
        start(&f, 0, 0);
        deploy(&f);
        pass(&f, 5);
        assert_int_equal(call(&f, "DELETE", DEPLOYMENTS "/web", options), 200);
        pass(&f, 5);
        assert_int_equal(call(&f, "GET", DEPLOYMENTS "/web", NULL), 404);
        assert_int_equal(count(&f, &gvr_replicasets, NULL), 0);
        assert_int_equal(count(&f, &gvr_pods, NULL), 0);
        stop(&f);
    }
}

static void orphans_stay(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    assert_int_equal(call(&f, "DELETE", DEPLOYMENTS "/web", "{\"propagationPolicy\":\"Orphan\"}"), 200);
    pass(&f, 5);
    assert_int_equal(call(&f, "GET", DEPLOYMENTS "/web", NULL), 404);
    assert_int_equal(count(&f, &gvr_replicasets, NULL), 1);
    assert_int_equal(count_running(&f, "a:1"), 3);
    stop(&f);
}

static void namespace_is_emptied_first(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    call(&f, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"short\"}}");
    call(&f, "POST", "/api/v1/namespaces/short/configmaps",
         "{\"metadata\":{\"name\":\"held\",\"finalizers\":[\"example.com/x\"]}}");
    assert_int_equal(call(&f, "DELETE", "/api/v1/namespaces/short", NULL), 200);
    assert_int_equal(
        call(&f, "POST", "/api/v1/namespaces/short/configmaps", "{\"metadata\":{\"name\":\"late\"}}"), 403);
    pass(&f, 5);
    assert_int_equal(call(&f, "GET", "/api/v1/namespaces/short", NULL), 200);
    call(&f, "PATCH", "/api/v1/namespaces/short/configmaps/held", "{\"metadata\":{\"finalizers\":null}}");
    pass(&f, 5);
    assert_int_equal(call(&f, "GET", "/api/v1/namespaces/short", NULL), 404);
    stop(&f);
}

static void job_runs_to_its_end(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    assert_int_equal(
        call(&f, "POST", "/apis/batch/v1/namespaces/default/jobs",
             "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"completions\":3,\"parallelism\":2,\"template\":{"
             "\"spec\":{"
             "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"a\",\"image\":\"b\"}]}}}}"),
        201);
    pass(&f, 30);
    cleanup_tree cJSON *job = cluster_read(f.cluster, &gvr_jobs, "default/j");
    assert_int_equal(tree_number(job, "status.succeeded", 0), 3);
    assert_true(condition_is(tree_at(job, "status"), "Complete"));
    assert_int_equal(count(&f, &gvr_pods, "default"), 3);
    stop(&f);
}

static void check_pod(struct fixture *f, const char *key, const char *phase, const char *state, int restarts)
{
    cleanup_tree cJSON *pod = cluster_read(f->cluster, &gvr_pods, key);
    const cJSON *statuses = tree_at(pod, "status.containerStatuses");
    assert_non_null(statuses);
    assert_string_equal(tree_text(pod, "status.phase"), phase);
    assert_non_null(tree_at(statuses->child, state));
    assert_int_equal(tree_number(statuses->child, "restartCount", -1), restarts);
    assert_int_equal(cJSON_IsTrue(tree_at(statuses->child, "ready")), !strcmp(state, "state.running"));
}

#define CRASHES "\"minicluster/run-seconds\":\"10\",\"minicluster/exit-code\":\"3\""

static void pods_start_and_end_as_their_annotations_ask(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    post_pod(&f, "late", "Always", "\"minicluster/start-seconds\":\"20\"");
    post_pod(&f, "fails", "Never", CRASHES);
    post_pod(&f, "ends", "OnFailure", "\"minicluster/run-seconds\":\"10\"");
    post_pod(&f, "stays", "Always", "");
    pass(&f, 5);
    check_pod(&f, "default/late", "Pending", "state.waiting", 0);
    check_pod(&f, "default/fails", "Running", "state.running", 0);
    pass(&f, 20);
    check_pod(&f, "default/late", "Running", "state.running", 0);
    check_pod(&f, "default/fails", "Failed", "state.terminated", 0);
    check_pod(&f, "default/ends", "Succeeded", "state.terminated", 0);
    check_pod(&f, "default/stays", "Running", "state.running", 0);
    cleanup_tree cJSON *pod = cluster_read(f.cluster, &gvr_pods, "default/fails");
    assert_int_equal(
        tree_number(tree_at(pod, "status.containerStatuses")->child, "state.terminated.exitCode", 0), 3);
    stop(&f);
}

static void pod_that_somebody_else_says_runs_is_not_restarted(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    post_pod(&f, "late", "Always", "\"minicluster/start-seconds\":\"20\"");
    pass(&f, 5);
    assert_int_equal(call(&f, "PATCH", "/api/v1/namespaces/default/pods/late/status",
                          "{\"status\":{\"phase\":\"Running\"}}"),
                     200);
    pass(&f, 30);
    check_pod(&f, "default/late", "Running", "state.running", 0);
    stop(&f);
}

/* One second of waiting, then two, then four. */
static void pod_that_crashes_is_started_again_later_and_later(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    post_pod(&f, "loops", "OnFailure", CRASHES);
    pass(&f, 5);
    check_pod(&f, "default/loops", "Running", "state.running", 0);
    pass(&f, 10);
    check_pod(&f, "default/loops", "Running", "state.running", 1);
    pass(&f, 13);
    check_pod(&f, "default/loops", "Running", "state.running", 2);
    pass(&f, 6);
    check_pod(&f, "default/loops", "Running", "state.waiting", 2);
    check_pod(&f, "default/loops", "Running", "lastState.terminated", 2);
    stop(&f);
}

static void job_gives_up_when_its_pods_fail(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    assert_int_equal(
        call(&f, "POST", "/apis/batch/v1/namespaces/default/jobs",
             "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"backoffLimit\":2,\"template\":{\"metadata\":{"
             "\"annotations\":{\"minicluster/exit-code\":\"1\"}},\"spec\":{\"restartPolicy\":\"Never\","
             "\"containers\":[{\"name\":\"a\",\"image\":\"b\"}]}}}}"),
        201);
    pass(&f, 60);
    cleanup_tree cJSON *job = cluster_read(f.cluster, &gvr_jobs, "default/j");
    assert_int_equal(tree_number(job, "status.failed", 0), 3);
    assert_true(condition_is(tree_at(job, "status"), "Failed"));
    assert_int_equal(count(&f, &gvr_pods, "default"), 3);
    stop(&f);
}

#define DAEMONSETS "/apis/apps/v1/namespaces/default/daemonsets"

static void check_daemons(struct fixture *f, int desired, const char *image)
{
    cleanup_tree cJSON *set = cluster_read(f->cluster, &gvr_daemonsets, "default/d");
    assert_int_equal(tree_number(set, "status.desiredNumberScheduled", -1), desired);
    assert_int_equal(tree_number(set, "status.numberAvailable", 0), desired);
    assert_int_equal(tree_number(set, "status.updatedNumberScheduled", 0), desired);
    assert_int_equal(tree_number(set, "status.observedGeneration", 0),
                     tree_number(set, "metadata.generation", 1));
    assert_int_equal(count_running(f, image), desired);
    assert_int_equal(count(f, &gvr_pods, "default"), desired);
}

static void daemonset_has_a_pod_on_each_node(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    assert_int_equal(
        call(&f, "POST", DAEMONSETS,
             "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"d\"}},"
             "\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":["
             "{\"name\":\"main\",\"image\":\"a:1\"}]}}}}"),
        201);
    pass(&f, 5);
    check_daemons(&f, 3, "a:1");
    call(&f, "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"node-9\"}}");
    pass(&f, 5);
    check_daemons(&f, 4, "\"nodeName\":\"node-");
    call(&f, "PATCH", DAEMONSETS "/d",
         "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"a:2\"}]}}}}");
    pass(&f, 20);
    check_daemons(&f, 4, "a:2");
    call(&f, "PATCH", DAEMONSETS "/d",
         "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"kubernetes.io/hostname\":\"node-2\"}}}}}");
    pass(&f, 20);
    check_daemons(&f, 1, "\"nodeName\":\"node-2\"");
    call(&f, "DELETE", DAEMONSETS "/d", NULL);
    pass(&f, 5);
    assert_int_equal(count(&f, &gvr_pods, "default"), 0);
    stop(&f);
}

static void nodes_renew_their_leases(void **state)
{
    static const struct gvr leases = {"coordination.k8s.io", "v1", "leases"};
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    pass(&f, 1);
    cleanup_tree cJSON *first = cluster_read(f.cluster, &leases, "kube-node-lease/node-1");
    assert_string_equal(tree_text(first, "spec.holderIdentity"), "node-1");
    pass(&f, 15);
    cleanup_tree cJSON *later = cluster_read(f.cluster, &leases, "kube-node-lease/node-1");
    assert_true(strcmp(tree_text(later, "spec.renewTime"), tree_text(first, "spec.renewTime")) > 0);
    call(&f, "DELETE", "/api/v1/nodes/node-1", NULL);
    pass(&f, 15);
    assert_int_equal(count(&f, &leases, "kube-node-lease"), 2);
    stop(&f);
}

static void namespace_keeps_its_service_account(void **state)
{
    static const struct gvr accounts = {"", "v1", "serviceaccounts"}, configmaps = {"", "v1", "configmaps"};
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    pass(&f, 1);
    cleanup_tree cJSON *first = cluster_read(f.cluster, &accounts, "default/default");
    assert_int_equal(call(&f, "DELETE", "/api/v1/namespaces/default/serviceaccounts/default", NULL), 200);
    assert_int_equal(call(&f, "DELETE", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", NULL), 200);
    assert_int_equal(count(&f, &accounts, "default"), 0);
    pass(&f, 1);
    cleanup_tree cJSON *again = cluster_read(f.cluster, &accounts, "default/default");
    assert_non_null(again);
    assert_string_not_equal(tree_text(again, "metadata.uid"), tree_text(first, "metadata.uid"));
    assert_int_equal(count(&f, &configmaps, "default"), 1);
    stop(&f);
}

static const struct gvr gvr_events = {"", "v1", "events"};

/* How many events there are of that reason, all of them about things of that kind. */
static int count_events(struct fixture *f, const char *reason, const char *kind)
{
    struct object_place place = {0};
    const struct object_entry *entry;
    int n = 0;
    while ((entry = object_set_next(objects_of(f, &gvr_events), &place))) {
        struct slice event = object_bytes(entry->object), about = json_member(event, "involvedObject");
        if (!slice_equal(json_member(event, "reason"), reason))
            continue;
        assert_true(slice_equal(json_member(about, "kind"), kind));
        n++;
    }
    return n;
}

static void what_happens_is_recorded_and_forgotten_after_an_hour(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    post_pod(&f, "loops", "OnFailure", CRASHES);
    pass(&f, 13);
    assert_int_equal(count_events(&f, "ScalingReplicaSet", "Deployment"), 1);
    assert_int_equal(count_events(&f, "SuccessfulCreate", "ReplicaSet"), 3);
    assert_int_equal(count_events(&f, "Scheduled", "Pod"), 4);
    assert_int_equal(count_events(&f, "Started", "Pod"), 4);
    assert_int_equal(count_events(&f, "BackOff", "Pod"), 1);
    call(&f, "DELETE", "/api/v1/namespaces/default/pods/loops", NULL);
    pass(&f, 5);
    assert_int_equal(count_events(&f, "Killing", "Pod"), 1);
    pass(&f, 3580);
    assert_int_equal(count_events(&f, "Killing", "Pod"), 1);
    pass(&f, 30);
    assert_int_equal(count(&f, &gvr_events, "default"), 0);
    stop(&f);
}

static uint64_t run_load(unsigned churn, uint64_t *before)
{
    struct fixture f;
    start(&f, 250, churn);
    assert_int_equal(count(&f, &gvr_pods, "load-0"), 100);
    assert_int_equal(count_running(&f, "service"), 250);
    pass(&f, 1);
    const struct collection *pods = apiserver_collection(cluster_server(f.cluster), &gvr_pods);
    *before = pods->count;
    pass(&f, 10);
    uint64_t after = pods->count;
    stop(&f);
    return after;
}

static void load_changes_at_its_rate_and_repeats(void **state)
{
    uint64_t before, again;
    (void)state;
    uint64_t after = run_load(100, &before);
    assert_in_range(after - before, 900, 1300); /* a pod that comes back is two changes */
    assert_int_equal(run_load(100, &again), after);
    assert_int_equal(again, before);
    after = run_load(0, &before);
    assert_int_equal(after, before);
}

/* Whoever asks meanwhile is answered, and told that there is more to come. */
static void cluster_fills_a_few_objects_a_turn(void **state)
{
    struct fixture f;
    (void)state;
    create(&f, 250, 0);
    const struct object_set *pods = objects_of(&f, &gvr_pods);
    for (size_t before = 0; !f.filled; before = pods->count) {
        assert_int_equal(call(&f, "GET", "/readyz", NULL), 500);
        assert_int_equal(call(&f, "GET", "/livez", NULL), 200);
        loop_step(f.loop);
        assert_in_range(pods->count - before, 0, 3);
    }
    assert_int_equal(pods->count, 250);
    assert_int_equal(objects_of(&f, &gvr_nodes)->count, 3);
    assert_int_equal(call(&f, "GET", "/readyz", NULL), 200);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deployment_comes_to_life),
        cmocka_unit_test(new_template_replaces_the_old_pods),
        cmocka_unit_test(deleted_pod_is_replaced),
        cmocka_unit_test(what_belongs_to_the_deleted_goes),
        cmocka_unit_test(orphans_stay),
        cmocka_unit_test(namespace_is_emptied_first),
        cmocka_unit_test(job_runs_to_its_end),
        cmocka_unit_test(pods_start_and_end_as_their_annotations_ask),
        cmocka_unit_test(pod_that_somebody_else_says_runs_is_not_restarted),
        cmocka_unit_test(pod_that_crashes_is_started_again_later_and_later),
        cmocka_unit_test(job_gives_up_when_its_pods_fail),
        cmocka_unit_test(daemonset_has_a_pod_on_each_node),
        cmocka_unit_test(nodes_renew_their_leases),
        cmocka_unit_test(namespace_keeps_its_service_account),
        cmocka_unit_test(what_happens_is_recorded_and_forgotten_after_an_hour),
        cmocka_unit_test(cluster_fills_a_few_objects_a_turn),
        cmocka_unit_test(load_changes_at_its_rate_and_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
