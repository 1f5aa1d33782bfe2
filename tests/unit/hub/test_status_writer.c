/* Available replicas, back to the source as annotations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "hub/status_writer.h"
#include "hub/workloads.h"
#include "tests/support/line.h"
#include "tests/support/steps.h"

#define NAME "cluster.available.replicas/"

/* The source is the line's API server, mirrored by workloads; the cluster is a store that the test fills. */
struct fixture {
    struct line line;
    struct workloads *workloads;
    struct store *cluster;
    struct status_writer *writer;
    const char *target; /* the namespace that what is there says it was put in; NULL: the one it is in */
};

static void put_namespace(struct fixture *f, const char *name)
{
    const struct gvr namespaces = {"", "v1", "namespaces"};
    line_create(&f->line, &namespaces, "{'metadata':{'name':'%s'}}", name);
}

static void put_source(struct fixture *f, const char *namespace_, const char *name, const char *annotations)
{
    line_create(&f->line, &line_deployments,
                "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'%s','namespace':'%s',"
                "'labels':{'hub.transport-informer/resources':''},'annotations':{%s}},'spec':{'selector':"
                "{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':"
                "[{'name':'c','image':'i'}]}}}}",
                name, namespace_, annotations);
}

/* A Deployment on cluster1. */
static void put_there(struct fixture *f, const char *namespace_, const char *store, const char *source,
                      int available)
{
    struct object *object;
    cleanup_free char *json =
        mem_printf("{\"metadata\":{\"name\":\"web\",\"namespace\":\"%s\",\"annotations\":{"
                   "\"hub.transport-informer/store\":\"%s\",\"hub.transport-informer/source\":\"%s\","
                   "\"hub.transport-informer/target\":\"%s/web\"}},\"status\":{\"availableReplicas\":%d}}",
                   namespace_, store, source, f->target ? f->target : namespace_, available);
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    store_put(f->cluster, object);
    object_unref(object);
}

/* The annotation at the source; "" where it is absent. */
static const char *written(struct fixture *f, const char *key, const char *name)
{
    static char text[64]; /* for assert_string_equal */
    struct object *object = apiserver_get_object(f->line.server, &line_deployments, key);
    assert_non_null(object);
    snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(json_member(object_annotations(object), name)));
    return text;
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open(&f->line, "hub", NULL, NULL);
    put_namespace(f, "cluster1");
    put_namespace(f, "cluster2");
    struct workloads_config workloads = {
        .loop = f->line.loop, .rest = line_rest(&f->line), .publisher = f->line.publisher};
    f->workloads = workloads_create(&workloads);
    f->cluster = store_create();
    struct status_writer_config writer = {.loop = f->line.loop,
                                          .rest = line_rest(&f->line),
                                          .source = workloads_source(f->workloads),
                                          .store_id = "s-1"};
    f->writer = status_writer_create(&writer);
    status_writer_attach(f->writer, "cluster1", f->cluster);
    status_writer_synced(f->writer, f->cluster, true);
    put_source(f, "cluster1", "web", "");
    line_run(&f->line, LOOP_SECOND);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    status_writer_destroy(f->writer);
    store_destroy(f->cluster);
    line_close_publisher(&f->line);
    workloads_destroy(f->workloads);
    line_close(&f->line);
    free(f);
    return 0;
}

static size_t writes(struct fixture *f)
{
    return status_writer_stats(f->writer)->written;
}

