#include "kube/curl_loop.h"

#include <stdio.h>
#include <uv.h>

#include "base/mem.h"

struct curl_loop {
    struct loop *loop;
    CURLM *multi;
    struct timer timer;
    curl_loop_done *done;
    void *arg;
};

/* One socket that libcurl wants watched; freed when libuv has let go of it. */
struct curl_socket {
    uv_poll_t poll;
    struct curl_loop *curl;
    curl_socket_t fd;
};

/* Hands out the transfers that have ended. */
static void report(struct curl_loop *curl)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(curl->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle; /* message dies with the removal */
        CURLcode code = message->data.result;
        curl_multi_remove_handle(curl->multi, easy);
        curl->done(curl->arg, easy, code);
    }
}

static void drive(struct curl_loop *curl, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(curl->multi, fd, events, &running);
    report(curl);
}

static void on_poll(uv_poll_t *poll, int status, int uv_events)
{
    struct curl_socket *socket = poll->data;
    int events = status < 0 ? CURL_CSELECT_ERR : 0;
    if (uv_events & UV_READABLE)
        events |= CURL_CSELECT_IN;
    if (uv_events & UV_WRITABLE)
        events |= CURL_CSELECT_OUT;
    drive(socket->curl, socket->fd, events);
}

static void on_timer(void *arg)
{
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timeout(CURLM *multi, long timeout_ms, void *arg)
{
    struct curl_loop *curl = arg;
    (void)multi;
    if (timeout_ms < 0)
        timer_stop(&curl->timer);
    else
        timer_start(&curl->timer, timeout_ms * LOOP_MS);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void socket_forget(struct curl_loop *curl, struct curl_socket *socket)
{
    if (!socket)
        return;
    curl_multi_assign(curl->multi, socket->fd, NULL);
    uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, on_closed);
}

static struct curl_socket *socket_create(struct curl_loop *curl, curl_socket_t fd)
{
    struct curl_socket *socket = mem_zalloc(sizeof(*socket));
    socket->curl = curl;
    socket->fd = fd;
    if (uv_poll_init_socket(loop_uv(curl->loop), &socket->poll, fd) != 0) {
        free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    curl_multi_assign(curl->multi, fd, socket);
    return socket;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct curl_loop *curl = arg;
    struct curl_socket *socket = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        socket_forget(curl, socket);
        return 0;
    }
    if (!socket && !(socket = socket_create(curl, fd)))
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&socket->poll, events, on_poll) == 0 ? 0 : -1;
}

struct curl_loop *curl_loop_create(struct loop *loop, curl_loop_done *done, void *arg)
{
    struct curl_loop *curl = mem_zalloc(sizeof(*curl));
    curl->loop = loop;
    curl->done = done;
    curl->arg = arg;
    curl->multi = curl_multi_init();
    if (!curl->multi) {
        fputs("libcurl: no multi handle can be made\n", stderr);
        abort();
    }
    timer_init(&curl->timer, loop, on_timer, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(curl->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)CURL_LOOP_STREAMS_PER_CONNECTION);
    return curl;
}

void curl_loop_destroy(struct curl_loop *curl)
{
    if (!curl)
        return;
    curl_multi_cleanup(curl->multi); /* closes connections, and with them their polls */
    timer_stop(&curl->timer);
    free(curl);
}

void curl_loop_add(struct curl_loop *curl, CURL *easy)
{
    curl_multi_add_handle(curl->multi, easy);
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy)
{
    curl_multi_remove_handle(curl->multi, easy);
}
