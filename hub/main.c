/* The program in one place: all clusters' state at a glance, and workloads from a source cluster → topics. */
#include <string.h>
#include <unistd.h>

#include "base/attic.h"
#include "base/mem.h"
#include "base/program.h"
#include "hub/api.h"
#include "hub/deploy.h"
#include "hub/keeper.h"
#include "hub/store_command.h"
#include "hub/summary.h"
#include "informer/bounds.h"
#include "informer/inlet.h"
#include "kube/cluster_options.h"
#include "kube/http.h"

enum summary_choice { SUMMARY_AUTO, SUMMARY_TABLE, SUMMARY_LINES, SUMMARY_NONE };

struct app {
    struct program program;
    struct broker_options broker;
    struct attic_options memory;
    struct bounds_options bounds;
    struct api_options serving;
    struct keeper_options keeping;
    struct cluster_options source;
    struct {
        int summary; /* enum summary_choice */
    } options;
    struct topics topics;
    struct attic *attic;
    struct inlet inlet;
    struct summary *summary;
    struct api *api;       /* NULL where nobody is served */
    struct keeper *keeper; /* NULL where all is in memory */
    struct http *http;     /* to the source; NULL without one, as deploy */
    struct deploy *deploy;
    bool begun; /* what was kept is there */
};

static const struct program_info info = {
    .name = "hub",
    .summary =
        "mirrors all clusters that publish over MQTT, serves them to kubectl, and sends workloads to them",
    .usage = "[options]\n  hub store check FILE\n  hub store forget FILE CLUSTER",
    .description =
        "Follows all clusters and shows a summary of them. With --kubeconfig-out, --listen or "
        "--read-only-http it is an API server, for kubectl and other clients to read the whole fleet, or one "
        "cluster at /clusters/NAME. With --kubeconfig (or --context) of a source cluster, Deployments there "
        "that carry the label hub.transport-informer/resources go to the cluster whose name is their "
        "namespace, into the namespace of the label hub.transport-informer/target-namespace; how many "
        "replicas are available comes back as the annotation cluster.available.replicas/<namespace>. The "
        "source is best an API without a Deployment controller of its own. With --store what is mirrored "
        "outlives the hub: 'hub store check' tells whether such a file is as it was written, and 'hub store "
        "forget' removes a cluster from it that will not come back.",
    .example = "hub --broker tcp://127.0.0.1:1883 --kubeconfig-out fleet.yaml\n"
               "kubectl --kubeconfig fleet.yaml get clusters\n"
               "kubectl --kubeconfig fleet.yaml get pods -A --field-selector cluster=cluster1 -w\n"
               "hub --broker tcp://127.0.0.1:1883 --kubeconfig source.yaml\n",
};

static const struct option_spec specs[] = {
    {.name = "summary",
     .type = OPTION_CHOICE,
     .value = "auto|table|lines|none", /* in the order of enum summary_choice */
     .fallback = "auto",
     .help = "of the clusters: a table that is drawn anew, a line for each change, or what fits the output",
     .offset = 0},
};

static const struct option_spec source_specs[] = {
    {.name = "kubeconfig",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "of the cluster that workloads are taken from; without it the hub only mirrors",
     .offset = offsetof(struct cluster_options, kubeconfig)},
    {.name = "context",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the kubeconfig's context; without it the current one",
     .offset = offsetof(struct cluster_options, context)},
};

static void on_cluster(void *arg, struct informer_cluster *cluster)
{
    struct app *app = arg;
    if (!app->begun)
        return;
    summary_changed(app->summary, cluster);
    api_cluster(app->api, cluster);
    keeper_cluster(app->keeper, cluster);
}

static void on_heard(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    if (!app->begun)
        return;
    summary_changed(app->summary, replica_cluster(replica));
    api_heard(app->api, replica);
    keeper_heard(app->keeper, replica);
}

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    on_heard(arg, replica);
    api_replica(app->api, replica);
    keeper_replica(app->keeper, replica);
    deploy_replica(app->deploy, replica);
}

