#include "tests/sim/down_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/outlet.h"

#define CHAOS_US (60 * LOOP_SECOND)
#define SETTLE_US (1800 * LOOP_SECOND) /* who fails waits for up to five minutes, and that several times */
#define QUIET_US (700 * LOOP_SECOND)

static const struct gvr deployments = {"apps", "v1", "deployments"};
static const struct gvr namespaces = {"", "v1", "namespaces"};

static uint64_t dice(struct down *down, uint64_t sides)
{
    return world_dice(&down->world, sides);
}

static struct log *log_of(struct down *down)
{
    return down->world.options.verbose ? &down->world.log : NULL;
}

/* ---- the source ---- */

static void on_source_committed(void *arg, struct collection *collection, const struct event *event)
{
    struct down *down = arg;
    int region, name;
    const char *key = object_key(event->object);
    if (!gvr_equal(&collection->resource.gvr, &deployments) ||
        !workload_key((struct slice){key, strlen(key)}, &region, &name))
        return;
    for (int i = 0; i < down->source_count; i++)
        if (apiserver_storage(down->sources[i].server) == collection->storage &&
            (event->type == EVENT_DELETED || !workload_selected(event->object)))
            down->sources[i].absent[region][name] = event->revision;
}

static void read_uid(struct apiserver *server, char uid[KUBE_UID_MAX])
{
    struct object *object = apiserver_get_object(server, &namespaces, "kube-system");
    snprintf(uid, KUBE_UID_MAX, "%.*s", SLICE_ARGS(object_uid(object)));
}

static int source_add(struct down *down)
{
    struct apiserver_options options = {.loop = down->world.loop};
    struct source *source = &down->sources[down->source_count];
    source->server = apiserver_create(&options);
    read_uid(source->server, source->uid);
    apiserver_storage(source->server)->committed = on_source_committed;
    apiserver_storage(source->server)->arg = down;
    for (int i = 0; i < down->region_count; i++) {
        char json[64];
        int len = snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"cluster%d\"}}", i + 1);
        apiserver_create_object(source->server, &namespaces, json, (size_t)len, NULL, NULL);
    }
    source->first = source->saved = apiserver_revision(source->server);
    return down->source_count++;
}

static void say(struct down *down, int region, int name, uint64_t token)
{
    size_t *count = &down->said_count[region][name];
    down->said[region][name] = mem_realloc(down->said[region][name], (*count + 1) * sizeof(uint64_t));
    down->said[region][name][(*count)++] = token;
}

static void put_workload(struct down *down, struct source *source, int region, int name, bool chosen)
{
    char key[64];
    struct error err = {0};
    uint64_t token = ++down->token;
    snprintf(key, sizeof(key), "cluster%d/web-%d", region + 1, name);
    cleanup_free char *json = workload_json(region, name, token, chosen);
    say(down, region, name, token);
    int r = apiserver_get_object(source->server, &deployments, key)
                ? apiserver_update_object(source->server, &deployments, json, strlen(json), false, NULL, &err)
                : apiserver_create_object(source->server, &deployments, json, strlen(json), NULL, &err);
    if (r != 0)
        world_fail(&down->world, "load", "the source refused a change: %s", err.text);
}

static void drop_workload(struct source *source, int region, int name)
{
    char key[64];
    snprintf(key, sizeof(key), "cluster%d/web-%d", region + 1, name);
    if (apiserver_get_object(source->server, &deployments, key))
        apiserver_delete_object(source->server, &deployments, key, NULL);
}

static void change_source(struct down *down, struct source *source)
{
    int region = (int)dice(down, (uint64_t)down->region_count), name = (int)dice(down, NAMES);
    uint64_t what = dice(down, 10);
    down->world.result.changes++;
    if (what == 0)
        put_workload(down, source, region, name, false);
    else if (what < 3)
        drop_workload(source, region, name);
    else
        put_workload(down, source, region, name, true);
}

/* ---- the clusters ---- */

static void on_target_committed(void *arg, struct collection *collection, const struct event *event)
{
    struct region *region = arg;
    if (!region->by_hand && gvr_equal(&collection->resource.gvr, &deployments))
        down_judge(region, event);
}

