#ifndef TI_BASE_BASE64_H
#define TI_BASE_BASE64_H

/* Base64 (RFC 4648, standard alphabet), as in Secrets and kubeconfigs. */

#include "base/buf.h"

/* Appends the bytes of len characters to out. White space between characters is skipped. 0; BUF_E_LIMIT; or 2
 * for text that is not base64, after which out is as it was. */
int base64_decode(const char *text, size_t len, struct buf *out);

int base64_encode(const void *data, size_t len, struct buf *out); /* 0, BUF_E_LIMIT */

#endif
