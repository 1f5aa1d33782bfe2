#ifndef TI_BASE_FILE_H
#define TI_BASE_FILE_H

/* Small files, read whole: configuration, certificates, tokens. Blocking; not for anything large or remote.
 */

#include "base/buf.h"

/* Appends the file's bytes to out. 0; BUF_E_LIMIT where it has more bytes than out may still take; or -errno
 * (-EISDIR for a directory). On failure out holds what it held before. */
int file_read(const char *path, struct buf *out);

/* Where a name inside a configuration file points: name itself if absolute, else beside that file. Yours to
 * free. */
char *file_beside(const char *config_path, const char *name);

#endif
