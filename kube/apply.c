#include "kube/apply.h"

#include <string.h>

#include "base/mem.h"
#include "kube/call.h"
#include "kube/url.h"

#define ANSWER_LIMIT (16u << 20)
#define TIMEOUT_MS 60000

struct apply_call {
    struct call call;
    struct buf answer;
    bool overflow;
    bool exists_is_fine;
    const struct apply_ops *ops;
    void *arg;
};

static void on_body(void *arg, const char *data, size_t len)
{
    struct apply_call *call = arg;
    if (!call->overflow && buf_append(&call->answer, data, len) != 0) {
        call->overflow = true;
        buf_deinit(&call->answer);
    }
}

static void on_done(void *arg, const struct status *status)
{
    struct apply_call *call = arg;
    struct status ended = *status;
    if (call->exists_is_fine && status->outcome == OUTCOME_CONFLICT &&
        strcmp(status->reason, "AlreadyExists") == 0)
        status_ok(&ended, 200);
    call->ops->done(call->arg, &ended, (struct slice){call->answer.data, call->answer.len});
    apply_cancel(call);
}

static struct apply_call *apply_start(struct rest *rest, const struct rest_request *request,
                                      const struct apply_ops *ops, void *arg)
{
    static const struct call_ops call_ops = {.body = on_body, .done = on_done};
    struct apply_call *call = mem_zalloc(sizeof(*call));
    call->ops = ops;
    call->arg = arg;
    call->answer = (struct buf)BUF_INIT(ANSWER_LIMIT);
    call_init(&call->call, rest, &call_ops, call);
    call_start(&call->call, request);
    return call;
}

static struct apply_call *apply_request(struct rest *rest, const char *method, struct buf *url,
                                        const char *content_type, struct slice body,
                                        const struct apply_ops *ops, void *arg)
{
    struct rest_request request = {.method = method,
                                   .path = url->data,
                                   .content_type = content_type,
                                   .body = body.data,
                                   .body_len = body.len,
                                   .timeout_ms = TIMEOUT_MS};
    struct apply_call *call = apply_start(rest, &request, ops, arg);
    buf_deinit(url);
    return call;
}

static void target_url(const struct apply_target *target, struct buf *url)
{
    *url = (struct buf)BUF_INIT(URL_LIMIT);
    url_object(url, &target->gvr, target->namespace_, target->name);
}

struct apply_call *apply_get(struct rest *rest, const struct apply_target *target,
                             const struct apply_ops *ops, void *arg)
{
    struct buf url;
    target_url(target, &url);
    return apply_request(rest, "GET", &url, NULL, (struct slice){0}, ops, arg);
}

struct apply_call *apply_patch(struct rest *rest, const struct apply_target *target, struct slice body,
                               bool force, const struct apply_ops *ops, void *arg)
{
    struct buf url;
    target_url(target, &url);
    url_query(&url, "fieldManager", APPLY_FIELD_MANAGER);
    url_query(&url, "force", force ? "true" : "false");
    return apply_request(rest, "PATCH", &url, "application/apply-patch+yaml", body, ops, arg);
}

struct apply_call *apply_merge(struct rest *rest, const struct apply_target *target, struct slice body,
                               const struct apply_ops *ops, void *arg)
{
    struct buf url;
    target_url(target, &url);
    url_query(&url, "fieldManager", APPLY_FIELD_MANAGER);
    return apply_request(rest, "PATCH", &url, "application/merge-patch+json", body, ops, arg);
}

struct apply_call *apply_delete(struct rest *rest, const struct apply_target *target, struct slice uid,
                                const struct apply_ops *ops, void *arg)
{
    struct buf url;
    target_url(target, &url);
    cleanup_free char *body =
        mem_printf("{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Background\","
                   "\"preconditions\":{\"uid\":\"%.*s\"}}",
                   SLICE_ARGS(uid));
    struct slice text = {body, strlen(body)};
    return apply_request(rest, "DELETE", &url, "application/json", text, ops, arg);
}

struct apply_call *apply_namespace(struct rest *rest, const char *name, const struct apply_ops *ops,
                                   void *arg)
{
    static const struct gvr namespaces = {.group = "", .version = "v1", .resource = "namespaces"};
    struct buf url = BUF_INIT(URL_LIMIT), body = BUF_INIT(URL_LIMIT);
    url_collection(&url, &namespaces, NULL);
    url_query(&url, "fieldManager", APPLY_FIELD_MANAGER);
    buf_append_str(&body, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":");
    buf_append_json_string(&body, name, strlen(name));
    buf_append_str(&body, "}}");
    struct slice text = {body.data, body.len};
    struct apply_call *call = apply_request(rest, "POST", &url, "application/json", text, ops, arg);
    call->exists_is_fine = true;
    buf_deinit(&body);
    return call;
}

void apply_cancel(struct apply_call *call)
{
    if (!call)
        return;
    call_cancel(&call->call);
    buf_deinit(&call->answer);
    free(call);
}
