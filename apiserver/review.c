#include "apiserver/review.h"

#include <string.h>

#include "apiserver/body.h"
#include "base/mem.h"

#define USER_NOBODY "system:anonymous"
#define NO_SECRETS "secrets are not for those who may only read"

struct review {
    struct resource resource;
    int (*complete)(const struct exchange *exchange, const struct resource *resource, cJSON *tree,
                    struct status *status);
};

/* ---- who ---- */

static int complete_self(const struct exchange *exchange, const struct resource *resource, cJSON *tree,
                         struct status *status)
{
    char now[24];
    cJSON *user = tree_make(tree, "status.userInfo"), *groups = cJSON_CreateArray();
    bool known = exchange->asker.name[0];
    (void)resource;
    (void)status;
    tree_set_text(tree_at(tree, "metadata"), "creationTimestamp", apiserver_time(exchange->server, now));
    cJSON_AddItemToArray(groups,
                         cJSON_CreateString(known ? "system:authenticated" : "system:unauthenticated"));
    tree_set_text(user, "username", known ? exchange->asker.name : USER_NOBODY);
    tree_set(user, "groups", groups);
    return 0;
}

/* ---- what ---- */

static bool is_read(const char *verb)
{
    return !strcmp(verb, "get") || !strcmp(verb, "list") || !strcmp(verb, "watch");
}

/* Refused on purpose, as a fault. */
static bool is_forbidden(const struct apiserver *server, const cJSON *attributes)
{
    const char *group = tree_text(attributes, "group"), *resource = tree_text(attributes, "resource");
    for (const struct collection *c = server->storage.first; c; c = c->next)
        if (!strcmp(c->resource.gvr.group, group) && !strcmp(c->resource.gvr.resource, resource))
            return c->forbidden;
    return false;
}

/* A view of an object that is here: its status, its scale. */
static bool is_view(const struct apiserver *server, const cJSON *attributes)
{
    const char *group = tree_text(attributes, "group"), *resource = tree_text(attributes, "resource");
    for (const struct collection *c = server->storage.first; c; c = c->next)
        if (c->served && !strcmp(c->resource.gvr.group, group) && !strcmp(c->resource.gvr.resource, resource))
            return !strcmp(tree_text(attributes, "verb"), "get") &&
                   resource_has_subresource(&c->resource, tree_text(attributes, "subresource"));
    return false;
}

static bool is_secrets(const cJSON *attributes)
{
    return !tree_text(attributes, "group")[0] && !strcmp(tree_text(attributes, "resource"), "secrets");
}

/* "": it may be done. */
static const char *why_not(const struct exchange *exchange, const cJSON *spec)
{
    const struct apiserver *server = exchange->server;
    const cJSON *object = tree_at(spec, "resourceAttributes");
    const char *verb = tree_text(spec, object ? "resourceAttributes.verb" : "nonResourceAttributes.verb");
    if (!server->storage.fleet)
        return is_forbidden(server, object) ? "that resource is forbidden" : "";
    if (!is_read(verb))
        return "what the clusters have is only read here: change it in its cluster";
    if (exchange->asker.reader && is_secrets(object))
        return NO_SECRETS;
    return tree_text(object, "subresource")[0] && !is_view(server, object)
               ? "that is not mirrored: ask the cluster itself"
               : "";
}

static int complete_access(const struct exchange *exchange, const struct resource *resource, cJSON *tree,
                           struct status *status)
{
    const cJSON *spec = tree_at(tree, "spec");
    struct resource unnamed = *resource; /* as in a real server */
    unnamed.kind[0] = '\0';
    if (!tree_at(spec, "resourceAttributes") == !tree_at(spec, "nonResourceAttributes"))
        return status_invalid(
            status, &unnamed, "", "FieldValueInvalid", "spec.resourceAttributes",
            "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be "
            "specified");
    const char *why = why_not(exchange, spec);
    cJSON *answer = tree_make(tree, "status");
    tree_set(answer, "allowed", cJSON_CreateBool(!why[0]));
    if (why[0])
        tree_set_text(answer, "reason", why);
    return 0;
}

