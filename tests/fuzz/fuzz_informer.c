/* fuzz: ti_informer */
/*
 * An informer on a simulated loop that is given any topics and payloads. The input is a list of steps: a byte
 * of what to do, two of length, a payload. So that more than the front door is reached, a step may have the
 * check put right, and the nonce of the newest sync put in: as if the sender were a provider gone wild.
 *
 * It may begin with a replica that is live and has objects: what comes then meets something to break.
 *
 * Whatever comes, each replica's store is what it says: its count and root are those of its objects, and what
 * a cluster is counted to hold is what its replicas hold.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "informer/informer_internal.h"

#define PREFIX_LEN 9
#define STEPS_MAX 200

enum {
    STEP_TOPIC = 7,
    STEP_CHECK = 8,
    STEP_NONCE = 16,
    STEP_SECOND = 32,
    STEP_RECONNECT = 64,
    STEP_SILENCE = 128
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a transport that remembers the nonce of the newest sync ---- */

struct ear {
    struct transport transport;
    struct codec *codec;
    uint64_t nonce;
};

static void ear_subscribe(struct transport *transport, const char *filter, int qos)
{
    (void)transport, (void)filter, (void)qos;
}

static int ear_publish(struct transport *transport, const char *topic, const void *payload, size_t len,
                       int qos, bool retain)
{
    (void)topic, (void)qos, (void)retain;
    struct ear *ear = (struct ear *)transport;
    struct message message;
    if (codec_decode(ear->codec, payload, len, &message) != 0)
        abort();
    if (message.kind == MESSAGE_SYNC)
        ear->nonce = message.nonce;
    return 0;
}

static const struct transport_ops ear_ops = {.subscribe = ear_subscribe, .publish = ear_publish};

/* ---- payloads ---- */

static void put_nonce_text(uint8_t *payload, size_t len, uint64_t nonce)
{
    static const char name[] = "\"nonce\":\"";
    char digits[17];
    uint8_t *at = memmem(payload, len, name, strlen(name));
    snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)nonce);
    if (at && (size_t)(payload + len - at) >= strlen(name) + 16)
        memcpy(at + strlen(name), digits, 16);
}

static void put_nonce(uint8_t *payload, size_t len, uint64_t nonce)
{
    if (len && payload[0] == '{') {
        put_nonce_text(payload, len, nonce);
        return;
    }
    size_t at = len > 2 && payload[2] == MESSAGE_END ? PREFIX_LEN + 8 : PREFIX_LEN;
    for (size_t i = 0; i < 8 && at + i < len; i++)
        payload[at + i] = (uint8_t)(nonce >> (8 * i));
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

/* ---- steps ---- */

struct world {
    struct loop *loop;
    struct informer *informer;
    struct ear ear;
};

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

/* The last one is what the payload has up to its first newline. */
static void deliver(struct world *world, int which, uint8_t *payload, size_t len)
{
    static const char *const topics[] = {"p/c1",
                                         "p/c1/all",
                                         "p/c1/hub",
                                         "p/c1/all/core/v1/pods",
                                         "p/c1/hub/core/v1/pods",
                                         "p/c1/all/apps/v1/deployments",
                                         "p/c2"};
    if ((size_t)which < array_size(topics)) {
        informer_on_message(world->informer, topics[which], payload, len);
        return;
    }
    uint8_t *newline = memchr(payload, '\n', len);
    size_t topic_len = newline ? (size_t)(newline - payload) : len;
    cleanup_free char *topic = mem_dup(payload, topic_len);
    size_t skip = newline ? topic_len + 1 : len;
    informer_on_message(world->informer, topic, payload + skip, len - skip);
}

static void step(struct world *world, uint8_t what, const uint8_t *data, size_t len)
{
    cleanup_free uint8_t *payload = mem_dup(data, len);
    if (what & STEP_RECONNECT) {
        informer_on_disconnected(world->informer);
        informer_on_connected(world->informer);
    }
    if (what & STEP_NONCE)
        put_nonce(payload, len, world->ear.nonce);
    if (what & STEP_CHECK)
        put_check(payload, len);
    deliver(world, what & STEP_TOPIC, payload, len);
    run_for(world, what & STEP_SILENCE ? 100 * LOOP_SECOND : what & STEP_SECOND ? LOOP_SECOND : LOOP_MS);
}

static void check_store(const struct store *store)
{
    struct digest root = {0};
    size_t count = 0;
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object)) {
        digest_add(&root, object_digest(object));
        count++;
    }
    if (count != store_count(store) || !digest_equal(root, store_root(store)))
        abort();
}

