/* The feed: one resource from an API server to what an informer sees of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "provider/feed.h"
#include "tests/support/line.h"
#include "tests/unit/kube/fake_rest.h"

struct fixture {
    struct line line;
    struct feed *feed;
    size_t changes;
    bool always;
};

static void on_changed(void *arg, struct feed *feed)
{
    struct fixture *f = arg;
    assert_ptr_equal(feed, f->feed);
    f->changes++;
}

static void open_feed(struct fixture *f, const struct gvr *gvr, const char *kind, const char *api_version,
                      const struct option_list *drop)
{
    struct feed_config config = {.loop = f->line.loop,
                                 .rest = line_rest(&f->line),
                                 .publisher = f->line.publisher,
                                 .gvr = *gvr,
                                 .kind = kind,
                                 .api_version = api_version,
                                 .namespaced = true,
                                 .drop_fields = drop,
                                 .always = f->always};
    f->feed = feed_create(&config, on_changed, f);
    assert_non_null(f->feed);
    feed_start(f->feed);
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
    feed_destroy(f->feed);
    line_close(&f->line);
    free(f);
    return 0;
}

static void create(struct fixture *f, const char *name)
{
    line_create(
        &f->line, &line_configmaps,
        "{'metadata':{'name':'%s','namespace':'default','managedFields':[]},'data':{'a':'1','b':'2'}}", name);
}

static void objects_arrive_and_follow(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, LOOP_SECOND);
    assert_int_equal(feed_state(f->feed), REFLECTOR_SYNCED);
    assert_true(f->changes > 0);
    assert_int_equal(line_count(&f->line, &line_configmaps), 1);
    create(f, "two");
    line_delete(&f->line, &line_configmaps, "default/one");
    line_run(&f->line, LOOP_SECOND);
    struct informer_replica *replica = line_replica(&f->line, &line_configmaps);
    assert_true(replica_synced(replica));
    assert_non_null(store_get(replica_store(replica), "default/two"));
    assert_int_equal(line_count(&f->line, &line_configmaps), 1);
}

static void fields_are_cut(void **state)
{
    struct fixture *f = *state;
    char path[] = "data.a", *paths[] = {path};
    struct option_list drop = {paths, 1};
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", &drop);
    line_run(&f->line, LOOP_SECOND);
    struct slice bytes =
        object_bytes(store_get(replica_store(line_replica(&f->line, &line_configmaps)), "default/one"));
    assert_null(json_member(json_member(bytes, "metadata"), "managedFields").data);
    assert_true(slice_equal(json_member(bytes, "data"), "{\"b\":\"2\"}"));
    assert_true(slice_equal(json_member(bytes, "kind"), "ConfigMap"));
}

static void a_field_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[] = "..", *paths[] = {path};
    struct option_list drop = {paths, 1};
    struct feed_config config = {.loop = f->line.loop,
                                 .rest = line_rest(&f->line),
                                 .publisher = f->line.publisher,
                                 .gvr = line_configmaps,
                                 .kind = "ConfigMap",
                                 .api_version = "v1",
                                 .drop_fields = &drop};
    assert_null(feed_create(&config, NULL, NULL));
}

static void forbidden_keeps_the_objects_as_stale(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, LOOP_SECOND);
    apiserver_forbid(f->line.server, &line_configmaps, true);
    apiserver_restart(f->line.server);
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_int_equal(feed_state(f->feed), REFLECTOR_FORBIDDEN);
    assert_true(feed_reason(f->feed)[0] != '\0');
    struct informer_replica *replica = line_replica(&f->line, &line_configmaps);
    assert_int_equal(replica_state(replica), STREAM_FORBIDDEN);
    assert_false(replica_synced(replica));
    assert_int_equal(line_count(&f->line, &line_configmaps), 1);
    assert_int_equal(f->line.drops, 0);

    apiserver_forbid(f->line.server, &line_configmaps, false);
    create(f, "two");
    line_run(&f->line, 300 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    assert_int_equal(line_count(&f->line, &line_configmaps), 2);
}

static enum stream_state shown(struct fixture *f)
{
    return replica_state(line_replica(&f->line, &line_configmaps));
}

static void forbidden_from_the_start_keeps_nothing_waiting(void **state)
{
    struct fixture *f = *state;
    apiserver_forbid(f->line.server, &line_configmaps, true);
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    publisher_complete(f->line.publisher);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(shown(f), STREAM_FORBIDDEN);
    assert_true(cluster_synced(line_cluster(&f->line)));
    assert_false(replica_synced(line_replica(&f->line, &line_configmaps)));
}

static void silence_of_the_server_is_waited_for_a_while(void **state)
{
    struct fixture *f = *state;
    local_set_refusing(f->line.local, true);
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    publisher_complete(f->line.publisher);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(feed_state(f->feed), REFLECTOR_UNAVAILABLE);
    assert_int_equal(shown(f), STREAM_STARTING);
    assert_false(cluster_synced(line_cluster(&f->line)));
    line_run(&f->line, 25 * LOOP_SECOND);
    assert_int_equal(shown(f), STREAM_UNAVAILABLE);
    assert_true(cluster_synced(line_cluster(&f->line)));
}

/* The informer hears the age of the API server's last word, which grows while the server hangs. */
static void age_is_that_of_the_last_word(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 5 * LOOP_SECOND);
    local_set_hanging(f->line.local, true);
    line_run(&f->line, 20 * LOOP_SECOND);
    int64_t age_s = replica_freshness(line_replica(&f->line, &line_configmaps)).age_s;
    assert_in_range(age_s, 18, 26);
}

