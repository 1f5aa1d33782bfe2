#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

#define BLOCK ((uintptr_t)16 << 10)
#define PIECES 2000
#define MALLOC_HEADER 8 /* of glibc: what a piece takes besides what may be used of it */

/* Else malloc() could not put the next one where this one ends. */
static void a_block_is_no_longer_than_its_alignment(void **state)
{
    (void)state;
    struct pool *pool = pool_create();
    void *piece = pool_alloc(pool, 100);
    void *block = (char *)piece - (uintptr_t)piece % BLOCK;
    assert_true(malloc_usable_size(block) + MALLOC_HEADER <= BLOCK);
    pool_free(pool, piece, 100);
    pool_destroy(pool);
}

static void pieces_keep_what_is_written_to_them(void **state)
{
    (void)state;
    struct pool *pool = pool_create();
    size_t empty = pool_memory(pool), taken = 0;
    char *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = pool_alloc(pool, i);
        memset(pieces[i], (int)i, i);
        taken += pool_piece(i);
    }
    assert_in_range(pool_memory(pool) - empty, taken, 2 * taken + 128 * BLOCK);
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t at = 0; at < i; at++)
            assert_int_equal(pieces[i][at], (char)i);
        pool_free(pool, pieces[i], i);
    }
    assert_int_equal(pool_memory(pool), empty);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_no_longer_than_its_alignment),
        cmocka_unit_test(pieces_keep_what_is_written_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
