#include "samples/minicluster/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

#define DAY_S 86400
#define DAYS_AHEAD (5 * 366)
#define STEP_MOST 1000

static const struct {
    const char *name, *fields;
} shorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

struct field {
    int least, most;
    const char *names; /* three letters each, from least on; NULL: numbers only */
};

static const struct field fields[] = {
    {0, 59, NULL},
    {0, 23, NULL},
    {1, 31, NULL},
    {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {0, 6, "sunmontuewedthufrisat"},
};

/* Moves *at behind it; -1: it is none. Seven is Sunday, too. */
static int read_value(const struct field *field, const char **at)
{
    char *end;
    for (const char *name = field->names; name && *name; name += 3) {
        if (strncasecmp(*at, name, 3))
            continue;
        *at += 3;
        return field->least + (int)(name - field->names) / 3;
    }
    if (**at < '0' || **at > '9')
        return -1;
    long value = strtol(*at, &end, 10);
    *at = end;
    bool sunday = field->names && field->most == 6 && value == 7;
    return sunday ? 0 : value >= field->least && value <= field->most ? (int)value : -1;
}

/* The star, a value or two, a step. */
static bool read_range(const struct field *field, const char *at, uint64_t *out)
{
    int from = field->least, to = field->most;
    long step = 1;
    bool star = *at == '*' || *at == '?';
    if (star) {
        at++;
    } else {
        to = from = read_value(field, &at);
        if (from >= 0 && *at == '-') {
            at++;
            to = read_value(field, &at);
        } else if (*at == '/') {
            to = field->most;
        }
    }
    if (*at == '/') {
        char *end;
        step = strtol(at + 1, &end, 10);
        at = end;
    }
    if (*at || from < 0 || to < from || step < 1 || step > STEP_MOST)
        return false;
    for (int i = from; i <= to; i += (int)step)
        *out |= (uint64_t)1 << i;
    return true;
}

static bool read_field(const struct field *field, char *text, uint64_t *out)
{
    for (char *range; (range = strsep(&text, ","));)
        if (!read_range(field, range, out))
            return false;
    return true;
}

bool schedule_parse(const char *text, struct schedule *out)
{
    uint64_t *const targets[] = {&out->minutes, &out->hours, &out->days, &out->months, &out->weekdays};
    for (size_t i = 0; i < array_size(shorthands); i++)
        if (!strcmp(text, shorthands[i].name))
            text = shorthands[i].fields;
    cleanup_free char *copy = mem_strdup(text);
    char *rest = copy, *word;
    size_t count = 0;
    *out = (struct schedule){0};
    while ((word = strsep(&rest, " \t"))) {
        if (!*word)
            continue;
        if (count == 2)
            out->any_day = word[0] == '*';
        if (count == 4)
            out->any_weekday = word[0] == '*';
        if (count == array_size(fields) || !read_field(&fields[count], word, targets[count]))
            return false;
        count++;
    }
    return count == array_size(fields);
}

static bool has(uint64_t set, int i)
{
    return set >> i & 1;
}

static bool is_day(const struct schedule *schedule, int64_t day_s)
{
    struct tm tm;
    time_t time = (time_t)day_s;
    gmtime_r(&time, &tm);
    bool day = has(schedule->days, tm.tm_mday), weekday = has(schedule->weekdays, tm.tm_wday);
    bool either = !schedule->any_day && !schedule->any_weekday;
    return has(schedule->months, tm.tm_mon + 1) && (either ? day || weekday : day && weekday);
}

int64_t schedule_next(const struct schedule *schedule, int64_t after_s)
{
    int64_t at = (after_s / 60 + 1) * 60, last = at + (int64_t)DAYS_AHEAD * DAY_S;
    while (at < last) {
        int64_t day = at / DAY_S * DAY_S;
        if (!is_day(schedule, day)) {
            at = day + DAY_S;
            continue;
        }
        int minute = (int)((at - day) / 60);
        if (has(schedule->hours, minute / 60) && has(schedule->minutes, minute % 60))
            return at;
        at += 60;
    }
    return -1;
}
