#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/manifest.h"

static const struct manifest_rules rules = {.source_namespace = "cluster1", .default_namespace = "default"};

static struct object *make(const char *json)
{
    struct object *object;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    return object;
}

#define SOURCE(labels)                                                                                       \
    "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/"                                                        \
    "v1\",\"metadata\":{\"name\":\"nginx\",\"namespace\":\"cluster1\","                                      \
    "\"uid\":\"u\",\"resourceVersion\":\"7\",\"generation\":3,\"creationTimestamp\":\"t\","                  \
    "\"ownerReferences\":[{\"x\":1}],"                                                                       \
    "\"labels\":{" labels "\"app\":\"web\"},\"annotations\":{\"note\":\"kept \\\"so\\\"\","                  \
    "\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\",\"deployment.kubernetes.io/"                \
    "revision\":\"1\","                                                                                      \
    "\"cluster.available.replicas/"                                                                          \
    "default\":\"2\"}},\"spec\":{\"replicas\":12345678901234567890},\"status\":{\"x\":1}}"

#define SELECTED "\"hub.transport-informer/resources\":\"\","

static void built(void **state)
{
    (void)state;
    struct object *source = make(SOURCE(SELECTED));
    struct buf out = BUF_INIT(1u << 20);
    assert_int_equal(manifest_build(source, "team/nginx", "store-1", true, &out), 0);
    assert_string_equal(
        out.data,
        "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"spec\":{\"replicas\":12345678901234567890},"
        "\"metadata\":{\"name\":\"nginx\",\"namespace\":\"team\",\"labels\":{\"app\":\"web\","
        "\"hub.transport-informer/managed-by\":\"transport-informer\"},\"annotations\":{"
        "\"note\":\"kept \\\"so\\\"\",\"hub.transport-informer/source\":\"cluster1/nginx\","
        "\"hub.transport-informer/target\":\"team/nginx\","
        "\"hub.transport-informer/store\":\"store-1\",\"hub.transport-informer/generation\":\"7\"}}}");
    struct manifest_owner owner = manifest_owner((struct slice){out.data, out.len});
    assert_true(owner.managed);
    assert_true(slice_equal(owner.source, "cluster1/nginx"));
    assert_true(slice_equal(owner.target, "team/nginx"));
    assert_true(slice_equal(owner.store, "store-1"));
    buf_deinit(&out);

    struct buf small = BUF_INIT(100);
    assert_int_equal(manifest_build(source, "team/nginx", "store-1", true, &small), BUF_E_LIMIT);
    buf_deinit(&small);
    object_unref(source);
}

static void cluster_scope_and_no_labels(void **state)
{
    (void)state;
    struct object *source = make("{\"kind\":\"X\",\"metadata\":{\"name\":\"x\"}}");
    char key[OBJECT_KEY_MAX];
    assert_int_equal(manifest_target(&rules, source, key), 0);
    assert_string_equal(key, "x");
    struct buf out = BUF_INIT(1u << 20);
    assert_int_equal(manifest_build(source, key, "s", false, &out), 0);
    struct object *object = make(out.data);
    assert_string_equal(object_key(object), "x");
    object_unref(object);
    object_unref(source);
    buf_deinit(&out);
}

static void wanted(void **state)
{
    (void)state;
    const struct manifest_rules other = {.source_namespace = "cluster2", .default_namespace = "default"};
    const struct manifest_rules all = {.all = true, .default_namespace = "default"};
    struct object *selected = make(SOURCE(SELECTED)), *plain = make(SOURCE(""));
    assert_true(manifest_wanted(&rules, selected));
    assert_false(manifest_wanted(&rules, plain));
    assert_false(manifest_wanted(&other, selected));
    assert_true(manifest_wanted(&all, plain));
    object_unref(selected);
    object_unref(plain);
}

static void target_namespace(void **state)
{
    (void)state;
    char key[OBJECT_KEY_MAX];
    struct object *plain = make(SOURCE(SELECTED));
    struct object *named = make(SOURCE("\"hub.transport-informer/target-namespace\":\"team-a\","));
    struct object *wrong = make(SOURCE("\"hub.transport-informer/target-namespace\":\"Team_A\","));
    assert_int_equal(manifest_target(&rules, plain, key), 0);
    assert_string_equal(key, "default/nginx");
    assert_int_equal(manifest_target(&rules, named, key), 0);
    assert_string_equal(key, "team-a/nginx");
    assert_int_equal(manifest_target(&rules, wrong, key), 1);
    object_unref(plain);
    object_unref(named);
    object_unref(wrong);
}

static void store_ids(void **state)
{
    (void)state;
    assert_true(manifest_store_id_valid("6f1c9a52-0e5f-4d0e-b7a5-1f6f2f3f4f5f"));
    assert_false(manifest_store_id_valid(NULL));
    assert_false(manifest_store_id_valid(""));
    assert_false(manifest_store_id_valid("a\"b"));
    assert_false(manifest_store_id_valid("a b"));
}

static uint64_t print(const char *object)
{
    const char *manifest = "{\"metadata\":{\"labels\":{\"a\":\"1\"},\"annotations\":{\"b\":\"2\"}}}";
    return manifest_fingerprint((struct slice){object, strlen(object)},
                                (struct slice){manifest, strlen(manifest)});
}

#define OBJECT(version, labels, annotations, spec, status)                                                   \
    "{\"kind\":\"D\",\"apiVersion\":\"v\",\"metadata\":{\"resourceVersion\":\"" version                      \
    "\",\"labels\":{" labels "},\"annotations\":{" annotations "}},\"spec\":" spec ",\"status\":" status "}"

static void fingerprint(void **state)
{
    (void)state;
    uint64_t base = print(OBJECT("1", "\"a\":\"1\"", "\"b\":\"2\"", "{\"x\":1}", "{}"));
    assert_true(base == print(OBJECT("2", "\"a\":\"1\"", "\"b\":\"2\"", "{\"x\":1}", "{\"ready\":1}")));
    assert_true(base ==
                print(OBJECT("2", "\"a\":\"1\",\"z\":\"9\"", "\"b\":\"2\",\"y\":\"8\"", "{\"x\":1}", "{}")));
    assert_true(base != print(OBJECT("1", "\"a\":\"3\"", "\"b\":\"2\"", "{\"x\":1}", "{}")));
    assert_true(base != print(OBJECT("1", "", "\"b\":\"2\"", "{\"x\":1}", "{}")));
    assert_true(base != print(OBJECT("1", "\"a\":\"1\"", "\"b\":\"3\"", "{\"x\":1}", "{}")));
    assert_true(base != print(OBJECT("1", "\"a\":\"1\"", "\"b\":\"2\"", "{\"x\":2}", "{}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built),     cmocka_unit_test(cluster_scope_and_no_labels),
        cmocka_unit_test(wanted),    cmocka_unit_test(target_namespace),
        cmocka_unit_test(store_ids), cmocka_unit_test(fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
