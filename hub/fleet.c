#include "hub/fleet.h"

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

struct fleet {
    struct loop *loop;
    const struct informer *informer;
    enum fleet_view view;
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

static struct shown *shown_get(struct fleet *fleet, const char *name)
{
    struct shown *shown;
    size_t len = strlen(name);
    HASH_FIND_STR(fleet->shown, name, shown);
    if (shown)
        return shown;
    shown = mem_zalloc(sizeof(*shown) + len + 1);
    memcpy(shown->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, fleet->shown, shown->name, len, shown);
    return shown;
}

/* The number of objects is told, but a change of it alone is no news. */
static void print_change(struct fleet *fleet, struct shown *shown)
{
    struct buf line = BUF_INIT(TEXT_LIMIT);
    describe(shown->cluster, &line);
    if (strncmp(shown->line, line.data, sizeof(shown->line) - 1) != 0) {
        snprintf(shown->line, sizeof(shown->line), "%s", line.data);
        fprintf(fleet->out, "%s, %zu objects\n", line.data, figures_of(shown->cluster).objects);
    }
    buf_deinit(&line);
}

static void print_changes(struct fleet *fleet)
{
    for (int i = 0; i < LINES_PER_TURN && fleet->changed; i++) {
        struct shown *shown = fleet->changed;
        DL_DELETE(fleet->changed, shown);
        shown->changed = false;
        print_change(fleet, shown);
    }
    fflush(fleet->out);
    if (fleet->changed)
        timer_start(&fleet->timer, 0);
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

static void draw_table(struct fleet *fleet)
{
    struct buf table = BUF_INIT(TEXT_LIMIT);
    struct informer_cluster *cluster = NULL;
    buf_appendf(&table, "%-24s %-9s %-11s %9s   %-12s %s\n", "CLUSTER", "STATE", "RESOURCES", "OBJECTS",
                "HEARD", "VERSION");
    for (int rows = 0; rows < TABLE_ROWS && (cluster = informer_next_cluster(fleet->informer, cluster));
         rows++)
        append_row(cluster, &table);
    if (HASH_COUNT(fleet->shown) > TABLE_ROWS)
        buf_appendf(&table, "and %u more\n", HASH_COUNT(fleet->shown) - TABLE_ROWS);
    uint64_t hash = key_hash(table.data, table.len);
    if (hash != fleet->drawn)
        fprintf(fleet->out, HOME_AND_CLEAR "%s", table.data);
    fleet->drawn = hash;
    fflush(fleet->out);
    buf_deinit(&table);
}

/* ---- life ---- */

static void on_look(void *arg)
{
    struct fleet *fleet = arg;
    if (fleet->view == FLEET_LINES) {
        print_changes(fleet);
        return;
    }
    timer_start(&fleet->timer, LOOK_US);
    draw_table(fleet);
}

void fleet_changed(struct fleet *fleet, const struct informer_cluster *cluster)
{
    if (!fleet)
        return;
    struct shown *shown = shown_get(fleet, cluster_name(cluster));
    shown->cluster = cluster;
    if (fleet->view == FLEET_TABLE || shown->changed)
        return;
    shown->changed = true;
    DL_APPEND(fleet->changed, shown);
    if (!timer_active(&fleet->timer))
        timer_start(&fleet->timer, LOOK_US);
}

struct fleet *fleet_create(struct loop *loop, const struct informer *informer, enum fleet_view view,
                           FILE *out)
{
    struct fleet *fleet = mem_zalloc(sizeof(*fleet));
    fleet->loop = loop;
    fleet->informer = informer;
    fleet->view = view;
    fleet->out = out;
    timer_init(&fleet->timer, loop, on_look, fleet);
    struct informer_cluster *cluster = NULL;
    while ((cluster = informer_next_cluster(informer, cluster)))
        fleet_changed(fleet, cluster);
    if (view == FLEET_TABLE)
        timer_start(&fleet->timer, 0);
    return fleet;
}

void fleet_destroy(struct fleet *fleet)
{
    if (!fleet)
        return;
    struct shown *shown, *next;
    timer_stop(&fleet->timer);
    HASH_ITER (hh, fleet->shown, shown, next) {
        HASH_DEL(fleet->shown, shown);
        free(shown);
    }
    free(fleet);
}
