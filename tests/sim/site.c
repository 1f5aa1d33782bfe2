/*
 * The processes of the simulation: what the programs do, without their command lines.
 */
#include "tests/sim/world.h"

#include <string.h>

#include "base/mem.h"
#include "provider/feed.h"

#define MAX_PAYLOAD 6000 /* small, so that chunks are many and large objects travel in parts */
#define HEARTBEAT_US (2 * LOOP_SECOND)

struct provider_site {
    struct world *world;
    struct transport *transport;
    struct publisher *publisher;
    struct feed *feeds[WORLD_RESOURCES];
};

static struct topics sim_topics(void)
{
    struct topics topics;
    topics_init(&topics, "/signal", "/payload", NULL);
    return topics;
}

/* ---- provider ---- */

static void provider_connected(void *arg)
{
    publisher_on_connected(((struct provider_site *)arg)->publisher);
}

static void provider_disconnected(void *arg, const char *reason)
{
    (void)reason;
    publisher_on_disconnected(((struct provider_site *)arg)->publisher);
}

static void provider_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    publisher_on_message(((struct provider_site *)arg)->publisher, topic, payload, len);
}

static void provider_drained(void *arg)
{
    publisher_on_drained(((struct provider_site *)arg)->publisher);
}

static const struct transport_callbacks provider_callbacks = {
    .connected = provider_connected,
    .disconnected = provider_disconnected,
    .message = provider_message,
    .drained = provider_drained,
};

static void feed_changed(void *arg, struct feed *feed)
{
    (void)feed;
    struct provider_site *site = arg;
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        if (!site->feeds[i] || !feed_settled(site->feeds[i]))
            return;
    publisher_complete(site->publisher);
}

static struct feed *feed_of(struct provider_site *site, size_t index)
{
    struct world *world = site->world;
    struct feed_config config = {
        .loop = world->loop,
        .rest = local_rest(world->local),
        .publisher = site->publisher,
        .gvr = world->gvrs[index],
        .kind = world->rules[index].kind,
        .api_version = world->rules[index].api_version,
        .namespaced = true,
    };
    return feed_create(&config, feed_changed, site);
}

struct provider_site *provider_site_create(struct world *world)
{
    struct provider_site *site = mem_zalloc(sizeof(*site));
    struct codec *codec = codec_create(world->options.encoding, 4096);
    uint64_t boot = loop_random(world->loop) | 1;
    struct slice will = publisher_will(codec, boot);
    struct loopback_options options = {
        .name = "provider",
        .will_topic = "/payload/cluster1",
        .will_payload = will.data,
        .will_len = will.len,
        .will_retain = true,
        .max_payload = MAX_PAYLOAD,
    };
    site->world = world;
    site->transport = loopback_create(world->broker, &options);
    codec_destroy(codec);
    struct publisher_options publisher = {
        .name = "cluster1",
        .topics = sim_topics(),
        .encoding = world->options.encoding,
        .heartbeat_us = HEARTBEAT_US,
        .window_bytes = 64 << 10,
        .log = world->options.verbose ? &world->log : NULL,
    };
    site->publisher = publisher_create(world->loop, site->transport, &publisher, NULL, NULL);
    publisher_set_boot(site->publisher, boot);
    publisher_set_cluster(site->publisher, "uid-1", "v1.36.1");
    transport_start(site->transport, &provider_callbacks, site);
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        site->feeds[i] = feed_of(site, i);
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        feed_start(site->feeds[i]);
    return site;
}

void provider_site_kill(struct provider_site *site, bool graceful)
{
    if (!site)
        return;
    if (graceful)
        publisher_farewell(site->publisher);
    publisher_destroy(site->publisher);
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        feed_destroy(site->feeds[i]);
    if (graceful)
        transport_destroy(site->transport);
    else
        loopback_kill(site->transport);
    free(site);
}

struct transport *provider_site_transport(struct provider_site *site)
{
    return site->transport;
}

const struct publisher_stats *provider_site_stats(const struct provider_site *site)
{
    return publisher_stats(site->publisher);
}

/* ---- informer ---- */

#define REPLICAS_MAX 64

struct informer_site {
    struct world *world;
    struct transport *transport;
    struct informer *informer;
    struct witness *witnesses[REPLICAS_MAX];
    struct informer_replica *watched[REPLICAS_MAX];
};

static void informer_connected(void *arg)
{
    informer_on_connected(((struct informer_site *)arg)->informer);
}

static void informer_disconnected(void *arg, const char *reason)
{
    (void)reason;
    informer_on_disconnected(((struct informer_site *)arg)->informer);
}

static void informer_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    informer_on_message(((struct informer_site *)arg)->informer, topic, payload, len);
}

static void informer_drained(void *arg)
{
    informer_on_drained(((struct informer_site *)arg)->informer);
}

static const struct transport_callbacks informer_callbacks = {
    .connected = informer_connected,
    .disconnected = informer_disconnected,
    .message = informer_message,
    .drained = informer_drained,
};

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct informer_site *site = arg;
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        if (site->witnesses[i])
            continue;
        site->witnesses[i] = witness_create(site->world, replica);
        site->watched[i] = replica;
        return;
    }
    world_fail(site->world, "an informer made more than %d replicas", REPLICAS_MAX);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    struct informer_site *site = arg;
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        if (site->watched[i] != replica)
            continue;
        witness_destroy(site->witnesses[i]);
        site->witnesses[i] = NULL;
        site->watched[i] = NULL;
    }
}

/* A replica that says it is synced need not equal the cluster at this moment, but it is never empty by
 * accident: that, and everything else, the witnesses see. */
static const struct informer_ops informer_site_ops = {.replica = on_replica, .dropped = on_dropped};

struct informer_site *informer_site_create(struct world *world, int index)
{
    static const char *const names[WORLD_INFORMERS] = {"hub", "second"};
    struct informer_site *site = mem_zalloc(sizeof(*site));
    struct loopback_options options = {.name = names[index], .max_payload = MAX_PAYLOAD};
    site->world = world;
    site->transport = loopback_create(world->broker, &options);
    struct informer_options informer = {
        .name = names[index],
        .topics = sim_topics(),
        .encoding = world->options.encoding,
        .slice_objects = 1 + loop_random_below(world->loop, 8),
        .log = world->options.verbose ? &world->log : NULL,
    };
    site->informer = informer_create(world->loop, site->transport, &informer, &informer_site_ops, site);
    transport_start(site->transport, &informer_callbacks, site);
    return site;
}

void informer_site_kill(struct informer_site *site, bool graceful)
{
    if (!site)
        return;
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        witness_destroy(site->witnesses[i]);
    informer_destroy(site->informer);
    if (graceful)
        transport_destroy(site->transport);
    else
        loopback_kill(site->transport);
    free(site);
}

struct transport *informer_site_transport(struct informer_site *site)
{
    return site->transport;
}

struct informer *informer_site_informer(struct informer_site *site)
{
    return site->informer;
}
