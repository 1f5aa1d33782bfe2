#include "tests/sim/world.h"

#include <stdarg.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

const char *const world_resource_names[WORLD_RESOURCES] = {"configmaps", "services", "serviceaccounts"};
static const char *const kinds[WORLD_RESOURCES] = {"ConfigMap", "Service", "ServiceAccount"};

static uint64_t dice(struct world *world, uint64_t sides)
{
    return loop_random_below(world->loop, sides);
}

static double chance(struct world *world)
{
    return (double)dice(world, 1000000) / 1e6;
}

void world_fail(struct world *world, const char *format, ...)
{
    if (!world->result.ok)
        return;
    va_list args;
    va_start(args, format);
    world->result.ok = false;
    vsnprintf(world->result.why, sizeof(world->result.why), format, args);
    va_end(args);
}

void world_trace(struct world *world, const void *data, size_t len)
{
    world->result.trace = XXH3_64bits_withSeed(data, len, world->result.trace);
}

/* ---- load ---- */

static void change_object(struct world *world, size_t resource, const char *key, const char *name)
{
    struct buf json = BUF_INIT(1 << 20);
    size_t size = dice(world, 50) == 0 ? 2000 + dice(world, 30000) : dice(world, 400);
    buf_appendf(
        &json,
        "{\"kind\":\"%s\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\","
        "\"annotations\":{\"n\":\"%llu\",\"fill\":\"",
        kinds[resource], name, (unsigned long long)loop_random(world->loop));
    for (size_t i = 0; i < size; i++)
        buf_append_char(&json, (char)('a' + dice(world, 26)));
    buf_append_str(&json, "\"}}}");
    struct error err = {0};
    int r =
        apiserver_get_object(world->server, &world->gvrs[resource], key)
            ? apiserver_update_object(world->server, &world->gvrs[resource], json.data, json.len, false, NULL,
                                      &err)
            : apiserver_create_object(world->server, &world->gvrs[resource], json.data, json.len, NULL, &err);
    if (r != 0)
        world_fail(world, "the cluster refused a change: %s", err.text);
    buf_deinit(&json);
}

static void change_something(struct world *world)
{
    size_t resource = dice(world, WORLD_RESOURCES);
    char name[32], key[64];
    snprintf(name, sizeof(name), "n%llu", (unsigned long long)dice(world, world->names));
    snprintf(key, sizeof(key), "default/%s", name);
    world->result.changes++;
    if (dice(world, 4) == 0 && apiserver_get_object(world->server, &world->gvrs[resource], key))
        apiserver_delete_object(world->server, &world->gvrs[resource], key, NULL);
    else
        change_object(world, resource, key, name);
}

static void on_load(void *arg)
{
    struct world *world = arg;
    uint64_t burst = dice(world, 20) == 0 ? 30 : 1;
    for (uint64_t i = 0; i < burst; i++)
        change_something(world);
    timer_start(&world->load, (int64_t)dice(world, (uint64_t)world->load_us * 2));
}

/* ---- faults ---- */

static void on_revive_provider(void *arg)
{
    struct world *world = arg;
    world->provider = provider_site_create(world);
}

static void on_revive_informer(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < WORLD_INFORMERS; i++)
        if (!world->informers[i] && !timer_active(&world->revive_informer[i]))
            world->informers[i] = informer_site_create(world, i);
}

static void kill_provider(struct world *world)
{
    if (!world->provider)
        return;
    world->result.kills++;
    timer_stop(&world->join_provider);
    provider_site_kill(world->provider, dice(world, 3) == 0);
    world->provider = NULL;
    timer_start(&world->revive_provider, (int64_t)dice(world, 5 * LOOP_SECOND));
}

static void kill_informer(struct world *world, int i)
{
    if (!world->informers[i])
        return;
    world->result.kills++;
    timer_stop(&world->join_informer[i]);
    informer_site_kill(world->informers[i], dice(world, 3) == 0);
    world->informers[i] = NULL;
    timer_start(&world->revive_informer[i], (int64_t)dice(world, 5 * LOOP_SECOND));
}

static void on_broker_up(void *arg)
{
    loopback_broker_up(((struct world *)arg)->broker);
}

