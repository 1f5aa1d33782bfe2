#include "tests/sim/world.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

#define SETTLE_US (1200 * LOOP_SECOND) /* a watch that is half open is found out by its timeout only */

uint64_t world_dice(struct world *world, uint64_t sides)
{
    return loop_random_below(world->loop, sides);
}

void world_cover(struct world *world, enum cover cover)
{
    world->result.coverage.counts[cover]++;
    if (world->options.verbose)
        fprintf(world->log.out, "%10.3f * %s\n", (double)loop_now_us(world->loop) / LOOP_SECOND,
                cover_text(cover));
}

bool world_say(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (out)
        vfprintf(out, format, args);
    va_end(args);
    return false;
}

void world_fail(struct world *world, const char *oracle, const char *format, ...)
{
    if (!world->result.ok)
        return;
    va_list args;
    va_start(args, format);
    world->result.ok = false;
    snprintf(world->result.oracle, sizeof(world->result.oracle), "%s", oracle);
    vsnprintf(world->result.why, sizeof(world->result.why), format, args);
    va_end(args);
}

void world_trace(struct world *world, const void *data, size_t len)
{
    world->result.trace = XXH3_64bits_withSeed(data, len, world->result.trace);
}

/* In half of the seeds next to nothing is held as it is. */
struct attic *world_attic(struct world *world)
{
    struct attic_options options = {.hot_bytes = world->options.seed / 2 % 2 ? 8 << 10 : 64 << 10,
                                    .idle_us = 2 * LOOP_SECOND,
                                    .dictionary_bytes = 4 << 10,
                                    .dictionary_from = 2 << 10};
    return attic_create(world->loop, &options);
}

struct topics world_topics(void)
{
    struct topics topics;
    topics_init(&topics, "/signal", "/payload", NULL);
    return topics;
}

int world_kube_index(const struct world *world, const char *name)
{
    for (int i = 0; i < world->kube_count; i++)
        if (strcmp(world->kubes[i].name, name) == 0)
            return i;
    return -1;
}

struct kube *world_kube(struct world *world, const char *name)
{
    int index = world_kube_index(world, name);
    return index < 0 ? NULL : &world->kubes[index];
}

struct actor *world_actor(struct world *world, const char *client, bool *transfers)
{
    for (int i = 0; i < WORLD_KUBES; i++)
        if (world->providers[i].process && actor_is(&world->providers[i], client, transfers))
            return &world->providers[i];
    for (int i = 0; i < WORLD_INFORMERS; i++)
        if (world->informers[i].process && actor_is(&world->informers[i], client, transfers))
            return &world->informers[i];
    return NULL;
}

/* ---- what has happened ---- */

static void cover_more(struct world *world, enum cover cover, uint64_t count)
{
    world->result.coverage.counts[cover] += count;
}

void world_count_informer(struct world *world, const struct informer_stats *stats)
{
    cover_more(world, COVER_EVENTS, stats->events);
    cover_more(world, COVER_SYNCS, stats->syncs);
    cover_more(world, COVER_SYNCS_EQUAL, stats->syncs_equal);
    cover_more(world, COVER_SYNCS_REPAIR, stats->syncs_repair);
    cover_more(world, COVER_SYNCS_SNAPSHOT, stats->syncs_snapshot);
    cover_more(world, COVER_SYNCS_FAILED, stats->syncs_failed);
    cover_more(world, COVER_DUPLICATES, stats->duplicates);
    cover_more(world, COVER_GAPS, stats->gaps);
    cover_more(world, COVER_DIVERGENCES, stats->divergences);
    cover_more(world, COVER_FOREIGN, stats->foreign);
    cover_more(world, COVER_MALFORMED, stats->malformed);
    cover_more(world, COVER_CONFLICTS, stats->conflicts);
    if (stats->misinstalled)
        world_fail(world, "install", "what was put in place is not what had been verified");
}

void world_count_publisher(struct world *world, const struct publisher_stats *stats)
{
    cover_more(world, COVER_COALESCED, stats->coalesced);
    cover_more(world, COVER_REPLAYED, stats->deltas_replayed);
    cover_more(world, COVER_PATCHED, stats->patched);
    cover_more(world, COVER_SYNCS_REPLAY, stats->syncs_replay);
    cover_more(world, COVER_CONFLICTS, stats->conflicts);
}

static void count_end(struct world *world)
{
    struct loopback_stats stats = loopback_broker_stats(world->broker);
    cover_more(world, COVER_LOST, stats.lost);
    cover_more(world, COVER_REPEATED, stats.repeated);
    cover_more(world, COVER_FLIPPED, stats.flipped);
    cover_more(world, COVER_OVERFLOWED, stats.overflowed);
    for (int k = 0; k < world->kube_count; k++)
        for (size_t i = 0; i < KUBE_KINDS; i++)
            cover_more(world, COVER_EMPTY_STREAM,
                       world->kubes[k].resources[i].used &&
                           store_count(record_now(world->kubes[k].resources[i].record)) == 0);
}

/* ---- time ---- */

void world_pass(struct world *world, int64_t time_us)
{
    int64_t until_us = loop_now_us(world->loop) + time_us;
    while (world->result.ok && loop_now_us(world->loop) < until_us && loop_step(world->loop))
        ;
}

