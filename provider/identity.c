#include "provider/identity.h"

#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/object.h"
#include "kube/call.h"

#define BODY_MAX ((size_t)1 << 20)
#define TIMEOUT_MS 30000
#define RETRY_MIN_US LOOP_SECOND
#define RETRY_MAX_US (30 * LOOP_SECOND)
#define CONFIRM_US (15 * LOOP_SECOND)
#define SILENT_US (10 * LOOP_SECOND) /* ten times what Kubernetes promises for such a question */
#define ABSENCES 5
#define TEXT_MAX 64 /* as long as a presence has room for, NUL included */

enum identity_step { STEP_VERSION, STEP_UID, STEP_CONFIRM, STEP_END };

struct identity {
    struct loop *loop;
    struct rest *rest;
    struct log *log;
    const struct identity_ops *ops;
    void *arg;
    enum identity_step step;
    struct call call;
    struct buf body;
    struct timer retry, patience; /* with the question that is open */
    struct backoff backoff;
    char *reason; /* the last one logged */
    char version[TEXT_MAX], uid[TEXT_MAX];
    bool again;   /* asked for while a request was under way */
    bool silent;  /* as told */
    int absences; /* answers that there is none */
};

static void ask(void *arg);

static void on_body(void *arg, const char *data, size_t len)
{
    struct identity *identity = arg;
    buf_append(&identity->body, data, len);
}

static void keep(char *out, struct slice text)
{
    snprintf(out, TEXT_MAX, "%.*s", SLICE_ARGS(text));
}

static void try_again(struct identity *identity, const char *reason)
{
    if (!identity->reason || strcmp(identity->reason, reason) != 0) {
        log_warn(identity->log, "cluster", "%s; trying again", reason);
        free(identity->reason);
        identity->reason = mem_strdup(reason);
    }
    timer_start(&identity->retry, backoff_next(&identity->backoff, identity->loop));
}

static void read_version(struct identity *identity, const struct status *status)
{
    struct slice body = {identity->body.data, identity->body.len};
    if (status->outcome == OUTCOME_OK && body.len)
        keep(identity->version, json_member(body, "gitVersion"));
    identity->step = STEP_UID;
    timer_start(&identity->retry, 0);
}

static void read_answer(const struct identity *identity, const struct status *status, char out[TEXT_MAX])
{
    struct object_meta meta = {0};
    if (status->outcome == OUTCOME_OK)
        object_scan(identity->body.data ? identity->body.data : "", identity->body.len, &meta);
    keep(out, meta.uid);
}

static void read_uid(struct identity *identity, const struct status *status)
{
    read_answer(identity, status, identity->uid);
    if (!identity->uid[0])
        log_warn(
            identity->log, "cluster",
            "the uid of namespace kube-system cannot be had (%s): should another cluster come under this "
            "name, it will be taken for this one; allow \"get\" on that namespace",
            status->outcome == OUTCOME_OK ? "the answer has none" : status->text);
    identity->step = STEP_CONFIRM;
    timer_start(&identity->retry, CONFIRM_US);
    identity->ops->known(identity->arg, identity->uid, identity->version);
}

/* Only another uid is another cluster, and only the same one is the same. */
static void compare_uid(struct identity *identity, const struct status *status)
{
    char uid[TEXT_MAX];
    read_answer(identity, status, uid);
    if (strcmp(identity->uid, uid) == 0) {
        timer_start(&identity->retry, identity->again ? 0 : CONFIRM_US);
        if (!identity->again && identity->ops->confirmed)
            identity->ops->confirmed(identity->arg);
        identity->again = false;
    } else if (uid[0] && identity->uid[0]) {
        log_warn(identity->log, "cluster", "another cluster answers under this address now: %s, and not %s",
                 uid, identity->uid);
        identity->step = STEP_END;
        identity->ops->replaced(identity->arg);
    } else {
        try_again(identity,
                  status->outcome == OUTCOME_OK ? "namespace kube-system has no uid" : status->text);
    }
}

/* An answer, even a refusal for good; not a failure that may pass. An API server that has just begun its
 * first life makes the namespace a moment later. */
static bool is_answer(struct identity *identity, const struct status *status)
{
    if (status->outcome == OUTCOME_NOT_FOUND)
        return ++identity->absences >= ABSENCES;
    return status->outcome == OUTCOME_OK || status->outcome == OUTCOME_FORBIDDEN;
}

static void set_silent(struct identity *identity, bool silent)
{
    if (identity->silent == silent)
        return;
    identity->silent = silent;
    if (identity->ops->silent)
        identity->ops->silent(identity->arg, silent);
}

static void on_patience(void *arg)
{
    set_silent(arg, true);
}

static void on_done(void *arg, const struct status *status)
{
    struct identity *identity = arg;
    timer_stop(&identity->patience);
    if (!is_answer(identity, status)) {
        try_again(identity, status->text);
        return;
    }
    identity->absences = 0;
    set_silent(identity, false);
    if (identity->step == STEP_VERSION)
        read_version(identity, status);
    else if (identity->step == STEP_UID)
        read_uid(identity, status);
    else
        compare_uid(identity, status);
}

static const struct call_ops call_ops = {.body = on_body, .done = on_done};

static void ask(void *arg)
{
    struct identity *identity = arg;
    struct rest_request request = {
        .method = "GET",
        .path = identity->step == STEP_VERSION ? "/version" : "/api/v1/namespaces/kube-system",
        .timeout_ms = TIMEOUT_MS,
    };
    buf_clear(&identity->body);
    if (identity->step == STEP_CONFIRM)
        timer_start(&identity->patience, SILENT_US);
    call_start(&identity->call, &request);
}

struct identity *identity_create(struct loop *loop, struct rest *rest, struct log *log,
                                 const struct identity_ops *ops, void *arg)
{
    struct identity *identity = mem_zalloc(sizeof(*identity));
    identity->loop = loop;
    identity->rest = rest;
    identity->log = log;
    identity->ops = ops;
    identity->arg = arg;
    buf_init(&identity->body, BODY_MAX);
    backoff_init(&identity->backoff, RETRY_MIN_US, RETRY_MAX_US, RETRY_MAX_US, 0.2);
    call_init(&identity->call, rest, &call_ops, identity);
    timer_init(&identity->retry, loop, ask, identity);
    timer_init(&identity->patience, loop, on_patience, identity);
    timer_start(&identity->retry, 0);
    return identity;
}

void identity_confirm(struct identity *identity)
{
    if (call_active(&identity->call))
        identity->again = true; /* that question is older than this one */
    else if (identity->step == STEP_CONFIRM)
        timer_start(&identity->retry, 0);
}

void identity_destroy(struct identity *identity)
{
    if (!identity)
        return;
    call_cancel(&identity->call);
    timer_stop(&identity->retry);
    timer_stop(&identity->patience);
    buf_deinit(&identity->body);
    free(identity->reason);
    free(identity);
}