static void broker_restart(struct world *world)
{
    loopback_broker_down(world->broker);
    if (dice(world, 2))
        loopback_broker_forget(world->broker);
    timer_start(&world->broker_up, (int64_t)dice(world, 4 * LOOP_SECOND));
}

static void on_join_provider(void *arg)
{
    struct world *world = arg;
    if (world->provider)
        loopback_join(provider_site_transport(world->provider));
}

static void on_join_informer(void *arg)
{
    struct world *world = arg;
    for (int i = 0; i < WORLD_INFORMERS; i++)
        if (world->informers[i] && !timer_active(&world->join_informer[i]))
            loopback_join(informer_site_transport(world->informers[i]));
}

static void cut_provider(struct world *world)
{
    if (!world->provider)
        return;
    loopback_cut(provider_site_transport(world->provider));
    timer_start(&world->join_provider, (int64_t)dice(world, 20 * LOOP_SECOND));
}

static void cut_informer(struct world *world, int i)
{
    if (!world->informers[i])
        return;
    loopback_cut(informer_site_transport(world->informers[i]));
    timer_start(&world->join_informer[i], (int64_t)dice(world, 20 * LOOP_SECOND));
}

static void weather(struct world *world)
{
    struct loopback_faults faults = {
        .delay_min_us = 0,
        .delay_max_us = (int64_t)dice(world, 300 * LOOP_MS),
        .reorder = dice(world, 3) == 0,
        .queue_limit = dice(world, 3) ? 1000 : 5 + dice(world, 50),
    };
    if (dice(world, 2))
        faults.lose = chance(world) * 0.3;
    if (dice(world, 2))
        faults.repeat = chance(world) * 0.3;
    if (dice(world, 8) == 0)
        faults.flip = chance(world) * 0.05;
    loopback_broker_set_faults(world->broker, &faults);
}

static void api_health(struct world *world)
{
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        apiserver_forbid(world->server, &world->gvrs[i], false);
    local_set_hanging(world->local, false);
    local_break_after(world->local, SIZE_MAX);
    local_set_horizon(world->local, UINT64_MAX);
    local_set_pace(world->local, 0, 0);
}

static void api_trouble(struct world *world)
{
    switch (dice(world, 10)) {
    case 0: /* it knows no history from before: watches that are taken up get 410 */
        apiserver_restart(world->server);
        break;
    case 7:
        apiserver_forbid(world->server, &world->gvrs[dice(world, WORLD_RESOURCES)], true);
        break;
    case 8:
        local_set_hanging(world->local, true);
        break;
    case 1:
        apiserver_end_watches(world->server);
        break;
    case 2:
        local_cut(world->local);
        break;
    case 3:
        local_cut_watches(world->local);
        break;
    case 4:
        local_break_after(world->local, dice(world, 20000));
        break;
    case 5:
        local_set_horizon(world->local, apiserver_revision(world->server));
        break;
    case 6:
        local_set_pace(world->local, 1 + dice(world, 5000), (int64_t)dice(world, 50 * LOOP_MS));
        break;
    default:
        api_health(world);
    }
}

static void on_fault(void *arg)
{
    struct world *world = arg;
    switch (dice(world, 10)) {
    case 0:
        kill_provider(world);
        break;
    case 1:
        kill_informer(world, (int)dice(world, WORLD_INFORMERS));
        break;
    case 2:
        broker_restart(world);
        break;
    case 3:
        cut_provider(world);
        break;
    case 4:
        cut_informer(world, (int)dice(world, WORLD_INFORMERS));
        break;
    case 5:
    case 6:
        weather(world);
        break;
    default:
        api_trouble(world);
    }
    timer_start(&world->fault, (int64_t)dice(world, 4 * LOOP_SECOND));
}

static void calm(struct world *world)
{
    timer_stop(&world->load);
    timer_stop(&world->fault);
    loopback_broker_set_faults(world->broker, &(struct loopback_faults){0});
    api_health(world);
}

/* ---- life ---- */

