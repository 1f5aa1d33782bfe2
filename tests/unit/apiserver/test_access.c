/* Tokens: which are good for what, and what a file of them may hold. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apiserver/access.h"
#include "apiserver/certificate.h"
#include "apiserver/review.h"
#include "base/mem.h"

struct fixture {
    struct access *access;
    const char *whose;
    char path[64];
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->access = access_create(NULL);
    snprintf(f->path, sizeof(f->path), "/tmp/ti-access-XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    access_destroy(f->access);
    free(f);
    return 0;
}

static void put_file(const struct fixture *f, const char *text)
{
    cleanup_free char *beside = mem_printf("%s.new", f->path);
    FILE *file = fopen(beside, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(beside, f->path), 0);
}

static enum access_level of(struct fixture *f, const char *authorization)
{
    struct access_right right = access_of(f->access, authorization);
    f->whose = right.whose;
    return right.level;
}

static void a_token_is_the_whole_of_it(void **state)
{
    struct fixture *f = *state;
    access_add(f->access, "abcdefghijklmnop", ACCESS_READ, "me");
    assert_int_equal(of(f, "Bearer abcdefghijklmnop"), ACCESS_READ);
    assert_int_equal(of(f, "bearer  abcdefghijklmnop"), ACCESS_READ);
    assert_int_equal(of(f, "Bearer abcdefghijklmno"), ACCESS_NONE);
    assert_int_equal(of(f, "Bearer abcdefghijklmnopq"), ACCESS_NONE);
    assert_int_equal(of(f, "Bearer Xbcdefghijklmnop"), ACCESS_NONE);
    assert_int_equal(of(f, "Bearer "), ACCESS_NONE);
    assert_int_equal(of(f, "Basic abcdefghijklmnop"), ACCESS_NONE);
    assert_int_equal(of(f, "abcdefghijklmnop"), ACCESS_NONE);
    assert_int_equal(of(f, NULL), ACCESS_NONE);
    assert_string_equal(f->whose, "");
}

static void a_file_gives_and_takes(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    access_add(f->access, "own-own-own-own-own", ACCESS_WRITE, "us");
    put_file(f, "# whose\n\nreading-reading-1 read-only dash board\n  writing-writing-1\tread-write\n");
    assert_int_equal(access_read(f->access, f->path, &err), 0);
    assert_int_equal(of(f, "Bearer reading-reading-1"), ACCESS_READ);
    assert_string_equal(f->whose, "dash board");
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_WRITE);
    assert_string_equal(f->whose, "read-write");
    put_file(f, "writing-writing-1 read-only\nanother-another-1 read-write");
    assert_int_equal(of(f, "Bearer reading-reading-1"), ACCESS_NONE);
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_READ);
    assert_int_equal(of(f, "Bearer another-another-1"), ACCESS_WRITE);
    unlink(f->path);
    assert_int_equal(of(f, "Bearer another-another-1"), ACCESS_WRITE);
    assert_int_equal(of(f, "Bearer own-own-own-own-own"), ACCESS_WRITE);
    put_file(f, "another-another-1 read-on");
    assert_int_equal(of(f, "Bearer another-another-1"), ACCESS_WRITE);
    for (int i = 0; i < 5; i++)
        access_look(f->access);
    assert_int_equal(of(f, "Bearer another-another-1"), ACCESS_WRITE);
}

/* It may be about to be written. */
static void a_file_that_stays_empty_takes_all_back(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    access_add(f->access, "own-own-own-own-own", ACCESS_WRITE, "us");
    put_file(f, "writing-writing-1 read-write\n");
    assert_int_equal(access_read(f->access, f->path, &err), 0);
    uint64_t rights = access_look(f->access);
    for (int i = 0; i < 5; i++) {
        put_file(f, i % 2 ? "" : "# none now\n");
        assert_true(access_look(f->access) == rights);
    }
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_WRITE);
    assert_true(access_look(f->access) != rights);
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_NONE);
    assert_int_equal(of(f, "Bearer own-own-own-own-own"), ACCESS_WRITE);
    put_file(f, "writing-writing-1 read-only\n");
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_READ);
    put_file(f, "");
    assert_int_equal(access_read(f->access, f->path, &err), 0); /* as after a restart */
    assert_int_equal(of(f, "Bearer writing-writing-1"), ACCESS_NONE);
}

