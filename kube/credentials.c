#include "kube/credentials.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"
#include "kube/exec_run.h"

#define TOKEN_LIMIT ((size_t)1 << 20)
#define FILES_AGE_US (10 * LOOP_SECOND)   /* how old a token or certificate file's content may be */
#define EXEC_TIMEOUT_MS 60000             /* for a plugin to answer */
#define EXEC_MARGIN_US (10 * LOOP_SECOND) /* a credential is renewed so long before it expires */
#define EXEC_LIFE_MIN_US                                                                                     \
    (1 * LOOP_SECOND) /* but is good for that long, whatever it says and whatever the clock */
#define EXEC_REFUSED_AGE_US                                                                                  \
    (5 * LOOP_SECOND) /* younger than this, one that was never accepted is not asked for again */
#define EXEC_FAILED_AGE_US (1 * LOOP_SECOND) /* a failure holds for all requests of that moment */

struct credentials {
    struct loop *loop;
    struct log *log;
    struct kubeconfig *config;
    credentials_settled *settled;
    void *arg;
    uint64_t generation;
    struct buf authorization; /* of the generation; may hold a secret */

    int64_t files_read_us; /* INT64_MIN: never */

    struct exec_run *run; /* while one runs */
    struct buf exec_certificate, exec_key;
    bool exec_done, exec_failed; /* at all; the last time */
    bool exec_accepted;          /* the API server took what it gave */
    int64_t exec_ended_us;
    int64_t exec_expires_us; /* by the loop's clock; INT64_MAX: does not */
    char reason[640];
};

static void fail(struct credentials *credentials, const char *reason)
{
    snprintf(credentials->reason, sizeof(credentials->reason), "%s", reason);
}

/* Sets "Bearer <token>", less the white space around it. A token cannot have any within: that would end the
 * header. */
static int set_bearer(struct credentials *credentials, const char *token)
{
    token += strspn(token, " \t\r\n");
    size_t len = strcspn(token, " \t\r\n");
    if (len == 0 || token[len + strspn(token + len, " \t\r\n")])
        return 1;

    struct buf *out = &credentials->authorization;
    if (out->len == len + 7 && memcmp(out->data + 7, token, len) == 0)
        return 0;
    buf_clear(out);
    if (buf_append_str(out, "Bearer ") != 0 || buf_append(out, token, len) != 0)
        return 1;
    credentials->generation++;
    return 0;
}

static void set_basic(struct credentials *credentials)
{
    const struct kubeconfig *config = credentials->config;
    cleanup_free char *pair = mem_printf("%s:%s", config->username ? config->username : "",
                                         config->password ? config->password : "");
    buf_append_str(&credentials->authorization, "Basic ");
    base64_encode(pair, strlen(pair), &credentials->authorization);
}

/* The token file as it is now; what was read before stays good where it cannot be read, as does "token"
 * beside it. */
static void read_token_file(struct credentials *credentials)
{
    const char *path = credentials->config->token_file;
    struct buf text = BUF_INIT(TOKEN_LIMIT);
    int r = file_read(path, &text);
    if (r == 0 && set_bearer(credentials, text.len ? text.data : "") == 0) {
        credentials->reason[0] = '\0';
    } else {
        struct error err;
        error_set(&err, EX_NOINPUT, "token file %.400s %s%s", path,
                  r < 0 ? "cannot be read: " : "holds no token", r < 0 ? strerror(-r) : "");
        if (credentials->authorization.len == 0)
            fail(credentials, err.text);
        log_warn(credentials->log, "credentials", "%s", err.text);
    }
    buf_deinit(&text);
}

static void read_files(struct credentials *credentials)
{
    struct kubeconfig *config = credentials->config;
    credentials->files_read_us = loop_now_us(credentials->loop);
    if (config->token_file)
        read_token_file(credentials);
    bool certificate = pem_refresh(&config->client_cert), key = pem_refresh(&config->client_key);
    if (certificate || key)
        credentials->generation++;
    pem_refresh(&config->ca);
}

static void refresh_files(struct credentials *credentials)
{
    int64_t now_us = loop_now_us(credentials->loop);
    if (credentials->files_read_us == INT64_MIN || now_us - credentials->files_read_us >= FILES_AGE_US)
        read_files(credentials);
}

/* The wall clock only tells how long a credential has still to live; a jump of it later changes nothing. */
static int64_t expiry_us(const struct credentials *credentials, int64_t expires)
{
    if (expires == 0)
        return INT64_MAX;
    int64_t left = expires - (int64_t)time(NULL);
    if (left > INT64_C(1) << 32)
        return INT64_MAX;
    int64_t left_us = left < 0 ? 0 : left * LOOP_SECOND - EXEC_MARGIN_US;
    return credentials->exec_ended_us + (left_us > EXEC_LIFE_MIN_US ? left_us : EXEC_LIFE_MIN_US);
}

static void set_text(struct buf *buf, const char *text)
{
    buf_clear(buf);
    if (text)
        buf_append_str(buf, text);
}

