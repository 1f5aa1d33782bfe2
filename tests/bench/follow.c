/*
 * The following end: an informer of all clusters. Says a line when it is connected, when a replica is made
 * (which asks for its first sync), and whenever one has become equal to what is published or is not known to
 * be any more. Commands: S, statistics; L, latencies; R, forgets latencies and the longest turn of the loop.
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attic.h"
#include "base/mem.h"
#include "informer/informer.h"

#define SAMPLES_MAX 2000000

/* Of one replica; kept until the end. */
struct ear {
    struct store_observer observer;
    struct ear *next;
};

struct follow {
    struct loop *loop;
    struct attic *attic;
    struct transport *transport;
    struct informer *informer;
    struct stall stall;
    struct lines lines;
    struct ear *ears;
    uint64_t changes, bytes, messages;
    int64_t last_us;
    uint32_t *samples; /* µs from the watch's bytes to the handler */
    size_t sample_count;
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

/* ---- statistics ---- */

struct totals {
    size_t replicas, fresh, objects;
};

static struct totals totals_of(const struct informer *informer)
{
    struct totals totals = {0};
    const struct informer_cluster *cluster = NULL;
    while ((cluster = informer_next_cluster(informer, cluster))) {
        struct informer_replica *replica = NULL;
        while ((replica = cluster_next_replica(cluster, replica))) {
            totals.replicas++;
            totals.fresh += replica_synced(replica);
            totals.objects += store_count(replica_store(replica));
        }
    }
    return totals;
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

static void line_end(struct follow *follow)
{
    puts("}");
    fflush(stdout);
    stall_resume(&follow->stall);
}

static void tell(struct follow *follow, const char *what)
{
    const struct informer_stats *stats = informer_stats(follow->informer);
    stall_pause(&follow->stall);
    struct totals totals = totals_of(follow->informer);
    printf("%s {\"replicas\":%zu,\"fresh\":%zu,\"objects\":%zu,\"changes\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"messages\":%" PRIu64 ",\"cpu_us\":%" PRId64 ",\"us\":%" PRId64 ",\"last_us\":%" PRId64
           ",\"memory\":%" PRId64 ",\"gaps\":%" PRIu64 ",\"syncs\":%" PRIu64 ",\"syncs_failed\":%" PRIu64
           ",\"stall_us\":%" PRId64 ",\"stall_wall_us\":%" PRId64 ",\"over_1ms\":%" PRIu64,
           what, totals.replicas, totals.fresh, totals.objects, follow->changes, follow->bytes,
           follow->messages, cpu_us(), loop_now_us(follow->loop), follow->last_us, memory_bytes(),
           stats->gaps, stats->syncs, stats->syncs_failed, follow->stall.cpu_us, follow->stall.us,
           follow->stall.over_1ms);
    line_end(follow);
}

/* Sorting takes as long as thousands of changes: statistics, which are asked for all the time, leave it out.
 */
static void latency_print(struct follow *follow)
{
    stall_pause(&follow->stall);
    qsort(follow->samples, follow->sample_count, sizeof(*follow->samples), compare);
    printf("latency {\"samples\":%zu,\"p50\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u", follow->sample_count,
           quantile(follow, 0.5), quantile(follow, 0.99), quantile(follow, 0.999), quantile(follow, 1));
    line_end(follow);
}

static void on_line(void *arg, const char *line)
{
    struct follow *follow = arg;
    if (strcmp(line, "S") == 0) {
        tell(follow, "stats");
    } else if (strcmp(line, "L") == 0) {
        latency_print(follow);
    } else if (strcmp(line, "R") == 0) {
        follow->sample_count = 0;
        stall_reset(&follow->stall);
    }
}

/* ---- the informer ---- */

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct follow *follow = arg;
    struct ear *ear = mem_zalloc(sizeof(*ear));
    *ear = (struct ear){.observer = {.changed = on_changed, .arg = follow}, .next = follow->ears};
    follow->ears = ear;
    store_observe(replica_store(replica), &ear->observer);
    tell(follow, "replica");
}

static void on_synced(void *arg, struct informer_replica *replica)
{
    (void)replica;
    tell(arg, "synced");
}

static void on_stale(void *arg, struct informer_replica *replica)
{
    (void)replica;
    tell(arg, "stale");
}

static void on_connected(void *arg)
{
    struct follow *follow = arg;
    tell(follow, "connected");
    informer_on_connected(follow->informer);
}

static void on_disconnected(void *arg, const char *reason)
{
    fprintf(stderr, "bench: informer: %s\n", reason);
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

int bench_follow(const struct bench_options *options)
{
    static const struct transport_callbacks callbacks = {on_connected, on_disconnected, on_message,
                                                         on_drained};
    static const struct informer_ops ops = {.replica = on_replica, .synced = on_synced, .stale = on_stale};
    struct follow follow = {.loop = loop_create()};
    follow.samples = mem_alloc(sizeof(*follow.samples) * SAMPLES_MAX);
    follow.transport = bench_transport(follow.loop, options, "hub");
    follow.attic = bench_attic(follow.loop, options);
    struct informer_options informer = {
        .name = "hub", .topics = bench_topics(), .encoding = options->encoding, .attic = follow.attic};
    follow.informer = informer_create(follow.loop, follow.transport, &informer, &ops, &follow);
    lines_open(&follow.lines, follow.loop, on_line, &follow);
    stall_start(&follow.stall, follow.loop);
    transport_start(follow.transport, &callbacks, &follow);
    loop_run(follow.loop);
    informer_destroy(follow.informer);
    transport_destroy(follow.transport);
    attic_destroy(follow.attic);
    stall_stop(&follow.stall);
    lines_close(&follow.lines);
    for (struct ear *ear = follow.ears, *next; ear; ear = next) {
        next = ear->next;
        free(ear);
    }
    free(follow.samples);
    loop_destroy(follow.loop);
    return 0;
}
