/* Kinds of workload beside the deployment, and what leads to their pods. */

#include <stdlib.h>

#include "samples/minicluster/pod.h"
#include "samples/minicluster/schedule.h"
#include "tests/unit/minicluster/cluster_fixture.h"

#define STATEFULSETS "/apis/apps/v1/namespaces/default/statefulsets"
#define DAEMONSETS "/apis/apps/v1/namespaces/default/daemonsets"
#define CRONJOBS "/apis/batch/v1/namespaces/default/cronjobs"
#define TEMPLATE(image)                                                                                      \
    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"s\"}},\"spec\":{\"containers\":[{\"name\":\"main\","  \
    "\"image\":\"" image "\",\"ports\":[{\"name\":\"web\",\"containerPort\":8080}]}]}}"
#define NEW_IMAGE "{\"spec\":{" TEMPLATE("a:2") "}}"

static void make(struct fixture *f, const char *path, const char *name, const char *spec)
{
    cleanup_free char *body =
        mem_printf("{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"selector\":{\"matchLabels\":"
                   "{\"app\":\"s\"}},%s," TEMPLATE("a:1") "}}",
                   name, spec);
    assert_int_equal(call(f, "POST", path, body), 201);
}

static void patch(struct fixture *f, const char *path, const char *body)
{
    assert_int_equal(call(f, "PATCH", path, body), 200);
}

/* A letter for each of s-0, s-1, …: "." where there is none, "d" goes, "r" is ready, "p" is not. */
static const char *pods_of(struct fixture *f, int count, char out[16])
{
    for (int i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "default/s-%d", i);
        const struct object *pod = cluster_peek(f->cluster, &gvr_pods, key);
        out[i] = !pod ? '.' : pod_is_over(pod) ? 'd' : pod_is_ready(pod) ? 'r' : 'p';
    }
    out[count] = '\0';
    return out;
}

/* Runs until they look so; each look on the way has to be allowed by the caller. */
static void until(struct fixture *f, const char *wanted, bool (*allowed)(const char *pods))
{
    char pods[16];
    int count = (int)strlen(wanted);
    for (int steps = 0; strcmp(pods_of(f, count, pods), wanted); steps++) {
        assert_in_range(steps, 0, 20000);
        if (!allowed(pods))
            fail_msg("the pods are %s", pods);
        loop_step(f->loop);
    }
}

/* What is not ready has none behind it. */
static bool in_order(const char *pods)
{
    size_t ready = strspn(pods, "r");
    return !pods[ready] || strspn(pods + ready + 1, ".") == strlen(pods + ready + 1);
}

static bool one_is_missing(const char *pods)
{
    int missing = 0;
    for (const char *c = pods; *c; c++)
        missing += *c != 'r';
    return missing <= 1;
}

static void statefulset_grows_and_shrinks_in_order(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    make(&f, STATEFULSETS, "s", "\"replicas\":3,\"serviceName\":\"s\"");
    until(&f, "rrr.", in_order);
    pass(&f, 1);
    cleanup_tree cJSON *set = cluster_read(f.cluster, &gvr_statefulsets, "default/s");
    assert_int_equal(tree_number(set, "status.readyReplicas", 0), 3);
    assert_int_equal(tree_number(set, "status.updatedReplicas", 0), 3);
    assert_string_equal(tree_text(set, "status.currentRevision"), tree_text(set, "status.updateRevision"));
    cleanup_tree cJSON *pod = cluster_read(f.cluster, &gvr_pods, "default/s-2");
    assert_string_equal(tree_text(pod, "spec.hostname"), "s-2");
    patch(&f, STATEFULSETS "/s", "{\"spec\":{\"replicas\":1}}");
    until(&f, "r..", in_order);
    call(&f, "DELETE", "/api/v1/namespaces/default/pods/s-0", NULL);
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:1"), 1);
    stop(&f);
}

static bool anything(const char *pods)
{
    (void)pods;
    return true;
}

static void parallel_waits_for_nobody(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    make(&f, STATEFULSETS, "s", "\"replicas\":3,\"podManagementPolicy\":\"Parallel\"");
    until(&f, "ppp", anything);
    until(&f, "rrr", anything);
    stop(&f);
}

