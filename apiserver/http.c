/*
 * libmicrohttpd keeps an epoll set of its own and no thread: the loop watches that set as one descriptor and
 * lets the library run when it is readable, or when the library has asked for time. The set is
 * edge-triggered, so that the time the library asks for must always be asked: it is zero while bytes are left
 * to be read.
 *
 * An answer is pulled out of its exchange. When the exchange has nothing, the connection is suspended, and on
 * readable() it stands in line to be taken up again. A run of the library answers everybody who can be
 * answered, and one change may concern thousands of watches: so only some are taken up before each run, and
 * when its time is over, who asks for a piece of an answer stands in line for the next. Answers that have an
 * end stand in a line of their own, and wait for no watch.
 *
 * What comes before the first request over TLS is taken up in parts as well (greeting.c).
 *
 * While a connection is suspended the library does not see that the peer has gone, nor does it see the end of
 * a client that came together with its last bytes: clients.c does, and keeps the time.
 */

#include "apiserver/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "apiserver/exchange.h"
#include "apiserver/greeting.h"
#include "apiserver/head.h"
#include "apiserver/keypair.h"
#include "base/listen.h"
#include "base/mem.h"

#define BLOCK_BYTES ((size_t)4 << 10)
#define MEMORY_BYTES ((size_t)32 << 10) /* of the library, per connection: what a watch costs */
#define SHORT_BYTES ((size_t)32 << 10)  /* an answer that is handed over in one piece */
#define SEATS 1000                      /* where the options give none */
#define SPARE 64                        /* connections beyond those, to be told so */
#define BODY_LIMIT ((size_t)3 << 20)
#define PATIENCE_US (60 * LOOP_SECOND)
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define REVIEW_US (2 * LOOP_SECOND) /* how soon a watch ends whose token is no longer good */
#define REVIEWED_MAX 64             /* of them, in one turn of the loop */
#define RUN_WATCHES 192             /* taken up before a run of the library, at most */
#define RUN_ANSWERS 16
#define RUN_US (2 * LOOP_MS) /* of a run, from the first piece of an answer on; then no other is begun */

struct listener {
    struct apiserver *server;
    struct MHD_Daemon *daemon;
    uv_poll_t *poll;     /* of the library's epoll set; freed in its close callback */
    uv_poll_t *arrivals; /* of that of the greetings, likewise; NULL: plain http */
    struct greetings greetings;
    struct timer timeout;
    struct seats own_seats;
    struct clients clients;
    struct visit *visits;
    struct visit *watches, *answers; /* lines of those that are to be taken up, by standing_prev and _next */
    int64_t run_until_us;            /* that of the run under way; 0: not begun */
    struct gate gate;
    struct keypair *shown; /* NULL: plain http */
    struct timer review;
    uint64_t rights;        /* as the last review had them */
    struct visit *reviewed; /* by the one under way, next; NULL: there is none */
    uint16_t port;
};

/* One request of a connection. */
struct visit {
    struct listener *listener;
    struct MHD_Connection *connection;
    struct client *client;
    char *target; /* path and query as sent */
    struct asker asker;
    struct buf body;
    size_t excess; /* bytes beyond the limit of the body */
    struct exchange *exchange;
    bool begun, suspended, gone;
    struct visit **line; /* it stands in that, is suspended, and to be taken up; NULL: in none */
    bool has_waited;     /* there; so it is its turn */
    struct visit *next, **link, *standing_prev, *standing_next;
};

static void leave_line(struct visit *visit)
{
    if (visit->line)
        DL_DELETE2(*visit->line, visit, standing_prev, standing_next);
    visit->line = NULL;
}

/* That is only noted by the library, which does it at its next run. */
static void take_up(struct visit *visit)
{
    leave_line(visit);
    visit->suspended = false;
    MHD_resume_connection(visit->connection);
}

static bool somebody_waits(const struct listener *listener)
{
    return listener->answers || listener->watches;
}

