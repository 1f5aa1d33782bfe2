/* What provider and informer say of themselves: numbers for each stream, and whether they are ready. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "provider/provider.h"
#include "tests/support/line.h"
#include "tests/support/samples.h"

#define CONFIGMAPS "{cluster=\"cluster1\",resource=\"configmaps\",version=\"v1\""

struct fixture {
    struct line line;
    struct selection_options selection;
    char *name;
    struct provider *provider;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open(&f->line, "cluster1", NULL, NULL);
    f->name = mem_strdup("configmaps");
    f->selection.resources = (struct option_list){&f->name, 1};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    line_close(&f->line);
    free(f->name);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    struct provider_config config = {.loop = f->line.loop,
                                     .rest = line_rest(&f->line),
                                     .publisher = f->line.publisher,
                                     .selection = &f->selection};
    f->provider = provider_create(&config);
    line_run(&f->line, 5 * LOOP_SECOND);
}

static void put(struct fixture *f, const char *name)
{
    line_create(&f->line, &line_configmaps,
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'%s','namespace':'default'}}",
                name);
}

static double published(struct fixture *f, const char *series)
{
    struct metrics *metrics = metrics_create(1 << 20);
    provider_metrics(f->provider, "cluster1", metrics);
    publisher_metrics(f->line.publisher, metrics);
    double value = sample_of(metrics, series);
    metrics_destroy(metrics);
    return value;
}

static double followed(struct fixture *f, const char *series)
{
    struct metrics *metrics = metrics_create(1 << 20);
    assert_false(informer_metrics(f->line.informer, metrics, 0));
    double value = sample_of(metrics, series);
    metrics_destroy(metrics);
    return value;
}

static char *provider_wants(struct fixture *f)
{
    struct checks checks;
    checks_init(&checks);
    provider_ready(f->provider, &checks);
    return wanting_of(&checks);
}

static char *informer_wants(struct fixture *f)
{
    struct checks checks;
    checks_init(&checks);
    informer_ready(f->line.informer, &checks);
    return wanting_of(&checks);
}

static void each_stream_has_its_numbers_at_both_ends(void **state)
{
    struct fixture *f = *state;
    put(f, "zero");
    start(f);
    double objects = published(f, "transport_informer_stream_objects" CONFIGMAPS "}");
    double sent = published(f, "transport_informer_stream_bytes_total" CONFIGMAPS "}");
    double events = published(f, "transport_informer_stream_events_total" CONFIGMAPS "}");
    double seen = published(f, "transport_informer_reflector_events_total" CONFIGMAPS "}");
    double heard = followed(f, "transport_informer_replica_events_total" CONFIGMAPS "}");
    put(f, "one");
    put(f, "two");
    line_run(&f->line, 2 * LOOP_SECOND);
    assert_true(published(f, "transport_informer_stream_objects" CONFIGMAPS "}") == objects + 2);
    assert_true(published(f, "transport_informer_stream_events_total" CONFIGMAPS "}") == events + 2);
    assert_true(published(f, "transport_informer_stream_bytes_total" CONFIGMAPS "}") > sent);
    assert_true(published(f, "transport_informer_stream_ready" CONFIGMAPS "}") == 1);
    assert_true(published(f, "transport_informer_stream_pending_objects" CONFIGMAPS "}") == 0);
    assert_true(published(f, "transport_informer_stream_age_seconds" CONFIGMAPS "}") >= 0);
    assert_true(published(f, "transport_informer_stream_syncs_total" CONFIGMAPS ",answer=\"snapshot\"}") ==
                1);
    assert_true(published(f, "transport_informer_reflector_synced" CONFIGMAPS "}") == 1);
    assert_true(published(f, "transport_informer_reflector_events_total" CONFIGMAPS "}") == seen + 2);
    assert_true(published(f, "transport_informer_reflector_lists_total" CONFIGMAPS ",mode=\"pages\"}") +
                    published(f, "transport_informer_reflector_lists_total" CONFIGMAPS ",mode=\"stream\"}") ==
                1);

    assert_true(followed(f, "transport_informer_cluster_connected{cluster=\"cluster1\"}") == 1);
    assert_true(followed(f, "transport_informer_cluster_synced{cluster=\"cluster1\"}") == 1);
    assert_true(followed(f, "transport_informer_replica_objects" CONFIGMAPS "}") == objects + 2);
    assert_true(followed(f, "transport_informer_replica_events_total" CONFIGMAPS "}") == heard + 2);
    assert_true(followed(f, "transport_informer_replica_synced" CONFIGMAPS "}") == 1);
    assert_true(followed(f, "transport_informer_replica_lag_events" CONFIGMAPS "}") == 0);
    assert_true(
        followed(f, "transport_informer_replica_sync_answers_total" CONFIGMAPS ",answer=\"snapshot\"}") == 1);
    assert_true(followed(f, "transport_informer_replica_bytes_total" CONFIGMAPS "}") <=
                published(f, "transport_informer_stream_bytes_total" CONFIGMAPS "}"));
    assert_true(followed(f, "transport_informer_replica_messages_total" CONFIGMAPS "}") > 0);
    /* what has not happened is not said of each stream */
    assert_true(
        isnan(followed(f, "transport_informer_replica_dropped_total" CONFIGMAPS ",reason=\"foreign\"}")));
}

