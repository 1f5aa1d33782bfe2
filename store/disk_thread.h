#ifndef TI_STORE_DISK_THREAD_H
#define TI_STORE_DISK_THREAD_H

/* The thread that reads and writes the file: the only one to block on the disk. */

#include "base/loop.h"
#include "store/disk_job.h"

struct disk_thread;

/* Takes the file, and closes it in the end. on_job gets, in the loop and in their order, one in a turn, the
 * jobs that come up, which are its own then. 0; EX_OSERR with err set, and the file is still the caller's. */
int disk_thread_create(struct loop *loop, struct disk_file *file,
                       void (*on_job)(void *arg, struct disk_job *), void *arg, struct disk_thread **out,
                       struct error *err);
void disk_thread_send(struct disk_thread *thread, struct disk_job *job); /* takes it */
struct disk_job *disk_thread_await(struct disk_thread *thread);          /* blocks until one comes up */
/* Blocks until what it is at is done; what waits is dropped. No callback comes; the loop has to turn once
 * more (loop_hold()). NULL is fine. */
void disk_thread_destroy(struct disk_thread *thread);

#endif
