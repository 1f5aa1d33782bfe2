/* Replicas as partitions: those that have much come and go in slices, and what was there is told before what
 * takes its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "hub/clusters.h"
#include "hub/fleet.h"
#include "provider/provider.h"
#include "tests/support/line.h"

#define OBJECTS 300
#define SLICE_MAX 64

struct fixture {
    struct line line;
    struct selection_options selection;
    struct provider *provider;
    struct store *other; /* of a stream beside those of the provider */
    struct storage storage;
    struct fleet *fleet;
    size_t commits, deleted; /* in this turn; of all */
    int wrong;               /* events of what was there already, or was not */
};

static void committed(void *arg, struct collection *collection, const struct event *event)
{
    struct fixture *f = arg;
    (void)collection;
    f->commits++;
    f->deleted += event->type == EVENT_DELETED;
    f->wrong += (event->type == EVENT_DELETED) !=
                !object_set_find(&event->partition->objects, object_key(event->object));
    f->wrong += event->type != EVENT_DELETED && event->old == event->object;
    f->wrong += event->type == EVENT_DELETED ? !event->old : event->type == EVENT_ADDED && event->old;
}

static int setup(void **state)
{
    static const struct informer_ops told = {0};
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open_told(&f->line, "cluster1", &told, f);
    f->selection.always = true;
    f->provider = provider_create(&(struct provider_config){.loop = f->line.loop,
                                                            .rest = line_rest(&f->line),
                                                            .publisher = f->line.publisher,
                                                            .selection = &f->selection});
    for (int i = 0; i < OBJECTS; i++)
        line_create(&f->line, &line_configmaps, "{'metadata':{'name':'map-%d','namespace':'default'}}", i);
    line_run(&f->line, 10 * LOOP_SECOND);
    f->other = store_create();
    storage_init(&f->storage, f->line.loop);
    f->storage.fleet = true;
    f->storage.committed = committed;
    f->storage.arg = f;
    f->fleet = fleet_create(f->line.loop, &f->storage);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fleet_destroy(f->fleet);
    storage_deinit(&f->storage);
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    line_close(&f->line);
    store_destroy(f->other);
    free(f);
    return 0;
}

static struct informer_replica *replica(struct fixture *f)
{
    return line_replica(&f->line, &line_configmaps);
}

static struct partition *partition(const struct fixture *f)
{
    const struct collection *collection = storage_find(&f->storage, "", "v1", "configmaps");
    return collection ? collection_find(collection, "cluster1") : NULL;
}

static size_t held(const struct fixture *f)
{
    return partition(f) ? partition(f)->objects.count : SIZE_MAX;
}

/* One turn, in which there was not too much to do. */
static void turn(struct fixture *f)
{
    f->commits = 0;
    loop_step(f->line.loop);
    assert_in_range(f->commits, 0, SLICE_MAX);
}

static void turns_until(struct fixture *f, size_t objects)
{
    for (int i = 0; i < 1000 && held(f) != objects; i++)
        turn(f);
    assert_int_equal(held(f), objects);
}

static void check_same(struct fixture *f)
{
    const struct store *store = replica_store(replica(f));
    assert_int_equal(held(f), store_count(store));
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        assert_ptr_equal(object_set_find(&partition(f)->objects, object_key(object))->object, object);
    assert_int_equal(f->wrong, 0);
    assert_string_equal(partition(f)->stale, "");
}

static void change(struct store *store, const char *key)
{
    struct object *object = NULL;
    cleanup_free char *json =
        mem_printf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"u\"}}",
                   strchr(key, '/') + 1);
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    store_put(store, object);
    object_unref(object);
}

static void what_is_there_comes_in_slices(void **state)
{
    struct fixture *f = *state;
    fleet_replica(f->fleet, replica(f));
    assert_int_equal(f->commits, 0);
    assert_string_equal(partition(f)->stale, PARTITION_NOT_WHOLE);
    turn(f);
    assert_in_range(held(f), 1, OBJECTS - 1);
    struct store *store = replica_store(replica(f));
    for (int i = 0; i < OBJECTS; i += 2) { /* some have come by now, some have not */
        cleanup_free char *key = mem_printf("default/map-%d", i);
        if (i % 4)
            store_delete(store, key, false);
        else
            change(store, key);
    }
    f->commits = 0;
    turns_until(f, store_count(store));
    turn(f);
    check_same(f);
}

