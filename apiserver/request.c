#include "apiserver/request.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False for a broken escape or an encoded NUL. */
static bool decode(char *text, bool plus_is_space)
{
    char *out = text;
    for (; *text; text++) {
        if (*text == '%') {
            int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            *out++ = (char)(high * 16 + low);
            text += 2;
        } else {
            *out++ = plus_is_space && *text == '+' ? ' ' : *text;
        }
    }
    *out = '\0';
    return true;
}

static bool parse_query(struct request *request, char *query)
{
    for (char *item; (item = strsep(&query, "&"));) {
        if (!*item)
            continue;
        if (request->param_count == REQUEST_PARAMS_MAX)
            return false;
        char *name = strsep(&item, "=");
        if (!decode(name, true) || (item && !decode(item, true)))
            return false;
        request->params[request->param_count++] = (struct request_param){name, item ? item : ""};
    }
    return true;
}

/* "namespaces" is both a resource and the way into one: /namespaces/x/pods is pods of x, /namespaces/x is x
 * itself, and so are its subresources. */
static bool enters_namespace(const char *const *part, size_t count)
{
    return count >= 3 && !strcmp(part[0], "namespaces") && strcmp(part[2], "status") &&
           strcmp(part[2], "finalize");
}

static void take_resource(struct request *request, const char *const *part, size_t count)
{
    if (enters_namespace(part, count)) {
        request->namespace_ = part[1];
        part += 2;
        count -= 2;
    }
    if (count > 0)
        request->resource = part[0];
    if (count > 1)
        request->name = part[1];
    if (count > 2)
        request->subresource = part[2];
}

/* "/clusters/<name>/api/…" is the API of one cluster of a fleet. */
static void skip_cluster(struct request *request)
{
    for (int i = 0; i < 2; i++) {
        request->path += strspn(request->path, "/");
        request->path += strcspn(request->path, "/");
    }
}

static void take_api(struct request *request, const char *const *part, size_t count)
{
    if (count >= 2 && !strcmp(part[0], "clusters")) {
        request->cluster = part[1];
        skip_cluster(request);
        part += 2;
        count -= 2;
    }
    if (count >= 2 && !strcmp(part[0], "api")) {
        request->version = part[1];
        take_resource(request, part + 2, count - 2);
    } else if (count >= 3 && !strcmp(part[0], "apis")) {
        request->group = part[1];
        request->version = part[2];
        take_resource(request, part + 3, count - 3);
    }
}

#define PARTS_MAX 11

static bool parse_path(struct request *request, char *path)
{
    const char *part[PARTS_MAX];
    size_t count = 0;
    for (char *item; (item = strsep(&path, "/"));) {
        if (!*item)
            continue;
        if (count == PARTS_MAX || !decode(item, false))
            return false;
        part[count++] = item;
    }
    take_api(request, part, count);
    return true;
}

/* One media range of an Accept header: the first that is served decides, as in a real server. */
static bool form_of(const char *range, size_t len, enum api_form *form)
{
    cleanup_free char *text = mem_dup(range, len);
    bool json =
        strcasestr(text, "application/json") || strcasestr(text, "*/*") || strcasestr(text, "application/*");
    const char *as = strcasestr(text, "as=");
    if (strcasestr(text, "protobuf")) {
        *form = FORM_PROTOBUF;
        return false;
    }
    *form = FORM_JSON;
    if (!json || !as)
        return json;
    as += 3;
    bool v1 = strcasestr(text, "v=v1") && !strcasestr(text, "v=v1beta1");
    *form = !strncmp(as, "Table", 5)     ? FORM_TABLE
            : !strncmp(as, "Partial", 7) ? FORM_PARTIAL
                                         : FORM_AGGREGATED;
    if (*form == FORM_AGGREGATED)
        return !strncmp(as, "APIGroupDiscoveryList", 21) && strcasestr(text, "v=v2") &&
               !strcasestr(text, "v=v2beta");
    return v1 || *form == FORM_TABLE;
}

static enum api_form parse_accept(const char *accept)
{
    enum api_form form = FORM_JSON;
    bool protobuf = false;
    while (*accept) {
        size_t len = strcspn(accept, ",");
        if (form_of(accept, len, &form))
            return form;
        protobuf = protobuf || form == FORM_PROTOBUF;
        accept += len + (accept[len] == ',');
    }
    return protobuf ? FORM_PROTOBUF : FORM_JSON;
}

static void fill(struct request *request, const struct rest_request *from)
{
    *request = (struct request){
        .method = from->method,
        .accept = from->accept ? from->accept : "application/json",
        .content_type = from->content_type ? from->content_type : "",
        .body = from->body ? from->body : "",
        .body_len = from->body ? from->body_len : 0,
        .group = "",
        .version = "",
        .resource = "",
        .name = "",
        .subresource = "",
    };
    request->form = parse_accept(request->accept);
}

int request_parse(struct request *request, const struct rest_request *from, struct status *status)
{
    fill(request, from);
    size_t path_len = strcspn(from->path, "?");
    size_t len = strlen(from->path);
    /* Twice the path: once as it was sent, once cut into its parts. */
    request->text = mem_zalloc(path_len + len + 3);
    memcpy(request->text, from->path, path_len);
    request->path = request->text;
    char *parts = request->text + path_len + 1;
    memcpy(parts, from->path, len);
    char *query = NULL;
    if (parts[path_len] == '?') {
        parts[path_len] = '\0';
        query = parts + path_len + 1;
    }
    if (!parse_path(request, parts) || !parse_query(request, query))
        return status_set(status, 400, "BadRequest", "the path or its options could not be decoded");
    return 0;
}

void request_deinit(struct request *request)
{
    free(request->text);
    request->text = NULL;
}

const char *request_param(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (!strcmp(request->params[i].name, name))
            return request->params[i].value;
    return "";
}

bool request_flag(const struct request *request, const char *name)
{
    const char *value = request_param(request, name);
    return !strcasecmp(value, "true") || !strcasecmp(value, "t") || !strcmp(value, "1");
}

bool request_content_is(const struct request *request, const char *media_type)
{
    size_t len = strlen(media_type);
    const char *rest = request->content_type + len;
    return !strncasecmp(request->content_type, media_type, len) && (!*rest || *rest == ';' || *rest == ' ');
}

int request_number(const struct request *request, const char *name, uint64_t otherwise, uint64_t *out)
{
    const char *text = request_param(request, name);
    *out = otherwise;
    if (!*text)
        return 0;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || !isdigit((unsigned char)text[0]))
        return REQUEST_E_NUMBER;
    *out = value;
    return 0;
}
