/*
 * serviceaccounts/token: a token in the form of a real server's, with who it is for and until when. Nobody
 * signs it: where this is used, nobody asks who somebody is.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apiserver/action.h"
#include "base/base64.h"
#include "base/mem.h"

#define LEAST_S 600
#define DEFAULT_S 3600

/* base64url without padding, as JSON Web Tokens have it. */
static void append_part(struct buf *token, const char *json, size_t len)
{
    size_t from = token->len;
    base64_encode(json, len, token);
    while (token->len > from && token->data[token->len - 1] == '=')
        token->len--;
    for (size_t i = from; i < token->len; i++)
        token->data[i] = token->data[i] == '+' ? '-' : token->data[i] == '/' ? '_' : token->data[i];
}

static cJSON *claims(const struct write *write, const cJSON *audiences, int64_t now_s, int64_t seconds)
{
    cleanup_free char *subject = mem_printf("system:serviceaccount:%s:%s", write->namespace_, write->name);
    cJSON *tree = cJSON_CreateObject();
    tree_set(tree, "aud", cJSON_Duplicate(audiences, true));
    tree_set_number(tree, "exp", (double)(now_s + seconds));
    tree_set_number(tree, "iat", (double)now_s);
    tree_set_text(tree, "iss", "https://kubernetes.default.svc.cluster.local");
    tree_set_text(tree, "sub", subject);
    return tree;
}

static void make_token(const cJSON *payload, struct buf *token)
{
    static const char head[] = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    tree_print(payload, &text);
    append_part(token, head, sizeof(head) - 1);
    buf_append_char(token, '.');
    append_part(token, text.data, text.len);
    buf_append_char(token, '.');
}

static const char *time_text(int64_t seconds, char out[24])
{
    struct tm tm;
    time_t time = (time_t)seconds;
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &tm));
    return out;
}

int action_request_token(struct write *write, const cJSON *request, struct buf *out)
{
    char until[24];
    cleanup_with(buf_deinit) struct buf token = BUF_INIT(SIZE_MAX / 4);
    int64_t now_s = apiserver_wall_us(write->server) / LOOP_SECOND;
    int64_t seconds = (int64_t)tree_number(request, "spec.expirationSeconds", DEFAULT_S);
    if (!write_current(write))
        return status_not_found(write->status, &write->collection->resource, write->name);
    if (seconds < LEAST_S || seconds > INT32_MAX) {
        static const struct resource kind = {.gvr = {.group = "authentication.k8s.io"},
                                             .kind = "TokenRequest"};
        return status_invalid(write->status, &kind, write->name, "FieldValueInvalid",
                              "spec.expirationSeconds",
                              "Invalid value: %" PRId64 ": may not specify a duration less than 10 minutes",
                              seconds);
    }
    cleanup_tree cJSON *answer = cJSON_Duplicate(request, true);
    tree_set_text(answer, "kind", "TokenRequest");
    tree_set_text(answer, "apiVersion", "authentication.k8s.io/v1");
    cJSON *spec = tree_make(answer, "spec");
    tree_default(spec, "audiences", cJSON_Parse("[\"https://kubernetes.default.svc.cluster.local\"]"));
    tree_set_number(spec, "expirationSeconds", (double)seconds);
    cleanup_tree cJSON *payload = claims(write, tree_at(spec, "audiences"), now_s, seconds);
    make_token(payload, &token);
    cJSON *status = tree_make(answer, "status");
    tree_set_text(status, "token", token.data);
    tree_set_text(status, "expirationTimestamp", time_text(now_s + seconds, until));
    tree_print(answer, out);
    buf_append_char(out, '\n');
    return 0;
}
