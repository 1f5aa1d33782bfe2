/* What is shown of what an informer has, and when "once" is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "informer/once.h"
#include "provider/provider.h"
#include "tests/support/line.h"

struct fixture {
    struct line line;
    struct selection_options selection;
    struct provider *provider;
    struct viewer_options options;
    struct printer *printer;
    struct viewer *viewer;
    struct once *once;
    FILE *out;
    size_t done;
    int code;
    char text[700], seen[4096];
};

/* The viewer is made by each test, after the line; until then nothing is told, since no time passes. */
static bool on_wanted(void *arg, const char *cluster, const struct gvr *gvr)
{
    return viewer_wanted(((struct fixture *)arg)->viewer, cluster, gvr);
}

static void on_replica(void *arg, struct informer_replica *replica)
{
    viewer_replica(((struct fixture *)arg)->viewer, replica);
}

static void on_synced(void *arg, struct informer_replica *replica)
{
    viewer_synced(((struct fixture *)arg)->viewer, replica);
}

static void on_heard(void *arg, struct informer_replica *replica)
{
    viewer_heard(((struct fixture *)arg)->viewer, replica);
}

static void on_cluster(void *arg, struct informer_cluster *cluster)
{
    viewer_cluster(((struct fixture *)arg)->viewer, cluster);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    viewer_dropped(((struct fixture *)arg)->viewer, replica);
}

static void on_done(void *arg, int code, const struct error *err)
{
    struct fixture *f = arg;
    f->done++;
    f->code = code;
    snprintf(f->text, sizeof(f->text), "%s", err ? err->text : "");
}

static int setup(void **state)
{
    static const struct informer_ops ops = {.wanted = on_wanted,
                                            .cluster = on_cluster,
                                            .replica = on_replica,
                                            .synced = on_synced,
                                            .stale = on_heard,
                                            .heard = on_heard,
                                            .dropped = on_dropped};
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open_told(&f->line, "cluster1", &ops, f);
    f->out = tmpfile();
    struct printer_config printer = {.fd = fileno(f->out), .format = PRINTER_JSON};
    f->printer = printer_create(f->line.loop, &printer);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    once_destroy(f->once);
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    informer_destroy(f->line.informer);
    f->line.informer = NULL;
    viewer_destroy(f->viewer);
    printer_destroy(f->printer);
    line_close(&f->line);
    fclose(f->out);
    free(f);
    return 0;
}

static void view(struct fixture *f, bool follow)
{
    struct error err = {0};
    assert_int_equal(viewer_create(&f->options, f->printer, follow, &f->viewer, &err), 0);
}

static void provide(struct fixture *f)
{
    struct provider_config config = {.loop = f->line.loop,
                                     .rest = line_rest(&f->line),
                                     .publisher = f->line.publisher,
                                     .selection = &f->selection};
    f->provider = provider_create(&config);
}

static void wait_for(struct fixture *f, int64_t expect, int64_t timeout_us, int64_t quiet_us)
{
    struct once_config config = {.loop = f->line.loop,
                                 .informer = f->line.informer,
                                 .viewer = f->viewer,
                                 .view = &f->options,
                                 .expect = expect,
                                 .timeout_us = timeout_us,
                                 .quiet_us = quiet_us,
                                 .done = on_done,
                                 .arg = f};
    f->once = once_create(&config);
}

/* The events of configmaps printed so far, each as "ADDED default/one web" with the label app. */
static void expect(struct fixture *f, const char *events)
{
    char line[8192];
    printer_flush(f->printer);
    rewind(f->out);
    f->seen[0] = '\0';
    while (fgets(line, sizeof(line), f->out)) {
        struct slice text = {line, strlen(line)};
        struct slice type = json_member(text, "type");
        struct slice meta = json_member(json_member(text, "object"), "metadata");
        if (!slice_equal(json_member(text, "resource"), "configmaps") || slice_equal(type, "SYNCED") ||
            slice_equal(type, "STALE"))
            continue;
        size_t len = strlen(f->seen);
        snprintf(f->seen + len, sizeof(f->seen) - len, "%.*s %.*s/%.*s %.*s;", SLICE_ARGS(type),
                 SLICE_ARGS(json_member(meta, "namespace")), SLICE_ARGS(json_member(meta, "name")),
                 SLICE_ARGS(json_member(json_member(meta, "labels"), "app")));
    }
    assert_string_equal(f->seen, events);
}

