#include "store/selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_LEN 63
#define PREFIX_MAX_LEN 253
#define BLANKS " \t\r\n"
#define SYMBOLS "=!(),><"

/* Of faults, in the words of a real server. */
#define REQUIREMENT "unable to parse requirement: "
#define FIRST_VALUE ", expected: ',', ')' or identifier"
#define LATER_VALUE ", expected: ',', or identifier"

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

/* ---- label selectors ---- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_IN, TOKEN_NOT_IN, TOKEN_SYMBOL };

struct token {
    enum token_kind kind;
    const char *text;
    size_t len;
};

struct parser {
    const char *at; /* behind the token */
    struct token token;
    struct error *err;
};

static bool token_is(const struct token *token, const char *text)
{
    return token->len == strlen(text) && !memcmp(token->text, text, token->len);
}

static bool token_is_symbol(const struct token *token, const char *text)
{
    return token->kind == TOKEN_SYMBOL && token_is(token, text);
}

/* "in" and "notin" are operators where one can stand, and words elsewhere. */
static bool token_is_word(const struct token *token)
{
    return token->kind == TOKEN_WORD || token->kind == TOKEN_IN || token->kind == TOKEN_NOT_IN;
}

static void advance(struct parser *parser)
{
    struct token *token = &parser->token;
    parser->at += strspn(parser->at, BLANKS);
    token->text = parser->at;
    token->len = strcspn(parser->at, SYMBOLS BLANKS);
    token->kind = TOKEN_WORD;
    if (!*parser->at) {
        token->kind = TOKEN_END;
    } else if (!token->len) {
        token->kind = TOKEN_SYMBOL;
        token->len = !strncmp(parser->at, "==", 2) || !strncmp(parser->at, "!=", 2) ? 2 : 1;
    } else if (token_is(token, "in")) {
        token->kind = TOKEN_IN;
    } else if (token_is(token, "notin")) {
        token->kind = TOKEN_NOT_IN;
    }
    parser->at += token->len;
}

/* where: "unable to parse requirement: ", or nothing. */
static int unexpected(struct parser *parser, const char *where, const char *expected)
{
    return error_set(parser->err, EX_DATAERR, "%sfound '%.*s'%s", where,
                     (int)(parser->token.len < 100 ? parser->token.len : 100), parser->token.text, expected);
}

static int take_word(struct parser *parser, const char *expected, char **out)
{
    *out = NULL;
    if (!token_is_word(&parser->token))
        return unexpected(parser, REQUIREMENT, expected);
    *out = mem_dup(parser->token.text, parser->token.len);
    advance(parser);
    return 0;
}

/* "(a,b)"; what is left out is the empty value. */
static int take_set(struct selector_term *term, struct parser *parser)
{
    if (!token_is_symbol(&parser->token, "("))
        return unexpected(parser, REQUIREMENT, " expected: '('");
    do {
        advance(parser);
        bool empty = token_is_symbol(&parser->token, ",") || token_is_symbol(&parser->token, ")");
        char *value = empty ? mem_strdup("") : NULL;
        int r = empty ? 0 : take_word(parser, term->count ? LATER_VALUE : FIRST_VALUE, &value);
        if (r != 0)
            return r;
        add_value(term, value);
    } while (token_is_symbol(&parser->token, ","));
    if (!token_is_symbol(&parser->token, ")"))
        return unexpected(parser, REQUIREMENT, ", expected: ',' or ')'");
    advance(parser);
    return 0;
}

static bool ends_term(const struct token *token)
{
    return token->kind == TOKEN_END || token_is_symbol(token, ",");
}

static int take_one_value(struct selector_term *term, struct parser *parser)
{
    char *value = ends_term(&parser->token) ? mem_strdup("") : NULL;
    int r = value ? 0 : take_word(parser, ", expected: identifier", &value);
    if (r == 0)
        add_value(term, value);
    return r;
}

/* What follows a key: an operator with its values. */
static int take_condition(struct selector_term *term, struct parser *parser)
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
        if (token_is_symbol(&parser->token, operators[i].token)) {
            term->op = operators[i].op;
            advance(parser);
            return take_one_value(term, parser);
        }
    if (parser->token.kind != TOKEN_IN && parser->token.kind != TOKEN_NOT_IN)
        return unexpected(parser, REQUIREMENT, ", expected: in, notin, =, ==, !=, gt, lt");
    term->op = parser->token.kind == TOKEN_IN ? SELECTOR_IN : SELECTOR_NOT_IN;
    advance(parser);
    return take_set(term, parser);
}

static int take_term(struct selector *selector, struct parser *parser)
{
    char *key;
    bool absent = token_is_symbol(&parser->token, "!");
    if (absent)
        advance(parser);
    else if (!token_is_word(&parser->token))
        return unexpected(parser, "",
                          selector->count ? ", expected: identifier after ','"
                                          : ", expected: !, identifier, or 'end of string'");
    int r = take_word(parser, ", expected: identifier", &key);
    if (r != 0)
        return r;
    struct selector_term *term = add_term(selector, key, absent ? SELECTOR_ABSENT : SELECTOR_EXISTS);
    return absent || ends_term(&parser->token) ? 0 : take_condition(term, parser);
}

static int take_terms(struct selector *selector, struct parser *parser)
{
    advance(parser);
    while (parser->token.kind != TOKEN_END) {
        int r = take_term(selector, parser);
        if (r == 0 && !ends_term(&parser->token))
            r = unexpected(parser, "", ", expected: ',' or 'end of string'");
        if (r != 0)
            return r;
        if (parser->token.kind == TOKEN_END)
            break;
        advance(parser);
        if (parser->token.kind == TOKEN_END)
            return unexpected(parser, "", ", expected: identifier after ','");
    }
    return 0;
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
    struct parser parser = {.at = text, .err = err};
    *selector = (struct selector){0};
    if (take_terms(selector, &parser) == 0)
        return check_terms(selector, text, err);
    selector_deinit(selector);
    return EX_DATAERR;
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
