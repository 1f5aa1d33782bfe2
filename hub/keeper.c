#include "hub/keeper.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "hub/state.h"
#include "store/disk.h"

#define SQLITE_PREFIX "sqlite:"
#define FILE_NAME "fleet.db"

struct kept {
    UT_hash_handle hh;
    struct informer_replica *replica;
    struct disk_stream *stream;
    bool current; /* as it was when it was last looked at */
};

struct keeper {
    struct keeper_config config;
    struct disk *disk;
    struct kept *replicas;
    uint64_t restoring; /* the stream that replicas are made for now; 0: new ones */
};

static bool is_store(const char *text)
{
    return !strcmp(text, "memory") ||
           (!strncmp(text, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) && text[strlen(SQLITE_PREFIX)]);
}

static const struct option_spec specs[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .value = "sqlite:FILE|memory",
     .help = "where what is mirrored outlives a restart; without it " FILE_NAME
             " in --state-dir (or $STATE_DIRECTORY) where one is given, and memory otherwise",
     .valid = is_store,
     .allowed = "'memory', or 'sqlite:' and a file",
     .offset = offsetof(struct keeper_options, store)},
};

struct option_group keeper_option_group(struct keeper_options *options)
{
    return (struct option_group){"Store", specs, array_size(specs), options};
}

/* ---- replicas ---- */

static struct kept *find(const struct keeper *keeper, const struct informer_replica *replica)
{
    struct kept *kept = NULL;
    if (keeper)
        HASH_FIND_PTR(keeper->replicas, &replica, kept);
    return kept;
}

void keeper_replica(struct keeper *keeper, struct informer_replica *replica)
{
    if (!keeper)
        return;
    struct kept *kept = mem_zalloc(sizeof(*kept));
    kept->replica = replica;
    kept->stream = disk_stream_create(keeper->disk, keeper->restoring, replica_store(replica), kept);
    HASH_ADD_PTR(keeper->replicas, replica, kept);
}

static void look_at(struct kept *kept)
{
    kept->current = replica_synced(kept->replica);
    disk_stream_changed(kept->stream);
}

void keeper_heard(struct keeper *keeper, const struct informer_replica *replica)
{
    struct kept *kept = find(keeper, replica);
    if (kept && kept->current != replica_synced(replica))
        look_at(kept);
}

void keeper_renamed(struct keeper *keeper, const struct informer_replica *replica)
{
    const struct kept *kept = find(keeper, replica);
    if (kept)
        disk_stream_changed(kept->stream);
}

void keeper_cluster(struct keeper *keeper, const struct informer_cluster *cluster)
{
    const struct informer_replica *replica = NULL;
    struct kept *kept;
    while (keeper && (replica = cluster_next_replica(cluster, replica)))
        if ((kept = find(keeper, replica)))
            look_at(kept);
}

static void forget(struct keeper *keeper, struct kept *kept)
{
    HASH_DEL(keeper->replicas, kept); /* it is in there. NOLINT(clang-analyzer-core.NullDereference) */
    free(kept);
}

void keeper_dropped(struct keeper *keeper, const struct informer_replica *replica)
{
    struct kept *kept = find(keeper, replica);
    if (!kept)
        return;
    disk_stream_drop(kept->stream);
    forget(keeper, kept);
}

/* ---- the file ---- */

static void on_stream(void *arg, uint64_t id, const struct record *record)
{
    struct keeper *keeper = arg;
    keeper->restoring = id;
    informer_restore(keeper->config.informer, record);
    keeper->restoring = 0;
}

static void on_loaded(void *arg)
{
    struct keeper *keeper = arg;
    struct kept *kept, *next;
    HASH_ITER (hh, keeper->replicas, kept, next)
        replica_restored(kept->replica, !disk_stream_misread(kept->stream));
    keeper->config.loaded(keeper->config.arg);
}

static void on_describe(void *arg, void *stream_arg, struct record *record)
{
    const struct kept *kept = stream_arg;
    (void)arg;
    replica_record(kept->replica, record);
}

/* NULL: none. */
static int find_file(const struct keeper_config *config, char **file, struct error *err)
{
    const char *service = getenv("STATE_DIRECTORY");
    cleanup_free char *state = NULL;
    *file = NULL;
    if (config->store) {
        if (strcmp(config->store, "memory") != 0)
            *file = mem_strdup(config->store + strlen(SQLITE_PREFIX));
        return 0;
    }
    if (!config->state_dir && !(service && service[0]))
        return 0;
    int r = state_open(config->state_dir, &state, err);
    if (r == 0)
        *file = mem_printf("%s/" FILE_NAME, state);
    return r;
}

int keeper_create(const struct keeper_config *config, struct keeper **out, struct error *err)
{
    static const struct disk_ops ops = {.stream = on_stream, .loaded = on_loaded, .describe = on_describe};
    cleanup_free char *file = NULL;
    *out = NULL;
    int r = find_file(config, &file, err);
    if (r != 0 || !file)
        return r;
    struct keeper *keeper = mem_zalloc(sizeof(*keeper));
    keeper->config = *config;
    r = disk_open(config->loop, config->log, file, &ops, keeper, &keeper->disk, err);
    if (r != 0) {
        free(keeper);
        return error_prefix(err, "--store");
    }
    *out = keeper;
    return 0;
}

int keeper_reserve(struct keeper *keeper, uint64_t least, uint64_t count, uint64_t *first, struct error *err)
{
    *first = least;
    return keeper ? disk_reserve(keeper->disk, least, count, first, err) : 0;
}

int keeper_load(struct keeper *keeper, struct error *err)
{
    return disk_load(keeper->disk, err);
}

void keeper_destroy(struct keeper *keeper)
{
    struct kept *kept, *next;
    if (!keeper)
        return;
    disk_close(keeper->disk);
    HASH_ITER (hh, keeper->replicas, kept, next)
        forget(keeper, kept);
    free(keeper);
}

void keeper_counters(const struct keeper *keeper, struct counters *out)
{
    if (keeper)
        disk_counters(keeper->disk, out);
}

void keeper_ready(const struct keeper *keeper, struct checks *out)
{
    if (keeper)
        disk_ready(keeper->disk, out);
}
