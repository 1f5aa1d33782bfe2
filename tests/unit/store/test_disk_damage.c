/* What goes wrong with the file, and what becomes of what was in it. */
#include "tests/unit/store/disk_fixture.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>

#include "store/disk_lock.h"

static void an_object_that_is_not_what_was_written_is_left_out(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 10, 1);
    fill(add(&run, "beta"), 10, 1);
    run_close(&run);
    sql("UPDATE object SET bytes=replace(bytes,'\"1\"','\"9\"') WHERE stream=1 AND key='n4'");
    assert_int_equal(check(), EX_DATAERR);

    run_start(&run);
    assert_int_equal(disk_stats(run.disk).misread, 1);
    assert_int_equal(store_count(kept_of(&run, "alpha")->store), 9);
    assert_int_equal(store_count(kept_of(&run, "beta")->store), 10);
    run_close(&run);
    assert_int_equal(check(), 0); /* it was written anew */
}

static void an_object_that_is_missing_is_noticed(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 10, 1);
    run_close(&run);
    sql("DELETE FROM object WHERE key='n4'");
    assert_int_equal(check(), EX_DATAERR);
    run_start(&run);
    run_close(&run);
    assert_int_equal(check(), 0);
}

static int open_fails(char *text)
{
    struct error err = {0};
    struct disk *disk;
    struct loop *loop = loop_create();
    int r = disk_open(loop, NULL, path, &ops, NULL, &disk, &err);
    loop_destroy(loop);
    strcpy(text, err.text);
    return r;
}

/* How many files were put aside; they go. */
static size_t count_aside(void)
{
    size_t count = 0;
    struct dirent *entry;
    DIR *entries = opendir(directory);
    while ((entry = readdir(entries))) {
        cleanup_free char *file = mem_printf("%s/%s", directory, entry->d_name);
        if (!strstr(entry->d_name, ".damaged-"))
            continue;
        count += !strstr(entry->d_name, "-wal");
        unlink(file);
    }
    closedir(entries);
    return count;
}

static void overwrite(const char *file, off_t from, off_t len)
{
    cleanup_free char *zeroes = mem_zalloc((size_t)len);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(pwrite(fd, zeroes, (size_t)len, from), len);
    close(fd);
}

/* Where that text stands in the file. */
static off_t find_text(const char *text)
{
    off_t size = file_size(path);
    cleanup_free char *bytes = mem_alloc((size_t)size);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, (size_t)size), size);
    close(fd);
    const char *at = memmem(bytes, (size_t)size, text, strlen(text));
    assert_non_null(at);
    return at - bytes;
}

static void what_is_none_of_ours_is_left_alone(void **state)
{
    struct run run;
    char text[640];
    (void)state;
    run_start(&run);
    assert_int_equal(open_fails(text), EX_TEMPFAIL); /* another one has it */
    assert_non_null(strstr(text, "another process"));
    assert_int_equal(check(), EX_TEMPFAIL);
    run_close(&run);
    sql("PRAGMA user_version=99");
    assert_int_equal(open_fails(text), EX_CONFIG);
    assert_non_null(strstr(text, "later version"));
    sql("PRAGMA user_version=2; PRAGMA application_id=7");
    assert_int_equal(open_fails(text), EX_CONFIG);
    assert_non_null(strstr(text, "something else"));
    overwrite(path, 0, 100);
    chmod(path, 0644); /* no hub makes one like that */
    assert_int_equal(open_fails(text), EX_DATAERR);
    assert_non_null(strstr(text, "left as it is"));
    assert_true(file_size(path) > 0);
    unlink(path);
    mkdir(path, 0700);
    assert_int_equal(open_fails(text), EX_CANTCREAT);
    rmdir(path);
    assert_int_equal(count_aside(), 0);
}

/* Two that start at once, of which the other was faster: whatever it finds, or has put aside by now, is its
 * own. */
static void who_comes_second_does_not_look_at_the_file(void **state)
{
    struct run run;
    struct error err = {0};
    struct disk_lock *lock;
    char text[640];
    cleanup_free char *link_ = mem_printf("%s-link", path);
    (void)state;
    overwrite(path, 0, 100);
    assert_int_equal(symlink(path, link_), 0);
    assert_int_equal(disk_lock_take(link_, &lock, &err), 0);
    unlink(link_);
    assert_int_equal(open_fails(text), EX_TEMPFAIL);
    assert_non_null(strstr(text, "another process"));
    assert_int_equal(file_size(path), 100);
    assert_int_equal(count_aside(), 0);
    disk_lock_release(lock);

    run_start(&run);
    assert_int_equal(disk_stats(run.disk).damaged, 1);
    assert_int_equal(disk_lock_take(path, &lock, &err), EX_TEMPFAIL);
    run_close(&run);
    assert_int_equal(disk_lock_take(path, &lock, &err), 0);
    disk_lock_release(lock);
    assert_int_equal(count_aside(), 1);
}

