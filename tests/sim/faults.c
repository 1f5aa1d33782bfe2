/*
 * What goes wrong. A seed enables some of the faults (all of them at once would leave no time in which any
 * one of them matters), and then strikes one after the other.
 */
#include "tests/sim/world.h"

#include <string.h>

#include "base/mem.h"

struct fault {
    enum cover cover;
    unsigned weight;
    bool (*strike)(struct world *world); /* false: not possible now */
};

static struct kube *any_kube(struct world *world)
{
    return &world->kubes[world_dice(world, (uint64_t)world->kube_count)];
}

static struct actor *any_provider(struct world *world)
{
    return &world->providers[world_dice(world, (uint64_t)world->kube_count)];
}

static struct actor *any_informer(struct world *world)
{
    return &world->informers[world_dice(world, (uint64_t)world->informer_count)];
}

static struct actor *any_actor(struct world *world)
{
    return world_dice(world, 2) ? any_provider(world) : any_informer(world);
}

static int64_t some_time(struct world *world, int64_t most_us)
{
    return (int64_t)world_dice(world, world_dice(world, 2) ? (uint64_t)most_us : (uint64_t)most_us / 20);
}

/* ---- processes and the broker ---- */

static bool kill(struct world *world, struct actor *actor)
{
    if (!actor->process)
        return false;
    actor_kill(actor, world_dice(world, 3) == 0, some_time(world, 6 * LOOP_SECOND));
    return true;
}

static bool kill_provider(struct world *world)
{
    return kill(world, any_provider(world));
}

static bool kill_informer(struct world *world)
{
    return kill(world, any_informer(world));
}

static bool broker_restart(struct world *world)
{
    loopback_broker_down(world->broker);
    timer_start(&world->broker_up, some_time(world, 5 * LOOP_SECOND));
    return true;
}

static bool broker_forget(struct world *world)
{
    loopback_broker_forget(world->broker);
    return broker_restart(world);
}

static bool cut(struct world *world)
{
    actor_cut(any_actor(world), some_time(world, 25 * LOOP_SECOND));
    return true;
}

static bool break_connection(struct world *world)
{
    struct actor *actor = any_actor(world);
    if (actor->process)
        loopback_break(actor->ops->transport(actor->process));
    return actor->process != NULL;
}

static bool make_deaf(struct world *world)
{
    actor_hush(any_actor(world), true, some_time(world, 10 * LOOP_SECOND));
    return true;
}

static bool make_mute(struct world *world)
{
    actor_hush(any_actor(world), false, some_time(world, 10 * LOOP_SECOND));
    return true;
}

/* An informer that has a second connection, which brings answers; NULL where that one has none. */
static struct actor *any_with_transfers(struct world *world)
{
    struct actor *actor = any_informer(world);
    return actor_transfers(actor) ? actor : NULL;
}

/* What comes back within the keepalive is late, and what does not is lost. */
static bool cut_transfers(struct world *world)
{
    struct actor *actor = any_with_transfers(world);
    if (actor)
        actor_cut_transfers(actor, some_time(world, 25 * LOOP_SECOND));
    return actor != NULL;
}

static bool break_transfers(struct world *world)
{
    struct actor *actor = any_with_transfers(world);
    if (actor)
        loopback_break(actor_transfers(actor));
    return actor != NULL;
}

static bool make_transfers_deaf(struct world *world)
{
    struct actor *actor = any_with_transfers(world);
    if (actor)
        actor_hush_transfers(actor, some_time(world, 10 * LOOP_SECOND));
    return actor != NULL;
}

static double share(struct world *world, double most)
{
    return world_dice(world, 2) ? most * (double)world_dice(world, 1000) / 1000 : 0;
}

static bool change_weather(struct world *world)
{
    world->weather.delay_max_us = (int64_t)world_dice(world, 300 * LOOP_MS);
    world->weather.reorder = world_dice(world, 3) == 0;
    world->weather.lose = share(world, 0.3);
    world->weather.repeat = share(world, 0.3);
    world->weather.late_us = world_dice(world, 2) ? (int64_t)world_dice(world, 30 * LOOP_SECOND) : 0;
    world->weather.flip = world_dice(world, 3) ? 0 : share(world, 0.1);
    loopback_broker_set_faults(world->broker, &world->weather);
    return true;
}

static bool shorten_queues(struct world *world)
{
    world->weather.queue_limit = 5 + world_dice(world, 50);
    loopback_broker_set_faults(world->broker, &world->weather);
    return true;
}

static bool set_trap(struct world *world, enum trap_kind kind)
{
    if (world->trap.kind != TRAP_NONE)
        return false;
    world->trap.kind = kind;
    world->trap.count = 1 + (int)world_dice(world, 3);
    world->trap.message = (enum message_kind)(1 + world_dice(world, MESSAGE_KIND_COUNT - 1));
    return true;
}

static bool trap_lose(struct world *world)
{
    return set_trap(world, TRAP_LOSE);
}

