#ifndef TI_KUBE_URL_H
#define TI_KUBE_URL_H

/*
 * Paths and queries of the Kubernetes API, escaped: object names may hold any character but '/' and '%' (RBAC
 * has "system:node", some have spaces or UTF-8), selectors and continue tokens anything.
 */

#include <stddef.h>

#include "base/buf.h"
#include "base/gvr.h"
#include "base/json.h"

#define URL_LIMIT 65536 /* for the limit of a struct buf that holds one */

/* "/apis/apps/v1/namespaces/x/deployments"; namespace_ NULL or "": all namespaces, or cluster scope. */
void url_collection(struct buf *url, const struct gvr *gvr, const char *namespace_);
void url_object(struct buf *url, const struct gvr *gvr, const char *namespace_, const char *name);

/* Adds "?name=value" or "&name=value". */
void url_query(struct buf *url, const char *name, const char *value);
void url_query_number(struct buf *url, const char *name, long long value);

/* The text that a JSON string stands for: what is between its quotes, escapes undone. NULL where it is none,
 * or holds a NUL. Yours to free. */
char *json_text(struct slice quoted_inside);

#endif
