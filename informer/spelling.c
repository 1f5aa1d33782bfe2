#include "informer/spelling.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define NAME_MAX_BYTES 64

static const struct {
    const char *written, *resource;
} short_names[] = {
    {"cj", "cronjobs"},
    {"cm", "configmaps"},
    {"crd", "customresourcedefinitions"},
    {"crds", "customresourcedefinitions"},
    {"deploy", "deployments"},
    {"ds", "daemonsets"},
    {"ep", "endpoints"},
    {"ev", "events"},
    {"hpa", "horizontalpodautoscalers"},
    {"ing", "ingresses"},
    {"netpol", "networkpolicies"},
    {"no", "nodes"},
    {"ns", "namespaces"},
    {"pdb", "poddisruptionbudgets"},
    {"po", "pods"},
    {"pv", "persistentvolumes"},
    {"pvc", "persistentvolumeclaims"},
    {"rc", "replicationcontrollers"},
    {"rs", "replicasets"},
    {"sa", "serviceaccounts"},
    {"sc", "storageclasses"},
    {"sts", "statefulsets"},
    {"svc", "services"},
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* As Kubernetes makes a plural of a singular name or a kind. */
static bool is_plural_of(const char *resource, const char *name)
{
    char plural[NAME_MAX_BYTES + 4];
    if (ends_with(name, "y"))
        snprintf(plural, sizeof(plural), "%.*sies", (int)strlen(name) - 1, name);
    else
        snprintf(plural, sizeof(plural), "%s%s", name,
                 ends_with(name, "s") || ends_with(name, "x") || ends_with(name, "ch") ? "es" : "s");
    return strcmp(resource, plural) == 0;
}

static bool name_matches(const char *name, const char *resource)
{
    if (strcmp(name, resource) == 0 || is_plural_of(resource, name))
        return true;
    for (size_t i = 0; i < array_size(short_names); i++)
        if (strcmp(name, short_names[i].written) == 0)
            return strcmp(resource, short_names[i].resource) == 0;
    return false;
}

/* rest: what stands behind the first dot. */
static bool group_matches(const char *rest, const struct gvr *gvr)
{
    size_t len = strlen(gvr->version);
    if (strcasecmp(rest, gvr->group) == 0)
        return true;
    if (strncasecmp(rest, gvr->version, len) != 0)
        return false;
    return rest[len] == '.' ? strcasecmp(rest + len + 1, gvr->group) == 0 : !rest[len] && !gvr->group[0];
}

bool spelling_matches(const char *spelling, const struct gvr *gvr)
{
    char name[NAME_MAX_BYTES] = "";
    size_t len = strcspn(spelling, ".");
    if (strcmp(spelling, "*") == 0)
        return true;
    if (len == 0 || len >= sizeof(name))
        return false;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)(spelling[i] >= 'A' && spelling[i] <= 'Z' ? spelling[i] + 32 : spelling[i]);
    return name_matches(name, gvr->resource) && (!spelling[len] || group_matches(spelling + len + 1, gvr));
}
