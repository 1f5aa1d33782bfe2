#include "base/program.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/allowance.h"
#include "base/buf.h"
#include "base/mem.h"

#define GRACE_US (5 * LOOP_SECOND)
#define REPORT_US (60 * LOOP_SECOND)
#define SETTLED_US (30 * LOOP_SECOND)
#define STALL_US (100 * LOOP_MS)
#define STALL_LOG_US (60 * LOOP_SECOND)
#define REPORT_LIMIT 3500 /* bytes: what a line of the log holds */

struct program_signals {
    struct program *program;
    uv_signal_t handles[3];
    size_t open;
    struct timer grace, report, settled;
    struct allowance stall_log;
    void (*stop)(void *arg);
    void *arg;
    bool running;  /* program_run() is under way */
    bool stopping; /* a signal has been seen */
    bool ended;    /* program_end() has been called */
};

static const int signal_numbers[] = {SIGINT, SIGTERM, SIGUSR1};

static const struct option_spec general_specs[] = {
    {.name = "config",
     .type = OPTION_CONFIG,
     .value = "FILE",
     .help = "YAML file with options, by the names they have here",
     .offset = offsetof(struct program_settings, config)},
    {.name = "log-level",
     .type = OPTION_CHOICE,
     .value = "error|warn|info|debug",
     .fallback = "info",
     .help = "how much is logged, on stderr",
     .offset = offsetof(struct program_settings, log_level)},
    {.name = "log-format",
     .type = OPTION_CHOICE,
     .value = "text|json",
     .fallback = "text",
     .help = "a line of text or of JSON for each event",
     .offset = offsetof(struct program_settings, log_format)},
    {.name = "metrics",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .help = "serve /metrics (for Prometheus), /healthz and /readyz there, on plain http and to anyone who "
             "reaches the address",
     .offset = offsetof(struct program_settings, metrics)},
    {.name = "version", .type = OPTION_VERSION, .help = "print the version and end"},
    {.name = "help", .letter = 'h', .type = OPTION_HELP, .help = "print this and end"},
    {.name = "help-man", .type = OPTION_MAN},
};

static void grace_over(void *arg)
{
    struct program_signals *signals = arg;
    log_warn(&signals->program->log, "program", "not everything ended in time; ending anyway");
    program_end(signals->program, 0);
}

static void begin_stop(struct program_signals *signals)
{
    signals->stopping = true;
    log_info(&signals->program->log, "program", "stopping; a second signal ends at once");
    timer_start(&signals->grace, GRACE_US);
    monitor_stopping(signals->program->monitor);
    if (signals->stop)
        signals->stop(signals->arg);
    else
        program_end(signals->program, 0);
}

static void on_stalled(void *arg, int64_t us)
{
    struct program_signals *signals = arg;
    struct program *program = signals->program;
    if (allowance_take(&signals->stall_log, loop_now_us(program->loop), STALL_LOG_US, 1))
        log_warn(&program->log, "program",
                 "nothing else was done for %lld ms: the machine is too busy, or too much came at once "
                 "(so far this happened %llu times)",
                 (long long)(us / LOOP_MS), (unsigned long long)loop_stats(program->loop)->stalls);
}

static void report(struct program *program, enum log_level level)
{
    struct buf line = BUF_INIT(REPORT_LIMIT);
    monitor_line(program->monitor, &line);
    log_write(&program->log, level, "counters", "%s", line.data);
    buf_deinit(&line);
}

static void on_report(void *arg)
{
    struct program_signals *signals = arg;
    timer_start(&signals->report, REPORT_US);
    report(signals->program, LOG_LEVEL_DEBUG);
}

static void on_settled(void *arg)
{
    (void)arg;
    mem_give_back_code();
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program_signals *signals = handle->data;
    if (number == SIGUSR1) {
        report(signals->program, LOG_LEVEL_INFO);
        return;
    }
    if (signals->stopping)
        _exit(128 + number);
    begin_stop(signals);
}

