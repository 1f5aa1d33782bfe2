#include "kube/cluster_options.h"

#include "base/gvr.h"
#include "base/mem.h"

const char *const default_resources[] = {
    "namespaces",
    "nodes",
    "pods",
    "services",
    "configmaps",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "ingresses.networking.k8s.io",
    "persistentvolumeclaims",
    NULL,
};

static const struct option_spec cluster_specs[] = {
    {.name = "kubeconfig",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "how to reach the cluster; without it KUBECONFIG, ~/.kube/config, or the pod's service account",
     .offset = offsetof(struct cluster_options, kubeconfig)},
    {.name = "context",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the kubeconfig's context; without it the current one",
     .offset = offsetof(struct cluster_options, context)},
};

static const struct option_spec selection_specs[] = {
    {.name = "resource",
     .type = OPTION_LIST,
     .value = "RESOURCE",
     .help =
         "a kind as kubectl spells it (pods, deployments.apps, widgets.v1.example.com); without it the usual "
         "workload kinds; '*' is all there are; secrets only when named here",
     .offset = offsetof(struct selection_options, resources)},
    {.name = "namespace",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "this namespace only; without it all",
     .valid = dns_label_valid,
     .allowed = "a namespace's name, such as default",
     .offset = offsetof(struct selection_options, namespace_)},
    {.name = "selector",
     .type = OPTION_TEXT,
     .value = "LABELS",
     .help = "objects of these labels only: app=web,tier!=test",
     .offset = offsetof(struct selection_options, selector)},
    {.name = "drop-field",
     .type = OPTION_LIST,
     .value = "PATH",
     .help = "a field that is cut, such as .status.images; metadata.managedFields always is",
     .offset = offsetof(struct selection_options, drop_fields)},
    {.name = "always",
     .type = OPTION_BOOL,
     .help = "watch all of it all the time, so that the answer to who asks first comes at once; without it a "
             "resource is watched while somebody follows it",
     .offset = offsetof(struct selection_options, always)},
};

struct option_group cluster_option_group(struct cluster_options *options)
{
    return (struct option_group){"Cluster", cluster_specs, array_size(cluster_specs), options};
}

struct option_group selection_option_group(struct selection_options *options)
{
    return (struct option_group){"What is mirrored", selection_specs, array_size(selection_specs), options};
}
