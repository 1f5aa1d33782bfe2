/* Workloads by cluster: who gets a stream, what is in it, and when it may be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "hub/workloads.h"
#include "tests/support/line.h"

struct fixture {
    struct line line;
    struct workloads *workloads;
    bool doubt; /* the source has to be confirmed */
    size_t asked;
    size_t backs;
};

static void on_confirm(void *arg)
{
    ((struct fixture *)arg)->asked++;
}

static void on_went_back(void *arg)
{
    ((struct fixture *)arg)->backs++;
}

static void on_asked(void *arg, const char *informer)
{
    struct fixture *f = arg;
    if (f->workloads)
        workloads_asked(f->workloads, informer);
}

static void start(struct fixture *f)
{
    struct workloads_config config = {.loop = f->line.loop,
                                      .rest = line_rest(&f->line),
                                      .publisher = f->line.publisher,
                                      .audiences_max = 4,
                                      .confirm = f->doubt ? on_confirm : NULL,
                                      .went_back = on_went_back,
                                      .arg = f};
    f->workloads = workloads_create(&config);
}

static int setup(void **state)
{
    static const struct publisher_ops ops = {.asked = on_asked};
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open(&f->line, "hub", &ops, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    line_close_publisher(&f->line);
    workloads_destroy(f->workloads);
    line_close(&f->line);
    free(f);
    return 0;
}

static void put_deployment(struct fixture *f, bool update, const char *namespace_, const char *labels,
                           const char *annotations, int replicas)
{
    cleanup_free char *json =
        mem_printf("{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'web','namespace':'%s',"
                   "'labels':{%s},'annotations':{%s}},'spec':{'replicas':%d,'selector':{'matchLabels':"
                   "{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':"
                   "[{'name':'c','image':'i'}]}}}}",
                   namespace_, labels, annotations, replicas);
    if (update)
        line_update(&f->line, &line_deployments, false, "%s", json);
    else
        line_create(&f->line, &line_deployments, "%s", json);
}

static void put_namespace(struct fixture *f, const char *name)
{
    const struct gvr namespaces = {"", "v1", "namespaces"};
    line_create(&f->line, &namespaces, "{'metadata':{'name':'%s'}}", name);
}

#define SELECTED "'hub.transport-informer/resources':''"

static struct object *arrived(struct fixture *f)
{
    struct informer_replica *replica = line_replica(&f->line, &line_deployments);
    return replica ? store_get(replica_store(replica), "viewer/web") : NULL;
}

static struct slice member(struct object *object, const char *first, const char *second)
{
    return json_member(json_member(object_bytes(object), first), second);
}

static void a_cluster_gets_what_is_in_its_namespace_and_labelled(void **state)
{
    struct fixture *f = *state;
    put_namespace(f, "viewer");
    put_namespace(f, "other");
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    put_deployment(f, false, "other", SELECTED, "", 2);
    put_deployment(f, false, "default", "", "", 2);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(line_count(&f->line, &line_deployments), 1);
    assert_true(slice_equal(member(arrived(f), "spec", "replicas"), "2"));
    put_deployment(f, true, "viewer", SELECTED, "", 3);
    line_run(&f->line, LOOP_SECOND);
    assert_true(slice_equal(member(arrived(f), "spec", "replicas"), "3"));
    put_deployment(f, true, "viewer", "", "", 3); /* no longer selected */
    line_run(&f->line, LOOP_SECOND);
    assert_int_equal(line_count(&f->line, &line_deployments), 0);
}

static void one_who_asks_learns_that_nothing_is_wanted(void **state)
{
    struct fixture *f = *state;
    start(f);
    line_run(&f->line, 10 * LOOP_SECOND);
    struct informer_replica *replica = line_replica(&f->line, &line_deployments);
    assert_non_null(replica);
    assert_true(replica_synced(replica));
    assert_int_equal(line_count(&f->line, &line_deployments), 0);
}

static void nothing_is_said_before_the_source_was_read(void **state)
{
    struct fixture *f = *state;
    put_namespace(f, "viewer");
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    local_set_hanging(f->line.local, true);
    start(f);
    line_run(&f->line, 20 * LOOP_SECOND);
    assert_false(workloads_synced(f->workloads));
    assert_int_equal(replica_state(line_replica(&f->line, &line_deployments)), STREAM_STARTING);
    assert_int_equal(informer_stats(f->line.informer)->syncs, 0);
    local_set_hanging(f->line.local, false);
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_true(workloads_synced(f->workloads));
    assert_non_null(arrived(f));
}

static void a_source_that_is_away_or_forbids_takes_nothing_back(void **state)
{
    struct fixture *f = *state;
    put_namespace(f, "viewer");
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    apiserver_forbid(f->line.server, &line_deployments, true);
    apiserver_restart(f->line.server);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_non_null(arrived(f));
    assert_int_equal(replica_state(line_replica(&f->line, &line_deployments)), STREAM_FORBIDDEN);
    assert_int_equal(f->line.drops, 0);
}

/* Another cluster answers in the source's place, with nothing in it: its lists take nothing away before it is
 * known which cluster that is. */
static void a_list_of_an_unknown_cluster_takes_nothing_back(void **state)
{
    struct fixture *f = *state;
    f->doubt = true;
    put_namespace(f, "viewer");
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(f->asked, 1);
    assert_null(arrived(f));
    workloads_confirmed(f->workloads);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_non_null(arrived(f));

    local_cut(f->line.local);
    line_delete(&f->line, &line_deployments, "viewer/web");
    apiserver_compact(f->line.server, apiserver_revision(f->line.server)); /* so that it lists again */
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_true(f->asked > 1);
    assert_non_null(arrived(f));
    workloads_confirmed(f->workloads);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_null(arrived(f));
}

/* The source is restored from a backup: what it has lost is not told as deleted. */
static void a_source_that_went_back_takes_nothing_back(void **state)
{
    struct fixture *f = *state;
    put_namespace(f, "viewer");
    uint64_t backup = apiserver_revision(f->line.server);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_non_null(arrived(f));
    assert_int_equal(apiserver_restore(f->line.server, backup), 0);
    line_run(&f->line, 120 * LOOP_SECOND);
    assert_int_equal(f->backs, 1);
    assert_non_null(arrived(f));
    put_deployment(f, false, "viewer", SELECTED, "", 7);
    line_run(&f->line, 120 * LOOP_SECOND);
    struct slice spec = json_member(object_bytes(arrived(f)), "spec");
    assert_true(slice_equal(json_member(spec, "replicas"), "2")); /* nor anything else of it */
}

/* First of all it has to be the same one. */
static void a_source_that_went_back_may_be_another_cluster(void **state)
{
    struct fixture *f = *state;
    f->doubt = true;
    put_namespace(f, "viewer");
    uint64_t backup = apiserver_revision(f->line.server);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    workloads_confirmed(f->workloads);
    put_deployment(f, false, "viewer", SELECTED, "", 2);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_null(arrived(f)); /* a watch that has just begun may be another cluster's */
    workloads_confirmed(f->workloads);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_non_null(arrived(f));
    assert_int_equal(apiserver_restore(f->line.server, backup), 0);
    line_run(&f->line, 120 * LOOP_SECOND);
    assert_int_equal(f->asked, 3); /* by the first list, the first watch's first event, and the list now */
    assert_int_equal(f->backs, 0);
    workloads_confirmed(f->workloads);
    assert_int_equal(f->backs, 1);
    line_run(&f->line, 120 * LOOP_SECOND);
    assert_non_null(arrived(f));
}

/* Status, versions and our own reports are no changes of a workload. */
static void what_is_not_for_the_cluster_causes_no_delta(void **state)
{
    struct fixture *f = *state;
    put_namespace(f, "viewer");
    put_deployment(f, false, "viewer", SELECTED, "'keep':'this'", 2);
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    uint64_t events = publisher_stats(f->line.publisher)->events;
    put_deployment(f, true, "viewer", SELECTED, "'cluster.available.replicas/default':'1','keep':'this'", 2);
    line_update(&f->line, &line_deployments, true,
                "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'web','namespace':'viewer'},"
                "'status':{'availableReplicas':1}}");
    line_run(&f->line, 2 * LOOP_SECOND);
    assert_int_equal(publisher_stats(f->line.publisher)->events, events);
    struct object *object = arrived(f);
    assert_true(slice_equal(json_member(object_annotations(object), "keep"), "this"));
    assert_null(json_member(object_annotations(object), "cluster.available.replicas/default").data);
    assert_null(json_member(object_bytes(object), "status").data);
}

static void names_that_are_no_clusters_get_no_stream(void **state)
{
    struct fixture *f = *state;
    start(f);
    line_run(&f->line, LOOP_SECOND);
    size_t catalogs = publisher_stats(f->line.publisher)->messages;
    workloads_asked(f->workloads, "hub");
    workloads_asked(f->workloads, "all");
    workloads_asked(f->workloads, "Not-A-Label");
    line_run(&f->line, LOOP_MS);
    assert_int_equal(publisher_stats(f->line.publisher)->messages, catalogs);
    for (int i = 0; i < 10; i++) { /* one who asks by many names is bounded */
        cleanup_free char *name = mem_printf("c%d", i);
        workloads_asked(f->workloads, name);
    }
    line_run(&f->line, LOOP_MS);
    assert_in_range(publisher_stats(f->line.publisher)->messages, catalogs + 1, catalogs + 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_cluster_gets_what_is_in_its_namespace_and_labelled),
        TEST(one_who_asks_learns_that_nothing_is_wanted),
        TEST(nothing_is_said_before_the_source_was_read),
        TEST(a_source_that_is_away_or_forbids_takes_nothing_back),
        TEST(a_list_of_an_unknown_cluster_takes_nothing_back),
        TEST(a_source_that_went_back_takes_nothing_back),
        TEST(a_source_that_went_back_may_be_another_cluster),
        TEST(what_is_not_for_the_cluster_causes_no_delta),
        TEST(names_that_are_no_clusters_get_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
