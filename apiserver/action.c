#include "apiserver/action.h"

#include <string.h>

const struct action actions[] = {
    {"pods", "eviction", "policy", "v1", "Eviction", action_evict},
    {"serviceaccounts", "token", "authentication.k8s.io", "v1", "TokenRequest", action_request_token},
    {.name = NULL},
};

const struct action *action_find(const struct resource *resource, const char *name)
{
    for (const struct action *action = actions; action->name; action++)
        if (!resource->gvr.group[0] && !strcmp(action->resource, resource->gvr.resource) &&
            !strcmp(action->name, name))
            return action;
    return NULL;
}
