/* POST, PUT, PATCH and DELETE: from the request to a struct write, and from its outcome to the answer. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/action.h"
#include "apiserver/body.h"
#include "apiserver/managed.h"
#include "apiserver/patch.h"
#include "apiserver/print.h"
#include "apiserver/protobuf.h"
#include "apiserver/scale.h"
#include "apiserver/server_internal.h"
#include "apiserver/write.h"
#include "apiserver/write_options.h"
#include "base/mem.h"

static bool is_scale(const struct request *request)
{
    return !strcmp(request->subresource, "scale");
}

static struct scale_paths paths_of(const struct write *write)
{
    struct scale_paths paths;
    scale_find(write->server, NULL, &write->collection->resource, &paths);
    return paths;
}

/* What was only tried has no version yet. */
static void answer_tried(struct exchange *exchange, const struct write *write)
{
    cleanup_tree cJSON *tree = write_tree_of(write->result);
    tree_remove(tree_at(tree, "metadata"), "resourceVersion");
    tree_print(tree, &exchange->out);
    buf_append_char(&exchange->out, '\n');
}

static void answer_object(struct exchange *exchange, const struct write *write)
{
    struct printer printer;
    struct slice version = object_resource_version(write->result);
    struct item item = {write->collection->own, write->result, strtoull(version.data, NULL, 10)};
    exchange->status = write->code;
    if (is_scale(&exchange->request)) {
        struct scale_paths paths = paths_of(write);
        scale_print(&item, &paths, &exchange->out);
        return;
    }
    if (write->dry_run && write->code == 201 && exchange->request.form == FORM_JSON) {
        answer_tried(exchange, write);
        return;
    }
    print_init(&printer, exchange, &write->collection->resource);
    print_single(&printer, &item, &exchange->out);
    print_deinit(&printer);
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

static int unsupported(const char *supported, struct status *status)
{
    return status_set(status, 415, "UnsupportedMediaType",
                      "the body of the request was in an unknown format - accepted media types include: %s",
                      supported);
}

static int bad_patch(const cJSON *patch, const char *type, struct status *status)
{
    cleanup_free char *fault =
        patch ? body_mistyped(patch, type) : mem_strdup("unexpected end of JSON input");
    return status_set(status, 400, "BadRequest", "error decoding patch: %s", fault);
}

/* Applies a patch to `target`, the object's or its Scale's tree. */
static int patch_tree(const struct request *request, const struct resource *resource, cJSON **target,
                      const cJSON *patch, struct status *status)
{
    bool list = request_content_is(request, "application/json-patch+json");
    if (list && patch && !cJSON_IsArray(patch))
        return bad_patch(patch, "[]handlers.jsonPatchOp", status);
    if (list)
        return patch_json(target, patch, status);
    if (!cJSON_IsObject(patch))
        return bad_patch(patch, "map[string]interface {}", status);
    if (request_content_is(request, "application/strategic-merge-patch+json") &&
        !(resource->flags & RESOURCE_CUSTOM))
        return patch_strategic(*target, patch, status);
    if (request_content_is(request, "application/strategic-merge-patch+json"))
        return unsupported(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            status);
    if (!request_content_is(request, "application/merge-patch+json")) {
        status_set(status, 415, "UnsupportedMediaType", "415: Unsupported Media Type");
        status->generic = true;
        return status->code;
    }
    patch_merge(*target, patch);
    return 0;
}

static int do_apply(struct write *write, const struct request *request, const cJSON *config)
{
    if (!cJSON_IsObject(config))
        return status_set(write->status, 400, "BadRequest", "the applied configuration is no object");
    const char *name = tree_text(config, "metadata.name");
    if (name[0] && strcmp(name, request->name))
        return status_set(write->status, 400, "BadRequest",
                          "the name of the object (%s) does not match the name on the URL (%s)", name,
                          request->name);
    return managed_apply(write, config, request_flag(request, "force"));
}

/* A patch that names no resourceVersion goes against whatever is there: nobody can have come between. */
static int do_patch(struct write *write, const struct request *request, const cJSON *patch)
{
    struct object *current = write_current(write);
    if (request_content_is(request, "application/apply-patch+yaml"))
        return do_apply(write, request, patch);
    if (!current)
        return status_not_found(write->status, &write->collection->resource, request->name);
    struct scale_paths paths = paths_of(write);
    cleanup_tree cJSON *tree = is_scale(request) ? scale_of(current, &paths) : write_tree_of(current);
    write->patch = !is_scale(request);
    int r = patch_tree(request, &write->collection->resource, &tree, patch, write->status);
    if (r != 0)
        return r;
    return is_scale(request) ? scale_write(write, &paths, tree) : write_update(write, tree);
}

static int do_delete(struct write *write, const cJSON *options)
{
    if (cJSON_GetArraySize(tree_at(options, "dryRun")) > 0)
        write->dry_run = true;
    return write_delete(write, options, (long)tree_number(options, "gracePeriodSeconds", -1));
}

/* Custom objects are replaced by those who say what they have seen. */
static int check_seen(const struct write *write, const cJSON *tree)
{
    struct resource named = write->collection->resource;
    if (!(named.flags & RESOURCE_CUSTOM) || !write_current(write) ||
        tree_text(tree, "metadata.resourceVersion")[0])
        return 0;
    snprintf(named.kind, sizeof(named.kind), "%s", named.gvr.resource);
    return status_invalid(write->status, &named, write->name, "FieldValueInvalid", "metadata.resourceVersion",
                          "Invalid value: 0: must be specified for an update");
}

static int do_write(struct write *write, const struct request *request)
{
    const char *method = request->method;
    cleanup_tree cJSON *tree = NULL;
    bool write_whole = !strcmp(method, "POST") || !strcmp(method, "PUT");
    if (write_whole && !body_is_readable(request))
        return unsupported("application/json, application/yaml, " PROTOBUF_MEDIA_TYPE, write->status);
    int r = body_parse(request, &tree, write->status);
    if (r != 0)
        return r;
    if (!strcmp(method, "DELETE")) {
        cleanup_tree cJSON *options = NULL;
        r = delete_options_parse(request, tree, &options, write->status);
        return r ? r : do_delete(write, options);
    }
    if (!strcmp(method, "PATCH"))
        return do_patch(write, request, tree);
    const struct resource *resource = &write->collection->resource;
    if (!cJSON_IsObject(tree))
        return body_no_object(request, tree, resource->kind, write->status);
    if (resource->flags & RESOURCE_CUSTOM && !is_scale(request) && !tree_text(tree, "kind")[0])
        return body_no_kind(request, resource->kind, write->status);
    if (!strcmp(method, "POST"))
        return write_create(write, tree);
    if (is_scale(request)) {
        struct scale_paths paths = paths_of(write);
        return scale_write(write, &paths, tree);
    }
    r = check_seen(write, tree);
    return r ? r : write_update(write, tree);
}

/* Namespaces go one by one. */
static int check_whole(const struct resource *resource, struct status *status)
{
    return strcmp(resource->kind, "Namespace") ? 0 : status_no_such_method(status);
}

/* Which methods a path has, and which subresources a resource. */
static int check_path(const struct request *request, const struct resource *resource, struct status *status)
{
    const char *sub = request->subresource;
    bool named = request->name[0], post = !strcmp(request->method, "POST");
    bool known = resource_has_subresource(resource, sub);
    if (!known)
        return status_no_such_path(status);
    bool other = strcmp(request->method, "PUT") && strcmp(request->method, "PATCH") &&
                 strcmp(request->method, "DELETE");
    if (post == named || (other && !post) || (sub[0] && !strcmp(request->method, "DELETE")))
        return status_no_such_method(status);
    if (named && resource_namespaced(resource) != (request->namespace_ != NULL))
        return status_no_such_path(status);
    return 0;
}

static void answer(struct exchange *exchange, const struct write *write)
{
    struct slice metadata = json_member(object_bytes(write->result), "metadata");
    bool marked = json_member(metadata, "deletionTimestamp").data;
    if (!strcmp(exchange->request.method, "DELETE") && !marked)
        answer_deleted(exchange, write);
    else
        answer_object(exchange, write);
}

/* Every object that the selectors choose is deleted by itself; the answer is a list of them, as they were. */
static void delete_each(struct exchange *exchange, struct write *write, const struct object_set *doomed,
                        const cJSON *options)
{
    struct printer printer;
    struct object_place place = {0};
    const struct object_entry *entry;
    struct print_page page = {.revision = exchange->server->storage.revision, .continue_ = ""};
    print_init(&printer, exchange, &write->collection->resource);
    print_open(&printer, &page, &exchange->out);
    while ((entry = object_set_next(doomed, &place))) {
        struct slice called = object_name(entry->object), within = object_namespace(entry->object);
        cleanup_free char *name = mem_dup(called.data, called.len), *in = mem_dup(within.data, within.len);
        write->name = name;
        write->namespace_ = in[0] ? in : NULL;
        if (do_delete(write, options) == 0)
            object_unref(mem_steal(write->result));
        print_item(&printer, &(struct item){write->collection->own, entry->object, entry->revision},
                   &exchange->out);
    }
    print_close(&printer, &exchange->out);
    print_deinit(&printer);
}

static void answer_delete_collection(struct exchange *exchange, struct write *write)
{
    cleanup_tree cJSON *body = NULL, *options = NULL;
    struct object_set doomed = {0};
    int r = body_parse(&exchange->request, &body, write->status);
    if (r == 0)
        r = delete_options_parse(&exchange->request, body, &options, write->status);
    if (r == 0)
        r = server_select(exchange, write->collection, &doomed, write->status);
    if (r == 0)
        delete_each(exchange, write, &doomed, options);
    else
        exchange_fail(exchange, write->status);
    object_set_deinit(&doomed);
}

static void answer_action(struct exchange *exchange, struct write *write, const struct action *action)
{
    const struct request *request = &exchange->request;
    cleanup_tree cJSON *posted = NULL;
    bool post = !strcmp(request->method, "POST") && request->namespace_ != NULL;
    int r = post ? write_options_check(request, write->status) : status_no_such_method(write->status);
    if (r == 0)
        r = body_parse(request, &posted, write->status);
    if (r == 0 && !cJSON_IsObject(posted))
        r = status_set(write->status, 400, "BadRequest", "the body is no object");
    if (r == 0)
        r = action->act(write, posted, &exchange->out);
    if (r == 0)
        exchange->status = 201;
    else
        exchange_fail(exchange, write->status);
}

static enum write_unknown unknown_of(const struct request *request)
{
    const char *validation = request_param(request, "fieldValidation");
    return !strcmp(validation, "Strict")   ? UNKNOWN_REFUSED
           : !strcmp(validation, "Ignore") ? UNKNOWN_DROPPED
                                           : UNKNOWN_WARNED;
}

void server_answer_write(struct exchange *exchange, struct collection *collection)
{
    struct status status = {0};
    const struct request *request = &exchange->request;
    const char *manager = request_param(request, "fieldManager");
    bool apply = request_content_is(request, "application/apply-patch+yaml");
    struct write write = {
        .server = exchange->server,
        .collection = collection,
        .namespace_ = request->namespace_,
        .name = request->name,
        .subresource = request->subresource,
        .manager = manager[0] || apply ? manager : "unknown",
        .unknown = unknown_of(request),
        .warnings = &exchange->warning,
        .dry_run = request_param(request, "dryRun")[0],
        .status = &status,
    };
    const struct action *action = action_find(&collection->resource, request->subresource);
    if (action) {
        answer_action(exchange, &write, action);
        object_unref(write.result);
        return;
    }
    bool whole = !strcmp(request->method, "DELETE") && !request->name[0];
    int r = whole ? check_whole(&collection->resource, &status)
                  : check_path(request, &collection->resource, &status);
    if (r == 0)
        r = write_options_check(request, &status);
    if (r == 0 && whole) {
        answer_delete_collection(exchange, &write);
        return;
    }
    if (r == 0)
        r = do_write(&write, request);
    if (r == 0)
        answer(exchange, &write);
    else
        exchange_fail(exchange, &status);
    object_unref(write.result);
}