/* Somebody who does not know of agents. */
static void meddle(struct region *region)
{
    char key[64];
    struct down *down = region->down;
    int name = (int)dice(down, NAMES);
    snprintf(key, sizeof(key), "default/web-%d", name);
    struct object *object = apiserver_get_object(region->server, &deployments, key);
    if (!object)
        return;
    world_cover(&down->world, COVER_DOWN_MEDDLED);
    region->by_hand = true;
    if (dice(down, 2)) {
        apiserver_delete_object(region->server, &deployments, key, NULL);
    } else {
        struct slice bytes = object_bytes(object);
        cleanup_free char *json = mem_dup(bytes.data, bytes.len);
        char *replicas = strstr(json, "\"replicas\":");
        if (replicas)
            replicas[11] = (char)('0' + (replicas[11] - '0' + 1) % 5);
        apiserver_update_object(region->server, &deployments, json, bytes.len, false, NULL, NULL);
    }
    region->by_hand = false;
}

/* ---- processes ---- */

static int on_open(void *arg, struct outlet *outlet, const struct publisher_ops *ops, void *ops_arg,
                   struct error *err)
{
    struct hub *hub = arg;
    (void)err;
    hub->transport = outlet_over_loopback(&hub->down->world, TOPICS_HUB, ops, ops_arg, outlet);
    return 0;
}

static void hub_start(struct hub *hub);

static void hub_end(struct hub *hub, bool graceful)
{
    if (!hub->deploy)
        return;
    timer_stop(&hub->join);
    if (graceful)
        deploy_farewell(hub->deploy);
    else
        loopback_doom(hub->transport);
    deploy_destroy(hub->deploy);
    hub->deploy = NULL;
}

static void on_replaced(void *arg)
{
    hub_end(arg, true);
    hub_start(arg);
}

static void hub_start(struct hub *hub)
{
    struct down *down = hub->down;
    struct deploy_config config = {.loop = down->world.loop,
                                   .log = log_of(down),
                                   .rest = local_rest(hub->local),
                                   .server = "source",
                                   .open = on_open,
                                   .replaced = on_replaced,
                                   .arg = hub};
    timer_stop(&hub->revive);
    if (!hub->deploy)
        deploy_create(&config, &hub->deploy, NULL);
}

static void hub_revive(void *arg)
{
    hub_start(arg);
}

static void hub_join(void *arg)
{
    struct hub *hub = arg;
    if (hub->deploy)
        loopback_join(hub->transport);
}

static void hub_init(struct hub *hub, struct down *down)
{
    hub->down = down;
    hub->local = local_create(source_of(down)->server);
    timer_init(&hub->revive, down->world.loop, hub_revive, hub);
    timer_init(&hub->join, down->world.loop, hub_join, hub);
}

static void agent_start(struct region *region)
{
    struct down *down = region->down;
    struct topics topics = world_topics();
    struct loopback_options options = {.name = region->name, .max_payload = down->world.max_payload};
    timer_stop(&region->revive);
    if (region->downlink)
        return;
    region->attic = world_attic(&down->world);
    region->transport = loopback_create(down->world.broker, &options);
    region->connection = connection_over(region->transport, log_of(down), "loopback");
    struct downlink_config config = {.loop = down->world.loop,
                                     .log = log_of(down),
                                     .attic = region->attic,
                                     .connection = region->connection,
                                     .rest = local_rest(region->local),
                                     .topics = &topics,
                                     .encoding = down->world.encoding,
                                     .cluster = region->name,
                                     .options = &region->options};
    region->downlink = downlink_create(&config);
    connection_start(region->connection);
}

static void agent_end(struct region *region, bool graceful)
{
    if (!region->downlink)
        return;
    timer_stop(&region->join);
    downlink_destroy(region->downlink);
    if (!graceful)
        loopback_doom(region->transport);
    connection_destroy(region->connection);
    attic_destroy(region->attic);
    region->downlink = NULL;
}

static void agent_revive(void *arg)
{
    agent_start(arg);
}

static void agent_join(void *arg)
{
    struct region *region = arg;
    if (region->downlink)
        loopback_join(region->transport);
}

static void region_init(struct region *region, struct down *down, int index)
{
    region->down = down;
    region->index = index;
    snprintf(region->name, sizeof(region->name), "cluster%d", index + 1);
    region->server = apiserver_create(&(struct apiserver_options){.loop = down->world.loop});
    apiserver_storage(region->server)->committed = on_target_committed;
    apiserver_storage(region->server)->arg = region;
    region->local = local_create(region->server);
    timer_init(&region->revive, down->world.loop, agent_revive, region);
    timer_init(&region->join, down->world.loop, agent_join, region);
}

