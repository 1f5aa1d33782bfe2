/*
 * What is served, for clients that ask before they act: the legacy lists by group and version, the aggregated
 * list that kubectl asks for first, the version, health, and the OpenAPI stubs (openapi.c).
 */

#include <stdio.h>
#include <string.h>

#include "apiserver/action.h"
#include "apiserver/discovery.h"
#include "apiserver/openapi.h"
#include "apiserver/server_internal.h"
#include "base/mem.h"

static const char *sub_verbs(const struct resource *r)
{
    return r->flags & RESOURCE_READ_ONLY ? "[\"get\"]" : "[\"get\",\"patch\",\"update\"]";
}

static const char *verbs(const struct resource *r)
{
    if (!strcmp(r->kind, "Namespace") && !(r->flags & RESOURCE_READ_ONLY))
        return "[\"create\",\"delete\",\"get\",\"list\",\"patch\",\"update\",\"watch\"]";
    return r->flags & RESOURCE_READ_ONLY
               ? "[\"get\",\"list\",\"watch\"]"
               : "[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\",\"update\","
                 "\"watch\"]";
}

/* The next one that is served under that group and version. NULL: any version; the first, and the end. Names
 * are compared before it is looked up whether the request may see it: there may be many. */
static const struct collection *next_of(const struct exchange *exchange, const char *group,
                                        const char *version, const struct collection *after)
{
    const struct collection *c = after ? after->next : exchange->server->storage.first;
    while (c && (strcmp(c->resource.gvr.group, group) ||
                 (version && strcmp(c->resource.gvr.version, version)) || !server_sees(exchange, c)))
        c = c->next;
    return c;
}

/* True for the first served collection of its group and version. */
static bool opens_version(const struct exchange *exchange, const struct collection *collection)
{
    const struct gvr *gvr = &collection->resource.gvr;
    return next_of(exchange, gvr->group, gvr->version, NULL) == collection;
}

static bool opens_group(const struct exchange *exchange, const struct collection *collection)
{
    return next_of(exchange, collection->resource.gvr.group, NULL, NULL) == collection;
}

static void separate(struct buf *out)
{
    if (out->len && out->data[out->len - 1] != '[' && out->data[out->len - 1] != '{')
        buf_append_char(out, ',');
}

static void print_words(struct buf *out, const char *name, const char *words)
{
    if (!words[0])
        return;
    buf_appendf(out, ",\"%s\":[", name);
    while (*words) {
        size_t len = strcspn(words, " ");
        separate(out);
        buf_appendf(out, "\"%.*s\"", (int)len, words);
        words += len + (words[len] == ' ');
    }
    buf_append_char(out, ']');
}

static bool has_action(const struct resource *resource, const struct action *action)
{
    return !(resource->flags & RESOURCE_READ_ONLY) && action_find(resource, action->name) == action;
}

static void print_resource(const struct resource *r, struct buf *out)
{
    const char *namespaced = resource_namespaced(r) ? "true" : "false";
    separate(out);
    buf_appendf(out,
                "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":%s",
                r->gvr.resource, r->singular, namespaced, r->kind, verbs(r));
    print_words(out, "shortNames", r->short_names);
    print_words(out, "categories", r->category);
    buf_append_char(out, '}');
    if (r->flags & RESOURCE_SCALE)
        buf_appendf(
            out,
            ",{\"name\":\"%s/scale\",\"singularName\":\"\",\"namespaced\":%s,\"group\":\"autoscaling\","
            "\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":%s}",
            r->gvr.resource, namespaced, sub_verbs(r));
    if (r->flags & RESOURCE_STATUS)
        buf_appendf(out,
                    ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":\"%s\","
                    "\"verbs\":%s}",
                    r->gvr.resource, namespaced, r->kind, sub_verbs(r));
    for (const struct action *a = actions; a->name; a++)
        if (has_action(r, a))
            buf_appendf(out,
                        ",{\"name\":\"%s/%s\",\"singularName\":\"\",\"namespaced\":%s,\"group\":\"%s\","
                        "\"version\":\"%s\",\"kind\":\"%s\",\"verbs\":[\"create\"]}",
                        r->gvr.resource, a->name, namespaced, a->group, a->version, a->kind);
    if (!strcmp(r->kind, "Namespace") && !(r->flags & RESOURCE_READ_ONLY))
        buf_append_str(out, ",{\"name\":\"namespaces/finalize\",\"singularName\":\"\",\"namespaced\":false,"
                            "\"kind\":\"Namespace\",\"verbs\":[\"update\"]}");
}

