#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "informer/output.h"

/* An output into a pipe, over virtual time. */
struct bench {
    struct loop *loop;
    struct output *output;
    int reader, writer;
    int closed, error;
};

static void on_closed(void *arg, int error)
{
    struct bench *bench = arg;
    bench->closed++;
    bench->error = error;
}

static void set_up(struct bench *bench, size_t limit)
{
    int pipes[2];
    *bench = (struct bench){.loop = loop_create_simulated(1)};
    assert_int_equal(pipe(pipes), 0);
    bench->reader = pipes[0];
    bench->writer = pipes[1];
    bench->output = output_create(bench->loop, bench->writer, limit, on_closed, bench);
}

static void tear_down(struct bench *bench)
{
    output_destroy(bench->output);
    loop_destroy(bench->loop);
    if (bench->reader >= 0)
        close(bench->reader);
    close(bench->writer);
}

/* size bytes of which each says where it stands. */
static char *pattern(size_t size)
{
    char *text = mem_alloc(size);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)((i * 31 + i / 4096) & 0xff);
    return text;
}

static void what_is_written_arrives_after_the_turn(void **state)
{
    (void)state;
    struct bench bench;
    char text[16];
    set_up(&bench, 1 << 20);
    output_write(bench.output, "one\n", 4);
    output_write(bench.output, "two\n", 4);
    assert_int_equal(output_waiting(bench.output), 8);
    while (loop_step(bench.loop))
        ;
    assert_int_equal(read(bench.reader, text, sizeof(text)), 8);
    assert_memory_equal(text, "one\ntwo\n", 8);
    assert_int_equal(bench.closed, 0);
    tear_down(&bench);
}

/* Reads what is there without waiting. */
static size_t read_ready(int fd, char *out, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    while (len < size && poll(&ready, 1, 0) == 1) {
        ssize_t n = read(fd, out + len, size - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    return len;
}

static void a_slow_reader_stalls_nothing_and_loses_nothing(void **state)
{
    (void)state;
    enum { SIZE = 1000 * 1000 };
    struct bench bench;
    char *text = pattern(SIZE), *seen = mem_alloc(SIZE);
    set_up(&bench, 2 * SIZE);
    output_write(bench.output, text, SIZE);
    for (int turns = 0; turns < 50; turns++)
        assert_true(loop_step(bench.loop)); /* the pipe is full: each turn returns */
    assert_true(output_waiting(bench.output) > SIZE / 2);
    size_t len = 0;
    while (loop_step(bench.loop))
        len += read_ready(bench.reader, seen + len, SIZE - len);
    len += read_ready(bench.reader, seen + len, SIZE - len);
    assert_int_equal(len, SIZE);
    assert_memory_equal(seen, text, SIZE);
    free(text);
    free(seen);
    tear_down(&bench);
}

/* A child that reads size bytes and ends with 0 if they are the pattern's. */
static pid_t start_reader(struct bench *bench, size_t size)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    close(bench->writer);
    char *expected = pattern(size), *seen = mem_alloc(size);
    size_t len = 0;
    ssize_t n = 1;
    while (len < size && n > 0) {
        n = read(bench->reader, seen + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    }
    _exit(len == size && memcmp(seen, expected, size) == 0 ? 0 : 1);
}

static void a_full_buffer_waits_for_the_reader(void **state)
{
    (void)state;
    enum { SIZE = 1000 * 1000, PART = 1000 };
    struct bench bench;
    int status;
    char *text = pattern(SIZE);
    set_up(&bench, 10 * 1000);
    pid_t child = start_reader(&bench, SIZE);
    for (size_t at = 0; at < SIZE; at += PART) {
        output_write(bench.output, text + at, PART);
        assert_true(output_waiting(bench.output) <= 10 * 1000);
    }
    assert_int_equal(output_flush(bench.output), 0);
    assert_int_equal(output_waiting(bench.output), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(text);
    tear_down(&bench);
}

static void a_reader_that_has_gone_is_told_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1 << 20);
    close(bench.reader);
    bench.reader = -1;
    output_write(bench.output, "one\n", 4);
    assert_int_equal(bench.closed, 0); /* from the loop only */
    while (loop_step(bench.loop))
        ;
    output_write(bench.output, "two\n", 4);
    while (loop_step(bench.loop))
        ;
    assert_int_equal(bench.closed, 1);
    assert_int_equal(bench.error, EPIPE);
    assert_int_equal(output_waiting(bench.output), 0);
    assert_int_equal(output_flush(bench.output), -EPIPE);
    tear_down(&bench);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 1 << 20);
    int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    struct output *output = output_create(bench.loop, full, 1000, on_closed, &bench);
    output_write(output, "one\n", 4);
    assert_int_equal(output_flush(output), -ENOSPC);
    while (loop_step(bench.loop))
        ;
    assert_int_equal(bench.closed, 1);
    assert_int_equal(bench.error, ENOSPC);
    output_destroy(output);
    close(full);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_arrives_after_the_turn),
        cmocka_unit_test(a_slow_reader_stalls_nothing_and_loses_nothing),
        cmocka_unit_test(a_full_buffer_waits_for_the_reader),
        cmocka_unit_test(a_reader_that_has_gone_is_told_once),
        cmocka_unit_test(a_full_disk_is_told),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
