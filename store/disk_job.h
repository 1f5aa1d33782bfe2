#ifndef TI_STORE_DISK_JOB_H
#define TI_STORE_DISK_JOB_H

/*
 * What goes between the loop and the thread that has the file: pieces of work with operations one behind the
 * other in one buffer. Objects belong to the loop's thread, so their bytes are copied in; the same operations
 * say what is to be written, and what was read.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/disk_file.h"

enum disk_op_kind {
    DISK_OP_STREAM, /* record */
    DISK_OP_DROP,
    DISK_OP_PUT,    /* row, whole */
    DISK_OP_DELETE, /* row.key */
    DISK_OP_NUMBER, /* number, value */
};

struct disk_op {
    enum disk_op_kind kind;
    struct record record;
    struct disk_row row; /* row.stream is the stream's id in all but the last */
    enum disk_number number;
    int64_t value;
};

enum disk_job_kind {
    DISK_JOB_WRITE, /* down, and up again when it is done */
    DISK_JOB_READ,  /* down, once; it comes up behind all that was read */
    DISK_JOB_ROWS,  /* up: a part of that */
    DISK_JOB_RENEW, /* down: the file is put aside, and a new one gets these numbers; and up again */
};

struct disk_job {
    enum disk_job_kind kind;
    bool last; /* of a transaction: when it comes up, that is on the disk, or (r) none of it is */
    int r;     /* what disk_file.h gives, as err */
    struct error err;
    char *aside; /* RENEW: where the old one is then */
    struct buf ops;
    struct disk_job *next;
};

struct disk_job *disk_job_create(enum disk_job_kind kind);
void disk_job_destroy(struct disk_job *job); /* NULL is fine */

void disk_job_stream(struct disk_job *job, uint64_t id, const struct record *record);
void disk_job_drop(struct disk_job *job, uint64_t id);
void disk_job_put(struct disk_job *job, const struct disk_row *row);
void disk_job_delete(struct disk_job *job, uint64_t id, const char *key);
void disk_job_number(struct disk_job *job, enum disk_number number, int64_t value);

/* The one at *cursor (0: the first), which moves behind it; false where there is none. What op points to
 * stands in the job. */
bool disk_job_next(const struct disk_job *job, size_t *cursor, struct disk_op *op);

#endif
