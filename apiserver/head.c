#include "apiserver/head.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Of these there is one, or none. */
static const char *const single[] = {
    "Host",         "Content-Length",   "Transfer-Encoding", "Origin",
    "Content-Type", "Content-Encoding", "Authorization",
};

struct head {
    const char *values[array_size(single)]; /* NULL: absent */
    struct status *status;
};

static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && (!name[i] || !strchr("!#$%&'*+-.^_`|~", name[i])))
            return false;
    return len > 0;
}

static bool is_text(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    return true;
}

static int bad_request(struct status *status, const char *why, const char *name)
{
    return status_set(status, 400, "BadRequest", "the head of the request is malformed: %s: %.60s", why,
                      name);
}

static enum MHD_Result see_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    struct head *head = arg;
    (void)kind;
    if (!is_token(name, name_len))
        return bad_request(head->status, "no name of a header", name), MHD_NO;
    if (!is_text(value, value_len))
        return bad_request(head->status, "control characters in a header", name), MHD_NO;
    for (size_t i = 0; i < array_size(single); i++)
        if (!strcasecmp(single[i], name)) {
            if (head->values[i])
                return bad_request(head->status, "a header given twice", name), MHD_NO;
            head->values[i] = value ? value : "";
        }
    return MHD_YES;
}

static const char *value_of(const struct head *head, const char *name)
{
    for (size_t i = 0; i < array_size(single); i++)
        if (!strcmp(single[i], name))
            return head->values[i];
    return NULL;
}

static int check_body(const struct head *head, size_t body_limit, struct status *status)
{
    const char *length = value_of(head, "Content-Length"), *transfer = value_of(head, "Transfer-Encoding"),
               *content = value_of(head, "Content-Encoding");
    if (transfer && length)
        return bad_request(status, "one of the two is to be given", "Content-Length, Transfer-Encoding");
    if (transfer && strcasecmp(transfer, "chunked") != 0)
        return status_set(status, 501, "NotImplemented", "Transfer-Encoding: %.60s: only chunked is known",
                          transfer);
    if (length && strtoull(length, NULL, 10) > body_limit)
        return status_set(status, 413, "RequestEntityTooLarge", "Request entity too large: limit is %zu",
                          body_limit);
    if (content && content[0] && strcasecmp(content, "identity") != 0)
        return status_set(status, 415, "UnsupportedMediaType",
                          "Content-Encoding: %.60s: send the body as it is, without an encoding", content);
    return 0;
}

int head_check(struct MHD_Connection *connection, const char *version, size_t body_limit,
               struct status *status)
{
    struct head head = {.status = status};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, see_header, &head);
    if (status->code)
        return status->code;
    if (!strcmp(version, "HTTP/1.1") && !value_of(&head, "Host"))
        return bad_request(status, "a header is missing", "Host");
    return check_body(&head, body_limit, status);
}