/* ---- interest ---- */

static uint64_t calls(const struct fixture *f)
{
    return local_started_calls(f->line.local);
}

/* The informer is away; what it holds, it holds. */
static void nobody_is_there(struct fixture *f)
{
    informer_farewell(f->line.informer);
    line_run(&f->line, LOOP_SECOND);
    loopback_cut(f->line.down);
}

static void what_nobody_wants_is_not_watched(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    loopback_cut(f->line.down);
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 600 * LOOP_SECOND);
    assert_int_equal(calls(f), 0);
    loopback_join(f->line.down);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    uint64_t before = calls(f);
    line_run(&f->line, 3600 * LOOP_SECOND); /* the leases are renewed */
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    assert_int_equal(f->line.drops, 0);
    assert_in_range(calls(f) - before, 0, 12); /* watches that end every 5 to 10 minutes */
}

static void what_is_always_wanted_is_watched(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    loopback_cut(f->line.down);
    f->always = true;
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 600 * LOOP_SECOND);
    assert_true(calls(f) > 0);
    assert_int_equal(store_count(feed_store(f->feed)), 1);
    loopback_join(f->line.down);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
}

static void interest_lapses_and_comes_back(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 600; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        create(f, name);
    }
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    nobody_is_there(f);
    line_run(&f->line, 40 * LOOP_SECOND);
    assert_int_equal(store_count(feed_store(f->feed)), 600); /* what is stopped is often started again */
    line_run(&f->line, 30 * LOOP_SECOND);
    assert_int_equal(store_count(feed_store(f->feed)), 0);
    uint64_t before = calls(f), equal = informer_stats(f->line.informer)->syncs_equal;
    line_run(&f->line, 600 * LOOP_SECOND);
    assert_int_equal(calls(f), before);
    assert_int_equal(line_count(&f->line, &line_configmaps), 600);

    line_delete(&f->line, &line_configmaps, "default/n1");
    create(f, "n1");
    loopback_join(f->line.down);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    assert_int_equal(informer_stats(f->line.informer)->syncs_equal, equal);
    nobody_is_there(f);
    line_run(&f->line, 120 * LOOP_SECOND);
    uint64_t events = informer_stats(f->line.informer)->events;
    loopback_join(f->line.down);
    line_run(&f->line, 5 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    assert_int_equal(informer_stats(f->line.informer)->syncs_equal, equal + 1);
    assert_int_equal(informer_stats(f->line.informer)->events, events);
}

/* A change that was never published must not be there later, nor one that came while nobody looked. */
static void what_was_pending_when_it_lapsed(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 5 * LOOP_SECOND);
    nobody_is_there(f);
    loopback_cut(f->line.up);
    create(f, "two");
    line_delete(&f->line, &line_configmaps, "default/one");
    line_run(&f->line, 120 * LOOP_SECOND);
    loopback_join(f->line.up);
    loopback_join(f->line.down);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_true(replica_synced(line_replica(&f->line, &line_configmaps)));
    assert_int_equal(line_count(&f->line, &line_configmaps), 1);
    assert_non_null(store_get(replica_store(line_replica(&f->line, &line_configmaps)), "default/two"));
}

static void freshness_travels(void **state)
{
    struct fixture *f = *state;
    char version[24];
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 5 * LOOP_SECOND);
    create(f, "two");
    line_run(&f->line, 5 * LOOP_SECOND);
    struct replica_freshness freshness = replica_freshness(line_replica(&f->line, &line_configmaps));
    snprintf(version, sizeof(version), "%llu", (unsigned long long)apiserver_revision(f->line.server));
    assert_string_equal(freshness.resource_version, version);
    assert_true(freshness.alive && freshness.synced);
    assert_int_equal(freshness.state, STREAM_ACTIVE);
    loopback_cut(f->line.up);
    create(f, "three");
    line_run(&f->line, 60 * LOOP_SECOND);
    freshness = replica_freshness(line_replica(&f->line, &line_configmaps));
    assert_string_equal(freshness.resource_version, version);
    assert_false(freshness.alive || freshness.synced);
}

