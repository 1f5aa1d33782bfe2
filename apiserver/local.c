#include "apiserver/local.h"

#include <stdlib.h>

#include "apiserver/exchange.h"
#include "base/mem.h"

#define PIECE_MAX ((size_t)64 << 10)

struct local {
    struct rest rest;
    struct apiserver *server;
    struct loop *loop;
    size_t pace_bytes;
    int64_t pace_us;
    bool refusing, hanging;
    size_t break_after;
    uint64_t horizon;
    struct rest_call *calls;
    size_t open;
    uint64_t started;
};

struct rest_call {
    struct local *local;
    struct exchange *exchange; /* NULL where the request was refused */
    const struct rest_callbacks *callbacks;
    void *arg;
    struct timer next, whole, idle;
    int64_t idle_us;
    size_t left; /* bytes of body until it breaks */
    bool headers_sent, cut, stalled;
    struct rest_call *next_call, **link;
};

static void call_destroy(struct rest_call *call)
{
    timer_stop(&call->next);
    timer_stop(&call->whole);
    timer_stop(&call->idle);
    exchange_close(call->exchange);
    *call->link = call->next_call;
    if (call->next_call)
        call->next_call->link = call->link;
    call->local->open--;
    free(call);
}

static void call_end(struct rest_call *call, enum rest_result result, const char *reason)
{
    const struct rest_callbacks *callbacks = call->callbacks;
    void *arg = call->arg;
    call_destroy(call);
    callbacks->done(arg, result, reason);
}

static void call_go_on(struct rest_call *call)
{
    bool silent = call->stalled || call->local->hanging;
    if (!timer_active(&call->next) && (!silent || call->cut))
        timer_start(&call->next, call->cut ? 0 : call->local->pace_us);
}

static void call_readable(void *arg)
{
    call_go_on(arg);
}

static void call_rest(struct rest_call *call)
{
    if (call->idle_us)
        timer_start(&call->idle, call->idle_us);
}

/* One piece of body, or the end. The call may be gone afterwards. */
static void call_read(struct rest_call *call)
{
    char piece[PIECE_MAX];
    size_t pace = call->local->pace_bytes, size = pace && pace < PIECE_MAX ? pace : PIECE_MAX;
    if (call->left < size)
        size = call->left;
    ssize_t n = size ? exchange_read(call->exchange, piece, size) : EXCHANGE_BROKEN;
    if (n == EXCHANGE_WAIT)
        return;
    if (n == EXCHANGE_END) {
        call_end(call, REST_OK, "");
        return;
    }
    if (n == EXCHANGE_BROKEN) {
        call_end(call, REST_BROKEN, "the connection was cut in mid-answer");
        return;
    }
    call->left -= call->left == SIZE_MAX ? 0 : (size_t)n;
    call_rest(call);
    call_go_on(call);
    call->callbacks->body(call->arg, piece, (size_t)n);
}

static void call_turn(void *arg)
{
    struct rest_call *call = arg;
    if (call->cut || (call->exchange && exchange_broken(call->exchange))) {
        call_end(call, REST_BROKEN, "the connection was cut");
        return;
    }
    if (!call->exchange) {
        call_end(call, REST_REFUSED, "connection refused");
        return;
    }
    if (exchange_held(call->exchange))
        return;
    if (call->headers_sent) {
        call_read(call);
        return;
    }
    int retry_s = exchange_retry_after_s(call->exchange);
    call->headers_sent = true;
    call_rest(call);
    call_go_on(call);
    if (call->callbacks->headers)
        call->callbacks->headers(call->arg, exchange_status(call->exchange), retry_s ? retry_s * 1000 : -1);
}

static void call_timed_out(void *arg)
{
    call_end(arg, REST_TIMEOUT, "no answer in time");
}

static void link_call(struct rest_call *call)
{
    struct local *local = call->local;
    call->next_call = local->calls;
    call->link = &local->calls;
    if (call->next_call)
        call->next_call->link = &call->next_call;
    local->calls = call;
    local->open++;
    local->started++;
}

static struct rest_call *local_start(struct rest *rest, const struct rest_request *request,
                                     const struct rest_callbacks *callbacks, void *arg)
{
    struct local *local = container_of(rest, struct local, rest);
    struct rest_call *call = mem_zalloc(sizeof(*call));
    *call = (struct rest_call){
        .local = local,
        .callbacks = callbacks,
        .arg = arg,
        .idle_us = request->idle_timeout_ms * LOOP_MS,
        .left = local->break_after,
    };
    timer_init(&call->next, local->loop, call_turn, call);
    timer_init(&call->whole, local->loop, call_timed_out, call);
    timer_init(&call->idle, local->loop, call_timed_out, call);
    link_call(call);
    if (!local->refusing)
        call->exchange = exchange_open(local->server, request, NULL, &local->horizon, call_readable, call);
    if (request->timeout_ms)
        timer_start(&call->whole, request->timeout_ms * LOOP_MS);
    call_rest(call);
    call_go_on(call);
    return call;
}

static void local_cancel(struct rest_call *call)
{
    call_destroy(call);
}

static const struct rest_ops local_ops = {.start = local_start, .cancel = local_cancel};

struct local *local_create(struct apiserver *server)
{
    struct local *local = mem_zalloc(sizeof(*local));
    *local = (struct local){
        .rest = {&local_ops},
        .server = server,
        .loop = apiserver_loop(server),
        .break_after = SIZE_MAX,
        .horizon = UINT64_MAX,
    };
    return local;
}

void local_destroy(struct local *local)
{
    if (!local)
        return;
    while (local->calls)
        call_destroy(local->calls);
    free(local);
}

struct rest *local_rest(struct local *local)
{
    return &local->rest;
}

void local_set_pace(struct local *local, size_t bytes, int64_t delay_us)
{
    local->pace_bytes = bytes;
    local->pace_us = delay_us;
}

void local_set_refusing(struct local *local, bool refusing)
{
    local->refusing = refusing;
}

void local_set_hanging(struct local *local, bool hanging)
{
    local->hanging = hanging;
    for (struct rest_call *call = local->calls; call; call = call->next_call) {
        if (hanging && !call->cut)
            timer_stop(&call->next);
        else
            call_go_on(call);
    }
}

static void call_cut(struct rest_call *call)
{
    call->cut = true;
    timer_stop(&call->next);
    call_go_on(call);
}

void local_cut(struct local *local)
{
    for (struct rest_call *call = local->calls; call; call = call->next_call)
        call_cut(call);
}

void local_cut_watches(struct local *local)
{
    for (struct rest_call *call = local->calls; call; call = call->next_call)
        if (call->exchange && exchange_streams(call->exchange))
            call_cut(call);
}

void local_stall_watches(struct local *local)
{
    for (struct rest_call *call = local->calls; call; call = call->next_call) {
        if (!call->exchange || !exchange_streams(call->exchange) || call->cut)
            continue;
        call->stalled = true;
        timer_stop(&call->next);
    }
}

void local_point_to(struct local *local, struct apiserver *server)
{
    for (struct rest_call *call = local->calls; call; call = call->next_call) {
        exchange_close(call->exchange);
        call->exchange = NULL;
    }
    local_cut(local);
    local->server = server;
}

void local_break_after(struct local *local, size_t bytes)
{
    local->break_after = bytes;
}

void local_set_horizon(struct local *local, uint64_t revision)
{
    local->horizon = revision;
    for (struct rest_call *call = local->calls; call; call = call->next_call)
        call_go_on(call);
}

size_t local_open_calls(const struct local *local)
{
    return local->open;
}

uint64_t local_started_calls(const struct local *local)
{
    return local->started;
}
