#ifndef TI_TESTS_INFORMER_FIXTURE_H
#define TI_TESTS_INFORMER_FIXTURE_H

/*
 * An informer over a loopback broker that loses what it is told to, and what its handlers see, counted.
 */

#include "tests/support/messages.h"
#include "tests/support/publishing.h"

#include "informer/informer.h"

#define STREAM "p/c1/all/core/v1/pods"
#define ANSWERS "p/c1/hub/core/v1/pods"
#define SIGNALS "s/c1/hub"

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods;
    struct publishing p;

    struct log *log;                 /* NULL unless the test has one */
    struct informer_options bounded; /* what else the test wants: its bounds are taken */
    struct transport *transport;
    struct informer *informer;
    struct informer_replica *replica; /* the newest */
    struct store_observer observer;
    size_t added, modified, deleted;
    size_t synced, stale, dropped, clusters;

    enum message_kind lose; /* so many of that kind are lost on their way to the hub */
    size_t lose_count;
};

/* ---- what the handlers see ---- */

static inline void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    (void)unseen;
    struct fixture *f = arg;
    f->added += !old;
    f->modified += old && new_;
    f->deleted += !new_;
}

static inline void on_replica(void *arg, struct informer_replica *replica)
{
    struct fixture *f = arg;
    f->replica = replica;
    f->observer = (struct store_observer){.changed = on_changed, .arg = f};
    store_observe(replica_store(replica), &f->observer);
}

static inline void on_synced(void *arg, struct informer_replica *replica)
{
    struct fixture *f = arg;
    assert_true(replica == f->replica);
    f->synced++;
}

static inline void on_stale(void *arg, struct informer_replica *replica)
{
    (void)replica;
    ((struct fixture *)arg)->stale++;
}

static inline void on_dropped(void *arg, struct informer_replica *replica)
{
    struct fixture *f = arg;
    assert_int_equal(store_count(replica_store(replica)), 0);
    f->dropped++;
    f->replica = NULL;
}

static inline void on_cluster(void *arg, struct informer_cluster *cluster)
{
    (void)cluster;
    ((struct fixture *)arg)->clusters++;
}

static inline void forget_counts(struct fixture *f)
{
    f->added = f->modified = f->deleted = f->synced = f->stale = f->dropped = f->clusters = 0;
}

static inline void check_quiet(const struct fixture *f)
{
    assert_int_equal(f->added + f->modified + f->deleted, 0);
}

/* ---- the informer ---- */

static inline void hub_connected(void *arg)
{
    informer_on_connected(((struct fixture *)arg)->informer);
}

static inline void hub_disconnected(void *arg, const char *reason)
{
    (void)reason;
    informer_on_disconnected(((struct fixture *)arg)->informer);
}

static inline void hub_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    informer_on_message(((struct fixture *)arg)->informer, topic, payload, len);
}

static inline void hub_start(struct fixture *f, const char *provider, size_t clusters_max)
{
    static const struct transport_callbacks callbacks = {
        .connected = hub_connected, .disconnected = hub_disconnected, .message = hub_message};
    static const struct informer_ops ops = {.cluster = on_cluster,
                                            .replica = on_replica,
                                            .synced = on_synced,
                                            .stale = on_stale,
                                            .dropped = on_dropped};
    struct informer_options options = {.name = "hub",
                                       .provider = provider,
                                       .topics = f->wire.topics,
                                       .clusters_max = clusters_max,
                                       .streams_max = f->bounded.streams_max,
                                       .objects_max = f->bounded.objects_max,
                                       .size_max = f->bounded.size_max,
                                       .log = f->log};
    f->transport = loopback_create(f->wire.broker, &(struct loopback_options){.name = "hub"});
    f->informer = informer_create(f->wire.loop, f->transport, &options, &ops, f);
    transport_start(f->transport, &callbacks, f);
}

static inline void hub_stop(struct fixture *f)
{
    if (!f->informer)
        return;
    if (f->replica)
        store_unobserve(replica_store(f->replica), &f->observer);
    informer_destroy(f->informer);
    transport_destroy(f->transport);
    f->informer = NULL;
}

static inline bool lose_this(void *arg, const struct loopback_passage *passage)
{
    struct fixture *f = arg;
    const char *payload = passage->payload;
    if (!passage->to_client || strcmp(passage->client, "hub") != 0 || !f->lose_count || passage->len < 3 ||
        payload[2] != (char)f->lose)
        return false;
    f->lose_count--;
    return true;
}

static inline void lose(struct fixture *f, enum message_kind kind, size_t count)
{
    f->lose = kind;
    f->lose_count = count;
}

static inline int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.lose_this = lose_this, .arg = f});
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    hub_stop(f);
    publishing_stop(&f->p);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static inline void run(struct fixture *f, int64_t us)
{
    wire_run(&f->wire, us);
}

static inline void start_provider(struct fixture *f, const char *uid)
{
    publishing_start(&f->p, &f->wire,
                     &(struct publishing_options){.pods = f->pods, .uid = uid, .max_payload = 1100});
}

static inline void put_pods(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 1);
    }
}

/* Provider and hub, some objects, in sync. */
static inline void start_all(struct fixture *f)
{
    put_pods(f, 30);
    start_provider(f, NULL);
    hub_start(f, NULL, 0);
    run(f, 3 * LOOP_SECOND);
}

static const struct informer_stats *stats(const struct fixture *f)
{
    return informer_stats(f->informer);
}

static inline struct informer_cluster *cluster(const struct fixture *f)
{
    return informer_next_cluster(f->informer, NULL);
}

static inline void check_in_sync(struct fixture *f)
{
    assert_non_null(f->replica);
    assert_true(replica_synced(f->replica));
    assert_true(cluster_synced(cluster(f)));
    assert_int_equal(store_count(replica_store(f->replica)), store_count(f->pods));
    assert_true(digest_equal(store_root(replica_store(f->replica)), store_root(f->pods)));
}

#endif
