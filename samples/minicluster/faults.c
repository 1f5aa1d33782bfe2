#include "samples/minicluster/faults.h"

#include <string.h>
#include <utlist.h>

#include "apiserver/exchange.h"
#include "apiserver/tree.h"
#include "base/mem.h"

#define ROOT "/minicluster/faults"
#define TEXT_MAX 64
#define RULES_MAX 1000
#define DELAY_MAX_MS (3600 * 1000)

enum kind { KIND_CUT, KIND_END, KIND_EXPIRE, KIND_ERROR, KIND_DROP, KIND_SLOW, KIND_STALE, KIND_ANY };

/* What each is called, and which options it takes. */
static const struct {
    const char *name;
    const char *options[6];
} kinds[] = {
    [KIND_CUT] = {"cut", {"verb", "resource"}},
    [KIND_END] = {"end", {NULL}},
    [KIND_EXPIRE] = {"expire", {NULL}},
    [KIND_ERROR] = {"error", {"verb", "resource", "times", "code", "retry-after"}},
    [KIND_DROP] = {"drop", {"verb", "resource", "times"}},
    [KIND_SLOW] = {"slow", {"verb", "resource", "times", "delay-ms"}},
    [KIND_STALE] = {"stale", {NULL}},
};

struct rule {
    enum kind kind;
    char verb[TEXT_MAX], resource[TEXT_MAX]; /* empty: any */
    int code, retry_after_s;                 /* of an error */
    int64_t delay_us;
    uint64_t left, hits; /* left 0: as often as it applies */
    struct rule *prev, *next;
};

struct faults {
    struct apiserver *server;
    struct apiserver_filter filter;
    struct rule *rules;
    unsigned count;
    uint64_t horizon; /* UINT64_MAX: not stale */
};

/* ---- what happens to a request ---- */

static bool applies(const struct rule *rule, const struct request *request)
{
    return (!rule->verb[0] || !strcmp(rule->verb, request_verb(request))) &&
           (!rule->resource[0] || !strcmp(rule->resource, request->resource));
}

static const char *reason_of(int code)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {{400, "BadRequest"},    {401, "Unauthorized"},
                   {403, "Forbidden"},     {404, "NotFound"},
                   {409, "Conflict"},      {410, "Expired"},
                   {422, "Invalid"},       {429, "TooManyRequests"},
                   {500, "InternalError"}, {503, "ServiceUnavailable"},
                   {504, "Timeout"}};
    for (size_t i = 0; i < array_size(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "";
}

static void fail(struct exchange *exchange, const struct rule *rule)
{
    struct status status = {0};
    status_set(&status, rule->code, reason_of(rule->code), "this fault was asked for at " ROOT);
    status.retry_after_s = rule->retry_after_s;
    exchange_fail(exchange, &status);
}

static void remove_rule(struct faults *faults, struct rule *rule)
{
    if (rule->kind == KIND_STALE)
        faults->horizon = UINT64_MAX;
    DL_DELETE(faults->rules, rule);
    faults->count--;
    free(rule);
}

/* True where that was its answer. */
static bool apply(struct exchange *exchange, const struct rule *rule)
{
    if (rule->kind == KIND_SLOW)
        exchange_hold(exchange, rule->delay_us);
    else if (rule->kind == KIND_ERROR)
        fail(exchange, rule);
    else if (rule->kind == KIND_DROP)
        exchange_break(exchange);
    return rule->kind == KIND_ERROR || rule->kind == KIND_DROP;
}

static bool make_trouble(struct faults *faults, struct exchange *exchange)
{
    struct rule *rule, *next;
    exchange_follow(exchange, &faults->horizon);
    DL_FOREACH_SAFE(faults->rules, rule, next)
    {
        if (!applies(rule, exchange_request(exchange)))
            continue;
        rule->hits++;
        bool answered = apply(exchange, rule);
        if (rule->left && --rule->left == 0)
            remove_rule(faults, rule);
        if (answered)
            return true;
    }
    return false;
}

/* ---- what is asked for ---- */

static int parse_kind(const char *name, enum kind *kind, struct status *status)
{
    for (*kind = 0; *kind < array_size(kinds); (*kind)++)
        if (!strcmp(kinds[*kind].name, name))
            return 0;
    return status_set(status, 404, "NotFound",
                      "there is no fault \"%.50s\": see cut, end, expire, error, drop, slow, stale", name);
}

static bool has_option(enum kind kind, const char *name)
{
    for (size_t i = 0; i < array_size(kinds[kind].options) && kinds[kind].options[i]; i++)
        if (!strcmp(kinds[kind].options[i], name))
            return true;
    return false;
}

/* A misspelt option would choose everything. */
static int check_options(const struct request *request, enum kind kind, struct status *status)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (!has_option(kind, request->params[i].name))
            return status_set(status, 400, "BadRequest", "%s has no option \"%.50s\"", kinds[kind].name,
                              request->params[i].name);
    return 0;
}

