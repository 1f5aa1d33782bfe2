#ifndef TI_TESTS_STEPS_H
#define TI_TESTS_STEPS_H

/*
 * Work, counted: the basic blocks that were gone through in the sources that tests/CMakeLists.txt names by
 * ti_counted(), which are compiled with a call at the head of each block. The same run takes the same number
 * of steps wherever it runs, so growth with size can be asked for in a test. Include once in a program.
 */

#include <stdint.h>

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

/* Four times as much took about four times the steps: 16 times where each looks at all others. */
static inline void assert_linear(uint64_t small, uint64_t large)
{
    assert_in_range(small, 1000, UINT64_MAX); /* something was counted */
    assert_in_range(large, 3 * small, 6 * small);
}

#endif
