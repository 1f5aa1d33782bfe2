/* fuzz: ti_provider */
/*
 * A publisher with streams on a simulated loop that is given any topics and payloads, between changes of what
 * it publishes. The input is a list of steps: a byte of what to do, one of length, a payload; the check of a
 * payload may be put right.
 *
 * Whatever comes, all that it says decodes, is on a topic of its own, and is not without bounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "provider/publisher.h"

#define PREFIX_LEN 9
#define STEPS_MAX 200
#define SAID_MAX 400 /* messages in a step of a second: credit and window are all that may bring many */

enum {
    STEP_TOPIC = 3,
    STEP_CHECK = 4,
    STEP_CHANGE = 8,
    STEP_SECOND = 16,
    STEP_RECONNECT = 32,
    STEP_STALL = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a transport that reads what it is given ---- */

struct ear {
    struct transport transport;
    struct codec *codec;
    size_t said;
    bool full;
};

static void ear_subscribe(struct transport *transport, const char *filter, int qos)
{
    (void)transport, (void)filter, (void)qos;
}

static int ear_publish(struct transport *transport, const char *topic, const void *payload, size_t len,
                       int qos, bool retain)
{
    (void)qos, (void)retain;
    struct ear *ear = (struct ear *)transport;
    struct message message;
    if (strncmp(topic, "p/c1", 4) != 0 || (topic[4] != '/' && topic[4] != '\0'))
        abort();
    if (codec_decode(ear->codec, payload, len, &message) != 0)
        abort();
    ear->said++;
    return ear->full ? TRANSPORT_E_FULL : 0;
}

static size_t ear_none(struct transport *transport)
{
    (void)transport;
    return 0;
}

static uint64_t ear_landed(struct transport *transport)
{
    (void)transport;
    return 0;
}

static size_t ear_max(struct transport *transport)
{
    (void)transport;
    return 2000;
}

static const struct transport_ops ear_ops = {.subscribe = ear_subscribe,
                                             .publish = ear_publish,
                                             .in_flight = ear_none,
                                             .in_flight_count = ear_none,
                                             .landed = ear_landed,
                                             .max_payload = ear_max};

/* ---- steps ---- */

struct world {
    struct loop *loop;
    struct publisher *publisher;
    struct store *pods;
    struct ear ear;
    int version;
};

static void put(struct world *world, int number)
{
    cleanup_with(object_unrefp) struct object *object = NULL;
    cleanup_free char *text = mem_printf(
        "{\"metadata\":{\"name\":\"n%d\",\"namespace\":\"ns\",\"uid\":\"u\",\"resourceVersion\":\"%d\"}}",
        number, ++world->version);
    if (object_create(text, strlen(text), NULL, &object) != 0)
        abort();
    store_put(world->pods, object);
}

static void put_check(uint8_t *payload, size_t len)
{
    uint64_t seed = 0;
    if (len < PREFIX_LEN || payload[0] != 'T')
        return;
    for (int i = 4; i >= 0; i--)
        seed = seed << 8 | payload[i];
    uint64_t check = XXH3_64bits_withSeed(payload + PREFIX_LEN, len - PREFIX_LEN, seed);
    for (int i = 0; i < 4; i++)
        payload[5 + i] = (uint8_t)(check >> (8 * i));
}

static void on_over(void *arg)
{
    *(bool *)arg = true;
}

/* So long, and not until the next timer, which may be the one that gives up what is under way. */
static void run_for(struct world *world, int64_t us)
{
    bool is_over = false;
    struct timer over;
    timer_init(&over, world->loop, on_over, &is_over);
    timer_start(&over, us);
    while (!is_over)
        loop_step(world->loop);
}

static void step(struct world *world, uint8_t what, const uint8_t *data, size_t len)
{
    static const char *const topics[] = {"s/c1/hub", "s/all/hub", "s/c1/other", "p/c1"};
    cleanup_free uint8_t *payload = mem_dup(data, len);
    world->ear.said = 0;
    world->ear.full = what & STEP_STALL;
    if (what & STEP_CHECK)
        put_check(payload, len);
    if (what & STEP_RECONNECT) {
        publisher_on_disconnected(world->publisher);
        publisher_on_connected(world->publisher);
    }
    if (what & STEP_CHANGE)
        put(world, what & 63);
    publisher_on_message(world->publisher, topics[what & STEP_TOPIC], payload, len);
    run_for(world, what & STEP_SECOND ? LOOP_SECOND : LOOP_MS);
    if (world->ear.said > SAID_MAX)
        abort();
}

static struct publisher_stream *add(struct world *world, const char *audience)
{
    struct gvr gvr;
    gvr_set(&gvr, "", "v1", "pods");
    struct publisher_stream *stream =
        publisher_add(world->publisher, audience, &gvr, "Pod", true, world->pods);
    publisher_stream_ready(stream);
    return stream;
}

static void world_init(struct world *world)
{
    struct publisher_options options = {.name = "c1", .repair_bytes = 1};
    *world = (struct world){.loop = loop_create_simulated(1), .pods = store_create()};
    topics_init(&options.topics, "s", "p", NULL);
    for (int i = 0; i < 64; i++)
        put(world, i);
    world->ear = (struct ear){.transport = {.ops = &ear_ops}, .codec = codec_create(ENCODING_ZSTD, 1 << 20)};
    world->publisher = publisher_create(world->loop, &world->ear.transport, &options, NULL, NULL);
    publisher_set_cluster(world->publisher, "u", "v1");
    add(world, "all");
    add(world, "hub");
    publisher_stream_end(add(world, "other"), END_GONE);
    publisher_complete(world->publisher);
    publisher_on_connected(world->publisher);
    run_for(world, LOOP_SECOND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world;
    world_init(&world);
    for (int i = 0; size >= 2 && i < STEPS_MAX; i++) {
        size_t len = data[1];
        if (len > size - 2)
            len = size - 2;
        step(&world, data[0], data + 2, len);
        data += 2 + len;
        size -= 2 + len;
    }
    publisher_destroy(world.publisher);
    store_destroy(world.pods);
    codec_destroy(world.ear.codec);
    loop_destroy(world.loop);
    return 0;
}
