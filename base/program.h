#ifndef TI_BASE_PROGRAM_H
#define TI_BASE_PROGRAM_H

/*
 * What every program does around its own work: read options, set up log and loop, listen for signals, end
 * with a code.
 *
 *     struct program program;
 *     int code = program_init(&program, &info, groups, array_size(groups), argc, argv);
 *     if (code == 0) {
 *         ... create, start ...
 *         code = program_run(&program, stop, arg);
 *         ... destroy ...
 *     }
 *     return program_deinit(&program, code);
 *
 * The first SIGINT or SIGTERM asks for a graceful end: stop(arg) is called, and the work calls program_end()
 * when it has said its goodbyes; five seconds later the loop ends anyway. The second ends the process at
 * once. SIGPIPE is ignored. --metrics serves what there is to measure, and systemd hears of the state
 * (base/monitor.h). SIGUSR1 logs the counters in one line, and so does every minute at --log-level
 * debug.
 */

#include <stdbool.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/monitor.h"
#include "base/options.h"

struct program_signals;

/* Read by the group "General", which program_init() adds to those of the program. */
struct program_settings {
    char *config;
    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */
    struct option_endpoint metrics;
};

struct program {
    struct log log;
    struct loop *loop;
    struct program_settings settings;
    const char *name; /* borrowed from the info */
    int exit_code;
    int64_t settled_us; /* so long after program_run() began, the code that only starting needed goes back to
                           the system; program_init() sets it to 30 s */
    struct option_group *groups; /* owned, General included; their targets are the program's */
    size_t group_count;
    struct program_signals *signals; /* owned */
    struct monitor *monitor;         /* owned */
};

/* 0; or else the process's exit code, which is to go through program_deinit() as well: an error has been
 * printed, or help has. (Help ends with OPTIONS_E_SHOWN, which program_deinit() makes 0.) */
int program_init(struct program *program, const struct program_info *info, const struct option_group *groups,
                 size_t count, int argc, char **argv);

/* From now on the program's own work is asked for counters, measurements and whether it is ready. NULL: it is
 * there no more. */
void program_attend(struct program *program, const struct monitor_ops *ops, void *arg);

/* Runs the loop until program_end(); returns its code. stop may be NULL: the first signal then ends the loop
 * with 0. */
int program_run(struct program *program, void (*stop)(void *arg), void *arg);

/* From a callback: ends program_run() with this code. The first call counts. */
void program_end(struct program *program, int exit_code);

/* From a callback or before program_run(): prints "name: text" on stderr and ends with err->code. */
void program_fail(struct program *program, const struct error *err);

/* Frees everything; the loop must hold no handles and timers of others by now. Returns the exit code to give
 * to exit(). */
int program_deinit(struct program *program, int code);

#endif
