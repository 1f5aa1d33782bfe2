/*
 * The publishing end: the bytes of a watch go through the decoder, the parser, a store and a publisher.
 * Commands, a line each:
 *
 *      churn COUNT RATE SPAN  so many changes of the first SPAN pods, at so many a second (0: as fast as they
 * go out, without one overtaking another) flood COUNT SPAN       so many changes as fast as they can be read,
 * whatever goes out make COUNT             makes the bytes of so many changes and throws them away: what the
 * load itself costs managed 0|1            whether pods have managed fields restart COUNT          a new
 * publisher, as after a restart of the process; COUNT pods have changed meanwhile S statistics R forgets the
 * longest turn of the loop
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attic.h"
#include "provider/publisher.h"
#include "store/store.h"

#define AHEAD_MAX 4096 /* changes made and not yet encoded; and so few that no pod is among them twice */
#define BURST 32       /* in one turn of the loop, as a watch that has much to say gives them */

struct publish {
    struct bench_options options;
    struct loop *loop;
    struct attic *attic;
    struct store *store;
    struct feed *feed;
    struct post post;
    struct stall stall;
    struct lines lines;
    struct timer churn;
    uint64_t left, made, base_events;
    size_t span;
    int64_t rate, start_us;
};

static void stats_print(struct publish *publish, const char *what)
{
    const struct publisher_stats *stats = publisher_stats(publish->post.publisher);
    stall_pause(&publish->stall);
    printf("%s {\"events\":%" PRIu64 ",\"coalesced\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"heard\":%" PRIu64 ",\"cpu_us\":%" PRId64 ",\"us\":%" PRId64 ",\"memory\":%" PRId64
           ",\"stall_us\":%" PRId64 ",\"stall_wall_us\":%" PRId64 ",\"over_1ms\":%" PRIu64 "}\n",
           what, stats->events, stats->coalesced, stats->messages, stats->bytes, publish->post.heard_bytes,
           cpu_us(), loop_now_us(publish->loop), memory_bytes(), publish->stall.cpu_us, publish->stall.us,
           publish->stall.over_1ms);
    fflush(stdout);
    stall_resume(&publish->stall);
}

static uint64_t due(const struct publish *publish)
{
    if (publish->rate > 0)
        return (uint64_t)((loop_now_us(publish->loop) - publish->start_us) * publish->rate / LOOP_SECOND) -
               publish->made + 1;
    uint64_t encoded = publisher_stats(publish->post.publisher)->events - publish->base_events;
    uint64_t most = publish->span / 2 < AHEAD_MAX ? publish->span / 2 : AHEAD_MAX;
    return publish->made - encoded < most ? BURST : 0;
}

static void on_churn(void *arg)
{
    struct publish *publish = arg;
    uint64_t count = due(publish), most = publish->left < BURST ? publish->left : BURST;
    if (count > most)
        count = most;
    feed_change(publish->feed, publish->span, count, false);
    publish->made += count;
    publish->left -= count;
    if (publish->left)
        timer_start(&publish->churn, publish->rate > 0 ? LOOP_SECOND / publish->rate / 2 : 0);
    else
        stats_print(publish, "churned");
}

static void churn_start(struct publish *publish, uint64_t count, int64_t rate, size_t span)
{
    publish->left = count;
    publish->rate = rate;
    publish->span = span < publish->options.pods ? span : publish->options.pods;
    publish->made = 0;
    publish->base_events = publisher_stats(publish->post.publisher)->events;
    publish->start_us = loop_now_us(publish->loop);
    stats_print(publish, "started");
    timer_start(&publish->churn, 0);
}

static void make(struct publish *publish, uint64_t count)
{
    int64_t before = cpu_us();
    feed_change(publish->feed, publish->options.pods, count, true);
    printf("made {\"cpu_us\":%" PRId64 "}\n", cpu_us() - before);
    fflush(stdout);
    stall_reset(&publish->stall);
}

static void on_connected(void *arg)
{
    stats_print(arg, "connected");
}

static void restart(struct publish *publish, uint64_t changed)
{
    post_close(&publish->post);
    feed_change(publish->feed, publish->options.pods, changed, false);
    post_open(&publish->post);
    stall_reset(&publish->stall);
}

static void on_line(void *arg, const char *line)
{
    struct publish *publish = arg;
    uint64_t count;
    int64_t rate;
    size_t span;
    if (sscanf(line, "churn %" SCNu64 " %" SCNd64 " %zu", &count, &rate, &span) == 3)
        churn_start(publish, count, rate, span);
    else if (sscanf(line, "make %" SCNu64, &count) == 1)
        make(publish, count);
    else if (sscanf(line, "managed %" SCNu64, &count) == 1)
        feed_managed(publish->feed, count != 0);
    else if (sscanf(line, "stamped %" SCNu64, &count) == 1)
        feed_stamped(publish->feed, count != 0);
    else if (sscanf(line, "restart %" SCNu64, &count) == 1)
        restart(publish, count);
    else if (strcmp(line, "S") == 0)
        stats_print(publish, "stats");
    else if (strcmp(line, "R") == 0)
        stall_reset(&publish->stall);
    else
        fprintf(stderr, "bench publish: '%s' is no command\n", line);
}

int bench_publish(const struct bench_options *options)
{
    struct publish publish = {.options = *options, .loop = loop_create()};
    publish.attic = bench_attic(publish.loop, options);
    publish.store = bench_store(publish.attic);
    publish.feed = feed_create(publish.loop, publish.store, options->pods);
    feed_fill(publish.feed);
    timer_init(&publish.churn, publish.loop, on_churn, &publish);
    publish.post = (struct post){.loop = publish.loop,
                                 .options = &publish.options,
                                 .name = "cluster1",
                                 .store = publish.store,
                                 .connected = on_connected,
                                 .arg = &publish};
    lines_open(&publish.lines, publish.loop, on_line, &publish);
    stall_start(&publish.stall, publish.loop);
    post_open(&publish.post);
    loop_run(publish.loop);
    timer_stop(&publish.churn);
    post_close(&publish.post);
    stall_stop(&publish.stall);
    lines_close(&publish.lines);
    feed_destroy(publish.feed);
    store_destroy(publish.store);
    attic_destroy(publish.attic);
    loop_destroy(publish.loop);
    return 0;
}
