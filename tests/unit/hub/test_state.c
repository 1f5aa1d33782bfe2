/* What a hub keeps between its runs, and that no two of them give one version twice. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "hub/api.h"
#include "hub/state.h"

struct fixture {
    char directory[32];
    char *file;
    struct buf token;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    strcpy(f->directory, "/tmp/ti-state-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->file = mem_printf("%s/token", f->directory);
    f->token = (struct buf)BUF_INIT(4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->file);
    rmdir(f->directory);
    buf_deinit(&f->token);
    free(f->file);
    free(f);
    return 0;
}

static int token(struct fixture *f, struct error *err)
{
    buf_clear(&f->token);
    return state_token(f->directory, &f->token, err);
}

static void a_token_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    assert_int_equal(token(f, &err), 0);
    assert_in_range(f->token.len, 43, 44);
    cleanup_free char *first = mem_strdup(f->token.data);
    assert_int_equal(token(f, &err), 0);
    assert_string_equal(f->token.data, first);
}

static void put(const struct fixture *f, const char *text, size_t len)
{
    struct buf content = BUF_INIT(4096);
    buf_append(&content, text, len);
    assert_int_equal(file_put(f->file, &content), 0);
    buf_deinit(&content);
}

static void a_token_of_nothing_is_none(void **state)
{
    static const char zeros[64];
    struct fixture *f = *state;
    const struct {
        const char *text;
        size_t len;
    } bad[] = {
        {"", 0}, {"\n", 1}, {zeros, sizeof(zeros)}, {"fifteen-letters", 15}, {"a token of two lines\nx", 22}};
    for (size_t i = 0; i < array_size(bad); i++) {
        struct error err = {0};
        put(f, bad[i].text, bad[i].len);
        assert_int_equal(token(f, &err), EX_CONFIG);
        assert_non_null(strstr(err.text, f->file));
    }
    struct error err = {0};
    put(f, "one-of-ones-own-choice\n", 23);
    assert_int_equal(token(f, &err), 0);
    assert_string_equal(f->token.data, "one-of-ones-own-choice");
}

static void nothing(void *arg)
{
    (void)arg;
}

/* However soon the next one begins, and however much the one before has changed meanwhile. */
static void a_run_begins_beyond_the_one_before(void **state)
{
    struct loop *loop = loop_create_simulated(1);
    struct timer timer;
    uint64_t first = api_first_revision(loop);
    (void)state;
    timer_init(&timer, loop, nothing, NULL);
    timer_start(&timer, 5 * LOOP_MS);
    loop_step(loop);
    assert_in_range(api_first_revision(loop), first + 100000, INT64_MAX);
    loop_destroy(loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_made_once),
        TEST(a_token_of_nothing_is_none),
        cmocka_unit_test(a_run_begins_beyond_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
