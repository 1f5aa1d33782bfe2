/* The program beside a cluster: what the cluster has → topics, and workloads from the hub → the cluster. */
#include "agent/downlink.h"
#include "base/mem.h"
#include "base/program.h"
#include "provider/site.h"

struct app {
    struct program program;
    struct broker_options broker;
    struct cluster_options cluster;
    struct selection_options selection;
    struct downlink_options workloads;
    struct {
        char *cluster;
    } options;
    struct topics topics;
    struct outlet outlet;
    struct site site;
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

static const struct option_spec specs[] = {
    {.name = "cluster",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the name of the cluster, different from that of every other one",
     .required = true,
     .valid = topics_cluster_valid,
     .allowed = "a lower-case DNS label such as cluster1, and neither hub nor all",
     .offset = 0},
};

static void downlink_open(struct app *app)
{
    struct downlink_config config = {
        .loop = app->program.loop,
        .log = &app->program.log,
        .connection = app->outlet.connection,
        .rest = http_rest(app->site.http),
        .topics = &app->topics,
        .encoding = (enum encoding)app->broker.encoding,
        .cluster = app->options.cluster,
        .options = &app->workloads,
    };
    app->downlink = downlink_create(&config);
}

static void on_replaced(void *arg);

static int app_open(struct app *app, struct error *err)
{
    struct program *program = &app->program;
    struct site_config site = {.loop = program->loop,
                               .log = &program->log,
                               .cluster = &app->cluster,
                               .selection = &app->selection,
                               .outlet = &app->outlet,
                               .replaced = on_replaced,
                               .arg = app};
    int r = outlet_open(&app->outlet, program->loop, &program->log, &app->broker, &app->topics,
                        app->options.cluster, &site_publisher_ops, &app->site, err);
    if (r == 0)
        r = site_open(&app->site, &site, err);
    if (r == 0)
        downlink_open(app);
    return r;
}

static void app_close(struct app *app)
{
    downlink_destroy(app->downlink);
    app->downlink = NULL;
    outlet_close(&app->outlet);
    site_close(&app->site);
}

static void on_replaced(void *arg)
{
    struct app *app = arg;
    struct error err = {0};
    outlet_farewell(&app->outlet);
    app_close(app);
    if (app_open(app, &err) != 0)
        program_fail(&app->program, &err);
}

static int app_start(struct app *app, struct error *err)
{
    int r = broker_options_check(&app->broker, &app->topics, err);
    if (r == 0)
        r = provider_check(&app->selection, err);
    return r == 0 ? app_open(app, err) : r;
}

static void app_stop(void *arg)
{
    struct app *app = arg;
    outlet_farewell(&app->outlet);
    program_end(&app->program, 0);
}

int main(int argc, char **argv)
{
    struct app app = {0};
    const struct option_group groups[] = {
        {"Agent", specs, array_size(specs), &app.options},
        downlink_option_group(&app.workloads),
        broker_option_group(&app.broker),
        cluster_option_group(&app.cluster),
        selection_option_group(&app.selection),
    };
    struct error err = {0};
    int code = program_init(&app.program, &info, groups, array_size(groups), argc, argv);
    if (code == 0) {
        if (app_start(&app, &err) != 0)
            program_fail(&app.program, &err);
        code = program_run(&app.program, app_stop, &app);
        app_close(&app);
    }
    return program_deinit(&app.program, code);
}
