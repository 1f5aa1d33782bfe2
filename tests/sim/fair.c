/*
 * Fair weather: the world has converged, nothing fails any more. What is done now has its price, and nobody
 * may take more.
 */
#include "tests/sim/world.h"

#include <limits.h>
#include <string.h>

#define PAUSE_US (15 * LOOP_SECOND) /* a stream that has been right for so long may ask at once */
#define LATE_LOSSES 8
#define LATE_PRESENCES 4 /* of a run that is over: nothing tells it from another provider of that name */
#define STORM_SYNCS 9    /* of one stream in 40 s: at once, and after waits of 250 ms to 16 s at least */

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
        sum.syncs += stats->syncs - stats->syncs_ended; /* an end is found out whenever that is */
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

static void expect_at_most(struct world *world, const char *when, const struct informer_stats *before,
                           uint64_t most, uint64_t most_failed, uint64_t most_conflicts)
{
    struct informer_stats after = counted(world);
    expect(world, when, "divergences", before->divergences, after.divergences, 0);
    expect(world, when, "syncs that failed", before->syncs_failed, after.syncs_failed, most_failed);
    /* a presence that was damaged may still be retained, and be the first thing that an informer hears; and a
     * sync that was said twice may be answered in two ways, which do not go together */
    expect(world, when, "messages not understood", before->malformed, after.malformed,
           (uint64_t)world->kube_count + most_failed);
    expect(world, when, "conflicts", before->conflicts, after.conflicts, most_conflicts);
    expect(world, when, "syncs", before->syncs, after.syncs, most);
}

static void expect_syncs(struct world *world, const char *when, const struct informer_stats *before,
                         uint64_t most)
{
    expect_at_most(world, when, before, most, 0, 0);
}

static void load(struct world *world, int64_t time_us)
{
    world_load(world, true);
    world_pass(world, time_us);
    world_load(world, false);
    world_pass(world, 5 * LOOP_SECOND);
    world_expect_converged(world, 5 * LOOP_SECOND);
}

static bool wants_all(const struct world *world)
{
    unsigned wanted = UINT_MAX;
    for (int i = 0; i < world->informer_count; i++)
        wanted &= world->wants[i];
    return wanted == UINT_MAX;
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
    if (wants_all(world)) /* else deltas for others come along */
        expect(world, "load", "foreign messages", before.foreign, after.foreign, 0);
}

/* Which one informer follows of one cluster. */
static uint64_t streams(struct world *world, int informer, struct kube *kube)
{
    uint64_t count = 0;
    for (size_t i = 0; i < KUBE_KINDS; i++)
        count += kube->resources[i].used && (world->wants[informer] >> i & 1) &&
                 kube_serves(kube, (enum kube_kind)i);
    return count;
}

static uint64_t streams_at(struct world *world, struct kube *kube)
{
    uint64_t count = 0;
    for (int i = 0; i < world->informer_count; i++)
        count += streams(world, i, kube);
    return count;
}

