/* A certificate and its key in files that change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apiserver/certificate.h"
#include "apiserver/certificate_files.h"
#include "apiserver/keypair.h"
#include "base/file.h"
#include "base/mem.h"

struct pem {
    struct buf certificate, key;
};

struct fixture {
    char directory[32];
    char *certificate, *key;
    struct pem one, other;
    struct certificate_files files;
    struct error err;
};

static void make(struct pem *pem)
{
    struct error err = {0};
    *pem = (struct pem){BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
    assert_int_equal(certificate_make("localhost", &pem->certificate, &pem->key, &err), 0);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    strcpy(f->directory, "/tmp/ti-certificate-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->certificate = mem_printf("%s/tls.crt", f->directory);
    f->key = mem_printf("%s/tls.key", f->directory);
    make(&f->one);
    make(&f->other);
    *state = f;
    return 0;
}

static void pem_deinit(struct pem *pem)
{
    buf_deinit(&pem->certificate);
    buf_deinit(&pem->key);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    certificate_files_deinit(&f->files);
    pem_deinit(&f->one);
    pem_deinit(&f->other);
    unlink(f->certificate);
    unlink(f->key);
    rmdir(f->directory);
    free(f->certificate);
    free(f->key);
    free(f);
    return 0;
}

static int init(struct fixture *f)
{
    certificate_files_deinit(&f->files);
    f->err = (struct error){0};
    return certificate_files_init(&f->files, NULL, f->certificate, f->key, &f->err);
}

static void assert_in_force(const struct fixture *f, const struct pem *pem)
{
    assert_string_equal(f->files.certificate.data, pem->certificate.data);
    assert_string_equal(f->files.key.data, pem->key.data);
}

static void what_replaces_it_is_read_once_it_fits(void **state)
{
    struct fixture *f = *state;
    struct buf half = BUF_INIT(1 << 16), nothing = BUF_INIT(1);
    file_put(f->certificate, &f->one.certificate);
    file_put(f->key, &f->one.key);
    assert_int_equal(init(f), 0);
    assert_in_force(f, &f->one);
    assert_false(certificate_files_look(&f->files));

    buf_append(&half, f->other.certificate.data, f->other.certificate.len / 2);
    const struct buf *const steps[] = {&nothing, &half, &f->other.certificate};
    for (size_t i = 0; i < array_size(steps); i++) {
        file_put(f->certificate, steps[i]);
        assert_false(certificate_files_look(&f->files));
        assert_in_force(f, &f->one);
    }
    unlink(f->key);
    assert_false(certificate_files_look(&f->files));
    assert_in_force(f, &f->one);
    file_put(f->key, &f->other.key);
    assert_true(certificate_files_look(&f->files));
    assert_in_force(f, &f->other);
    assert_false(certificate_files_look(&f->files));
    buf_deinit(&half);
}

static void there_has_to_be_one_at_the_start(void **state)
{
    struct fixture *f = *state;
    struct buf nothing = BUF_INIT(1);
    assert_int_equal(init(f), EX_NOINPUT);
    file_put(f->certificate, &f->one.certificate);
    assert_int_equal(init(f), EX_NOINPUT);
    assert_non_null(strstr(f->err.text, f->key));
    file_put(f->key, &nothing);
    assert_int_equal(init(f), EX_CONFIG);
    file_put(f->key, &f->other.key);
    assert_int_equal(init(f), EX_CONFIG);
    assert_non_null(strstr(f->err.text, "fits the key"));
    file_put(f->key, &f->one.key);
    assert_int_equal(init(f), 0);
}

static void a_pair_is_what_the_library_takes(void **state)
{
    struct fixture *f = *state;
    struct keypair *pair;
    gnutls_pcert_st *certificates;
    unsigned count;
    gnutls_privkey_t key;
    assert_int_equal(keypair_create(f->one.certificate.data, f->one.key.data, &pair, &f->err), 0);
    keypair_show(pair, &certificates, &count, &key);
    assert_int_equal(count, 1);
    assert_non_null(key);
    keypair_unref(keypair_ref(pair));
    keypair_unref(pair);
    assert_int_equal(keypair_create("none", f->one.key.data, &pair, &f->err), EX_CONFIG);
    assert_int_equal(keypair_create(f->one.certificate.data, "none", &pair, &f->err), EX_CONFIG);
    assert_null(pair);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_replaces_it_is_read_once_it_fits),
        TEST(there_has_to_be_one_at_the_start),
        TEST(a_pair_is_what_the_library_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
