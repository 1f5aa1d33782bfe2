#ifndef TI_BASE_FILE_H
#define TI_BASE_FILE_H

/* Small files, read and written whole: configuration, certificates, tokens. Blocking; not for anything large
 * or remote. */

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"

/* Appends the file's bytes to out. 0; BUF_E_LIMIT where it has more bytes than out may still take; or -errno
 * (-EISDIR for a directory). On failure out holds what it held before. */
int file_read(const char *path, struct buf *out);

/* Puts a file there, whole or not at all, and for this user alone (0600), whoever could read the one that was
 * there; what others have prepared in its directory is not written to. 0, or -errno. */
int file_put(const char *path, const struct buf *text);

/* Whether it is another file, or was written, since the call before with the same `seen`; that is all zeroes
 * at first. A file that is not there is one that never changes. */
bool file_changed(const char *path, struct stat *seen);

/* Where a name inside a configuration file points: name itself if absolute, else beside that file. Yours to
 * free. */
char *file_beside(const char *config_path, const char *name);

#endif
