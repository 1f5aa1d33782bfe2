#include "base/monitor.h"

#include <string.h>

#include "base/mem.h"
#include "base/notify.h"
#include "base/process.h"

#define STATUS_US LOOP_SECOND
#define STATUS_LIMIT 2048

struct monitor {
    struct loop *loop;
    const char *name; /* borrowed */
    const struct monitor_ops *ops;
    void *arg;
    struct exporter *exporter;
    struct notify *notify;
    struct timer status, watchdog;
    char *said; /* the status as it was told last */
    bool started;
};

/* ---- what there is to tell ---- */

static const struct metric build_info =
    METRIC_GAUGE("transport_informer_build_info", "1; which program this is, and its version.");
static const struct metric loop_longest = METRIC_GAUGE(
    "transport_informer_loop_longest_turn_seconds",
    "The longest turn of the event loop so far, waiting left out: so long nothing else was done.");
static const struct metric loop_longest_cpu = METRIC_GAUGE(
    "transport_informer_loop_longest_turn_cpu_seconds",
    "The most processor time that one turn of the event loop took so far, whatever else the machine did.");
static const struct metric loop_stalls =
    METRIC_COUNTER("transport_informer_loop_stalls_total",
                   "Turns of the event loop that took more than 100 ms.");

static const struct counter loop_counters[] = {
    COUNTER(struct loop_stats, longest_us, &loop_longest, .us = true),
    COUNTER(struct loop_stats, longest_cpu_us, &loop_longest_cpu, .us = true),
    COUNTER(struct loop_stats, stalls, &loop_stalls),
};

static void add_counters(const struct monitor *monitor, struct counters *out)
{
    if (monitor->ops && monitor->ops->counters)
        monitor->ops->counters(monitor->arg, out);
    counters_add(out, "loop", "", loop_counters, array_size(loop_counters), loop_stats(monitor->loop));
}

void monitor_line(const struct monitor *monitor, struct buf *out)
{
    add_counters(monitor, &(struct counters){.line = out});
}

static void add_build_info(const struct monitor *monitor, struct metrics *out)
{
    struct buf labels = BUF_INIT(256);
    metric_label(&labels, "program", monitor->name);
    metric_label(&labels, "version", TI_VERSION);
    metrics_number(out, &build_info, labels.data, 1);
    buf_deinit(&labels);
}

/* The first part is what there is one of; all others are the streams'. */
static bool on_collect(void *arg, struct metrics *out, size_t part)
{
    const struct monitor *monitor = arg;
    bool streams = monitor->ops && monitor->ops->streams;
    if (part > 0)
        return streams && monitor->ops->streams(monitor->arg, out, part - 1);
    add_build_info(monitor, out);
    add_counters(monitor, &(struct counters){.metrics = out});
    process_metrics(out);
    return streams;
}

static void on_ready(void *arg, struct checks *out)
{
    const struct monitor *monitor = arg;
    checks_add(out, "started", monitor->started ? NULL : "it is starting");
    if (monitor->ops && monitor->ops->ready)
        monitor->ops->ready(monitor->arg, out);
}

/* ---- systemd ---- */

static void on_watchdog(void *arg)
{
    struct monitor *monitor = arg;
    notify_send(monitor->notify, "WATCHDOG=1");
    timer_start(&monitor->watchdog, notify_watchdog_us(monitor->notify) / 2);
}

static void tell_status(struct monitor *monitor, const char *prefix)
{
    struct checks checks;
    struct buf lines = BUF_INIT(STATUS_LIMIT);
    checks_init(&checks);
    on_ready(monitor, &checks);
    if (buf_appendf(&lines, "%sSTATUS=%s%s", prefix, checks.failed ? "not ready: " : "ready",
                    checks.failed ? checks.wanting.data : "") != 0)
        buf_appendf(&lines, "%sSTATUS=not ready: %zu reasons", prefix, checks.failed);
    checks_deinit(&checks);
    if (*prefix || !monitor->said || strcmp(monitor->said, lines.data) != 0)
        notify_send(monitor->notify, lines.data);
    free(monitor->said);
    monitor->said = buf_steal(&lines);
}

static void on_status(void *arg)
{
    struct monitor *monitor = arg;
    tell_status(monitor, "");
    timer_start(&monitor->status, STATUS_US);
}

void monitor_started(struct monitor *monitor)
{
    monitor->started = true;
    if (!monitor->notify)
        return;
    tell_status(monitor, "READY=1\n");
    timer_start(&monitor->status, STATUS_US);
    if (notify_watchdog_us(monitor->notify))
        on_watchdog(monitor);
}

void monitor_stopping(struct monitor *monitor)
{
    timer_stop(&monitor->status);
    notify_send(monitor->notify, "STOPPING=1\nSTATUS=stopping");
}

/* ---- life ---- */

void monitor_attend(struct monitor *monitor, const struct monitor_ops *ops, void *arg)
{
    monitor->ops = ops;
    monitor->arg = arg;
}

int monitor_create(struct loop *loop, struct log *log, const char *name,
                   const struct option_endpoint *endpoint, struct monitor **out, struct error *err)
{
    static const struct exporter_ops ops = {.collect = on_collect, .ready = on_ready};
    struct monitor *monitor = mem_zalloc(sizeof(*monitor));
    struct exporter_config config = {
        .loop = loop, .host = endpoint->host, .port = endpoint->port, .ops = &ops, .arg = monitor};
    monitor->loop = loop;
    monitor->name = name;
    monitor->notify = notify_create();
    timer_init(&monitor->status, loop, on_status, monitor);
    timer_init(&monitor->watchdog, loop, on_watchdog, monitor);
    *out = monitor;
    if (!endpoint->host[0])
        return 0;
    int r = exporter_create(&config, &monitor->exporter, err);
    if (r == 0)
        log_info(log, "metrics", "served on http://%s:%u", endpoint->host, exporter_port(monitor->exporter));
    return r;
}

void monitor_destroy(struct monitor *monitor)
{
    if (!monitor)
        return;
    timer_stop(&monitor->status);
    timer_stop(&monitor->watchdog);
    exporter_destroy(monitor->exporter);
    notify_destroy(monitor->notify);
    free(monitor->said);
    free(monitor);
}
