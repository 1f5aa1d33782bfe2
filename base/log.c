#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"

#define LOG_LINE_LIMIT 4096

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"text", "json"};

static int word_index(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    return -1;
}

int log_level_parse(const char *text, enum log_level *level)
{
    int i = word_index(text, level_names, array_size(level_names));
    if (i < 0)
        return 1;
    *level = (enum log_level)i;
    return 0;
}

int log_format_parse(const char *text, enum log_format *format)
{
    int i = word_index(text, format_names, array_size(format_names));
    if (i < 0)
        return 1;
    *format = (enum log_format)i;
    return 0;
}

static void time_text(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static void escape_controls(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
}

void log_write(struct log *log, enum log_level level, const char *part, const char *format, ...)
{
    if (!log || level > log->level)
        return;

    char text[LOG_LINE_LIMIT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    escape_controls(text);

    char when[40];
    time_text(when, sizeof(when));
    if (log->format == LOG_FORMAT_TEXT) {
        fprintf(log->out, "%s %-5s %s: %s\n", when, level_names[level], part, text);
    } else {
        struct buf line = BUF_INIT(LOG_LINE_LIMIT * 7);
        buf_append_json_string(&line, text, strlen(text));
        fprintf(log->out, "{\"time\":\"%s\",\"level\":\"%s\",\"part\":\"%s\",\"message\":%s}\n", when,
                level_names[level], part, line.data);
        buf_deinit(&line);
    }
    fflush(log->out);
}