static void statefulset_updates_from_the_last_to_the_partition(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    make(&f, STATEFULSETS, "s", "\"replicas\":3,\"updateStrategy\":{\"rollingUpdate\":{\"partition\":1}}");
    until(&f, "rrr", in_order);
    pass(&f, 1);
    patch(&f, STATEFULSETS "/s", NEW_IMAGE);
    for (int steps = 0; count_running(&f, "a:2") < 2; steps++) {
        char pods[16];
        assert_in_range(steps, 0, 20000);
        assert_true(one_is_missing(pods_of(&f, 3, pods)));
        loop_step(f.loop);
    }
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:1"), 1);
    cleanup_tree cJSON *half = cluster_read(f.cluster, &gvr_statefulsets, "default/s");
    assert_string_not_equal(tree_text(half, "status.currentRevision"),
                            tree_text(half, "status.updateRevision"));
    assert_int_equal(tree_number(half, "status.updatedReplicas", 0), 2);
    patch(&f, STATEFULSETS "/s", "{\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"partition\":0}}}}");
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:2"), 3);
    stop(&f);
}

/* Numbers that no real server takes are as good as the nearest that makes sense. */
static void counts_out_of_bounds_are_brought_back(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    make(&f, STATEFULSETS, "s", "\"replicas\":2,\"updateStrategy\":{\"rollingUpdate\":{\"partition\":-3}}");
    until(&f, "rr.", in_order);
    patch(&f, STATEFULSETS "/s", NEW_IMAGE);
    until(&f, "r..", anything);
    until(&f, "rr.", anything);
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:2"), 2);
    make(&f, "/apis/batch/v1/namespaces/default/jobs", "j", "\"parallelism\":1e300,\"completions\":-1");
    make(&f, "/apis/batch/v1/namespaces/default/jobs", "k", "\"parallelism\":1e300,\"completions\":60");
    pass(&f, 1);
    assert_int_equal(count_with(&f, &gvr_pods, "\"generateName\":\"j-\""), 0);
    assert_int_equal(count_with(&f, &gvr_pods, "\"generateName\":\"k-\""), 60);
    stop(&f);
}

static void on_delete_leaves_pods_alone(void **state)
{
    static const char *const paths[] = {STATEFULSETS, DAEMONSETS};
    (void)state;
    for (size_t i = 0; i < array_size(paths); i++) {
        struct fixture f;
        cleanup_free char *path = mem_printf("%s/s", paths[i]);
        start(&f, 0, 0);
        make(&f, paths[i], "s", "\"replicas\":3,\"updateStrategy\":{\"type\":\"OnDelete\"}");
        pass(&f, 5);
        assert_int_equal(count_running(&f, "a:1"), 3);
        patch(&f, path, NEW_IMAGE);
        pass(&f, 20);
        assert_int_equal(count_running(&f, "a:1"), 3);
        const struct object_entry *pod =
            object_set_next(objects_of(&f, &gvr_pods), &(struct object_place){0});
        cleanup_free char *one =
            mem_printf("/api/v1/namespaces/default/pods/%.*s", SLICE_ARGS(object_name(pod->object)));
        call(&f, "DELETE", one, NULL);
        pass(&f, 5);
        assert_int_equal(count_running(&f, "a:2"), 1);
        stop(&f);
    }
}

static int fewest_daemons(struct fixture *f, const char *image, int wanted)
{
    int fewest = wanted;
    for (int steps = 0; (int)count_running(f, image) < wanted; steps++) {
        struct object_place place = {0};
        const struct object_entry *pod;
        int ready = 0;
        while ((pod = object_set_next(objects_of(f, &gvr_pods), &place)))
            ready += !pod_is_over(pod->object) && pod_is_ready(pod->object);
        fewest = ready < fewest ? ready : fewest;
        assert_in_range(steps, 0, 20000);
        loop_step(f->loop);
    }
    return fewest;
}