/* ---- faults ---- */

static void broker_fails(struct down *down)
{
    loopback_broker_down(down->world.broker);
    if (dice(down, 2))
        loopback_broker_forget(down->world.broker);
    timer_start(&down->broker_up, (int64_t)dice(down, 5 * LOOP_SECOND));
}

static void weather_changes(struct down *down)
{
    bool bad = dice(down, 2);
    down->world.weather = (struct loopback_faults){
        .lose = bad ? 0.2 : 0,
        .repeat = bad ? 0.2 : 0,
        .late_us = 5 * LOOP_SECOND,
        .delay_max_us = (int64_t)dice(down, 200 * LOOP_MS) + 1,
        .reorder = dice(down, 2),
    };
    loopback_broker_set_faults(down->world.broker, &down->world.weather);
}

static void api_fails(struct down *down, struct local *local, struct apiserver *server)
{
    switch (dice(down, 7)) {
    case 0:
        local_cut(local);
        break;
    case 1:
        local_set_refusing(local, true);
        break;
    case 2:
        local_set_hanging(local, true);
        break;
    case 3:
        local_break_after(local, (size_t)dice(down, 4000));
        break;
    case 4:
        apiserver_restart(server);
        break;
    case 5:
        local_set_horizon(local, apiserver_revision(server)); /* it is written to, and shows that late */
        break;
    default:
        apiserver_compact(server, apiserver_revision(server));
        apiserver_end_watches(server);
        break;
    }
    timer_start(&down->well, (int64_t)dice(down, 5 * LOOP_SECOND));
}

static void local_heal(struct local *local)
{
    local_set_refusing(local, false);
    local_set_hanging(local, false);
    local_break_after(local, SIZE_MAX);
    local_set_horizon(local, UINT64_MAX);
}

static void on_well(void *arg)
{
    struct down *down = arg;
    local_heal(down->hub.local);
    local_heal(down->other.local);
    for (int i = 0; i < down->region_count; i++)
        local_heal(down->regions[i].local);
}

enum { DRAMA_RESTORE = 1, DRAMA_ANEW = 2, DRAMA_SECOND = 4 };

static void restore_source(struct down *down)
{
    struct source *source = source_of(down);
    uint64_t now = apiserver_revision(source->server);
    if (now == source->saved || apiserver_restore(source->server, source->saved) != 0)
        return;
    world_cover(&down->world, COVER_DOWN_RESTORED);
    down->broken = true;
    /* One that has passed all its numbers again before anybody looks cannot be told from one that never went
     * back: so nobody works there any more until it is adopted. */
    timer_stop(&down->load);
}

static void on_restore(void *arg)
{
    restore_source(arg);
}

/* What is applied until then the clusters show only once the source has gone back. */
static void restore_unseen(struct down *down)
{
    for (int i = 0; i < down->region_count; i++)
        local_set_horizon(down->regions[i].local, apiserver_revision(down->regions[i].server));
    timer_start(&down->restore, (int64_t)dice(down, 3 * LOOP_SECOND));
    timer_start(&down->well, (int64_t)dice(down, 12 * LOOP_SECOND));
}

static void source_anew(struct down *down)
{
    if (down->source_count == SOURCES)
        return;
    world_cover(&down->world, COVER_DOWN_ANEW);
    down->broken = true;
    down->current = source_add(down);
    timer_start(&down->load, 0);
    local_point_to(down->hub.local, source_of(down)->server);
    for (uint64_t i = dice(down, 12); i > 0; i--)
        change_source(down, source_of(down));
}

static void second_hub(struct down *down)
{
    if (down->other.deploy || down->source_count == SOURCES)
        return;
    world_cover(&down->world, COVER_DOWN_SECOND);
    down->broken = true;
    int theirs = source_add(down);
    local_point_to(down->other.local, down->sources[theirs].server);
    for (uint64_t i = dice(down, 12); i > 0; i--)
        change_source(down, &down->sources[theirs]);
    hub_start(&down->other);
}

