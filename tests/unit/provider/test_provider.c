/* What is mirrored of a cluster, and when that is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "provider/provider.h"
#include "tests/support/line.h"

struct fixture {
    struct line line;
    struct selection_options selection;
    char *names[8];
    struct provider *provider;
    struct log *log; /* NULL unless the test has one */
};

static void start(struct fixture *f)
{
    struct provider_config config = {.loop = f->line.loop,
                                     .rest = line_rest(&f->line),
                                     .publisher = f->line.publisher,
                                     .log = f->log,
                                     .selection = &f->selection};
    f->provider = provider_create(&config);
}

static void want(struct fixture *f, const char *name)
{
    struct option_list *resources = &f->selection.resources;
    resources->items = f->names;
    f->names[resources->count++] = mem_strdup(name);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open(&f->line, "cluster1", NULL, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    line_close(&f->line);
    for (size_t i = 0; i < array_size(f->names); i++)
        free(f->names[i]);
    free(f);
    return 0;
}

static bool is_complete(struct fixture *f)
{
    struct informer_cluster *cluster = line_cluster(&f->line);
    return cluster && cluster_synced(cluster);
}

static void without_names_it_is_the_default_set(void **state)
{
    struct fixture *f = *state;
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(is_complete(f));
    size_t defaults = 0;
    while (default_resources[defaults])
        defaults++;
    assert_int_equal(provider_feeds(f->provider), defaults);
    assert_null(line_replica(&f->line, &line_secrets));
}

static void names_are_those_of_kubectl(void **state)
{
    struct fixture *f = *state;
    want(f, "cm");
    want(f, "Deployment");
    want(f, "deployments.apps");
    want(f, "secrets");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(is_complete(f));
    assert_int_equal(provider_feeds(f->provider), 3);
    assert_non_null(line_replica(&f->line, &line_configmaps));
    assert_non_null(line_replica(&f->line, &line_deployments));
    assert_non_null(line_replica(&f->line, &line_secrets));
}

static void everything_is_all_but_secrets(void **state)
{
    struct fixture *f = *state;
    want(f, "*");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(is_complete(f));
    assert_true(provider_feeds(f->provider) > 13);
    assert_null(line_replica(&f->line, &line_secrets));
}

static void what_is_unknown_keeps_nothing_waiting(void **state)
{
    struct fixture *f = *state;
    want(f, "widgets.example.com");
    want(f, "configmaps");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(is_complete(f));
    assert_int_equal(provider_feeds(f->provider), 1);
    uint64_t before = local_started_calls(f->line.local);
    line_run(&f->line, 40 * LOOP_SECOND);
    assert_true(local_started_calls(f->line.local) > before); /* it is looked for again */
}

static void put_widget(struct fixture *f, const char *name)
{
    line_create(
        &f->line, &line_widgets,
        "{'apiVersion':'example.com/v1','kind':'Widget','metadata':{'name':'%s','namespace':'default'}}",
        name);
}

static void a_definition_may_come_later_go_and_return(void **state)
{
    struct fixture *f = *state;
    want(f, "widgets.example.com");
    start(f);
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_true(is_complete(f));
    line_create_crd(&f->line);
    put_widget(f, "one");
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_int_equal(line_count(&f->line, &line_widgets), 1);
    for (int i = 0; i < 5; i++) {
        line_delete(&f->line, &line_crds, "widgets.example.com");
        line_run(&f->line, 600 * LOOP_SECOND);
        assert_null(line_replica(&f->line, &line_widgets));
        line_create_crd(&f->line);
        put_widget(f, "two");
        line_run(&f->line, 22 * LOOP_SECOND); /* sooner than the feed itself would try */
        assert_int_equal(line_count(&f->line, &line_widgets), 1);
    }
    assert_int_equal(provider_feeds(f->provider), 1);
}

static const char *short_names(struct fixture *f)
{
    static struct names names;
    replica_names(line_replica(&f->line, &line_widgets), &names);
    return names.short_names;
}

static void rename_widgets(struct fixture *f, const char *short_name)
{
    line_update(&f->line, &line_crds, false,
                "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition',"
                "'metadata':{'name':'widgets.example.com'},'spec':{'group':'example.com',"
                "'names':{'plural':'widgets','singular':'widget','kind':'Widget','listKind':'WidgetList','"
                "shortNames':['%s']},"
                "'scope':'Namespaced','versions':[{'name':'v1','served':true,'storage':true,"
                "'schema':{'openAPIV3Schema':{'type':'object','x-kubernetes-preserve-unknown-fields':true}}}]"
                "}}",
                short_name);
}

/* Where definitions are shared, what comes and changes is told at once, and nothing is asked for in between.
 */
static void a_definition_that_is_shared_is_followed(void **state)
{
    struct fixture *f = *state;
    want(f, "*");
    start(f);
    line_run(&f->line, 200 * LOOP_SECOND);
    uint64_t before = local_started_calls(f->line.local);
    line_run(&f->line, 300 * LOOP_SECOND);
    assert_true(local_started_calls(f->line.local) - before < 30); /* watches end and begin again */
    line_create_crd(&f->line);
    line_run(&f->line, 6 * LOOP_SECOND);
    assert_non_null(line_replica(&f->line, &line_widgets));
    assert_string_equal(short_names(f), "");
    line_run(&f->line, 10 * LOOP_SECOND);
    rename_widgets(f, "wd");
    line_run(&f->line, 6 * LOOP_SECOND);
    assert_string_equal(short_names(f), "wd");
    line_delete(&f->line, &line_crds, "widgets.example.com");
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_null(line_replica(&f->line, &line_widgets));
}

static void define_gadgets_as_widgets(struct fixture *f)
{
    line_create(&f->line, &line_crds,
                "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition',"
                "'metadata':{'name':'widgets.example.com'},'spec':{'group':'example.com',"
                "'names':{'plural':'widgets','singular':'widget','kind':'Gadget','listKind':'GadgetList'},"
                "'scope':'Cluster','versions':[{'name':'v1','served':true,'storage':true,"
                "'schema':{'openAPIV3Schema':{'type':'object','x-kubernetes-preserve-unknown-fields':true}}}]"
                "}}");
    line_create(&f->line, &line_widgets,
                "{'apiVersion':'example.com/v1','kind':'Gadget','metadata':{'name':'two'}}");
}

static void assert_gadgets(struct fixture *f)
{
    struct informer_replica *replica = line_replica(&f->line, &line_widgets);
    assert_non_null(replica);
    assert_string_equal(replica_kind(replica), "Gadget");
    assert_false(replica_namespaced(replica));
    assert_true(replica_synced(replica));
    assert_int_equal(store_count(replica_store(replica)), 1);
    struct object *two = store_get(replica_store(replica), "two");
    assert_non_null(two);
    assert_non_null(memmem(object_bytes(two).data, object_bytes(two).len, "\"Gadget\"", 8));
}

static void under_the_same_name_another_kind(struct fixture *f, const char *wanted, bool unheard,
                                             int64_t pause_us)
{
    want(f, wanted);
    start(f);
    line_create_crd(&f->line);
    put_widget(f, "one");
    line_run(&f->line, 100 * LOOP_SECOND);
    assert_string_equal(replica_kind(line_replica(&f->line, &line_widgets)), "Widget");
    if (unheard)
        loopback_cut(f->line.down);
    line_delete(&f->line, &line_crds, "widgets.example.com");
    line_run(&f->line, pause_us);
    define_gadgets_as_widgets(f);
    line_run(&f->line, 700 * LOOP_SECOND); /* as often as names are looked up */
    if (unheard)
        loopback_join(f->line.down);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_gadgets(f);
}

static void another_kind_at_once_is_another_stream(void **state)
{
    struct fixture *f = *state;
    under_the_same_name_another_kind(f, "*", false, 0);
    assert_int_equal(f->line.drops, 1); /* what was there has ended */
}

static void another_kind_later_is_another_stream(void **state)
{
    under_the_same_name_another_kind(*state, "widgets.example.com", false, 300 * LOOP_SECOND);
}

static void another_kind_is_noticed_by_who_was_away(void **state)
{
    under_the_same_name_another_kind(*state, "*", true, 0);
}

static void another_kind_is_noticed_where_definitions_are_not_shared(void **state)
{
    under_the_same_name_another_kind(*state, "widgets.example.com", true, 0);
}

static void names_that_change_are_told_in_time(void **state)
{
    struct fixture *f = *state;
    want(f, "widgets.example.com");
    line_create_crd(&f->line);
    start(f);
    line_run(&f->line, 30 * LOOP_SECOND);
    rename_widgets(f, "wd");
    line_run(&f->line, 800 * LOOP_SECOND);
    assert_string_equal(short_names(f), "wd");
}

static void what_is_forbidden_keeps_nothing_waiting(void **state)
{
    struct fixture *f = *state;
    apiserver_forbid(f->line.server, &line_configmaps, true);
    start(f);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_true(is_complete(f));
    assert_int_equal(replica_state(line_replica(&f->line, &line_configmaps)), STREAM_FORBIDDEN);
    assert_true(replica_synced(line_replica(&f->line, &line_deployments)));
}

static void nothing_is_complete_while_the_server_is_away(void **state)
{
    struct fixture *f = *state;
    local_set_refusing(f->line.local, true);
    start(f);
    line_run(&f->line, 300 * LOOP_SECOND);
    assert_false(is_complete(f));
    local_set_refusing(f->line.local, false);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_true(is_complete(f));
}

/* Discovery has ended, and the lists do not come. */
static void nothing_is_complete_before_the_lists_are_there(void **state)
{
    struct fixture *f = *state;
    start(f);
    while (provider_feeds(f->provider) == 0)
        loop_step(f->line.loop);
    local_set_hanging(f->line.local, true);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_false(is_complete(f));
    local_set_hanging(f->line.local, false);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_true(is_complete(f));
}

/* ---- streams that are not there ---- */

static int why_absent(struct fixture *f, const struct gvr *gvr, int64_t us)
{
    int reason = provider_absent(f->provider, "all", gvr);
    for (int64_t end = loop_now_us(f->line.loop) + us; !reason && loop_now_us(f->line.loop) < end;) {
        line_run(&f->line, LOOP_SECOND);
        reason = provider_absent(f->provider, "all", gvr);
    }
    return reason;
}

static void what_the_cluster_does_not_have_is_gone(void **state)
{
    struct fixture *f = *state;
    want(f, "configmaps");
    start(f);
    assert_int_equal(provider_absent(f->provider, "all", &line_widgets), 0); /* nothing is known yet */
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(why_absent(f, &line_widgets, 5 * LOOP_SECOND), 0); /* asked once is not enough */
    assert_int_equal(why_absent(f, &line_widgets, 10 * LOOP_SECOND), END_GONE);
    assert_int_equal(provider_absent(f->provider, "cluster2", &line_widgets), 0);
    line_create_crd(&f->line);
    line_run(&f->line, 300 * LOOP_SECOND);
    assert_int_equal(why_absent(f, &line_widgets, 20 * LOOP_SECOND), END_REVOKED);
}

static void what_is_not_shared_is_revoked(void **state)
{
    struct fixture *f = *state;
    want(f, "configmaps");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(why_absent(f, &line_secrets, 5 * LOOP_SECOND), END_REVOKED);
    assert_int_equal(why_absent(f, &line_configmaps, 60 * LOOP_SECOND), 0);
}

static void what_may_be_shared_is_not_revoked(void **state)
{
    struct fixture *f = *state;
    want(f, "*");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_int_equal(why_absent(f, &line_secrets, 60 * LOOP_SECOND), 0);
}

static void doubt_says_nothing(void **state)
{
    struct fixture *f = *state;
    want(f, "configmaps");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    local_set_refusing(f->line.local, true);
    assert_int_equal(why_absent(f, &line_widgets, 120 * LOOP_SECOND), 0);
    assert_int_equal(why_absent(f, &line_secrets, 120 * LOOP_SECOND), 0);
    local_set_refusing(f->line.local, false);
    assert_int_equal(why_absent(f, &line_widgets, 60 * LOOP_SECOND), END_GONE);
}

/* Whoever asks for one thing after another does not have the API server asked for all of it. */
static void questions_are_bounded(void **state)
{
    struct fixture *f = *state;
    want(f, "configmaps");
    start(f);
    line_run(&f->line, 5 * LOOP_SECOND);
    uint64_t before = local_started_calls(f->line.local);
    for (int i = 0; i < 1000; i++) {
        struct gvr gvr;
        char name[32];
        snprintf(name, sizeof(name), "things%d", i);
        assert_int_equal(gvr_set(&gvr, "example.com", "v1", name), 0);
        provider_absent(f->provider, "all", &gvr);
    }
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_in_range(local_started_calls(f->line.local) - before, 32, 32 * 2 * 3);
}

static void options_are_checked(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char selector[] = "app=(", path[] = "..", *paths[] = {path};
    assert_int_equal(provider_check(&f->selection, &err), 0);
    f->selection.selector = selector;
    assert_int_equal(provider_check(&f->selection, &err), EX_USAGE);
    assert_non_null(strstr(err.text, "--selector"));
    f->selection.selector = NULL;
    f->selection.drop_fields = (struct option_list){paths, 1};
    assert_int_equal(provider_check(&f->selection, &err), EX_USAGE);
    assert_non_null(strstr(err.text, "--drop-field"));
}

struct told {
    struct log log;
    char *text;
    size_t len;
};

static void start_telling(struct fixture *f, struct told *told)
{
    *told = (struct told){.log = {.level = LOG_LEVEL_INFO}};
    told->log.out = open_memstream(&told->text, &told->len);
    f->log = &told->log;
    start(f);
    line_run(&f->line, 20 * LOOP_SECOND);
    assert_true(is_complete(f));
}

static void stop_telling(struct fixture *f, struct told *told)
{
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    f->provider = NULL;
    fclose(told->log.out);
    free(told->text);
}

static size_t count_of(struct told *told, const char *words)
{
    size_t count = 0;
    fflush(told->log.out);
    for (const char *at = told->text; (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void outage(struct fixture *f, int64_t away_us, int64_t back_us)
{
    local_set_refusing(f->line.local, true);
    local_cut(f->line.local);
    line_run(&f->line, away_us);
    local_set_refusing(f->line.local, false);
    line_run(&f->line, back_us);
}

/* Within a second, and not with the next heartbeat; whoever is listed anew is not doubted. */
static void an_api_server_that_is_silent_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    start(f);
    line_run(&f->line, 20 * LOOP_SECOND);
    struct informer_replica *replica = line_replica(&f->line, &line_configmaps);
    assert_true(replica_synced(replica));
    for (int i = 0; i < 2; i++) {
        provider_silent(f->provider, true);
        line_run(&f->line, LOOP_SECOND);
        assert_false(replica_synced(replica));
        assert_true(cluster_alive(line_cluster(&f->line)));
        if (i == 0)
            provider_silent(f->provider, false);
        else
            outage(f, 120 * LOOP_SECOND, 120 * LOOP_SECOND);
        line_run(&f->line, LOOP_SECOND);
        assert_true(replica_synced(replica));
    }
}

/* One line when it goes, one when it is back, however many resources there are. */
static void an_outage_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct told told;
    start_telling(f, &told);
    size_t before = count_of(&told, "\n");
    outage(f, 120 * LOOP_SECOND, 120 * LOOP_SECOND);
    const char *gone = strstr(told.text, "13 of 13 resources cannot be had: ");
    assert_int_equal(count_of(&told, "13 of 13 resources cannot be had: "), 1);
    assert_non_null(strstr(gone, "all resources can be had again"));
    assert_in_range(count_of(&told, "\n") - before, 2, 4);
    stop_telling(f, &told);
}

/* Some were back when it began, others were not yet. */
static void the_next_outage_is_told_too(void **state)
{
    struct fixture *f = *state;
    struct told told;
    start_telling(f, &told);
    outage(f, 120 * LOOP_SECOND, 20 * LOOP_SECOND);
    assert_int_equal(count_of(&told, "resources cannot be had: "), 1);
    assert_int_equal(count_of(&told, "all resources can be had again"), 0);
    outage(f, 120 * LOOP_SECOND, 120 * LOOP_SECOND);
    assert_in_range(count_of(&told, "resources cannot be had: "), 2, 5); /* they notice one by one */
    assert_int_equal(count_of(&told, "all resources can be had again"), 1);
    stop_telling(f, &told);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_names_it_is_the_default_set),
        TEST(names_are_those_of_kubectl),
        TEST(everything_is_all_but_secrets),
        TEST(what_is_unknown_keeps_nothing_waiting),
        TEST(a_definition_may_come_later_go_and_return),
        TEST(a_definition_that_is_shared_is_followed),
        TEST(another_kind_at_once_is_another_stream),
        TEST(another_kind_later_is_another_stream),
        TEST(another_kind_is_noticed_by_who_was_away),
        TEST(another_kind_is_noticed_where_definitions_are_not_shared),
        TEST(names_that_change_are_told_in_time),
        TEST(what_is_forbidden_keeps_nothing_waiting),
        TEST(nothing_is_complete_while_the_server_is_away),
        TEST(nothing_is_complete_before_the_lists_are_there),
        TEST(what_the_cluster_does_not_have_is_gone),
        TEST(what_is_not_shared_is_revoked),
        TEST(what_may_be_shared_is_not_revoked),
        TEST(doubt_says_nothing),
        TEST(questions_are_bounded),
        TEST(an_api_server_that_is_silent_is_told_at_once),
        TEST(an_api_server_that_is_silent_is_told_at_once),
        TEST(an_outage_is_told_once),
        TEST(the_next_outage_is_told_too),
        TEST(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
