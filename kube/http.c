/*
 * Calls and pools.
 *
 * A call is QUEUED by start(), launched into a pool on the next turn of the loop (once credentials are
 * there), RUNNING until its transfer ends, and OVER from then on. libcurl may not be entered from its own
 * callbacks, and it is from those that callers start and cancel: so start() and cancel() only note what is
 * wanted, and everything that touches libcurl or frees memory happens in on_turn().
 *
 * A pool is a set of connections. The first call of a pool goes ahead alone until it is answered, and the
 * others follow: over the same connection where that is HTTP/2, each over its own otherwise. (libcurl's own
 * way of waiting, PIPEWAIT, lets calls starve behind endless answers over HTTP/1.1.) There is one for new
 * calls; it is retired when silence on it has cost a call its patience, since libcurl would otherwise put the
 * next try on the same dead connection. A retired pool lives as long as its last call. And where a call waits
 * in vain for its answer while nothing comes over its pool's connection, that connection is dead, and all
 * calls of the pool end with it: a watch says nothing for minutes, so it cannot find out by itself that a
 * proxy or a frozen server only takes what it is sent.
 */
#include "kube/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <utlist.h>

#include "base/mem.h"
#include "kube/curl_library.h"
#include "kube/http_internal.h"

#define SCOUT_MS 2000 /* for which others wait for the first call of a pool */
#define TURN_BYTES ((size_t)256 << 10)
#define RETRY_AFTER_MAX_S (24L * 3600)

struct http_pool {
    struct http *http;
    struct curl_loop *curl;
    size_t calls;
    bool proven;                   /* a call has been answered over it, and none has failed since */
    bool multiplexes;              /* by HTTP/2 */
    const struct rest_call *scout; /* the call that the others wait for; NULL mostly */
    struct timer patience;         /* with which they do */
    int64_t last_byte_us;          /* of any answer */
    struct http_pool *next;
};

struct http {
    struct rest rest;
    struct loop *loop;
    struct log *log;
    struct kubeconfig *config;
    struct credentials *credentials;
    struct rest_call *calls;
    struct http_pool *pools; /* the first is the one for new calls */
    struct timer turn;
    struct timer more;  /* what is paused goes on */
    size_t taken_bytes; /* of answers, in this turn of the loop */
};

static void on_transfer_done(void *arg, CURL *easy, CURLcode code);

static void turn_soon(struct http *http)
{
    timer_start(&http->turn, 0);
}

/* The others need not wait for it any longer. */
static void pool_scouted(struct http_pool *pool)
{
    pool->scout = NULL;
    timer_stop(&pool->patience);
    turn_soon(pool->http);
}

static void on_patience(void *arg)
{
    struct http_pool *pool = arg;
    pool->proven = true; /* or slow; in any case they go */
    pool_scouted(pool);
}

/* What a call has shown of its pool: that it works, or that it does not. */
static void pool_learn(struct http_pool *pool, const struct rest_call *call, bool proven)
{
    pool->proven = proven;
    if (pool->scout == call)
        pool_scouted(pool);
}

/* For the first connection, and for each further one when those there are have all their streams. */
static bool pool_needs_scout(const struct http_pool *pool)
{
    return !pool->proven || (pool->multiplexes && pool->calls % CURL_LOOP_STREAMS_PER_CONNECTION == 0);
}

static void pool_add(struct http *http)
{
    struct http_pool *pool = mem_zalloc(sizeof(*pool));
    pool->http = http;
    pool->curl = curl_loop_create(http->loop, on_transfer_done, http);
    timer_init(&pool->patience, http->loop, on_patience, pool);
    LL_PREPEND(http->pools, pool);
}

static void pool_destroy(struct http_pool *pool)
{
    LL_DELETE(pool->http->pools, pool);
    timer_stop(&pool->patience);
    curl_loop_destroy(pool->curl);
    free(pool);
}

/* Later calls go over new connections. */
static void pool_retire(struct http_pool *pool)
{
    if (pool == pool->http->pools)
        pool_add(pool->http);
}

