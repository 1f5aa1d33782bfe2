#ifndef TI_KUBE_CLUSTER_OPTIONS_H
#define TI_KUBE_CLUSTER_OPTIONS_H

/* The options by which a program finds its cluster, and those that say what of it is mirrored. */

#include "base/options.h"

struct cluster_options {
    char *kubeconfig, *context; /* NULL: as kubectl finds them */
};

struct selection_options {
    struct option_list resources;   /* as kubectl spells them; empty: the default set */
    char *namespace_;               /* NULL: all */
    char *selector;                 /* of labels; NULL: everything */
    struct option_list drop_fields; /* paths, cut besides metadata.managedFields */
    bool always;                    /* watch it whether or not anybody wants it */
};

struct option_group cluster_option_group(struct cluster_options *options);     /* "Cluster" */
struct option_group selection_option_group(struct selection_options *options); /* "What is mirrored" */

/* What is mirrored where no --resource is given; a cluster without one of them is in order. NULL-terminated.
 */
extern const char *const default_resources[];

#endif
