#include "store/disk_internal.h"

#include <string.h>

#include "base/counters.h"
#include "base/mem.h"
#include "store/disk_aside.h"
#include "store/disk_lock.h"

/* ---- what changes ---- */

void disk_dirt_discard(struct disk *disk, struct dirt dirt)
{
    discards_add(&disk->discards, dirt.puts);
    discards_add(&disk->discards, dirt.gone);
}

void disk_dirty(struct disk_stream *stream)
{
    struct disk *disk = stream->disk;
    bool waited = disk_write_waits(disk);
    disk->stats.changes++;
    if (stream->dirt.since)
        return;
    stream->dirt.since = disk->stats.changes;
    DL_APPEND(disk->dirty, stream);
    if (!waited)
        disk_write_soon(disk);
}

static void note(struct store **in, struct store **out, const struct disk_stream *stream,
                 struct object *object)
{
    if (!*in)
        *in = store_create_on(store_shelf(stream->store));
    if (*out)
        store_delete(*out, object_key(object), false);
    store_put(*in, object);
}

void disk_note(struct disk_stream *stream, struct object *object)
{
    disk_dirty(stream);
    note(&stream->dirt.puts, &stream->dirt.gone, stream, object);
}

static bool is_kept(const struct disk *disk)
{
    return disk->phase != DISK_READING && disk->phase != DISK_OVER;
}

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct disk_stream *stream = arg;
    (void)unseen;
    if (!is_kept(stream->disk))
        return;
    if (new_) {
        disk_note(stream, new_);
        return;
    }
    disk_dirty(stream);
    note(&stream->dirt.gone, &stream->dirt.puts, stream, old);
}

void disk_drop(struct disk *disk, uint64_t id)
{
    bool waited = disk_write_waits(disk);
    if (disk->phase == DISK_OVER)
        return;
    struct cut *cut = mem_zalloc(sizeof(*cut));
    cut->id = id;
    cut->drop = true;
    cut->dirt.since = ++disk->stats.changes;
    DL_APPEND(disk->drops, cut);
    if (!waited)
        disk_write_soon(disk);
}

/* ---- streams ---- */

static void add(struct disk_stream *stream, uint64_t id)
{
    struct disk *disk = stream->disk;
    stream->id = id ? id : ++disk->last_id;
    HASH_ADD(hh, disk->streams, id, sizeof(stream->id), stream);
}

struct disk_stream *disk_stream_create(struct disk *disk, uint64_t id, struct store *store, void *arg)
{
    struct disk_stream *stream = mem_zalloc(sizeof(*stream));
    stream->disk = disk;
    stream->store = store;
    stream->arg = arg;
    stream->observer = (struct store_observer){.changed = on_changed, .arg = stream};
    store_observe(store, &stream->observer);
    add(stream, id);
    if (!id)
        disk_stream_changed(stream);
    return stream;
}

void disk_stream_changed(struct disk_stream *stream)
{
    if (is_kept(stream->disk))
        disk_dirty(stream);
}

bool disk_stream_misread(const struct disk_stream *stream)
{
    return stream->misread;
}

static void stream_destroy(struct disk_stream *stream)
{
    struct disk *disk = stream->disk;
    if (stream->dirt.since)
        DL_DELETE(disk->dirty, stream);
    disk_dirt_discard(disk, stream->dirt);
    disk_renew_skip(stream);
    store_unobserve(stream->store, &stream->observer);
    HASH_DEL(disk->streams, stream);
    free(stream);
}

void disk_stream_drop(struct disk_stream *stream)
{
    disk_drop(stream->disk, stream->id);
    stream_destroy(stream);
}

void disk_rewrite(struct disk_stream *stream)
{
    uint64_t before = stream->id;
    HASH_DEL(stream->disk->streams, stream);
    add(stream, 0);
    struct object *object = store_seek(stream->store, 0);
    for (; object; object = store_after(stream->store, object))
        disk_note(stream, object);
    disk_stream_changed(stream);
    disk_drop(stream->disk, before); /* once the new one is there: of two the first one is read */
}

/* ---- life ---- */

void disk_up(struct disk *disk, struct disk_job *job)
{
    if (job->kind == DISK_JOB_ROWS)
        disk_read_rows(disk, job);
    else if (job->kind == DISK_JOB_READ)
        disk_read_end(disk, job);
    else if (job->kind == DISK_JOB_RENEW)
        disk_renew_done(disk, job);
    else
        disk_write_done(disk, job);
    disk_job_destroy(job);
}

static void on_job(void *arg, struct disk_job *job)
{
    disk_up(arg, job);
}

/* Nothing can be read of it: a new one takes its place. */
static int open_anew(struct loop *loop, struct log *log, const char *path, struct disk_file **out,
                     struct error *err)
{
    struct error damage = *err;
    cleanup_free char *aside = NULL;
    int r = disk_set_aside(path, loop_wall_us(loop) / LOOP_SECOND, &aside, err);
    if (r != 0)
        return r;
    log_error(
        log, "store",
        "%s. It is %s now; all is sent again by the clusters, and kept in a new one. Look after that disk",
        damage.text, aside);
    *err = (struct error){0};
    return disk_file_open(path, DISK_MAKE, out, err);
}