static bool trap_kill(struct world *world)
{
    return set_trap(world, TRAP_KILL);
}

static bool trap_break(struct world *world)
{
    return set_trap(world, TRAP_BREAK);
}

static void on_spring(void *arg)
{
    struct world *world = arg;
    bool transfers;
    struct actor *actor = world_actor(world, world->trap.client, &transfers);
    enum trap_kind kind = world->trap.kind;
    world->trap.kind = TRAP_NONE;
    if (!actor)
        return;
    if (kind == TRAP_KILL)
        kill(world, actor);
    else
        loopback_break(transfers ? actor_transfers(actor) : actor->ops->transport(actor->process));
    world_cover(world, kind == TRAP_KILL ? COVER_TRAP_KILL : COVER_TRAP_BREAK);
}

static bool impostor(struct world *world, int kube)
{
    if (world->impostor.process) {
        actor_kill(&world->impostor, world_dice(world, 2) == 0, -1);
        return false;
    }
    world->impostor.index = kube;
    world->impostor_was = true;
    world->impostor_same |= kube == 0;
    actor_start(&world->impostor);
    return true;
}

static bool impostor_same(struct world *world)
{
    return impostor(world, 0);
}

static bool impostor_other(struct world *world)
{
    kube_load(&world->kubes[WORLD_KUBES], true);
    return impostor(world, WORLD_KUBES);
}

/* ---- API servers ---- */

static bool api_restart(struct world *world)
{
    apiserver_restart(any_kube(world)->server);
    return true;
}

static bool api_cut(struct world *world)
{
    local_cut(any_kube(world)->local);
    return true;
}

static bool api_end_watches(struct world *world)
{
    struct kube *kube = any_kube(world);
    if (world_dice(world, 2))
        apiserver_end_watches(kube->server);
    else
        local_cut_watches(kube->local);
    return true;
}

static bool api_half_open(struct world *world)
{
    local_stall_watches(any_kube(world)->local);
    return true;
}

static bool api_break_after(struct world *world)
{
    local_break_after(any_kube(world)->local, world_dice(world, 20000));
    return true;
}

static bool lag(struct world *world, struct kube *kube)
{
    uint64_t now = apiserver_revision(kube->server), back = world_dice(world, 40);
    local_set_horizon(kube->local, now > back ? now - back : 1);
    return true;
}

static bool api_lags(struct world *world)
{
    return lag(world, any_kube(world));
}

static bool api_stale(struct world *world)
{
    uint64_t which = world_dice(world, (uint64_t)world->kube_count);
    return kill(world, &world->providers[which]) && lag(world, &world->kubes[which]);
}

static bool api_slow(struct world *world)
{
    local_set_pace(any_kube(world)->local, 1 + world_dice(world, 5000),
                   (int64_t)world_dice(world, 50 * LOOP_MS));
    return true;
}

static bool api_hangs(struct world *world)
{
    local_set_hanging(any_kube(world)->local, true);
    return true;
}

static bool api_refuses(struct world *world)
{
    struct kube *kube = any_kube(world);
    local_set_refusing(kube->local, true);
    local_cut(kube->local);
    return true;
}

static bool api_forbids(struct world *world)
{
    struct kube *kube = any_kube(world);
    struct kube_resource *resource = &kube->resources[world_dice(world, KUBE_KINDS)];
    if (!resource->used)
        return false;
    apiserver_forbid(kube->server, &resource->gvr, true);
    if (world_dice(world, 2))
        local_cut_watches(kube->local);
    return true;
}

static bool api_gone(struct world *world)
{
    struct kube *kube = any_kube(world);
    bool possible = kube->resources[KUBE_WIDGETS].used && kube_serves(kube, KUBE_WIDGETS);
    if (possible)
        kube_drop_widgets(kube, false);
    return possible;
}

static bool api_back(struct world *world)
{
    struct kube *kube = any_kube(world);
    bool possible = kube->resources[KUBE_WIDGETS].used && !kube_serves(kube, KUBE_WIDGETS);
    if (possible)
        kube_drop_widgets(kube, true);
    return possible;
}

static bool api_expired(struct world *world)
{
    kube_expire(any_kube(world));
    return true;
}

static bool api_recovered(struct world *world)
{
    kube_recover(any_kube(world));
    return true;
}

/* As with a real cluster: whoever remembers revisions is started anew. */
static bool restored(struct world *world)
{
    uint64_t which = world_dice(world, (uint64_t)world->kube_count);
    if (!kube_restore(&world->kubes[which]))
        return false;
    kill(world, &world->providers[which]);
    if (which == 0 && world->impostor.process)
        actor_kill(&world->impostor, false, -1);
    return true;
}

static bool reworded(struct world *world)
{
    kube_speak_otherwise(any_kube(world));
    return true;
}

static bool set_up_anew(struct world *world)
{
    kube_set_up_anew(any_kube(world));
    return true;
}

static bool emptied(struct world *world)
{
    kube_empty(any_kube(world), (enum kube_kind)world_dice(world, KUBE_KINDS));
    return true;
}