/* Takes the call out of libcurl and forgets what belonged to this try. Not from libcurl's callbacks. */
static void call_detach(struct rest_call *call)
{
    timer_stop(&call->idle);
    if (!call->easy)
        return;
    curl_loop_remove(call->pool->curl, call->easy);
    if (call->pool->scout == call)
        pool_scouted(call->pool); /* cancelled, perhaps */
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    call->easy = NULL;
    call->paused = false;
    call->headers = call->connect_to = NULL;
    call->pool->calls--;
    call->pool = NULL;
}

static void call_free(struct rest_call *call)
{
    timer_stop(&call->deadline);
    call_detach(call);
    DL_DELETE(call->http->calls, call);
    free(call->method);
    free(call->url);
    free(call->accept);
    free(call->content_type);
    free(call->body);
    free(call);
}

static void call_over(struct rest_call *call)
{
    call->state = CALL_OVER;
    timer_stop(&call->deadline);
    timer_stop(&call->idle);
    turn_soon(call->http);
}

static void call_finish(struct rest_call *call, enum rest_result result, const char *reason)
{
    call_over(call);
    call->callbacks.done(call->arg, result, reason);
}

/* Seconds or a date (RFC 9110); -1 where there is none or it makes no sense. */
static int64_t retry_after_ms(CURL *easy)
{
    struct curl_header *header;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    char *end;
    long seconds = strtol(header->value, &end, 10);
    if (end == header->value || *end) {
        time_t when = curl_getdate(header->value, NULL);
        if (when < 0)
            return -1;
        seconds = (long)(when - time(NULL));
        seconds = seconds < 0 ? 0 : seconds;
    }
    if (seconds < 0)
        return -1;
    return (seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * 1000;
}

/* The answer's headers are complete. */
static void call_headers(struct rest_call *call, int status)
{
    struct http *http = call->http;
    call->status = status;
    pool_learn(call->pool, call, true);
    long version = 0;
    curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
    call->pool->multiplexes = version >= CURL_HTTP_VERSION_2_0;
    if (status != 401)
        credentials_accepted(http->credentials, call->generation);
    else if (!call->again && credentials_refused(http->credentials, call->generation))
        call->refused = true;
    if (!call->refused && call->callbacks.headers)
        call->callbacks.headers(call->arg, status, retry_after_ms(call->easy));
}

static void call_alive(struct rest_call *call)
{
    call->last_byte_us = call->pool->last_byte_us = loop_now_us(call->http->loop);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct rest_call *call = arg;
    size_t len = size * count;
    if (call->state != CALL_RUNNING)
        return 0;
    call_alive(call);
    bool end_of_headers = line[0] == '\r' || line[0] == '\n';
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (end_of_headers && status >= 200 && call->status == 0) /* after that, trailers */
        call_headers(call, (int)status);
    return call->state == CALL_RUNNING ? len : 0;
}

static void on_more(void *arg)
{
    struct http *http = arg;
    struct rest_call *call;
    http->taken_bytes = 0;
    DL_FOREACH(http->calls, call)
    {
        if (!call->paused)
            continue;
        call->paused = false;
        curl_easy_pause(call->easy, CURLPAUSE_CONT); /* calls on_body() */
    }
}

/* libcurl reads on as long as there is more, however long that takes; a list would be one turn of the loop.
 * True where this turn has had its share, and the rest is for the next. */
static bool must_pause(struct rest_call *call, size_t len)
{
    struct http *http = call->http;
    if (!timer_active(&http->more))
        timer_start(&http->more, 0);
    if (http->taken_bytes >= TURN_BYTES)
        return call->paused = true;
    http->taken_bytes += len;
    return false;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct rest_call *call = arg;
    size_t len = size * count;
    if (call->state != CALL_RUNNING)
        return 0;
    call_alive(call);
    if (must_pause(call, len))
        return CURL_WRITEFUNC_PAUSE;
    if (!call->refused && call->callbacks.body)
        call->callbacks.body(call->arg, data, len);
    return call->state == CALL_RUNNING ? len : 0;
}

/* A second try of the same call, with the credentials that credentials_refused() has promised. */
static void call_again(struct rest_call *call)
{
    call_detach(call);
    call->again = true;
    call->refused = false;
    call->status = 0;
    call->error[0] = '\0';
    call->state = CALL_QUEUED;
    turn_soon(call->http);
}

static void on_transfer_done(void *arg, CURL *easy, CURLcode code)
{
    struct rest_call *call = NULL;
    (void)arg;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    if (call->state != CALL_RUNNING)
        return; /* cancelled; freed on the next turn */
    if (call->refused) {
        call_again(call);
        return;
    }
    pool_learn(call->pool, call, code == CURLE_OK);
    char reason[900];
    enum rest_result result = http_outcome(call, code, reason, sizeof(reason));
    call_finish(call, result, reason);
}

static void call_time_out(struct rest_call *call, int64_t timeout_ms, const char *what)
{
    char reason[900];
    snprintf(reason, sizeof(reason), "%s: %s %lld.%03lld s (%s)", call->http->config->server, what,
             (long long)timeout_ms / 1000, (long long)timeout_ms % 1000, call->http->config->origin);
    call_finish(call, REST_TIMEOUT, reason);
}

/* Whether nothing at all has come over the connection that the call shares for half of its timeout at least,
 * nor since it was launched. */
static bool pool_is_dead(const struct rest_call *call)
{
    int64_t waited_us = loop_now_us(call->http->loop) - call->last_byte_us;
    return call->pool->multiplexes && call->pool->last_byte_us < call->last_byte_us &&
           waited_us >= call->timeout_ms * LOOP_MS / 2;
}

/* Ends what else runs there. Callbacks may start and cancel calls, but none is freed before the next turn. */
static void pool_end(struct http_pool *pool, const struct rest_call *witness)
{
    char reason[900];
    const struct kubeconfig *config = pool->http->config;
    snprintf(reason, sizeof(reason),
             "%s: the connection is dead: another request was not answered over it (%s)", config->server,
             config->origin);
    struct rest_call *call;
    DL_FOREACH(pool->http->calls, call)
    if (call->state == CALL_RUNNING && call->pool == pool && call != witness)
        call_finish(call, REST_BROKEN, reason);
}

static void on_deadline(void *arg)
{
    struct rest_call *call = arg;
    if (call->pool && call->status == 0) {
        pool_retire(call->pool);
        if (pool_is_dead(call))
            pool_end(call->pool, call);
    }
    /* One of those that ended may have cancelled this one. */
    if (call->state != CALL_OVER)
        call_time_out(call, call->timeout_ms, "not answered in full within");
}

/* The timer is not set anew for each byte; it looks when it fires. */
static void on_idle(void *arg)
{
    struct rest_call *call = arg;
    int64_t left_us = call->last_byte_us + call->idle_timeout_ms * LOOP_MS - loop_now_us(call->http->loop);
    if (left_us > 0) {
        timer_start(&call->idle, left_us);
        return;
    }
    pool_retire(call->pool);
    call_time_out(call, call->idle_timeout_ms, "not a byte for");
}

static void call_launch(struct rest_call *call)
{
    struct http *http = call->http;
    call->state = CALL_RUNNING;
    call->generation = credentials_generation(http->credentials);
    call->pool = http->pools;
    if (pool_needs_scout(call->pool)) {
        call->pool->scout = call;
        timer_start(&call->pool->patience, SCOUT_MS * LOOP_MS);
    }
    call->pool->calls++;
    call->easy = curl_easy_init();
    if (!call->easy) {
        fputs("libcurl: no handle can be made\n", stderr);
        abort();
    }
    http_setup(call, http->config, http->credentials);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    call->last_byte_us = loop_now_us(http->loop);
    if (call->idle_timeout_ms > 0)
        timer_start(&call->idle, call->idle_timeout_ms * LOOP_MS);
    curl_loop_add(call->pool->curl, call->easy);
}

/* A 401 was seen and the fresh credentials could not be had, or there never were any. */
static void call_fail(struct rest_call *call)
{
    char reason[900];
    struct http *http = call->http;
    snprintf(reason, sizeof(reason), "%s: no credentials: %s (%s)", http->config->server,
             credentials_reason(http->credentials), http->config->origin);
    call_finish(call, REST_UNREACHABLE, reason);
}

static void launch_queued(struct http *http)
{
    struct rest_call *call;
    DL_FOREACH(http->calls, call)
    {
        if (call->state != CALL_QUEUED)
            continue;
        if (http->pools->scout)
            return; /* the scout's answer, its end or its time comes back here */
        enum credentials_state state = credentials_check(http->credentials);
        if (state == CREDENTIALS_PENDING)
            return; /* on_settled() comes back here */
        if (state == CREDENTIALS_FAILED)
            call_fail(call);
        else
            call_launch(call);
    }
}

static void free_over(struct http *http)
{
    struct rest_call *call, *next;
    DL_FOREACH_SAFE(http->calls, call, next)
    if (call->state == CALL_OVER)
        call_free(call);
}

static void destroy_retired(struct http *http)
{
    struct http_pool *pool, *next;
    LL_FOREACH_SAFE(http->pools->next, pool, next)
    if (pool->calls == 0)
        pool_destroy(pool);
}

static void on_turn(void *arg)
{
    struct http *http = arg;
    free_over(http);
    destroy_retired(http);
    launch_queued(http);
}

static void on_settled(void *arg)
{
    turn_soon(arg);
}

static struct rest_call *http_start(struct rest *rest, const struct rest_request *request,
                                    const struct rest_callbacks *callbacks, void *arg)
{
    struct http *http = container_of(rest, struct http, rest);
    struct rest_call *call = mem_zalloc(sizeof(*call));
    call->http = http;
    call->method = mem_strdup(request->method ? request->method : "GET");
    call->url = mem_printf("%s%s", http->config->server, request->path);
    call->accept = mem_strdup(request->accept);
    call->content_type = mem_strdup(request->content_type);
    call->body = request->body ? mem_dup(request->body, request->body_len) : NULL;
    call->body_len = request->body ? request->body_len : 0;
    call->timeout_ms = request->timeout_ms;
    call->idle_timeout_ms = request->idle_timeout_ms;
    call->callbacks = *callbacks;
    call->arg = arg;
    timer_init(&call->deadline, http->loop, on_deadline, call);
    timer_init(&call->idle, http->loop, on_idle, call);
    if (call->timeout_ms > 0)
        timer_start(&call->deadline, call->timeout_ms * LOOP_MS);
    DL_APPEND(http->calls, call);
    turn_soon(http);
    return call;
}

static void http_cancel(struct rest_call *call)
{
    call_over(call);
}

static const struct rest_ops http_ops = {.start = http_start, .cancel = http_cancel};

struct http *http_create(struct loop *loop, struct log *log, struct kubeconfig *config)
{
    curl_library_init();
    struct http *http = mem_zalloc(sizeof(*http));
    http->rest.ops = &http_ops;
    http->loop = loop;
    http->log = log;
    http->config = config;
    http->credentials = credentials_create(loop, log, config, on_settled, http);
    timer_init(&http->turn, loop, on_turn, http);
    timer_init(&http->more, loop, on_more, http);
    pool_add(http);
    return http;
}

void http_destroy(struct http *http)
{
    if (!http)
        return;
    timer_stop(&http->turn);
    timer_stop(&http->more);
    while (http->calls)
        call_free(http->calls);
    while (http->pools)
        pool_destroy(http->pools);
    timer_stop(&http->turn);
    timer_stop(&http->more);
    credentials_destroy(http->credentials);
    kubeconfig_destroy(http->config);
    free(http);
    curl_library_deinit();
}

struct rest *http_rest(struct http *http)
{
    return &http->rest;
}

const struct kubeconfig *http_config(const struct http *http)
{
    return http->config;
}
