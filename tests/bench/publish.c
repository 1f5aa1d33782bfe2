/*
 * The publishing end. Commands, a line each:
 *
 *      churn COUNT RATE   so many changes, at so many a second (0: as fast as they go out)
 *      change COUNT       so many pods get another version, at once
 *      restart            a new publisher over the same pods, as after a restart of the process
 *      S                  statistics
 *      quit
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "provider/publisher.h"

#define AHEAD_MAX 4096 /* changes made and not yet encoded, so that none is coalesced */
#define BURST 64

struct publish {
    struct bench_options options;
    struct loop *loop;
    struct transport *transport;
    struct publisher *publisher;
    struct store *store;
    uint64_t *versions;
    struct timer churn;
    uint64_t left, made, base_events;
    size_t next;
    int64_t rate, start_us, cpu_us;
    char line[256];
    uv_pipe_t in;
};

static void pod_put(struct publish *publish, size_t number, int64_t stamp_us)
{
    struct object *pod = pod_make(number, publish->versions[number]++, stamp_us);
    store_put(publish->store, pod);
    object_unref(pod);
}

static void change_next(struct publish *publish)
{
    pod_put(publish, publish->next, loop_now_us(publish->loop));
    publish->next = (publish->next + 7919) % publish->options.pods;
    publish->made++;
    publish->left--;
}

static void stats_print(struct publish *publish, const char *what)
{
    const struct publisher_stats *stats = publisher_stats(publish->publisher);
    printf("%s {\"events\":%" PRIu64 ",\"coalesced\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"cpu_us\":%" PRId64 ",\"us\":%" PRId64 ",\"memory\":%" PRId64 ",\"equal\":%" PRIu64
           ",\"snapshots\":%" PRIu64 "}\n",
           what, stats->events, stats->coalesced, stats->messages, stats->bytes, cpu_us(),
           loop_now_us(publish->loop), memory_bytes(), stats->syncs_equal, stats->syncs_snapshot);
    fflush(stdout);
}

static uint64_t due(const struct publish *publish)
{
    if (publish->rate > 0)
        return (uint64_t)((loop_now_us(publish->loop) - publish->start_us) * publish->rate / LOOP_SECOND) -
               publish->made + 1;
    uint64_t waiting = publish->made - (publisher_stats(publish->publisher)->events - publish->base_events);
    return waiting < AHEAD_MAX ? BURST : 0;
}

static void on_churn(void *arg)
{
    struct publish *publish = arg;
    for (uint64_t n = due(publish); n && publish->left; n--)
        change_next(publish);
    if (publish->left)
        timer_start(&publish->churn, publish->rate > 0 ? LOOP_SECOND / publish->rate / 2 : 0);
    else
        stats_print(publish, "churned");
}

static void churn_start(struct publish *publish, uint64_t count, int64_t rate)
{
    publish->left = count;
    publish->rate = rate;
    publish->made = 0;
    publish->base_events = publisher_stats(publish->publisher)->events;
    publish->start_us = loop_now_us(publish->loop);
    stats_print(publish, "started");
    timer_start(&publish->churn, 0);
}

/* ---- the publisher ---- */

static void on_connected(void *arg)
{
    struct publish *publish = arg;
    publisher_on_connected(publish->publisher);
    stats_print(publish, "connected");
}

static void on_disconnected(void *arg, const char *reason)
{
    fprintf(stderr, "publish: %s\n", reason);
    publisher_on_disconnected(((struct publish *)arg)->publisher);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    publisher_on_message(((struct publish *)arg)->publisher, topic, payload, len);
}

static void on_drained(void *arg)
{
    publisher_on_drained(((struct publish *)arg)->publisher);
}

static void publisher_open(struct publish *publish)
{
    static const struct transport_callbacks callbacks = {on_connected, on_disconnected, on_message,
                                                         on_drained};
    struct gvr pods;
    gvr_set(&pods, "", "v1", "pods");
    publish->transport = bench_transport(publish->loop, &publish->options, "cluster1");
    struct publisher_options options = {
        .name = "cluster1", .topics = bench_topics(), .encoding = publish->options.encoding};
    publish->publisher = publisher_create(publish->loop, publish->transport, &options, NULL, NULL);
    publisher_set_cluster(publish->publisher, "bench", "v1.36.1");
    publisher_stream_ready(publisher_add(publish->publisher, "all", &pods, "Pod", true, publish->store));
    publisher_complete(publish->publisher);
    transport_start(publish->transport, &callbacks, publish);
}

static void publisher_close(struct publish *publish)
{
    publisher_destroy(publish->publisher);
    transport_destroy(publish->transport);
}

/* ---- commands ---- */

static void command(struct publish *publish, const char *line)
{
    uint64_t count;
    int64_t rate = 0;
    if (sscanf(line, "churn %" SCNu64 " %" SCNd64, &count, &rate) >= 1) {
        churn_start(publish, count, rate);
    } else if (sscanf(line, "change %" SCNu64, &count) == 1) {
        for (size_t i = 0; i < count; i++)
            pod_put(publish, i, 0);
        stats_print(publish, "changed");
    } else if (strcmp(line, "restart") == 0) {
        publisher_close(publish);
        publisher_open(publish);
    } else if (strcmp(line, "S") == 0) {
        stats_print(publish, "stats");
    } else if (strcmp(line, "quit") == 0) {
        loop_stop(publish->loop);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct publish *publish = handle->data;
    size_t used = strlen(publish->line);
    *buf = uv_buf_init(publish->line + used, (unsigned)(sizeof(publish->line) - 1 - used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct publish *publish = stream->data;
    if (n < 0) {
        loop_stop(publish->loop);
        return;
    }
    buf->base[n] = '\0';
    for (char *newline; (newline = strchr(publish->line, '\n'));) {
        *newline = '\0';
        command(publish, publish->line);
        memmove(publish->line, newline + 1, strlen(newline + 1) + 1);
    }
}

int bench_publish(const struct bench_options *options)
{
    struct publish publish = {.options = *options, .loop = loop_create(), .store = store_create()};
    publish.versions = mem_zalloc(sizeof(*publish.versions) * (options->pods + 1));
    timer_init(&publish.churn, publish.loop, on_churn, &publish);
    for (size_t i = 0; i < options->pods; i++)
        pod_put(&publish, i, 0);
    uv_pipe_init(loop_uv(publish.loop), &publish.in, 0);
    publish.in.data = &publish;
    uv_pipe_open(&publish.in, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&publish.in, on_alloc, on_read);
    publisher_open(&publish);
    loop_run(publish.loop);
    timer_stop(&publish.churn);
    publisher_close(&publish);
    uv_close((uv_handle_t *)&publish.in, NULL);
    store_destroy(publish.store);
    free(publish.versions);
    loop_destroy(publish.loop);
    return 0;
}
