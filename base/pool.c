/*
 * Sizes are rounded up to classes of 8 bytes. A class has blocks of 16 KiB, aligned to their size, so that a
 * piece finds its block by its address. Blocks with room are in the class's list; full ones are in none; an
 * empty one is freed. What is too large for a class goes to malloc().
 *
 * A block leaves to malloc() the 16 bytes that it puts in front of each piece, so that blocks can stand side
 * by side: else there is a gap of nearly a block between any two, and never the whole of it goes back to the
 * system.
 *
 * Under AddressSanitizer, a piece that is not given out is poisoned but for the link in its first bytes.
 */
#include "base/pool.h"

#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <utlist.h>

#include "base/mem.h"

#define STEP ((size_t)8)
#define CLASSED_MAX ((size_t)2048)
#define CLASS_COUNT (CLASSED_MAX / STEP + 1)
#define MALLOC_OVERHEAD 16
#define BLOCK_ALIGNMENT ((size_t)16 << 10)
#define BLOCK_BYTES (BLOCK_ALIGNMENT - MALLOC_OVERHEAD)

struct piece {
    struct piece *next;
};

struct block {
    struct block *prev, *next; /* in its class, while it has room */
    struct piece *free;        /* given back */
    size_t used;               /* pieces given out */
    size_t begun;              /* bytes from which on nothing was ever given out */
};

struct pool {
    struct block *classes[CLASS_COUNT];
    size_t blocks, large_count, large_bytes;
};

static size_t class_of(size_t size)
{
    return (size + STEP - 1) / STEP;
}

static bool is_large(size_t size)
{
    return size > CLASSED_MAX;
}

static bool has_room(const struct block *block, size_t piece)
{
    return block->free || block->begun + piece <= BLOCK_BYTES;
}

struct pool *pool_create(void)
{
    return mem_zalloc(sizeof(struct pool));
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    if (pool->blocks || pool->large_count) {
        fputs("pool_destroy: pieces are still in use\n", stderr);
        abort();
    }
    free(pool);
}

static struct block *block_create(struct pool *pool)
{
    struct block *block = mem_aligned(BLOCK_ALIGNMENT, BLOCK_BYTES);
    *block = (struct block){.begun = sizeof(*block)};
    ASAN_POISON_MEMORY_REGION(block + 1, BLOCK_BYTES - sizeof(*block));
    pool->blocks++;
    return block;
}

static void block_destroy(struct pool *pool, struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block + 1, BLOCK_BYTES - sizeof(*block));
    free(block);
    pool->blocks--;
}

static void *block_take(struct block *block, size_t piece)
{
    void *out = block->free;
    if (out) {
        block->free = block->free->next;
    } else {
        out = (char *)block + block->begun;
        block->begun += piece;
    }
    ASAN_UNPOISON_MEMORY_REGION(out, piece);
    block->used++;
    return out;
}

static void *large_alloc(struct pool *pool, size_t size)
{
    pool->large_count++;
    pool->large_bytes += pool_piece(size);
    return mem_alloc(size);
}

static void large_free(struct pool *pool, void *piece, size_t size)
{
    pool->large_count--;
    pool->large_bytes -= pool_piece(size);
    free(piece);
}

void *pool_alloc(struct pool *pool, size_t size)
{
    if (is_large(size))
        return large_alloc(pool, size);
    struct block **class = &pool->classes[class_of(size)];
    size_t bytes = pool_piece(size);
    if (!*class) {
        struct block *fresh = block_create(pool);
        DL_APPEND(*class, fresh);
    }
    struct block *block = *class;
    void *out = block_take(block, bytes);
    if (!has_room(block, bytes))
        DL_DELETE(*class, block);
    return out;
}

void pool_free(struct pool *pool, void *piece, size_t size)
{
    if (is_large(size)) {
        large_free(pool, piece, size);
        return;
    }
    struct block **class = &pool->classes[class_of(size)];
    struct block *block = (struct block *)((char *)piece - ((uintptr_t)piece & (BLOCK_ALIGNMENT - 1)));
    size_t bytes = pool_piece(size);
    bool listed = has_room(block, bytes);
    struct piece *back = piece;
    back->next = block->free;
    block->free = back;
    ASAN_POISON_MEMORY_REGION(back + 1, bytes - sizeof(*back));
    if (!listed)
        DL_APPEND(*class, block);
    if (--block->used == 0) {     /* it is in the list by now */
        DL_DELETE(*class, block); /* NOLINT(clang-analyzer-core.NullDereference) */
        block_destroy(pool, block);
    }
}

size_t pool_piece(size_t size)
{
    if (is_large(size))
        return size + MALLOC_OVERHEAD;
    return class_of(size ? size : 1) * STEP;
}

size_t pool_memory(const struct pool *pool)
{
    return sizeof(*pool) + pool->blocks * BLOCK_ALIGNMENT + pool->large_bytes;
}