static const struct fault faults[] = {
    {COVER_KILL_PROVIDER, 8, kill_provider},
    {COVER_KILL_INFORMER, 6, kill_informer},
    {COVER_BROKER_RESTART, 4, broker_restart},
    {COVER_BROKER_FORGOT, 4, broker_forget},
    {COVER_PARTITION, 8, cut},
    {COVER_BREAK, 6, break_connection},
    {COVER_DEAF, 5, make_deaf},
    {COVER_MUTE, 5, make_mute},
    {COVER_TRANSFERS_CUT, 6, cut_transfers},
    {COVER_TRANSFERS_BREAK, 4, break_transfers},
    {COVER_TRANSFERS_DEAF, 4, make_transfers_deaf},
    {COVER_WEATHER, 20, change_weather},
    {COVER_SHORT_QUEUE, 4, shorten_queues},
    {COVER_TRAP_SET, 10, trap_lose},
    {COVER_TRAP_SET, 6, trap_kill},
    {COVER_TRAP_SET, 6, trap_break},
    {COVER_IMPOSTOR_SAME, 1, impostor_same},
    {COVER_IMPOSTOR_OTHER, 1, impostor_other},
    {COVER_API_RESTART, 4, api_restart},
    {COVER_API_CUT, 4, api_cut},
    {COVER_API_END_WATCHES, 4, api_end_watches},
    {COVER_API_HALF_OPEN, 2, api_half_open},
    {COVER_API_BREAK_AFTER, 3, api_break_after},
    {COVER_API_STALE, 6, api_stale},
    {COVER_API_LAGS, 4, api_lags},
    {COVER_API_SLOW, 4, api_slow},
    {COVER_API_HANGS, 3, api_hangs},
    {COVER_API_REFUSES, 3, api_refuses},
    {COVER_API_FORBIDS, 3, api_forbids},
    {COVER_API_GONE, 2, api_gone},
    {COVER_API_BACK, 4, api_back},
    {COVER_API_EXPIRED, 4, api_expired},
    {COVER_RESTORED, 4, restored},
    {COVER_REWORDED, 3, reworded},
    {COVER_SET_UP_ANEW, 2, set_up_anew},
    {COVER_EMPTIED, 2, emptied},
};

/* Always there, so that trouble is not for good. */
static const struct fault recovery = {COVER_API_RECOVERED, 0, api_recovered};

/* ---- when ---- */

static const struct fault *any_fault(struct world *world)
{
    unsigned sum = 0;
    for (size_t i = 0; i < array_size(faults); i++)
        sum += world->enabled >> i & 1 ? faults[i].weight : 0;
    if (sum == 0 || world_dice(world, 6) == 0)
        return &recovery;
    uint64_t left = world_dice(world, sum);
    for (size_t i = 0;; i++) {
        unsigned weight = world->enabled >> i & 1 ? faults[i].weight : 0;
        if (left < weight)
            return &faults[i];
        left -= weight;
    }
}

static void on_strike(void *arg)
{
    struct world *world = arg;
    const struct fault *fault = any_fault(world);
    if (fault->strike(world))
        world_cover(world, fault->cover);
    timer_start(&world->strike, (int64_t)world_dice(world, (uint64_t)world->strike_us * 2));
}

static void on_broker_up(void *arg)
{
    loopback_broker_up(((struct world *)arg)->broker);
}

void faults_calm(struct world *world)
{
    world->trap.kind = TRAP_NONE;
    world->weather = (struct loopback_faults){.lose_this = wire_loses, .arg = world, .queue_limit = 1000};
    loopback_broker_set_faults(world->broker, &world->weather);
}

void faults_init(struct world *world)
{
    timer_init(&world->strike, world->loop, on_strike, world);
    timer_init(&world->broker_up, world->loop, on_broker_up, world);
    timer_init(&world->trap.spring, world->loop, on_spring, world);
    world->strike_us = (int64_t)(100 + world_dice(world, 3000)) * LOOP_MS;
    world->enabled =
        loop_random(world->loop) & (world_dice(world, 3) ? loop_random(world->loop) : UINT64_MAX);
    faults_calm(world);
}

void faults_deinit(struct world *world)
{
    timer_stop(&world->strike);
    timer_stop(&world->broker_up);
    timer_stop(&world->trap.spring);
}

void faults_begin(struct world *world)
{
    timer_start(&world->strike, 0);
}

void faults_end(struct world *world)
{
    faults_deinit(world);
    faults_calm(world);
    loopback_broker_up(world->broker);
    if (world->impostor.process)
        actor_kill(&world->impostor, world_dice(world, 2) == 0, -1);
    for (int i = 0; i <= WORLD_KUBES; i++) {
        struct kube *kube = &world->kubes[i];
        if (!kube->server)
            continue;
        if (kube->resources[KUBE_WIDGETS].used && !kube_serves(kube, KUBE_WIDGETS) && world_dice(world, 2))
            kube_drop_widgets(kube, true);
        kube_recover(kube);
    }
}
