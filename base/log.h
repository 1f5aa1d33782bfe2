#ifndef TI_BASE_LOG_H
#define TI_BASE_LOG_H

/*
 * One line per event on stderr, as text or JSON. A log is made by the program and lent to everything below
 * it; NULL is a log that says nothing. Control characters of remote text are escaped, so that a line stays a
 * line. Never used from another thread than the loop's.
 */

#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
    FILE *out; /* borrowed */
    enum log_level level;
    enum log_format format;
};

int log_level_parse(const char *text, enum log_level *level);    /* 0, or 1 for an unknown word */
int log_format_parse(const char *text, enum log_format *format); /* 0, or 1 for an unknown word */

/* part: who speaks, one word ("reflector"); what follows is a sentence without newline, "what: why, what
 * now". */
void log_write(struct log *log, enum log_level level, const char *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(log, part, ...) log_write((log), LOG_LEVEL_ERROR, (part), __VA_ARGS__)
#define log_warn(log, part, ...) log_write((log), LOG_LEVEL_WARN, (part), __VA_ARGS__)
#define log_info(log, part, ...) log_write((log), LOG_LEVEL_INFO, (part), __VA_ARGS__)
#define log_debug(log, part, ...) log_write((log), LOG_LEVEL_DEBUG, (part), __VA_ARGS__)

#endif
