#include "kube/call.h"

#define REFUSAL_LIMIT 65536 /* bytes of a refusal's body that are kept */

void call_init(struct call *call, struct rest *rest, const struct call_ops *ops, void *arg)
{
    *call = (struct call){.rest = rest, .ops = ops, .arg = arg, .refusal = BUF_INIT(REFUSAL_LIMIT)};
}

bool call_active(const struct call *call)
{
    return call->under_way != NULL;
}

static bool accepted(const struct call *call)
{
    return call->code >= 200 && call->code < 300;
}

static void on_headers(void *arg, int code, int64_t retry_after_ms)
{
    struct call *call = arg;
    call->code = code;
    call->retry_after_ms = retry_after_ms;
    if (accepted(call) && call->ops->accepted)
        call->ops->accepted(call->arg);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct call *call = arg;
    if (accepted(call)) {
        if (call->ops->body)
            call->ops->body(call->arg, data, len);
        return;
    }
    size_t room = call->refusal.limit - call->refusal.len;
    buf_append(&call->refusal, data, len < room ? len : room);
}

static void on_done(void *arg, enum rest_result result, const char *reason)
{
    struct call *call = arg;
    call->under_way = NULL;
    struct status status;
    status_from_answer(&status, result, reason, call->code, call->retry_after_ms, call->refusal.data,
                       call->refusal.len);
    buf_deinit(&call->refusal);
    call->ops->done(call->arg, &status);
}

void call_start(struct call *call, const struct rest_request *request)
{
    static const struct rest_callbacks callbacks = {on_headers, on_body, on_done};
    call->code = 0;
    call->retry_after_ms = -1;
    call->under_way = rest_start(call->rest, request, &callbacks, call);
}

void call_cancel(struct call *call)
{
    if (call->under_way)
        rest_cancel(call->rest, call->under_way);
    call->under_way = NULL;
    buf_deinit(&call->refusal);
}