void world_expect_converged(struct world *world, int64_t within_us)
{
    int64_t start_us = loop_now_us(world->loop);
    while (world->result.ok && !world_converged(world, NULL)) {
        if (loop_now_us(world->loop) - start_us < within_us) {
            world_pass(world, LOOP_SECOND);
            continue;
        }
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        world_converged(world, out);
        fclose(out);
        world_fail(world, "convergence", "not converged after %lld s: %s",
                   (long long)(within_us / LOOP_SECOND), text);
        free(text);
    }
}

void world_load(struct world *world, bool on)
{
    for (int i = 0; i < world->kube_count; i++)
        kube_load(&world->kubes[i], on);
}

static void settle(struct world *world)
{
    int64_t start_us = loop_now_us(world->loop);
    world_expect_converged(world, SETTLE_US);
    world->result.settled_us = loop_now_us(world->loop) - start_us;
}

/* ---- life ---- */

static unsigned any_kinds(struct world *world)
{
    unsigned kinds = 1u << world_dice(world, KUBE_KINDS);
    for (uint64_t i = world_dice(world, 4); i > 0; i--)
        kinds |= 1u << world_dice(world, KUBE_KINDS);
    return kinds;
}

static void init_fleet(struct world *world)
{
    world->kube_count = 1 + (int)world_dice(world, 1 + world_dice(world, WORLD_KUBES));
    world->informer_count = 1 + (int)world_dice(world, 1 + world_dice(world, WORLD_INFORMERS));
    static const char *const names[WORLD_KUBES] = {"cluster1", "cluster2", "cluster3", "cluster4"};
    unsigned first = any_kinds(world);
    for (int i = 0; i < world->kube_count; i++) {
        kube_init(&world->kubes[i], world, names[i], i == 0 ? first : any_kinds(world));
    }
    kube_init(&world->kubes[WORLD_KUBES], world, names[0], first);
    for (int i = 0; i < WORLD_KUBES; i++)
        actor_init(&world->providers[i], world, &provider_actor, i);
    actor_init(&world->impostor, world, &provider_actor, 0);
    world->always = world_dice(world, 4) == 0;
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        actor_init(&world->informers[i], world, &informer_actor, i);
        world->wants[i] = world_dice(world, 3) ? UINT_MAX : (unsigned)loop_random(world->loop);
        world->keeps[i] = world->options.seed % 3 ? NULL : keep_create();
    }
}

static void world_init(struct world *world, const struct world_options *options)
{
    world->options = *options;
    world->result = (struct world_result){.ok = true};
    world->loop = loop_create_simulated(options->seed);
    loop_set_turn_us(world->loop,
                     (int64_t)world_dice(world, world_dice(world, 3) ? 2 * LOOP_MS : 20 * LOOP_MS));
    world->log = (struct log){.out = stderr, .level = LOG_LEVEL_DEBUG};
    world->encoding = world_dice(world, 3) ? ENCODING_ZSTD : ENCODING_PLAIN;
    world->max_payload = 1100 + world_dice(world, 4000); /* small: chunks are many, large objects in parts */
    world->window_messages = 1 + world_dice(world, world_dice(world, 2) ? 4 : 64);
    world->heartbeat_us = (int64_t)(1 + world_dice(world, 6)) * LOOP_SECOND;
    world->impatient = options->seed % 2 == 0;
    world->broker = loopback_broker_create(world->loop);
    init_fleet(world);
    faults_init(world);
    memory_watch(world);
}

static void world_deinit(struct world *world)
{
    faults_deinit(world);
    memory_unwatch(world);
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        actor_deinit(&world->informers[i]);
        keep_destroy(world->keeps[i]);
    }
    actor_deinit(&world->impostor);
    for (int i = 0; i < WORLD_KUBES; i++)
        actor_deinit(&world->providers[i]);
    count_end(world);
    loopback_broker_destroy(world->broker);
    for (int i = 0; i <= WORLD_KUBES; i++)
        if (world->kubes[i].server)
            kube_deinit(&world->kubes[i]);
    loop_destroy(world->loop);
}

static void start_fleet(struct world *world)
{
    for (int i = 0; i < world->kube_count; i++)
        timer_start(&world->providers[i].revive, (int64_t)world_dice(world, 3 * LOOP_SECOND));
    for (int i = 0; i < world->informer_count; i++)
        timer_start(&world->informers[i].revive, (int64_t)world_dice(world, 3 * LOOP_SECOND));
}

struct world_result world_run(const struct world_options *options)
{
    cleanup_free struct world *world = mem_zalloc(sizeof(*world));
    world_init(world, options);
    start_fleet(world);
    world_load(world, true);
    if (world_dice(world, 2))
        world_pass(world, (int64_t)world_dice(world, 6 * LOOP_SECOND));
    faults_begin(world);
    world_pass(world, (int64_t)(10 + world_dice(world, 30)) * LOOP_SECOND);
    faults_end(world);
    world_load(world, false);
    kube_load(&world->kubes[WORLD_KUBES], false);
    settle(world);
    if (world->result.ok)
        fair_run(world);
    world_deinit(world);
    return world->result;
}
