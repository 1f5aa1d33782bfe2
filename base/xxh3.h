#ifndef TI_BASE_XXH3_H
#define TI_BASE_XXH3_H

/* XXH3 by the widest vectors that the machine has, where the library can choose while it runs: three times as
 * fast as the baseline of x86-64. The hashes are the same. */

#include <xxhash.h>

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

#endif
