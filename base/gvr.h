#ifndef TI_BASE_GVR_H
#define TI_BASE_GVR_H

/*
 * Group, version and resource: the name of a kind of object in the Kubernetes API. The core group is the
 * empty string. Bounds are the API's own: a group is a DNS subdomain, version and resource are DNS labels.
 */

#include <stdbool.h>
#include <stddef.h>

struct gvr {
    char group[254];   /* "" is the core group */
    char version[64];  /* "v1" */
    char resource[64]; /* plural, lower case: "pods" */
};

#define GVR_TEXT_MAX 400

bool gvr_equal(const struct gvr *a, const struct gvr *b);
int gvr_compare(const struct gvr *a, const struct gvr *b); /* by group, version, resource */

/* 0, or 1 where a part is longer or has other characters than the API allows. */
int gvr_set(struct gvr *gvr, const char *group, const char *version, const char *resource);

/* As people write it in kubectl: "pods", "deployments.apps". out has GVR_TEXT_MAX bytes; returns out. */
const char *gvr_text(const struct gvr *gvr, char *out);

/* The URL path of the collection: "/api/v1/pods", "/apis/apps/v1/namespaces/x/deployments" (namespace may be
 * NULL). */
const char *gvr_path(const struct gvr *gvr, const char *namespace_, char *out, size_t size);

bool kind_valid(const char *text);      /* "ReplicaSet": letters, digits and '-', a letter first, 1–63 */
bool dns_label_valid(const char *text); /* RFC 1123 label, lower case, 1–63 */
bool dns_subdomain_valid(const char *text); /* RFC 1123 subdomain, lower case, 1–253 */

#endif