static void run(struct listener *listener)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    for (int i = 0; listener->answers && i < RUN_ANSWERS; i++) {
        listener->answers->has_waited = true;
        take_up(listener->answers);
    }
    for (int i = 0; listener->watches && i < RUN_WATCHES; i++)
        take_up(listener->watches);
    greetings_admit(&listener->greetings);
    listener->run_until_us = 0;
    MHD_run(listener->daemon);
    if (somebody_waits(listener))
        timer_start(&listener->timeout, 0);
    else if (MHD_get_timeout(listener->daemon, &timeout_ms) == MHD_YES)
        timer_start(&listener->timeout, (int64_t)timeout_ms * LOOP_MS);
    else
        timer_stop(&listener->timeout);
}

/* Where somebody stands in line, the next run comes in a turn of its own. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status;
    (void)events;
    if (!somebody_waits(listener))
        run(listener);
}

static void on_timeout(void *arg)
{
    run(arg);
}

static void visit_suspend(struct visit *visit)
{
    visit->suspended = true;
    client_wait(visit->client, CLIENT_SERVED);
    MHD_suspend_connection(visit->connection);
}

/* At any time, also in the midst of a run, by what another connection wrote. */
static void visit_readable(void *arg)
{
    struct visit *visit = arg;
    struct listener *listener = visit->listener;
    if (!visit->suspended || visit->line)
        return;
    if (!somebody_waits(listener))
        timer_start(&listener->timeout, 0);
    visit->line = visit->client->endless ? &listener->watches : &listener->answers;
    DL_APPEND2(*visit->line, visit, standing_prev, standing_next);
}

static void visit_lost(void *arg)
{
    struct visit *visit = arg;
    visit->gone = true;
    visit_readable(visit);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **client,
                          enum MHD_ConnectionNotificationCode code)
{
    struct listener *listener = arg;
    struct client *old = *client;
    if (code != MHD_CONNECTION_NOTIFY_STARTED) {
        greeting_destroy(old->greeting);
        clients_leave(old);
        return;
    }
    struct client *joined = clients_join(&listener->clients, connection);
    if (listener->shown)
        joined->greeting = greeting_begin(&listener->greetings, connection);
    *client = joined;
}

static struct client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The first that the library tells of a request: what it returns here is the request's pointer from then on.
 */
static void *visit_create(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct listener *listener = arg;
    struct visit *visit = mem_zalloc(sizeof(*visit));
    struct client *client = client_of(connection);
    greeting_over(client->greeting);
    if (client->wait == CLIENT_IDLE)
        client_wait(client, CLIENT_SENDS);
    client->lost = visit_lost;
    client->arg = visit;
    *visit = (struct visit){
        .listener = listener,
        .connection = connection,
        .client = client,
        .target = mem_strdup(uri),
        .body = BUF_INIT(BODY_LIMIT),
        .next = listener->visits,
        .link = &listener->visits,
    };
    if (visit->next)
        visit->next->link = &visit->next;
    listener->visits = visit;
    return visit;
}

static void visit_destroy(void *arg, struct MHD_Connection *connection, void **pointer,
                          enum MHD_RequestTerminationCode code)
{
    struct visit *visit = *pointer;
    (void)arg;
    (void)connection;
    (void)code;
    if (!visit)
        return;
    *pointer = NULL;
    client_wait(visit->client, CLIENT_IDLE);
    *visit->link = visit->next;
    if (visit->next)
        visit->next->link = visit->link;
    leave_line(visit);
    if (visit->listener->reviewed == visit)
        visit->listener->reviewed = visit->next;
    exchange_close(visit->exchange);
    buf_deinit(&visit->body);
    free(visit->target);
    free(visit);
}

static void review_one(struct visit *visit)
{
    struct status status = {0};
    if (visit->exchange && exchange_streams(visit->exchange) &&
        gate_check_again(&visit->listener->gate, visit->target, &visit->asker, &status) != 0)
        exchange_end_watch(visit->exchange, &status);
}

