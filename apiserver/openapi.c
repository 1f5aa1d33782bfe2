/*
 * As much OpenAPI as kubectl needs to write. Before create and apply it looks up, for the kind at hand,
 * whether PATCH takes the option fieldValidation: version 3 documents that name just that make it leave
 * validation to the server. Older ones read version 2, as protobuf: a document without definitions makes them
 * skip validation. No schema of built-in kinds is offered, so that kubectl computes strategic merge patches
 * from the types it was built with. Those of custom resources are, for 'kubectl explain', as their
 * definitions have them; and where nothing can be written there is something to be read about each kind.
 */

#include "apiserver/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/definition.h"
#include "apiserver/server_internal.h"
#include "base/mem.h"

#define PRINTED_BYTES 4096 /* of one resource; of a schema seldom more */

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

/* ---- schemas ---- */

static void print_gvk(const struct resource *r, struct buf *out)
{
    buf_appendf(out,
                "\"x-kubernetes-group-version-kind\":[{\"group\":\"%s\",\"kind\":\"%s\",\"version\":\"%s\"}]",
                r->gvr.group, r->kind, r->gvr.version);
}

/* The definition's, with what kubectl finds it by in front. */
static void print_defined(const struct resource *r, struct slice schema, struct buf *out)
{
    const char *end = schema.data + schema.len, *at = json_skip_space(schema.data + 1, end);
    buf_append_char(out, '{');
    print_gvk(r, out);
    buf_append_str(out, *at == '}' ? "" : ",");
    buf_append(out, at, (size_t)(end - at));
}

/* All that is known of a kind whose schema no cluster has told. */
static void print_unknown(const struct resource *r, struct buf *out)
{
    static const char *const members[] = {"apiVersion", "kind", "metadata", "spec", "status"};
    buf_append_char(out, '{');
    print_gvk(r, out);
    buf_appendf(out,
                ",\"type\":\"object\",\"description\":\"The fields of %s are not known here: this is a "
                "fleet's API, and its "
                "clusters tell schemas in CustomResourceDefinitions only. Ask one of the clusters itself.\","
                "\"properties\":{",
                r->kind);
    for (size_t i = 0; i < array_size(members); i++)
        buf_appendf(out, "%s\"%s\":{\"type\":\"%s\"}", i ? "," : "", members[i], i < 2 ? "string" : "object");
    buf_append_str(out, "}}");
}

static struct slice schema_of(struct exchange *exchange, const struct resource *r)
{
    if (r->schema)
        return (struct slice){r->schema, strlen(r->schema)};
    return json_member(json_member(definition_version(exchange, r), "schema"), "openAPIV3Schema");
}

/* Where objects can be written, a schema without merge keys would mislead kubectl: none is better. */
static bool print_schema(struct exchange *exchange, const struct resource *r, const char *comma)
{
    struct buf *out = &exchange->out;
    struct slice schema = schema_of(exchange, r);
    bool defined = schema.len && schema.data[0] == '{';
    if (!defined && !exchange->server->storage.fleet)
        return false;
    buf_appendf(out, "%s\"%s.%s.%s\":", comma, r->gvr.group[0] ? r->gvr.group : "core", r->gvr.version,
                r->kind);
    if (defined)
        print_defined(r, schema, out);
    else
        print_unknown(r, out);
    return true;
}

/* ---- one document ---- */

/* The paths of all resources of a group and version, then the schemas: printed one by one, as some are long.
 */
struct document {
    char *api;
    const struct collection *at; /* the next to be printed */
    bool schemas;                /* its schema, that is; else its path */
    const char *comma;
};

static const struct collection *document_next(const struct exchange *exchange,
                                              const struct document *document, const struct collection *after)
{
    return first_of(exchange, document->api, strlen(document->api), after);
}

static void print_next(struct exchange *exchange, struct document *document)
{
    const struct collection *c = document->at;
    bool printed = true;
    if (document->schemas) {
        printed = print_schema(exchange, &c->resource, document->comma);
    } else {
        buf_append_str(&exchange->out, document->comma);
        print_path(&c->resource, &exchange->out);
    }
    document->comma = printed ? "," : document->comma;
    document->at = document_next(exchange, document, c);
    if (document->at || document->schemas)
        return;
    buf_append_str(&exchange->out, "},\"components\":{\"schemas\":{");
    document->schemas = true;
    document->comma = "";
    document->at = document_next(exchange, document, NULL);
}

static bool document_fill(struct exchange *exchange)
{
    struct document *document = exchange->state;
    while (document->at && exchange_fits(exchange, PRINTED_BYTES))
        print_next(exchange, document);
    if (document->at)
        return true;
    buf_append_str(&exchange->out, "}}}\n");
    return false;
}

static void document_close(struct exchange *exchange)
{
    struct document *document = exchange->state;
    free(document->api);
    free(document);
}

static bool answer_document(struct exchange *exchange, const char *api)
{
    static const struct exchange_source source = {.fill = document_fill, .close = document_close};
    const struct collection *first = first_of(exchange, api, strlen(api), NULL);
    if (!first)
        return false;
    struct document *document = mem_zalloc(sizeof(*document));
    *document = (struct document){.api = mem_strdup(api), .at = first, .comma = ""};
    exchange->source = &source;
    exchange->state = document;
    buf_append_str(
        &exchange->out,
        "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"" APISERVER_VERSION
        "\"},\"paths\":{");
    return true;
}

/* gnostic's openapi.v2.Document with swagger "2.0", an info with title and version, and empty paths. */
static void answer_v2(struct exchange *exchange)
{
    static const char document[] = "\x0a\x03"
                                   "2.0"
                                   "\x12\x15\x0a\x0a"
                                   "Kubernetes"
                                   "\x12\x07" APISERVER_VERSION "\x42\x00";
    if (strstr(exchange->request.accept, "protobuf")) {
        exchange->content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        buf_append(&exchange->out, document, sizeof(document) - 1);
    } else {
        buf_append_str(
            &exchange->out,
            "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"" APISERVER_VERSION "\"},"
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
        return answer_document(exchange, path + 17);
    return !strncmp(path, "/openapi/v3/api/", 16) && answer_document(exchange, path + 16);
}