static void print_resources(const struct exchange *exchange, const char *group, const char *version,
                            struct buf *out)
{
    /* That the core's has no apiVersion is a real server's way, too. */
    buf_appendf(out, "{\"kind\":\"APIResourceList\",%s\"groupVersion\":\"%s%s%s\",\"resources\":[",
                group[0] ? "\"apiVersion\":\"v1\"," : "", group, group[0] ? "/" : "", version);
    const struct collection *c = NULL;
    while ((c = next_of(exchange, group, version, c)))
        print_resource(&c->resource, out);
    buf_append_str(out, "]}\n");
}

/* A group's versions are preferred in the order in which they came to be served. */
static void print_group(const struct exchange *exchange, const char *group, struct buf *out)
{
    const char *preferred = NULL;
    const struct collection *c = NULL;
    separate(out);
    buf_appendf(out, "{\"name\":\"%s\",\"versions\":[", group);
    while ((c = next_of(exchange, group, NULL, c))) {
        const struct gvr *gvr = &c->resource.gvr;
        if (!opens_version(exchange, c))
            continue;
        separate(out);
        buf_appendf(out, "{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}", group, gvr->version,
                    gvr->version);
        preferred = preferred ? preferred : gvr->version;
    }
    buf_appendf(out, "],\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}}", group,
                preferred, preferred);
}

static void print_groups(const struct exchange *exchange, struct buf *out)
{
    buf_append_str(out, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (const struct collection *c = server_next(exchange, NULL); c; c = server_next(exchange, c))
        if (c->resource.gvr.group[0] && opens_group(exchange, c))
            print_group(exchange, c->resource.gvr.group, out);
    buf_append_str(out, "]}\n");
}

static void print_kind(const char *group, const char *version, const char *kind, struct buf *out)
{
    buf_appendf(out, "\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}", group, version,
                kind);
}

static void print_subresource(const struct resource *r, const char *name, struct buf *out)
{
    bool scale = !strcmp(name, "scale");
    separate(out);
    buf_appendf(out, "{\"subresource\":\"%s\",", name);
    print_kind(scale ? "autoscaling" : r->gvr.group, scale ? "v1" : r->gvr.version, scale ? "Scale" : r->kind,
               out);
    buf_appendf(out, ",\"verbs\":%s}", sub_verbs(r));
}

static void print_action(const struct action *action, struct buf *out)
{
    separate(out);
    buf_appendf(out, "{\"subresource\":\"%s\",", action->name);
    print_kind(action->group, action->version, action->kind, out);
    buf_append_str(out, ",\"verbs\":[\"create\"]}");
}

static void print_subresources(const struct resource *r, struct buf *out)
{
    cleanup_with(buf_deinit) struct buf list = BUF_INIT(SIZE_MAX / 4);
    if (r->flags & RESOURCE_SCALE)
        print_subresource(r, "scale", &list);
    if (r->flags & RESOURCE_STATUS)
        print_subresource(r, "status", &list);
    for (const struct action *a = actions; a->name; a++)
        if (has_action(r, a))
            print_action(a, &list);
    if (list.len)
        buf_appendf(out, ",\"subresources\":[%s]", list.data);
}

static void print_aggregated_resource(const struct resource *r, struct buf *out)
{
    separate(out);
    buf_appendf(out, "{\"resource\":\"%s\",", r->gvr.resource);
    print_kind(r->gvr.group, r->gvr.version, r->kind, out);
    buf_appendf(out, ",\"scope\":\"%s\",\"singularResource\":\"%s\",\"verbs\":%s",
                resource_namespaced(r) ? "Namespaced" : "Cluster", r->singular, verbs(r));
    print_words(out, "shortNames", r->short_names);
    print_words(out, "categories", r->category);
    print_subresources(r, out);
    buf_append_char(out, '}');
}

static void print_aggregated_version(const struct exchange *exchange, const struct gvr *gvr, struct buf *out)
{
    separate(out);
    buf_appendf(out, "{\"version\":\"%s\",\"resources\":[", gvr->version);
    const struct collection *c = NULL;
    while ((c = next_of(exchange, gvr->group, gvr->version, c)))
        print_aggregated_resource(&c->resource, out);
    buf_append_str(out, "],\"freshness\":\"Current\"}");
}

static void print_aggregated_group(const struct exchange *exchange, const char *group, struct buf *out)
{
    separate(out);
    if (group[0])
        buf_appendf(out, "{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":null},\"versions\":[", group);
    else
        buf_append_str(out, "{\"metadata\":{\"creationTimestamp\":null},\"versions\":[");
    const struct collection *c = NULL;
    while ((c = next_of(exchange, group, NULL, c)))
        if (opens_version(exchange, c))
            print_aggregated_version(exchange, &c->resource.gvr, out);
    buf_append_str(out, "]}");
}

