#include "apiserver/certificate.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

#define DAY_S (24L * 3600)

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void append_name(struct buf *names, const char *host)
{
    if (host[0])
        buf_appendf(names, ",%s:%s", is_address(host) ? "IP" : "DNS", host);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_extensions(X509 *certificate, const char *host)
{
    char own[256] = "";
    cleanup_with(buf_deinit) struct buf names = BUF_INIT(1024);
    gethostname(own, sizeof(own) - 1);
    buf_append_str(&names, "DNS:localhost,IP:127.0.0.1,IP:::1");
    append_name(&names, own);
    append_name(&names, host);
    return add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_alt_name, names.data);
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *host)
{
    static const unsigned char name[] = "transport-informer";
    uint64_t serial = 0;
    X509_NAME *subject = X509_get_subject_name(certificate);
    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 && X509_set_version(certificate, 2) &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 3650 * DAY_S) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) &&
           X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
           add_extensions(certificate, host) && X509_sign(certificate, key, EVP_sha256());
}

static bool take(BIO *bio, struct buf *out)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return len > 0 && buf_append(out, data, (size_t)len) == 0;
}

static bool print(X509 *certificate, EVP_PKEY *key, struct buf *certificate_pem, struct buf *key_pem)
{
    BIO *first = BIO_new(BIO_s_mem()), *second = BIO_new(BIO_s_mem());
    bool ok = first && second && PEM_write_bio_X509(first, certificate) &&
              PEM_write_bio_PrivateKey(second, key, NULL, NULL, 0, NULL, NULL) &&
              take(first, certificate_pem) && take(second, key_pem);
    BIO_free(first);
    BIO_free(second);
    return ok;
}

int certificate_make(const char *host, struct buf *certificate_pem, struct buf *key_pem, struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool ok = key && certificate && fill(certificate, key, host) &&
              print(certificate, key, certificate_pem, key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok ? 0 : error_set(err, EX_SOFTWARE, "a certificate for %s could not be made", host);
}

/* ---- checking ---- */

static bool names_host(X509 *certificate, const char *host)
{
    if (!host[0])
        return true;
    return is_address(host) ? X509_check_ip_asc(certificate, host, 0) == 1
                            : X509_check_host(certificate, host, 0, 0, NULL) == 1;
}

static bool fits(X509 *certificate, EVP_PKEY *key, const char *host, long valid_s)
{
    time_t later = time(NULL) + valid_s;
    return certificate && key && X509_check_private_key(certificate, key) == 1 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &later) > 0 && names_host(certificate, host);
}

bool certificate_fits(const char *certificate_pem, const char *key_pem, const char *host, long valid_s)
{
    BIO *first = BIO_new_mem_buf(certificate_pem, -1), *second = BIO_new_mem_buf(key_pem, -1);
    X509 *certificate = first ? PEM_read_bio_X509(first, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = second ? PEM_read_bio_PrivateKey(second, NULL, NULL, NULL) : NULL;
    bool ok = fits(certificate, key, host, valid_s);
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(first);
    BIO_free(second);
    return ok;
}
