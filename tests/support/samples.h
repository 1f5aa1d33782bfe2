#ifndef TI_TESTS_SUPPORT_SAMPLES_H
#define TI_TESTS_SUPPORT_SAMPLES_H

/* What metrics and checks say, for tests. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checks.h"
#include "base/mem.h"
#include "base/metrics.h"

/* series: "name{labels}" as it is written. NAN where there is none. */
static inline double sample_of(const struct metrics *metrics, const char *series)
{
    const struct buf *piece;
    cleanup_free char *start = mem_printf("\n%s ", series);
    for (size_t i = 0; (piece = metrics_text(metrics, i)); i++) {
        const char *at = strstr(piece->data, start);
        if (at)
            return strtod(at + strlen(start), NULL);
    }
    return NAN;
}

/* The failed checks in one line; "" where there are none. The caller's to free. */
static inline char *wanting_of(struct checks *checks)
{
    char *text = buf_steal(&checks->wanting);
    checks_deinit(checks);
    return text;
}

#endif
