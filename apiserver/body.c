#include "apiserver/body.h"

#include "apiserver/protobuf.h"
#include "base/mem.h"
#include "base/yaml.h"

#define SUMMARY_BYTES 30

bool body_is_readable(const struct request *request)
{
    return !request->content_type[0] || request_content_is(request, "application/json") ||
           request_content_is(request, "application/yaml") ||
           request_content_is(request, PROTOBUF_MEDIA_TYPE);
}

/* What is called YAML is mostly JSON. */
static cJSON *parse_text(const struct request *request)
{
    cJSON *tree = tree_parse(request->body, request->body_len);
    bool yaml = request_content_is(request, "application/yaml") ||
                request_content_is(request, "application/apply-patch+yaml");
    if (!tree && yaml && yaml_parse(request->body, request->body_len, &tree, NULL) != 0)
        tree = NULL;
    return tree;
}

char *body_mistyped(const cJSON *tree, const char *type)
{
    const char *is = cJSON_IsArray(tree)    ? "array"
                     : cJSON_IsString(tree) ? "string"
                     : cJSON_IsBool(tree)   ? "bool"
                     : cJSON_IsObject(tree) ? "object"
                                            : "number";
    return mem_printf("json: cannot unmarshal %s into Go value of type %s", is, type);
}

/* How the body begins: as text where that may be JSON of an object, else in hexadecimal digits. */
static void summarize(const struct request *request, struct buf *out)
{
    size_t len = request->body_len < SUMMARY_BYTES ? request->body_len : SUMMARY_BYTES;
    if (!len)
        buf_append_str(out, "<empty>");
    else if (request->body[0] == '{')
        buf_append(out, request->body, len);
    else
        for (size_t i = 0; i < len; i++)
            buf_appendf(out, "%02x", (unsigned char)request->body[i]);
    if (len < request->body_len)
        buf_append_str(out, " ...");
}

static int unrecognized(const struct request *request, const char *kind, const char *why,
                        struct status *status)
{
    cleanup_with(buf_deinit) struct buf summary = BUF_INIT(SIZE_MAX / 4);
    summarize(request, &summary);
    return status_set(status, 400, "BadRequest",
                      "the object provided is unrecognized (must be of type %s): %s (%s)", kind, why,
                      summary.data);
}

int body_no_object(const struct request *request, const cJSON *tree, const char *kind, struct status *status)
{
    cleanup_free char *fault =
        tree ? body_mistyped(tree, BODY_TYPE_META) : mem_strdup("unexpected end of JSON input");
    cleanup_free char *why = mem_printf("couldn't get version/kind; json parse error: %s", fault);
    return unrecognized(request, kind, why, status);
}

int body_no_kind(const struct request *request, const char *kind, struct status *status)
{
    cleanup_free char *why =
        mem_printf("Object 'Kind' is missing in '%.*s'",
                   (int)(request->body_len < 1000 ? request->body_len : 1000), request->body);
    return unrecognized(request, kind, why, status);
}

int body_parse(const struct request *request, cJSON **tree, struct status *status)
{
    *tree = NULL;
    if (request->body_len == 0)
        return 0;
    if (request_content_is(request, PROTOBUF_MEDIA_TYPE)) {
        *tree = protobuf_parse(request->body, request->body_len, status);
        return *tree ? 0 : status->code;
    }
    *tree = parse_text(request);
    return *tree ? 0
                 : status_set(
                       status, 400, "BadRequest",
                       "the object provided is unrecognized (must be of type JSON): it could not be parsed");
}
