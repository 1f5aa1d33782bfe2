#include "hub/state.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/access.h"
#include "apiserver/certificate.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"

#define TOKEN_BYTES 32
#define MONTH_S (30L * 24 * 3600)

/* ---- the directory ---- */

static char *chosen(const char *given)
{
    const char *service = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    if (given)
        return mem_strdup(given);
    if (service && service[0] == '/')
        return mem_dup(service, strcspn(service, ":"));
    if (geteuid() == 0)
        return mem_strdup("/var/lib/transport-informer");
    if (state && state[0] == '/')
        return mem_printf("%s/transport-informer", state);
    return home && home[0] == '/' ? mem_printf("%s/.local/state/transport-informer", home) : NULL;
}

static int make_directories(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int r = mkdir(path, 0755);
        *at = '/';
        if (r != 0 && errno != EEXIST)
            return -errno;
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

int state_open(const char *given, char **path, struct error *err)
{
    *path = chosen(given);
    if (!*path)
        return error_set(err, EX_CONFIG, "where to keep what outlives a restart? Give --state-dir DIR");
    int r = make_directories(*path);
    if (r == 0 && access(*path, W_OK | X_OK) != 0)
        r = -errno;
    if (r == 0)
        return 0;
    error_set(err, EX_CANTCREAT, "%s: %s: give a directory that can be written with --state-dir", *path,
              strerror(-r));
    free(*path);
    *path = NULL;
    return EX_CANTCREAT;
}

/* ---- files ---- */

int state_read(const char *path, struct buf *out, struct error *err)
{
    int r = file_read(path, out);
    return r == 0 ? 0
                  : error_set(err, EX_NOINPUT, "%s: %s", path,
                              r == BUF_E_LIMIT ? "more than 1 MiB" : strerror(-r));
}

static int put(const char *path, const struct buf *text, struct error *err)
{
    int r = file_put(path, text);
    return r == 0 ? 0 : error_set(err, EX_CANTCREAT, "%s: %s", path, strerror(-r));
}

/* ---- what is kept ---- */

static int make_token(struct buf *token, struct error *err)
{
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set(err, EX_SOFTWARE, "no random bytes for a token: %s", strerror(errno));
    base64_encode(bytes, sizeof(bytes), token);
    return 0;
}

/* One of nothing, or of NULs, as a file may be after a crash, would let in whoever sends none. */
static int read_token(const char *file, struct buf *token, struct error *err)
{
    int r = state_read(file, token, err);
    if (r != 0)
        return r;
    while (token->len && isspace((unsigned char)token->data[token->len - 1]))
        buf_truncate(token, token->len - 1);
    for (size_t i = 0; i < token->len; i++)
        if (!isgraph((unsigned char)token->data[i]))
            r = 1;
    return r == 0 && token->len >= ACCESS_TOKEN_MIN
               ? 0
               : error_set(err, EX_CONFIG,
                           "%s: no token of at least %d characters: remove it, and a new one is made", file,
                           ACCESS_TOKEN_MIN);
}

int state_token(const char *path, struct buf *token, struct error *err)
{
    cleanup_free char *file = mem_printf("%s/token", path);
    if (access(file, F_OK) == 0)
        return read_token(file, token, err);
    int r = make_token(token, err);
    return r == 0 ? put(file, token, err) : r;
}

static bool read_certificate(const char *certificate_file, const char *key_file, struct buf *certificate,
                             struct buf *key)
{
    struct error none = {0};
    return state_read(certificate_file, certificate, &none) == 0 && state_read(key_file, key, &none) == 0 &&
           certificate->len && key->len;
}

int state_certificate(const char *path, const char *host, struct buf *certificate, struct buf *key,
                      struct error *err)
{
    cleanup_free char *certificate_file = mem_printf("%s/tls.crt", path);
    cleanup_free char *key_file = mem_printf("%s/tls.key", path);
    if (read_certificate(certificate_file, key_file, certificate, key) &&
        certificate_fits(certificate->data, key->data, host, MONTH_S))
        return 0;
    buf_clear(certificate);
    buf_clear(key);
    int r = certificate_make(host, certificate, key, err);
    if (r == 0)
        r = put(key_file, key, err);
    return r == 0 ? put(certificate_file, certificate, err) : r;
}