static void drama(struct down *down)
{
    uint64_t which = dice(down, 3);
    if (which == 0 && down->drama & DRAMA_RESTORE && dice(down, 2))
        restore_source(down);
    else if (which == 0 && down->drama & DRAMA_RESTORE)
        restore_unseen(down);
    else if (which == 1 && down->drama & DRAMA_ANEW)
        source_anew(down);
    else if (which == 2 && down->drama & DRAMA_SECOND)
        second_hub(down);
    else if (dice(down, 3) == 0)
        source_of(down)->saved = apiserver_revision(source_of(down)->server);
}

static void strike(struct down *down)
{
    struct region *region = &down->regions[dice(down, (uint64_t)down->region_count)];
    int64_t while_us = (int64_t)dice(down, 8 * LOOP_SECOND);
    switch (dice(down, 9)) {
    case 0:
        weather_changes(down);
        break;
    case 1:
        broker_fails(down);
        break;
    case 2:
        world_cover(&down->world, COVER_DOWN_KILL_AGENT);
        agent_end(region, dice(down, 3) == 0);
        timer_start(&region->revive, while_us);
        break;
    case 3:
        world_cover(&down->world, COVER_DOWN_KILL_HUB);
        hub_end(&down->hub, dice(down, 3) == 0);
        timer_start(&down->hub.revive, while_us);
        break;
    case 4:
        api_fails(down, down->hub.local, source_of(down)->server);
        break;
    case 5:
        api_fails(down, region->local, region->server);
        break;
    case 6:
        if (region->downlink)
            loopback_cut(region->transport), timer_start(&region->join, while_us);
        break;
    case 7:
        if (down->hub.deploy)
            loopback_cut(down->hub.transport), timer_start(&down->hub.join, while_us);
        break;
    default:
        drama(down);
        break;
    }
}

static void on_strike(void *arg)
{
    struct down *down = arg;
    strike(down);
    timer_start(&down->strike, (int64_t)dice(down, 4 * LOOP_SECOND));
}

static void on_broker_up(void *arg)
{
    struct down *down = arg;
    loopback_broker_up(down->world.broker);
}

static void on_load(void *arg)
{
    struct down *down = arg;
    change_source(down, source_of(down));
    if (dice(down, 6) == 0)
        meddle(&down->regions[dice(down, (uint64_t)down->region_count)]);
    timer_start(&down->load, (int64_t)dice(down, 2 * LOOP_SECOND));
}

/* ---- the end ---- */

static void expect_right(struct down *down, const char *when)
{
    struct world *world = &down->world;
    int64_t until_us = loop_now_us(world->loop) + SETTLE_US;
    while (world->result.ok && !down_is_right(down, NULL)) {
        if (loop_now_us(world->loop) < until_us) {
            world_pass(world, LOOP_SECOND);
            continue;
        }
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        down_is_right(down, out);
        fclose(out);
        world_fail(world, "workloads", "%s: %s", when, text);
        free(text);
    }
}

static uint64_t writes(const struct down *down)
{
    uint64_t sum = 0;
    for (int i = 0; i < down->region_count; i++)
        sum += down->regions[i].writes;
    return sum;
}

/* All that was under way comes to its end, and then nothing more is written. */
static void expect_quiet(struct down *down, const char *when)
{
    world_pass(&down->world, QUIET_US);
    uint64_t before = writes(down);
    world_pass(&down->world, QUIET_US);
    if (down->world.result.ok && writes(down) != before)
        world_fail(&down->world, "fight", "%s: %llu writes where nothing was to be done", when,
                   (unsigned long long)(writes(down) - before));
}

static void chaos_ends(struct down *down)
{
    timer_stop(&down->strike);
    timer_stop(&down->load);
    timer_stop(&down->restore);
    timer_stop(&down->well);
    on_well(down);
    hub_end(&down->other, true);
    timer_stop(&down->broker_up);
    loopback_broker_up(down->world.broker);
    down->world.weather = (struct loopback_faults){.delay_max_us = 20 * LOOP_MS};
    loopback_broker_set_faults(down->world.broker, &down->world.weather);
    hub_start(&down->hub);
    hub_join(&down->hub);
    for (int i = 0; i < down->region_count; i++) {
        agent_start(&down->regions[i]);
        agent_join(&down->regions[i]);
    }
}

