#ifndef TI_BASE_ESCAPE_H
#define TI_BASE_ESCAPE_H

/* Text of others for a terminal. Control characters (C0, DEL, C1), bytes that are no UTF-8, and the
 * characters that turn the direction of what follows are written as \x1b, \u009b; everything else stays as it
 * is. */

#include "base/buf.h"

int escape_append(struct buf *out, const char *text,
                  size_t len); /* 0, BUF_E_LIMIT: a part may have been appended */

/* The number of characters (code points) of a UTF-8 text; a byte that is none counts as one. */
size_t escape_width(const char *text);

#endif
