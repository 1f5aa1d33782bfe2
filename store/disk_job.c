#include "store/disk_job.h"

#include <string.h>

#include "base/mem.h"

#define OPS_LIMIT ((size_t)1 << 30) /* a job is far smaller: some objects, of a body's size at most */

/* Behind it stand the key with a NUL, and the bytes; or a record. */
struct head {
    uint64_t stream;
    int64_t value;
    struct digest digest;
    size_t key_len, len;
    uint8_t kind;   /* enum disk_op_kind */
    uint8_t number; /* enum disk_number */
};

struct disk_job *disk_job_create(enum disk_job_kind kind)
{
    struct disk_job *job = mem_zalloc(sizeof(*job));
    job->kind = kind;
    buf_init(&job->ops, OPS_LIMIT);
    return job;
}

void disk_job_destroy(struct disk_job *job)
{
    if (!job)
        return;
    buf_deinit(&job->ops);
    free(job->aside);
    free(job);
}

void disk_job_stream(struct disk_job *job, uint64_t id, const struct record *record)
{
    struct head head = {.stream = id, .kind = DISK_OP_STREAM};
    buf_append(&job->ops, &head, sizeof(head));
    buf_append(&job->ops, record, sizeof(*record));
}

void disk_job_drop(struct disk_job *job, uint64_t id)
{
    struct head head = {.stream = id, .kind = DISK_OP_DROP};
    buf_append(&job->ops, &head, sizeof(head));
}

void disk_job_put(struct disk_job *job, const struct disk_row *row)
{
    struct head head = {.stream = row->stream,
                        .kind = DISK_OP_PUT,
                        .digest = row->digest,
                        .key_len = strlen(row->key),
                        .len = row->bytes.len};
    buf_append(&job->ops, &head, sizeof(head));
    buf_append(&job->ops, row->key, head.key_len + 1);
    buf_append(&job->ops, row->bytes.data, row->bytes.len);
}

void disk_job_delete(struct disk_job *job, uint64_t id, const char *key)
{
    struct head head = {.stream = id, .kind = DISK_OP_DELETE, .key_len = strlen(key)};
    buf_append(&job->ops, &head, sizeof(head));
    buf_append(&job->ops, key, head.key_len + 1);
}

void disk_job_number(struct disk_job *job, enum disk_number number, int64_t value)
{
    struct head head = {.value = value, .kind = DISK_OP_NUMBER, .number = (uint8_t)number};
    buf_append(&job->ops, &head, sizeof(head));
}

bool disk_job_next(const struct disk_job *job, size_t *cursor, struct disk_op *op)
{
    struct head head;
    if (*cursor >= job->ops.len)
        return false;
    memcpy(&head, job->ops.data + *cursor, sizeof(head));
    const char *at = job->ops.data + *cursor + sizeof(head);
    op->kind = head.kind;
    op->number = head.number;
    op->value = head.value;
    op->row = (struct disk_row){.stream = head.stream, .digest = head.digest};
    if (head.kind == DISK_OP_STREAM) {
        memcpy(&op->record, at, sizeof(op->record));
        at += sizeof(op->record);
    } else if (head.kind == DISK_OP_PUT || head.kind == DISK_OP_DELETE) {
        op->row.key = at;
        op->row.bytes = (struct slice){at + head.key_len + 1, head.len};
        at += head.key_len + 1 + head.len;
    }
    *cursor = (size_t)(at - job->ops.data);
    return true;
}
