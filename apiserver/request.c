#include "apiserver/request.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. False for a broken escape, an encoded NUL, and what is no UTF-8. */
static bool decode(char *text, bool plus_is_space)
{
    char *out = text, *from = text;
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
    return utf8_valid(from, (size_t)(out - from));
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
    if (count > 1 && !strcmp(part[0], "watch")) {
        request->old_watch = true;
        part++;
        count--;
    }
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

/* What a name in a path may not be: elsewhere it would lead to another path. */
static bool misleads(const char *part)
{
    return !strcmp(part, ".") || !strcmp(part, "..") || strpbrk(part, "/%");
}

static int parse_path(struct request *request, char *path, struct status *status)
{
    const char *part[PARTS_MAX];
    size_t count = 0;
    for (char *item; (item = strsep(&path, "/"));) {
        if (!*item)
            continue;
        if (count == PARTS_MAX)
            return status_no_such_path(status);
        if (!decode(item, false))
            return status_set(status, 400, "BadRequest", "the path could not be decoded");
        if (misleads(item))
            return status_set(
                status, 400, "BadRequest",
                "invalid resource name \"%.200s\": [may not be '.', '..', or contain '/' or '%%']", item);
        part[count++] = item;
    }
    take_api(request, part, count);
    return 0;
}

/* One media range of an Accept header, as one of the forms. */
static enum api_form form_of(const char *range, size_t len)
{
    cleanup_free char *text = mem_dup(range, len);
    bool json =
        strcasestr(text, "application/json") || strcasestr(text, "*/*") || strcasestr(text, "application/*");
    const char *as = strcasestr(text, "as=");
    if (!json || !as)
        return json ? FORM_JSON : FORM_UNSERVED;
    as += 3;
    bool v1 = strcasestr(text, "v=v1") && !strcasestr(text, "v=v1beta1");
    if (!strncmp(as, "Table", 5))
        return v1 || strcasestr(text, "v=v1beta1") ? FORM_TABLE : FORM_UNKNOWN;
    if (!strncmp(as, "Partial", 7))
        return v1 ? FORM_PARTIAL : FORM_UNKNOWN;
    bool v2 = strcasestr(text, "v=v2") && !strcasestr(text, "v=v2beta");
    return v2 && !strncmp(as, "APIGroupDiscoveryList", 21) ? FORM_AGGREGATED : FORM_UNKNOWN;
}

/* The first that is served decides, as in a real server. */
static enum api_form parse_accept(const char *accept)
{
    enum api_form form, worst = FORM_UNSERVED;
    if (!accept[strspn(accept, " \t,")])
        return FORM_JSON;
    while (*accept) {
        size_t len = strcspn(accept, ",");
        form = form_of(accept, len);
        if (form < FORM_UNKNOWN)
            return form;
        if (form == FORM_UNKNOWN)
            worst = form;
        accept += len + (accept[len] == ',');
    }
    return worst;
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
    if (parse_path(request, parts, status) == 0 && !parse_query(request, query))
        status_set(status, 400, "BadRequest", "the options could not be decoded, or are more than %d",
                   REQUEST_PARAMS_MAX);
    return status->code;
}

void request_deinit(struct request *request)
{
    free(request->text);
    request->text = NULL;
}

static const char *find_param(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (!strcmp(request->params[i].name, name))
            return request->params[i].value;
    return NULL;
}

const char *request_param(const struct request *request, const char *name)
{
    const char *value = find_param(request, name);
    return value ? value : "";
}

bool request_flag(const struct request *request, const char *name)
{
    const char *value = find_param(request, name);
    return value && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

bool request_watches(const struct request *request)
{
    return request->old_watch || request_flag(request, "watch");
}

const char *request_verb(const struct request *request)
{
    bool named = request->name[0] || !request->resource[0];
    if (!strcmp(request->method, "GET"))
        return request_watches(request) ? "watch" : named ? "get" : "list";
    if (!strcmp(request->method, "DELETE"))
        return named ? "delete" : "deletecollection";
    return !strcmp(request->method, "POST") ? "create" : !strcmp(request->method, "PUT") ? "update" : "patch";
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
