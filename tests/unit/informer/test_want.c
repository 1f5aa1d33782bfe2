/* Leases: who asks for what is published only while it is of interest, and how often. */
#include "tests/support/messages.h"
#include "tests/support/publishing.h"

#include "informer/informer.h"
#include "provider/interest.h"

#define INFORMERS 10

struct client {
    struct transport *transport;
    struct informer *informer;
};

struct fixture {
    struct wire wire;
    struct tap *tap;
    struct store *pods;
    struct publishing p;
    struct interest interest;
    struct client clients[INFORMERS];
};

/* ---- a stream with an interest, as a feed has it ---- */

static void on_interest(void *arg, bool wanted)
{
    struct fixture *f = arg;
    if (wanted)
        publisher_stream_ready(f->p.stream);
    else
        publisher_stream_unready(f->p.stream);
    publisher_stream_state(f->p.stream, wanted ? STREAM_ACTIVE : STREAM_UNWANTED);
}

static int64_t lease_us(void *arg)
{
    return interest_left_us(&((struct fixture *)arg)->interest);
}

static void on_wanted(void *arg, const char *informer, int64_t lease)
{
    interest_want(&((struct fixture *)arg)->interest, informer, lease);
}

/* ---- informers ---- */

static void connected(void *arg)
{
    informer_on_connected(((struct client *)arg)->informer);
}

static void disconnected(void *arg, const char *reason)
{
    (void)reason;
    informer_on_disconnected(((struct client *)arg)->informer);
}

static void message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    informer_on_message(((struct client *)arg)->informer, topic, payload, len);
}

static void client_start(struct fixture *f, int i)
{
    static const struct transport_callbacks callbacks = {
        .connected = connected, .disconnected = disconnected, .message = message};
    static const struct informer_ops ops = {.wanted = NULL};
    char name[16];
    snprintf(name, sizeof(name), "viewer%d", i);
    struct informer_options options = {.name = name, .topics = f->wire.topics};
    struct client *client = &f->clients[i];
    client->transport = loopback_create(f->wire.broker, &(struct loopback_options){.name = name});
    client->informer = informer_create(f->wire.loop, client->transport, &options, &ops, NULL);
    transport_start(client->transport, &callbacks, client);
}

static void client_stop(struct fixture *f, int i)
{
    struct client *client = &f->clients[i];
    informer_farewell(client->informer);
    informer_destroy(client->informer);
    transport_destroy(client->transport);
    *client = (struct client){0};
}

static struct informer_replica *replica(struct fixture *f, int i)
{
    struct informer_cluster *cluster = informer_next_cluster(f->clients[i].informer, NULL);
    return cluster ? cluster_next_replica(cluster, NULL) : NULL;
}

static int setup(void **state)
{
    static const struct publisher_stream_ops ops = {.lease_us = lease_us, .wanted = on_wanted};
    struct fixture *f = mem_zalloc(sizeof(*f));
    wire_init(&f->wire, 1);
    f->tap = tap_create(&f->wire);
    f->pods = store_create();
    put(f->pods, "a", 1);
    interest_init(&f->interest, f->wire.loop, on_interest, f);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods, .unready = true});
    publisher_stream_attend(f->p.stream, &ops, f);
    publisher_stream_state(f->p.stream, STREAM_UNWANTED);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < INFORMERS; i++)
        if (f->clients[i].informer)
            client_stop(f, i);
    publishing_stop(&f->p);
    interest_deinit(&f->interest);
    tap_destroy(f->tap);
    store_destroy(f->pods);
    wire_deinit(&f->wire);
    free(f);
    return 0;
}

static void run(struct fixture *f, int64_t seconds)
{
    wire_run(&f->wire, seconds * LOOP_SECOND);
}

static size_t wants(const struct fixture *f)
{
    return tap_count(f->tap, MESSAGE_WANT, NULL);
}

/* ---- tests ---- */

static void what_may_be_had_is_asked_for(void **state)
{
    struct fixture *f = *state;
    client_start(f, 0);
    run(f, 2);
    assert_true(replica_synced(replica(f, 0)));
    assert_int_equal(wants(f), 1);
    const struct heard *want = tap_last(f->tap, MESSAGE_WANT, "s/c1/viewer0");
    assert_true(want && slice_equal(want->message.body, "all/core/v1/pods"));
    assert_int_equal(want->message.lease, 300);
}

