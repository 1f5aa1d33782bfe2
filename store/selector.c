#include "store/selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_LEN 63
#define PREFIX_MAX_LEN 253

void selector_deinit(struct selector *selector)
{
    for (size_t i = 0; i < selector->count; i++) {
        struct selector_term *term = &selector->terms[i];
        for (size_t j = 0; j < term->count; j++)
            free(term->values[j]);
        free(term->values);
        free(term->key);
    }
    free(selector->terms);
    *selector = (struct selector){0};
}

static struct selector_term *add_term(struct selector *selector, char *key, enum selector_operator op)
{
    selector->terms = mem_realloc(selector->terms, (selector->count + 1) * sizeof(*selector->terms));
    struct selector_term *term = &selector->terms[selector->count++];
    *term = (struct selector_term){.key = key, .op = op};
    return term;
}

static void add_value(struct selector_term *term, char *value)
{
    term->values = mem_realloc(term->values, (term->count + 1) * sizeof(*term->values));
    term->values[term->count++] = value;
}

static void skip_space(const char **at)
{
    while (isspace((unsigned char)**at))
        (*at)++;
}

/* A run of the characters that keys and values are made of; never NULL, may be empty. */
static char *take_word(const char **at)
{
    skip_space(at);
    const char *from = *at;
    while (isalnum((unsigned char)**at) || (**at && strchr("-_./", **at)))
        (*at)++;
    char *word = mem_dup(from, (size_t)(*at - from));
    skip_space(at);
    return word;
}

static bool take(const char **at, const char *token)
{
    size_t len = strlen(token);
    if (strncmp(*at, token, len))
        return false;
    *at += len;
    skip_space(at);
    return true;
}

static int take_set(struct selector_term *term, const char **at)
{
    if (!take(at, "("))
        return 1;
    do {
        add_value(term, take_word(at));
    } while (take(at, ","));
    return take(at, ")") ? 0 : 1;
}

/* What follows a key: an operator with its values, or nothing. */
static int take_condition(struct selector_term *term, const char **at)
{
    static const struct {
        const char *token;
        enum selector_operator op;
    } operators[] = {{"==", SELECTOR_IN},
                     {"=", SELECTOR_IN},
                     {"!=", SELECTOR_NOT_IN},
                     {">", SELECTOR_GREATER},
                     {"<", SELECTOR_LESS}};
    for (size_t i = 0; i < array_size(operators); i++)
        if (take(at, operators[i].token)) {
            term->op = operators[i].op;
            add_value(term, take_word(at));
            return 0;
        }
    if (take(at, "notin")) {
        term->op = SELECTOR_NOT_IN;
        return take_set(term, at);
    }
    if (take(at, "in")) {
        term->op = SELECTOR_IN;
        return take_set(term, at);
    }
    return 0;
}

static int take_term(struct selector *selector, const char **at)
{
    bool absent = take(at, "!");
    char *key = take_word(at);
    struct selector_term *term = add_term(selector, key, absent ? SELECTOR_ABSENT : SELECTOR_EXISTS);
    if (!key[0])
        return 1;
    return absent ? 0 : take_condition(term, at);
}

static bool all_of(const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
            return false;
    return true;
}

static bool is_name(const char *text, size_t len)
{
    return len > 0 && len <= NAME_MAX_LEN && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[len - 1]) && all_of(text, len, "-_.");
}

static bool is_key(const char *key)
{
    const char *slash = strchr(key, '/');
    size_t len = slash ? (size_t)(slash - key) : 0;
    bool prefixed = !slash || (len > 0 && len <= PREFIX_MAX_LEN && all_of(key, len, "-."));
    const char *name = slash ? slash + 1 : key;
    return prefixed && is_name(name, strlen(name));
}