/* The operator says that this source is the right one. */
static void adopt(struct down *down)
{
    world_cover(&down->world, COVER_DOWN_ADOPTED);
    for (int i = 0; i < down->region_count; i++) {
        agent_end(&down->regions[i], true);
        down->regions[i].options.adopt = true;
        agent_start(&down->regions[i]);
    }
}

/* One change, and restarts for which nothing is to be done. */
static void fair_weather(struct down *down)
{
    int name = (int)dice(down, NAMES);
    put_workload(down, source_of(down), 0, name, true);
    expect_right(down, "one more");
    drop_workload(source_of(down), 0, name);
    expect_right(down, "one less");
    expect_quiet(down, "after one more and one less");
    uint64_t before = writes(down);
    hub_end(&down->hub, dice(down, 2));
    hub_start(&down->hub);
    agent_end(&down->regions[0], dice(down, 2));
    agent_start(&down->regions[0]);
    world_pass(&down->world, 120 * LOOP_SECOND);
    expect_right(down, "restarted");
    if (down->world.result.ok && writes(down) != before)
        world_fail(&down->world, "needless", "restarts with nothing changed led to %llu writes",
                   (unsigned long long)(writes(down) - before));
}

/* ---- life ---- */

static void down_init(struct down *down, const struct world_options *options)
{
    struct world *world = &down->world;
    world->options = *options;
    world->result.ok = true;
    world->loop = loop_create_simulated(options->seed ^ 0x646f776e);
    loop_set_turn_us(world->loop, (int64_t)dice(down, 2 * LOOP_MS));
    world->log = (struct log){.out = stderr, .level = LOG_LEVEL_DEBUG};
    world->encoding = dice(down, 3) ? ENCODING_ZSTD : ENCODING_PLAIN;
    world->max_payload = 1100 + dice(down, 4000);
    world->window_messages = 1 + dice(down, 20);
    world->heartbeat_us = LOOP_SECOND + (int64_t)dice(down, 20 * LOOP_SECOND);
    world->broker = loopback_broker_create(world->loop);
    down->region_count = 1 + (int)dice(down, REGIONS);
    down->drama = dice(down, 2) ? 0 : (unsigned)dice(down, 8);
    down->current = source_add(down);
    hub_init(&down->hub, down);
    hub_init(&down->other, down);
    for (int i = 0; i < down->region_count; i++)
        region_init(&down->regions[i], down, i);
    timer_init(&down->load, world->loop, on_load, down);
    timer_init(&down->strike, world->loop, on_strike, down);
    timer_init(&down->broker_up, world->loop, on_broker_up, down);
    timer_init(&down->well, world->loop, on_well, down);
    timer_init(&down->restore, world->loop, on_restore, down);
}

static void hub_deinit(struct hub *hub)
{
    hub_end(hub, true);
    timer_stop(&hub->revive);
    local_destroy(hub->local);
}

static void down_deinit(struct down *down)
{
    struct timer *timers[] = {&down->load, &down->strike, &down->broker_up, &down->well, &down->restore};
    for (size_t i = 0; i < array_size(timers); i++)
        timer_stop(timers[i]);
    hub_deinit(&down->hub);
    hub_deinit(&down->other);
    for (int i = 0; i < down->region_count; i++) {
        agent_end(&down->regions[i], true);
        timer_stop(&down->regions[i].revive);
        local_destroy(down->regions[i].local);
        apiserver_destroy(down->regions[i].server);
        for (int name = 0; name < NAMES; name++)
            free(down->said[i][name]);
    }
    for (int i = 0; i < down->source_count; i++)
        apiserver_destroy(down->sources[i].server);
    loopback_broker_destroy(down->world.broker);
    loop_destroy(down->world.loop);
}

struct world_result down_run(const struct world_options *options)
{
    struct down *down = mem_zalloc(sizeof(*down));
    down_init(down, options);
    hub_start(&down->hub);
    for (int i = 0; i < down->region_count; i++)
        agent_start(&down->regions[i]);
    timer_start(&down->load, 0);
    timer_start(&down->strike, LOOP_SECOND);
    world_pass(&down->world, CHAOS_US);
    chaos_ends(down);
    expect_right(down, "after the faults");
    expect_quiet(down, "after the faults");
    if (down->broken)
        adopt(down);
    expect_right(down, "adopted");
    expect_quiet(down, "adopted");
    fair_weather(down);
    struct world_result result = down->world.result;
    down_deinit(down);
    free(down);
    return result;
}
