/*
 * As much OpenAPI as kubectl needs to write. Before create and apply it looks up, for the kind at hand,
 * whether PATCH takes the option fieldValidation: version 3 documents that name just that make it leave
 * validation to the server. Older ones read version 2, as protobuf: a document without definitions makes them
 * skip validation. No schema is offered, so that kubectl computes strategic merge patches from the types it
 * was built with.
 */

#include "apiserver/openapi.h"

#include <string.h>

#include "apiserver/server_internal.h"

static const struct collection *first_of(const struct exchange *exchange, const char *api, size_t len,
                                         const struct collection *after)
{
    for (const struct collection *c = server_next(exchange, after); c; c = server_next(exchange, c)) {
        char version[320];
        resource_api_version(&c->resource, version);
        if (strlen(version) == len && !memcmp(version, api, len))
            return c;
    }
    return NULL;
}

static void print_index(const struct exchange *exchange, struct buf *out)
{
    const char *comma = "";
    buf_append_str(out, "{\"paths\":{");
    for (const struct collection *c = server_next(exchange, NULL); c; c = server_next(exchange, c)) {
        char version[320];
        const char *root = c->resource.gvr.group[0] ? "apis" : "api";
        resource_api_version(&c->resource, version);
        if (first_of(exchange, version, strlen(version), NULL) != c)
            continue;
        buf_appendf(out, "%s\"%s/%s\":{\"serverRelativeURL\":\"/openapi/v3/%s/%s\"}", comma, root, version,
                    root, version);
        comma = ",";
    }
    buf_append_str(out, "}}\n");
}

static void print_path(const struct resource *r, struct buf *out)
{
    char path[512];
    gvr_path(&r->gvr, resource_namespaced(r) ? "{namespace}" : NULL, path, sizeof(path));
    buf_appendf(
        out,
        "\"%s/"
        "{name}\":{\"patch\":{\"operationId\":\"patch%s\",\"parameters\":[{\"name\":\"dryRun\",\"in\":"
        "\"query\","
        "\"schema\":{\"type\":\"string\"}},{\"name\":\"fieldManager\",\"in\":\"query\",\"schema\":{\"type\":"
        "\"string\"}},"
        "{\"name\":\"fieldValidation\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},{\"name\":"
        "\"force\",\"in\":"
        "\"query\",\"schema\":{\"type\":\"boolean\"}}],\"responses\":{\"200\":{\"description\":\"OK\"}},"
        "\"x-kubernetes-action\":\"patch\",\"x-kubernetes-group-version-kind\":{\"group\":\"%s\",\"kind\":\"%"
        "s\","
        "\"version\":\"%s\"}}}",
        path, r->kind, r->gvr.group, r->kind, r->gvr.version);
}

static bool print_document(const struct exchange *exchange, const char *api, struct buf *out)
{
    size_t len = strlen(api);
    const struct collection *c = first_of(exchange, api, len, NULL);
    if (!c)
        return false;
    buf_append_str(
        out,
        "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"},\"paths\":{");
    for (; c; c = first_of(exchange, api, len, c)) {
        print_path(&c->resource, out);
        buf_append_char(out, ',');
    }
    buf_truncate(out, out->len - 1);
    buf_append_str(out, "},\"components\":{\"schemas\":{}}}\n");
    return true;
}

/* gnostic's openapi.v2.Document with swagger "2.0", an info with title and version, and empty paths. */
static void answer_v2(struct exchange *exchange)
{
    static const char document[] = "\x0a\x03"
                                   "2.0"
                                   "\x12\x15\x0a\x0a"
                                   "Kubernetes"
                                   "\x12\x07"
                                   "v1.32.0"
                                   "\x42\x00";
    if (strstr(exchange->request.accept, "protobuf")) {
        exchange->content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        buf_append(&exchange->out, document, sizeof(document) - 1);
    } else {
        buf_append_str(&exchange->out,
                       "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"},"
                       "\"paths\":{},\"definitions\":{}}\n");
    }
}

bool openapi_answer(struct exchange *exchange)
{
    const char *path = exchange->request.path;
    if (!strcmp(path, "/openapi/v2")) {
        answer_v2(exchange);
        return true;
    }
    if (!strcmp(path, "/openapi/v3") || !strcmp(path, "/openapi/v3/")) {
        print_index(exchange, &exchange->out);
        return true;
    }
    if (!strncmp(path, "/openapi/v3/apis/", 17))
        return print_document(exchange, path + 17, &exchange->out);
    return !strncmp(path, "/openapi/v3/api/", 16) && print_document(exchange, path + 16, &exchange->out);
}
