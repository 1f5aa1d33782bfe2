#ifndef TI_BASE_CHECKS_H
#define TI_BASE_CHECKS_H

/* Whether a program is ready, check by check, as Kubernetes tells it: "[+]broker ok", "[-]broker failed:
 * why". */

#include "base/buf.h"

struct checks {
    struct buf lines;   /* one for each check */
    struct buf wanting; /* the failed ones in one line: "broker: why; clusters: why" */
    size_t failed;
};

void checks_init(struct checks *checks);
void checks_deinit(struct checks *checks);

/* reason: why not, in one line; NULL: it is. */
void checks_add(struct checks *checks, const char *name, const char *reason);

#endif