static void check_counted(const struct informer_cluster *cluster)
{
    uint64_t objects = 0, size = 0;
    size_t replicas = 0, held = 0;
    struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica))) {
        check_store(replica_store(replica));
        objects += replica->counted_objects;
        size += replica->counted_size;
        held += replica->held_bytes;
        replicas++;
        bool settled = replica->phase == REPLICA_LIVE || replica->phase == REPLICA_IDLE;
        if (settled && replica->counted_objects != store_count(replica->store))
            abort();
    }
    if (objects != cluster->objects || size != cluster->size || replicas != cluster->replica_count ||
        held != cluster->held_bytes)
        abort();
}

static void check_all(const struct informer *informer)
{
    struct informer_cluster *cluster = NULL;
    while ((cluster = informer_next_cluster(informer, cluster)))
        check_counted(cluster);
}

/* ---- a replica that is live ---- */

static void say(struct world *world, struct codec *codec, const char *topic, struct message message,
                const char *body, size_t len)
{
    message.body = (struct slice){body, len};
    struct slice payload = codec_encode(codec, &message);
    informer_on_message(world->informer, topic, payload.data, payload.len);
}

/* Of boot 1 and epoch 1, at sequence 1, with one object. */
static void make_live(struct world *world, bool one_provider)
{
    static const char presence[] =
        "{\"alive\":true,\"cluster\":\"u\",\"version\":\"\",\"heartbeatMs\":15000}";
    static const char catalog[] =
        "{\"complete\":true,\"streams\":[{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\","
        "\"kind\":\"Pod\",\"namespaced\":true,\"epoch\":\"0000000000000001\"}]}";
    static const char text[] = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\"}}";
    const char *topic = one_provider ? "p/c1/hub" : "p/c1/all";
    struct codec *codec = codec_create(ENCODING_ZSTD, 1 << 16);
    struct object *object = NULL;
    struct buf body = BUF_INIT(4096);
    if (object_create(text, strlen(text), NULL, &object) != 0 ||
        codec_put_item(codec, &body, NULL, object) != 0)
        abort();
    say(world, codec, "p/c1", (struct message){.kind = MESSAGE_PRESENCE, .boot = 1}, presence,
        strlen(presence));
    say(world, codec, topic, (struct message){.kind = MESSAGE_CATALOG, .boot = 1}, catalog, strlen(catalog));
    say(world, codec, "p/c1/hub/core/v1/pods",
        (struct message){.kind = MESSAGE_EQUAL, .nonce = world->ear.nonce, .epoch = 1}, NULL, 0);
    say(world, codec, one_provider ? "p/c1/hub/core/v1/pods" : "p/c1/all/core/v1/pods",
        (struct message){
            .kind = MESSAGE_DELTA, .epoch = 1, .from = 1, .items = 1, .root = object_digest(object)},
        body.data, body.len);
    struct informer_cluster *cluster = informer_next_cluster(world->informer, NULL);
    struct informer_replica *replica = cluster_next_replica(cluster, NULL);
    if (!replica || replica->phase != REPLICA_LIVE || store_count(replica->store) != 1)
        abort();
    object_unref(object);
    buf_deinit(&body);
    codec_destroy(codec);
}

static void world_init(struct world *world, bool one_provider)
{
    static const struct informer_ops ops = {0};
    struct informer_options options = {
        .name = "hub", .provider = one_provider ? "c1" : NULL, .clusters_max = 4};
    topics_init(&options.topics, "s", "p", NULL);
    world->loop = loop_create_simulated(1);
    world->ear = (struct ear){.transport = {.ops = &ear_ops}, .codec = codec_create(ENCODING_ZSTD, 1 << 20)};
    world->informer = informer_create(world->loop, &world->ear.transport, &options, &ops, NULL);
    informer_on_connected(world->informer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world;
    if (size == 0)
        return 0;
    world_init(&world, data[0] & 1);
    if (data[0] & 2)
        make_live(&world, data[0] & 1);
    data++, size--;
    for (int i = 0; size >= 3 && i < STEPS_MAX; i++) {
        size_t len = (size_t)data[1] | (size_t)data[2] << 8;
        if (len > size - 3)
            len = size - 3;
        step(&world, data[0], data + 3, len);
        data += 3 + len;
        size -= 3 + len;
    }
    check_all(world.informer);
    informer_destroy(world.informer);
    codec_destroy(world.ear.codec);
    loop_destroy(world.loop);
    return 0;
}