static bool lose_deltas(void *arg, const struct loopback_passage *passage)
{
    (void)arg;
    return passage->len > 0 && strstr(passage->topic, "configmaps");
}

/* Deltas are lost, and a heartbeat tells how many there are. */
static void lag_is_what_is_missing(void **state)
{
    struct fixture *f = *state;
    start(f);
    loopback_broker_set_faults(f->line.broker, &(struct loopback_faults){.lose_this = lose_deltas});
    for (int i = 0; i < 3; i++)
        put(f, (const char *[]){"a", "b", "c"}[i]);
    double lag = 0;
    for (int i = 0; i < 400 && !(lag > 0); i++) {
        line_run(&f->line, 100 * LOOP_MS);
        lag = followed(f, "transport_informer_replica_lag_events" CONFIGMAPS "}");
    }
    assert_true(lag == 3);
    loopback_broker_set_faults(f->line.broker, &(struct loopback_faults){0});
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_true(followed(f, "transport_informer_replica_lag_events" CONFIGMAPS "}") == 0);
    assert_true(followed(f, "transport_informer_replica_unfit_deltas_total" CONFIGMAPS ",reason=\"gap\"}") >=
                1);
}

static void age_grows_while_the_cluster_is_away(void **state)
{
    struct fixture *f = *state;
    start(f);
    local_set_refusing(f->line.local, true);
    local_cut(f->line.local);
    line_run(&f->line, 100 * LOOP_SECOND);
    assert_true(published(f, "transport_informer_stream_age_seconds" CONFIGMAPS "}") > 90);
    assert_true(followed(f, "transport_informer_replica_age_seconds" CONFIGMAPS "}") > 90);
    assert_true(published(f, "transport_informer_reflector_synced" CONFIGMAPS "}") == 0);
}

static void a_provider_is_ready_when_it_has_what_is_wanted(void **state)
{
    struct fixture *f = *state;
    local_set_refusing(f->line.local, true);
    start(f);
    cleanup_free char *first = provider_wants(f);
    assert_int_equal(strncmp(first, "discovery: ", 11), 0);
    local_set_refusing(f->line.local, false);
    line_run(&f->line, 60 * LOOP_SECOND);
    cleanup_free char *ready = provider_wants(f);
    assert_string_equal(ready, "");
    local_set_refusing(f->line.local, true);
    local_cut(f->line.local);
    line_run(&f->line, 20 * LOOP_SECOND);
    cleanup_free char *away = provider_wants(f);
    assert_int_equal(strncmp(away, "resources: 1 wanting, such as configmaps: ", 42), 0);
    local_set_refusing(f->line.local, false);
    line_run(&f->line, 60 * LOOP_SECOND);
    cleanup_free char *back = provider_wants(f);
    assert_string_equal(back, "");
}

