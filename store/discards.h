#ifndef TI_STORE_DISCARDS_H
#define TI_STORE_DISCARDS_H

/*
 * Stores that nobody needs any more, taken apart slice by slice: to free a hundred thousand objects in one
 * turn of the loop would stall it for many milliseconds. Nobody may observe or use such a store.
 */

#include "base/loop.h"
#include "store/store.h"

struct discard;

struct discards {
    struct timer timer;
    struct discard *first;
};

void discards_init(struct discards *discards, struct loop *loop);
void discards_deinit(struct discards *discards);                   /* the rest, at once */
void discards_add(struct discards *discards, struct store *store); /* takes it; NULL is fine */

#endif