/* Who asked with a token goes on as long as that is good: a watch would last for hours. */
static void on_review(void *arg)
{
    struct listener *listener = arg;
    uint64_t rights = listener->reviewed ? listener->rights : access_look(listener->gate.access);
    if (rights != listener->rights)
        listener->reviewed = listener->visits;
    listener->rights = rights;
    for (int i = 0; i < REVIEWED_MAX && listener->reviewed; i++) {
        struct visit *visit = listener->reviewed;
        listener->reviewed = visit->next;
        review_one(visit);
    }
    timer_start(&listener->review, listener->reviewed ? 0 : REVIEW_US);
}

/* The first may always, however long the library took until then. */
static bool is_in_time(struct visit *visit)
{
    struct listener *listener = visit->listener;
    int64_t now_us = loop_now_us(listener->timeout.loop);
    bool waited = visit->has_waited;
    visit->has_waited = false;
    if (!listener->run_until_us)
        listener->run_until_us = now_us + RUN_US;
    return waited || now_us <= listener->run_until_us;
}

static ssize_t visit_read(void *arg, uint64_t position, char *out, size_t size)
{
    struct visit *visit = arg;
    (void)position;
    if (visit->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    bool quiet = exchange_quiet(visit->exchange);
    if (quiet || !is_in_time(visit)) {
        visit_suspend(visit);
        if (!quiet)
            visit_readable(visit);
        return 0;
    }
    ssize_t n = exchange_read(visit->exchange, out, size);
    if (n > 0) {
        client_wait(visit->client, CLIENT_READS);
        return n;
    }
    if (n == EXCHANGE_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == EXCHANGE_BROKEN)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    visit_suspend(visit);
    return 0;
}

/* A short one that is complete is handed over with its length, any other is pulled. */
static struct MHD_Response *make_response(struct visit *visit)
{
    struct buf whole = BUF_INIT(SIZE_MAX / 4);
    if (!exchange_take(visit->exchange, SHORT_BYTES, &whole))
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, visit_read, visit, NULL);
    size_t len = whole.len;
    return MHD_create_response_from_buffer(len, buf_steal(&whole), MHD_RESPMEM_MUST_FREE);
}

static void add_retry_after(struct MHD_Response *response, int seconds)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", seconds);
    if (seconds)
        MHD_add_response_header(response, "Retry-After", text);
}

/* One header for each line, in which quotes have a backslash before them. */
static void add_warnings(struct MHD_Response *response, const char *lines)
{
    while (lines && *lines) {
        cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
        buf_append_str(&text, "299 - \"");
        for (; *lines && *lines != '\n'; lines++) {
            if (*lines == '"' || *lines == '\\')
                buf_append_char(&text, '\\');
            buf_append_char(&text, *lines);
        }
        buf_append_char(&text, '"');
        MHD_add_response_header(response, "Warning", text.data);
        lines += *lines == '\n';
    }
}

static enum MHD_Result send_response(struct visit *visit)
{
    struct exchange *exchange = visit->exchange;
    struct MHD_Response *response = make_response(visit);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", exchange_content_type(exchange));
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    add_warnings(response, exchange_warning(exchange));
    add_retry_after(response, exchange_retry_after_s(exchange));
    enum MHD_Result r = MHD_queue_response(visit->connection, (unsigned)exchange_status(exchange), response);
    MHD_destroy_response(response);
    return r;
}