int disk_open(struct loop *loop, struct log *log, const char *path, const struct disk_ops *ops, void *arg,
              struct disk **out, struct error *err)
{
    struct disk_file *file = NULL;
    struct disk_lock *lock;
    int r = disk_lock_take(path, &lock, err);
    if (r == 0)
        r = disk_file_open(path, DISK_MAKE, &file, err);
    bool damaged = r == EX_DATAERR;
    if (damaged)
        r = open_anew(loop, log, path, &file, err);
    if (r != 0) {
        disk_lock_release(lock);
        return r;
    }
    struct disk *disk = mem_zalloc(sizeof(*disk));
    disk->loop = loop;
    disk->log = log;
    disk->path = mem_strdup(path);
    disk->ops = ops;
    disk->arg = arg;
    disk->lock = lock;
    disk->file = file;
    disk->stats.damaged = damaged;
    timer_init(&disk->work, loop, disk_write_turn, disk);
    discards_init(&disk->discards, loop);
    *out = disk;
    return 0;
}

int disk_reserve(struct disk *disk, uint64_t least, uint64_t count, uint64_t *first, struct error *err)
{
    int64_t taken = 0;
    int r = disk_file_get_number(disk->file, DISK_REVISION, &taken, err);
    *first = (uint64_t)taken > least ? (uint64_t)taken : least;
    disk->taken = *first + count;
    if (r == 0)
        r = disk_file_set_number(disk->file, DISK_REVISION, (int64_t)disk->taken, err);
    if (r == EX_DATAERR)
        disk->damage = *err;
    else if (r == EX_IOERR)
        log_error(disk->log, "store", "%s. What was kept is served all the same", err->text);
    else
        return r;
    *err = (struct error){0};
    return 0;
}

int disk_load(struct disk *disk, struct error *err)
{
    int r = disk_thread_create(disk->loop, disk->file, on_job, disk, &disk->thread, err);
    if (r != 0)
        return r;
    disk->file = NULL;
    disk_thread_send(disk->thread, disk_job_create(DISK_JOB_READ));
    return 0;
}

void disk_close(struct disk *disk)
{
    struct disk_stream *stream, *next;
    if (!disk)
        return;
    disk_write_all(disk);
    timer_stop(&disk->work);
    disk_thread_destroy(disk->thread);
    disk_file_close(disk->file);
    disk_lock_release(disk->lock);
    disk_write_forget(disk);
    HASH_ITER (hh, disk->streams, stream, next)
        stream_destroy(stream);
    discards_deinit(&disk->discards);
    free(disk->path);
    free(disk);
}

/* ---- counters ---- */

/* Everything waits in the order in which it changed: in the transaction, then what will be in the next. */
static uint64_t written(const struct disk *disk)
{
    uint64_t oldest = disk->stats.changes + 1;
    if (disk->batch)
        return disk->batch->dirt.since - 1;
    if (disk->drops)
        oldest = disk->drops->dirt.since;
    if (disk->dirty && disk->dirty->dirt.since < oldest)
        oldest = disk->dirty->dirt.since;
    return oldest - 1;
}

struct disk_stats disk_stats(const struct disk *disk)
{
    struct disk_stats stats = disk->stats;
    stats.durable = written(disk);
    if (stats.durable < disk->renewed)
        stats.durable = 0;
    return stats;
}

static const struct metric changes_total =
    METRIC_COUNTER("transport_informer_store_changes_total", "Changes that were noted, to be written.");
static const struct metric durable_total =
    METRIC_COUNTER("transport_informer_store_durable_changes_total",
                   "Changes of these that are on the disk, without a gap.");
static const struct metric commits_total = METRIC_COUNTER("transport_informer_store_transactions_total",
                                                          "Transactions, by outcome: committed or failed.");
static const struct metric objects_total = METRIC_COUNTER("transport_informer_store_written_objects_total",
                                                          "Objects that were written; some of them again.");
static const struct metric bytes_total =
    METRIC_COUNTER("transport_informer_store_written_bytes_total", "Bytes of these objects.");
static const struct metric read_total = METRIC_COUNTER(
    "transport_informer_store_read_objects_total",
    "Objects that were found in the file at the start, by outcome: right, or wrong and left out.");

static const struct metric damaged_total =
    METRIC_COUNTER("transport_informer_store_damaged_files_total",
                   "Files that were found damaged, and put aside for a new one.");

static const struct counter counters[] = {
    COUNTER(struct disk_stats, changes, &changes_total),
    COUNTER(struct disk_stats, durable, &durable_total),
    COUNTER(struct disk_stats, commits, &commits_total, .labels = "outcome=\"committed\""),
    COUNTER(struct disk_stats, failures, &commits_total, .labels = "outcome=\"failed\""),
    COUNTER(struct disk_stats, objects, &objects_total),
    COUNTER(struct disk_stats, bytes, &bytes_total),
    COUNTER(struct disk_stats, read, &read_total, .labels = "outcome=\"right\""),
    COUNTER(struct disk_stats, damaged, &damaged_total),
    COUNTER(struct disk_stats, misread, &read_total, .labels = "outcome=\"wrong\""),
};
_Static_assert(sizeof(struct disk_stats) == array_size(counters) * sizeof(uint64_t), "one is missing");

void disk_counters(const struct disk *disk, struct counters *out)
{
    struct disk_stats stats = disk_stats(disk);
    counters_add(out, "store", "", counters, array_size(counters), &stats);
}

/* What is served is right, whatever becomes of the disk. */
void disk_ready(const struct disk *disk, struct checks *out)
{
    checks_add(out, "store", disk->phase == DISK_READING ? "what was kept is still being read" : NULL);
}