static void daemons_are_replaced_a_few_at_a_time(void **state)
{
    static const struct {
        const char *most;
        int fewest;
    } cases[] = {{"1", 2}, {"2", 1}, {"\"100%\"", 0}, {"\"34%\"", 1}};
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        struct fixture f;
        cleanup_free char *spec =
            mem_printf("\"updateStrategy\":{\"rollingUpdate\":{\"maxUnavailable\":%s}}", cases[i].most);
        start(&f, 0, 0);
        make(&f, DAEMONSETS, "s", spec);
        pass(&f, 5);
        patch(&f, DAEMONSETS "/s", NEW_IMAGE);
        assert_int_equal(fewest_daemons(&f, "a:2", 3), cases[i].fewest);
        stop(&f);
    }
}

static void daemons_go_by_taints(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    patch(&f, "/api/v1/nodes/node-1", "{\"spec\":{\"unschedulable\":true}}");
    patch(&f, "/api/v1/nodes/node-2", "{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoSchedule\"}]}}");
    pass(&f, 1);
    make(&f, DAEMONSETS, "s", "\"minReadySeconds\":0");
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:1"), 2); /* a cordon is none of their business */
    assert_int_equal(count_with(&f, &gvr_pods, "\"nodeName\":\"node-2\""), 0);
    patch(&f, "/api/v1/nodes/node-2", "{\"spec\":{\"taints\":null}}");
    pass(&f, 5);
    assert_int_equal(count_running(&f, "a:1"), 3);
    stop(&f);
}

static int revision_of(struct fixture *f, const char *image)
{
    static const struct gvr gvr_revisions = {"apps", "v1", "controllerrevisions"};
    struct object_place place = {0};
    const struct object_entry *entry;
    while ((entry = object_set_next(objects_of(f, &gvr_revisions), &place))) {
        struct slice bytes = object_bytes(entry->object);
        cleanup_tree cJSON *revision = tree_parse(bytes.data, bytes.len);
        const cJSON *containers = tree_at(revision, "data.spec.template.spec.containers");
        if (!strcmp(tree_text(containers->child, "image"), image))
            return (int)tree_number(revision, "revision", 0);
    }
    return 0;
}

static void templates_of_before_are_kept(void **state)
{
    static const char *const paths[] = {STATEFULSETS, DAEMONSETS};
    (void)state;
    for (size_t i = 0; i < array_size(paths); i++) {
        struct fixture f;
        cleanup_free char *path = mem_printf("%s/s", paths[i]);
        start(&f, 0, 0);
        make(&f, paths[i], "s", "\"revisionHistoryLimit\":1");
        pass(&f, 5);
        assert_int_equal(revision_of(&f, "a:1"), 1);
        patch(&f, path, NEW_IMAGE);
        pass(&f, 20);
        assert_int_equal(revision_of(&f, "a:2"), 2);
        patch(&f, path, "{\"spec\":{" TEMPLATE("a:1") "}}");
        pass(&f, 20);
        assert_int_equal(revision_of(&f, "a:1"), 3);
        patch(&f, path, "{\"spec\":{" TEMPLATE("a:3") "}}");
        pass(&f, 20);
        assert_int_equal(revision_of(&f, "a:1"), 3);
        assert_int_equal(revision_of(&f, "a:2"), 0); /* the oldest of two */
        assert_int_equal(revision_of(&f, "a:3"), 4);
        stop(&f);
    }
}

/* ---- CronJobs ---- */

