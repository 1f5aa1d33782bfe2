#include "kube/collection.h"

#include "base/mem.h"
#include "kube/url.h"

void collection_deinit(struct collection *collection)
{
    free(collection->namespace_);
    free(collection->label_selector);
    free(collection->field_selector);
    *collection = (struct collection){0};
}

void collection_url(const struct collection *collection, struct buf *url)
{
    url_collection(url, &collection->gvr, collection->namespace_);
    if (collection->label_selector)
        url_query(url, "labelSelector", collection->label_selector);
    if (collection->field_selector)
        url_query(url, "fieldSelector", collection->field_selector);
}
