#ifndef TI_TESTS_APPLIER_FIXTURE_H
#define TI_TESTS_APPLIER_FIXTURE_H

/* An applier between a source store that the test fills, and a target that the test plays. Include after
 * cmocka.h. */

#include <stdio.h>
#include <string.h>

#include "agent/applier.h"
#include "base/buf.h"
#include "tests/unit/kube/fake_rest.h"

#define STORE "store-1"
#define TARGET "/apis/apps/v1/namespaces/default/deployments/"
#define SELECTED "\"hub.transport-informer/resources\":\"\""
#define TO(space)                                                                                            \
    "\"hub.transport-informer/resources\":\"\",\"hub.transport-informer/target-namespace\":\"" space "\""

struct fixture {
    struct loop *loop;
    struct fake_rest fake;
    struct attic *attic; /* of the applier's objects; NULL: none */
    struct store *source;
    struct applier *applier;
    struct rest_call *watch; /* the applier's own, of the target */
    int version;
    char condition[256]; /* the last that was told: "key condition" */
};

static inline void on_condition(void *arg, const char *key, enum applier_condition condition,
                                const char *reason)
{
    struct fixture *f = arg;
    (void)reason;
    snprintf(f->condition, sizeof(f->condition), "%s %s", key, applier_condition_text(condition));
}

static const struct applier_ops fixture_ops = {on_condition};

/* The source */

static inline void source_put(struct fixture *f, const char *name, const char *labels, const char *spec)
{
    char *json = mem_printf(
        "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":"
        "\"cluster1\",\"uid\":\"s-%s\",\"resourceVersion\":\"%d\",\"labels\":{%s}},\"spec\":%s,\"status\":{"
        "\"seen\":%d}}",
        name, name, f->version + 1, labels, spec, f->version + 1);
    f->version++;
    struct object *object;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    store_put(f->source, object);
    object_unref(object);
    free(json);
}

static inline void source_delete(struct fixture *f, const char *name, bool unseen)
{
    char key[256];
    snprintf(key, sizeof(key), "cluster1/%s", name);
    assert_int_equal(store_delete(f->source, key, unseen), STORE_DELETED);
}

/* A whole copy of this store, at this moment. */
static inline void source_synced(struct fixture *f, const char *store)
{
    char version[24];
    snprintf(version, sizeof(version), "%d", ++f->version);
    applier_source_synced(f->applier, store);
    applier_source_version(f->applier, version, true);
}

/* The target */

/* An object as the target has it. store NULL: not ours. */
static inline char *target_object(struct fixture *f, const char *key, const char *uid, const char *store,
                                  const char *spec, const char *status)
{
    const char *slash = strchr(key, '/');
    char ours[512] = "";
    if (store)
        snprintf(ours, sizeof(ours),
                 "\"labels\":{\"hub.transport-informer/managed-by\":\"transport-informer\"},\"annotations\":{"
                 "\"hub.transport-informer/source\":\"cluster1/%s\",\"hub.transport-informer/target\":\"%s\","
                 "\"hub.transport-informer/store\":\"%s\"},",
                 slash + 1, key, store);
    return mem_printf("{\"kind\":\"Deployment\",\"apiVersion\":\"apps/"
                      "v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"%.*s\",%s"
                      "\"uid\":\"%s\",\"resourceVersion\":\"%d\"},\"spec\":%s,\"status\":%s}",
                      slash + 1, (int)(slash - key), key, ours, uid, ++f->version, spec, status);
}

static inline void target_event(struct fixture *f, const char *type, const char *object)
{
    char *line = mem_printf("{\"type\":\"%s\",\"object\":%s}\n", type, object);
    fake_body(f->watch, line);
    free(line);
}

/* Something happens to an object of ours on the target. */
static inline void target_has(struct fixture *f, const char *type, const char *key, const char *uid,
                              const char *store, const char *spec, const char *status)
{
    char *object = target_object(f, key, uid, store, spec, status);
    target_event(f, type, object);
    free(object);
}

static inline void target_synced(struct fixture *f)
{
    fake_body(f->watch,
              "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\",\"annotations\":{"
              "\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    fake_run(&f->fake, LOOP_MS);
}

/* The next request, which must be this one. */
static inline struct rest_call *expect_call(struct fixture *f, const char *method, const char *path)
{
    struct rest_call *call = fake_next(&f->fake);
    if (strcmp(call->method, method) != 0)
        fail_msg("%s %s, not %s %s", call->method, call->path, method, path);
    fake_expect_path(call, path);
    return call;
}

static inline void expect_condition(struct fixture *f, const char *condition)
{
    assert_string_equal(f->condition, condition);
}

/* Answers an apply with the object that it made, and shows it in the watch. */
static inline void apply_ok(struct fixture *f, struct rest_call *call, const char *type, const char *key,
                            const char *uid, const char *spec)
{
    char *object = target_object(f, key, uid, STORE, spec, "{}");
    fake_answer(call, 200, object);
    target_event(f, type, object);
    free(object);
}

/* Brings one deployment down: looked for, applied, shown. */
static inline void deployed(struct fixture *f, const char *name)
{
    char path[256], key[256];
    snprintf(path, sizeof(path), TARGET "%s", name);
    snprintf(key, sizeof(key), "default/%s", name);
    source_put(f, name, SELECTED, "{\"replicas\":2}");
    fake_refuse(expect_call(f, "GET", path), 404, "NotFound", "not found");
    apply_ok(f, expect_call(f, "PATCH", path), "ADDED", key, "u-1", "{\"replicas\":2}");
    fake_quiet(&f->fake, 10 * LOOP_SECOND);
}

/* Life */

static inline void fixture_begin(struct fixture *f, struct applier_config *config)
{
    config->loop = f->loop;
    config->rest = &f->fake.rest;
    config->attic = f->attic;
    config->kind = "Deployment";
    config->source_namespace = "cluster1";
    gvr_set(&config->gvr, "apps", "v1", "deployments");
    f->applier = applier_create(config, &fixture_ops, f);
    applier_start(f->applier);
    applier_source_attach(f->applier, f->source);
    f->watch = fake_next(&f->fake);
    fake_expect_path(f->watch, "/apis/apps/v1/deployments");
    fake_expect_query(f->watch, "labelSelector", "hub.transport-informer%2Fmanaged-by%3Dtransport-informer");
    fake_headers(f->watch, 200, -1);
}

static inline struct fixture *fixture_make(void)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    fake_init(&f->fake, f->loop);
    f->source = store_create();
    f->version = 100;
    return f;
}

/* The target's watch is open, and has not told its initial events. */
static inline int setup_begun(void **state)
{
    struct fixture *f = fixture_make();
    fixture_begin(f, &(struct applier_config){0});
    *state = f;
    return 0;
}

/* Both sides synced, and empty. */
static inline int setup(void **state)
{
    setup_begun(state);
    struct fixture *f = *state;
    target_synced(f);
    source_synced(f, STORE);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    applier_destroy(f->applier);
    store_destroy(f->source);
    attic_destroy(f->attic);
    fake_deinit(&f->fake);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_BEGUN(name) cmocka_unit_test_setup_teardown(name, setup_begun, teardown)

#endif
