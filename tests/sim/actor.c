#include "tests/sim/world.h"

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

const char *actor_name(const struct actor *actor)
{
    static const char *const informers[WORLD_INFORMERS] = {"hub", "second", "third"};
    return actor->ops == &provider_actor ? actor->world->kubes[actor->index].name : informers[actor->index];
}

void actor_init(struct actor *actor, struct world *world, const struct actor_ops *ops, int index)
{
    *actor = (struct actor){.world = world, .ops = ops, .index = index};
    timer_init(&actor->revive, world->loop, on_revive, actor);
    timer_init(&actor->join, world->loop, on_join, actor);
}

void actor_deinit(struct actor *actor)
{
    timer_stop(&actor->revive);
    timer_stop(&actor->join);
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
    actor->deaf = actor->mute = false;
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