/* In the words of the API. */
static enum MHD_Result refuse(struct MHD_Connection *connection, const struct status *status)
{
    struct buf text = BUF_INIT(8192);
    status_print(status, &text);
    size_t len = text.len;
    client_asked(client_of(connection), false);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, buf_steal(&text), MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Connection", "close");
    add_retry_after(response, status->retry_after_s);
    if (status->code == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    enum MHD_Result r = MHD_queue_response(connection, (unsigned)status->code, response);
    MHD_destroy_response(response);
    return r;
}

/* Of a body whose length was not told. */
static enum MHD_Result refuse_body(struct MHD_Connection *connection)
{
    struct status status = {0};
    status_set(&status, 413, "RequestEntityTooLarge", "Request entity too large: limit is %zu", BODY_LIMIT);
    return refuse(connection, &status);
}

static enum MHD_Result refuse_excess(struct visit *visit)
{
    struct status status = {0};
    status_set(&status, 429, "TooManyRequests",
               "%u clients are connected, and more are not taken: try again later",
               visit->listener->clients.seats->limit);
    status.retry_after_s = 1;
    return refuse(visit->connection, &status);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What anybody else sends is passed over: whoever may only read need not be held a body for. */
static bool wants_body(const char *method)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < array_size(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static enum MHD_Result begin(struct visit *visit, const char *method, const char *version)
{
    struct MHD_Connection *connection = visit->connection;
    struct status status = {0};
    visit->begun = true;
    if (visit->client->refused)
        return refuse_excess(visit);
    if (head_check(connection, version, BODY_LIMIT, &status) != 0 ||
        gate_check(&visit->listener->gate, connection, method, visit->target, &visit->asker, &status) != 0)
        return refuse(connection, &status);
    visit->body.limit = wants_body(method) ? BODY_LIMIT : 0;
    return MHD_YES;
}

/* Comes again when what was held back is taken up. Without an answer, the connection is closed. */
static enum MHD_Result reply(struct visit *visit)
{
    if (visit->gone || exchange_broken(visit->exchange))
        return MHD_NO;
    client_asked(visit->client, exchange_streams(visit->exchange));
    if (!exchange_held(visit->exchange))
        return send_response(visit);
    visit_suspend(visit);
    return MHD_YES;
}

static enum MHD_Result answer(struct visit *visit, const char *method)
{
    struct rest_request request = {
        .method = method,
        .path = visit->target,
        .accept = header(visit->connection, "Accept"),
        .content_type = header(visit->connection, "Content-Type"),
        .body = visit->body.data,
        .body_len = visit->body.len,
    };
    visit->exchange =
        exchange_open(visit->listener->server, &request, &visit->asker, NULL, visit_readable, visit);
    buf_deinit(&visit->body);
    return reply(visit);
}

/* Within a body the library takes no answer: what is too much is passed over, and refused at its end. Who
 * sends without end is cut off. */
static enum MHD_Result take_body(struct visit *visit, const char *data, size_t *len)
{
    if (visit->excess || buf_append(&visit->body, data, *len) != 0)
        visit->excess += *len;
    *len = 0;
    return visit->excess <= BODY_LIMIT ? MHD_YES : MHD_NO;
}

/* Called with the head, then with pieces of the body, then with none. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *len,
                                  void **pointer)
{
    struct visit *visit = *pointer;
    (void)arg;
    (void)url;
    if (!visit->begun)
        return begin(visit, method, version);
    if (*len)
        return take_body(visit, data, len);
    if (visit->excess && visit->body.limit)
        return refuse_body(connection);
    return visit->exchange ? reply(visit) : answer(visit, method);
}

/* Of a handshake. Nothing leads from its session to us but the pointer that the library keeps there. */
static int on_hello(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                    gnutls_pcert_st **certificates, unsigned *count, gnutls_privkey_t *key)
{
    struct client *client = client_of(gnutls_session_get_ptr(session));
    const struct listener *listener = container_of(client->clients, struct listener, clients);
    struct keypair *before = client->shown;
    (void)authorities, (void)authority_count, (void)algorithms, (void)algorithm_count;
    client->shown = keypair_ref(listener->shown);
    keypair_unref(before);
    keypair_show(client->shown, certificates, count, key);
    return 0;
}

static struct MHD_Daemon *start_daemon(struct listener *listener, int fd)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (listener->shown ? MHD_USE_TLS : 0);
    /* Without TLS the list ends where it would begin. */
    enum MHD_OPTION hello = listener->shown ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_URI_LOG_CALLBACK, visit_create, listener, MHD_OPTION_NOTIFY_COMPLETED,
                            visit_destroy, listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
                            MHD_OPTION_CONNECTION_LIMIT, listener->clients.seats->limit + SPARE,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, hello, on_hello,
                            MHD_OPTION_HTTPS_PRIORITIES, TLS_VERSIONS, MHD_OPTION_END);
}

static uv_poll_t *start_poll(struct listener *listener, int fd)
{
    uv_poll_t *poll = mem_zalloc(sizeof(*poll));
    uv_poll_init(loop_uv(apiserver_loop(listener->server)), poll, fd);
    poll->data = listener;
    uv_poll_start(poll, UV_READABLE, on_poll);
    return poll;
}

static void attach(struct listener *listener)
{
    struct loop *loop = apiserver_loop(listener->server);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    listener->poll = start_poll(listener, info->epoll_fd);
    if (listener->shown)
        listener->arrivals = start_poll(listener, listener->greetings.epoll_fd);
    timer_init(&listener->timeout, loop, on_timeout, listener);
    timer_start(&listener->timeout, 0);
    timer_init(&listener->review, loop, on_review, listener);
    if (!listener->gate.access)
        return;
    listener->rights = access_look(listener->gate.access);
    timer_start(&listener->review, REVIEW_US);
}

int listener_show(struct listener *listener, const char *certificate, const char *key, struct error *err)
{
    struct keypair *pair;
    int r = keypair_create(certificate, key, &pair, err);
    if (r != 0)
        return r;
    keypair_unref(listener->shown);
    listener->shown = pair;
    return 0;
}

int listener_create(struct apiserver *server, const struct listener_options *options, struct listener **out,
                    struct error *err)
{
    int fd = -1;
    struct keypair *shown = NULL;
    int r = options->certificate ? keypair_create(options->certificate, options->key, &shown, err) : 0;
    if (r == 0)
        r = listen_open(options->host, options->port, &fd, err);
    if (r != 0) {
        keypair_unref(shown);
        return r;
    }
    struct listener *listener = mem_zalloc(sizeof(*listener));
    listener->server = server;
    listener->shown = shown;
    listener->port = listen_port(fd);
    listener->gate = options->gate;
    seats_init(&listener->own_seats, SEATS);
    clients_init(&listener->clients, apiserver_loop(server), options->log,
                 options->seats ? options->seats : &listener->own_seats,
                 options->patience_us ? options->patience_us : PATIENCE_US);
    listener->greetings.epoll_fd = -1;
    if (!shown || greetings_init(&listener->greetings) == 0)
        listener->daemon = start_daemon(listener, fd);
    if (!listener->daemon) {
        close(fd);
        greetings_end(&listener->greetings);
        keypair_unref(shown);
        clients_deinit(&listener->clients);
        free(listener);
        return error_set(err, EX_OSERR,
                         "listen on %s port %u: the HTTP server did not start: look at the limits of this "
                         "process (ulimit -n, -v)",
                         options->host, options->port);
    }
    attach(listener);
    *out = listener;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_poll(uv_poll_t *poll)
{
    if (!poll)
        return;
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, on_closed);
}

void listener_destroy(struct listener *listener)
{
    if (!listener)
        return;
    for (struct visit *visit = listener->visits; visit; visit = visit->next) {
        visit->gone = true;
        if (visit->suspended)
            take_up(visit);
    }
    timer_stop(&listener->timeout);
    timer_stop(&listener->review);
    stop_poll(listener->poll);
    stop_poll(listener->arrivals);
    greetings_end(&listener->greetings);
    MHD_stop_daemon(listener->daemon); /* closes the listening socket as well */
    clients_deinit(&listener->clients);
    keypair_unref(listener->shown);
    free(listener);
}

void listener_counters(const struct listener *listener, const char *instance, struct counters *out)
{
    clients_counters(&listener->clients, instance, out);
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}