static void on_synced(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    on_heard(arg, replica);
    deploy_synced(app->deploy, replica, true);
}

static void on_stale(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    on_heard(arg, replica);
    deploy_synced(app->deploy, replica, false);
}

static void on_renamed(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    api_renamed(app->api, replica);
    keeper_renamed(app->keeper, replica);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    struct app *app = arg;
    on_heard(arg, replica);
    api_dropped(app->api, replica);
    keeper_dropped(app->keeper, replica);
    deploy_dropped(app->deploy, replica);
}

static int informer_open(struct app *app, struct error *err)
{
    static const struct informer_ops ops = {.cluster = on_cluster,
                                            .replica = on_replica,
                                            .synced = on_synced,
                                            .stale = on_stale,
                                            .heard = on_heard,
                                            .renamed = on_renamed,
                                            .dropped = on_dropped};
    struct informer_options options = {.name = TOPICS_HUB,
                                       .topics = app->topics,
                                       .encoding = (enum encoding)app->broker.encoding,
                                       .objects_max = (uint64_t)app->bounds.objects,
                                       .size_max = (uint64_t)app->bounds.size,
                                       .attic = app->attic,
                                       .log = &app->program.log};
    return inlet_open(&app->inlet, app->program.loop, &app->broker, &options, &ops, app, err);
}

