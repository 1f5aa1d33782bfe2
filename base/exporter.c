/*
 *     accept ──▶ READING ──(blank line)──▶ COLLECTING ──▶ WRITING ──▶ LINGERING ──▶ closed
 *                                          (of /metrics)            (what the client still says is
 *                                                                    dropped, until it closes)
 *
 * One answer a connection. HTTP is little here, and stays so: a line of request, headers that nobody reads,
 * no body. libmicrohttpd would bring its TLS library into programs that have to be small.
 */
#include "base/exporter.h"

#include <string.h>
#include <sys/socket.h>
#include <utlist.h>
#include <uv.h>

#include "base/listen.h"
#include "base/mem.h"

#define CONNECTIONS_MAX 8
#define REQUEST_LIMIT ((size_t)8 << 10)
#define METRICS_LIMIT ((size_t)64 << 20)
#define ANSWER_LIMIT ((size_t)32 << 10)
#define DEADLINE_US (10 * LOOP_SECOND)
#define BACKLOG 64

enum state { READING, COLLECTING, WRITING, LINGERING, CLOSING };

struct visit {
    uv_tcp_t tcp;
    uv_write_t write;
    struct exporter *exporter;
    enum state state;
    bool head;  /* no body is wanted */
    bool ended; /* the client says no more; it may still listen */
    struct buf request, answer;
    struct metrics *metrics;
    size_t part;
    struct timer next, deadline;
    struct visit *prev, *next_visit;
};

struct exporter {
    struct loop *loop;
    const struct exporter_ops *ops;
    void *arg;
    int64_t deadline_us;
    uint16_t port;
    uv_tcp_t listener;
    struct visit *visits; /* oldest first */
    size_t count;
    char room[REQUEST_LIMIT]; /* where bytes are read to */
};

/* ---- the end of a visit ---- */

static void on_visit_closed(uv_handle_t *handle)
{
    struct visit *visit = handle->data;
    loop_release(visit->deadline.loop);
    buf_deinit(&visit->request);
    buf_deinit(&visit->answer);
    metrics_destroy(visit->metrics);
    free(visit);
}

static void visit_close(struct visit *visit)
{
    if (visit->state == CLOSING)
        return;
    visit->state = CLOSING;
    timer_stop(&visit->next);
    timer_stop(&visit->deadline);
    DL_DELETE2(visit->exporter->visits, visit, prev, next_visit);
    visit->exporter->count--;
    loop_hold(visit->exporter->loop);
    uv_close((uv_handle_t *)&visit->tcp, on_visit_closed);
}

static void on_deadline(void *arg)
{
    visit_close(arg);
}

/* ---- answers ---- */

