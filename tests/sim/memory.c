/*
 * What processes hold for a while must stay within its bounds, always: looked at ten times a second. Where a
 * bound is as many as there are keys, the clusters have few.
 */
#include "tests/sim/world.h"

#define LOOK_US (100 * LOOP_MS)
#define HELD_MAX 256
#define UNFINISHED_MAX ((uint64_t)64 << 20)
#define REPLAY_MAX ((uint64_t)256 << 10)
#define REPLAYS_MAX ((uint64_t)2 << 20)
#define CROSSING_MAX (((uint64_t)128 << 10) + KUBE_OBJECT_MAX)
#define TRANSFERS_MAX (4 * WORLD_INFORMERS)

static void expect(struct world *world, const char *name, const char *what, uint64_t value, uint64_t most)
{
    if (value > most)
        world_fail(world, "memory", "%s holds %llu %s, and %llu are the bound", name,
                   (unsigned long long)value, what, (unsigned long long)most);
}

/* A bit flipped in the plain form may name a key that nobody has, and one in a part any length. */
static void look_at_informer(struct world *world, const struct actor *actor)
{
    struct informer_memory memory = informer_memory(informer_process_informer(actor->process));
    uint64_t flipped = loopback_broker_stats(world->broker).flipped;
    uint64_t topics = 2 * WORLD_KUBES * KUBE_KINDS;
    expect(world, actor_name(actor), "deltas that wait", memory.held, HELD_MAX);
    expect(world, actor_name(actor), "keys gathered", memory.gathered, KUBE_NAMES_MAX + flipped);
    expect(world, actor_name(actor), "objects answered", memory.answered, KUBE_NAMES_MAX + flipped);
    expect(world, actor_name(actor), "bytes of parts", memory.unfinished_bytes,
           flipped ? UNFINISHED_MAX : topics * KUBE_OBJECT_MAX);
}

static void look_at_provider(struct world *world, const struct actor *actor)
{
    struct publisher_memory memory = provider_process_memory(actor->process);
    expect(world, actor_name(actor), "keys that wait", memory.pending, KUBE_NAMES_MAX);
    expect(world, actor_name(actor), "bytes for a replay", memory.replay_bytes, REPLAY_MAX);
    expect(world, actor_name(actor), "bytes for replays", memory.replays_bytes, REPLAYS_MAX);
    expect(world, actor_name(actor), "transfers of a stream", memory.transfers, TRANSFERS_MAX);
    expect(world, actor_name(actor), "bytes of transfers in flight", memory.crossing_bytes, CROSSING_MAX);
}

static void on_look(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < WORLD_INFORMERS; i++)
        if (world->informers[i].process)
            look_at_informer(world, &world->informers[i]);
    for (int i = 0; i < WORLD_KUBES; i++)
        if (world->providers[i].process)
            look_at_provider(world, &world->providers[i]);
    timer_start(&world->look, LOOK_US);
}

void memory_watch(struct world *world)
{
    timer_init(&world->look, world->loop, on_look, world);
    timer_start(&world->look, LOOK_US);
}

void memory_unwatch(struct world *world)
{
    timer_stop(&world->look);
}
