#include "kube/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"

#define RETRY_AFTER_MAX_S 86400
#define PLAIN_TEXT_MAX 200

const char *outcome_text(enum outcome outcome)
{
    static const char *const texts[] = {
        [OUTCOME_OK] = "ok",
        [OUTCOME_EXPIRED] = "expired",
        [OUTCOME_TOO_LARGE] = "resource version too large",
        [OUTCOME_TOO_MANY] = "too many requests",
        [OUTCOME_REFUSED] = "connection refused",
        [OUTCOME_LOST] = "unavailable",
        [OUTCOME_INTERNAL] = "internal error",
        [OUTCOME_UNAUTHORIZED] = "unauthorized",
        [OUTCOME_FORBIDDEN] = "forbidden",
        [OUTCOME_NOT_FOUND] = "not found",
        [OUTCOME_CONFLICT] = "conflict",
        [OUTCOME_INVALID] = "invalid request",
        [OUTCOME_ERROR] = "error",
        [OUTCOME_MALFORMED] = "malformed answer",
    };
    return texts[outcome];
}

static const struct {
    int code;
    enum outcome outcome;
} code_outcomes[] = {
    {400, OUTCOME_INVALID}, {401, OUTCOME_UNAUTHORIZED}, {403, OUTCOME_FORBIDDEN}, {404, OUTCOME_NOT_FOUND},
    {405, OUTCOME_INVALID}, {406, OUTCOME_INVALID},      {409, OUTCOME_CONFLICT},  {410, OUTCOME_EXPIRED},
    {415, OUTCOME_INVALID}, {422, OUTCOME_INVALID},      {429, OUTCOME_TOO_MANY},  {500, OUTCOME_INTERNAL},
    {502, OUTCOME_LOST},    {503, OUTCOME_LOST},         {504, OUTCOME_LOST},
};

static enum outcome outcome_by_code(int code)
{
    for (size_t i = 0; i < array_size(code_outcomes); i++)
        if (code_outcomes[i].code == code)
            return code_outcomes[i].outcome;
    if (code >= 200 && code < 300)
        return OUTCOME_OK;
    return OUTCOME_ERROR;
}

static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20)
            *text = ' ';
}

static const char *text_of(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return text ? text : "";
}

/* Servers have said "Too large resource version" in three ways: as the reason of a cause (since 1.19), as its
 * message (1.17 to 1.18.5), and in the message of a Timeout (before 1.17). */
static bool says_too_large(const cJSON *json)
{
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(json, "details");
    bool timeout = strcmp(text_of(json, "reason"), "Timeout") == 0;
    const cJSON *cause;
    cJSON_ArrayForEach(cause, cJSON_GetObjectItemCaseSensitive(details, "causes"))
    {
        if (strcmp(text_of(cause, "reason"), "ResourceVersionTooLarge") == 0)
            return true;
        if (timeout && strcmp(text_of(cause, "message"), "Too large resource version") == 0)
            return true;
    }
    return timeout && strstr(text_of(json, "message"), "Too large resource version") != NULL;
}

static bool says_expired(const struct status *status)
{
    return strcmp(status->reason, "Expired") == 0 || strcmp(status->reason, "Gone") == 0;
}

/* Of the errors that come as 500 only "InternalError" is one that may pass by itself; "StorageReadError",
 * say, is not. */
static bool says_other_than_internal(const struct status *status)
{
    return status->outcome == OUTCOME_INTERNAL && status->reason[0] &&
           strcmp(status->reason, "InternalError") != 0;
}

static void take_retry_after(struct status *status, const cJSON *json)
{
    const cJSON *details = cJSON_GetObjectItemCaseSensitive(json, "details");
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(details, "retryAfterSeconds");
    if (status->retry_after_ms < 0 && cJSON_IsNumber(seconds) && seconds->valuedouble > 0 &&
        seconds->valuedouble <= RETRY_AFTER_MAX_S)
        status->retry_after_ms = (int64_t)(seconds->valuedouble * 1000);
}

