#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/program.h"

/* Programs run in child processes: they are about signals and exit codes. */

static const struct program_info info = {.name = "thing",
                                         .summary = "does things",
                                         .usage = "[options]",
                                         .description = "It does.",
                                         .example = "thing\n"};

struct child {
    pid_t pid;
    int out; /* what it says on stdout and stderr */
};

struct settling {
    struct program program;
    struct timer timer;
    long before;
};

struct work {
    struct program *program;
    struct timer timer;
};

static void say_ready(void *arg)
{
    (void)arg;
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        abort();
}

static void end_well(void *arg)
{
    struct work *work = arg;
    if (write(STDOUT_FILENO, "stop\n", 5) != 5)
        abort();
    program_end(work->program, 0);
}

static void end_never(void *arg)
{
    (void)arg;
    if (write(STDOUT_FILENO, "stop\n", 5) != 5)
        abort();
}

struct fruit {
    uint64_t apples, pears, plums;
};

static void count_fruit(void *arg, struct counters *out)
{
    static const struct metric fruit = METRIC_COUNTER("fruit_total", "Fruit.");
    static const struct counter list[] = {COUNTER(struct fruit, apples, &fruit),
                                          COUNTER(struct fruit, pears, &fruit),
                                          COUNTER(struct fruit, plums, &fruit)};
    counters_add(out, "fruit", "", list, 3, arg);
    counters_add(out, "none", "", list, 3, &(struct fruit){0});
}

static int run_program(int argc, char **argv, void (*stop)(void *arg))
{
    struct program program;
    struct work work = {.program = &program};
    int code = program_init(&program, &info, NULL, 0, argc, argv);
    if (code == 0) {
        timer_init(&work.timer, program.loop, say_ready, NULL);
        timer_start(&work.timer, 0);
        static const struct monitor_ops ops = {.counters = count_fruit};
        program_attend(&program, &ops, &(struct fruit){.apples = 3, .plums = UINT64_MAX});
        code = program_run(&program, stop, &work);
    }
    return program_deinit(&program, code);
}

static struct child start_child(char *argument, void (*stop)(void *arg))
{
    char *argv[] = {(char *)"thing", argument, NULL};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    struct child child = {.pid = fork(), .out = pipes[0]};
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(run_program(argument ? 2 : 1, argv, stop));
    }
    close(pipes[1]);
    return child;
}

/* Reads until the text has come; fails where the child ends without it. */
static void await_text(struct child *child, const char *text)
{
    char seen[8192] = "";
    size_t len = 0;
    while (!strstr(seen, text)) {
        ssize_t n = read(child->out, seen + len, sizeof(seen) - 1 - len);
        if (n <= 0)
            print_error("\"%s\" did not come, but: %s\n", text, seen);
        assert_true(n > 0);
        len += (size_t)n;
        seen[len] = '\0';
    }
}

