/*
 * A file that turns out to be damaged is no reason to stop: it is only a memory of what the stores have. The
 * thread puts it aside and makes a new one, and meanwhile all objects of all streams are noted as changed, a
 * few in a turn of the loop. When both are done all of it is written, as ever; until then nothing counts as
 * durable any more.
 */
#include "store/disk_internal.h"

#define SLICE 512 /* objects noted in one turn */
#define RENEW_US (3600 * LOOP_SECOND)
#define RENEW_BURST 3

static void give_up(struct disk *disk, const struct error *err)
{
    disk->phase = DISK_OVER;
    disk_write_forget(disk);
    log_error(disk->log, "store",
              "%s. What is served is right; but nothing is kept until the hub starts again", err->text);
}

/* A disk that damages each file is not filled with them. */
void disk_renew(struct disk *disk, const struct error *err)
{
    disk_write_forget(disk);
    disk->stats.damaged++;
    if (!allowance_take(&disk->renewals, loop_now_us(disk->loop), RENEW_US, RENEW_BURST)) {
        give_up(disk, err);
        return;
    }
    log_error(disk->log, "store", "%s. All there is now goes into a new file; look after that disk",
              err->text);
    disk->phase = DISK_RENEWING;
    disk->renewed = UINT64_MAX;
    disk->noting = disk->streams;
    disk->noted = 0;
    struct disk_job *job = disk_job_create(DISK_JOB_RENEW);
    disk_job_number(job, DISK_WRITTEN, loop_wall_us(disk->loop) / LOOP_SECOND);
    disk_job_number(job, DISK_REVISION, (int64_t)disk->taken);
    disk->down++;
    disk_thread_send(disk->thread, job);
    timer_start(&disk->work, 0);
}

static void rest_if_done(struct disk *disk)
{
    if (disk->noting || disk->down)
        return;
    disk->renewed = disk->stats.changes;
    disk->phase = DISK_RESTING;
    disk_write_soon(disk);
}

void disk_renew_turn(struct disk *disk)
{
    struct disk_stream *stream = disk->noting;
    struct object *object = stream ? store_seek(stream->store, disk->noted) : NULL;
    for (int i = 0; i < SLICE && object; i++, object = store_after(stream->store, object))
        disk_note(stream, object);
    if (object) {
        disk->noted = object_key_hash(object);
    } else if (stream) {
        disk_dirty(stream);
        disk_renew_skip(stream);
    }
    if (disk->noting)
        timer_start(&disk->work, 0);
    else
        rest_if_done(disk);
}

void disk_renew_skip(const struct disk_stream *stream)
{
    struct disk *disk = stream->disk;
    if (disk->noting != stream)
        return;
    disk->noting = stream->hh.next;
    disk->noted = 0;
}

void disk_renew_done(struct disk *disk, const struct disk_job *job)
{
    disk->down--;
    if (job->r != 0) {
        disk->noting = NULL;
        give_up(disk, &job->err);
        return;
    }
    log_warn(disk->log, "store", "%s: a new one; what was damaged is %s", disk->path, job->aside);
    rest_if_done(disk);
}