static void what_goes_goes_in_slices(void **state)
{
    struct fixture *f = *state;
    fleet_replica(f->fleet, replica(f));
    line_run(&f->line, 10 * LOOP_SECOND);
    fleet_dropped(f->fleet, replica(f));
    assert_int_equal(held(f), store_count(replica_store(replica(f))));
    turns_until(f, SIZE_MAX);
    assert_int_equal(f->deleted, store_count(replica_store(replica(f))));
    assert_int_equal(f->wrong, 0);
}

/* Another cluster of the same name: its objects have the keys of those that go. */
static void who_takes_its_place_waits(void **state)
{
    struct fixture *f = *state;
    size_t all = store_count(replica_store(replica(f)));
    fleet_replica(f->fleet, replica(f));
    line_run(&f->line, 10 * LOOP_SECOND);
    fleet_dropped(f->fleet, replica(f));
    fleet_replica(f->fleet, replica(f));
    fleet_heard(f->fleet, replica(f));
    turn(f);
    assert_in_range(held(f), all - SLICE_MAX, all - 1);
    fleet_dropped(f->fleet, replica(f)); /* and goes while it waits, */
    fleet_replica(f->fleet, replica(f)); /* and comes again */
    line_run(&f->line, 10 * LOOP_SECOND);
    check_same(f);
    assert_int_equal(f->deleted, all);
}

static void who_waits_may_go(void **state)
{
    struct fixture *f = *state;
    fleet_replica(f->fleet, replica(f));
    line_run(&f->line, 10 * LOOP_SECOND);
    fleet_dropped(f->fleet, replica(f));
    fleet_replica(f->fleet, replica(f));
    fleet_dropped(f->fleet, replica(f));
    turns_until(f, SIZE_MAX);
    turn(f);
    assert_int_equal(held(f), SIZE_MAX);
}

/* The replica of a stream for that audience, with one object. */
static struct informer_replica *publish(struct fixture *f, const char *audience, const struct gvr *gvr)
{
    struct informer_replica *last = NULL, *next = NULL;
    change(f->other, "default/only");
    publisher_stream_ready(publisher_add(f->line.publisher, audience, gvr, "Kind", true, f->other));
    line_run(&f->line, 60 * LOOP_SECOND);
    while ((next = cluster_next_replica(line_cluster(&f->line), next)))
        last = next;
    assert_true(gvr_equal(replica_gvr(last), gvr));
    assert_int_equal(store_count(replica_store(last)), 1);
    return last;
}

static void for_another_audience_it_waits(void **state)
{
    struct fixture *f = *state;
    struct informer_replica *ours = publish(f, "viewer", &line_configmaps);
    assert_ptr_not_equal(ours, replica(f));
    fleet_replica(f->fleet, replica(f));
    fleet_replica(f->fleet, ours);
    line_run(&f->line, 10 * LOOP_SECOND);
    check_same(f);
    fleet_dropped(f->fleet, replica(f));
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(held(f), 1);
    change(f->other, "default/another");
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(held(f), 2);
    assert_int_equal(f->wrong, 0);
}

static void what_the_hub_tells_of_itself_no_cluster_tells(void **state)
{
    static const struct gvr clusters = {CLUSTERS_GROUP, "v1alpha1", "clusters"};
    struct fixture *f = *state;
    struct informer_replica *theirs = publish(f, "all", &clusters);
    fleet_replica(f->fleet, theirs);
    fleet_heard(f->fleet, theirs);
    assert_null(storage_find(&f->storage, CLUSTERS_GROUP, "v1alpha1", "clusters"));
    fleet_dropped(f->fleet, theirs);
}

static void it_ends_at_any_time(void **state)
{
    struct fixture *f = *state;
    fleet_replica(f->fleet, replica(f));
    turn(f);
    fleet_dropped(f->fleet, replica(f)); /* half full */
    turn(f);
    fleet_replica(f->fleet, replica(f)); /* waits */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_comes_in_slices), TEST(what_goes_goes_in_slices),
        TEST(who_takes_its_place_waits),     TEST(who_waits_may_go),
        TEST(for_another_audience_it_waits), TEST(what_the_hub_tells_of_itself_no_cluster_tells),
        TEST(it_ends_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
