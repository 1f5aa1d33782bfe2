#include "apiserver/resource.h"

#include <stdio.h>
#include <string.h>

#define NAMESPACED RESOURCE_NAMESPACED
#define STATUS RESOURCE_STATUS
#define SCALE RESOURCE_SCALE
#define GENERATION RESOURCE_GENERATION
#define LABEL RESOURCE_LABEL_NAMES
#define WORKLOAD (NAMESPACED | STATUS | GENERATION)
#define SCALED (WORKLOAD | SCALE)

#define ROW(group, version, plural, kind, singular, short_names, category, flags)                            \
    {                                                                                                        \
        {group, version, plural}, kind, kind "List", singular, short_names, category, flags, NULL, NULL      \
    }
#define CORE(plural, kind, singular, short_names, category, flags)                                           \
    ROW("", "v1", plural, kind, singular, short_names, category, flags)

const struct resource builtin_resources[] = {
    CORE("namespaces", "Namespace", "namespace", "ns", "", STATUS | LABEL),
    CORE("nodes", "Node", "node", "no", "", STATUS),
    CORE("persistentvolumes", "PersistentVolume", "persistentvolume", "pv", "", STATUS),
    CORE("pods", "Pod", "pod", "po", "all", WORKLOAD),
    CORE("services", "Service", "service", "svc", "all", NAMESPACED | STATUS | LABEL),
    CORE("endpoints", "Endpoints", "endpoints", "ep", "", NAMESPACED),
    CORE("configmaps", "ConfigMap", "configmap", "cm", "", NAMESPACED),
    CORE("secrets", "Secret", "secret", "", "", NAMESPACED),
    CORE("events", "Event", "event", "ev", "", NAMESPACED),
    CORE("serviceaccounts", "ServiceAccount", "serviceaccount", "sa", "", NAMESPACED),
    CORE("persistentvolumeclaims", "PersistentVolumeClaim", "persistentvolumeclaim", "pvc", "",
         NAMESPACED | STATUS),
    CORE("replicationcontrollers", "ReplicationController", "replicationcontroller", "rc", "all", SCALED),
    CORE("limitranges", "LimitRange", "limitrange", "limits", "", NAMESPACED),
    CORE("resourcequotas", "ResourceQuota", "resourcequota", "quota", "", NAMESPACED | STATUS),
    ROW("apps", "v1", "controllerrevisions", "ControllerRevision", "controllerrevision", "", "", NAMESPACED),
    ROW("apps", "v1", "deployments", "Deployment", "deployment", "deploy", "all", SCALED),
    ROW("apps", "v1", "replicasets", "ReplicaSet", "replicaset", "rs", "all", SCALED),
    ROW("apps", "v1", "statefulsets", "StatefulSet", "statefulset", "sts", "all", SCALED),
    ROW("apps", "v1", "daemonsets", "DaemonSet", "daemonset", "ds", "all", WORKLOAD),
    ROW("batch", "v1", "jobs", "Job", "job", "", "all", WORKLOAD),
    ROW("batch", "v1", "cronjobs", "CronJob", "cronjob", "cj", "all", WORKLOAD),
    ROW("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "horizontalpodautoscaler",
        "hpa", "all", NAMESPACED | STATUS),
    ROW("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "poddisruptionbudget", "pdb", "",
        WORKLOAD),
    ROW("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "endpointslice", "", "",
        NAMESPACED | GENERATION),
    ROW("networking.k8s.io", "v1", "ingressclasses", "IngressClass", "ingressclass", "", "", GENERATION),
    ROW("networking.k8s.io", "v1", "ingresses", "Ingress", "ingress", "ing", "", WORKLOAD),
    ROW("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "networkpolicy", "netpol", "",
        NAMESPACED | GENERATION),
    ROW("rbac.authorization.k8s.io", "v1", "roles", "Role", "role", "", "", NAMESPACED),
    ROW("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "rolebinding", "", "", NAMESPACED),
    ROW("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "clusterrole", "", "", 0),
    ROW("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "clusterrolebinding",
        "", "", 0),
    ROW("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "priorityclass", "pc", "", GENERATION),
    ROW("storage.k8s.io", "v1", "storageclasses", "StorageClass", "storageclass", "sc", "", 0),
    ROW("coordination.k8s.io", "v1", "leases", "Lease", "lease", "", "", NAMESPACED),
    ROW("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
        "customresourcedefinition", "crd crds", "api-extensions", STATUS | GENERATION),
    {.kind = ""},
};

bool resource_namespaced(const struct resource *resource)
{
    return resource->flags & RESOURCE_NAMESPACED;
}

bool resource_has_subresource(const struct resource *resource, const char *name)
{
    if (!strcmp(name, "status"))
        return resource->flags & RESOURCE_STATUS;
    if (!strcmp(name, "scale"))
        return resource->flags & RESOURCE_SCALE;
    return !name[0] || (!strcmp(name, "finalize") && !strcmp(resource->kind, "Namespace"));
}

const char *resource_api_version(const struct resource *resource, char *out)
{
    snprintf(out, 320, "%s%s%s", resource->gvr.group, resource->gvr.group[0] ? "/" : "",
             resource->gvr.version);
    return out;
}

const char *resource_qualified(const struct resource *resource, char *out)
{
    return gvr_text(&resource->gvr, out);
}

const struct resource *resource_built_in(const struct gvr *gvr)
{
    for (const struct resource *r = builtin_resources; r->kind[0]; r++)
        if (gvr_equal(&r->gvr, gvr))
            return r;
    return NULL;
}
