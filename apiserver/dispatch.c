/* From a request to whoever answers it. */

#include <stdio.h>
#include <string.h>

#include "apiserver/discovery.h"
#include "apiserver/review.h"
#include "apiserver/server_internal.h"

static int refuse(const struct request *request, const struct resource *resource, struct status *status)
{
    char qualified[GVR_TEXT_MAX];
    bool named = request->name[0];
    status_set(status, 403, "Forbidden",
               "%s%s%s%s is forbidden: User \"system:anonymous\" cannot %s resource \"%s\" in API group "
               "\"%s\" %s%s%s",
               resource_qualified(resource, qualified), named ? " \"" : "", request->name, named ? "\"" : "",
               request_verb(request), resource->gvr.resource, resource->gvr.group,
               request->namespace_ ? "in the namespace \"" : "at the cluster scope",
               request->namespace_ ? request->namespace_ : "", request->namespace_ ? "\"" : "");
    status_details(status, resource, request->name);
    return status->code;
}

struct partition *server_partition(const struct exchange *exchange, const struct collection *collection)
{
    const char *cluster = exchange->request.cluster;
    return cluster ? collection_find(collection, cluster) : NULL;
}

bool server_sees(const struct exchange *exchange, const struct collection *collection)
{
    return collection->served && (!exchange->request.cluster || server_partition(exchange, collection));
}

const struct collection *server_next(const struct exchange *exchange, const struct collection *after)
{
    const struct collection *c = after ? after->next : exchange->server->storage.first;
    while (c && !server_sees(exchange, c))
        c = c->next;
    return c;
}

/* The log of a pod, a way into it: only the node has that. */
static bool enters_pod(const struct request *request, const struct resource *resource)
{
    static const char *const ways[] = {"log", "exec", "attach", "portforward", "proxy"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (!strcmp(request->subresource, ways[i]))
            return !strcmp(resource->kind, "Pod") && !resource->gvr.group[0];
    return false;
}

/* What a request addresses, or a Status: not served (404), forbidden (403). */
static struct collection *resolve(const struct exchange *exchange, struct status *status)
{
    const struct request *request = &exchange->request;
    struct collection *collection =
        storage_find(&exchange->server->storage, request->group, request->version, request->resource);
    if (!collection || !collection->served || (request->cluster && !server_partition(exchange, collection)))
        status_no_such_path(status);
    else if (collection->forbidden)
        refuse(request, &collection->resource, status);
    else if (enters_pod(request, &collection->resource))
        status_no_way_in(status, exchange->server->storage.fleet, request->subresource);
    else if (strcmp(request->method, "GET") && collection->resource.flags & RESOURCE_READ_ONLY)
        status_read_only(status, &collection->resource);
    return status->code ? NULL : collection;
}

/* One of a fleet's, known here? There is no such path where there is no fleet. What goes wrong with discovery
 * kubectl says in words of its own, but warnings it prints. */
static bool cluster_unknown(struct exchange *exchange, struct status *status)
{
    const char *cluster = exchange->request.cluster;
    if (!cluster || server_next(exchange, NULL))
        return false;
    if (exchange->server->storage.fleet) {
        status_no_such_cluster(status, cluster);
        buf_append_str(&exchange->warning,
                       "no cluster of that name has been heard here: see kubectl get clusters");
    } else {
        status_no_such_path(status);
    }
    return true;
}

static void answer_read(struct exchange *exchange, struct collection *collection)
{
    if (request_watches(&exchange->request))
        server_answer_watch(exchange, collection);
    else if (exchange->request.name[0])
        server_answer_get(exchange, collection);
    else
        server_answer_list(exchange, collection);
}

static int check_form(const struct exchange *exchange, struct status *status)
{
    const char *include = request_param(&exchange->request, "includeObject");
    if (exchange->request.form == FORM_UNSERVED)
        return status_not_acceptable(status);
    if (exchange->request.form == FORM_UNKNOWN)
        return status_set(status, 406, "NotAcceptable",
                          "only the following media types are accepted: application/json");
    if (exchange->request.form == FORM_TABLE && include[0] && strcmp(include, "None") &&
        strcmp(include, "Metadata") && strcmp(include, "Object"))
        return status_set(
            status, 400, "BadRequest",
            "Unable to convert to Table as requested: includeObject: Invalid value: \"%.60s\": must be "
            "'Metadata', 'Object', 'None', or empty",
            include);
    return 0;
}

/* A real server refuses to answer in some form before it has one itself: with no newline at the end. */
static void refuse_form(struct exchange *exchange, const struct status *status)
{
    exchange_fail(exchange, status);
    if (status->code == 406)
        buf_truncate(&exchange->out, exchange->out.len - 1);
}

void server_dispatch(struct exchange *exchange)
{
    struct status status = {0};
    const struct request *request = &exchange->request;
    if (request->body_len > exchange->server->body_limit) {
        status_set(&status, 413, "RequestEntityTooLarge", "Request entity too large: limit is %zu",
                   exchange->server->body_limit);
        exchange_fail(exchange, &status);
        return;
    }
    if (cluster_unknown(exchange, &status)) {
        exchange_fail(exchange, &status);
        return;
    }
    if (review_answer(exchange))
        return;
    if (!request->resource[0]) {
        server_answer_discovery(exchange);
        return;
    }
    if (!discovery_has_group(exchange)) {
        discovery_answer_unknown(exchange);
        return;
    }
    struct collection *collection = resolve(exchange, &status);
    if (!collection)
        exchange_fail(exchange, &status);
    else if (check_form(exchange, &status) != 0)
        refuse_form(exchange, &status);
    else if (!strcmp(request->method, "GET"))
        answer_read(exchange, collection);
    else
        server_answer_write(exchange, collection);
}
