#ifndef TI_STORE_RECORD_H
#define TI_STORE_RECORD_H

/* What a store is the copy of, and how far it had come: all that a restart has to know besides its objects.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/gvr.h"
#include "base/names.h"
#include "base/object.h"

#define RECORD_BETWEEN UINT64_MAX /* as count: the store was being written, from one state to the next */

struct record {
    char cluster[64], uid[64], version[64]; /* its name, which one it is ("" unknown), and its Kubernetes' */
    int64_t since_s;                        /* when that cluster was first known, wall time; 0: not kept */
    char audience[64];
    struct gvr gvr;
    char kind[64];
    struct names names;
    bool namespaced;
    bool whole;               /* all of it has been here once */
    bool current;             /* it was up to date when this was written */
    int64_t heard_s;          /* where not: when its cluster was last heard about it, wall time; 0: never */
    uint64_t epoch, sequence; /* of what is in the store; 0 where that is in between */
    uint64_t count;           /* of the store, as it is kept beside this: */
    struct digest root;
};

#endif
