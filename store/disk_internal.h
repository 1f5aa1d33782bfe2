#ifndef TI_STORE_DISK_INTERNAL_H
#define TI_STORE_DISK_INTERNAL_H

#include <uthash.h>
#include <utlist.h>

#include "base/allowance.h"
#include "store/discards.h"
#include "store/disk.h"
#include "store/disk_job.h"
#include "store/disk_thread.h"

/* What has changed in a store since its last cut: of each key the newest state, or the last one. */
struct dirt {
    struct store *puts, *gone; /* NULL: none */
    uint64_t since;            /* the number of the first change; 0: nothing has changed */
};

struct disk_stream {
    struct disk *disk;
    uint64_t id;
    struct store *store;
    void *arg;
    struct store_observer observer;
    struct dirt dirt;
    uint64_t read_count; /* while it is read: what it has to be in the end, */
    struct digest read_root;
    bool misread;                    /* it was not */
    struct disk_stream *prev, *next; /* of those with dirt, oldest first */
    UT_hash_handle hh;               /* by id */
};

/* One stream at one moment, on its way to the disk. */
struct cut {
    uint64_t id;
    bool drop; /* the stream goes, and that is all */
    struct record record;
    struct dirt dirt;
    struct cut *prev, *next;
};

/* A place in what goes down. */
struct feed {
    struct cut *at; /* NULL: all cuts are through */
    enum { CUT_PUTS, CUT_GONE, CUT_RECORD } part;
    struct object *next; /* of that part; NULL: no more */
    bool between;        /* some of that cut is through, and some is not */
};

enum disk_phase {
    DISK_READING,
    DISK_RENEWING,   /* it was damaged: it gets a new file, and all streams are noted for it */
    DISK_RESTING,    /* nothing waits, or not for long enough */
    DISK_FEEDING,    /* a transaction goes down, cut by cut */
    DISK_COMMITTING, /* all of it is down */
    DISK_FAILED,     /* it has failed, and is tried again later */
    DISK_OVER,       /* the file is damaged, and there is no other: nothing more is written */
};

struct disk {
    struct loop *loop;
    struct log *log;
    char *path;
    const struct disk_ops *ops;
    void *arg;
    struct disk_lock *lock;
    struct disk_file *file; /* until the thread has it */
    struct disk_thread *thread;
    enum disk_phase phase;
    struct disk_stream *streams; /* by id */
    struct disk_stream *dirty;
    struct cut *drops; /* not in a transaction yet */
    uint64_t last_id;
    int64_t written_s;   /* while it is read */
    struct error damage; /* that was found before it was read */
    uint64_t taken;      /* numbers, by disk_reserve() */

    struct disk_stream *noting; /* renewing: whose objects are noted (NULL: all are), */
    uint64_t noted;             /* and up to which key hash */
    uint64_t renewed;           /* the changes that have to be written for a renewed file to have all */
    struct allowance renewals;

    struct cut *batch; /* on their way down, the oldest first */
    size_t batch_bytes, batch_cuts;
    struct feed feed, begun;  /* how far they are fed, and were when the transaction began */
    size_t transaction_bytes; /* fed since */
    size_t down;              /* jobs that have not come up */
    bool failing;

    struct timer work;
    struct discards discards;
    struct allowance failure_log;
    struct disk_stats stats;
};

/* disk.c */
void disk_dirty(struct disk_stream *stream);                       /* something about it has changed */
void disk_note(struct disk_stream *stream, struct object *object); /* that is to be written */
void disk_up(struct disk *disk, struct disk_job *job);             /* what came up, which is taken */
void disk_drop(struct disk *disk, uint64_t id);                    /* is to be removed from the file */
void disk_dirt_discard(struct disk *disk, struct dirt);            /* lets go of it */
void disk_rewrite(struct disk_stream *stream); /* all of it, whatever the file has of it */

/* disk_read.c */
void disk_read_rows(struct disk *disk, const struct disk_job *job);
void disk_read_end(struct disk *disk, const struct disk_job *job);

/* disk_renew.c */
void disk_renew(struct disk *disk, const struct error *err); /* err: the damage */
void disk_renew_turn(struct disk *disk);
void disk_renew_done(struct disk *disk, const struct disk_job *job);
void disk_renew_skip(const struct disk_stream *stream); /* it goes, or is done */

/* disk_write.c */
bool disk_write_waits(const struct disk *disk); /* something is not on the disk yet */
void disk_write_soon(struct disk *disk);
void disk_write_turn(void *disk); /* a timer's */
void disk_write_done(struct disk *disk, const struct disk_job *job);
void disk_write_all(struct disk *disk);    /* blocks */
void disk_write_forget(struct disk *disk); /* what waits is let go */

#endif
