/* How a deployment gets from one template to the next: within the bounds of its strategy at each moment, and
 * back. */

#include <limits.h>
#include <stdlib.h>

#include "samples/minicluster/pod.h"
#include "tests/unit/minicluster/cluster_fixture.h"

#define WEB DEPLOYMENTS "/web"
#define REVISION "deployment.kubernetes.io/revision"

static void patch(struct fixture *f, const char *body)
{
    assert_int_equal(call(f, "PATCH", WEB, body), 200);
}

static void set_image(struct fixture *f, const char *image)
{
    cleanup_free char *body =
        mem_printf("{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\","
                   "\"image\":\"%s\"}]}}}}",
                   image);
    patch(f, body);
}

static cJSON *web(struct fixture *f)
{
    cJSON *tree = cluster_read(f->cluster, &gvr_deployments, "default/web");
    assert_non_null(tree);
    return tree;
}

static bool rolled_out(struct fixture *f)
{
    cleanup_tree cJSON *tree = web(f);
    const cJSON *status = tree_at(tree, "status");
    int wanted = (int)tree_number(tree, "spec.replicas", 0);
    return tree_number(status, "observedGeneration", 0) == tree_number(tree, "metadata.generation", 0) &&
           tree_number(status, "updatedReplicas", 0) == wanted &&
           tree_number(status, "replicas", 0) == wanted &&
           tree_number(status, "availableReplicas", 0) == wanted;
}

struct census {
    int there, ready; /* of those that are not going away */
    int images[3];    /* of all: "a:1", "a:2", "a:3" */
};

static struct census take_census(struct fixture *f)
{
    struct object_place place = {0};
    const struct object_entry *entry;
    struct census census = {0};
    while ((entry = object_set_next(objects_of(f, &gvr_pods), &place))) {
        struct slice pod = object_bytes(entry->object), container = {0};
        struct json_cursor cursor = {0};
        assert_true(
            json_next_element(json_member(json_member(pod, "spec"), "containers"), &cursor, &container));
        struct slice image = json_member(container, "image");
        census.images[image.data[image.len - 1] - '1']++;
        bool over = pod_is_over(entry->object);
        census.there += !over;
        census.ready += !over && pod_is_ready(entry->object);
    }
    return census;
}

static void roll_within(struct fixture *f, int least_ready, int most)
{
    int fewest = INT_MAX, greatest = 0;
    set_image(f, "a:2");
    for (int steps = 0; !rolled_out(f); steps++) {
        struct census census = take_census(f);
        fewest = census.ready < fewest ? census.ready : fewest;
        greatest = census.there > greatest ? census.there : greatest;
        assert_in_range(steps, 0, 20000);
        loop_step(f->loop);
    }
    /* The bounds are kept, and made use of. */
    assert_int_equal(fewest, least_ready);
    assert_int_equal(greatest, most);
    pass(f, 1);
    assert_int_equal(take_census(f).images[1], 8);
    assert_int_equal(take_census(f).images[0], 0);
}

static void rolling_update_keeps_to_its_bounds(void **state)
{
    static const struct {
        const char *update;
        int least_ready, most;
    } cases[] = {
        {"{}", 6, 10}, /* a quarter each */
        {"{\"maxSurge\":0,\"maxUnavailable\":1}", 7, 8},
        {"{\"maxSurge\":3,\"maxUnavailable\":0}", 8, 11},
        {"{\"maxSurge\":\"10%\",\"maxUnavailable\":\"10%\"}", 8, 9}, /* rounded up, and down */
        {"{\"maxSurge\":0,\"maxUnavailable\":\"100%\"}", 0, 8},
    };
    (void)state;
    for (size_t i = 0; i < array_size(cases); i++) {
        struct fixture f;
        cleanup_free char *body =
            mem_printf("{\"spec\":{\"replicas\":8,\"strategy\":{\"rollingUpdate\":%s}}}", cases[i].update);
        start(&f, 0, 0);
        deploy(&f);
        patch(&f, body);
        pass(&f, 5);
        assert_true(rolled_out(&f));
        roll_within(&f, cases[i].least_ready, cases[i].most);
        stop(&f);
    }
}

static void recreate_ends_the_old_before_it_starts_the_new(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    patch(&f, "{\"spec\":{\"strategy\":{\"type\":\"Recreate\",\"rollingUpdate\":null}}}");
    pass(&f, 5);
    set_image(&f, "a:2");
    for (int steps = 0; !rolled_out(&f); steps++) {
        struct census census = take_census(&f);
        assert_true(!census.images[0] || !census.images[1]);
        assert_in_range(steps, 0, 20000);
        loop_step(f.loop);
    }
    assert_int_equal(take_census(&f).images[1], 3);
    stop(&f);
}

