#include "hub/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/mem.h"

#define LOOK_US LOOP_SECOND
#define TEXT_LIMIT ((size_t)1 << 20)
#define TABLE_ROWS 200
#define LINES_PER_TURN 64 /* clusters looked at in one turn of the loop */
#define HOME_AND_CLEAR "\033[H\033[J"

/* A cluster as it was shown last. */
struct shown {
    UT_hash_handle hh;
    const struct informer_cluster *cluster;
    bool changed; /* and is to be looked at */
    struct shown *prev, *next;
    char line[256];
    char name[];
};

struct summary {
    struct loop *loop;
    const struct informer *informer;
    enum summary_view view;
    FILE *out;
    struct timer timer;
    struct shown *shown;
    struct shown *changed;
    uint64_t drawn; /* hash of the table that stands there */
};

/* ---- a cluster's figures ---- */

struct figures {
    size_t resources, synced, refused, objects;
    int64_t age_s; /* -1: never heard */
};

static struct figures figures_of(const struct informer_cluster *cluster)
{
    struct figures figures = {.age_s = -1};
    const struct informer_replica *replica = NULL;
    while ((replica = cluster_next_replica(cluster, replica))) {
        int64_t age_s = replica_freshness(replica).age_s;
        figures.resources++;
        figures.synced += replica_synced(replica);
        figures.refused += replica_refused(replica);
        figures.objects += store_count(replica_store((struct informer_replica *)replica));
        if (age_s > figures.age_s)
            figures.age_s = age_s;
    }
    return figures;
}

static const char *state_of(const struct informer_cluster *cluster, const struct figures *figures)
{
    if (!cluster_alive(cluster))
        return "silent";
    if (figures->refused)
        return "refused";
    if (!cluster_synced(cluster))
        return "syncing";
    return figures->synced == figures->resources ? "synced" : "stale";
}

/* The version is the cluster's word: made fit for a terminal. */
static void append_version(struct buf *out, const struct informer_cluster *cluster)
{
    const char *version = cluster_version(cluster);
    if (*version)
        escape_append(out, version, strlen(version));
    else
        buf_append_str(out, "-");
}

/* ---- lines ---- */

static void describe(const struct informer_cluster *cluster, struct buf *out)
{
    struct figures figures = figures_of(cluster);
    buf_appendf(out, "%s: %s, %zu of %zu resources, version ", cluster_name(cluster),
                state_of(cluster, &figures), figures.synced, figures.resources);
    append_version(out, cluster);
}

static struct shown *shown_get(struct summary *summary, const char *name)
{
    struct shown *shown;
    size_t len = strlen(name);
    HASH_FIND_STR(summary->shown, name, shown);
    if (shown)
        return shown;
    shown = mem_zalloc(sizeof(*shown) + len + 1);
    memcpy(shown->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, summary->shown, shown->name, len, shown);
    return shown;
}

/* The number of objects is told, but a change of it alone is no news. */
static void print_change(struct summary *summary, struct shown *shown)
{
    struct buf line = BUF_INIT(TEXT_LIMIT);
    describe(shown->cluster, &line);
    if (strncmp(shown->line, line.data, sizeof(shown->line) - 1) != 0) {
        snprintf(shown->line, sizeof(shown->line), "%s", line.data);
        fprintf(summary->out, "%s, %zu objects\n", line.data, figures_of(shown->cluster).objects);
    }
    buf_deinit(&line);
}

static void print_changes(struct summary *summary)
{
    for (int i = 0; i < LINES_PER_TURN && summary->changed; i++) {
        struct shown *shown = summary->changed;
        DL_DELETE(summary->changed, shown);
        shown->changed = false;
        print_change(summary, shown);
    }
    fflush(summary->out);
    if (summary->changed)
        timer_start(&summary->timer, 0);
}

/* ---- the table ---- */

static void append_row(const struct informer_cluster *cluster, struct buf *out)
{
    struct figures figures = figures_of(cluster);
    char resources[48], age[32] = "never";
    snprintf(resources, sizeof(resources), "%zu/%zu", figures.synced, figures.resources);
    if (figures.age_s >= 0)
        snprintf(age, sizeof(age), "%" PRId64 "s ago", figures.age_s);
    buf_appendf(out, "%-24s %-9s %-11s %9zu   %-12s ", cluster_name(cluster), state_of(cluster, &figures),
                resources, figures.objects, age);
    append_version(out, cluster);
    buf_append_char(out, '\n');
}

static void draw_table(struct summary *summary)
{
    struct buf table = BUF_INIT(TEXT_LIMIT);
    struct informer_cluster *cluster = NULL;
    buf_appendf(&table, "%-24s %-9s %-11s %9s   %-12s %s\n", "CLUSTER", "STATE", "RESOURCES", "OBJECTS",
                "HEARD", "VERSION");
    for (int rows = 0; rows < TABLE_ROWS && (cluster = informer_next_cluster(summary->informer, cluster));
         rows++)
        append_row(cluster, &table);
    if (HASH_COUNT(summary->shown) > TABLE_ROWS)
        buf_appendf(&table, "and %u more\n", HASH_COUNT(summary->shown) - TABLE_ROWS);
    uint64_t hash = key_hash(table.data, table.len);
    if (hash != summary->drawn)
        fprintf(summary->out, HOME_AND_CLEAR "%s", table.data);
    summary->drawn = hash;
    fflush(summary->out);
    buf_deinit(&table);
}

/* ---- life ---- */

static void on_look(void *arg)
{
    struct summary *summary = arg;
    if (summary->view == SUMMARY_VIEW_LINES) {
        print_changes(summary);
        return;
    }
    timer_start(&summary->timer, LOOK_US);
    draw_table(summary);
}

void summary_changed(struct summary *summary, const struct informer_cluster *cluster)
{
    if (!summary)
        return;
    struct shown *shown = shown_get(summary, cluster_name(cluster));
    shown->cluster = cluster;
    if (summary->view == SUMMARY_VIEW_TABLE || shown->changed)
        return;
    shown->changed = true;
    DL_APPEND(summary->changed, shown);
    if (!timer_active(&summary->timer))
        timer_start(&summary->timer, LOOK_US);
}

struct summary *summary_create(struct loop *loop, const struct informer *informer, enum summary_view view,
                               FILE *out)
{
    struct summary *summary = mem_zalloc(sizeof(*summary));
    summary->loop = loop;
    summary->informer = informer;
    summary->view = view;
    summary->out = out;
    timer_init(&summary->timer, loop, on_look, summary);
    struct informer_cluster *cluster = NULL;
    while ((cluster = informer_next_cluster(informer, cluster)))
        summary_changed(summary, cluster);
    if (view == SUMMARY_VIEW_TABLE)
        timer_start(&summary->timer, 0);
    return summary;
}

void summary_destroy(struct summary *summary)
{
    if (!summary)
        return;
    struct shown *shown, *next;
    timer_stop(&summary->timer);
    HASH_ITER (hh, summary->shown, shown, next) {
        HASH_DEL(summary->shown, shown);
        free(shown);
    }
    free(summary);
}
