/*
 * From what has changed to the disk:
 *
 *     dirty streams ──cut──▶ batch ──jobs──▶ thread ──commit──▶ durable
 *
 * A cut is a stream at one moment: what has changed in it, and its record. It holds references, so the store
 * may go on while the bytes are copied down, a job in a turn of the loop and a few jobs ahead of the disk. A
 * transaction is of as many cuts as come together meanwhile, up to a bound; until it is on the disk its cuts
 * stay here, and where it fails the same ones go down again.
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
#define BATCH_BYTES ((size_t)8 << 20) /* of objects, when no further cut is added */
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
    disk->at = cut;
    disk->part = CUT_RECORD;
    return true;
}

static void batch_free(struct disk *disk)
{
    while (disk->batch) {
        struct cut *cut = disk->batch;
        DL_DELETE(disk->batch, cut);
        disk_dirt_discard(disk, cut->dirt);
        free(cut);
    }
    disk->at = NULL;
    disk->batch_bytes = disk->batch_cuts = 0;
}

/* ---- down ---- */

static void feed_put(struct disk *disk, struct disk_job *job, struct object *object)
{
    struct disk_row row = {.stream = disk->at->id,
                           .key = object_key(object),
                           .digest = object_digest(object),
                           .bytes = object_bytes(object)};
    disk_job_put(job, &row);
    disk->stats.objects++;
    disk->stats.bytes += row.bytes.len;
}

static void next_part(struct disk *disk, const struct store *store)
{
    disk->part++;
    disk->next = store ? store_seek(store, 0) : NULL;
}

/* One step of the cut; the last one leads to the next cut. */
static void feed_step(struct disk *disk, struct disk_job *job)
{
    struct cut *cut = disk->at;
    if (cut->drop) {
        disk_job_drop(job, cut->id);
    } else if (disk->part == CUT_RECORD) {
        disk_job_stream(job, cut->id, &cut->record);
        next_part(disk, cut->dirt.puts);
        return;
    } else if (disk->part == CUT_PUTS && disk->next) {
        feed_put(disk, job, disk->next);
        disk->next = store_after(cut->dirt.puts, disk->next);
        return;
    } else if (disk->part == CUT_PUTS) {
        next_part(disk, cut->dirt.gone);
        return;
    } else if (disk->next) {
        disk_job_delete(job, cut->id, object_key(disk->next));
        disk->next = store_after(cut->dirt.gone, disk->next);
        return;
    }
    disk->at = cut->next;
    disk->part = CUT_RECORD;
}

static void feed(struct disk *disk)
{
    struct disk_job *job = disk_job_create(DISK_JOB_WRITE);
    while (job->ops.len < JOB_BYTES && (disk->at || cut_next(disk)))
        feed_step(disk, job);
    job->last = !disk->at && job->ops.len < JOB_BYTES;
    if (job->last) {
        disk_job_number(job, DISK_WRITTEN, loop_wall_us(disk->loop) / LOOP_SECOND);
        disk->phase = DISK_COMMITTING;
    }
    disk->down++;
    disk_thread_send(disk->thread, job);
}

void disk_write_turn(void *arg)
{
    struct disk *disk = arg;
    if (disk->phase == DISK_RENEWING) {
        disk_renew_turn(disk);
        return;
    }
    if (disk->phase == DISK_FAILED) {
        disk->at = disk->batch;
        disk->part = CUT_RECORD;
    }
    disk->phase = DISK_FEEDING;
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
    batch_free(disk);
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
    batch_free(disk);
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