/* One that is drawn over and over would be in the way of whoever has the terminal. */
static bool has_terminal(void)
{
    return tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

static void summary_open(struct app *app)
{
    bool table =
        app->options.summary == SUMMARY_TABLE || (app->options.summary == SUMMARY_AUTO && has_terminal());
    if (app->options.summary != SUMMARY_NONE)
        app->summary = summary_create(app->program.loop, app->inlet.informer,
                                      table ? SUMMARY_VIEW_TABLE : SUMMARY_VIEW_LINES, stdout);
}

static int on_open(void *arg, struct outlet *outlet, const struct publisher_ops *ops, void *ops_arg,
                   struct error *err)
{
    struct app *app = arg;
    struct outlet_config config = {.loop = app->program.loop,
                                   .log = &app->program.log,
                                   .broker = &app->broker,
                                   .topics = &app->topics,
                                   .name = TOPICS_HUB,
                                   .ops = ops,
                                   .arg = ops_arg};
    return outlet_open(outlet, &config, err);
}

static int source_open(struct app *app, struct error *err)
{
    struct kubeconfig_options options = {.path = app->source.kubeconfig, .context = app->source.context};
    struct kubeconfig *kubeconfig;
    int r = kubeconfig_load(&options, &kubeconfig, err);
    if (r == 0)
        app->http = http_create(app->program.loop, &app->program.log, kubeconfig);
    return r;
}

static void on_replaced(void *arg);

static int deploy_open(struct app *app, struct error *err)
{
    if (!app->source.kubeconfig && !app->source.context)
        return 0;
    int r = source_open(app, err);
    if (r != 0)
        return r;
    struct deploy_config config = {
        .loop = app->program.loop,
        .log = &app->program.log,
        .attic = app->attic,
        .rest = http_rest(app->http),
        .server = http_config(app->http)->server,
        .open = on_open,
        .informer = app->inlet.informer,
        .replaced = on_replaced,
        .arg = app,
    };
    return deploy_create(&config, &app->deploy, err);
}

static void deploy_close(struct app *app)
{
    deploy_destroy(app->deploy);
    app->deploy = NULL;
    http_destroy(app->http);
    app->http = NULL;
}

static void on_replaced(void *arg)
{
    struct app *app = arg;
    struct error err = {0};
    deploy_farewell(app->deploy);
    deploy_close(app);
    if (deploy_open(app, &err) != 0)
        program_fail(&app->program, &err);
}

/* All that was kept is there: from now on it is served, and brought up to date. */
static int app_begin(struct app *app, struct error *err)
{
    struct informer_cluster *cluster = NULL;
    app->begun = true;
    while ((cluster = informer_next_cluster(app->inlet.informer, cluster)))
        on_cluster(app, cluster);
    int r = api_listen(app->api, err);
    if (r != 0)
        return r;
    inlet_start(&app->inlet);
    return deploy_open(app, err);
}

static void on_loaded(void *arg)
{
    struct app *app = arg;
    struct error err = {0};
    if (app_begin(app, &err) != 0)
        program_fail(&app->program, &err);
}

static int keeper_open(struct app *app, struct error *err)
{
    struct keeper_config config = {.loop = app->program.loop,
                                   .log = &app->program.log,
                                   .store = app->keeping.store,
                                   .state_dir = app->serving.state_dir,
                                   .informer = app->inlet.informer,
                                   .loaded = on_loaded,
                                   .arg = app};
    return keeper_create(&config, &app->keeper, err);
}

static int api_open(struct app *app, struct error *err)
{
    uint64_t revision;
    int r = keeper_reserve(app->keeper, api_first_revision(app->program.loop), API_REVISIONS, &revision, err);
    if (r == 0)
        api_create(app->program.loop, &app->program.log, &app->serving, revision, &app->api);
    return r;
}

static int app_start(struct app *app, struct error *err)
{
    int r = broker_options_check(&app->broker, &app->topics, err);
    if (r == 0)
        r = informer_open(app, err);
    if (r != 0)
        return r;
    summary_open(app);
    r = keeper_open(app, err);
    if (r == 0)
        r = api_open(app, err);
    if (r != 0)
        return r;
    return app->keeper ? keeper_load(app->keeper, err) : app_begin(app, err);
}

static void on_counters(void *arg, struct counters *out)
{
    struct app *app = arg;
    attic_counters(app->attic, out);
    inlet_counters(&app->inlet, out);
    deploy_counters(app->deploy, out);
    keeper_counters(app->keeper, out);
    api_counters(app->api, out);
}

/* The first part is what goes down. */
static bool on_streams(void *arg, struct metrics *out, size_t part)
{
    struct app *app = arg;
    if (part == 0)
        deploy_metrics(app->deploy, out);
    return part == 0 || inlet_metrics(&app->inlet, out, part - 1);
}

static void on_ready(void *arg, struct checks *out)
{
    struct app *app = arg;
    inlet_ready(&app->inlet, out);
    deploy_ready(app->deploy, out);
    keeper_ready(app->keeper, out);
}

static void app_stop(void *arg)
{
    struct app *app = arg;
    deploy_farewell(app->deploy);
    program_end(&app->program, 0);
}

static void app_close(struct app *app)
{
    deploy_close(app);
    summary_destroy(app->summary);
    app->summary = NULL;
    keeper_destroy(app->keeper);
    app->keeper = NULL;
    api_destroy(app->api);
    app->api = NULL;
    inlet_close(&app->inlet);
}

int main(int argc, char **argv)
{
    struct app app = {0};
    const struct option_group groups[] = {
        {"Hub", specs, array_size(specs), &app.options},
        api_option_group(&app.serving),
        keeper_option_group(&app.keeping),
        bounds_option_group(&app.bounds),
        broker_option_group(&app.broker),
        attic_option_group_large(&app.memory),
        {"Source of workloads", source_specs, array_size(source_specs), &app.source},
    };
    static const struct monitor_ops monitor = {
        .counters = on_counters, .streams = on_streams, .ready = on_ready};
    struct error err = {0};
    if (argc > 1 && strcmp(argv[1], "store") == 0)
        return store_command(argc - 1, argv + 1);
    int code = program_init(&app.program, &info, groups, array_size(groups), argc, argv);
    if (code == 0) {
        app.attic = attic_create(app.program.loop, &app.memory);
        if (app_start(&app, &err) != 0)
            program_fail(&app.program, &err);
        else
            program_attend(&app.program, &monitor, &app);
        code = program_run(&app.program, app_stop, &app);
        program_attend(&app.program, NULL, NULL);
        app_close(&app);
        attic_destroy(app.attic);
    }
    return program_deinit(&app.program, code);
}
