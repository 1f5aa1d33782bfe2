#ifndef TI_STORE_DISK_CHECK_H
#define TI_STORE_DISK_CHECK_H

/* Whether a file of disk.h is what was written there: SQLite's own check, each object against its digest, and
 * each stream against its record. */

#include <stdio.h>

#include "base/error.h"

/* Says on out what is wrong, a line each, and in the end what there is. 0; EX_DATAERR where something is
 * wrong, or as disk_file_open(), with err set. Blocks. Nothing is changed. */
int disk_check(const char *path, FILE *out, struct error *err);

#endif