static void put(struct fixture *f, bool update, const char *namespace_, const char *name, const char *app)
{
    cleanup_free char *json = mem_printf("{'metadata':{'name':'%s','namespace':'%s','labels':{'app':'%s'}}}",
                                         name, namespace_, app);
    if (update)
        line_update(&f->line, &line_configmaps, false, "%s", json);
    else
        line_create(&f->line, &line_configmaps, "%s", json);
}

static void changes_are_shown_as_they_happen(void **state)
{
    struct fixture *f = *state;
    view(f, true);
    put(f, false, "default", "one", "web");
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    put(f, true, "default", "one", "db");
    line_run(&f->line, LOOP_SECOND);
    line_delete(&f->line, &line_configmaps, "default/one");
    line_run(&f->line, LOOP_SECOND);
    expect(f, "ADDED default/one web;MODIFIED default/one db;DELETED default/one db;");
}

/* What was printed of how fresh configmaps are, as "SYNCED;STALE silent;". */
static void expect_freshness(struct fixture *f, const char *lines)
{
    char line[8192];
    printer_flush(f->printer);
    rewind(f->out);
    f->seen[0] = '\0';
    while (fgets(line, sizeof(line), f->out)) {
        struct slice text = {line, strlen(line)}, type = json_member(text, "type");
        struct slice reason = json_member(json_member(text, "object"), "reason");
        if (!slice_equal(json_member(text, "resource"), "configmaps") || slice_equal(type, "ADDED"))
            continue;
        size_t len = strlen(f->seen);
        snprintf(f->seen + len, sizeof(f->seen) - len, "%.*s%s%.*s;", SLICE_ARGS(type), reason.len ? " " : "",
                 SLICE_ARGS(reason));
    }
    assert_string_equal(f->seen, lines);
}

static void what_turns_stale_is_said_and_what_is_fresh_again(void **state)
{
    struct fixture *f = *state;
    view(f, true);
    put(f, false, "default", "one", "web");
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    expect_freshness(f, "SYNCED;");
    apiserver_forbid(f->line.server, &line_configmaps, true);
    apiserver_restart(f->line.server);
    line_run(&f->line, 30 * LOOP_SECOND);
    expect_freshness(f, "SYNCED;STALE forbidden;");
    apiserver_forbid(f->line.server, &line_configmaps, false);
    line_run(&f->line, 300 * LOOP_SECOND);
    expect_freshness(f, "SYNCED;STALE forbidden;SYNCED;");
    loopback_cut(f->line.up);
    line_run(&f->line, 60 * LOOP_SECOND);
    expect_freshness(f, "SYNCED;STALE forbidden;SYNCED;STALE silent;");
    loopback_join(f->line.up);
    line_run(&f->line, 60 * LOOP_SECOND);
    expect_freshness(f, "SYNCED;STALE forbidden;SYNCED;STALE silent;SYNCED;");
}

static void what_stops_matching_is_shown_as_deleted(void **state)
{
    struct fixture *f = *state;
    char selector[] = "app=web";
    f->options.selector = selector;
    view(f, true);
    put(f, false, "default", "one", "web");
    put(f, false, "default", "two", "db");
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    put(f, true, "default", "one", "db");
    put(f, true, "default", "two", "web");
    line_run(&f->line, LOOP_SECOND);
    line_delete(&f->line, &line_configmaps, "default/one");
    line_run(&f->line, LOOP_SECOND);
    expect(f, "ADDED default/one web;DELETED default/one web;ADDED default/two web;");
}

