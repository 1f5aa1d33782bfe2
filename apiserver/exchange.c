#include <string.h>

#include "apiserver/server_internal.h"
#include "base/mem.h"

static void link_exchange(struct exchange *exchange)
{
    struct apiserver *server = exchange->server;
    exchange->next = server->exchanges;
    exchange->link = &server->exchanges;
    if (exchange->next)
        exchange->next->link = &exchange->next;
    server->exchanges = exchange;
}

static void on_timer(void *arg)
{
    exchange_wake(arg);
}

void exchange_later(struct exchange *exchange)
{
    timer_start(&exchange->again, 0);
}

/* What this process asks for itself, at once and with nobody to tell, is not filtered. */
static bool is_filtered(struct exchange *exchange)
{
    const struct apiserver_filter *filter = exchange->server->filter;
    return filter && exchange->readable && filter->takes(filter->arg, exchange);
}

struct exchange *exchange_open(struct apiserver *server, const struct rest_request *request,
                               const struct asker *asker, const uint64_t *horizon,
                               void (*readable)(void *arg), void *arg)
{
    struct status status = {0};
    struct exchange *exchange = mem_zalloc(sizeof(*exchange));
    *exchange = (struct exchange){
        .server = server,
        .status = 200,
        .content_type = "application/json",
        .warning = BUF_INIT(1024),
        .out = BUF_INIT(SIZE_MAX / 4),
        .horizon = horizon,
        .readable = readable,
        .arg = arg,
    };
    if (asker)
        exchange->asker = *asker;
    timer_init(&exchange->again, server->loop, on_timer, exchange);
    timer_init(&exchange->hold, server->loop, on_timer, exchange);
    link_exchange(exchange);
    if (request_parse(&exchange->request, request, &status) != 0)
        exchange_fail(exchange, &status);
    else if (!is_filtered(exchange))
        server_dispatch(exchange);
    exchange->request.body = NULL;
    exchange->request.body_len = 0;
    return exchange;
}

void exchange_close(struct exchange *exchange)
{
    if (!exchange)
        return;
    apiserver_count(exchange->server, exchange->status);
    if (exchange->source)
        exchange->source->close(exchange);
    timer_stop(&exchange->again);
    timer_stop(&exchange->hold);
    *exchange->link = exchange->next;
    if (exchange->next)
        exchange->next->link = exchange->link;
    request_deinit(&exchange->request);
    buf_deinit(&exchange->warning);
    buf_deinit(&exchange->out);
    free(exchange);
}

int exchange_status(const struct exchange *exchange)
{
    return exchange->status;
}

const char *exchange_content_type(const struct exchange *exchange)
{
    return exchange->content_type;
}

int exchange_retry_after_s(const struct exchange *exchange)
{
    return exchange->retry_after_s;
}

uint64_t exchange_horizon(const struct exchange *exchange)
{
    uint64_t revision = exchange->server->storage.revision;
    return exchange->horizon && *exchange->horizon < revision ? *exchange->horizon : revision;
}

int exchange_fail(struct exchange *exchange, const struct status *status)
{
    buf_clear(&exchange->out);
    exchange->status = status->code;
    exchange->retry_after_s = status->retry_after_s;
    status_print(status, &exchange->out);
    return status->code;
}

bool exchange_fits(const struct exchange *exchange, size_t len)
{
    return !exchange->out.len || buf_fits(&exchange->out, len);
}

/* Everything printed so far was read: the next slice is printed where the reader wants it. 0: nothing, or
 * more than has room there, which is kept. */
static size_t print_slice(struct exchange *exchange, char *out, size_t size)
{
    if (!exchange->source || exchange->ended) {
        exchange->ended = true;
        return 0;
    }
    exchange->quiet = false;
    buf_lend(&exchange->out, out, size);
    exchange->ended = !exchange->source->fill(exchange);
    return buf_take_back(&exchange->out);
}

static size_t read_kept(struct exchange *exchange, char *out, size_t size)
{
    size_t left = exchange->out.len - exchange->sent, len = left < size ? left : size;
    if (!left)
        return 0;
    memcpy(out, exchange->out.data + exchange->sent, len);
    exchange->sent += len;
    if (len == left) {
        buf_deinit(&exchange->out);
        exchange->sent = 0;
    }
    return len;
}

bool exchange_take(struct exchange *exchange, size_t size, struct buf *out)
{
    if (exchange->source || exchange->out.len > size || exchange->broken || exchange->ended || exchange->sent)
        return false;
    exchange->server->stats.bytes += exchange->out.len;
    buf_deinit(out);
    *out = exchange->out;
    exchange->out = (struct buf)BUF_INIT(SIZE_MAX / 4);
    exchange->ended = true;
    return true;
}

ssize_t exchange_read(struct exchange *exchange, char *out, size_t size)
{
    if (exchange_held(exchange))
        return EXCHANGE_WAIT;
    size_t len = exchange->broken || exchange->out.len ? 0 : print_slice(exchange, out, size);
    if (exchange->broken)
        return EXCHANGE_BROKEN;
    if (!len)
        len = read_kept(exchange, out, size);
    if (!len)
        return exchange->ended ? EXCHANGE_END : EXCHANGE_WAIT;
    exchange->server->stats.bytes += len;
    return (ssize_t)len;
}

bool exchange_held(const struct exchange *exchange)
{
    return timer_active(&exchange->hold) && !exchange->broken;
}

bool exchange_broken(const struct exchange *exchange)
{
    return exchange->broken;
}

const struct request *exchange_request(const struct exchange *exchange)
{
    return &exchange->request;
}

void exchange_answer(struct exchange *exchange, const char *json, size_t len)
{
    buf_clear(&exchange->out);
    buf_append(&exchange->out, json, len);
}

void exchange_hold(struct exchange *exchange, int64_t delay_us)
{
    timer_start(&exchange->hold, delay_us);
}

void exchange_break(struct exchange *exchange)
{
    exchange->broken = true;
    exchange_wake(exchange);
}

void exchange_follow(struct exchange *exchange, const uint64_t *horizon)
{
    exchange->horizon = horizon;
}

void exchange_wake(struct exchange *exchange)
{
    exchange->quiet = false;
    if (exchange->readable)
        exchange->readable(exchange->arg);
}

const char *exchange_warning(const struct exchange *exchange)
{
    return exchange->warning.data;
}

bool exchange_quiet(const struct exchange *exchange)
{
    return exchange->quiet && !exchange->ended && !exchange->out.len;
}

bool exchange_streams(const struct exchange *exchange)
{
    return exchange->watch;
}
