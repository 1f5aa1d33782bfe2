/*
 * Many small clusters in one process, each with a publisher and a connection to the broker of its own. Says
 * "ready" when all are connected. Commands: S, statistics.
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attic.h"
#include "base/mem.h"
#include "store/store.h"

struct site {
    struct post post;
    struct feed *feed;
    char name[32];
};

struct fleet {
    struct bench_options options;
    struct loop *loop;
    struct attic *attic;
    struct site *sites;
    struct lines lines;
    size_t connected;
};

static void stats_print(struct fleet *fleet, const char *what)
{
    printf("%s {\"connected\":%zu,\"cpu_us\":%" PRId64 ",\"us\":%" PRId64 ",\"memory\":%" PRId64 "}\n", what,
           fleet->connected, cpu_us(), loop_now_us(fleet->loop), memory_bytes());
    fflush(stdout);
}

static void on_connected(void *arg)
{
    struct fleet *fleet = arg;
    if (++fleet->connected == fleet->options.clusters)
        stats_print(fleet, "ready");
}

static void on_line(void *arg, const char *line)
{
    if (strcmp(line, "S") == 0)
        stats_print(arg, "stats");
}

static void site_open(struct fleet *fleet, size_t number)
{
    struct site *site = &fleet->sites[number];
    snprintf(site->name, sizeof(site->name), "cluster%zu", number);
    struct store *store = bench_store(fleet->attic);
    site->feed = feed_create(fleet->loop, store, fleet->options.pods);
    feed_fill(site->feed);
    site->post = (struct post){.loop = fleet->loop,
                               .options = &fleet->options,
                               .name = site->name,
                               .store = store,
                               .connected = on_connected,
                               .arg = fleet};
    post_open(&site->post);
}

static void site_close(struct site *site)
{
    post_close(&site->post);
    feed_destroy(site->feed);
    store_destroy(site->post.store);
}

int bench_fleet(const struct bench_options *options)
{
    struct fleet fleet = {.options = *options, .loop = loop_create()};
    fleet.attic = bench_attic(fleet.loop, options);
    fleet.sites = mem_zalloc(sizeof(*fleet.sites) * options->clusters);
    lines_open(&fleet.lines, fleet.loop, on_line, &fleet);
    for (size_t i = 0; i < options->clusters; i++)
        site_open(&fleet, i);
    loop_run(fleet.loop);
    for (size_t i = 0; i < options->clusters; i++)
        site_close(&fleet.sites[i]);
    lines_close(&fleet.lines);
    free(fleet.sites);
    attic_destroy(fleet.attic);
    loop_destroy(fleet.loop);
    return 0;
}
