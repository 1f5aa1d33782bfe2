#include "tests/sim/world.h"

#include <string.h>

static void on_revive(void *arg)
{
    actor_start(arg);
}

static void on_join(void *arg)
{
    struct actor *actor = arg;
    actor->deaf = actor->mute = false;
    if (actor->process)
        loopback_join(actor->ops->transport(actor->process));
}

static void on_join_transfers(void *arg)
{
    struct actor *actor = arg;
    struct transport *transfers = actor_transfers(actor);
    actor->transfers_deaf = false;
    if (transfers)
        loopback_join(transfers);
}

const char *actor_name(const struct actor *actor)
{
    static const char *const informers[WORLD_INFORMERS] = {"hub", "second", "third"};
    return actor->ops == &provider_actor ? actor->world->kubes[actor->index].name : informers[actor->index];
}

bool actor_is(const struct actor *actor, const char *client, bool *transfers)
{
    const char *name = actor_name(actor);
    size_t len = strlen(name);
    *transfers = strncmp(client, name, len) == 0 && strcmp(client + len, ACTOR_TRANSFERS) == 0;
    return *transfers || strcmp(client, name) == 0;
}

struct transport *actor_transfers(const struct actor *actor)
{
    return actor->process && actor->ops->transfers ? actor->ops->transfers(actor->process) : NULL;
}

void actor_init(struct actor *actor, struct world *world, const struct actor_ops *ops, int index)
{
    *actor = (struct actor){.world = world, .ops = ops, .index = index};
    timer_init(&actor->revive, world->loop, on_revive, actor);
    timer_init(&actor->join, world->loop, on_join, actor);
    timer_init(&actor->join_transfers, world->loop, on_join_transfers, actor);
}

void actor_deinit(struct actor *actor)
{
    timer_stop(&actor->revive);
    timer_stop(&actor->join);
    timer_stop(&actor->join_transfers);
    if (actor->process)
        actor->ops->end(actor->process, true);
    actor->process = NULL;
}

void actor_start(struct actor *actor)
{
    timer_stop(&actor->revive);
    if (!actor->process)
        actor->process = actor->ops->start(actor->world, actor->index);
}

void actor_kill(struct actor *actor, bool graceful, int64_t revive_us)
{
    if (!actor->process)
        return;
    timer_stop(&actor->join);
    timer_stop(&actor->join_transfers);
    actor->deaf = actor->mute = actor->transfers_deaf = false;
    if (graceful)
        world_cover(actor->world, COVER_FAREWELL);
    actor->ops->end(actor->process, graceful);
    actor->process = NULL;
    if (revive_us >= 0)
        timer_start(&actor->revive, revive_us);
}

void actor_cut(struct actor *actor, int64_t join_us)
{
    if (!actor->process)
        return;
    loopback_cut(actor->ops->transport(actor->process));
    timer_start(&actor->join, join_us);
}

void actor_hush(struct actor *actor, bool deaf, int64_t join_us)
{
    actor->deaf |= deaf;
    actor->mute |= !deaf;
    timer_start(&actor->join, join_us);
}

void actor_cut_transfers(struct actor *actor, int64_t join_us)
{
    loopback_cut(actor_transfers(actor));
    timer_start(&actor->join_transfers, join_us);
}

void actor_hush_transfers(struct actor *actor, int64_t join_us)
{
    actor->transfers_deaf = true;
    timer_start(&actor->join_transfers, join_us);
}