static bool want_nothing(void *arg, const char *cluster, const struct gvr *gvr)
{
    (void)arg;
    (void)cluster;
    (void)gvr;
    return false;
}

static int setup_unwanted(void **state)
{
    static const struct informer_ops ops = {.wanted = want_nothing};
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open_told(&f->line, "cluster1", &ops, NULL);
    f->name = mem_strdup("configmaps");
    f->selection.resources = (struct option_list){&f->name, 1};
    *state = f;
    return 0;
}

static void what_nobody_wants_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    start(f);
    cleanup_free char *ready = provider_wants(f);
    assert_string_equal(ready, "");
    assert_true(published(f, "transport_informer_stream_ready" CONFIGMAPS "}") == 0);
}

static void assert_informer_wants(struct fixture *f, const char *expected)
{
    cleanup_free char *text = informer_wants(f);
    assert_string_equal(text, expected);
}

/* Deltas and answers. */
static bool lose_streams(void *arg, const struct loopback_passage *passage)
{
    (void)arg;
    return strstr(passage->topic, "/core/") != NULL;
}

static const struct loopback_faults losing = {.lose_this = lose_streams}, fair = {0};

static void an_informer_waits_for_a_while_to_hear_of_clusters(void **state)
{
    struct fixture *f = *state;
    assert_informer_wants(f, "clusters: none is heard yet");
    loopback_cut(f->line.up);
    line_run(&f->line, 2 * LOOP_SECOND);
    assert_informer_wants(f, "clusters: none is heard yet");
    line_run(&f->line, 2 * LOOP_SECOND);
    assert_informer_wants(f, "");
}

/* Not a heartbeat later. */
static void an_informer_is_ready_as_soon_as_all_is_there(void **state)
{
    struct fixture *f = *state;
    loopback_broker_set_faults(f->line.broker, &losing);
    start(f);
    assert_informer_wants(f, "clusters: 1 of 1 have not been synced yet: cluster1");
    loopback_broker_set_faults(f->line.broker, &fair);
    for (int i = 0; i < 100000 && !cluster_synced(line_cluster(&f->line)); i++)
        line_run(&f->line, LOOP_MS);
    assert_true(cluster_synced(line_cluster(&f->line)));
    assert_informer_wants(f, "");
}

/* It is served as stale then, which is better than not at all. */
static void what_was_whole_once_may_be_stale(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_informer_wants(f, "");
    loopback_broker_set_faults(f->line.broker, &losing);
    put(f, "one");
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_true(followed(f, "transport_informer_cluster_connected{cluster=\"cluster1\"}") == 1);
    assert_true(followed(f, "transport_informer_cluster_synced{cluster=\"cluster1\"}") == 0);
    assert_true(followed(f, "transport_informer_replica_synced" CONFIGMAPS "}") == 0);
    assert_informer_wants(f, "");
}

static void a_cluster_that_is_silent_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    loopback_broker_set_faults(f->line.broker, &losing);
    start(f);
    assert_informer_wants(f, "clusters: 1 of 1 have not been synced yet: cluster1");
    loopback_cut(f->line.up);
    line_run(&f->line, 120 * LOOP_SECOND);
    assert_true(followed(f, "transport_informer_cluster_connected{cluster=\"cluster1\"}") == 0);
    assert_informer_wants(f, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_stream_has_its_numbers_at_both_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(lag_is_what_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(age_grows_while_the_cluster_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_provider_is_ready_when_it_has_what_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_wants_is_not_waited_for, setup_unwanted, teardown),
        cmocka_unit_test_setup_teardown(an_informer_waits_for_a_while_to_hear_of_clusters, setup, teardown),
        cmocka_unit_test_setup_teardown(an_informer_is_ready_as_soon_as_all_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_whole_once_may_be_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cluster_that_is_silent_is_not_waited_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
