#include "kube/version_check.h"

#include "base/json.h"
#include "base/mem.h"
#include "kube/url.h"

#define BODY_SLACK (64u << 10) /* of a list, besides its one object */
#define TIMEOUT_MS 60000

static void finish(struct version_check *check, const struct status *status, const char *version)
{
    call_cancel(&check->call);
    buf_deinit(&check->body);
    check->done(check->arg, status, version);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct version_check *check = arg;
    struct status status;
    if (buf_append(&check->body, data, len) == 0)
        return;
    status_malformed(&status, "the API server's list of one %s is too long", check->collection->gvr.resource);
    finish(check, &status, "");
}

static void on_done(void *arg, const struct status *status)
{
    struct version_check *check = arg;
    struct slice body = {check->body.data, check->body.len};
    struct slice version = {0};
    if (status->outcome == OUTCOME_OK && body.len)
        version = json_member(json_member(body, "metadata"), "resourceVersion");
    cleanup_free char *text = version.data ? mem_dup(version.data, version.len) : mem_strdup("");
    finish(check, status, text);
}

void version_check_init(struct version_check *check, struct rest *rest, const struct collection *collection,
                        void (*done)(void *arg, const struct status *status, const char *version), void *arg)
{
    static const struct call_ops ops = {.body = on_body, .done = on_done};
    *check = (struct version_check){
        .collection = collection,
        .done = done,
        .arg = arg,
        .body = BUF_INIT(collection->object_limit + BODY_SLACK),
    };
    call_init(&check->call, rest, &ops, check);
}

void version_check_start(struct version_check *check)
{
    struct buf url = BUF_INIT(URL_LIMIT);
    collection_url(check->collection, &url);
    url_query(&url, "limit", "1");
    struct rest_request request = {.method = "GET", .path = url.data, .timeout_ms = TIMEOUT_MS};
    call_start(&check->call, &request);
    buf_deinit(&url);
}

void version_check_cancel(struct version_check *check)
{
    call_cancel(&check->call);
    buf_deinit(&check->body);
}
