#ifndef TI_STORE_DISK_LOCK_H
#define TI_STORE_DISK_LOCK_H

/*
 * Who may write a file of disk_file.h, or put it aside: one process. SQLite's own lock is on the file, which
 * is another one once the damaged one has been put aside; so two that start at once could each find it
 * damaged, and the second would put aside what the first has just made. This lock is on FILE-lock, which
 * stays where it is, empty; it goes with the process, however that ends. What only reads needs none.
 */

#include "base/error.h"

struct disk_lock;

/* Beside the file that the path leads to, which is made where there is none: whatever name it is given by, it
 * is one. Does not wait. 0; EX_TEMPFAIL: another process has it; EX_CANTCREAT. */
int disk_lock_take(const char *path, struct disk_lock **out, struct error *err);
void disk_lock_release(struct disk_lock *lock); /* NULL is fine */

#endif
