#include "apiserver/keypair.h"

#include <string.h>

#include "base/mem.h"

#define CHAIN_MAX 16

struct keypair {
    unsigned refs, count;
    gnutls_pcert_st certificates[CHAIN_MAX];
    gnutls_privkey_t key; /* NULL: there is none yet */
};

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)text, (unsigned)strlen(text)};
}

static int take_certificates(struct keypair *pair, const char *text)
{
    gnutls_datum_t pem = datum(text);
    unsigned count = CHAIN_MAX;
    int r = gnutls_pcert_list_import_x509_raw(pair->certificates, &count, &pem, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_X509_CRT_LIST_SORT);
    pair->count = r == 0 ? count : 0;
    return r;
}

static int take_key(struct keypair *pair, const char *text)
{
    gnutls_datum_t pem = datum(text);
    int r = gnutls_privkey_init(&pair->key);
    return r == 0 ? gnutls_privkey_import_x509_raw(pair->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) : r;
}

int keypair_create(const char *certificates, const char *key, struct keypair **out, struct error *err)
{
    struct keypair *pair = mem_zalloc(sizeof(*pair));
    pair->refs = 1;
    *out = NULL;
    int r = take_certificates(pair, certificates);
    if (r == 0)
        r = take_key(pair, key);
    if (r != 0) {
        keypair_unref(pair);
        return error_set(err, EX_CONFIG, "certificate and key cannot be used for TLS: %s",
                         gnutls_strerror(r));
    }
    *out = pair;
    return 0;
}

struct keypair *keypair_ref(struct keypair *pair)
{
    pair->refs++;
    return pair;
}

void keypair_unref(struct keypair *pair)
{
    if (!pair || --pair->refs > 0)
        return;
    for (unsigned i = 0; i < pair->count; i++)
        gnutls_pcert_deinit(&pair->certificates[i]);
    if (pair->key)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

void keypair_show(struct keypair *pair, gnutls_pcert_st **certificates, unsigned *count,
                  gnutls_privkey_t *key)
{
    *certificates = pair->certificates;
    *count = pair->count;
    *key = pair->key;
}
