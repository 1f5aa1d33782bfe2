#include "apiserver/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

int status_set(struct status *status, int code, const char *reason, const char *format, ...)
{
    va_list args;
    *status = (struct status){.code = code, .reason = reason};
    va_start(args, format);
    vsnprintf(status->message, sizeof(status->message), format, args);
    va_end(args);
    return code;
}

int status_no_such_path(struct status *status)
{
    status_set(status, 404, "NotFound", "the server could not find the requested resource");
    status->generic = true;
    return status->code;
}

int status_no_such_method(struct status *status)
{
    status_set(status, 405, "MethodNotAllowed",
               "the server does not allow this method on the requested resource");
    status->generic = true;
    return status->code;
}

int status_not_acceptable(struct status *status)
{
    status_set(status, 406, "NotAcceptable",
               "406: Not Acceptable\n\nAvailable representations: application/json");
    status->generic = true;
    return status->code;
}

int status_no_such_cluster(struct status *status, const char *cluster)
{
    return status_set(
        status, 404, "NotFound",
        "cluster \"%.100s\" has not been heard here: see which have with 'kubectl get clusters'", cluster);
}

int status_not_mirrored(struct status *status, const struct resource *resource, const char *subresource)
{
    return status_set(status, 404, "NotFound", "%s/%.60s is not mirrored: ask the cluster itself",
                      resource->gvr.resource, subresource);
}

int status_no_way_in(struct status *status, bool fleet, const char *subresource)
{
    return status_set(status, 501, "NotImplemented", "pods/%.60s: %s", subresource,
                      fleet
                          ? "what the clusters have is mirrored here, without a way to their nodes: ask the "
                            "cluster itself, with a kubeconfig of its own"
                          : "the containers of this cluster are pretended: nothing runs in them");
}

int status_ambiguous(struct status *status, const struct resource *resource, const char *name,
                     const char *where)
{
    status_set(status, 409, "Conflict",
               "%s \"%s\" is in several clusters (%s): ask one of them, at /clusters/NAME of this server, or "
               "list with --field-selector metadata.name=%s,cluster=NAME",
               resource->gvr.resource, name, where, name);
    status_details(status, resource, name);
    return status->code;
}

int status_read_only(struct status *status, const struct resource *resource)
{
    status_set(status, 405, "MethodNotAllowed",
               "%s are copies of what the clusters have, and only read here: change them in their cluster",
               resource->gvr.resource);
    return status->code;
}

void status_details(struct status *status, const struct resource *resource, const char *name)
{
    snprintf(status->name, sizeof(status->name), "%s", name);
    snprintf(status->group, sizeof(status->group), "%s", resource->gvr.group);
    snprintf(status->kind, sizeof(status->kind), "%s", resource->gvr.resource);
}

int status_not_found(struct status *status, const struct resource *resource, const char *name)
{
    char qualified[GVR_TEXT_MAX];
    status_set(status, 404, "NotFound", "%s \"%s\" not found", resource_qualified(resource, qualified), name);
    status_details(status, resource, name);
    return status->code;
}

int status_exists(struct status *status, const struct resource *resource, const char *name)
{
    char qualified[GVR_TEXT_MAX];
    status_set(status, 409, "AlreadyExists", "%s \"%s\" already exists",
               resource_qualified(resource, qualified), name);
    status_details(status, resource, name);
    return status->code;
}

int status_conflict(struct status *status, const struct resource *resource, const char *name, const char *why)
{
    char qualified[GVR_TEXT_MAX];
    status_set(status, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
               resource_qualified(resource, qualified), name, why);
    status_details(status, resource, name);
    return status->code;
}

void status_cause(struct status *status, const char *reason, const char *message, const char *field)
{
    struct status_cause *cause = &status->causes[0];
    snprintf(cause->reason, sizeof(cause->reason), "%s", reason);
    snprintf(cause->message, sizeof(cause->message), "%s", message);
    snprintf(cause->field, sizeof(cause->field), "%s", field);
    status->cause_count = 1;
}