static void what_a_token_was_good_for_may_be_asked_again(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    access_add(f->access, "own-own-own-own-own", ACCESS_WRITE, "us");
    put_file(f, "writing-writing-1 read-write me\nreading-reading-1 read-only\n");
    assert_int_equal(access_read(f->access, f->path, &err), 0);
    uint64_t own = access_of(f->access, "Bearer own-own-own-own-own").token,
             one = access_of(f->access, "Bearer writing-writing-1").token,
             other = access_of(f->access, "Bearer reading-reading-1").token;
    assert_true(one && other && own && one != other);
    assert_int_equal(access_still(f->access, one), ACCESS_WRITE);
    put_file(f, "writing-writing-1 read-only you\n");
    uint64_t rights = access_look(f->access);
    assert_int_equal(access_still(f->access, one), ACCESS_READ);
    assert_int_equal(access_still(f->access, other), ACCESS_NONE);
    assert_int_equal(access_still(f->access, own), ACCESS_WRITE);
    assert_int_equal(access_still(f->access, 0), ACCESS_NONE);
    assert_true(access_look(f->access) == rights);
}

static void what_makes_no_sense_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } files[] = {
        {"a-token-of-16-char\n", "line 1"},
        {"# x\na-token-of-16-char read\n", "line 2"},
        {"short read-only\n", "less than 16"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < array_size(files); i++) {
        struct error err = {0};
        put_file(f, files[i].text);
        assert_int_equal(access_read(f->access, f->path, &err), EX_CONFIG);
        assert_non_null(strstr(err.text, files[i].says));
    }
    struct error err = {0};
    cleanup_free char *line = mem_zalloc(6000);
    memset(line, 'x', 5999);
    put_file(f, line);
    assert_int_equal(access_read(f->access, f->path, &err), EX_CONFIG);
    assert_non_null(strstr(err.text, "4 KiB"));
    assert_int_equal(access_read(f->access, "/nonexistent/tokens", &err), EX_NOINPUT);
}

static void a_question_is_no_write(void **state)
{
    static const struct {
        const char *path;
        bool asks;
    } rows[] = {
        {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", true},
        {"/apis/authorization.k8s.io/v1/selfsubjectrulesreviews?timeout=1s", true},
        {"/clusters/one/apis/authentication.k8s.io/v1/selfsubjectreviews", true},
        {"/clusters/one/two/apis/authentication.k8s.io/v1/selfsubjectreviews", false},
        {"/clusters//apis/authentication.k8s.io/v1/selfsubjectreviews", false},
        {"/clusters/one/apis/authentication.k8s.io/v1/selfsubjectreviews/x", false},
        {"/apis/authorization.k8s.io/v1/subjectaccessreviews", false},
        {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/../pods", false},
        {"/api/v1/namespaces", false},
        {"/api/v1/pods?/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false},
        {"", false},
        {"/clusters/", false},
    };
    (void)state;
    for (size_t i = 0; i < array_size(rows); i++)
        assert_int_equal(review_is_asked(rows[i].path), rows[i].asks);
}

static void a_certificate_is_for_its_hosts(void **state)
{
    struct buf certificate = BUF_INIT(1 << 16), key = BUF_INIT(1 << 16), other = BUF_INIT(1 << 16),
               other_key = BUF_INIT(1 << 16);
    struct error err = {0};
    (void)state;
    assert_int_equal(certificate_make("fleet.example.com", &certificate, &key, &err), 0);
    assert_int_equal(certificate_make("10.1.2.3", &other, &other_key, &err), 0);
    assert_true(certificate_fits(certificate.data, key.data, "fleet.example.com", 0));
    assert_true(certificate_fits(certificate.data, key.data, "localhost", 0));
    assert_true(certificate_fits(certificate.data, key.data, "127.0.0.1", 0));
    assert_true(certificate_fits(certificate.data, key.data, "::1", 0));
    assert_false(certificate_fits(certificate.data, key.data, "10.1.2.3", 0));
    assert_true(certificate_fits(other.data, other_key.data, "10.1.2.3", 0));
    assert_false(certificate_fits(certificate.data, other_key.data, "", 0));
    assert_true(certificate_fits(other.data, other_key.data, "", 3649L * 24 * 3600));
    assert_false(certificate_fits(other.data, other_key.data, "", 3651L * 24 * 3600));
    assert_false(certificate_fits("rubbish", key.data, "", 0));
    buf_deinit(&certificate);
    buf_deinit(&key);
    buf_deinit(&other);
    buf_deinit(&other_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_the_whole_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_gives_and_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_stays_empty_takes_all_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_token_was_good_for_may_be_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_with_its_line, setup, teardown),
        cmocka_unit_test(a_question_is_no_write),
        cmocka_unit_test(a_certificate_is_for_its_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
