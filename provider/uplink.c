#include "provider/uplink.h"

#include "base/mem.h"

static const struct option_spec specs[] = {
    {.name = "cluster",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the name of the cluster, different from that of every other one",
     .required = true,
     .valid = topics_cluster_valid,
     .allowed = "a lower-case DNS label such as cluster1, and neither hub nor all",
     .offset = offsetof(struct uplink_named, cluster)},
    {.name = "heartbeat",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "15s",
     .help = "how often it is said that all is well, and how far; after three times this in silence, what "
             "was mirrored counts as stale",
     .least = LOOP_SECOND,
     .most = 600 * LOOP_SECOND,
     .offset = offsetof(struct uplink_named, heartbeat_us)},
};

void uplink_option_groups(struct uplink *uplink, const char *title, struct option_group groups[UPLINK_GROUPS])
{
    groups[0] = (struct option_group){title, specs, array_size(specs), &uplink->named};
    groups[1] = broker_option_group(&uplink->broker);
    groups[2] = cluster_option_group(&uplink->cluster);
    groups[3] = selection_option_group(&uplink->selection);
    groups[4] = attic_option_group_small(&uplink->memory);
}

static void on_replaced(void *arg);

static int uplink_open(struct uplink *uplink, struct error *err)
{
    struct program *program = uplink->program;
    struct site_config site = {.loop = program->loop,
                               .log = &program->log,
                               .attic = uplink->attic,
                               .cluster = &uplink->cluster,
                               .selection = &uplink->selection,
                               .outlet = &uplink->outlet,
                               .replaced = on_replaced,
                               .arg = uplink};
    struct outlet_config outlet = {.loop = program->loop,
                                   .log = &program->log,
                                   .broker = &uplink->broker,
                                   .topics = &uplink->topics,
                                   .name = uplink->named.cluster,
                                   .heartbeat_us = uplink->named.heartbeat_us,
                                   .ops = &site_publisher_ops,
                                   .arg = &uplink->site};
    int r = outlet_open(&uplink->outlet, &outlet, err);
    if (r == 0)
        r = site_open(&uplink->site, &site, err);
    uplink->open = r == 0;
    if (uplink->open && uplink->ops && uplink->ops->opened)
        uplink->ops->opened(uplink->arg);
    return r;
}

static void uplink_close(struct uplink *uplink)
{
    if (uplink->open && uplink->ops && uplink->ops->closing)
        uplink->ops->closing(uplink->arg);
    uplink->open = false;
    outlet_close(&uplink->outlet);
    site_close(&uplink->site);
}

static void on_replaced(void *arg)
{
    struct uplink *uplink = arg;
    struct error err = {0};
    outlet_farewell(&uplink->outlet);
    uplink_close(uplink);
    if (uplink_open(uplink, &err) != 0)
        program_fail(uplink->program, &err);
}

static int uplink_start(struct uplink *uplink, struct error *err)
{
    int r = broker_options_check(&uplink->broker, &uplink->topics, err);
    if (r == 0)
        r = provider_check(&uplink->selection, err);
    return r == 0 ? uplink_open(uplink, err) : r;
}

static void on_stop(void *arg)
{
    struct uplink *uplink = arg;
    if (uplink->open)
        outlet_farewell(&uplink->outlet);
    program_end(uplink->program, 0);
}

static void on_counters(void *arg, struct counters *out)
{
    struct uplink *uplink = arg;
    if (!uplink->open)
        return;
    attic_counters(uplink->attic, out);
    publisher_counters(uplink->outlet.publisher, out);
    connection_counters(uplink->outlet.connection, "main", out);
    if (uplink->ops && uplink->ops->counters)
        uplink->ops->counters(uplink->arg, out);
}

/* The first part is what goes up. */
static bool on_streams(void *arg, struct metrics *out, size_t part)
{
    struct uplink *uplink = arg;
    bool more = uplink->open && uplink->ops && uplink->ops->streams;
    if (part > 0)
        return more && uplink->ops->streams(uplink->arg, out, part - 1);
    if (uplink->open) {
        site_metrics(&uplink->site, uplink->named.cluster, out);
        publisher_metrics(uplink->outlet.publisher, out);
    }
    return more;
}

static void on_ready(void *arg, struct checks *out)
{
    struct uplink *uplink = arg;
    if (!uplink->open)
        return;
    site_ready(&uplink->site, out);
    connection_ready(uplink->outlet.connection, "main", out);
    if (uplink->ops && uplink->ops->ready)
        uplink->ops->ready(uplink->arg, out);
}

int uplink_run(struct uplink *uplink, struct program *program, const struct uplink_ops *ops, void *arg)
{
    static const struct monitor_ops monitor = {
        .counters = on_counters, .streams = on_streams, .ready = on_ready};
    struct error err = {0};
    uplink->program = program;
    uplink->ops = ops;
    uplink->arg = arg;
    uplink->attic = attic_create(program->loop, &uplink->memory);
    if (uplink_start(uplink, &err) != 0)
        program_fail(program, &err);
    program_attend(program, &monitor, uplink);
    int code = program_run(program, on_stop, uplink);
    program_attend(program, NULL, NULL);
    uplink_close(uplink);
    attic_destroy(uplink->attic);
    return code;
}
