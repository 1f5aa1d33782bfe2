#include "tests/bench/bench.h"

#include <string.h>
#include <unistd.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct lines *lines = handle->data;
    size_t used = strlen(lines->text);
    *buf = uv_buf_init(lines->text + used, (unsigned)(sizeof(lines->text) - 1 - used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct lines *lines = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        loop_stop(lines->loop);
        return;
    }
    buf->base[n] = '\0';
    for (char *newline; (newline = strchr(lines->text, '\n'));) {
        *newline = '\0';
        lines->line(lines->arg, lines->text);
        memmove(lines->text, newline + 1, strlen(newline + 1) + 1);
    }
}

void lines_open(struct lines *lines, struct loop *loop, void (*line)(void *arg, const char *line), void *arg)
{
    *lines = (struct lines){.loop = loop, .line = line, .arg = arg};
    uv_pipe_init(loop_uv(loop), &lines->in, 0);
    lines->in.data = lines;
    uv_pipe_open(&lines->in, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&lines->in, on_alloc, on_read);
}

void lines_close(struct lines *lines)
{
    uv_close((uv_handle_t *)&lines->in, NULL);
}