static void paused_is_scaled_and_nothing_else(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    patch(&f, "{\"spec\":{\"paused\":true,\"replicas\":5}}");
    set_image(&f, "a:2");
    pass(&f, 5);
    assert_int_equal(take_census(&f).images[0], 5);
    assert_int_equal(count(&f, &gvr_replicasets, "default"), 1);
    cleanup_tree cJSON *paused = web(&f);
    const cJSON *progress = find_condition(tree_at(paused, "status"), "Progressing");
    assert_string_equal(tree_text(progress, "reason"), "DeploymentPaused");
    patch(&f, "{\"spec\":{\"paused\":null}}");
    pass(&f, 10);
    assert_true(rolled_out(&f));
    assert_int_equal(take_census(&f).images[1], 5);
    cleanup_tree cJSON *resumed = web(&f);
    assert_true(condition_is(tree_at(resumed, "status"), "Progressing"));
    stop(&f);
}

/* "" where there is none of that image. */
static int revision_of(struct fixture *f, const char *image)
{
    struct object_place place = {0};
    const struct object_entry *entry;
    while ((entry = object_set_next(objects_of(f, &gvr_replicasets), &place))) {
        struct slice bytes = object_bytes(entry->object);
        cleanup_tree cJSON *set = tree_parse(bytes.data, bytes.len);
        const cJSON *note = cJSON_GetObjectItemCaseSensitive(tree_at(set, "metadata.annotations"), REVISION);
        const cJSON *containers = tree_at(set, "spec.template.spec.containers");
        if (!strcmp(tree_text(containers->child, "image"), image))
            return cJSON_IsString(note) ? atoi(note->valuestring) : -1;
    }
    return 0;
}

static void revisions_count_what_was_asked_for_last(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    patch(&f, "{\"metadata\":{\"annotations\":{\"kubernetes.io/change-cause\":\"first\"}}}");
    pass(&f, 5);
    set_image(&f, "a:2");
    pass(&f, 10);
    assert_int_equal(revision_of(&f, "a:1"), 1);
    assert_int_equal(revision_of(&f, "a:2"), 2);
    set_image(&f, "a:1"); /* what undo does */
    pass(&f, 10);
    assert_int_equal(revision_of(&f, "a:1"), 3);
    assert_int_equal(revision_of(&f, "a:2"), 2);
    assert_int_equal(count(&f, &gvr_replicasets, "default"), 2);
    cleanup_tree cJSON *tree = web(&f);
    const cJSON *note = cJSON_GetObjectItemCaseSensitive(tree_at(tree, "metadata.annotations"), REVISION);
    assert_string_equal(cJSON_GetStringValue(note), "3");
    assert_int_equal(count_with(&f, &gvr_replicasets, "\"kubernetes.io/change-cause\":\"first\""), 2);
    stop(&f);
}

static void old_revisions_are_forgotten(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    patch(&f, "{\"spec\":{\"revisionHistoryLimit\":1}}");
    pass(&f, 5);
    set_image(&f, "a:2");
    pass(&f, 10);
    set_image(&f, "a:3");
    pass(&f, 10);
    assert_int_equal(revision_of(&f, "a:1"), 0);
    assert_int_equal(revision_of(&f, "a:2"), 2);
    assert_int_equal(revision_of(&f, "a:3"), 3);
    stop(&f);
}

static void rollout_that_gets_nowhere_has_failed(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    patch(&f, "{\"spec\":{\"progressDeadlineSeconds\":60}}");
    pass(&f, 100);
    assert_true(rolled_out(&f));
    patch(&f,
          "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"" POD_STARTS_AFTER "\":\"3600\"}}}}}");
    pass(&f, 50);
    cleanup_tree cJSON *at_work = web(&f);
    assert_true(condition_is(tree_at(at_work, "status"), "Progressing"));
    pass(&f, 15);
    cleanup_tree cJSON *failed = web(&f);
    const cJSON *progress = find_condition(tree_at(failed, "status"), "Progressing");
    assert_string_equal(tree_text(progress, "reason"), "ProgressDeadlineExceeded");
    assert_true(condition_is(tree_at(failed, "status"), "Available"));
    patch(&f, "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":null}}}}");
    pass(&f, 10);
    assert_true(rolled_out(&f));
    cleanup_tree cJSON *mended = web(&f);
    assert_true(condition_is(tree_at(mended, "status"), "Progressing"));
    stop(&f);
}

/* A pod counts when it has been ready for that long. */
static void readiness_has_to_last(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    patch(&f, "{\"spec\":{\"minReadySeconds\":30}}");
    set_image(&f, "a:2");
    pass(&f, 20);
    cleanup_tree cJSON *early = web(&f);
    assert_int_equal(tree_number(early, "status.readyReplicas", 0) > 0, true);
    assert_false(rolled_out(&f));
    pass(&f, 100);
    assert_true(rolled_out(&f));
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rolling_update_keeps_to_its_bounds),
        cmocka_unit_test(recreate_ends_the_old_before_it_starts_the_new),
        cmocka_unit_test(paused_is_scaled_and_nothing_else),
        cmocka_unit_test(revisions_count_what_was_asked_for_last),
        cmocka_unit_test(old_revisions_are_forgotten),
        cmocka_unit_test(rollout_that_gets_nowhere_has_failed),
        cmocka_unit_test(readiness_has_to_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