/* What a Status object adds to what is known from its transport. */
static bool take_status_object(struct status *status, const char *body, size_t len)
{
    cJSON *json = len ? cJSON_ParseWithLength(body, len) : NULL;
    bool is_status = json && strcmp(text_of(json, "kind"), "Status") == 0;
    if (is_status) {
        const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");
        if (cJSON_IsNumber(code) && status->code == 0 && code->valuedouble >= 100 && code->valuedouble < 600)
            status->code = code->valueint;
        snprintf(status->reason, sizeof(status->reason), "%s", text_of(json, "reason"));
        snprintf(status->text, sizeof(status->text), "%s", text_of(json, "message"));
        one_line(status->reason);
        one_line(status->text);
        take_retry_after(status, json);
        status->outcome = outcome_by_code(status->code);
        if (says_too_large(json))
            status->outcome = OUTCOME_TOO_LARGE;
        else if (says_expired(status))
            status->outcome = OUTCOME_EXPIRED;
        else if (says_other_than_internal(status))
            status->outcome = OUTCOME_ERROR;
    }
    cJSON_Delete(json);
    return is_status;
}

void status_ok(struct status *status, int code)
{
    *status = (struct status){.outcome = OUTCOME_OK, .code = code, .retry_after_ms = -1};
}

/* What a server that is no API server, or not spoken to as one, says in plain text; a page of HTML says
 * nothing to people who read logs. */
static void take_plain_text(struct status *status, const char *body, size_t len)
{
    size_t end = 0;
    if (status->outcome == OUTCOME_UNAUTHORIZED || len == 0 || body[0] == '<' || body[0] == '{')
        return;
    while (end < len && end < PLAIN_TEXT_MAX && (unsigned char)body[end] >= 0x20 && body[end] != 0x7f)
        end++;
    if (end)
        snprintf(status->text, sizeof(status->text), "the API server answered %d (%s): %.*s", status->code,
                 outcome_text(status->outcome), (int)end, body);
}

/* The API server's own text for it is one word, most often. */
static void explain_unauthorized(struct status *status)
{
    if (status->outcome == OUTCOME_UNAUTHORIZED &&
        (status->text[0] == '\0' || strcmp(status->text, "Unauthorized") == 0))
        snprintf(status->text, sizeof(status->text),
                 "the API server does not accept the credentials (401 Unauthorized); have the kubeconfig's "
                 "token or certificate run out, or do they belong to another cluster?");
}

static void text_default(struct status *status)
{
    explain_unauthorized(status);
    if (status->text[0] || status->outcome == OUTCOME_OK)
        return;
    if (status->code)
        snprintf(status->text, sizeof(status->text), "the API server answered %d (%s)", status->code,
                 outcome_text(status->outcome));
    else
        snprintf(status->text, sizeof(status->text), "%s", outcome_text(status->outcome));
}

void status_from_answer(struct status *status, enum rest_result result, const char *why, int code,
                        int64_t retry_after_ms, const char *body, size_t body_len)
{
    status_ok(status, code);
    status->retry_after_ms = retry_after_ms;
    if (result == REST_OK || code >= 300) { /* a refusal that was cut off is still that refusal */
        status->outcome = outcome_by_code(code);
        if (status->outcome != OUTCOME_OK && !take_status_object(status, body, body_len))
            take_plain_text(status, body, body_len);
    } else {
        status->outcome = result == REST_REFUSED ? OUTCOME_REFUSED : OUTCOME_LOST;
        snprintf(status->text, sizeof(status->text), "%s", why ? why : "");
        one_line(status->text);
    }
    text_default(status);
}

void status_from_object(struct status *status, const char *json, size_t len)
{
    status_ok(status, 0);
    status->outcome = OUTCOME_MALFORMED;
    if (!take_status_object(status, json, len))
        snprintf(status->text, sizeof(status->text), "an ERROR event without a Status");
    else if (status->outcome == OUTCOME_OK)
        status->outcome = OUTCOME_MALFORMED;
    text_default(status);
}

void status_malformed(struct status *status, const char *format, ...)
{
    status_ok(status, 200);
    status->outcome = OUTCOME_MALFORMED;
    va_list args;
    va_start(args, format);
    vsnprintf(status->text, sizeof(status->text), format, args);
    va_end(args);
    one_line(status->text);
}
