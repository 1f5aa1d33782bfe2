#ifndef TI_TRANSPORT_BYTES_H
#define TI_TRANSPORT_BYTES_H

/* Numbers as bytes: little-endian of a fixed width, and LEB128. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define NUMBER_MAX (UINT64_C(1) << 53) /* exact in a JSON number; a million events a second for 285 years */

void bytes_put_le(uint8_t *out, uint64_t value, int width);
uint64_t bytes_get_le(const uint8_t *in, int width);
int bytes_append_le(struct buf *out, uint64_t value, int width); /* 0, BUF_E_LIMIT */
int bytes_append_varint(struct buf *out, uint64_t value);        /* 0, BUF_E_LIMIT */

/* What is still to be read. */
struct reader {
    const uint8_t *at, *end;
};

/* Each false where that is not to be had: cut off, or not in its one spelling. */
bool reader_le(struct reader *reader, uint64_t *value, int width);
bool reader_varint(struct reader *reader, uint64_t *value); /* no padding, nothing beyond NUMBER_MAX */
bool reader_skip(struct reader *reader, size_t len, const uint8_t **bytes); /* they are borrowed */

#endif
