/* What belongs to what is gone, or going. */

#include "tests/unit/minicluster/cluster_fixture.h"

#define CONFIGMAPS "/api/v1/namespaces/default/configmaps"

static const struct gvr gvr_configmaps = {"", "v1", "configmaps"};

static char *uid_of(struct fixture *f, const struct gvr *gvr, const char *key)
{
    cleanup_tree cJSON *tree = cluster_read(f->cluster, gvr, key);
    assert_non_null(tree);
    return mem_strdup(tree_text(tree, "metadata.uid"));
}

static char *reference(const char *name, const char *uid, bool blocks)
{
    return mem_printf("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"%s\",\"uid\":\"%s\","
                      "\"blockOwnerDeletion\":%s}",
                      name, uid, blocks ? "true" : "false");
}

static void add(struct fixture *f, const char *name, const char *references, const char *finalizers)
{
    cleanup_free char *body =
        mem_printf("{\"metadata\":{\"name\":\"%s\",\"ownerReferences\":[%s],\"finalizers\":[%s]}}", name,
                   references, finalizers);
    assert_int_equal(call(f, "POST", CONFIGMAPS, body), 201);
}

static void add_owned(struct fixture *f, const char *name, const char *owner, bool blocks,
                      const char *finalizers)
{
    cleanup_free char *key = mem_printf("default/%s", owner), *uid = uid_of(f, &gvr_configmaps, key);
    cleanup_free char *references = reference(owner, uid, blocks);
    add(f, name, references, finalizers);
}

static bool there(struct fixture *f, const char *name)
{
    cleanup_free char *key = mem_printf("default/%s", name);
    return cluster_peek(f->cluster, &gvr_configmaps, key);
}

static void delete_by(struct fixture *f, const char *name, const char *policy)
{
    cleanup_free char *path = mem_printf(CONFIGMAPS "/%s", name);
    cleanup_free char *body = mem_printf("{\"propagationPolicy\":\"%s\"}", policy);
    assert_int_equal(call(f, "DELETE", path, body), 200);
}

static void release(struct fixture *f, const char *name)
{
    cleanup_free char *path = mem_printf(CONFIGMAPS "/%s", name);
    assert_int_equal(call(f, "PATCH", path, "{\"metadata\":{\"finalizers\":null}}"), 200);
}

static void background_goes_down_step_by_step(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add(&f, "a", "", "");
    add_owned(&f, "b", "a", true, "");
    add_owned(&f, "c", "b", true, "");
    delete_by(&f, "a", "Background");
    assert_false(there(&f, "a"));
    assert_true(there(&f, "b"));
    pass(&f, 1);
    assert_false(there(&f, "b"));
    assert_false(there(&f, "c"));
    stop(&f);
}

/* Down to what is held, three steps below. */
static void foreground_waits_for_those_that_block(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add(&f, "a", "", "");
    add_owned(&f, "b", "a", true, "");
    add_owned(&f, "c", "b", true, "\"example.com/held\"");
    add_owned(&f, "loose", "a", false, "\"example.com/held\"");
    delete_by(&f, "a", "Foreground");
    pass(&f, 2);
    assert_true(there(&f, "a"));
    assert_true(there(&f, "b"));
    assert_true(there(&f, "c"));
    release(&f, "c");
    pass(&f, 2);
    assert_false(there(&f, "c"));
    assert_false(there(&f, "b"));
    assert_false(there(&f, "a"));
    assert_true(there(&f, "loose")); /* it goes, too, but nobody waits for it */
    release(&f, "loose");
    assert_false(there(&f, "loose"));
    stop(&f);
}

static void foreground_of_a_deployment_waits_for_its_pods(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    deploy(&f);
    pass(&f, 5);
    assert_int_equal(call(&f, "DELETE", DEPLOYMENTS "/web", "{\"propagationPolicy\":\"Foreground\"}"), 200);
    for (int steps = 0; cluster_peek(f.cluster, &gvr_deployments, "default/web"); steps++) {
        assert_in_range(steps, 0, 20000);
        loop_step(f.loop);
    }
    assert_int_equal(count(&f, &gvr_pods, "default"), 0);
    assert_int_equal(count(&f, &gvr_replicasets, "default"), 0);
    stop(&f);
}

static size_t owners(struct fixture *f, const char *name)
{
    cleanup_free char *key = mem_printf("default/%s", name);
    cleanup_tree cJSON *tree = cluster_read(f->cluster, &gvr_configmaps, key);
    return (size_t)cJSON_GetArraySize(tree_at(tree, "metadata.ownerReferences"));
}

static void other_owner_keeps_it(void **state)
{
    static const char *const policies[] = {"Background", "Foreground"};
    (void)state;
    for (size_t i = 0; i < array_size(policies); i++) {
        struct fixture f;
        start(&f, 0, 0);
        add(&f, "a", "", "");
        add(&f, "b", "", "");
        cleanup_free char *x = uid_of(&f, &gvr_configmaps, "default/a");
        cleanup_free char *y = uid_of(&f, &gvr_configmaps, "default/b");
        cleanup_free char *first = reference("a", x, true), *second = reference("b", y, true);
        cleanup_free char *both = mem_printf("%s,%s", first, second);
        add(&f, "c", both, "");
        delete_by(&f, "a", policies[i]);
        pass(&f, 2);
        assert_false(there(&f, "a"));
        assert_true(there(&f, "c"));
        assert_int_equal(owners(&f, "c"), 1);
        delete_by(&f, "b", policies[i]);
        pass(&f, 2);
        assert_false(there(&f, "c"));
        stop(&f);
    }
}

static void orphan_has_no_owner(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add(&f, "a", "", "");
    add_owned(&f, "b", "a", true, "");
    delete_by(&f, "a", "Orphan");
    pass(&f, 1);
    assert_false(there(&f, "a"));
    assert_true(there(&f, "b"));
    assert_int_equal(owners(&f, "b"), 0);
    stop(&f);
}

/* Also where one of the same name is there; what is not known to be away keeps it. */
static void owner_that_never_was_has_nothing(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, 0, 0);
    add(&f, "a", "", "");
    cleanup_free char *none = reference("none", "11111111-1111-4111-8111-111111111111", false);
    cleanup_free char *other = reference("a", "11111111-1111-4111-8111-111111111111", false);
    add(&f, "b", none, "");
    add(&f, "c", other, "");
    add(&f, "d",
        "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\",\"name\":\"w\",\"uid\":"
        "\"11111111-1111-4111-8111-111111111111\"}",
        "");
    pass(&f, 1);
    assert_false(there(&f, "b"));
    assert_false(there(&f, "c"));
    assert_true(there(&f, "d"));
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_goes_down_step_by_step),
        cmocka_unit_test(foreground_waits_for_those_that_block),
        cmocka_unit_test(foreground_of_a_deployment_waits_for_its_pods),
        cmocka_unit_test(other_owner_keeps_it),
        cmocka_unit_test(orphan_has_no_owner),
        cmocka_unit_test(owner_that_never_was_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