/* Each shows that it is there; afterwards one renewal serves all. */
static void one_renews_for_all(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < INFORMERS; i++)
        client_start(f, i);
    run(f, 10);
    size_t before = wants(f);
    run(f, 3600);
    for (int i = 0; i < INFORMERS; i++)
        assert_true(replica_synced(replica(f, i)));
    assert_in_range(wants(f) - before, 3600 / 300, 2 * 3600 / 150);
}

static void one_that_ends_takes_no_other_ones_lease(void **state)
{
    struct fixture *f = *state;
    client_start(f, 0);
    run(f, 2);
    for (int i = 1; i < 4; i++)
        client_start(f, i);
    run(f, 120); /* nobody but the first has a lease */
    client_stop(f, 0);
    run(f, 600);
    for (int i = 1; i < 4; i++) {
        assert_true(replica_synced(replica(f, i)));
        client_stop(f, i);
    }
    run(f, 70);
    assert_int_equal(tap_last(f->tap, MESSAGE_WANT, NULL)->message.lease, 0);
    assert_false(f->interest.wanted);
}

/* Wants are lost, as any message may be. */
static bool lose_wants(void *arg, const struct loopback_passage *passage)
{
    const char *payload = passage->payload;
    return arg && !passage->to_client && passage->len > 3 && payload[2] == MESSAGE_WANT;
}

static void what_is_lost_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.lose_this = lose_wants, .arg = f});
    client_start(f, 0);
    run(f, 60);
    assert_int_equal(replica_state(replica(f, 0)), STREAM_UNWANTED);
    assert_false(f->interest.wanted);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){0});
    run(f, 5);
    assert_true(replica_synced(replica(f, 0)));
}

/* Heartbeats that never tell of a lease, however often one is asked for. */
static int64_t no_lease(void *arg)
{
    (void)arg;
    return 0;
}

static void a_provider_that_gives_no_lease_is_not_stormed(void **state)
{
    static const struct publisher_stream_ops ops = {.lease_us = no_lease, .wanted = on_wanted};
    struct fixture *f = *state;
    publisher_stream_attend(f->p.stream, &ops, f);
    client_start(f, 0);
    run(f, 100);
    assert_in_range(wants(f), 10, 101);
}

static bool weigh(void *arg, const struct loopback_passage *passage)
{
    *(size_t *)arg += passage->to_client ? 0 : passage->len;
    return false;
}

/* A provider is started again beside many objects of which none has changed: less than a kilobyte in all,
 * from presence to the answer that all is equal, and no event. */
static void a_restart_beside_what_has_not_changed(void **state)
{
    static const struct publisher_stream_ops ops = {.lease_us = lease_us, .wanted = on_wanted};
    struct fixture *f = *state;
    size_t bytes = 0;
    for (int i = 0; i < 100000; i++) {
        char name[24];
        snprintf(name, sizeof(name), "pod-%d", i);
        put(f->pods, name, 1);
    }
    client_start(f, 0);
    run(f, 20);
    assert_true(replica_synced(replica(f, 0)));
    assert_int_equal(store_count(replica_store(replica(f, 0))), 100001);
    uint64_t events = informer_stats(f->clients[0].informer)->events;
    publishing_kill(&f->p);
    interest_deinit(&f->interest);
    run(f, 5);

    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){.lose_this = weigh, .arg = &bytes});
    interest_init(&f->interest, f->wire.loop, on_interest, f);
    publishing_start(&f->p, &f->wire, &(struct publishing_options){.pods = f->pods, .unready = true});
    publisher_stream_attend(f->p.stream, &ops, f);
    publisher_stream_state(f->p.stream, STREAM_UNWANTED);
    for (int i = 0; i < 5000 && !replica_synced(replica(f, 0)); i++)
        wire_run(&f->wire, LOOP_MS);
    assert_true(replica_synced(replica(f, 0)));
    assert_in_range(bytes, 300, 1023);
    assert_int_equal(informer_stats(f->clients[0].informer)->events, events);
    loopback_broker_set_faults(f->wire.broker, &(struct loopback_faults){0});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_may_be_had_is_asked_for),
        TEST(one_renews_for_all),
        TEST(one_that_ends_takes_no_other_ones_lease),
        TEST(what_is_lost_is_asked_for_again),
        TEST(a_provider_that_gives_no_lease_is_not_stormed),
        TEST(a_restart_beside_what_has_not_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
