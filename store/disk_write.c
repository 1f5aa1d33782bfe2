/*
 * From what has changed to the disk:
 *
 *     dirty streams ──cut──▶ batch ──jobs──▶ thread ──commit──▶ durable
 *
 * A cut is a stream at one moment: what has changed in it, and its record. It holds references, so the store
 * may go on while the bytes are copied down, a job in a turn of the loop and a few jobs ahead of the disk. A
 * transaction is of as many cuts as come together meanwhile, up to a bound; until it is on the disk its cuts
 * stay here, and where it fails the same ones go down again.
 *
 * A cut that is larger than a transaction may be goes down in several. In between its stream is neither what
 * it was nor what it will be, and says so (RECORD_BETWEEN): each object is one that it had, none is older
 * than what was durable, and it is not whole.
 */
#include "store/disk_internal.h"

#include <string.h>

#include "base/mem.h"

#define FLUSH_US (200 * LOOP_MS)
#define REST_US (30 * LOOP_SECOND) /* so often the time is written, where nothing else is */
#define RETRY_US (5 * LOOP_SECOND)
#define FAILURE_LOG_US (60 * LOOP_SECOND)
#define JOB_BYTES ((size_t)128 << 10) /* copied in one turn */
#define JOBS_AHEAD 8
#define TRANSACTION_BYTES ((size_t)16 << 20) /* as long as the log gets, about */
#define BATCH_BYTES ((size_t)8 << 20)        /* of objects, when no further cut is added */
#define BATCH_CUTS 1024

bool disk_write_waits(const struct disk *disk)
{
    return disk->dirty || disk->drops;
}

void disk_write_soon(struct disk *disk)
{
    if (disk->phase == DISK_RESTING)
        timer_start(&disk->work, disk_write_waits(disk) ? FLUSH_US : REST_US);
}

/* ---- cuts ---- */

static struct cut *cut_stream(struct disk *disk, struct disk_stream *stream)
{
    struct cut *cut = mem_zalloc(sizeof(*cut));
    DL_DELETE(disk->dirty, stream);
    cut->id = stream->id;
    cut->dirt = stream->dirt;
    stream->dirt = (struct dirt){0};
    disk->ops->describe(disk->arg, stream->arg, &cut->record);
    cut->record.count = store_count(stream->store);
    cut->record.root = store_root(stream->store);
    return cut;
}

static struct object *first_of(const struct store *store)
{
    return store ? store_seek(store, 0) : NULL;
}

static void feed_from(struct disk *disk, struct cut *cut)
{
    disk->feed = (struct feed){.at = cut, .part = CUT_PUTS, .next = cut ? first_of(cut->dirt.puts) : NULL};
}

static uint64_t dirt_size(const struct dirt *dirt)
{
    return dirt->puts ? store_size(dirt->puts) : 0;
}

/* What has changed first is cut first. */
static bool cut_next(struct disk *disk)
{
    struct disk_stream *stream = disk->dirty;
    struct cut *cut = disk->drops;
    if (!disk_write_waits(disk) || disk->batch_bytes >= BATCH_BYTES || disk->batch_cuts >= BATCH_CUTS)
        return false;
    if (cut && (!stream || cut->dirt.since < stream->dirt.since))
        DL_DELETE(disk->drops, cut);
    else
        cut = cut_stream(disk, stream);
    DL_APPEND(disk->batch, cut);
    disk->batch_cuts++;
    disk->batch_bytes += dirt_size(&cut->dirt);
    feed_from(disk, cut);
    if (!disk->begun.at)
        disk->begun = disk->feed;
    return true;
}

/* Those in front of that one; NULL: all. */
static void batch_free(struct disk *disk, const struct cut *until)
{
    while (disk->batch != until) {
        struct cut *cut = disk->batch;
        DL_DELETE(disk->batch, cut);
        disk_dirt_discard(disk, cut->dirt);
        free(cut);
    }
    if (!until)
        disk->batch_bytes = disk->batch_cuts = 0;
}

/* ---- down ---- */

static void feed_put(struct disk *disk, struct disk_job *job)
{
    struct feed *feed = &disk->feed;
    struct disk_row row = {.stream = feed->at->id,
                           .key = object_key(feed->next),
                           .digest = object_digest(feed->next),
                           .bytes = object_bytes(feed->next)};
    disk_job_put(job, &row);
    feed->next = store_after(feed->at->dirt.puts, feed->next);
    feed->between = true;
    disk->stats.objects++;
    disk->stats.bytes += row.bytes.len;
}

static void feed_gone(struct feed *feed, struct disk_job *job)
{
    disk_job_delete(job, feed->at->id, object_key(feed->next));
    feed->next = store_after(feed->at->dirt.gone, feed->next);
    feed->between = true;
}

static void feed_last(struct disk *disk, struct cut *cut, struct disk_job *job)
{
    if (cut->drop)
        disk_job_drop(job, cut->id);
    else
        disk_job_stream(job, cut->id, &cut->record);
    feed_from(disk, cut->next);
}

/* One step of the cut; the last one leads to the next cut. */
static void feed_step(struct disk *disk, struct disk_job *job)
{
    struct feed *feed = &disk->feed;
    if (feed->part == CUT_PUTS && feed->next) {
        feed_put(disk, job);
    } else if (feed->part == CUT_PUTS) {
        feed->part = CUT_GONE;
        feed->next = first_of(feed->at->dirt.gone);
    } else if (feed->next) {
        feed_gone(feed, job);
    } else {
        feed_last(disk, feed->at, job);
    }
}