static int await_end(struct child *child)
{
    int status;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    close(child->out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_first_signal_ends_it_well(void **state)
{
    (void)state;
    static const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        struct child child = start_child(NULL, end_well);
        await_text(&child, "ready\n");
        kill(child.pid, numbers[i]);
        await_text(&child, "stop\n");
        assert_int_equal(await_end(&child), 0);
    }
}

static void without_a_stop_callback_the_loop_just_ends(void **state)
{
    (void)state;
    struct child child = start_child(NULL, NULL);
    await_text(&child, "ready\n");
    kill(child.pid, SIGTERM);
    assert_int_equal(await_end(&child), 0);
}

static void the_second_signal_ends_it_at_once(void **state)
{
    (void)state;
    struct child child = start_child(NULL, end_never);
    await_text(&child, "ready\n");
    kill(child.pid, SIGTERM);
    await_text(&child, "stop\n");
    kill(child.pid, SIGINT);
    assert_int_equal(await_end(&child), 128 + SIGINT);
}

static void counters_are_told_when_asked_for(void **state)
{
    (void)state;
    struct child child = start_child(NULL, end_well);
    await_text(&child, "ready\n");
    kill(child.pid, SIGUSR1);
    await_text(&child, "info  counters: fruit: apples=3 plums=18446744073709551615; none:; loop:");
    kill(child.pid, SIGUSR1);
    await_text(&child, "info  counters: fruit: apples=3");
    kill(child.pid, SIGTERM);
    await_text(&child, "stop\n");
    assert_int_equal(await_end(&child), 0);
}

static void a_broken_pipe_is_no_end(void **state)
{
    (void)state;
    struct child child = start_child(NULL, end_well);
    await_text(&child, "ready\n");
    kill(child.pid, SIGPIPE);
    kill(child.pid, SIGTERM);
    await_text(&child, "stop\n");
    assert_int_equal(await_end(&child), 0);
}

static void bad_options_end_with_one_line_and_usage(void **state)
{
    (void)state;
    char option[] = "--log-level=loud";
    struct child child = start_child(option, NULL);
    await_text(&child, "thing: --log-level: \"loud\" is not allowed; give one of error, warn, info, debug\n");
    assert_int_equal(await_end(&child), EX_USAGE);
}

static void help_ends_well(void **state)
{
    (void)state;
    char option[] = "--help";
    struct child child = start_child(option, NULL);
    await_text(&child, "--log-format text|json");
    assert_int_equal(await_end(&child), 0);
}

/* Pages of files that this process has, in KiB. */
static long resident_files(void)
{
    char text[8192];
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *line = strstr(text, "RssFile:");
    assert_non_null(line);
    return strtol(line + strlen("RssFile:"), NULL, 10);
}

/* Comes after what the program does when it has settled: its time is later. */
static void end_by_what_is_resident(void *arg)
{
    struct settling *settling = arg;
    program_end(&settling->program, resident_files() < settling->before / 4 * 3 ? 0 : 1);
}

/* All of the code, whether it is needed or not; a sanitizer would not have gaps between variables read. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static int
touch_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const volatile char *bytes = (const volatile char *)(object->dlpi_addr + segment->p_vaddr);
        for (size_t at = 0; segment->p_type == PT_LOAD && at < segment->p_memsz; at += 4096)
            *(char *)arg ^= bytes[at];
    }
    return 0;
}

static void code_that_only_starting_needed_goes_back(void **state)
{
    (void)state;
    char *argv[] = {(char *)"thing", NULL}, sum = 0;
    struct settling settling;
    assert_int_equal(program_init(&settling.program, &info, NULL, 0, 1, argv), 0);
    assert_true(settling.program.settled_us >= 10 * LOOP_SECOND);
    settling.program.settled_us = LOOP_MS;
    dl_iterate_phdr(touch_object, &sum);
    settling.before = resident_files();
    timer_init(&settling.timer, settling.program.loop, end_by_what_is_resident, &settling);
    timer_start(&settling.timer, 2 * LOOP_MS);
    int code = program_run(&settling.program, NULL, NULL);
    timer_stop(&settling.timer);
    assert_int_equal(program_deinit(&settling.program, code), 0);
}

static void fail_at_once(void *arg)
{
    struct error err;
    error_set(&err, EX_NOPERM, "the broker refuses");
    program_fail(arg, &err);
}

static void a_failure_is_told_and_is_the_exit_code(void **state)
{
    (void)state;
    char name[] = "thing", *argv[] = {name};
    struct program program;
    struct timer timer;
    assert_int_equal(program_init(&program, &info, NULL, 0, 1, argv), 0);
    timer_init(&timer, program.loop, fail_at_once, &program);
    timer_start(&timer, 0);
    int code = program_run(&program, NULL, NULL);
    assert_int_equal(code, EX_NOPERM);
    program_end(&program, 0); /* the first call counts */
    assert_int_equal(program_run(&program, NULL, NULL), EX_NOPERM);
    assert_int_equal(program_deinit(&program, code), EX_NOPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_ends_it_well),
        cmocka_unit_test(without_a_stop_callback_the_loop_just_ends),
        cmocka_unit_test(the_second_signal_ends_it_at_once),
        cmocka_unit_test(counters_are_told_when_asked_for),
        cmocka_unit_test(a_broken_pipe_is_no_end),
        cmocka_unit_test(bad_options_end_with_one_line_and_usage),
        cmocka_unit_test(help_ends_well),
        cmocka_unit_test(code_that_only_starting_needed_goes_back),
        cmocka_unit_test(a_failure_is_told_and_is_the_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
