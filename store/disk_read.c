/*
 * What a run before has left, into the stores of this one. SQLite finds out that its pages do not fit
 * together, but not that what stands in one is not what was written there: so each object is held against its
 * digest, and each store against its record. What does not fit is left out and written anew; its cluster has
 * it.
 */
#include "store/disk_internal.h"

#include <string.h>

#include "base/mem.h"

static struct disk_stream *find(struct disk *disk, uint64_t id)
{
    struct disk_stream *stream;
    HASH_FIND(hh, disk->streams, &id, sizeof(id), stream);
    return stream;
}

/* While all went well it was up to date until the last transaction. */
static void read_stream(struct disk *disk, uint64_t id, struct record *record)
{
    if (record->current)
        record->heard_s = disk->written_s;
    if (id > disk->last_id)
        disk->last_id = id;
    if (record->cluster[0])
        disk->ops->stream(disk->arg, id, record);
    struct disk_stream *stream = find(disk, id);
    if (!stream) {
        disk_drop(disk, id);
        return;
    }
    stream->read_count = record->count;
    stream->read_root = record->root;
}

static struct object *object_of(const struct disk_stream *stream, const struct disk_row *row)
{
    struct object *object;
    struct object_rules rules = {.shelf = store_shelf(stream->store)};
    if (object_create(row->bytes.data, row->bytes.len, &rules, &object) != 0)
        return NULL;
    if (digest_equal(object_digest(object), row->digest) && strcmp(object_key(object), row->key) == 0)
        return object;
    object_unref(object);
    return NULL;
}

static void read_object(struct disk *disk, const struct disk_row *row)
{
    struct disk_stream *stream = find(disk, row->stream);
    if (!stream)
        return;
    struct object *object = object_of(stream, row);
    if (!object) {
        disk->stats.misread++;
        stream->misread = true;
        return;
    }
    disk->stats.read += store_put(stream->store, object) == STORE_ADDED;
    object_unref(object);
}

void disk_read_rows(struct disk *disk, const struct disk_job *job)
{
    struct disk_op op;
    size_t cursor = 0;
    while (disk_job_next(job, &cursor, &op))
        if (op.kind == DISK_OP_STREAM)
            read_stream(disk, op.row.stream, &op.record);
        else if (op.kind == DISK_OP_PUT)
            read_object(disk, &op.row);
        else
            disk->written_s = op.value;
}

static bool is_right(const struct disk_stream *stream)
{
    return !stream->misread && (stream->read_count == RECORD_BETWEEN ||
                                (stream->read_count == store_count(stream->store) &&
                                 digest_equal(stream->read_root, store_root(stream->store))));
}

/* How many streams are not what they were, and so are written anew. */
static size_t mend(struct disk *disk, bool rewrite)
{
    struct disk_stream *stream, *next;
    size_t wrong = 0;
    HASH_ITER (hh, disk->streams, stream, next) {
        stream->misread = !is_right(stream);
        wrong += stream->misread;
        if (stream->misread && rewrite)
            disk_rewrite(stream);
        else if (stream->read_count == RECORD_BETWEEN)
            disk_stream_changed(stream);
    }
    return wrong;
}

void disk_read_end(struct disk *disk, const struct disk_job *job)
{
    const struct error *damage = job->r != 0 ? &job->err : &disk->damage;
    disk->phase = DISK_RESTING;
    size_t wrong = mend(disk, damage->code == 0);
    if (wrong)
        log_error(disk->log, "store",
                  "%s: in %zu of %u streams not all was as it had been written: %llu objects are left out "
                  "until their clusters send them again; look after that disk",
                  disk->path, wrong, HASH_COUNT(disk->streams), (unsigned long long)disk->stats.misread);
    log_info(disk->log, "store", "%s: %llu objects of %u streams, as they were last", disk->path,
             (unsigned long long)disk->stats.read, HASH_COUNT(disk->streams));
    if (damage->code != 0)
        disk_renew(disk, damage);
    else
        disk_write_soon(disk);
    disk->ops->loaded(disk->arg);
}
