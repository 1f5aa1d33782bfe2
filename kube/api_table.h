#ifndef TI_KUBE_API_TABLE_H
#define TI_KUBE_API_TABLE_H

/*
 * What resources an API server offers, and how people call them. Kept compact (some 60 bytes a resource and
 * its names once), in the server's own order, which is that of preference: the core group first, groups by
 * priority, and of each group the preferred version first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/gvr.h"
#include "base/json.h"
#include "base/names.h"

enum api_verb {
    API_VERB_GET = 1 << 0,
    API_VERB_LIST = 1 << 1,
    API_VERB_WATCH = 1 << 2,
    API_VERB_CREATE = 1 << 3,
    API_VERB_UPDATE = 1 << 4,
    API_VERB_PATCH = 1 << 5,
    API_VERB_DELETE = 1 << 6,
};

/* Of those that a resource may have these are views of its objects; all others need its cluster. */
enum api_subresource {
    API_SCALE = 1 << 0,
    API_STATUS = 1 << 1,
};
unsigned api_subresource_of(struct slice name); /* "scale": API_SCALE; 0: another one */

/* One resource, whole: nothing in it is borrowed. */
struct api_resource {
    struct gvr gvr;
    char kind[64];         /* "Deployment" */
    char api_version[320]; /* "apps/v1"; with kind, what its objects say of themselves */
    bool namespaced;
    unsigned verbs; /* of enum api_verb */
    struct names names;
};

/* A resource as discovery tells it; texts are borrowed for the call. */
struct api_offer {
    struct slice group, version, resource, singular, kind;
    struct slice short_names; /* JSON array, as the two below */
    struct slice categories;
    struct slice verbs;
    unsigned subresources; /* of enum api_subresource: what can be read */
    bool namespaced;
};

struct api_entry;

struct api_table {
    struct api_entry *entries; /* owned */
    size_t count, room;
    struct buf names; /* all texts, NUL-terminated; entries hold offsets */
    struct buf
        failures; /* "metrics.k8s.io/v1beta1, …": what is not known, because its server did not answer */
};

void api_table_init(struct api_table *table);
void api_table_deinit(struct api_table *table);

/* Entries whose names the API does not allow are left out. A second entry for one gvr is left out. */
void api_table_add(struct api_table *table, const struct api_offer *offer);
/* One more of the last entry's, where that is this resource. */
void api_table_add_subresource(struct api_table *table, struct slice resource, unsigned subresource);
bool api_verbs_have(struct slice verbs, enum api_verb verb); /* verbs: a JSON array */
/* A group version that could not be asked; what old (may be NULL) knows of it is taken over. */
void api_table_add_failure(struct api_table *table, const char *group, const char *version,
                           const struct api_table *old);

enum {
    API_E_UNKNOWN = 1, /* there is no such resource; err suggests near names */
    API_E_UNSURE = 2,  /* the same, but some groups did not answer: it may be there */
};

/*
 * What a person means by "pods", "po", "Pod", "deployments.apps", "deployments.v1.apps",
 * "widgets.v1.example.com": plural and singular names first, then short names, then kinds; upper and lower
 * case alike; a group by its whole name, or else by how it begins. Where several groups have it, the first.
 */
int api_table_resolve(const struct api_table *table, const char *spelling, struct api_resource *out,
                      struct error *err);

/* "*": every resource that can be listed and watched, each in one version, but for secrets, which are
 * mirrored only when named, and events.k8s.io, whose objects are those of the core group's events. Returns
 * how many there were. */
size_t api_table_each(const struct api_table *table,
                      void (*each)(void *arg, const struct api_resource *resource), void *arg);

/* The exact group, version and resource. 0, API_E_UNKNOWN. */
int api_table_get(const struct api_table *table, const struct gvr *gvr, struct api_resource *out);

#endif