/* The same as one before it? */
static bool is_repeated(const struct status *status, size_t i)
{
    const struct status_cause *cause = &status->causes[i];
    for (size_t j = 0; j < i; j++)
        if (!strcmp(status->causes[j].field, cause->field) &&
            !strcmp(status->causes[j].message, cause->message))
            return true;
    return false;
}

/* "ConfigMap "a" is invalid: field: why", or "[field: why, field: why]". What is repeated is told once. */
static void tell_causes(struct status *status, const struct resource *resource)
{
    cleanup_with(buf_deinit) struct buf out = BUF_INIT(sizeof(status->message) - 1);
    const char *group = resource->gvr.group;
    size_t told = 0;
    for (size_t i = 0; i < status->cause_count; i++)
        told += !is_repeated(status, i);
    bool several = told > 1;
    buf_appendf(&out, "%s%s%s \"%s\" is invalid: %s", resource->kind, group[0] ? "." : "", group,
                status->name, several ? "[" : "");
    for (size_t i = 0; i < status->cause_count; i++)
        if (!is_repeated(status, i))
            buf_appendf(&out, "%s%s: %s", i ? ", " : "", status->causes[i].field, status->causes[i].message);
    buf_append_str(&out, several ? "]" : "");
    snprintf(status->message, sizeof(status->message), "%.*s", (int)out.len, out.data);
}

int status_invalid(struct status *status, const struct resource *resource, const char *name,
                   const char *cause, const char *field, const char *format, ...)
{
    va_list args;
    if (status->code != 422)
        status_set(status, 422, "Invalid", "%s", "");
    status_details(status, resource, name);
    snprintf(status->kind, sizeof(status->kind), "%s", resource->kind);
    if (status->cause_count == STATUS_CAUSES_MAX)
        return status->code;
    struct status_cause *next = &status->causes[status->cause_count++];
    snprintf(next->reason, sizeof(next->reason), "%s", cause);
    snprintf(next->field, sizeof(next->field), "%s", field);
    va_start(args, format);
    vsnprintf(next->message, sizeof(next->message), format, args);
    va_end(args);
    tell_causes(status, resource);
    return status->code;
}

static void print_member(struct buf *out, const char *name, const char *value)
{
    if (!value[0])
        return;
    if (out->data[out->len - 1] != '{')
        buf_append_char(out, ',');
    buf_appendf(out, "\"%s\":", name);
    /* What was cut to the length that a message may have may have been cut within a character. */
    cleanup_free char *text = mem_strdup(value);
    utf8_mend(text);
    buf_append_json_string(out, text, strlen(text));
}

static void print_causes(const struct status *status, struct buf *out)
{
    buf_appendf(out, "%s\"causes\":[", out->data[out->len - 1] == '{' ? "" : ",");
    for (size_t i = 0; i < status->cause_count; i++) {
        buf_append_str(out, i ? ",{" : "{");
        print_member(out, "reason", status->causes[i].reason);
        print_member(out, "message", status->causes[i].message);
        print_member(out, "field", status->causes[i].field);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
}

static void print_details(const struct status *status, struct buf *out)
{
    buf_append_str(out, ",\"details\":{");
    print_member(out, "name", status->name);
    print_member(out, "group", status->group);
    print_member(out, "kind", status->kind);
    if (status->cause_count)
        print_causes(status, out);
    if (status->retry_after_s)
        buf_appendf(out, "%s\"retryAfterSeconds\":%d", out->data[out->len - 1] == '{' ? "" : ",",
                    status->retry_after_s);
    buf_append_char(out, '}');
}

void status_print(const struct status *status, struct buf *out)
{
    buf_append_str(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{");
    print_member(out, "continue", status->continue_);
    buf_append_str(out, "},\"status\":\"Failure\"");
    print_member(out, "message", status->message);
    print_member(out, "reason", status->reason);
    if (status->generic || status->kind[0] || status->name[0] || status->cause_count || status->retry_after_s)
        print_details(status, out);
    buf_appendf(out, ",\"code\":%d}\n", status->code);
}