static void namespace_and_resource_narrow(void **state)
{
    struct fixture *f = *state;
    char namespace_[] = "kube-system", resource[] = "cm", *resources[] = {resource};
    f->options.namespace_ = namespace_;
    f->options.resources = (struct option_list){resources, 1};
    view(f, true);
    put(f, false, "default", "one", "web");
    put(f, false, "kube-system", "two", "web");
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    expect(f, "ADDED kube-system/two web;");
    assert_null(line_replica(&f->line, &line_deployments)); /* not even asked for */
}

static void other_clusters_are_left_out(void **state)
{
    struct fixture *f = *state;
    char cluster[] = "cluster2", *clusters[] = {cluster};
    f->options.clusters = (struct option_list){clusters, 1};
    view(f, true);
    put(f, false, "default", "one", "web");
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    expect(f, "");
}

static void a_bad_selector_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char selector[] = "a in";
    f->options.selector = selector;
    assert_int_equal(viewer_create(&f->options, f->printer, true, &f->viewer, &err), EX_USAGE);
    assert_non_null(strstr(err.text, "--selector"));
}

static void once_prints_in_order_and_once(void **state)
{
    struct fixture *f = *state;
    view(f, false);
    put(f, false, "default", "b", "web");
    put(f, false, "default", "a", "web");
    provide(f);
    wait_for(f, 1, 60 * LOOP_SECOND, 0);
    line_run(&f->line, 70 * LOOP_SECOND);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->code, 0);
    expect(f, "ADDED default/a web;ADDED default/b web;");
}

static void once_without_a_number_waits_for_quiet(void **state)
{
    struct fixture *f = *state;
    view(f, false);
    put(f, false, "default", "a", "web");
    provide(f);
    wait_for(f, 0, 60 * LOOP_SECOND, 10 * LOOP_SECOND);
    line_run(&f->line, 8 * LOOP_SECOND);
    assert_int_equal(f->done, 0);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(f->done, 1);
    expect(f, "ADDED default/a web;");
}

static void once_names_what_is_missing(void **state)
{
    struct fixture *f = *state;
    view(f, false);
    provide(f);
    wait_for(f, 2, 20 * LOOP_SECOND, 0);
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->code, EX_TEMPFAIL);
    assert_string_equal(f->text, "1 of 2 clusters synced after 20 s: no other cluster was heard of");
    expect(f, "");
}

static void once_names_what_is_silent(void **state)
{
    struct fixture *f = *state;
    view(f, false);
    provide(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    loopback_cut(f->line.up);
    line_run(&f->line, 60 * LOOP_SECOND);
    wait_for(f, 1, 5 * LOOP_SECOND, 0);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(f->code, EX_TEMPFAIL);
    assert_string_equal(f->text, "0 of 1 clusters synced after 5 s: cluster1 is silent");
}

static void once_says_that_nobody_is_there(void **state)
{
    struct fixture *f = *state;
    view(f, false);
    publisher_destroy(f->line.publisher);
    f->line.publisher = NULL;
    transport_destroy(f->line.up);
    f->line.up = NULL;
    wait_for(f, 0, 5 * LOOP_SECOND, LOOP_SECOND);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(f->code, EX_TEMPFAIL);
    assert_non_null(strstr(f->text, "no cluster was heard of"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(changes_are_shown_as_they_happen),
        TEST(what_turns_stale_is_said_and_what_is_fresh_again),
        TEST(what_stops_matching_is_shown_as_deleted),
        TEST(namespace_and_resource_narrow),
        TEST(other_clusters_are_left_out),
        TEST(a_bad_selector_is_refused),
        TEST(once_prints_in_order_and_once),
        TEST(once_without_a_number_waits_for_quiet),
        TEST(once_names_what_is_missing),
        TEST(once_names_what_is_silent),
        TEST(once_says_that_nobody_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
