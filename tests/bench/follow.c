/*
 * The following end: an informer. Says a line at each sync, and statistics when asked ("stats"), latencies
 * included; the quantiles start over with each line.
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "informer/informer.h"

#define SAMPLES_MAX 4000000

struct follow {
    struct loop *loop;
    struct transport *transport;
    struct informer *informer;
    struct store_observer observer;
    struct informer_replica *replica;
    uint64_t changes, bytes, messages;
    int64_t last_us;
    uint32_t *samples; /* µs */
    size_t sample_count;
    uv_pipe_t in;
    char byte[64];
};

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    (void)old;
    (void)unseen;
    struct follow *follow = arg;
    int64_t stamp = new_ ? pod_stamp_us(new_) : 0;
    follow->changes++;
    follow->last_us = loop_now_us(follow->loop);
    if (stamp && follow->sample_count < SAMPLES_MAX)
        follow->samples[follow->sample_count++] = (uint32_t)(follow->last_us - stamp);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t quantile(const struct follow *follow, double q)
{
    return follow->sample_count ? follow->samples[(size_t)((double)(follow->sample_count - 1) * q)] : 0;
}

static void stats_print(struct follow *follow, const char *what)
{
    const struct informer_stats *stats = informer_stats(follow->informer);
    qsort(follow->samples, follow->sample_count, sizeof(*follow->samples), compare);
    printf("%s {\"objects\":%zu,\"changes\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"messages\":%" PRIu64
           ",\"cpu_us\":%" PRId64 ",\"us\":%" PRId64 ",\"last_us\":%" PRId64 ",\"memory\":%" PRId64
           ",\"gaps\":%" PRIu64 ",\"syncs\":%" PRIu64 ",\"p50\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u}\n",
           what, follow->replica ? store_count(replica_store(follow->replica)) : 0, follow->changes,
           follow->bytes, follow->messages, cpu_us(), loop_now_us(follow->loop), follow->last_us,
           memory_bytes(), stats->gaps, stats->syncs, quantile(follow, 0.5), quantile(follow, 0.99),
           quantile(follow, 0.999), quantile(follow, 1));
    fflush(stdout);
}

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct follow *follow = arg;
    follow->replica = replica;
    follow->observer = (struct store_observer){.changed = on_changed, .arg = follow};
    store_observe(replica_store(replica), &follow->observer);
}

static void on_synced(void *arg, struct informer_replica *replica)
{
    (void)replica;
    stats_print(arg, "synced");
}

static void on_stale(void *arg, struct informer_replica *replica)
{
    (void)replica;
    stats_print(arg, "stale");
}

static void on_connected(void *arg)
{
    struct follow *follow = arg;
    stats_print(follow, "connected");
    informer_on_connected(follow->informer);
}

static void on_disconnected(void *arg, const char *reason)
{
    fprintf(stderr, "follow: %s\n", reason);
    informer_on_disconnected(((struct follow *)arg)->informer);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    struct follow *follow = arg;
    follow->bytes += len;
    follow->messages++;
    informer_on_message(follow->informer, topic, payload, len);
}

static void on_drained(void *arg)
{
    informer_on_drained(((struct follow *)arg)->informer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct follow *follow = handle->data;
    *buf = uv_buf_init(follow->byte, sizeof(follow->byte));
}

/* A letter is a command: S says statistics, R forgets the latencies. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct follow *follow = stream->data;
    if (n < 0)
        loop_stop(follow->loop);
    for (ssize_t i = 0; i < n; i++) {
        if (buf->base[i] == 'R')
            follow->sample_count = 0;
        else if (buf->base[i] == 'S')
            stats_print(follow, "stats");
    }
}

int bench_follow(const struct bench_options *options)
{
    static const struct transport_callbacks callbacks = {on_connected, on_disconnected, on_message,
                                                         on_drained};
    static const struct informer_ops ops = {.replica = on_replica, .synced = on_synced, .stale = on_stale};
    struct follow follow = {.loop = loop_create()};
    follow.samples = mem_alloc(sizeof(*follow.samples) * SAMPLES_MAX);
    follow.transport = bench_transport(follow.loop, options, "hub");
    struct informer_options informer = {
        .name = "hub", .topics = bench_topics(), .encoding = options->encoding};
    follow.informer = informer_create(follow.loop, follow.transport, &informer, &ops, &follow);
    uv_pipe_init(loop_uv(follow.loop), &follow.in, 0);
    follow.in.data = &follow;
    uv_pipe_open(&follow.in, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&follow.in, on_alloc, on_read);
    transport_start(follow.transport, &callbacks, &follow);
    loop_run(follow.loop);
    informer_destroy(follow.informer);
    transport_destroy(follow.transport);
    uv_close((uv_handle_t *)&follow.in, NULL);
    free(follow.samples);
    loop_destroy(follow.loop);
    return 0;
}
