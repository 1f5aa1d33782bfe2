/* Texts to values. Each type has one function that takes a text and says 0, or 1 where it is not allowed;
 * what is allowed is said in one place, allowed_text(), so that every refusal reads alike. */

#include "base/options_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"us", 1}, {"ms", LOOP_MS}, {"s", LOOP_SECOND}, {"m", 60 * LOOP_SECOND}, {"h", 3600 * LOOP_SECOND},
};
static const struct unit size_units[] = {
    {"", 1},        {"B", 1},           {"k", 1000},        {"K", 1024},         {"KB", 1000},
    {"kB", 1000},   {"KiB", 1024},      {"M", 1024 * 1024}, {"MB", 1000 * 1000}, {"MiB", 1024 * 1024},
    {"G", 1 << 30}, {"GB", 1000000000}, {"GiB", 1 << 30},
};

bool option_is_setting(const struct option_spec *spec)
{
    return spec->type != OPTION_HELP && spec->type != OPTION_MAN && spec->type != OPTION_VERSION;
}

bool option_takes_value(const struct option_spec *spec)
{
    return option_is_setting(spec) && spec->type != OPTION_BOOL;
}

/* Reads digits; *end is behind them. False without a digit or beyond int64_t. */
static bool read_digits(const char *text, const char **end, int64_t *out)
{
    char *stop;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    long long value = strtoll(text, &stop, 10);
    *end = stop;
    *out = value;
    return errno == 0;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *text, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, text, len) == 0)
            return &units[i];
    return NULL;
}

/* One "30s" of a duration or the whole of a size; *text moves behind it. */
static int take_quantity(const char **text, const struct unit *units, size_t count, int64_t *sum)
{
    const char *end;
    int64_t value;
    if (!read_digits(*text, &end, &value))
        return 1;
    size_t len = strcspn(end, "0123456789");
    const struct unit *unit = find_unit(units, count, end, len);
    if (!unit || __builtin_mul_overflow(value, unit->factor, &value) ||
        __builtin_add_overflow(*sum, value, sum))
        return 1;
    *text = end + len;
    return 0;
}

static bool in_bounds(const struct option_spec *spec, int64_t value)
{
    int64_t most = spec->least || spec->most ? spec->most : INT64_MAX;
    return value >= spec->least && value <= most;
}

static int parse_duration(const struct option_spec *spec, const char *text, int64_t *out)
{
    int64_t sum = 0;
    const char *rest = strcmp(text, "0") == 0 ? "0s" : text;
    do {
        if (take_quantity(&rest, duration_units, array_size(duration_units), &sum) != 0)
            return 1;
    } while (*rest);
    if (!in_bounds(spec, sum))
        return 1;
    *out = sum;
    return 0;
}

static int parse_size(const char *text, int64_t *out)
{
    int64_t sum = 0;
    if (take_quantity(&text, size_units, array_size(size_units), &sum) != 0 || *text)
        return 1;
    *out = sum;
    return 0;
}

static int parse_number(const struct option_spec *spec, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end || !in_bounds(spec, value))
        return 1;
    *out = value;
    return 0;
}

static int parse_bool(const char *text, bool *out)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return 1;
    *out = text[0] == 't';
    return 0;
}

static int parse_choice(const struct option_spec *spec, const char *text, int *out)
{
    size_t len = strlen(text);
    int place = 0;
    for (const char *word = spec->value; *word; place++) {
        size_t word_len = strcspn(word, "|");
        if (word_len == len && memcmp(word, text, len) == 0) {
            *out = place;
            return 0;
        }
        word += word_len + (word[word_len] == '|');
    }
    return 1;
}

/* The host of "host:port" or "[v6]:port"; *port is behind the colon. */
static struct option_endpoint split_endpoint(const char *text, const char **port)
{
    struct option_endpoint out = {0};
    bool brackets = text[0] == '[';
    const char *end = brackets ? strstr(text, "]:") : strchr(text, ':');
    const char *host = text + brackets;
    *port = "";
    if (!end || end == host || (size_t)(end - host) >= sizeof(out.host))
        return out;
    memcpy(out.host, host, (size_t)(end - host));
    *port = end + 1 + brackets;
    return out;
}

