#ifndef TI_STORE_DISK_ASIDE_H
#define TI_STORE_DISK_ASIDE_H

/*
 * A file of disk_file.h that is damaged is put beside its place, as FILE.damaged-<time>, with its log: it is
 * only a memory of what clusters have, and whoever runs a hub wants it to run. Nothing is ever deleted.
 */

#include <stdint.h>

#include "base/error.h"

/* *to, where it is then, is the caller's. 0; EX_DATAERR: it is nothing that a hub made, and stays where it
 * is; EX_CANTCREAT: it cannot be moved. */
int disk_set_aside(const char *path, int64_t wall_s, char **to, struct error *err);

#endif
