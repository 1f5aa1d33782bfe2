#include "informer/output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define CHUNK 4096              /* PIPE_BUF: what fits where poll() says that a pipe is writable */
#define TURN_BYTES (64 * CHUNK) /* written in one turn of the loop */
#define RETRY_US (10 * LOOP_MS)

enum outcome { OUTCOME_EMPTY, OUTCOME_MORE, OUTCOME_FULL, OUTCOME_BROKEN };

struct output {
    struct timer timer;
    struct buf buf;
    size_t at; /* bytes of buf that have been written */
    int fd;
    int error; /* errno of the write that failed */
    bool told;
    void (*closed)(void *arg, int error);
    void *arg;
};

static bool wait_writable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, timeout_ms) != 0; /* an error shows in the write */
}

static void forget_written(struct output *output)
{
    if (output->at < output->buf.len && output->at < output->buf.limit / 2)
        return;
    buf_consume(&output->buf, output->at);
    output->at = 0;
}

/* One write, if that is possible within timeout_ms (-1: however long it takes). */
static enum outcome write_chunk(struct output *output, int timeout_ms)
{
    size_t len = output_waiting(output);
    if (len == 0)
        return OUTCOME_EMPTY;
    if (!wait_writable(output->fd, timeout_ms))
        return OUTCOME_FULL;
    ssize_t n = write(output->fd, output->buf.data + output->at, len < CHUNK ? len : CHUNK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return OUTCOME_FULL;
    if (n < 0) {
        output->error = errno;
        buf_clear(&output->buf);
        output->at = 0;
        timer_start(&output->timer, 0);
        return OUTCOME_BROKEN;
    }
    output->at += (size_t)n;
    forget_written(output);
    return OUTCOME_MORE;
}

static void tell_closed(struct output *output)
{
    if (output->told)
        return;
    output->told = true;
    output->closed(output->arg, output->error);
}

static void write_some(void *arg)
{
    struct output *output = arg;
    enum outcome outcome = OUTCOME_MORE;
    for (size_t written = 0; outcome == OUTCOME_MORE && written < TURN_BYTES; written += CHUNK)
        outcome = write_chunk(output, 0);
    if (output->error)
        tell_closed(output);
    else if (outcome != OUTCOME_EMPTY)
        timer_start(&output->timer, outcome == OUTCOME_FULL ? RETRY_US : 0);
}

struct output *output_create(struct loop *loop, int fd, size_t limit_bytes,
                             void (*closed)(void *arg, int error), void *arg)
{
    struct output *output = mem_zalloc(sizeof(*output));
    timer_init(&output->timer, loop, write_some, output);
    buf_init(&output->buf, limit_bytes);
    output->fd = fd;
    output->closed = closed;
    output->arg = arg;
    return output;
}

void output_destroy(struct output *output)
{
    if (!output)
        return;
    timer_stop(&output->timer);
    buf_deinit(&output->buf);
    free(output);
}

static size_t append(struct output *output, const char *text, size_t len)
{
    size_t room = output->buf.limit - output->buf.len;
    size_t part = len < room ? len : room;
    return buf_append(&output->buf, text, part) == 0 ? part : 0;
}

void output_write(struct output *output, const char *text, size_t len)
{
    while (len && !output->error) {
        size_t part = append(output, text, len);
        text += part;
        len -= part;
        if (len)
            output_flush(output);
    }
    if (!output->error && !timer_active(&output->timer))
        timer_start(&output->timer, 0);
}

int output_flush(struct output *output)
{
    while (!output->error && write_chunk(output, -1) != OUTCOME_EMPTY)
        ;
    return -output->error;
}

size_t output_waiting(const struct output *output)
{
    return output->buf.len - output->at;
}