static int parse_text(const struct request *request, const char *name, char out[TEXT_MAX],
                      struct status *status)
{
    const char *text = request_param(request, name);
    if (strlen(text) >= TEXT_MAX)
        return status_set(status, 400, "BadRequest", "%s is longer than any", name);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int parse_number(const struct request *request, const char *name, uint64_t otherwise, uint64_t most,
                        uint64_t *out, struct status *status)
{
    if (request_number(request, name, otherwise, out) == 0 && *out <= most)
        return 0;
    return status_set(status, 400, "BadRequest", "%s is no number up to %llu", name,
                      (unsigned long long)most);
}

static int parse_rule(const struct request *request, struct rule *rule, struct status *status)
{
    uint64_t code, retry, delay;
    int r = check_options(request, rule->kind, status);
    r = r ? r : parse_text(request, "verb", rule->verb, status);
    r = r ? r : parse_text(request, "resource", rule->resource, status);
    r = r ? r : parse_number(request, "times", 0, UINT32_MAX, &rule->left, status);
    r = r ? r : parse_number(request, "code", 500, 599, &code, status);
    r = r ? r : parse_number(request, "retry-after", code == 429, 3600, &retry, status);
    r = r ? r : parse_number(request, "delay-ms", 0, DELAY_MAX_MS, &delay, status);
    if (r == 0 && code < 400)
        r = status_set(status, 400, "BadRequest", "code is that of an error: 400 to 599");
    if (r != 0)
        return r;
    rule->code = (int)code;
    rule->retry_after_s = (int)retry;
    rule->delay_us = (int64_t)delay * LOOP_MS;
    return 0;
}

/* ---- what is told ---- */

static cJSON *describe(const struct rule *rule)
{
    cJSON *tree = cJSON_CreateObject();
    tree_set_text(tree, "fault", kinds[rule->kind].name);
    if (rule->verb[0])
        tree_set_text(tree, "verb", rule->verb);
    if (rule->resource[0])
        tree_set_text(tree, "resource", rule->resource);
    int64_t delay_ms = rule->delay_us / LOOP_MS;
    if (rule->kind == KIND_ERROR)
        tree_set_number(tree, "code", rule->code);
    if (rule->kind == KIND_ERROR && rule->retry_after_s)
        tree_set_number(tree, "retry-after", rule->retry_after_s);
    if (rule->kind == KIND_SLOW)
        tree_set_number(tree, "delay-ms", (double)delay_ms);
    if (rule->left)
        tree_set_number(tree, "times", (double)rule->left);
    tree_set_number(tree, "happened", (double)rule->hits);
    return tree;
}

static void answer(struct exchange *exchange, const cJSON *tree)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    tree_print(tree, &text);
    buf_append_char(&text, '\n');
    exchange_answer(exchange, text.data, text.len);
}

static void answer_rule(struct exchange *exchange, const struct rule *rule)
{
    cleanup_tree cJSON *tree = describe(rule);
    answer(exchange, tree);
}