static void on_exec_done(void *arg, struct exec_credential *credential, const char *reason)
{
    struct credentials *credentials = arg;
    credentials->run = NULL;
    credentials->exec_ended_us = loop_now_us(credentials->loop);
    credentials->exec_failed = credential == NULL;
    if (!credential) {
        fail(credentials, reason);
    } else {
        credentials->exec_done = true;
        credentials->exec_accepted = false;
        credentials->exec_expires_us = expiry_us(credentials, credential->expires);
        credentials->generation++;
        buf_clear(&credentials->authorization);
        if (credential->token && set_bearer(credentials, credential->token) != 0) {
            credentials->exec_failed = true;
            fail(credentials, "the exec plugin printed a token with white space in it");
        }
        set_text(&credentials->exec_certificate, credential->certificate);
        set_text(&credentials->exec_key, credential->key);
    }
    credentials->settled(credentials->arg);
}

static enum credentials_state check_exec(struct credentials *credentials)
{
    int64_t now_us = loop_now_us(credentials->loop);
    if (credentials->run)
        return CREDENTIALS_PENDING;
    if (credentials->exec_failed && now_us - credentials->exec_ended_us < EXEC_FAILED_AGE_US)
        return CREDENTIALS_FAILED;
    if (credentials->exec_done && !credentials->exec_failed && now_us < credentials->exec_expires_us)
        return CREDENTIALS_READY;

    credentials->run = exec_run_start(credentials->loop, credentials->config->exec, EXEC_TIMEOUT_MS,
                                      on_exec_done, credentials);
    return CREDENTIALS_PENDING;
}

/* As in client-go, a plugin is asked only where the kubeconfig itself does not say who we are. */
static bool uses_exec(const struct kubeconfig *config)
{
    return config->exec && !config->token && !config->token_file && !config->username && !config->password &&
           !pem_given(&config->client_cert);
}

struct credentials *credentials_create(struct loop *loop, struct log *log, struct kubeconfig *config,
                                       credentials_settled *settled, void *arg)
{
    struct credentials *credentials = mem_zalloc(sizeof(*credentials));
    credentials->loop = loop;
    credentials->log = log;
    credentials->config = config;
    credentials->settled = settled;
    credentials->arg = arg;
    credentials->generation = 1;
    credentials->files_read_us = INT64_MIN;
    buf_init(&credentials->authorization, TOKEN_LIMIT * 2);
    buf_init(&credentials->exec_certificate, PEM_SIZE_MAX);
    buf_init(&credentials->exec_key, PEM_SIZE_MAX);
    if (config->token && set_bearer(credentials, config->token) != 0)
        fail(credentials, "the token of the kubeconfig has white space in it");
    else if (config->username || config->password)
        set_basic(credentials);
    return credentials;
}

void credentials_destroy(struct credentials *credentials)
{
    if (!credentials)
        return;
    exec_run_cancel(credentials->run);
    buf_deinit(&credentials->authorization);
    buf_deinit(&credentials->exec_certificate);
    buf_deinit(&credentials->exec_key);
    free(credentials);
}

enum credentials_state credentials_check(struct credentials *credentials)
{
    refresh_files(credentials);
    if (uses_exec(credentials->config))
        return check_exec(credentials);
    return credentials->reason[0] ? CREDENTIALS_FAILED : CREDENTIALS_READY;
}

const char *credentials_reason(const struct credentials *credentials)
{
    return credentials->reason;
}

const char *credentials_authorization(const struct credentials *credentials)
{
    return credentials->authorization.len ? credentials->authorization.data : NULL;
}

const struct buf *credentials_certificate(const struct credentials *credentials)
{
    bool exec = credentials->exec_certificate.len > 0;
    return exec ? &credentials->exec_certificate : &credentials->config->client_cert.data;
}

const struct buf *credentials_key(const struct credentials *credentials)
{
    return credentials->exec_key.len ? &credentials->exec_key : &credentials->config->client_key.data;
}

uint64_t credentials_generation(const struct credentials *credentials)
{
    return credentials->generation;
}

void credentials_accepted(struct credentials *credentials, uint64_t generation)
{
    if (generation == credentials->generation)
        credentials->exec_accepted = true;
}

/* An API server answers 401 to an expired certificate, and does not say why. */
static void warn_if_expired(const struct credentials *credentials)
{
    const struct buf *certificate = credentials_certificate(credentials);
    int64_t not_after;
    if (certificate->len && pem_not_after(certificate->data, certificate->len, &not_after) == 0 &&
        not_after < (int64_t)time(NULL))
        log_warn(credentials->log, "credentials", "401 from %s: the client certificate has expired; renew it",
                 credentials->config->server);
}

bool credentials_refused(struct credentials *credentials, uint64_t generation)
{
    warn_if_expired(credentials);
    if (!uses_exec(credentials->config)) {
        read_files(credentials);
        return generation != credentials->generation;
    }
    if (credentials->run || generation != credentials->generation)
        return true;
    int64_t age_us = loop_now_us(credentials->loop) - credentials->exec_ended_us;
    if (!credentials->exec_accepted && age_us < EXEC_REFUSED_AGE_US)
        return false;
    credentials->exec_done = false; /* the next check runs the plugin */
    return true;
}
