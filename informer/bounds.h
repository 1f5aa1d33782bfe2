#ifndef TI_INFORMER_BOUNDS_H
#define TI_INFORMER_BOUNDS_H

/* How much one provider may make an informer hold; what would pass it is refused (informer.h). */

#include <stdint.h>

#include "base/options.h"

#define BOUNDS_OBJECTS 1000000
#define BOUNDS_SIZE ((int64_t)4 << 30)

struct bounds_options {
    int64_t objects; /* of one cluster, in all its resources */
    int64_t size;    /* the same in bytes, as object_size() counts */
};

struct option_group bounds_option_group(struct bounds_options *options); /* "Bounds" */

#endif
