#ifndef TI_BASE_LOG_H
#define TI_BASE_LOG_H

/*
 * One line per event on stderr, as text or JSON. A log is made by the program and lent to everything below
 * it; NULL is a log that says nothing. Control characters of remote text are escaped, so that a line stays a
 * line. Never used from another thread than the loop's.
 *
 * A line for systemd's journal begins with its priority (sd-daemon(3)), so that `journalctl -p warning` finds
 * what went wrong, and one of text has no time, which the journal has itself.
 */

#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
    FILE *out; /* borrowed */
    enum log_level level;
    enum log_format format;
    bool journal; /* out is systemd's journal */
};

int log_level_parse(const char *text, enum log_level *level);    /* 0, or 1 for an unknown word */
int log_format_parse(const char *text, enum log_format *format); /* 0, or 1 for an unknown word */

/* Whether what is written to fd goes to systemd's journal, as JOURNAL_STREAM in the environment tells. */
bool log_is_journal(int fd);
/* What a line of that level begins with in the journal; "" elsewhere. */
const char *log_priority(const struct log *log, enum log_level level);

/* part: who speaks, one word ("reflector"); what follows is a sentence without newline, "what: why, what
 * now". */
void log_write(struct log *log, enum log_level level, const char *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(log, part, ...) log_write((log), LOG_LEVEL_ERROR, (part), __VA_ARGS__)
#define log_warn(log, part, ...) log_write((log), LOG_LEVEL_WARN, (part), __VA_ARGS__)
#define log_info(log, part, ...) log_write((log), LOG_LEVEL_INFO, (part), __VA_ARGS__)
#define log_debug(log, part, ...) log_write((log), LOG_LEVEL_DEBUG, (part), __VA_ARGS__)

#endif
