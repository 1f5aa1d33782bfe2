#ifndef TI_STORE_DISK_H
#define TI_STORE_DISK_H

/*
 * Stores that outlive the process: a file has what they hold, a moment behind.
 *
 * Stores are in memory as ever, and nobody waits for the disk. What changes in one that is kept is noted,
 * once for each key however often it changes, and written a fifth of a second later, by a thread of its own.
 * A stream (the copy of one store) is written as it was at one moment, record and objects together, in one
 * transaction, as long as what has changed in it is less than 16 MiB; else in several, and is not whole in
 * between (record.h): a killed process leaves what it had at an earlier moment, and a disk that is full or
 * slow leaves it further behind, but never in between. A file that is damaged is put aside, whenever that is
 * found, and what can still be read, or is in the stores, goes into a new one. What waits are references to
 * objects: their number is bounded by that of the objects, not by how long it takes.
 *
 * Loop thread only; the loop has to be a real one.
 */

#include "base/checks.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/record.h"
#include "store/store.h"

struct disk;
struct disk_stream;

struct disk_ops {
    /* While it is read: a stream of a run before, in the order in which they were made. The place for
     * disk_stream_create(), with that id, over an empty store, which fills then. One that is not wanted is
     * dropped. */
    void (*stream)(void *arg, uint64_t id, const struct record *record);
    void (*loaded)(void *arg); /* all that can be had of it has been read */
    /* What the stream is now: all but count and root, which are the store's. */
    void (*describe)(void *arg, void *stream_arg, struct record *record);
};

struct disk_stats {
    uint64_t changes; /* noted so far, */
    uint64_t durable; /* and of these, without a gap, on the disk */
    uint64_t commits, failures;
    uint64_t objects, bytes; /* written, and of what length */
    uint64_t read, misread;  /* objects, at the start; those that were not what they should be */
    uint64_t damaged;        /* files, put aside */
};

/* The file is made where there is none, or none that can be read. Nothing of it is read yet. 0, or as
 * disk_lock_take(), disk_file_open() and disk_set_aside(). */
int disk_open(struct loop *loop, struct log *log, const char *path, const struct disk_ops *ops, void *arg,
              struct disk **out, struct error *err);
/* Before disk_load(). Numbers that no two runs share: `count` of them from *first on, which is at least
 * `least`, and beyond all that were ever taken. On the disk when it returns; where that is full, the log says
 * so, and only `least` keeps the next run from them. 0, or as disk_file.h. */
int disk_reserve(struct disk *disk, uint64_t least, uint64_t count, uint64_t *first, struct error *err);
/* Was it less than what its record says? Once it has been read. */
bool disk_stream_misread(const struct disk_stream *stream);
/* Ends with loaded(), in a later turn of the loop. 0, EX_OSERR. */
int disk_load(struct disk *disk, struct error *err);
/* Writes what waits, and blocks until that is done or has failed. No callback comes but describe(). The loop
 * has to turn once more. NULL is fine. */
void disk_close(struct disk *disk);

/* Keeps a store, which is borrowed, as its arg is. id 0: a new one. */
struct disk_stream *disk_stream_create(struct disk *disk, uint64_t id, struct store *store, void *arg);
void disk_stream_changed(struct disk_stream *stream); /* describe() would give another record */
void disk_stream_drop(struct disk_stream *stream);    /* destroys it, and removes it from the file */

struct disk_stats disk_stats(const struct disk *disk);
void disk_counters(const struct disk *disk, struct counters *out);
void disk_ready(const struct disk *disk, struct checks *out); /* what was kept has been read */

#endif
