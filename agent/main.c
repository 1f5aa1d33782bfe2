/* The program beside a cluster: what the cluster has → topics, and workloads from the hub → the cluster. */
#include "agent/downlink.h"
#include "base/mem.h"
#include "provider/uplink.h"

struct app {
    struct program program;
    struct uplink uplink;
    struct downlink_options workloads;
    struct downlink *downlink;
};

static const struct program_info info = {
    .name = "agent",
    .summary = "publishes what a Kubernetes cluster has over MQTT, and runs what the hub sends to it",
    .usage = "--cluster NAME [options]",
    .description =
        "Does all that provider does. Besides, Deployments that the hub has for this cluster are applied to "
        "it (server-side, as field manager transport-informer), put right when they are changed or deleted, "
        "and pruned when the hub does not have them any more. What is in the cluster otherwise is left "
        "alone. How many of their replicas are available shows at the hub's source as long as "
        "deployments.apps is among the resources that are mirrored.",
    .example = "agent --broker tcp://127.0.0.1:1883 --cluster cluster1\n"
               "agent --cluster cluster1 --deploy-to default,web\n",
};

static void on_opened(void *arg)
{
    struct app *app = arg;
    struct downlink_config config = {
        .loop = app->program.loop,
        .log = &app->program.log,
        .attic = app->uplink.attic,
        .connection = app->uplink.outlet.connection,
        .rest = http_rest(app->uplink.site.http),
        .topics = &app->uplink.topics,
        .encoding = (enum encoding)app->uplink.broker.encoding,
        .cluster = app->uplink.named.cluster,
        .options = &app->workloads,
    };
    app->downlink = downlink_create(&config);
}

static void on_closing(void *arg)
{
    struct app *app = arg;
    downlink_destroy(app->downlink);
    app->downlink = NULL;
}

static void on_counters(void *arg, struct counters *out)
{
    struct app *app = arg;
    downlink_counters(app->downlink, out);
}

static bool on_streams(void *arg, struct metrics *out, size_t part)
{
    struct app *app = arg;
    return downlink_metrics(app->downlink, out, part);
}

static void on_ready(void *arg, struct checks *out)
{
    struct app *app = arg;
    downlink_ready(app->downlink, out);
}

int main(int argc, char **argv)
{
    static const struct uplink_ops ops = {on_opened, on_closing, on_counters, on_streams, on_ready};
    struct app app = {0};
    struct option_group groups[UPLINK_GROUPS + 1];
    uplink_option_groups(&app.uplink, "Agent", groups);
    groups[UPLINK_GROUPS] = downlink_option_group(&app.workloads);
    int code = program_init(&app.program, &info, groups, array_size(groups), argc, argv);
    if (code == 0)
        code = uplink_run(&app.uplink, &app.program, &ops, &app);
    return program_deinit(&app.program, code);
}