static void schedules_are_those_of_cron(void **state)
{
    static const struct {
        const char *text, *after, *next; /* next NULL: it is no schedule */
    } cases[] = {
        {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
        {"*/15 * * * *", "2026-01-01T00:44:59Z", "2026-01-01T00:45:00Z"},
        {"5,35 8-10 * * *", "2026-01-01T10:35:00Z", "2026-01-02T08:05:00Z"},
        {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"30 4 1 * mon", "2026-01-02T00:00:00Z", "2026-01-05T04:30:00Z"},
        {"0 12 * jan-mar 7", "2026-03-29T12:00:00Z", "2027-01-03T12:00:00Z"},
        {"10/20 * * * *", "2026-01-01T00:10:00Z", "2026-01-01T00:30:00Z"},
        {"@hourly", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"},
        {"@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
        {"0 0 31 2 *", "2026-01-01T00:00:00Z", ""},
        {"* * * *", "", NULL},
        {"* * * * * *", "", NULL},
        {"60 * * * *", "", NULL},
        {"5-1 * * * *", "", NULL},
        {"*/0 * * * *", "", NULL},
        {"5/2147483647 * * * *", "", NULL},
        {"*/4294967297 * * * *", "", NULL},
        {"a * * * *", "", NULL},
        {"1- * * * *", "", NULL},
        {"", "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        struct schedule schedule;
        const char *after = cases[i].after, *next = cases[i].next;
        assert_int_equal(schedule_parse(cases[i].text, &schedule), next != NULL);
        if (!next)
            continue;
        int64_t after_s = time_us((struct slice){after, strlen(after)}) / LOOP_SECOND;
        int64_t next_s = next[0] ? time_us((struct slice){next, strlen(next)}) / LOOP_SECOND : -1;
        assert_true(schedule_next(&schedule, after_s) == next_s);
    }
}

static void add_cronjob(struct fixture *f, const char *run_seconds, const char *more)
{
    cleanup_free char *body = mem_printf(
        "{\"metadata\":{\"name\":\"tick\"},\"spec\":{\"schedule\":\"* * * * "
        "*\",%s,\"jobTemplate\":{\"spec\":{"
        "\"template\":{\"metadata\":{\"annotations\":{\"minicluster/run-seconds\":\"%s\"}},\"spec\":{"
        "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"a\",\"image\":\"a\"}]}}}}}}",
        more, run_seconds);
    assert_int_equal(call(f, "POST", CRONJOBS, body), 201);
}

static int active_jobs(struct fixture *f)
{
    cleanup_tree cJSON *tick = cluster_read(f->cluster, &gvr_cronjobs, "default/tick");
    return cJSON_GetArraySize(tree_at(tick, "status.active"));
}

static void cronjob_makes_a_job_each_minute_and_keeps_three(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add_cronjob(&f, "5", "\"suspend\":false");
    pass(&f, 130);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 2);
    pass(&f, 300);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 3);
    assert_int_equal(active_jobs(&f), 0);
    cleanup_tree cJSON *tick = cluster_read(f.cluster, &gvr_cronjobs, "default/tick");
    assert_true(tree_text(tick, "status.lastSuccessfulTime")[0]);
    patch(&f, CRONJOBS "/tick", "{\"spec\":{\"suspend\":true}}");
    call(&f, "DELETE", "/apis/batch/v1/namespaces/default/jobs", "{\"propagationPolicy\":\"Background\"}");
    pass(&f, 300);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 0);
    patch(&f, CRONJOBS "/tick", "{\"spec\":{\"suspend\":false}}");
    pass(&f, 1);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 1); /* of all that it has missed */
    call(&f, "DELETE", CRONJOBS "/tick", NULL);
    pass(&f, 70);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 0);
    assert_int_equal(count(&f, &gvr_pods, "default"), 0);
    stop(&f);
}

/* A time that somebody else has written costs no more than any other. */
static void what_was_missed_long_ago_is_forgotten(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add_cronjob(&f, "5", "\"suspend\":true");
    patch(&f, CRONJOBS "/tick/status", "{\"status\":{\"lastScheduleTime\":\"0001-01-01T00:00:00Z\"}}");
    patch(&f, CRONJOBS "/tick", "{\"spec\":{\"suspend\":false}}");
    pass(&f, 1);
    cleanup_tree cJSON *tick = cluster_read(f.cluster, &gvr_cronjobs, "default/tick");
    const char *last = tree_text(tick, "status.lastScheduleTime");
    int64_t ago = apiserver_wall_us(cluster_server(f.cluster)) - time_us((struct slice){last, strlen(last)});
    assert_in_range(ago, 0, 120 * LOOP_SECOND);
    assert_int_equal(count(&f, &gvr_jobs, "default"), 1);
    stop(&f);
}