static int parse_endpoint(const char *text, struct option_endpoint *out)
{
    const char *port, *end;
    int64_t number;
    struct option_endpoint parsed = split_endpoint(text, &port);
    if (!read_digits(port, &end, &number) || *end || number > UINT16_MAX)
        return 1;
    parsed.port = (uint16_t)number;
    *out = parsed;
    return 0;
}

static int set_text(const struct option_spec *spec, const char *text, char **out)
{
    if (text[0] == '\0' || (spec->valid && !spec->valid(text)))
        return 1;
    free(*out);
    *out = mem_strdup(text);
    return 0;
}

static int add_item(const struct option_spec *spec, const char *text, size_t len, struct option_list *list)
{
    cleanup_with(mem_free_pointer) char *item = mem_dup(text, len);
    if (len == 0 || (spec->valid && !spec->valid(item)))
        return 1;
    list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = mem_steal(item);
    return 0;
}

static int add_items(const struct option_spec *spec, const char *text, struct option_list *list)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (add_item(spec, text, len, list) != 0)
            return 1;
        if (text[len] == '\0')
            return 0;
        text += len + 1;
    }
}

static int parse_value(const struct option_spec *spec, void *value, const char *text)
{
    switch (spec->type) {
    case OPTION_TEXT:
    case OPTION_CONFIG:
        return set_text(spec, text, value);
    case OPTION_LIST:
        return add_items(spec, text, value);
    case OPTION_BOOL:
        return parse_bool(text, value);
    case OPTION_NUMBER:
        return parse_number(spec, text, value);
    case OPTION_DURATION:
        return parse_duration(spec, text, value);
    case OPTION_SIZE:
        return parse_size(text, value);
    case OPTION_ENDPOINT:
        return parse_endpoint(text, value);
    case OPTION_CHOICE:
        return parse_choice(spec, text, value);
    default:
        return 1;
    }
}

static void number_allowed(const struct option_spec *spec, char *out, size_t size)
{
    if (spec->least || spec->most)
        snprintf(out, size, "a number from %lld to %lld", (long long)spec->least, (long long)spec->most);
    else
        snprintf(out, size, "a number, 0 or more");
}

static void duration_allowed(const struct option_spec *spec, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "a time with its unit, such as 500ms, 30s or 1h30m");
    if (spec->least || spec->most)
        snprintf(out + n, size - n, ", from %gs to %gs", (double)spec->least / LOOP_SECOND,
                 (double)spec->most / LOOP_SECOND);
}

static void choice_allowed(const struct option_spec *spec, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "one of ");
    for (const char *c = spec->value; *c && n + 3 < size; c++)
        n += (size_t)snprintf(out + n, size - n, *c == '|' ? ", " : "%c", *c);
}

static void allowed_text(const struct option_spec *spec, char *out, size_t size)
{
    switch (spec->type) {
    case OPTION_BOOL:
        snprintf(out, size, "true or false");
        break;
    case OPTION_NUMBER:
        number_allowed(spec, out, size);
        break;
    case OPTION_DURATION:
        duration_allowed(spec, out, size);
        break;
    case OPTION_SIZE:
        snprintf(out, size, "a number of bytes, such as 4096, 128KiB or 2MiB");
        break;
    case OPTION_ENDPOINT:
        snprintf(out, size, "host:port, such as 127.0.0.1:8080 or [::1]:8080");
        break;
    case OPTION_CHOICE:
        choice_allowed(spec, out, size);
        break;
    default:
        snprintf(out, size, "%s", spec->allowed ? spec->allowed : "a text that is not empty");
    }
}

int option_value_set(const struct option_spec *spec, void *value, const char *where, const char *text,
                     struct error *err)
{
    char allowed[256];
    if (parse_value(spec, value, text) == 0)
        return 0;
    allowed_text(spec, allowed, sizeof(allowed));
    return error_set(err, EX_USAGE, "%s: \"%.100s\" is not allowed; give %s", where, text, allowed);
}

static void free_list(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct option_list){0};
}

void option_value_free(const struct option_spec *spec, void *value)
{
    if (spec->type == OPTION_LIST) {
        free_list(value);
    } else if (spec->type == OPTION_TEXT || spec->type == OPTION_CONFIG) {
        free(*(char **)value);
        *(char **)value = NULL;
    }
}
