#include "apiserver/body.h"

#include "apiserver/protobuf.h"
#include "base/yaml.h"

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