static void add_rule(cJSON *answer, const char *name, const char *json)
{
    cJSON *rules = cJSON_CreateArray();
    cJSON_AddItemToArray(rules, tree_parse(json, strlen(json)));
    tree_set(answer, name, rules);
}

static int complete_rules(const struct exchange *exchange, const struct resource *resource, cJSON *tree,
                          struct status *status)
{
    bool fleet = exchange->server->storage.fleet;
    if (!tree_text(tree, "spec.namespace")[0])
        return status_set(status, 400, "BadRequest", "no namespace on request");
    cJSON *answer = tree_make(tree, "status");
    (void)resource;
    add_rule(answer, "resourceRules",
             fleet ? "{\"verbs\":[\"get\",\"list\",\"watch\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}"
                   : "{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}");
    add_rule(answer, "nonResourceRules",
             fleet ? "{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"*\"]}"
                   : "{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}");
    tree_set(answer, "incomplete", cJSON_CreateBool(exchange->asker.reader));
    if (exchange->asker.reader)
        tree_set_text(answer, "evaluationError", NO_SECRETS);
    tree_set(tree, "spec", cJSON_CreateObject()); /* as in a real server */
    return 0;
}

/* ---- from a request to its answer ---- */

#define AUTHORIZATION "authorization.k8s.io"
#define AUTHENTICATION "authentication.k8s.io"

static const struct review reviews[] = {
    {{.gvr = {AUTHENTICATION, "v1", "selfsubjectreviews"}, .kind = "SelfSubjectReview"}, complete_self},
    {{.gvr = {AUTHORIZATION, "v1", "selfsubjectaccessreviews"}, .kind = "SelfSubjectAccessReview"},
     complete_access},
    {{.gvr = {AUTHORIZATION, "v1", "selfsubjectrulesreviews"}, .kind = "SelfSubjectRulesReview"},
     complete_rules},
};

static const struct review *review_of(const struct request *request)
{
    struct gvr gvr;
    if (!request->resource[0] || gvr_set(&gvr, request->group, request->version, request->resource) != 0)
        return NULL;
    for (size_t i = 0; i < array_size(reviews); i++)
        if (gvr_equal(&reviews[i].resource.gvr, &gvr))
            return &reviews[i];
    return NULL;
}

static int complete(struct exchange *exchange, const struct review *review, cJSON *tree,
                    struct status *status)
{
    static const char *const order[] = {"kind", "apiVersion", "metadata", "spec", "status", NULL};
    char version[320];
    if (!cJSON_IsObject(tree))
        return status_set(status, 400, "BadRequest", "the body is no object");
    tree_set_text(tree, "kind", review->resource.kind);
    tree_set_text(tree, "apiVersion", resource_api_version(&review->resource, version));
    tree_set(tree, "metadata", cJSON_CreateObject());
    tree_remove(tree, "status");
    int r = review->complete(exchange, &review->resource, tree, status);
    tree_order(tree, order);
    return r;
}

bool review_answer(struct exchange *exchange)
{
    struct status status = {0};
    const struct request *request = &exchange->request;
    const struct review *review = review_of(request);
    cleanup_tree cJSON *tree = NULL;
    if (!review)
        return false;
    if (strcmp(request->method, "POST") || request->name[0])
        status_no_such_method(&status);
    else if (body_parse(request, &tree, &status) == 0)
        complete(exchange, review, tree, &status);
    if (status.code) {
        exchange_fail(exchange, &status);
        return true;
    }
    exchange->status = 201;
    tree_print(tree, &exchange->out);
    buf_append_char(&exchange->out, '\n');
    return true;
}

bool review_is_asked(const char *path)
{
    static const char clusters[] = "/clusters/";
    if (!strncmp(path, clusters, strlen(clusters))) {
        path += strlen(clusters);
        size_t name = strcspn(path, "/");
        if (!name)
            return false;
        path += name;
    }
    size_t len = strcspn(path, "?");
    for (size_t i = 0; i < array_size(reviews); i++) {
        const struct gvr *gvr = &reviews[i].resource.gvr;
        cleanup_free char *known = mem_printf("/apis/%s/%s/%s", gvr->group, gvr->version, gvr->resource);
        if (strlen(known) == len && !memcmp(known, path, len))
            return true;
    }
    return false;
}
