#ifndef TI_APISERVER_TOKEN_H
#define TI_APISERVER_TOKEN_H

/*
 * The continue token of a list in pages: the revision that the first page was read at, and partition and key
 * of the last object given. It says all that is needed, so the server keeps nothing between the pages. Opaque
 * to clients: base64url.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/object.h"

#define TOKEN_PARTITION_MAX 64
#define TOKEN_TEXT_MAX ((OBJECT_KEY_MAX + TOKEN_PARTITION_MAX + 32) * 4 / 3 + 4)

struct token {
    uint64_t revision; /* 0: whatever is current (an inconsistent continuation) */
    char partition[TOKEN_PARTITION_MAX];
    char after[OBJECT_KEY_MAX];
};

const char *token_print(const struct token *token, char out[TOKEN_TEXT_MAX]);
int token_parse(const char *text, struct token *out); /* 0, or 1 for what this server never gave */

#endif
