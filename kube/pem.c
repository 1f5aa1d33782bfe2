#include "kube/pem.h"

#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"

void pem_init(struct pem *pem)
{
    *pem = (struct pem){.data = BUF_INIT(PEM_SIZE_MAX)};
}

void pem_deinit(struct pem *pem)
{
    free(pem->path);
    buf_deinit(&pem->data);
    pem_init(pem);
}

bool pem_given(const struct pem *pem)
{
    return pem->data.len > 0;
}

static bool is_pem(const struct buf *data)
{
    return data->len && memmem(data->data, data->len, "-----BEGIN ", 11) != NULL;
}

static int check(const struct pem *pem, const char *field, struct error *err)
{
    if (is_pem(&pem->data))
        return 0;
    return error_set(err, EX_CONFIG, "%s%s%s: not PEM (no \"-----BEGIN\" line)", field, pem->path ? " " : "",
                     pem->path ? pem->path : "");
}

int pem_from_base64(struct pem *pem, const char *text, const char *field, struct error *err)
{
    if (base64_decode(text, strlen(text), &pem->data) != 0)
        return error_set(err, EX_CONFIG, "%s: not base64", field);
    return check(pem, field, err);
}

int pem_from_text(struct pem *pem, const char *text, const char *field, struct error *err)
{
    if (buf_append_str(&pem->data, text) != 0)
        return error_set(err, EX_CONFIG, "%s: larger than %zu MiB", field, PEM_SIZE_MAX >> 20);
    return check(pem, field, err);
}

static void note_mtime(struct pem *pem)
{
    struct stat st;
    if (stat(pem->path, &st) == 0)
        pem->mtime = st.st_mtim;
}

int pem_from_file(struct pem *pem, const char *path, const char *field, struct error *err)
{
    pem->path = mem_strdup(path);
    note_mtime(pem);
    int r = file_read(path, &pem->data);
    if (r < 0)
        return error_set(err, EX_NOINPUT, "%s: cannot read %s: %s", field, path, strerror(-r));
    if (r > 0)
        return error_set(err, EX_CONFIG, "%s: %s is larger than %zu MiB", field, path, PEM_SIZE_MAX >> 20);
    return check(pem, field, err);
}

bool pem_refresh(struct pem *pem)
{
    struct stat st;
    if (!pem->path || stat(pem->path, &st) != 0)
        return false;
    if (st.st_mtim.tv_sec == pem->mtime.tv_sec && st.st_mtim.tv_nsec == pem->mtime.tv_nsec)
        return false;

    struct buf fresh = BUF_INIT(PEM_SIZE_MAX);
    bool changed = file_read(pem->path, &fresh) == 0 && is_pem(&fresh) &&
                   (fresh.len != pem->data.len || memcmp(fresh.data, pem->data.data, fresh.len) != 0);
    if (changed) {
        buf_deinit(&pem->data);
        pem->data = fresh;
        pem->mtime = st.st_mtim;
    } else {
        buf_deinit(&fresh);
    }
    return changed;
}

/*
 * The little of DER that leads to a certificate's end of validity:
 *     Certificate  ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version?, serial, algorithm, issuer,
 * validity, … } … } Validity     ::= SEQUENCE { notBefore, notAfter }    of UTCTime (two digits of year) or
 * GeneralizedTime
 */
enum {
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_VERSION = 0xa0,
};

struct der {
    const unsigned char *at, *end;
};

/* Takes the element in front of in; *content is what it holds. */
static bool der_next(struct der *in, int *tag, struct der *content)
{
    if (in->end - in->at < 2)
        return false;
    *tag = *in->at++;
    size_t len = *in->at++;
    if (len >= 0x80) {
        size_t bytes = len & 0x7f;
        if (bytes < 1 || bytes > 4 || (size_t)(in->end - in->at) < bytes)
            return false;
        for (len = 0; bytes; bytes--)
            len = len << 8 | *in->at++;
    }
    if ((size_t)(in->end - in->at) < len)
        return false;
    *content = (struct der){in->at, in->at + len};
    in->at += len;
    return true;
}

static bool der_enter(struct der *in, struct der *content)
{
    int tag;
    return der_next(in, &tag, content) && tag == DER_SEQUENCE;
}

static bool der_validity(struct der certificate, struct der *validity)
{
    struct der outer, body, skipped;
    int tag;
    if (!der_enter(&certificate, &outer) || !der_enter(&outer, &body))
        return false;
    struct der rest = body;
    if (!der_next(&rest, &tag, &skipped))
        return false;
    if (tag == DER_VERSION)
        body = rest;
    for (int i = 0; i < 3; i++) /* serial, algorithm, issuer */
        if (!der_next(&body, &tag, &skipped))
            return false;
    return der_enter(&body, validity);
}

/* "YYMMDDhhmmssZ" or "YYYYMMDDhhmmssZ". */
static bool der_time(int tag, struct der text, int64_t *seconds)
{
    char digits[16] = "";
    size_t len = (size_t)(text.end - text.at);
    size_t want = tag == DER_UTC_TIME ? 13 : tag == DER_GENERALIZED_TIME ? 15 : 0;
    if (!want || len != want || text.at[len - 1] != 'Z')
        return false;
    memcpy(digits, text.at, len - 1);
    if (strspn(digits, "0123456789") != len - 1)
        return false;

    struct tm tm = {0};
    char four[5] = "";
    const char *at = digits;
    if (tag == DER_UTC_TIME)
        memcpy(four, digits[0] >= '5' ? "19" : "20", 2);
    memcpy(four + strlen(four), at, tag == DER_UTC_TIME ? 2 : 4);
    at += tag == DER_UTC_TIME ? 2 : 4;
    int *const fields[] = {&tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec};
    for (size_t i = 0; i < array_size(fields); i++, at += 2)
        *fields[i] = (at[0] - '0') * 10 + at[1] - '0';
    tm.tm_year = atoi(four) - 1900;
    tm.tm_mon -= 1;
    *seconds = timegm(&tm);
    return true;
}

static bool certificate_not_after(const struct buf *der, int64_t *not_after)
{
    const unsigned char *bytes = (const unsigned char *)der->data;
    struct der validity, before, after;
    int tag;
    return der_validity((struct der){bytes, bytes + der->len}, &validity) &&
           der_next(&validity, &tag, &before) && der_next(&validity, &tag, &after) &&
           der_time(tag, after, not_after);
}

int pem_not_after(const char *data, size_t len, int64_t *not_after)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *start = len ? memmem(data, len, begin, strlen(begin)) : NULL;
    if (!start)
        return 1;
    start += strlen(begin);
    const char *stop = memmem(start, len - (size_t)(start - data), end, strlen(end));
    if (!stop)
        return 1;

    struct buf der = BUF_INIT(PEM_SIZE_MAX);
    bool told = base64_decode(start, (size_t)(stop - start), &der) == 0 && der.len &&
                certificate_not_after(&der, not_after);
    buf_deinit(&der);
    return told ? 0 : 1;
}
