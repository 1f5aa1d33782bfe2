#include "apiserver/write_options.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/body.h"
#include "base/mem.h"

static const struct resource *options_of(const struct request *request)
{
    static const struct {
        const char *method;
        struct resource resource;
    } rows[] = {
        {"POST", {.gvr = {.group = "meta.k8s.io"}, .kind = "CreateOptions"}},
        {"PUT", {.gvr = {.group = "meta.k8s.io"}, .kind = "UpdateOptions"}},
        {"PATCH", {.gvr = {.group = "meta.k8s.io"}, .kind = "PatchOptions"}},
        {"DELETE", {.gvr = {.group = "meta.k8s.io"}, .kind = "DeleteOptions"}},
    };
    size_t i = 0;
    while (i < array_size(rows) - 1 && strcmp(rows[i].method, request->method))
        i++;
    return &rows[i].resource;
}

static void unsupported(const struct request *request, const char *field, const char *value,
                        const char *supported, struct status *status)
{
    status_invalid(status, options_of(request), "", "FieldValueNotSupported", field,
                   "Unsupported value: %.80s: supported values: %s", value, supported);
}

static void check_dry_run(const struct request *request, const char *value, struct status *status)
{
    cleanup_free char *shown = mem_printf("[\"%s\"]", value);
    if (value[0] && strcmp(value, "All"))
        unsupported(request, "dryRun", shown, "\"All\"", status);
}

static void check_validation(const struct request *request, struct status *status)
{
    const char *value = request_param(request, "fieldValidation");
    cleanup_free char *shown = mem_printf("\"%s\"", value);
    if (value[0] && strcmp(value, "Ignore") && strcmp(value, "Warn") && strcmp(value, "Strict"))
        unsupported(request, "fieldValidation", shown, "\"\", \"Ignore\", \"Strict\", \"Warn\"", status);
}

int write_options_check(const struct request *request, struct status *status)
{
    bool apply = request_content_is(request, "application/apply-patch+yaml");
    if (!strcmp(request->method, "PATCH") && !apply && request_param(request, "force")[0])
        status_invalid(status, options_of(request), "", "FieldValueForbidden", "force",
                       "Forbidden: may not be specified for non-apply patch");
    check_dry_run(request, request_param(request, "dryRun"), status);
    check_validation(request, status);
    return status->code;
}

static int check_policy(const struct request *request, const cJSON *options, struct status *status)
{
    const char *policy = tree_text(options, "propagationPolicy");
    cleanup_free char *shown = mem_printf("\"%s\"", policy);
    if (policy[0] && tree_at(options, "orphanDependents"))
        status_invalid(status, options_of(request), "", "FieldValueInvalid", "propagationPolicy",
                       "Invalid value: %.80s: orphanDependents and deletionPropagation cannot be both set",
                       shown);
    else if (policy[0] && strcmp(policy, "Foreground") && strcmp(policy, "Background") &&
             strcmp(policy, "Orphan"))
        unsupported(request, "propagationPolicy", shown,
                    "\"Foreground\", \"Background\", \"Orphan\", \"nil\"", status);
    return status->code;
}

static int no_options(const cJSON *body, struct status *status)
{
    cleanup_free char *fault = body_mistyped(body, BODY_TYPE_META);
    return status_set(status, 400, "BadRequest", "couldn't get version/kind; json parse error: %s", fault);
}

static int check_body(const cJSON *body, struct status *status)
{
    const char *kind = tree_text(body, "kind");
    if (!cJSON_IsObject(body))
        return no_options(body, status);
    if (kind[0] && strcmp(kind, "DeleteOptions"))
        return status_set(
            status, 400, "BadRequest",
            "no kind \"%.63s\" is registered for version \"%.100s\" in scheme \"pkg/runtime/scheme.go:111\"",
            kind, tree_text(body, "apiVersion"));
    return 0;
}

static void take_query(const struct request *request, cJSON *options)
{
    static const char *const names[] = {"propagationPolicy", "orphanDependents"};
    const char *grace = request_param(request, "gracePeriodSeconds");
    if (grace[0])
        tree_default(options, "gracePeriodSeconds", cJSON_CreateNumber(strtod(grace, NULL)));
    for (size_t i = 0; i < array_size(names); i++)
        if (request_param(request, names[i])[0])
            tree_default(options, names[i], cJSON_CreateString(request_param(request, names[i])));
}

int delete_options_parse(const struct request *request, const cJSON *body, cJSON **out, struct status *status)
{
    *out = NULL;
    int r = body ? check_body(body, status) : 0;
    if (r != 0)
        return r;
    cleanup_tree cJSON *options = body ? cJSON_Duplicate(body, true) : cJSON_CreateObject();
    const cJSON *dry;
    take_query(request, options);
    cJSON_ArrayForEach(dry, tree_at(options, "dryRun")) if (cJSON_IsString(dry))
        check_dry_run(request, dry->valuestring, status);
    r = check_policy(request, options, status);
    if (r == 0)
        *out = mem_steal(options);
    return r;
}