static void filled_file(void)
{
    struct run run;
    run_start(&run);
    fill(add(&run, "alpha"), 1000, 1);
    run_close(&run);
}

/* It begins with nothing, and keeps what comes, whatever is wrong with what there was. */
static void assert_begins_anew(size_t aside)
{
    struct run run;
    assert_int_not_equal(check(), 0);
    run_start(&run);
    assert_int_equal(run.count, 0);
    assert_int_equal(disk_stats(run.disk).damaged, aside);
    fill(add(&run, "alpha"), 10, 2);
    run_close(&run);
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_int_equal(store_count(kept_of(&run, "alpha")->store), 10);
    run_close(&run);
    assert_int_equal(count_aside(), aside);
}

static void a_file_that_cannot_be_read_is_put_aside(void **state)
{
    (void)state;
    filled_file();
    overwrite(path, 0, 100); /* the header */
    assert_begins_anew(1);
    filled_file();
    overwrite(path, 0, 4096); /* the schema, too */
    assert_begins_anew(1);
    filled_file();
    overwrite(path, 0, file_size(path));
    assert_begins_anew(1);
    filled_file();
    overwrite(path, 100, file_size(path) - 100); /* all but the header */
    assert_begins_anew(1);
    filled_file();
    assert_int_equal(truncate(path, 50), 0);
    assert_begins_anew(1);
    filled_file();
    assert_int_equal(truncate(path, 0), 0); /* that is a new one */
    assert_begins_anew(0);
    filled_file();
    sql("DROP TABLE object");
    assert_begins_anew(1);
}

/* One page is bad: its stream lacks what stood there, all others are as they were. */
static void the_streams_beside_a_damaged_page_live(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 2000, 1);
    fill(add(&run, "beta"), 2000, 1);
    fill(add(&run, "gamma"), 2000, 1);
    struct digest root = store_root(kept_of(&run, "alpha")->store);
    run_close(&run);
    run_open(&run);
    assert_int_equal(disk_reserve(run.disk, 5000, 100, &(uint64_t){0}, &(struct error){0}), 0);
    run_close(&run);
    sql("UPDATE object SET bytes=replace(bytes,'     ','HERE.') WHERE stream=2 AND key='n1000'");
    overwrite(path, find_text("HERE.") / 4096 * 4096, 4096);
    assert_int_equal(check(), EX_DATAERR);

    reserve(&run, 10, 5100);
    load(&run);
    assert_int_equal(disk_stats(run.disk).damaged, 1);
    for (size_t i = 0; i < run.count; i++) {
        bool is_beta = !strcmp(run.kept[i].record.cluster, "beta");
        assert_int_equal(disk_stream_misread(run.kept[i].stream), is_beta);
        assert_in_range(store_count(run.kept[i].store), is_beta ? 1 : 2000, is_beta ? 1999 : 2000);
    }
    assert_int_equal(run.count, 3);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), root));
    size_t left = store_count(kept_of(&run, "beta")->store);
    run_close(&run);
    assert_int_equal(check(), 0); /* the new one */
    assert_int_equal(count_aside(), 1);

    reserve(&run, 10, 5200); /* numbers are still not given twice */
    run_close(&run);
    run_start(&run);
    assert_int_equal(store_count(kept_of(&run, "beta")->store), left);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), root));
    run_close(&run);
}

/* Found when it is written to: all that is in the stores goes into a new one, and nothing is durable before.
 */
