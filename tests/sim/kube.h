#ifndef TI_TESTS_SIM_KUBE_H
#define TI_TESTS_SIM_KUBE_H

/*
 * A Kubernetes cluster of the simulation: an API server, the way to it that all beside it take, what changes
 * in it, and the record of all that it ever was. It may be restored from a backup, answer with other bytes,
 * or be set up anew under its name; the record goes on through all of that.
 */

#include "apiserver/local.h"
#include "base/gvr.h"
#include "tests/sim/record.h"

struct world;

enum kube_kind {
    KUBE_CONFIGMAPS,
    KUBE_SERVICES,
    KUBE_SERVICEACCOUNTS,
    KUBE_NODES,   /* in cluster scope */
    KUBE_WIDGETS, /* a CustomResourceDefinition's: may go, and come back */
    KUBE_DEPLOYMENTS,
    KUBE_KINDS
};

#define KUBE_NAMES_MAX 40 /* of each kind */
#define KUBE_FILL_MAX 16000
#define KUBE_OBJECT_MAX (KUBE_FILL_MAX + 4096) /* bytes of an object, and so of a payload */

struct kube_resource {
    struct gvr gvr;
    const char *kind, *api_version;
    bool namespaced;
    bool used;                 /* shared by the provider, and changed by the load */
    struct object_rules rules; /* what a provider makes of an object */
    struct record *record;
};

struct kube {
    struct world *world;
    char name[16];
    struct apiserver *server;
    struct local *local;
    struct kube_resource resources[KUBE_KINDS];
    uint64_t floor;   /* no backup is older than this revision */
    uint64_t names;   /* objects live under this many names per resource */
    int64_t load_us;  /* between two changes, on average */
    bool hasty;       /* more often, and many at once */
    uint64_t pruning; /* of ten changes so many are deletions */
    struct timer load;
};

/* used: a set of 1 << enum kube_kind. */
void kube_init(struct kube *kube, struct world *world, const char *name, unsigned used);
void kube_deinit(struct kube *kube);

void kube_load(struct kube *kube, bool on);
void kube_change(struct kube *kube);                     /* one change, at random */
void kube_empty(struct kube *kube, enum kube_kind kind); /* deletes all objects */

struct kube_resource *kube_resource(struct kube *kube, const struct gvr *gvr); /* NULL where none is used */
#define KUBE_UID_MAX 64
const char *kube_uid(const struct kube *kube, char out[KUBE_UID_MAX]); /* of its kube-system; returns out */
bool kube_serves(struct kube *kube, enum kube_kind kind);

void kube_set_up_anew(struct kube *kube); /* another cluster, with nothing in it, under the same address */
/* From a backup; false where there is none. Who remembers revisions has to be started anew, too. */
bool kube_restore(struct kube *kube);
void kube_speak_otherwise(struct kube *kube); /* other bytes at the same versions, and a restart */
void kube_expire(struct kube *kube);          /* watches that are taken up get 410 */
void kube_drop_widgets(struct kube *kube, bool back);
void kube_recover(struct kube *kube); /* all that is wrong with the API server is over */

#endif
