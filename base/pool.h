#ifndef TI_BASE_POOL_H
#define TI_BASE_POOL_H

/*
 * Small pieces that live long. From malloc() they would stand between large ones that come and go, one in
 * nearly every page, and those pages could never be given back to the system. Here pieces of one size stand
 * together, without a header each.
 *
 * One thread only.
 */

#include <stddef.h>

struct pool;

struct pool *pool_create(void);
void pool_destroy(struct pool *pool); /* every piece must be back; NULL is fine */

void *pool_alloc(struct pool *pool, size_t size) __attribute__((returns_nonnull)); /* not cleared */
void pool_free(struct pool *pool, void *piece, size_t size); /* the size that it was asked for with */

size_t pool_piece(size_t size);              /* what a piece of that size takes */
size_t pool_memory(const struct pool *pool); /* bytes held, given out or not */

#endif
