#ifndef TI_STORE_DISK_FILE_H
#define TI_STORE_DISK_FILE_H

/*
 * The SQLite file that disk.h keeps stores in, and all there is of SQL:
 *
 *     stream   a record of each store; its id is what everything else names it by
 *     object   stream, key, digest and the exact bytes of each object
 *     meta     numbers: the revision that was reached at most, and when the last transaction was
 *
 * It has a write-ahead log, and a transaction is on the disk when disk_file_commit() returns. One process has
 * it at a time. Blocks; one thread at a time.
 *
 * Every function that can fail gives 0 or, with err set: EX_IOERR (the disk is full, or fails: trying again
 * later may help), EX_DATAERR (the file is damaged, or no database), EX_TEMPFAIL (another process has it),
 * EX_CANTCREAT, EX_NOINPUT, EX_CONFIG (another program has written it, or a later version of this one).
 */

#include "base/error.h"
#include "store/record.h"

struct disk_file;

enum disk_mode { DISK_MAKE, DISK_READ };
int disk_file_open(const char *path, enum disk_mode mode, struct disk_file **out, struct error *err);
const char *disk_file_path(const struct disk_file *file);
void disk_file_close(struct disk_file *file); /* what is not committed is lost. NULL is fine */

/* What follows, up to the commit, is done as a whole or not at all. */
int disk_file_begin(struct disk_file *file, struct error *err);
int disk_file_commit(struct disk_file *file, struct error *err);
void disk_file_rollback(struct disk_file *file); /* harmless where nothing was begun */

int disk_file_put_stream(struct disk_file *file, uint64_t id, const struct record *record, struct error *err);
/* It is of no cluster ("") from then on, and its objects are nobody's; they go with disk_file_purge(). */
int disk_file_drop_stream(struct disk_file *file, uint64_t id, struct error *err);
/* Some objects of a stream that was dropped: all at once would make the log as large as they are. The
 * stream goes with the last ones. more: there may be others. */
int disk_file_purge(struct disk_file *file, uint64_t id, bool *more, struct error *err);
struct disk_row {
    uint64_t stream;
    const char *key; /* borrowed, as the bytes are */
    struct digest digest;
    struct slice bytes;
};
int disk_file_put(struct disk_file *file, const struct disk_row *row, struct error *err);
int disk_file_delete(struct disk_file *file, uint64_t stream, const char *key, struct error *err);

enum disk_number { DISK_REVISION, DISK_WRITTEN }; /* see above; wall time in s. 0: never set */
int disk_file_get_number(struct disk_file *file, enum disk_number number, int64_t *value, struct error *err);
int disk_file_set_number(struct disk_file *file, enum disk_number number, int64_t value, struct error *err);

/* All there is, in the order of the file. A callback that gives anything but 0 ends it, and that is given. */
int disk_file_each_stream(struct disk_file *file,
                          int (*each)(void *arg, uint64_t id, const struct record *record), void *arg,
                          struct error *err);
int disk_file_each_object(struct disk_file *file, int (*each)(void *arg, const struct disk_row *row),
                          void *arg, struct error *err);
/* Those of one stream: what there is to be had where another one's are damaged. */
int disk_file_each_object_of(struct disk_file *file, uint64_t stream,
                             int (*each)(void *arg, const struct disk_row *row), void *arg,
                             struct error *err);
/* What SQLite finds wrong with the file, a line each. */
int disk_file_each_fault(struct disk_file *file, void (*each)(void *arg, const char *text), void *arg,
                         struct error *err);

#endif
