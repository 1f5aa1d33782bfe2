#ifndef TI_KUBE_COLLECTION_H
#define TI_KUBE_COLLECTION_H

/* What is listed and watched: one resource, in all namespaces or one, perhaps narrowed by selectors. */

#include <stddef.h>

#include "base/buf.h"
#include "base/gvr.h"

struct collection {
    struct gvr gvr;
    char *namespace_;     /* owned; NULL: all, or cluster scope */
    char *label_selector; /* owned; NULL: everything */
    char *field_selector; /* owned; NULL: everything */
    size_t object_limit;  /* bytes that one object may have */
};

void collection_deinit(struct collection *collection);

/* The path, and the selectors as query. */
void collection_url(const struct collection *collection, struct buf *url);

#endif
