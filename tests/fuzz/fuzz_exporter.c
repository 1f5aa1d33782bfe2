/* fuzz: ti_base */
/* Whatever is sent to a program's metrics: over a real socket, in pieces (0xff ends one). What comes back is
 * nothing, or one whole answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/exporter.h"
#include "base/mem.h"

#define PIECE_ENDS 0xff

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_collect(void *arg, struct metrics *out, size_t part)
{
    static const struct metric answer = METRIC_GAUGE("answer", "The answer.");
    (void)arg;
    metrics_number(out, &answer, NULL, 42 + part);
    return part == 0;
}

static void on_ready(void *arg, struct checks *out)
{
    (void)arg;
    checks_add(out, "never", "it is not");
}

struct served {
    struct loop *loop;
    struct timer tick;
    struct exporter *exporter;
};

static void on_tick(void *arg)
{
    (void)arg;
}

/* One turn, whether or not there is anything to do. */
static void turn(struct served *served)
{
    timer_start(&served->tick, 0);
    loop_step(served->loop);
}

static struct served *serve(void)
{
    static const struct exporter_ops ops = {on_collect, on_ready};
    struct served *served = mem_zalloc(sizeof(*served));
    struct error err = {0};
    served->loop = loop_create();
    timer_init(&served->tick, served->loop, on_tick, NULL);
    struct exporter_config config = {.loop = served->loop, .host = "127.0.0.1", .ops = &ops};
    if (exporter_create(&config, &served->exporter, &err) != 0)
        abort();
    return served;
}

/* A port stays taken for a second after each: where all are, one of them is soon free again. The fuzzer's own
 * alarm may interrupt it, too. */
static int client(const struct served *served)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(exporter_port(served->exporter)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        if (fd < 0 || (errno != EADDRNOTAVAIL && errno != EINTR)) {
            perror("connect");
            abort();
        }
        close(fd);
        poll(NULL, 0, 10);
    }
}

static void say(struct served *served, int fd, const uint8_t *data, size_t size)
{
    while (size) {
        const uint8_t *end = memchr(data, PIECE_ENDS, size);
        size_t len = end ? (size_t)(end - data) : size;
        if (send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 && end)
            turn(served);
        size -= len + (end != NULL);
        data += len + (end != NULL);
    }
    shutdown(fd, SHUT_WR);
}

static void check(const struct buf *heard)
{
    static const char length[] = "\r\nContent-Length: ";
    if (heard->len == 0)
        return;
    const char *end = strstr(heard->data, "\r\n\r\n"), *at = strstr(heard->data, length);
    if (strncmp(heard->data, "HTTP/1.1 ", 9) != 0 || !end || !at || at > end)
        abort();
    size_t body = heard->len - (size_t)(end + 4 - heard->data);
    if (body && body != strtoul(at + strlen(length), NULL, 10)) /* none: HEAD */
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct served *served;
    if (!served)
        served = serve();
    struct buf heard = BUF_INIT((size_t)1 << 20);
    char some[4096];
    ssize_t n;
    int fd = client(served);
    say(served, fd, data, size);
    while ((n = recv(fd, some, sizeof(some), MSG_DONTWAIT)) > 0 || (n < 0 && errno == EAGAIN))
        if (n > 0)
            buf_append(&heard, some, (size_t)n);
        else
            turn(served);
    close(fd);
    check(&heard);
    buf_deinit(&heard);
    return 0;
}