static void on_written(uv_write_t *write, int status)
{
    struct visit *visit = write->data;
    if (visit->state != WRITING)
        return;
    visit->state = LINGERING;
    metrics_destroy(visit->metrics);
    visit->metrics = NULL;
    uv_os_fd_t fd;
    if (status < 0 || visit->ended || uv_fileno((uv_handle_t *)&visit->tcp, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0)
        visit_close(visit);
}

static void send_pieces(struct visit *visit, const uv_buf_t *pieces, unsigned count)
{
    visit->state = WRITING;
    visit->write.data = visit;
    if (uv_write(&visit->write, (uv_stream_t *)&visit->tcp, pieces, count, on_written) != 0)
        visit_close(visit);
}

static void append_head(struct visit *visit, const char *status, const char *type, size_t len)
{
    buf_appendf(&visit->answer,
                "HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\nContent-Length: %zu\r\n"
                "%sCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                status, type, len, !strncmp(status, "405", 3) ? "Allow: GET, HEAD\r\n" : "");
}

static void answer_text(struct visit *visit, const char *status, const char *text)
{
    append_head(visit, status, "text/plain", strlen(text));
    if (!visit->head)
        buf_append_str(&visit->answer, text);
    uv_buf_t piece = uv_buf_init(visit->answer.data, (unsigned)visit->answer.len);
    send_pieces(visit, &piece, 1);
}

static void answer_ready(struct visit *visit)
{
    struct checks checks;
    checks_init(&checks);
    visit->exporter->ops->ready(visit->exporter->arg, &checks);
    buf_appendf(&checks.lines, "readyz check %s\n", checks.failed ? "failed" : "passed");
    answer_text(visit, checks.failed ? "503 Service Unavailable" : "200 OK", checks.lines.data);
    checks_deinit(&checks);
}

static void answer_metrics(struct visit *visit)
{
    const struct buf *text;
    unsigned count = 1;
    if (metrics_full(visit->metrics)) {
        answer_text(visit, "500 Internal Server Error", "the metrics are more than 64 MiB\n");
        return;
    }
    while (metrics_text(visit->metrics, count - 1))
        count++;
    append_head(visit, "200 OK", "text/plain; version=0.0.4", metrics_size(visit->metrics));
    cleanup_free uv_buf_t *pieces = mem_alloc(count * sizeof(*pieces));
    pieces[0] = uv_buf_init(visit->answer.data, (unsigned)visit->answer.len);
    for (unsigned i = 1; (text = metrics_text(visit->metrics, i - 1)); i++)
        pieces[i] = uv_buf_init(text->data, (unsigned)text->len);
    send_pieces(visit, pieces, visit->head ? 1 : count);
}

static void on_collect(void *arg)
{
    struct visit *visit = arg;
    struct exporter *exporter = visit->exporter;
    if (exporter->ops->collect(exporter->arg, visit->metrics, visit->part++))
        timer_start(&visit->next, 0);
    else
        answer_metrics(visit);
}

static void collect(struct visit *visit)
{
    visit->state = COLLECTING;
    visit->metrics = metrics_create(METRICS_LIMIT);
    timer_start(&visit->next, 0);
}

/* ---- requests ---- */

/* Cuts the next word off a line; "" where there is none. */
static char *word(char **line)
{
    char *begin = *line, *end = begin + strcspn(begin, " ");
    *line = *end ? end + 1 : end;
    *end = '\0';
    return begin;
}

/* What the request asks for; the line is cut up. */
static void answer_line(struct visit *visit, char *line)
{
    char *method = word(&line), *target = word(&line);
    target[strcspn(target, "?")] = '\0';
    visit->head = !strcmp(method, "HEAD");
    if (target[0] != '/' || strncmp(line, "HTTP/1.", 7) != 0)
        answer_text(visit, "400 Bad Request", "this is no HTTP/1.1\n");
    else if (!visit->head && strcmp(method, "GET") != 0)
        answer_text(visit, "405 Method Not Allowed", "GET and HEAD only\n");
    else if (!strcmp(target, "/metrics"))
        collect(visit);
    else if (!strcmp(target, "/readyz"))
        answer_ready(visit);
    else if (!strcmp(target, "/healthz"))
        answer_text(visit, "200 OK", "ok\n");
    else
        answer_text(visit, "404 Not Found", "there are /metrics, /healthz and /readyz\n");
}

/* A NUL byte in it ends the text, and so makes it no request. */
static void take(struct visit *visit, const char *data, size_t len)
{
    if (buf_append(&visit->request, data, len) != 0) {
        answer_text(visit, "431 Request Header Fields Too Large", "a request may have 8 KiB\n");
        return;
    }
    char *text = visit->request.data;
    if (!memmem(text, visit->request.len, "\r\n\r\n", 4))
        return;
    text[strcspn(text, "\r\n")] = '\0';
    answer_line(visit, text);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct visit *visit = handle->data;
    (void)size;
    *out = uv_buf_init(visit->exporter->room, sizeof(visit->exporter->room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct visit *visit = stream->data;
    bool answering = visit->state == COLLECTING || visit->state == WRITING;
    visit->ended = visit->ended || n < 0;
    if (n < 0 && !(n == UV_EOF && answering))
        visit_close(visit);
    else if (n > 0 && visit->state == READING)
        take(visit, buf->base, (size_t)n);
}

/* ---- who connects ---- */

/* Of those who have not said what they want yet, or have been answered, the oldest gives way. */
static void make_room(struct exporter *exporter)
{
    struct visit *visit;
    if (exporter->count < CONNECTIONS_MAX)
        return;
    DL_FOREACH2(exporter->visits, visit, next_visit)
    {
        if (visit->state == READING || visit->state == LINGERING) {
            visit_close(visit);
            return;
        }
    }
}

static struct visit *visit_create(struct exporter *exporter)
{
    struct visit *visit = mem_zalloc(sizeof(*visit));
    visit->exporter = exporter;
    visit->tcp.data = visit;
    buf_init(&visit->request, REQUEST_LIMIT);
    buf_init(&visit->answer, ANSWER_LIMIT);
    timer_init(&visit->next, exporter->loop, on_collect, visit);
    timer_init(&visit->deadline, exporter->loop, on_deadline, visit);
    timer_start(&visit->deadline, exporter->deadline_us);
    DL_APPEND2(exporter->visits, visit, prev, next_visit);
    exporter->count++;
    uv_tcp_init(loop_uv(exporter->loop), &visit->tcp);
    return visit;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct exporter *exporter = listener->data;
    if (status < 0)
        return;
    make_room(exporter);
    struct visit *visit = visit_create(exporter);
    if (uv_accept(listener, (uv_stream_t *)&visit->tcp) != 0 || exporter->count > CONNECTIONS_MAX ||
        uv_read_start((uv_stream_t *)&visit->tcp, on_room, on_read) != 0)
        visit_close(visit);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct loop *loop = ((struct exporter *)handle->data)->loop;
    free(handle->data);
    loop_release(loop);
}

int exporter_create(const struct exporter_config *config, struct exporter **out, struct error *err)
{
    int fd;
    int r = listen_open(config->host, config->port, &fd, err);
    if (r != 0)
        return error_prefix(err, "--metrics");
    struct exporter *exporter = mem_zalloc(sizeof(*exporter));
    exporter->loop = config->loop;
    exporter->ops = config->ops;
    exporter->arg = config->arg;
    exporter->deadline_us = config->deadline_us ? config->deadline_us : DEADLINE_US;
    exporter->port = listen_port(fd);
    exporter->listener.data = exporter;
    uv_tcp_init(loop_uv(exporter->loop), &exporter->listener);
    uv_tcp_open(&exporter->listener, fd);
    uv_listen((uv_stream_t *)&exporter->listener, BACKLOG, on_connection);
    *out = exporter;
    return 0;
}

uint16_t exporter_port(const struct exporter *exporter)
{
    return exporter->port;
}

void exporter_destroy(struct exporter *exporter)
{
    if (!exporter)
        return;
    while (exporter->visits)
        visit_close(exporter->visits);
    loop_hold(exporter->loop);
    uv_close((uv_handle_t *)&exporter->listener, on_listener_closed);
}
