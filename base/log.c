#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"

#define LOG_LINE_LIMIT 4096

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"text", "json"};
static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};

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

bool log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat status;
    return stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
           fstat(fd, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

const char *log_priority(const struct log *log, enum log_level level)
{
    return log->journal ? priorities[level] : "";
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

static void write_json(FILE *out, const char *when, enum log_level level, const char *part, const char *text)
{
    struct buf line = BUF_INIT(LOG_LINE_LIMIT * 7);
    buf_append_json_string(&line, text, strlen(text));
    fprintf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"part\":\"%s\",\"message\":%s}\n", when,
            level_names[level], part, line.data);
    buf_deinit(&line);
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
    fputs(log_priority(log, level), log->out);
    if (log->format == LOG_FORMAT_JSON)
        write_json(log->out, when, level, part, text);
    else if (log->journal)
        fprintf(log->out, "%s: %s\n", part, text);
    else
        fprintf(log->out, "%s %-5s %s: %s\n", when, level_names[level], part, text);
    fflush(log->out);
}
