#ifndef TI_APISERVER_ACTION_H
#define TI_APISERVER_ACTION_H

/* Subresources that are posted to and kept nowhere: something happens, and the answer says what. */

#include "apiserver/write.h"

struct action {
    const char *resource, *name;        /* "pods", "eviction" */
    const char *group, *version, *kind; /* of what is posted */
    /* write names the object; the answer is appended to out, as 201. 0, or an HTTP code with write->status
     * set. */
    int (*act)(struct write *write, const cJSON *posted, struct buf *out);
};

extern const struct action actions[]; /* ended by one without a name */

/* NULL where that resource has no such action. */
const struct action *action_find(const struct resource *resource, const char *name);

int action_evict(struct write *write, const cJSON *eviction, struct buf *out);
int action_request_token(struct write *write, const cJSON *request, struct buf *out);

#endif