/* What the file says of the stream until the rest of its cut is there. */
static void feed_between(const struct cut *cut, struct disk_job *job)
{
    struct record record = cut->record;
    record.whole = record.current = false;
    record.epoch = record.sequence = 0;
    record.count = RECORD_BETWEEN;
    record.root = (struct digest){0};
    disk_job_stream(job, cut->id, &record);
}

static void end_transaction(struct disk *disk, struct disk_job *job)
{
    job->last = true;
    const struct cut *cut = disk->feed.at;
    if (cut && disk->feed.between)
        feed_between(cut, job);
    disk_job_number(job, DISK_WRITTEN, loop_wall_us(disk->loop) / LOOP_SECOND);
    disk->phase = DISK_COMMITTING;
}

static void feed(struct disk *disk)
{
    struct disk_job *job = disk_job_create(DISK_JOB_WRITE);
    while (job->ops.len < JOB_BYTES && (disk->feed.at || cut_next(disk)))
        feed_step(disk, job);
    disk->transaction_bytes += job->ops.len;
    if (job->ops.len < JOB_BYTES || disk->transaction_bytes >= TRANSACTION_BYTES)
        end_transaction(disk, job);
    disk->down++;
    disk_thread_send(disk->thread, job);
}

static void begin_transaction(struct disk *disk, struct feed from)
{
    disk->feed = disk->begun = from;
    disk->transaction_bytes = 0;
    disk->phase = DISK_FEEDING;
}

void disk_write_turn(void *arg)
{
    struct disk *disk = arg;
    if (disk->phase == DISK_RENEWING) {
        disk_renew_turn(disk);
        return;
    }
    if (disk->phase == DISK_RESTING || disk->phase == DISK_FAILED)
        begin_transaction(disk, disk->begun);
    if (disk->down < JOBS_AHEAD)
        feed(disk);
    if (disk->phase == DISK_FEEDING && disk->down < JOBS_AHEAD)
        timer_start(&disk->work, 0);
}

/* ---- up ---- */

static void on_failed(struct disk *disk, const struct disk_job *job)
{
    disk->stats.failures++;
    disk->failing = true;
    if (job->r == EX_DATAERR) {
        disk_renew(disk, &job->err);
        return;
    }
    disk->phase = DISK_FAILED;
    timer_start(&disk->work, RETRY_US);
    if (allowance_take(&disk->failure_log, loop_now_us(disk->loop), FAILURE_LOG_US, 1))
        log_error(disk->log, "store",
                  "%s. Changes wait in memory, and what is served is right; it is tried again every %d s",
                  job->err.text, (int)(RETRY_US / LOOP_SECOND));
}

static void on_committed(struct disk *disk)
{
    disk->stats.commits++;
    if (disk->failing)
        log_info(disk->log, "store", "%s: written again", disk->path);
    disk->failing = false;
    batch_free(disk, disk->feed.at);
    if (disk->feed.at) {
        begin_transaction(disk, disk->feed);
        timer_start(&disk->work, 0);
        return;
    }
    disk->begun = disk->feed;
    disk->phase = DISK_RESTING;
    disk_write_soon(disk);
}

void disk_write_done(struct disk *disk, const struct disk_job *job)
{
    disk->down--;
    if (job->last && job->r == 0)
        on_committed(disk);
    else if (job->last)
        on_failed(disk, job);
    else if (disk->phase == DISK_FEEDING)
        timer_start(&disk->work, 0);
}

/* ---- the end ---- */

/* Something is done, or comes up and may lead to the next. */
static void advance(struct disk *disk)
{
    bool waits = disk->phase == DISK_COMMITTING || (disk->phase == DISK_RENEWING && !disk->noting);
    if (waits || disk->down >= JOBS_AHEAD)
        disk_up(disk, disk_thread_await(disk->thread));
    else
        disk_write_turn(disk);
}

static bool is_under_way(const struct disk *disk)
{
    return disk->phase == DISK_FEEDING || disk->phase == DISK_COMMITTING || disk->phase == DISK_RENEWING;
}

/* A transaction more in any case, which has the time; one that has failed is tried once. */
void disk_write_all(struct disk *disk)
{
    if (!disk->thread || disk->phase == DISK_READING)
        return;
    while (is_under_way(disk))
        advance(disk);
    bool more = disk->phase != DISK_OVER;
    while (more) {
        advance(disk);
        while (is_under_way(disk))
            advance(disk);
        more = disk->phase == DISK_RESTING && disk_write_waits(disk);
    }
    if (disk->batch)
        log_error(disk->log, "store", "%s: the last changes are not in it; the next run has them sent again",
                  disk->path);
}

void disk_write_forget(struct disk *disk)
{
    timer_stop(&disk->work);
    batch_free(disk, NULL);
    disk->feed = disk->begun = (struct feed){0};
    while (disk->drops) {
        struct cut *cut = disk->drops;
        DL_DELETE(disk->drops, cut);
        free(cut);
    }
    while (disk->dirty) {
        struct disk_stream *stream = disk->dirty;
        DL_DELETE(disk->dirty, stream);
        disk_dirt_discard(disk, stream->dirt);
        stream->dirt = (struct dirt){0};
    }
}
