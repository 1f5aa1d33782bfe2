/* POST, PUT, PATCH and DELETE: from the request to a struct write, and from its outcome to the answer. */

#include <string.h>

#include "apiserver/print.h"
#include "apiserver/server_internal.h"
#include "apiserver/write.h"

static void answer_object(struct exchange *exchange, const struct write *write)
{
    struct printer printer;
    exchange->status = write->code;
    printer_init(&printer, exchange, &write->collection->resource);
    printer_single(&printer, write->result, &exchange->out);
}

static void answer_deleted(struct exchange *exchange, const struct write *write)
{
    const struct resource *resource = &write->collection->resource;
    struct slice name = object_name(write->result), uid = object_uid(write->result);
    buf_appendf(
        &exchange->out,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\",\"details\":{"
        "\"name\":\"%.*s\",%s%s%s\"kind\":\"%s\",\"uid\":\"%.*s\"}}\n",
        SLICE_ARGS(name), resource->gvr.group[0] ? "\"group\":\"" : "", resource->gvr.group,
        resource->gvr.group[0] ? "\"," : "", resource->gvr.resource, SLICE_ARGS(uid));
}

/* The body as a tree. An absent body is NULL with 0. */
static int parse_body(const struct request *request, cJSON **tree, struct status *status)
{
    *tree = NULL;
    if (request->body_len == 0)
        return 0;
    *tree = tree_parse(request->body, request->body_len);
    return *tree ? 0
                 : status_set(
                       status, 400, "BadRequest",
                       "the object provided is unrecognized (must be of type JSON): it could not be parsed");
}

static int do_write(struct write *write, const struct request *request)
{
    cleanup_tree cJSON *tree = NULL;
    int r = parse_body(request, &tree, write->status);
    if (r != 0)
        return r;
    if (!strcmp(request->method, "DELETE")) {
        write->name = request->name;
        return write_delete(write, tree, (long)tree_number(tree, "gracePeriodSeconds", -1));
    }
    if (!cJSON_IsObject(tree))
        return status_set(write->status, 400, "BadRequest", "the body is no object");
    if (!strcmp(request->method, "POST"))
        return write_create(write, tree);
    if (!strcmp(request->method, "PUT"))
        return write_update(write, tree);
    return status_set(write->status, 405, "MethodNotAllowed", "the server does not allow this method");
}

void server_answer_write(struct exchange *exchange, struct collection *collection)
{
    struct status status = {0};
    const struct request *request = &exchange->request;
    struct write write = {
        .server = exchange->server,
        .collection = collection,
        .namespace_ = request->namespace_,
        .name = request->name,
        .subresource = request->subresource,
        .manager = request_param(request, "fieldManager"),
        .dry_run = request_param(request, "dryRun")[0],
        .status = &status,
    };
    bool delete = !strcmp(request->method, "DELETE");
    if (do_write(&write, request) != 0)
        exchange_fail(exchange, &status);
    else if (delete &&!json_member(json_member(object_bytes(write.result), "metadata"), "deletionTimestamp")
                 .data)
        answer_deleted(exchange, &write);
    else
        answer_object(exchange, &write);
    object_unref(write.result);
}
