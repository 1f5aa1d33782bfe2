#ifndef TI_TRANSPORT_LIKENESS_H
#define TI_TRANSPORT_LIKENESS_H

/*
 * What two versions of one object have in common, as zstd's sequences. zstd finds that by itself, but for
 * each object it first fills a table with the older version, which costs more than all the rest. Versions of
 * an object are alike in a simpler way: they go along together but for a few places, and what is new in one
 * place (a time, say) often stands in the next one, too. So both are read once, side by side.
 */

#include <stddef.h>

#include "base/json.h"

#define ZSTD_STATIC_LINKING_ONLY /* sequences are what zstd calls experimental; a test holds what we rely on \
                                  */
#include <zstd.h>

#define LIKENESS_MAX 128

/* Sequences that make `bytes` behind `base`; what is left of them are literals. 0 where they are not alike in
 * that way, and zstd had better search. */
size_t likeness_find(struct slice base, struct slice bytes, ZSTD_Sequence sequences[LIKENESS_MAX]);

#endif