/* Half-open: what we have is told to be old, until the watch is given up and begun anew. */
static void a_watch_that_says_nothing_is_begun_anew(void **state)
{
    struct fixture *f = *state;
    create(f, "one");
    open_feed(f, &line_configmaps, "ConfigMap", "v1", NULL);
    line_run(&f->line, 5 * LOOP_SECOND);
    local_set_hanging(f->line.local, true);
    line_run(&f->line, LOOP_SECOND);
    create(f, "two");
    line_run(&f->line, 100 * LOOP_SECOND);
    assert_in_range(replica_freshness(line_replica(&f->line, &line_configmaps)).age_s, 99, 110);
    uint64_t before = calls(f);
    line_run(&f->line, 900 * LOOP_SECOND);
    assert_true(calls(f) > before);
    local_set_hanging(f->line.local, false);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_int_equal(line_count(&f->line, &line_configmaps), 2);
    assert_in_range(replica_freshness(line_replica(&f->line, &line_configmaps)).age_s, 0, 65);
}

/* The API server of this test is played: the one in this process cannot lose a resource. */
static struct rest_call *stream_open(struct fake_rest *fake, const char *name)
{
    struct rest_call *stream = fake_next(fake);
    cleanup_free char *item = mem_printf(
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Widget\",\"apiVersion\":\"example.com/v1\",\"metadata\":"
        "{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"1\",\"resourceVersion\":\"5\"}}}\n",
        name);
    fake_expect_path(stream, "/apis/example.com/v1/widgets");
    fake_headers(stream, 200, -1);
    fake_body(stream, item);
    fake_body(stream,
              "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Widget\",\"apiVersion\":\"example.com/v1\","
              "\"metadata\":{\"resourceVersion\":\"5\",\"annotations\":"
              "{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    return stream;
}

static void answer_gone(struct fake_rest *fake, const struct feed *feed)
{
    while (feed_state(feed) != REFLECTOR_GONE) {
        struct rest_call *call = fake_next(fake);
        if (strcmp(call->path, "/apis") == 0)
            fake_answer(call, 200, "{\"kind\":\"APIGroupList\",\"groups\":[]}");
        else
            fake_refuse(call, 404, "NotFound", "not found");
    }
}

static void gone_takes_the_objects_away_and_a_return_is_a_new_stream(void **state)
{
    struct fixture *f = *state;
    struct fake_rest fake;
    struct feed_config config = {.loop = f->line.loop,
                                 .rest = &fake.rest,
                                 .publisher = f->line.publisher,
                                 .gvr = line_widgets,
                                 .kind = "Widget",
                                 .api_version = "example.com/v1",
                                 .namespaced = true};
    fake_init(&fake, f->line.loop);
    f->feed = feed_create(&config, on_changed, f);
    feed_start(f->feed);
    line_run(&f->line, LOOP_SECOND);
    struct rest_call *stream = stream_open(&fake, "w");
    line_run(&f->line, LOOP_SECOND);
    assert_int_equal(line_count(&f->line, &line_widgets), 1);

    fake_done(stream, REST_OK, "");
    answer_gone(&fake, f->feed);
    line_run(&f->line, LOOP_SECOND);
    assert_null(line_replica(&f->line, &line_widgets));
    assert_int_equal(f->line.drops, 1);
    assert_int_equal(store_count(feed_store(f->feed)), 0);

    stream_open(&fake, "x");
    line_run(&f->line, LOOP_SECOND);
    struct informer_replica *replica = line_replica(&f->line, &line_widgets);
    assert_non_null(replica);
    assert_true(replica_synced(replica));
    assert_non_null(store_get(replica_store(replica), "default/x"));
    assert_int_equal(line_count(&f->line, &line_widgets), 1);

    line_close_publisher(&f->line);
    feed_destroy(f->feed);
    f->feed = NULL;
    fake_deinit(&fake);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(objects_arrive_and_follow),
        TEST(fields_are_cut),
        TEST(a_field_that_is_none_is_refused),
        TEST(forbidden_keeps_the_objects_as_stale),
        TEST(forbidden_from_the_start_keeps_nothing_waiting),
        TEST(silence_of_the_server_is_waited_for_a_while),
        TEST(age_is_that_of_the_last_word),
        TEST(what_nobody_wants_is_not_watched),
        TEST(what_is_always_wanted_is_watched),
        TEST(interest_lapses_and_comes_back),
        TEST(what_was_pending_when_it_lapsed),
        TEST(freshness_travels),
        TEST(a_watch_that_says_nothing_is_begun_anew),
        TEST(gone_takes_the_objects_away_and_a_return_is_a_new_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