static void concurrency_is_as_the_policy_says(void **state)
{
    static const struct {
        const char *policy;
        int jobs, active; /* after three minutes of jobs that take ten */
    } cases[] = {{"Allow", 3, 3}, {"Forbid", 1, 1}, {"Replace", 1, 1}};
    (void)state;
    char first[64] = "";
    for (size_t i = 0; i < array_size(cases); i++) {
        struct fixture f;
        cleanup_free char *policy = mem_printf("\"concurrencyPolicy\":\"%s\"", cases[i].policy);
        start(&f, 0, 0);
        add_cronjob(&f, "600", policy);
        pass(&f, 190);
        assert_int_equal(count(&f, &gvr_jobs, "default"), cases[i].jobs);
        assert_int_equal(active_jobs(&f), cases[i].active);
        const struct object_entry *job =
            object_set_next(objects_of(&f, &gvr_jobs), &(struct object_place){0});
        if (!strcmp(cases[i].policy, "Replace"))
            assert_false(slice_equal(object_name(job->object), first));
        snprintf(first, sizeof(first), "%.*s", SLICE_ARGS(object_name(job->object)));
        stop(&f);
    }
}

/* ---- Services ---- */

static const struct gvr gvr_slices = {"discovery.k8s.io", "v1", "endpointslices"};

static void service_has_the_addresses_of_its_pods(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    make(&f, STATEFULSETS, "s", "\"replicas\":2");
    call(&f, "POST", "/api/v1/namespaces/default/services",
         "{\"metadata\":{\"name\":\"svc\"},\"spec\":{\"selector\":{\"app\":\"s\"},\"ports\":[{\"name\":"
         "\"a\\\"b\","
         "\"port\":80,\"targetPort\":\"web\"}]}}");
    call(&f, "POST", "/api/v1/namespaces/default/services",
         "{\"metadata\":{\"name\":\"none\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    post_pod(&f, "other", "Always", "");
    pass(&f, 5);
    assert_int_equal(count(&f, &gvr_slices, "default"), 1);
    assert_int_equal(count_with(&f, &gvr_slices, "\"name\":\"s-0\""), 1);
    assert_int_equal(count_with(&f, &gvr_slices, "\"name\":\"s-1\""), 1);
    assert_int_equal(count_with(&f, &gvr_slices, "\"name\":\"other\""), 0);
    assert_int_equal(count_with(&f, &gvr_slices, "\"ready\":true"), 1);
    assert_int_equal(count_with(&f, &gvr_slices, "\"port\":8080"), 1);
    patch(&f, STATEFULSETS "/s", "{\"spec\":{\"replicas\":1}}");
    pass(&f, 5);
    assert_int_equal(count_with(&f, &gvr_slices, "\"name\":\"s-1\""), 0);
    call(&f, "DELETE", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", NULL);
    pass(&f, 1);
    assert_int_equal(count_with(&f, &gvr_slices, "\"name\":\"s-0\""), 1);
    call(&f, "DELETE", "/api/v1/namespaces/default/services/svc", NULL);
    pass(&f, 1);
    assert_int_equal(count(&f, &gvr_slices, "default"), 0);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statefulset_grows_and_shrinks_in_order),
        cmocka_unit_test(parallel_waits_for_nobody),
        cmocka_unit_test(statefulset_updates_from_the_last_to_the_partition),
        cmocka_unit_test(on_delete_leaves_pods_alone),
        cmocka_unit_test(counts_out_of_bounds_are_brought_back),
        cmocka_unit_test(daemons_are_replaced_a_few_at_a_time),
        cmocka_unit_test(daemons_go_by_taints),
        cmocka_unit_test(templates_of_before_are_kept),
        cmocka_unit_test(schedules_are_those_of_cron),
        cmocka_unit_test(cronjob_makes_a_job_each_minute_and_keeps_three),
        cmocka_unit_test(what_was_missed_long_ago_is_forgotten),
        cmocka_unit_test(concurrency_is_as_the_policy_says),
        cmocka_unit_test(service_has_the_addresses_of_its_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
