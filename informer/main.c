/* The program that shows what clusters have: topics → the terminal. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/attic.h"
#include "base/mem.h"
#include "base/program.h"
#include "informer/bounds.h"
#include "informer/inlet.h"
#include "informer/once.h"

struct options {
    char *name;
    int output; /* enum printer_format */
    bool once;
    int64_t expect, timeout_us, quiet_us;
};

struct app {
    struct program program;
    struct broker_options broker;
    struct attic_options memory;
    struct bounds_options bounds;
    struct viewer_options view;
    struct options options;
    struct attic *attic;
    struct printer *printer;
    struct viewer *viewer;
    struct inlet inlet;
    struct once *once;
};

static const struct program_info info = {
    .name = "informer",
    .summary = "shows what Kubernetes clusters have, as their providers publish it over MQTT",
    .usage = "[options]",
    .description =
        "Follows all clusters whose providers speak on the same topics, and prints every change as "
        "kubectl get --watch would, with a column for the cluster. Clusters may come, go and come "
        "back.",
    .example = "informer --broker tcp://127.0.0.1:1883 --resource pods,deployments.apps\n"
               "informer -o json --once --expect 3 --timeout 1m\n",
};

static const struct option_spec specs[] = {
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the name of this participant, to which answers are addressed; without it --username, which "
             "is what a broker's access list goes by, or else informer- and a random part; two with one "
             "name are in each other's way",
     .valid = topics_participant_valid,
     .allowed = "a lower-case DNS label such as viewer, and not all",
     .offset = offsetof(struct options, name)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_CHOICE,
     .value = "table|json", /* in the order of enum printer_format */
     .fallback = "table",
     .help = "a table, or a line of JSON for each event",
     .offset = offsetof(struct options, output)},
    {.name = "once",
     .type = OPTION_BOOL,
     .help = "print the state once it is complete, and end",
     .offset = offsetof(struct options, once)},
    {.name = "expect",
     .type = OPTION_NUMBER,
     .value = "N",
     .least = 0,
     .most = 100000,
     .help = "with --once: so many clusters; without it, those that are there",
     .offset = offsetof(struct options, expect)},
    {.name = "timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "60s",
     .help = "with --once: end with code 75 where it is not complete by then; 0: wait as long as it takes",
     .offset = offsetof(struct options, timeout_us)},
    {.name = "quiet",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "3s",
     .help = "with --once and without --expect: how long no further cluster must have appeared",
     .offset = offsetof(struct options, quiet_us)},
};

static void on_closed(void *arg, int error)
{
    struct app *app = arg;
    struct error err = {0};
    if (error == EPIPE) {
        program_end(&app->program, 0);
        return;
    }
    error_set(&err, EX_IOERR, "standard output: %s", strerror(error));
    program_fail(&app->program, &err);
}

static void on_once_done(void *arg, int code, const struct error *err)
{
    struct app *app = arg;
    if (code != 0)
        program_fail(&app->program, err);
    else if (printer_flush(app->printer) == 0) /* where it cannot be written, on_closed() ends us */
        program_end(&app->program, 0);
}

static int view_open(struct app *app, struct error *err)
{
    struct printer_config config = {
        .fd = STDOUT_FILENO,
        .format = (enum printer_format)app->options.output,
        .kinds = app->view.resources.count != 1,
        .closed = on_closed,
        .arg = app,
    };
    app->printer = printer_create(app->program.loop, &config);
    return viewer_create(&app->view, app->printer, !app->options.once, &app->viewer, err);
}

static void once_open(struct app *app)
{
    struct once_config config = {
        .loop = app->program.loop,
        .log = &app->program.log,
        .informer = app->inlet.informer,
        .viewer = app->viewer,
        .view = &app->view,
        .connection = app->inlet.connection,
        .expect = app->options.expect,
        .timeout_us = app->options.timeout_us,
        .quiet_us = app->options.quiet_us,
        .done = on_once_done,
        .arg = app,
    };
    app->once = once_create(&config);
}

static void choose_name(struct app *app)
{
    const char *username = app->broker.username;
    if (app->options.name)
        return;
    if (username && topics_participant_valid(username))
        app->options.name = mem_strdup(username);
    else
        app->options.name = mem_printf("informer-%08" PRIx32, (uint32_t)loop_random(app->program.loop));
}

static int app_start(struct app *app, struct error *err)
{
    static const struct informer_ops ops = {.wanted = viewer_wanted,
                                            .cluster = viewer_cluster,
                                            .replica = viewer_replica,
                                            .synced = viewer_synced,
                                            .stale = viewer_heard,
                                            .heard = viewer_heard,
                                            .dropped = viewer_dropped};
    struct program *program = &app->program;
    struct topics topics;
    if (app->options.expect && !app->options.once)
        return error_set(err, EX_USAGE, "--expect needs --once");
    choose_name(app);
    int r = broker_options_check(&app->broker, &topics, err);
    if (r == 0)
        r = view_open(app, err);
    if (r != 0)
        return r;
    struct informer_options options = {.name = app->options.name,
                                       .topics = topics,
                                       .encoding = (enum encoding)app->broker.encoding,
                                       .objects_max = (uint64_t)app->bounds.objects,
                                       .size_max = (uint64_t)app->bounds.size,
                                       .attic = app->attic,
                                       .log = &program->log};
    r = inlet_open(&app->inlet, program->loop, &app->broker, &options, &ops, app->viewer, err);
    if (r != 0)
        return r;
    if (app->options.once)
        once_open(app);
    inlet_start(&app->inlet);
    return 0;
}

static void on_counters(void *arg, struct counters *out)
{
    struct app *app = arg;
    attic_counters(app->attic, out);
    inlet_counters(&app->inlet, out);
}

static bool on_streams(void *arg, struct metrics *out, size_t part)
{
    struct app *app = arg;
    return inlet_metrics(&app->inlet, out, part);
}

static void on_ready(void *arg, struct checks *out)
{
    struct app *app = arg;
    inlet_ready(&app->inlet, out);
}

static void app_close(struct app *app)
{
    once_destroy(app->once);
    inlet_close(&app->inlet);
    viewer_destroy(app->viewer);
    if (app->printer)
        printer_flush(app->printer);
    printer_destroy(app->printer);
}

int main(int argc, char **argv)
{
    struct app app = {0};
    const struct option_group groups[] = {
        {"Informer", specs, array_size(specs), &app.options},
        viewer_option_group(&app.view),
        bounds_option_group(&app.bounds),
        broker_option_group(&app.broker),
        attic_option_group_large(&app.memory),
    };
    static const struct monitor_ops monitor = {
        .counters = on_counters, .streams = on_streams, .ready = on_ready};
    struct error err = {0};
    int code = program_init(&app.program, &info, groups, array_size(groups), argc, argv);
    if (code == 0) {
        app.attic = attic_create(app.program.loop, &app.memory);
        if (app_start(&app, &err) != 0)
            program_fail(&app.program, &err);
        else
            program_attend(&app.program, &monitor, &app);
        code = program_run(&app.program, NULL, NULL);
        program_attend(&app.program, NULL, NULL);
        app_close(&app);
        attic_destroy(app.attic);
    }
    return program_deinit(&app.program, code);
}
