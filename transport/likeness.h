#ifndef TI_TRANSPORT_LIKENESS_H
#define TI_TRANSPORT_LIKENESS_H

/*
 * What two versions of one object have in common, as matches for a zstd frame. zstd finds that by itself, but
 * for each object it first fills a table with the older version, which costs more than all the rest. Versions
 * of an object are alike in a simpler way: they go along together but for a few places, and what is new in
 * one place (a time, say) often stands in the next one, too. So both are read once, side by side.
 */

#include <stddef.h>

#include "base/json.h"
#include "transport/zstd_frame.h"

/* Matches that make `bytes` behind `base`; what is left of them are literals. 0 where they are not alike in
 * that way, and zstd had better search. */
size_t likeness_find(struct slice base, struct slice bytes, struct zstd_match matches[ZSTD_MATCHES_MAX]);

#endif
