#ifndef TI_TRANSPORT_ZSTD_FRAME_H
#define TI_TRANSPORT_ZSTD_FRAME_H

/*
 * Writes small zstd frames (RFC 8878) from matches that are known already. zstd itself could be given them,
 * but for each frame it weighs and builds its tables anew, which for a patch of some 60 bytes is most of the
 * work. Here only what the format knows by itself is used: raw literals and the predefined distributions. Any
 * zstd reads what comes out.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

#define ZSTD_MATCHES_MAX 127 /* whose number is one byte */

/* As many literals, then so many bytes (3 at least) of what stands so far (1 at least) before. */
struct zstd_match {
    uint32_t literals, len, offset;
};

struct zstd_writer;

struct zstd_writer *zstd_writer_create(void);
void zstd_writer_destroy(struct zstd_writer *writer); /* may be NULL */

/* Appends a frame of one block that makes `bytes` behind a prefix; the matches reach into either, and what is
 * left behind the last one are literals. False, with nothing appended, where the frame would not be smaller
 * than what it stands for, or bytes, matches or literals are too many for it. */
bool zstd_frame_append(struct zstd_writer *writer, struct buf *out, struct slice bytes,
                       const struct zstd_match *matches, size_t count);

#endif
