#include "apiserver/certificate_files.h"

#include <string.h>

#include "apiserver/certificate.h"
#include "base/file.h"
#include "base/mem.h"

#define PEM_MAX ((size_t)1 << 20)

static void forget(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->len);
    buf_deinit(secret);
}

static int read_file(const char *path, struct buf *out, struct error *err)
{
    int r = file_read(path, out);
    if (r != 0)
        return error_set(err, EX_NOINPUT, "%s: %s", path,
                         r == BUF_E_LIMIT ? "more than 1 MiB" : strerror(-r));
    return out->len ? 0 : error_set(err, EX_CONFIG, "%s: is empty", path);
}

static int read_pair(const struct certificate_files *files, struct buf *certificate, struct buf *key,
                     struct error *err)
{
    int r = read_file(files->certificate_file, certificate, err);
    if (r == 0)
        r = read_file(files->key_file, key, err);
    if (r == 0 && !certificate_fits(certificate->data, key->data, "", 0))
        r = error_set(err, EX_CONFIG, "%s: not a PEM certificate that fits the key in %s, or no longer valid",
                      files->certificate_file, files->key_file);
    return r;
}

static bool have_changed(struct certificate_files *files)
{
    bool certificate = file_changed(files->certificate_file, &files->certificate_seen);
    return file_changed(files->key_file, &files->key_seen) || certificate;
}

static int load(struct certificate_files *files, struct error *err)
{
    struct buf certificate = BUF_INIT(PEM_MAX), key = BUF_INIT(PEM_MAX);
    int r = read_pair(files, &certificate, &key, err);
    if (r != 0) {
        buf_deinit(&certificate);
        forget(&key);
        return r;
    }
    certificate_files_deinit(files);
    files->certificate = certificate;
    files->key = key;
    return 0;
}

int certificate_files_init(struct certificate_files *files, struct log *log, const char *certificate_file,
                           const char *key_file, struct error *err)
{
    *files =
        (struct certificate_files){.log = log, .certificate_file = certificate_file, .key_file = key_file};
    have_changed(files);
    return load(files, err);
}

void certificate_files_deinit(struct certificate_files *files)
{
    buf_deinit(&files->certificate);
    forget(&files->key);
}

bool certificate_files_look(struct certificate_files *files)
{
    struct error err = {0};
    if (!have_changed(files))
        return false;
    if (load(files, &err) != 0) {
        log_warn(files->log, "api", "%s; the certificate from before is shown on", err.text);
        return false;
    }
    log_info(files->log, "api", "%s has changed, and is shown to those who connect from now on",
             files->certificate_file);
    return true;
}