static int listen_for_signals(struct program *program)
{
    struct program_signals *signals = mem_zalloc(sizeof(*signals));
    program->signals = signals;
    signals->program = program;
    timer_init(&signals->grace, program->loop, grace_over, signals);
    timer_init(&signals->report, program->loop, on_report, signals);
    timer_init(&signals->settled, program->loop, on_settled, NULL);
    loop_watch(program->loop, STALL_US, on_stalled, signals);
    if (program->log.level >= LOG_LEVEL_DEBUG)
        timer_start(&signals->report, REPORT_US);
    for (size_t i = 0; i < array_size(signal_numbers); i++) {
        uv_signal_t *handle = &signals->handles[i];
        int r = uv_signal_init(loop_uv(program->loop), handle);
        if (r < 0)
            return r;
        handle->data = signals;
        signals->open++;
        r = uv_signal_start(handle, on_signal, signal_numbers[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct program_signals *signals = handle->data;
    signals->open--;
}

static void close_signals(struct program *program)
{
    struct program_signals *signals = program->signals;
    if (!signals)
        return;
    loop_watch(program->loop, 0, NULL, NULL);
    timer_stop(&signals->grace);
    timer_stop(&signals->report);
    timer_stop(&signals->settled);
    for (size_t i = 0, open = signals->open; i < open; i++)
        uv_close((uv_handle_t *)&signals->handles[i], on_closed);
    while (signals->open)
        loop_step(program->loop);
    free(signals);
    program->signals = NULL;
}

static void add_groups(struct program *program, const struct option_group *groups, size_t count)
{
    program->groups = mem_zalloc((count + 1) * sizeof(*groups));
    program->group_count = count + 1;
    if (count)
        memcpy(program->groups, groups, count * sizeof(*groups));
    program->groups[count] = (struct option_group){
        .title = "General",
        .specs = general_specs,
        .count = array_size(general_specs),
        .target = &program->settings,
    };
}

static int print_error(const struct program *program, const struct error *err)
{
    fprintf(stderr, "%s%s: %s\n", log_priority(&program->log, LOG_LEVEL_ERROR), program->name, err->text);
    return err->code;
}

int program_init(struct program *program, const struct program_info *info, const struct option_group *groups,
                 size_t count, int argc, char **argv)
{
    struct error err = {0};
    mem_configure();
    *program = (struct program){.name = info->name,
                                .log = {.out = stderr, .journal = log_is_journal(STDERR_FILENO)},
                                .settled_us = SETTLED_US};
    add_groups(program, groups, count);
    int r = options_parse(info, program->groups, program->group_count, argc, argv, stdout, &err);
    if (r != 0)
        return r == OPTIONS_E_SHOWN ? r : print_error(program, &err);

    program->log.level = (enum log_level)program->settings.log_level;
    program->log.format = (enum log_format)program->settings.log_format;
    signal(SIGPIPE, SIG_IGN);
    program->loop = loop_create();
    r = listen_for_signals(program);
    if (r < 0)
        error_set(&err, EX_OSERR, "cannot listen for signals: %s", uv_strerror(r));
    else
        r = monitor_create(program->loop, &program->log, info->name, &program->settings.metrics,
                           &program->monitor, &err);
    return r != 0 ? print_error(program, &err) : 0;
}

void program_attend(struct program *program, const struct monitor_ops *ops, void *arg)
{
    monitor_attend(program->monitor, ops, arg);
}

int program_run(struct program *program, void (*stop)(void *arg), void *arg)
{
    struct program_signals *signals = program->signals;
    signals->stop = stop;
    signals->arg = arg;
    signals->running = true;
    timer_start(&signals->settled, program->settled_us);
    if (!signals->ended) {
        monitor_started(program->monitor);
        loop_run(program->loop);
    }
    signals->running = false;
    signals->stop = NULL;
    return program->exit_code;
}

void program_end(struct program *program, int exit_code)
{
    struct program_signals *signals = program->signals;
    if (signals->ended)
        return;
    signals->ended = true;
    program->exit_code = exit_code;
    if (signals->running)
        loop_stop(program->loop);
}

void program_fail(struct program *program, const struct error *err)
{
    print_error(program, err);
    program_end(program, err->code);
}

int program_deinit(struct program *program, int code)
{
    close_signals(program);
    monitor_destroy(program->monitor);
    program->monitor = NULL;
    if (program->loop)
        loop_destroy(program->loop);
    options_free(program->groups, program->group_count);
    free(program->groups);
    program->groups = NULL;
    if (code == OPTIONS_E_SHOWN && !program->loop)
        code = 0;
    program->loop = NULL;
    return fflush(stdout) != 0 && code == 0 ? EX_IOERR : code;
}