static void replicas_are_written_once_for_each_change(void **state)
{
    struct fixture *f = *state;
    put_there(f, "default", "s-1", "cluster1/web", 0);
    line_run(&f->line, LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/web", NAME "default"), "0");
    assert_int_equal(writes(f), 1);
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/web", NAME "default"), "2");
    assert_int_equal(writes(f), 2);
}

static void another_namespace_takes_the_place_of_the_first(void **state)
{
    struct fixture *f = *state;
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, LOOP_SECOND);
    store_delete(f->cluster, "default/web", false);
    put_there(f, "prod", "s-1", "cluster1/web", 1);
    line_run(&f->line, LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/web", NAME "default"), "");
    assert_string_equal(written(f, "cluster1/web", NAME "prod"), "1");
    assert_int_equal(writes(f), 2);
}

static void a_hub_that_was_away_catches_up(void **state)
{
    struct fixture *f = *state;
    put_source(f, "cluster1", "old", "'" NAME "default':'7','other':'x'");
    line_run(&f->line, LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/old", NAME "default"), "");
    assert_string_equal(written(f, "cluster1/old", "other"), "x");
}

static void what_is_not_known_is_not_written(void **state)
{
    struct fixture *f = *state;
    status_writer_synced(f->writer, f->cluster, false);
    put_source(f, "cluster1", "old", "'" NAME "default':'7'");
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(writes(f), 0);
    assert_string_equal(written(f, "cluster1/old", NAME "default"), "7");
    status_writer_synced(f->writer, f->cluster, true);
    line_run(&f->line, LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/web", NAME "default"), "2");
    assert_string_equal(written(f, "cluster1/old", NAME "default"), "");
}

static void a_cluster_reports_on_its_own_only(void **state)
{
    struct fixture *f = *state;
    struct store *other = store_create();
    status_writer_attach(f->writer, "cluster2", other);
    status_writer_synced(f->writer, other, true);
    put_source(f, "cluster2", "web", "");
    put_there(f, "a", "s-1", "cluster2/web", 3); /* of another cluster */
    put_there(f, "b", "s-2", "cluster1/web", 3); /* of another store */
    put_there(f, "c", "s-1", "cluster1/../web", 3);
    put_there(f, "d", "s-1", "cluster1/", 3);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(writes(f) + status_writer_stats(f->writer)->failed, 0);
    status_writer_detach(f->writer, other);
    store_destroy(other);
}

/* A copy of it in another namespace says the same of where it came from. */
static void a_copy_reports_nothing(void **state)
{
    struct fixture *f = *state;
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, LOOP_SECOND);
    f->target = "default";
    put_there(f, "mine", "s-1", "cluster1/web", 1);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(writes(f), 1);
}

static void a_source_that_is_away_gets_it_later(void **state)
{
    struct fixture *f = *state;
    local_set_refusing(f->line.local, true);
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_in_range(status_writer_stats(f->writer)->failed, 2, 10); /* tried again, with growing delay */
    local_set_refusing(f->line.local, false);
    line_run(&f->line, 90 * LOOP_SECOND);
    assert_string_equal(written(f, "cluster1/web", NAME "default"), "2");
}

static void what_is_deleted_at_the_source_is_let_go(void **state)
{
    struct fixture *f = *state;
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, LOOP_SECOND);
    line_delete(&f->line, &line_deployments, "cluster1/web");
    put_there(f, "default", "s-1", "cluster1/web", 1);
    line_run(&f->line, 5 * LOOP_SECOND);
    store_delete(f->cluster, "default/web", false);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(writes(f), 1);
}

static void an_end_in_mid_request_is_fine(void **state)
{
    struct fixture *f = *state;
    local_set_hanging(f->line.local, true);
    put_there(f, "default", "s-1", "cluster1/web", 2);
    line_run(&f->line, LOOP_SECOND);
    status_writer_detach(f->writer, f->cluster);
}

static uint64_t steps_to_attach(struct fixture *f, int clusters)
{
    enum { EACH = 10 };
    struct store *source = store_create(), **stores = mem_zalloc((size_t)clusters * sizeof(*stores));
    for (int i = 0; i < clusters * EACH; i++) {
        struct object *object;
        cleanup_free char *json =
            mem_printf("{\"metadata\":{\"name\":\"w%d\",\"namespace\":\"k%d\"}}", i, i % clusters);
        assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
        store_put(source, object);
        object_unref(object);
    }
    struct status_writer_config config = {
        .loop = f->line.loop, .rest = line_rest(&f->line), .source = source, .store_id = "s-1"};
    uint64_t before = steps;
    struct status_writer *writer = status_writer_create(&config);
    for (int i = 0; i < clusters; i++) {
        char name[16];
        snprintf(name, sizeof(name), "k%d", i);
        stores[i] = store_create();
        status_writer_attach(writer, name, stores[i]);
        status_writer_synced(writer, stores[i], true);
    }
    before = steps - before;
    status_writer_destroy(writer);
    for (int i = 0; i < clusters; i++)
        store_destroy(stores[i]);
    free(stores);
    store_destroy(source);
    return before;
}

/* A fleet that comes up: each cluster looks at its own workloads, not at those of all. */
static void many_clusters(void **state)
{
    assert_linear(steps_to_attach(*state, 250), steps_to_attach(*state, 1000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(replicas_are_written_once_for_each_change),
        TEST(another_namespace_takes_the_place_of_the_first),
        TEST(a_hub_that_was_away_catches_up),
        TEST(what_is_not_known_is_not_written),
        TEST(a_cluster_reports_on_its_own_only),
        TEST(a_copy_reports_nothing),
        TEST(a_source_that_is_away_gets_it_later),
        TEST(what_is_deleted_at_the_source_is_let_go),
        TEST(an_end_in_mid_request_is_fine),
        TEST(many_clusters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
