#include "kube/gone_check.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "kube/url.h"

#define BODY_LIMIT (8u << 20)
#define TIMEOUT_MS 60000

enum step { STEP_GROUPS, STEP_RESOURCES, STEP_DEFINITION };

static void check_request(struct gone_check *check, enum step step);

static void check_end(struct gone_check *check, enum gone gone, const char *reason)
{
    call_cancel(&check->call);
    buf_deinit(&check->body);
    check->done(check->arg, gone, reason);
}

static bool text_is(const cJSON *json, const char *name, const char *text)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return value && strcmp(value, text) == 0;
}

static const cJSON *find(const cJSON *array, const char *name, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (text_is(item, name, text))
            return item;
    }
    return NULL;
}

/* Absent from discovery: what is left to ask is the definition. The core group has none. */
static void not_discovered(struct gone_check *check)
{
    if (check->gvr.group[0])
        check_request(check, STEP_DEFINITION);
    else
        check_end(check, GONE_ABSENT, "the API server does not offer this resource");
}

static void groups_done(struct gone_check *check, const cJSON *json)
{
    const cJSON *group = find(cJSON_GetObjectItemCaseSensitive(json, "groups"), "name", check->gvr.group);
    const cJSON *versions = cJSON_GetObjectItemCaseSensitive(group, "versions");
    if (!text_is(json, "kind", "APIGroupList"))
        check_end(check, GONE_DOUBT, "the API server answers 404, and tells no list of its groups");
    else if (find(versions, "version", check->gvr.version))
        check_request(check, STEP_RESOURCES);
    else
        not_discovered(check);
}

static void resources_done(struct gone_check *check, const cJSON *json)
{
    if (!text_is(json, "kind", "APIResourceList"))
        check_end(check, GONE_DOUBT, "the API server answers 404, and tells no list of its resources");
    else if (find(cJSON_GetObjectItemCaseSensitive(json, "resources"), "name", check->gvr.resource))
        check_end(check, GONE_PRESENT, "the API server answers 404, yet offers this resource");
    else
        not_discovered(check);
}

static void definition_refused(struct gone_check *check, const struct status *status)
{
    if (status->outcome == OUTCOME_NOT_FOUND && strcmp(status->reason, "NotFound") == 0)
        check_end(check, GONE_ABSENT, "the API server offers no such resource, and has no definition of it");
    else if (status->outcome == OUTCOME_FORBIDDEN)
        check_end(check, GONE_ABSENT, "the API server does not offer this resource");
    else
        check_end(check, GONE_DOUBT, status->text);
}

static void answer_done(struct gone_check *check)
{
    cJSON *json = cJSON_ParseWithLength(check->body.data ? check->body.data : "", check->body.len);
    buf_clear(&check->body);
    switch ((enum step)check->step) {
    case STEP_GROUPS:
        groups_done(check, json);
        break;
    case STEP_RESOURCES:
        resources_done(check, json);
        break;
    case STEP_DEFINITION:
        check_end(check, GONE_DOUBT, "the API server answers 404, yet has a definition of this resource");
        break;
    }
    cJSON_Delete(json);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct gone_check *check = arg;
    if (buf_append(&check->body, data, len) != 0)
        check_end(check, GONE_DOUBT, "the API server's discovery answer is longer than 8 MiB");
}

static void on_done(void *arg, const struct status *status)
{
    struct gone_check *check = arg;
    if (status->outcome == OUTCOME_OK)
        answer_done(check);
    else if (check->step == STEP_DEFINITION)
        definition_refused(check, status);
    else
        check_end(check, GONE_DOUBT, status->text);
}

static void check_request(struct gone_check *check, enum step step)
{
    struct buf path = BUF_INIT(URL_LIMIT);
    const struct gvr *gvr = &check->gvr;
    if (step == STEP_GROUPS)
        buf_append_str(&path, "/apis");
    else if (step == STEP_DEFINITION)
        buf_appendf(&path, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s.%s", gvr->resource,
                    gvr->group);
    else if (gvr->group[0])
        buf_appendf(&path, "/apis/%s/%s", gvr->group, gvr->version);
    else
        buf_appendf(&path, "/api/%s", gvr->version);

    check->step = step;
    struct rest_request request = {.method = "GET", .path = path.data, .timeout_ms = TIMEOUT_MS};
    call_start(&check->call, &request);
    buf_deinit(&path);
}

void gone_check_init(struct gone_check *check, struct rest *rest, const struct gvr *gvr,
                     void (*done)(void *arg, enum gone gone, const char *reason), void *arg)
{
    static const struct call_ops call_ops = {.body = on_body, .done = on_done};
    *check = (struct gone_check){.gvr = *gvr, .done = done, .arg = arg, .body = BUF_INIT(BODY_LIMIT)};
    call_init(&check->call, rest, &call_ops, check);
}

void gone_check_start(struct gone_check *check)
{
    check_request(check, check->gvr.group[0] ? STEP_GROUPS : STEP_RESOURCES);
}

void gone_check_cancel(struct gone_check *check)
{
    call_cancel(&check->call);
    buf_deinit(&check->body);
}