static bool integer(const char *text, size_t len, long long *out)
{
    char copy[32], *end;
    if (len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    errno = 0;
    *out = strtoll(copy, &end, 10);
    return !*end && !errno;
}

/* No object can have such a label: what was meant is not what was written. NULL: nothing is wrong. */
static const char *fault_of(const struct selector_term *term)
{
    bool compares = term->op == SELECTOR_GREATER || term->op == SELECTOR_LESS;
    long long number;
    if (!is_key(term->key))
        return "a key is at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, "
               "maybe behind a domain and '/'";
    for (size_t i = 0; i < term->count; i++) {
        const char *value = term->values[i];
        if (value[0] && !is_name(value, strlen(value)))
            return "a value is at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both "
                   "ends";
        if (compares && !integer(value, strlen(value), &number))
            return "for '>' and '<' the value must be an integer";
    }
    return NULL;
}

static int check_terms(struct selector *selector, const char *text, struct error *err)
{
    for (size_t i = 0; i < selector->count; i++) {
        const char *fault = fault_of(&selector->terms[i]);
        if (fault) {
            selector_deinit(selector);
            return error_set(err, EX_DATAERR, "unable to parse requirement: %s: in selector '%.200s'", fault,
                             text);
        }
    }
    return 0;
}

int selector_parse_labels(struct selector *selector, const char *text, struct error *err)
{
    const char *at = text;
    *selector = (struct selector){0};
    skip_space(&at);
    while (*at) {
        int r = take_term(selector, &at);
        if (r == 0 && *at && !(take(&at, ",") && *at))
            r = 1;
        if (r != 0) {
            selector_deinit(selector);
            return error_set(err, EX_DATAERR,
                             "unable to parse requirement: found '%.40s' in selector '%.200s'", at, text);
        }
    }
    return check_terms(selector, text, err);
}

/* A field's value runs to the next comma; a comma, '=' or backslash in it has a backslash before it. NULL
 * where one has not, or stands before anything else. */
static char *take_field_value(const char **at)
{
    char *value = mem_alloc(strlen(*at) + 1), *out = value;
    for (; **at && **at != ','; (*at)++) {
        bool escaped = **at == '\\';
        *at += escaped;
        if (escaped ? !**at || !strchr("\\,=", **at) : **at == '=') {
            free(value);
            return NULL;
        }
        *out++ = **at;
    }
    *out = '\0';
    return value;
}

/* One term. False where it is none. */
static bool take_field(struct selector *selector, const char **at)
{
    size_t len = strcspn(*at, "=!,");
    bool not_equal = (*at)[len] == '!' && (*at)[len + 1] == '=';
    if (len == 0 || ((*at)[len] != '=' && !not_equal))
        return false;
    struct selector_term *term =
        add_term(selector, mem_dup(*at, len), not_equal ? SELECTOR_NOT_IN : SELECTOR_IN);
    *at += len + 1;
    *at += **at == '=';
    char *value = take_field_value(at);
    if (value)
        add_value(term, value);
    return value;
}

int selector_parse_fields(struct selector *selector, const char *text, struct error *err)
{
    *selector = (struct selector){0};
    for (const char *at = text; *at; at += *at == ',') {
        if (*at == ',' || take_field(selector, &at))
            continue;
        selector_deinit(selector);
        return error_set(err, EX_DATAERR, "invalid selector: '%.200s'; can't understand '%.100s'", text, at);
    }
    return 0;
}

static bool compares(const struct selector_term *term, struct slice value)
{
    long long have, want;
    if (!integer(value.data, value.len, &have) || !integer(term->values[0], strlen(term->values[0]), &want))
        return false;
    return term->op == SELECTOR_GREATER ? have > want : have < want;
}

static bool term_matches(const struct selector_term *term, struct slice value)
{
    bool is_one_of = false;
    for (size_t i = 0; value.data && i < term->count && !is_one_of; i++)
        is_one_of = slice_equal(value, term->values[i]);
    switch (term->op) {
    case SELECTOR_IN:
        return is_one_of;
    case SELECTOR_NOT_IN:
        return !is_one_of;
    case SELECTOR_EXISTS:
        return value.data;
    case SELECTOR_ABSENT:
        return !value.data;
    default:
        return value.data && compares(term, value);
    }
}

void selector_take(struct selector *selector, const char *key, struct selector *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < selector->count; i++) {
        struct selector_term term = selector->terms[i];
        if (strcmp(term.key, key) != 0) {
            selector->terms[kept++] = term;
            continue;
        }
        out->terms = mem_realloc(out->terms, (out->count + 1) * sizeof(*out->terms));
        out->terms[out->count++] = term;
    }
    selector->count = kept;
}

bool selector_matches_text(const struct selector *selector, struct slice value)
{
    for (size_t i = 0; i < selector->count; i++)
        if (!term_matches(&selector->terms[i], value))
            return false;
    return true;
}

bool selector_matches_labels(const struct selector *selector, struct slice labels)
{
    for (size_t i = 0; i < selector->count; i++) {
        struct slice none = {0};
        const struct selector_term *term = &selector->terms[i];
        if (!term_matches(term, labels.data ? json_member(labels, term->key) : none))
            return false;
    }
    return true;
}

/* An absent field is an empty one. */
static struct slice field(struct slice object, const char *path)
{
    while (object.data && *path) {
        char name[128];
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return (struct slice){"", 0};
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_member(object, name);
        path += len + (path[len] == '.');
    }
    return object.data ? object : (struct slice){"", 0};
}

bool selector_matches_fields(const struct selector *selector, struct slice object)
{
    for (size_t i = 0; i < selector->count; i++)
        if (!term_matches(&selector->terms[i], field(object, selector->terms[i].key)))
            return false;
    return true;
}

const char *selector_exact(const struct selector *selector, const char *key)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct selector_term *term = &selector->terms[i];
        if (term->op == SELECTOR_IN && term->count == 1 && !strcmp(term->key, key))
            return term->values[0];
    }
    return NULL;
}