/* Of the core group for /api, of all others for /apis. */
static void print_aggregated(const struct exchange *exchange, bool core, struct buf *out)
{
    buf_append_str(
        out, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},"
             "\"items\":[");
    for (const struct collection *c = server_next(exchange, NULL); c; c = server_next(exchange, c))
        if (!c->resource.gvr.group[0] == core && opens_group(exchange, c))
            print_aggregated_group(exchange, c->resource.gvr.group, out);
    buf_append_str(out, "]}\n");
}

static void answer_roots(struct exchange *exchange, bool core)
{
    if (exchange->request.form == FORM_AGGREGATED) {
        exchange->content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        print_aggregated(exchange, core, &exchange->out);
    } else if (core) {
        buf_append_str(
            &exchange->out,
            "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n");
    } else {
        print_groups(exchange, &exchange->out);
    }
}

static bool group_served(const struct exchange *exchange, const char *group, const char *version)
{
    return next_of(exchange, group, version, NULL);
}

static void answer_version(struct exchange *exchange)
{
    buf_append_str(&exchange->out,
                   "{\"major\":\"1\",\"minor\":\"" APISERVER_MINOR "\",\"gitVersion\":\"" APISERVER_VERSION
                   "+transport-informer-" TI_VERSION "\","
                   "\"gitCommit\":\"\",\"gitTreeState\":\"clean\",\"buildDate\":\"\",\"goVersion\":\"\","
                   "\"compiler\":\"\","
                   "\"platform\":\"linux/amd64\"}\n");
}

static void answer_health(struct exchange *exchange)
{
    exchange->content_type = "text/plain; charset=utf-8";
    buf_append_str(&exchange->out, "ok");
}

/* In the form of a real server's, which withholds reasons, too. */
static void answer_ready(struct exchange *exchange)
{
    if (!exchange->server->unready) {
        answer_health(exchange);
        return;
    }
    exchange->status = 500;
    exchange->content_type = "text/plain; charset=utf-8";
    buf_appendf(&exchange->out, "[+]ping ok\n[-]%s failed: reason withheld\nreadyz check failed\n",
                exchange->server->unready);
}

static bool path_is(const struct exchange *exchange, const char *path)
{
    const char *have = exchange->request.path;
    size_t len = strlen(path);
    return !strncmp(have, path, len) && (!have[len] || !strcmp(have + len, "/"));
}

static bool answer_fixed(struct exchange *exchange)
{
    bool core = path_is(exchange, "/api");
    if (core || path_is(exchange, "/apis"))
        answer_roots(exchange, core);
    else if (path_is(exchange, "/version"))
        answer_version(exchange);
    else if (path_is(exchange, "/healthz") || path_is(exchange, "/livez"))
        answer_health(exchange);
    else if (path_is(exchange, "/readyz"))
        answer_ready(exchange);
    else
        return openapi_answer(exchange);
    return true;
}

static bool answer_group(struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    const char *path = request->path;
    if (request->version[0]) {
        if (!group_served(exchange, request->group, request->version))
            return false;
        print_resources(exchange, request->group, request->version, &exchange->out);
        return true;
    }
    if (strncmp(path, "/apis/", 6) || !group_served(exchange, path + 6, NULL))
        return false;
    print_group(exchange, path + 6, &exchange->out);
    /* Alone it says what it is. */
    struct buf alone = exchange->out;
    exchange->out = (struct buf)BUF_INIT(alone.limit);
    buf_append_str(&exchange->out, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
    buf_append(&exchange->out, alone.data + 1, alone.len - 1);
    buf_append_char(&exchange->out, '\n');
    buf_deinit(&alone);
    return true;
}

bool discovery_has_group(const struct exchange *exchange)
{
    return group_served(exchange, exchange->request.group, NULL);
}

void discovery_answer_unknown(struct exchange *exchange)
{
    exchange->status = 404;
    exchange->content_type = "text/plain; charset=utf-8";
    buf_append_str(&exchange->out, "404 page not found\n");
}

void server_answer_discovery(struct exchange *exchange)
{
    if (strcmp(exchange->request.method, "GET") || (!answer_fixed(exchange) && !answer_group(exchange)))
        discovery_answer_unknown(exchange);
}