static void world_init_timers(struct world *world)
{
    struct loop *loop = world->loop;
    timer_init(&world->load, loop, on_load, world);
    timer_init(&world->fault, loop, on_fault, world);
    timer_init(&world->revive_provider, loop, on_revive_provider, world);
    timer_init(&world->broker_up, loop, on_broker_up, world);
    timer_init(&world->join_provider, loop, on_join_provider, world);
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        timer_init(&world->revive_informer[i], loop, on_revive_informer, world);
        timer_init(&world->join_informer[i], loop, on_join_informer, world);
    }
}

static void world_init(struct world *world, const struct world_options *options)
{
    world->options = *options;
    world->result.ok = true;
    world->loop = loop_create_simulated(options->seed * 0x9e3779b97f4a7c15u + 1);
    loop_set_turn_us(world->loop, (int64_t)dice(world, 2 * LOOP_MS));
    world->log = (struct log){.out = stderr, .level = LOG_LEVEL_DEBUG};
    world_init_timers(world);
    world->server = apiserver_create(&(struct apiserver_options){.loop = world->loop});
    world->local = local_create(world->server);
    for (size_t i = 0; i < WORLD_RESOURCES; i++) {
        gvr_set(&world->gvrs[i], "", "v1", world_resource_names[i]);
        world->rules[i] =
            (struct object_rules){.kind = mem_strdup(kinds[i]), .api_version = mem_strdup("v1")};
        object_rules_cut(&world->rules[i], "metadata.managedFields");
    }
    world->names = 5 + dice(world, 60);
    world->load_us = (int64_t)(5 + dice(world, 200)) * LOOP_MS;
    world->broker = loopback_broker_create(world->loop);
    world->provider = provider_site_create(world);
    for (int i = 0; i < WORLD_INFORMERS; i++)
        world->informers[i] = informer_site_create(world, i);
}

static void world_deinit(struct world *world)
{
    struct timer *timers[] = {&world->load, &world->fault, &world->revive_provider, &world->broker_up,
                              &world->join_provider};
    for (size_t i = 0; i < array_size(timers); i++)
        timer_stop(timers[i]);
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        timer_stop(&world->revive_informer[i]);
        timer_stop(&world->join_informer[i]);
        informer_site_kill(world->informers[i], true);
    }
    provider_site_kill(world->provider, true);
    loopback_broker_destroy(world->broker);
    local_destroy(world->local);
    apiserver_destroy(world->server);
    for (size_t i = 0; i < WORLD_RESOURCES; i++)
        object_rules_deinit(&world->rules[i]);
    loop_destroy(world->loop);
}

static void world_count(struct world *world)
{
    for (int i = 0; i < WORLD_INFORMERS; i++) {
        if (!world->informers[i])
            continue;
        const struct informer_stats *stats = informer_stats(informer_site_informer(world->informers[i]));
        world->result.syncs += stats->syncs;
        world->result.equal += stats->syncs_equal;
        world->result.gaps += stats->gaps;
        world->result.divergences += stats->divergences;
    }
}

static void run_until(struct world *world, int64_t until_us)
{
    while (world->result.ok && loop_now_us(world->loop) < until_us && loop_step(world->loop))
        ;
}

static void settle(struct world *world)
{
    int64_t start = loop_now_us(world->loop), end = start + world->options.settle_us;
    while (world->result.ok && loop_now_us(world->loop) < end) {
        run_until(world, loop_now_us(world->loop) + LOOP_SECOND);
        if (world_converged(world, NULL))
            break;
    }
    world->result.settled_us = loop_now_us(world->loop) - start;
    if (!world->result.ok || world_converged(world, NULL))
        return;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    world_converged(world, out);
    fclose(out);
    world_fail(world, "not converged %lld s after the faults: %s",
               (long long)(world->options.settle_us / LOOP_SECOND), text);
    free(text);
}

struct world_result world_run(const struct world_options *options)
{
    struct world world = {0};
    world_init(&world, options);
    timer_start(&world.load, 0);
    timer_start(&world.fault, 5 * LOOP_SECOND);
    run_until(&world, loop_now_us(world.loop) + options->chaos_us);
    calm(&world);
    settle(&world);
    world_count(&world);
    world_deinit(&world);
    return world.result;
}
