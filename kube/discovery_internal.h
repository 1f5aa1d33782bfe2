#ifndef TI_KUBE_DISCOVERY_INTERNAL_H
#define TI_KUBE_DISCOVERY_INTERNAL_H

#include "kube/discovery.h"

/* A group version to be asked for by itself. */
struct group_version {
    char *group, *version; /* owned */
};

struct group_versions {
    struct group_version *items;
    size_t count, room;
};

void group_versions_deinit(struct group_versions *list);

/* What documents of discovery say goes into table; what they leave to be asked, into list. old: what was
 * known. */
struct discovery_reading {
    struct api_table *table;
    const struct api_table *old;
    struct group_versions *list;
};

/* The answer of /api or /apis, in whichever form the server has given it. 0, or 1 where it is neither. */
int discovery_read_root(const struct discovery_reading *reading, struct slice json);
/* The answer of /api/v1 or /apis/g/v. 0, or 1 where it is no APIResourceList. */
int discovery_read_resources(const struct discovery_reading *reading, const struct group_version *gv,
                             struct slice json);

#endif