static void restart_of_a_provider_costs_equals(struct world *world)
{
    uint64_t which = world_dice(world, (uint64_t)world->kube_count);
    uint64_t most = streams_at(world, &world->kubes[which]);
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

static uint64_t streams_of(struct world *world, int informer)
{
    uint64_t count = 0;
    for (int i = 0; i < world->kube_count; i++)
        count += streams(world, informer, &world->kubes[i]);
    return count;
}

static uint64_t all_streams(struct world *world)
{
    uint64_t count = 0;
    for (int i = 0; i < world->informer_count; i++)
        count += streams_of(world, i);
    return count;
}

static void restart_of_an_informer_costs_one_sync_each(struct world *world)
{
    struct actor *actor = &world->informers[world_dice(world, (uint64_t)world->informer_count)];
    world_cover(world, COVER_FAIR_INFORMER);
    actor_kill(actor, false, 0);
    struct informer_stats before = counted(world);
    world_pass(world, 20 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
    expect_syncs(world, "informer restarted", &before, streams_of(world, actor->index));
}

static void set_loss(struct world *world, enum message_kind kind, int count)
{
    world->trap.kind = count ? TRAP_LOSE : TRAP_NONE;
    world->trap.message = kind;
    world->trap.count = count;
}

static void loss_of_one_delta_costs_one_sync(struct world *world)
{
    struct informer_stats before = counted(world);
    set_loss(world, MESSAGE_DELTA, 1);
    world_cover(world, COVER_FAIR_LOSS);
    load(world, 3 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
    /* lost on its way to the broker it is lost for all */
    expect_syncs(world, "one delta lost", &before, (uint64_t)world->informer_count);
}

static void reordering_costs_no_sync(struct world *world)
{
    struct informer_stats before = counted(world);
    uint64_t parts = world->parts;
    world->weather.delay_max_us = (int64_t)world_dice(world, 100 * LOOP_MS);
    world->weather.reorder = true;
    world->weather.repeat = 0.1;
    loopback_broker_set_faults(world->broker, &world->weather);
    world_cover(world, COVER_FAIR_REORDER);
    load(world, 3 * LOOP_SECOND);
    if (world->parts ==
        parts) /* of two payloads in parts on one topic, the second takes the first one's place */
        expect_syncs(world, "reordering", &before, 0);
}

static void set_haste(struct world *world, bool hasty)
{
    for (int i = 0; i < world->kube_count; i++)
        world->kubes[i].hasty = hasty;
}

/* So slow that windows fill, but that each transfer gets its turn long before its sync gives up, after 5 s:
 * there and back, for the three messages of a turn, of all transfers. */
static int64_t busy_delay_us(struct world *world)
{
    int64_t turns = 2 * 3 * (int64_t)(all_streams(world) + 1) / (int64_t)world->window_messages + 1;
    int64_t most_us = 4 * LOOP_SECOND / turns;
    return (int64_t)world_dice(world, (uint64_t)(most_us < 200 * LOOP_MS ? most_us : 200 * LOOP_MS));
}

/* The chunks are of different moments, and changes come between them: so many that they wait for the window,
 * and that what was told of an object may be over before its chunk is read. */
static void restart_of_informers_under_load_costs_no_more(struct world *world)
{
    world_cover(world, COVER_FAIR_BUSY);
    world->weather.delay_max_us = busy_delay_us(world);
    loopback_broker_set_faults(world->broker, &world->weather);
    for (int i = 0; i < world->informer_count; i++)
        actor_kill(&world->informers[i], false, (int64_t)world_dice(world, LOOP_SECOND));
    struct informer_stats before = counted(world);
    set_haste(world, true);
    world_load(world, true);
    world_pass(world, 3 * LOOP_SECOND);
    world_load(world, false);
    set_haste(world, false);
    world_expect_converged(world, 60 * LOOP_SECOND); /* one small chunk at a time, in the least window */
    /* Who does not wait for a replay may lose what overtakes its end, and asks once more. */
    expect_syncs(world, "informers restarted under load", &before,
                 all_streams(world) * (world->impatient ? 2 : 1));
    faults_calm(world);
    world_pass(world, PAUSE_US);
}

static void set_weather(struct world *world, double repeat, int64_t late_us, double flip)
{
    world->weather.repeat = repeat;
    world->weather.late_us = late_us;
    world->weather.flip = flip;
    loopback_broker_set_faults(world->broker, &world->weather);
}

/* Whatever was said once is said again, up to half a minute later; by a run that is over, too. */
static void late_copies_change_nothing(struct world *world)
{
    struct informer_stats before = counted(world);
    uint64_t most = LATE_LOSSES * (uint64_t)world->informer_count, conflicts = 0;
    world_cover(world, COVER_FAIR_LATE);
    world->weather.delay_max_us =
        (int64_t)world_dice(world, 300 * LOOP_MS); /* so that a sync takes its time */
    set_weather(world, 0.5, (int64_t)(2 + world_dice(world, 30)) * LOOP_SECOND, 0);
    world_load(world, true);
    for (int i = 0; i < LATE_LOSSES; i++) {
        set_loss(world, MESSAGE_DELTA, 1);
        world_pass(world, (int64_t)world_dice(world, 4 * LOOP_SECOND));
    }
    if (world_dice(world, 2)) {
        actor_kill(&world->providers[0], true, LOOP_SECOND);
        most += streams_at(world, &world->kubes[0]);
        conflicts = LATE_PRESENCES * (uint64_t)world->informer_count;
        world_pass(world, (int64_t)world_dice(world, 20 * LOOP_SECOND));
    }
    world_load(world, false);
    set_loss(world, MESSAGE_DELTA, 0);
    set_weather(world, 0, 0, 0);
    world_pass(world, 60 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
    /* an old delta may be the first one that a sync gathers, and then what follows has a gap */
    expect_at_most(world, "late copies", &before, 4 * most, 2 * most, conflicts);
}

/* The plain form has no check, so that a bit flipped may have told an informer anything that no root covers:
 * which cluster it is, say. */
static void forget_damage(struct world *world)
{
    for (int i = 0; i < world->informer_count && world->encoding == ENCODING_PLAIN; i++)
        actor_kill(&world->informers[i], false, 0);
}

/* A run begins with catalogs that change, and the older ones come again behind the newer. Not so late that
 * old heartbeats make a lease of 20 s seem to be renewed. */
static void late_catalogs_cost_nothing(struct world *world)
{
    struct informer_stats before = counted(world);
    uint64_t which = world_dice(world, (uint64_t)world->kube_count);
    world_cover(world, COVER_FAIR_CATALOG);
    set_weather(world, 1, 3 * LOOP_SECOND, 0);
    actor_kill(&world->providers[which], true, LOOP_SECOND);
    world_pass(world, 40 * LOOP_SECOND);
    expect_at_most(world, "late catalogs", &before, streams_at(world, &world->kubes[which]), 0, UINT64_MAX);
    set_weather(world, 0, 0, 0);
    world_pass(world, 40 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
}

/* Nobody is told what nobody has said: the witnesses see to that. */
static void damage_is_seen(struct world *world)
{
    struct actor *actor = &world->informers[world_dice(world, (uint64_t)world->informer_count)];
    world_cover(world, COVER_FAIR_DAMAGE);
    set_weather(world, 0, 0, 0.3);
    world_load(world, true);
    for (int i = 0; i < 4; i++) {
        actor_kill(actor, false, 0);
        world_pass(world, 5 * LOOP_SECOND);
    }
    world_load(world, false);
    faults_calm(world);
    world_expect_converged(world, 300 * LOOP_SECOND);
    forget_damage(world);
    world_pass(world, 60 * LOOP_SECOND);
}

/* Nobody goes back to the cluster that it was, whatever is still on its way. */
static void old_cluster_is_over(struct world *world)
{
    world_cover(world, COVER_FAIR_ANEW);
    set_weather(world, 1, 40 * LOOP_SECOND, 0);
    actor_kill(&world->providers[0], false, 0);
    world_pass(world, 3 * LOOP_SECOND);
    actor_kill(&world->providers[0], false, 0);
    kube_set_up_anew(&world->kubes[0]);
    for (int i = 0; i < 20; i++)
        kube_change(&world->kubes[0]);
    world_pass(world, 60 * LOOP_SECOND);
    set_weather(world, 0, 0, 0);
    world_pass(world, 60 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
}

/* The word that it is over comes again when it has long begun anew. */
static void end_comes_late(struct world *world)
{
    struct kube *kube = &world->kubes[0];
    if (!kube->resources[KUBE_WIDGETS].used || !kube_serves(kube, KUBE_WIDGETS))
        return;
    world_cover(world, COVER_FAIR_GONE);
    set_weather(world, 1, 200 * LOOP_SECOND, 0);
    kube_drop_widgets(kube, false);
    world_pass(world, 60 * LOOP_SECOND);
    kube_drop_widgets(kube, true);
    for (int i = 0; i < 20; i++)
        kube_change(kube);
    world_pass(world, 100 * LOOP_SECOND);
    set_weather(world, 0, 0, 0);
    world_pass(world, 200 * LOOP_SECOND);
    world_expect_converged(world, 60 * LOOP_SECOND);
}

/* Each loss leads to a sync, which goes well; but the next one has to wait longer and longer. */
static void losses_are_no_storm(struct world *world)
{
    struct informer_stats before = counted(world);
    world_cover(world, COVER_FAIR_STORM);
    world->deltas_lost = 2;
    world_load(world, true);
    world_pass(world, 40 * LOOP_SECOND);
    struct informer_stats after = counted(world);
    world_load(world, false);
    world->deltas_lost = 0;
    world_expect_converged(world, 120 * LOOP_SECOND);
    expect(world, "deltas lost all the time", "syncs", before.syncs, after.syncs,
           STORM_SYNCS * all_streams(world));
}

static bool passes_for_alive(struct world *world, const char *name)
{
    for (int i = 0; i < world->informer_count; i++) {
        struct informer_cluster *cluster = NULL;
        const struct informer *informer = informer_process_informer(world->informers[i].process);
        while ((cluster = informer_next_cluster(informer, cluster)))
            if (strcmp(cluster_name(cluster), name) == 0 && cluster_alive(cluster))
                return true;
    }
    return false;
}

static void silence_is_noticed(struct world *world)
{
    int which = (int)world_dice(world, (uint64_t)world->kube_count);
    struct actor *actor = &world->providers[which];
    world_cover(world, COVER_FAIR_SILENCE);
    actor_hush(actor, false, 5 * world->heartbeat_us);
    world_pass(world, 4 * world->heartbeat_us);
    if (world->result.ok && passes_for_alive(world, world->kubes[which].name))
        world_fail(world, "silence", "%s is not heard, and passes for alive", world->kubes[which].name);
    world_expect_converged(world, 60 * LOOP_SECOND);
}

/* What the broker has retained of each provider, for those who come next. */
struct probe {
    struct world *world;
    struct codec *codec;
    bool alive[WORLD_KUBES];
};

static void probe_connected(void *arg)
{
    (void)arg;
}

static void probe_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    struct probe *probe = arg;
    struct message message;
    struct presence presence;
    struct topics topics = world_topics();
    struct topic parsed;
    if (!retained || topics_parse(&topics, topic, &parsed) != 0)
        return;
    int which = world_kube_index(probe->world, parsed.provider);
    if (which >= 0 && codec_decode(probe->codec, payload, len, &message) == 0 &&
        presence_parse(message.body, &presence) == 0)
        probe->alive[which] = presence.alive;
}

static void presences_are_right(struct world *world)
{
    static const struct transport_callbacks callbacks = {.connected = probe_connected,
                                                         .message = probe_message};
    struct probe probe = {.world = world, .codec = codec_create(world->encoding, 4096)};
    struct topics topics = world_topics();
    topics_text filter;
    topics_filter_presences(&topics, filter);
    struct transport *transport = loopback_create(world->broker, &(struct loopback_options){.name = "probe"});
    transport_subscribe(transport, filter, 0);
    transport_start(transport, &callbacks, &probe);
    world_pass(world, LOOP_SECOND);
    for (int i = 0; i < world->kube_count; i++)
        if (!probe.alive[i])
            world_fail(world, "presence", "%s is alive, and what the broker has retained does not say so",
                       world->kubes[i].name);
    transport_destroy(transport);
    codec_destroy(probe.codec);
}

/* A process dies behind a cut; its successor is there long before the broker says the will. */
static void late_will_is_put_right(struct world *world)
{
    struct actor *actor = &world->providers[world_dice(world, (uint64_t)world->kube_count)];
    world_cover(world, COVER_FAIR_WILL);
    actor_cut(actor, 60 * LOOP_SECOND);
    actor_kill(actor, false, LOOP_SECOND);
    world_pass(world, 30 * LOOP_SECOND);
    presences_are_right(world);
    world_expect_converged(world, 60 * LOOP_SECOND);
}

/* One watch may be half open still, beside what does not change; and a resource may be gone. */
static void all_is_served(struct world *world)
{
    forget_damage(world);
    for (int i = 0; i < world->kube_count; i++) {
        struct kube *kube = &world->kubes[i];
        local_cut_watches(kube->local);
        if (kube->resources[KUBE_WIDGETS].used && !kube_serves(kube, KUBE_WIDGETS))
            kube_drop_widgets(kube, true);
        kube_recover(kube); /* what is back may be forbidden still */
    }
    world_pass(world, 60 * LOOP_SECOND); /* the last timers of what was before */
    world_expect_converged(world, 120 * LOOP_SECOND);
    world_pass(world, PAUSE_US);
}

void fair_run(struct world *world)
{
    static void (*const trials[])(struct world *) = {
        changes_cost_no_sync,
        restart_of_a_provider_costs_equals,
        restart_of_an_informer_costs_one_sync_each,
        loss_of_one_delta_costs_one_sync,
        reordering_costs_no_sync,
        late_copies_change_nothing,
        late_catalogs_cost_nothing,
        losses_are_no_storm,
        damage_is_seen,
        end_comes_late,
        old_cluster_is_over,
        silence_is_noticed,
        late_will_is_put_right,
    };
    all_is_served(world);
    changes_cost_no_sync(world);
    restart_of_informers_under_load_costs_no_more(world);
    for (int i = 0; i < 2 && world->result.ok; i++) {
        trials[world_dice(world, sizeof(trials) / sizeof(trials[0]))](world);
        faults_calm(world);
        world_pass(world, PAUSE_US);
    }
}