static void answer_rules(const struct faults *faults, struct exchange *exchange)
{
    cleanup_tree cJSON *tree = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(tree, "faults");
    const struct rule *rule;
    DL_FOREACH(faults->rules, rule)
    cJSON_AddItemToArray(list, describe(rule));
    answer(exchange, tree);
}

/* ---- requests ---- */

struct cut {
    const struct rule *rule;
    const struct exchange *asker;
};

static bool is_cut(void *arg, const struct exchange *exchange)
{
    const struct cut *cut = arg;
    return exchange != cut->asker && applies(cut->rule, exchange_request(exchange));
}

static void remove_kind(struct faults *faults, enum kind kind)
{
    struct rule *rule, *next;
    DL_FOREACH_SAFE(faults->rules, rule, next)
    if (kind == KIND_ANY || kind == rule->kind)
        remove_rule(faults, rule);
    apiserver_wake(faults->server); /* it may have been stale */
}

static int keep(struct faults *faults, const struct rule *rule, struct status *status)
{
    if (rule->kind == KIND_STALE)
        remove_kind(faults, KIND_STALE);
    if (faults->count == RULES_MAX)
        return status_set(status, 429, "TooManyRequests", "there are %u faults already", faults->count);
    struct rule *kept = mem_alloc(sizeof(*kept));
    *kept = *rule;
    DL_APPEND(faults->rules, kept);
    faults->count++;
    if (rule->kind == KIND_STALE)
        faults->horizon = apiserver_revision(faults->server);
    return 0;
}

static int make(struct faults *faults, struct exchange *exchange, struct rule *rule, struct status *status)
{
    struct cut cut = {rule, exchange};
    int r = parse_rule(exchange_request(exchange), rule, status);
    if (r != 0)
        return r;
    if (rule->kind == KIND_CUT)
        rule->hits = apiserver_cut(faults->server, is_cut, &cut);
    else if (rule->kind == KIND_END)
        apiserver_end_watches(faults->server);
    else if (rule->kind == KIND_EXPIRE)
        apiserver_expire(faults->server);
    else
        return keep(faults, rule, status);
    return 0;
}

/* name: of a fault; empty: of all. */
static int serve(struct faults *faults, struct exchange *exchange, const char *name, struct status *status)
{
    const char *method = exchange_request(exchange)->method;
    struct rule rule = {.kind = KIND_ANY};
    int r = *name ? parse_kind(name, &rule.kind, status) : 0;
    if (r == 0 && *name && !strcmp(method, "POST")) {
        r = make(faults, exchange, &rule, status);
        if (r == 0)
            answer_rule(exchange, &rule);
    } else if (r == 0 && !strcmp(method, "DELETE")) {
        remove_kind(faults, rule.kind);
        answer_rules(faults, exchange);
    } else if (r == 0 && !*name && !strcmp(method, "GET")) {
        answer_rules(faults, exchange);
    } else if (r == 0) {
        r = status_no_such_method(status);
    }
    return r;
}

static bool takes(void *arg, struct exchange *exchange)
{
    struct faults *faults = arg;
    struct status status = {0};
    const char *path = exchange_request(exchange)->path;
    const char *rest = path + strlen(ROOT);
    if (strncmp(path, ROOT, strlen(ROOT)) != 0 || (*rest && *rest != '/'))
        return make_trouble(faults, exchange);
    if (serve(faults, exchange, rest + (*rest == '/'), &status) != 0)
        exchange_fail(exchange, &status);
    return true;
}

struct faults *faults_create(struct apiserver *server)
{
    struct faults *faults = mem_zalloc(sizeof(*faults));
    *faults = (struct faults){.server = server, .filter = {takes, faults}, .horizon = UINT64_MAX};
    apiserver_set_filter(server, &faults->filter);
    return faults;
}

void faults_destroy(struct faults *faults)
{
    if (!faults)
        return;
    apiserver_set_filter(faults->server, NULL);
    while (faults->rules)
        remove_rule(faults, faults->rules);
    free(faults);
}
