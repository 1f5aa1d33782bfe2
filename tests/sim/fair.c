/*
 * Fair weather: the world has converged, nothing fails any more. What is done now has its price, and nobody
 * may take more.
 */
#include "tests/sim/world.h"

/* All that running informers have counted. */
static struct informer_stats counted(const struct world *world)
{
    struct informer_stats sum = {0};
    for (int i = 0; i < world->informer_count; i++) {
        if (!world->informers[i].process)
            continue;
        const struct informer_stats *stats =
            informer_stats(informer_process_informer(world->informers[i].process));
        sum.events += stats->events;
        sum.duplicates += stats->duplicates;
        sum.gaps += stats->gaps;
        sum.divergences += stats->divergences;
        sum.syncs += stats->syncs;
        sum.syncs_equal += stats->syncs_equal;
        sum.syncs_failed += stats->syncs_failed;
        sum.foreign += stats->foreign;
        sum.malformed += stats->malformed;
        sum.conflicts += stats->conflicts;
    }
    return sum;
}

/* One number of both: what has come since. */
static void expect(struct world *world, const char *when, const char *what, uint64_t before, uint64_t after,
                   uint64_t most)
{
    if (after - before > most)
        world_fail(world, "needless", "%s: %llu %s, and not %llu", when, (unsigned long long)(after - before),
                   what, (unsigned long long)most);
}

static void expect_syncs(struct world *world, const char *when, const struct informer_stats *before,
                         uint64_t most)
{
    struct informer_stats after = counted(world);
    expect(world, when, "divergences", before->divergences, after.divergences, 0);
    expect(world, when, "syncs that failed", before->syncs_failed, after.syncs_failed, 0);
    expect(world, when, "messages not understood", before->malformed, after.malformed, 0);
    expect(world, when, "conflicts", before->conflicts, after.conflicts, 0);
    expect(world, when, "syncs", before->syncs, after.syncs, most);
}

static void load(struct world *world, int64_t time_us)
{
    world_load(world, true);
    world_pass(world, time_us);
    world_load(world, false);
    world_pass(world, 5 * LOOP_SECOND);
    world_expect_converged(world, 5 * LOOP_SECOND);
}

static void changes_cost_no_sync(struct world *world)
{
    struct informer_stats before = counted(world);
    world_cover(world, COVER_FAIR_LOAD);
    load(world, 6 * LOOP_SECOND);
    expect_syncs(world, "load", &before, 0);
    struct informer_stats after = counted(world);
    expect(world, "load", "gaps", before.gaps, after.gaps, 0);
    expect(world, "load", "duplicates", before.duplicates, after.duplicates, 0);
    expect(world, "load", "foreign messages", before.foreign, after.foreign, 0);
}

static uint64_t streams(struct kube *kube)
{
    uint64_t count = 0;
    for (size_t i = 0; i < KUBE_KINDS; i++)
        count += kube->resources[i].used && kube_serves(kube, (enum kube_kind)i);
    return count;
}

static void restart_of_a_provider_costs_equals(struct world *world)
{
    uint64_t which = world_dice(world, (uint64_t)world->kube_count);
    uint64_t most = streams(&world->kubes[which]) * (uint64_t)world->informer_count;
    struct informer_stats before = counted(world);
    world_cover(world, COVER_FAIR_PROVIDER);
    actor_kill(&world->providers[which], world_dice(world, 2) == 0, (int64_t)world_dice(world, LOOP_SECOND));
    world_pass(world, 60 * LOOP_SECOND);
    world_expect_converged(world, 0);
    struct informer_stats after = counted(world);
    expect_syncs(world, "provider restarted", &before, most);
    expect(world, "provider restarted", "changes told", before.events, after.events, 0);
    if (after.syncs_equal - before.syncs_equal != after.syncs - before.syncs)
        world_fail(world, "needless", "provider restarted: not every sync was answered equal");
}

static void restart_of_an_informer_costs_one_sync_each(struct world *world)
{
    struct actor *actor = &world->informers[world_dice(world, (uint64_t)world->informer_count)];
    uint64_t most = 0;
    for (int i = 0; i < world->kube_count; i++)
        most += streams(&world->kubes[i]);
    world_cover(world, COVER_FAIR_INFORMER);
    actor_kill(actor, false, 0);
    struct informer_stats before = counted(world);
    world_pass(world, 20 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
    expect_syncs(world, "informer restarted", &before, most);
}

static void loss_of_one_delta_costs_one_sync(struct world *world)
{
    struct informer_stats before = counted(world);
    world->trap.kind = TRAP_LOSE;
    world->trap.message = MESSAGE_DELTA;
    world->trap.count = 1;
    world_cover(world, COVER_FAIR_LOSS);
    load(world, 3 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
    world->trap.kind = TRAP_NONE;
    /* lost on its way to the broker it is lost for all */
    expect_syncs(world, "one delta lost", &before, (uint64_t)world->informer_count);
}

static void reordering_costs_no_sync(struct world *world)
{
    struct informer_stats before = counted(world);
    world->weather.delay_max_us = (int64_t)world_dice(world, 200 * LOOP_MS);
    world->weather.reorder = true;
    world->weather.repeat = 0.1;
    loopback_broker_set_faults(world->broker, &world->weather);
    world_cover(world, COVER_FAIR_REORDER);
    load(world, 3 * LOOP_SECOND);
    expect_syncs(world, "reordering", &before, 0);
}

void fair_run(struct world *world)
{
    static void (*const trials[])(struct world *) = {
        changes_cost_no_sync,
        restart_of_a_provider_costs_equals,
        restart_of_an_informer_costs_one_sync_each,
        loss_of_one_delta_costs_one_sync,
        reordering_costs_no_sync,
    };
    for (int i = 0; i < world->kube_count;
         i++) /* a watch may be half open still, beside what does not change */
        local_cut_watches(world->kubes[i].local);
    world_pass(world, 60 * LOOP_SECOND); /* the last timers of what was before */
    changes_cost_no_sync(world);
    if (world->result.ok)
        trials[world_dice(world, sizeof(trials) / sizeof(trials[0]))](world);
}
