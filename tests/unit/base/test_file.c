/* Files that are put in their place whole, and read by nobody else. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

struct fixture {
    char directory[32];
    char *path, *beside, *victim;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    strcpy(f->directory, "/tmp/ti-file-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->path = mem_printf("%s/file", f->directory);
    f->beside = mem_printf("%s.%d.new", f->path, (int)getpid());
    f->victim = mem_printf("%s/victim", f->directory);
    umask(0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    unlink(f->beside);
    unlink(f->victim);
    rmdir(f->directory);
    free(f->path);
    free(f->beside);
    free(f->victim);
    free(f);
    return 0;
}

static int put(const char *path, const char *content)
{
    struct buf text = BUF_INIT(4096);
    buf_append_str(&text, content);
    int r = file_put(path, &text);
    buf_deinit(&text);
    return r;
}

static void holds(const char *path, const char *content)
{
    struct buf text = BUF_INIT(4096);
    assert_int_equal(file_read(path, &text), 0);
    assert_string_equal(text.data, content);
    buf_deinit(&text);
}

static int mode_of(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return file.st_mode & 0777;
}

static void what_is_put_is_for_its_owner(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f->path, "one"), 0);
    assert_int_equal(chmod(f->path, 0666), 0);
    assert_int_equal(put(f->path, "two"), 0);
    holds(f->path, "two");
    assert_int_equal(mode_of(f->path), 0600);
    assert_int_not_equal(access(f->beside, F_OK), 0);
}

/* Who may write to the directory, as in /tmp, may guess what is written to first. */
static void nobody_is_written_to_who_lies_in_wait(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f->victim, "mine"), 0);
    assert_int_equal(symlink(f->victim, f->beside), 0);
    assert_int_equal(put(f->path, "secret"), 0);
    holds(f->path, "secret");
    holds(f->victim, "mine");
    fclose(fopen(f->beside, "w"));
    assert_int_equal(chmod(f->beside, 0666), 0);
    assert_int_equal(put(f->path, "secret"), 0);
    assert_int_equal(mode_of(f->path), 0600);
}

static void what_cannot_be_put_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_true(put(f->path, "one") < 0);
    assert_int_not_equal(access(f->beside, F_OK), 0);
    rmdir(f->path);
    assert_true(put("/nonexistent/file", "one") < 0);
}

static void a_file_that_is_written_or_replaced_has_changed(void **state)
{
    struct fixture *f = *state;
    struct stat seen = {0};
    assert_false(file_changed(f->path, &seen)); /* there is none */
    assert_int_equal(put(f->path, "one"), 0);
    assert_true(file_changed(f->path, &seen));
    assert_false(file_changed(f->path, &seen));
    assert_int_equal(put(f->path, "two"), 0);
    assert_true(file_changed(f->path, &seen));
    assert_int_equal(truncate(f->path, 1), 0);
    assert_true(file_changed(f->path, &seen));
    unlink(f->path);
    assert_true(file_changed(f->path, &seen));
    assert_false(file_changed(f->path, &seen));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_for_its_owner),
        TEST(nobody_is_written_to_who_lies_in_wait),
        TEST(what_cannot_be_put_leaves_nothing),
        TEST(a_file_that_is_written_or_replaced_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