static void a_file_damaged_meanwhile_is_replaced(void **state)
{
    struct run run;
    (void)state;
    cleanup_free char *log = mem_printf("%s-wal", path);
    run_start(&run);
    fill(add(&run, "goes"), LARGE, 1);
    fill(add(&run, "alpha"), LARGE, 1);
    fill(add(&run, "beta"), LARGE, 1);
    await_durable(&run);
    overwrite(path, 4096, file_size(path) - 4096);
    overwrite(log, 4096, file_size(log) - 4096);
    fill(kept_of(&run, "alpha"), LARGE, 2);
    while (!disk_stats(run.disk).damaged)
        loop_step(run.loop);
    assert_int_equal(disk_stats(run.disk).durable, 0);
    put(kept_of(&run, "beta"), "n7", 3); /* while it is noted */
    disk_stream_drop(kept_of(&run, "goes")->stream);
    await_durable(&run);
    struct digest alpha = store_root(kept_of(&run, "alpha")->store),
                  beta = store_root(kept_of(&run, "beta")->store);
    run_close(&run);
    assert_int_equal(count_aside(), 1);
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_int_equal(run.count, 2);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), alpha));
    assert_true(digest_equal(store_root(kept_of(&run, "beta")->store), beta));
    run_close(&run);
}

/* The run ends while that is under way. */
static void a_file_is_replaced_before_the_end(void **state)
{
    struct run run;
    (void)state;
    cleanup_free char *log = mem_printf("%s-wal", path);
    run_start(&run);
    fill(add(&run, "alpha"), LARGE, 1);
    await_durable(&run);
    overwrite(path, 4096, file_size(path) - 4096);
    overwrite(log, 4096, file_size(log) - 4096);
    fill(kept_of(&run, "alpha"), LARGE, 2);
    run_close(&run);
    assert_int_equal(count_aside(), 1);
    assert_int_equal(check(), 0);
    assert_versions("2");
}

/* While there is no room changes wait; then all of them are written, and nothing was torn. */
static void a_full_disk_is_waited_for(void **state)
{
    struct run run;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    run_start(&run);
    struct kept *alpha = add(&run, "alpha");
    fill(alpha, 10, 1);
    await_durable(&run);
    limit_file(100000);
    fill(alpha, 5000, 2);
    while (disk_stats(run.disk).failures == 0)
        loop_step(run.loop);
    fill(alpha, 100, 3);
    store_delete(alpha->store, "n4000", false);
    assert_true(disk_stats(run.disk).durable < disk_stats(run.disk).changes);
    limit_file(RLIM_INFINITY);
    struct digest root = store_root(alpha->store);
    run_close(&run);
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), root));
    run_close(&run);
}

/* ---- a disk that is really full ---- */

#define NO_NAMESPACE 77

/* A file system of its own, that nobody else sees. */
static bool mount_small(void)
{
    int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    return unshare(flags) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", directory, "tmpfs", 0, "size=4m") == 0;
}

/* In a process of its own; its exit code. */
static int live_on_a_full_disk(void)
{
    struct run run;
    if (!mount_small())
        return NO_NAMESPACE;
    run_start(&run);
    struct kept *alpha = add(&run, "alpha");
    fill(alpha, 10, 1);
    await_durable(&run);
    fill(alpha, 5000, 2);
    step_until(&run, offsetof(struct disk_stats, failures), 1);
    fill(alpha, 100, 3);
    struct disk_stats stats = disk_stats(run.disk);
    if (stats.damaged || stats.durable == stats.changes)
        return 1;
    if (mount(NULL, directory, NULL, MS_REMOUNT, "size=64m") != 0)
        return 2;
    await_durable(&run); /* it is tried again */
    struct digest root = store_root(alpha->store);
    run_close(&run);
    if (check() != 0)
        return 3;
    run_start(&run);
    bool same = digest_equal(store_root(kept_of(&run, "alpha")->store), root);
    run_close(&run);
    return same ? 0 : 4;
}

static void a_disk_without_room_is_waited_for(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(live_on_a_full_disk());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_NAMESPACE)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_object_that_is_not_what_was_written_is_left_out, setup),
        cmocka_unit_test_setup(an_object_that_is_missing_is_noticed, setup),
        cmocka_unit_test_setup(what_is_none_of_ours_is_left_alone, setup),
        cmocka_unit_test_setup(who_comes_second_does_not_look_at_the_file, setup),
        cmocka_unit_test_setup(a_file_that_cannot_be_read_is_put_aside, setup),
        cmocka_unit_test_setup(the_streams_beside_a_damaged_page_live, setup),
        cmocka_unit_test_setup(a_file_damaged_meanwhile_is_replaced, setup),
        cmocka_unit_test_setup(a_file_is_replaced_before_the_end, setup),
        cmocka_unit_test_setup(a_full_disk_is_waited_for, setup),
        cmocka_unit_test_setup(a_disk_without_room_is_waited_for, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
