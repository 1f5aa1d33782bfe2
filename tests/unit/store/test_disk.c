#include "tests/unit/store/disk_fixture.h"

/* ---- what is kept ---- */

static void a_store_comes_back_as_it_was(void **state)
{
    struct run run;
    struct digest root;
    (void)state;
    run_start(&run);
    struct kept *alpha = add(&run, "alpha");
    fill(alpha, 1000, 1);
    alpha->record.epoch = UINT64_MAX - 1;
    alpha->record.sequence = 17;
    snprintf(alpha->record.uid, sizeof(alpha->record.uid), "uid of alpha");
    alpha->record.since_s = 1234;
    alpha->record.names = (struct names){
        .singular = "pod", .short_names = "po pd", .categories = "all", .subresources = "status"};
    add(&run, "beta");
    root = store_root(alpha->store);
    run_close(&run);

    run_start(&run);
    assert_int_equal(run.count, 2);
    alpha = kept_of(&run, "alpha");
    assert_true(digest_equal(store_root(alpha->store), root));
    assert_int_equal(store_count(alpha->store), 1000);
    assert_int_equal(store_count(kept_of(&run, "beta")->store), 0);
    assert_true(alpha->record.epoch == UINT64_MAX - 1 && alpha->record.sequence == 17);
    assert_true(alpha->record.whole && alpha->record.namespaced && !alpha->record.current);
    assert_string_equal(alpha->record.uid, "uid of alpha");
    assert_string_equal(alpha->record.gvr.resource, "pods");
    assert_string_equal(alpha->record.kind, "Pod");
    assert_int_equal(alpha->record.since_s, 1234);
    assert_string_equal(alpha->record.names.singular, "pod");
    assert_string_equal(alpha->record.names.short_names, "po pd");
    assert_string_equal(alpha->record.names.categories, "all");
    assert_string_equal(alpha->record.names.subresources, "status");
    run_close(&run);
    assert_int_equal(check(), 0);
}

/* What the first version kept is there; what it did not is unknown, until it is written. */
static void a_file_of_the_first_version_is_read(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 10, 1);
    kept_of(&run, "alpha")->record.since_s = 1234;
    run_close(&run);
    sql("ALTER TABLE stream DROP COLUMN names; ALTER TABLE stream DROP COLUMN since_s; PRAGMA "
        "user_version=1");
    assert_int_equal(check(), 0);
    for (int64_t since_s = 0; since_s < 2; since_s++) {
        run_start(&run);
        struct kept *alpha = kept_of(&run, "alpha");
        assert_int_equal(store_count(alpha->store), 10);
        assert_int_equal(alpha->record.since_s, since_s);
        assert_string_equal(alpha->record.names.short_names, since_s ? "po" : "");
        alpha->record.since_s = 1;
        strcpy(alpha->record.names.short_names, "po");
        disk_stream_changed(alpha->stream);
        run_close(&run);
    }
    assert_int_equal(check(), 0);
}

static void changes_and_deletions_follow(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 10, 1);
    await_durable(&run);
    struct kept *alpha = kept_of(&run, "alpha");
    uint64_t written = disk_stats(run.disk).objects;
    for (int version = 2; version < 100; version++)
        put(alpha, "n1", version);
    store_delete(alpha->store, "n2", false);
    store_delete(alpha->store, "n3", false);
    put(alpha, "n3", 7);
    put(alpha, "new", 1);
    store_delete(alpha->store, "new", false);
    await_durable(&run);
    assert_int_equal(disk_stats(run.disk).objects - written, 2); /* n1 and n3, each once */
    struct digest root = store_root(alpha->store);
    run_close(&run);
    assert_int_equal(check(), 0);

    run_start(&run);
    alpha = kept_of(&run, "alpha");
    assert_int_equal(store_count(alpha->store), 9);
    assert_true(digest_equal(store_root(alpha->store), root));
    run_close(&run);
}

static void a_stream_that_is_dropped_is_gone(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), 100, 1);
    fill(add(&run, "beta"), 100, 1);
    await_durable(&run);
    struct disk_stats before = disk_stats(run.disk);
    put(kept_of(&run, "beta"), "n1", 2);
    disk_stream_drop(kept_of(&run, "alpha")->stream);
    fill(add(&run, "alpha"), 3, 3); /* another one of that name */
    while (disk_stats(run.disk).commits == before.commits) {
        assert_int_equal(disk_stats(run.disk).durable, before.durable); /* not by the drop alone */
        loop_step(run.loop);
    }
    run_close(&run);
    assert_int_equal(check(), 0);

    run_start(&run);
    assert_int_equal(run.count, 2);
    assert_int_equal(store_count(kept_of(&run, "alpha")->store), 3);
    assert_int_equal(store_count(kept_of(&run, "beta")->store), 100);
    run_close(&run);
}

/* Runs in a process of its own, which ends without a word; the file is as it should be then. */
static void die_of(void (*work)(struct run *run))
{
    struct run run;
    int status;
    pid_t child = fork();
    if (child == 0) {
        run_start(&run);
        work(&run);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(check(), 0);
}

/* All of it changes while it is being written. */
static void change_meanwhile(struct run *run)
{
    struct kept *alpha = add(run, "alpha");
    fill(alpha, LARGE, 1);
    step_until(run, offsetof(struct disk_stats, objects), 1);
    fill(alpha, LARGE, 2);
    step_until(run, offsetof(struct disk_stats, commits), 1);
    if (disk_stats(run->disk).durable == disk_stats(run->disk).changes)
        _exit(1);
}

static void a_stream_is_cut_at_one_moment(void **state)
{
    (void)state;
    die_of(change_meanwhile);
    assert_versions("1");
}

static void die_half_way(struct run *run)
{
    struct kept *alpha = add(run, "alpha");
    fill(alpha, LARGE, 1);
    await_durable(run);
    fill(alpha, LARGE, 2);
    step_until(run, offsetof(struct disk_stats, objects), LARGE + LARGE / 2);
}

static void half_a_transaction_is_none(void **state)
{
    (void)state;
    die_of(die_half_way);
    assert_versions("1");
}

/* ---- what is more than a transaction ---- */

#define HEAVY 600 /* objects of 64 KiB: 40 MB */
#define LOG_MAX ((off_t)20 << 20)

static void put_heavy(struct kept *kept, int version)
{
    for (int i = 0; i < HEAVY; i++) {
        cleanup_free char *json =
            mem_printf("{\"metadata\":{\"name\":\"n%d\",\"uid\":\"u\",\"resourceVersion\":"
                       "\"%d\"},\"data\":\"%65536s\"}",
                       i, version, "");
        struct object *object = NULL;
        assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
        store_put(kept->store, object);
        object_unref(object);
    }
}

static off_t log_size(void)
{
    cleanup_free char *log = mem_printf("%s-wal", path);
    return file_size(log);
}

static void the_log_is_bounded(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    put_heavy(add(&run, "alpha"), 1);
    while (disk_stats(run.disk).durable < disk_stats(run.disk).changes) {
        loop_step(run.loop);
        assert_true(log_size() < LOG_MAX);
    }
    struct digest root = store_root(kept_of(&run, "alpha")->store);
    run_close(&run);
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_true(kept_of(&run, "alpha")->record.whole);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), root));
    run_close(&run);
}

static int count_rows(void)
{
    sqlite3 *db;
    sqlite3_stmt *count;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT (SELECT count(*) FROM object)+(SELECT count(*) FROM stream)",
                                        -1, &count, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    int rows = sqlite3_column_int(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(db);
    return rows;
}

/* Some changes, each on the disk by itself; what is dropped goes between them. */
static void commit_some(struct run *run, int commits)
{
    for (int version = 0; version < commits; version++) {
        put(kept_of(run, "beta"), "n1", version);
        await_durable(run);
        assert_true(log_size() < LOG_MAX / 5 * 2);
    }
}

static void what_is_dropped_goes_in_parts(void **state)
{
    struct run run;
    (void)state;
    run_start(&run);
    fill(add(&run, "alpha"), LARGE, 1);
    run_close(&run);
    run_start(&run);
    disk_stream_drop(kept_of(&run, "alpha")->stream);
    add(&run, "beta");
    commit_some(&run, 2);
    run_close(&run);
    assert_int_equal(check(), 0);
    run_start(&run); /* which goes on with it */
    assert_int_equal(run.count, 1);
    commit_some(&run, 12);
    run_close(&run);
    assert_int_equal(check(), 0);
    assert_int_equal(count_rows(), 2);
}

static void die_in_between(struct run *run)
{
    uint64_t commits = disk_stats(run->disk).commits;
    put_heavy(kept_of(run, "alpha"), 2);
    step_until(run, offsetof(struct disk_stats, commits), commits + 2);
    if (disk_stats(run->disk).durable == disk_stats(run->disk).changes)
        _exit(1);
}

static void die_at_first(struct run *run)
{
    add(run, "alpha")->record.epoch = 7;
    die_in_between(run);
}

static void die_later(struct run *run)
{
    add(run, "alpha")->record.epoch = 7;
    put_heavy(kept_of(run, "alpha"), 1);
    await_durable(run);
    store_delete(kept_of(run, "alpha")->store, "n9", false);
    die_in_between(run);
}

/* How many objects are of that version. */
static size_t count_version(const struct store *store, const char *version)
{
    size_t count = 0;
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        count += slice_equal(object_resource_version(object), version);
    return count;
}

/* It is not whole, but what it has is right; and what comes later is put right, too. */
static void assert_between(size_t old)
{
    struct run run;
    run_start(&run);
    const struct kept *alpha = kept_of(&run, "alpha");
    size_t new_ = count_version(alpha->store, "2");
    assert_in_range(new_, 1, HEAVY - 1);
    assert_int_equal(count_version(alpha->store, "1"), old ? old - new_ : 0);
    assert_false(alpha->record.whole || alpha->record.epoch);
    assert_false(disk_stream_misread(alpha->stream));
    run_close(&run);
    run_start(&run);
    assert_int_not_equal(kept_of(&run, "alpha")->record.count, RECORD_BETWEEN);
    assert_int_equal(count_version(kept_of(&run, "alpha")->store, "2"), new_);
    run_close(&run);
    assert_int_equal(check(), 0);
}

static void half_a_stream_is_not_whole(void **state)
{
    (void)state;
    die_of(die_at_first);
    assert_between(0);
}

static void a_stream_between_two_states_is_not_whole(void **state)
{
    (void)state;
    die_of(die_later);
    assert_between(HEAVY);
}

/* It goes on where the last transaction ended. */
static void a_full_disk_is_waited_for_in_between(void **state)
{
    struct run run;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    run_start(&run);
    struct kept *alpha = add(&run, "alpha");
    limit_file((rlim_t)19 << 20);
    put_heavy(alpha, 1);
    step_until(&run, offsetof(struct disk_stats, failures), 1);
    assert_true(disk_stats(run.disk).commits > 0);
    assert_int_equal(disk_stats(run.disk).durable, 0);
    limit_file(RLIM_INFINITY);
    struct digest root = store_root(alpha->store);
    run_close(&run);
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_true(digest_equal(store_root(kept_of(&run, "alpha")->store), root));
    run_close(&run);
}

/* A run that is ended while it reads leaves all as it was. */
static void what_is_still_read_stays(void **state)
{
    struct run run;
    struct error err = {0};
    (void)state;
    run_start(&run);
    add(&run, "alpha")->record.current = true;
    fill(kept_of(&run, "alpha"), LARGE, 1);
    run_close(&run);
    sql("UPDATE meta SET value=1000 WHERE name='written'");
    for (uint64_t read = 0; read < LARGE; read += LARGE / 4) {
        run_open(&run);
        assert_int_equal(disk_load(run.disk, &err), 0);
        step_until(&run, offsetof(struct disk_stats, read), read);
        assert_false(run.loaded);
        run_close(&run);
    }
    assert_int_equal(check(), 0);
    run_start(&run);
    assert_int_equal(kept_of(&run, "alpha")->record.heard_s, 1000); /* it was current then, and not since */
    run_close(&run);
    assert_versions("1");
}

/* ---- numbers ---- */

static void numbers_are_never_given_twice(void **state)
{
    struct run run;
    (void)state;
    reserve(&run, 1000, 1000);
    run_close(&run);
    reserve(&run, 10, 1100); /* the clock was set back */
    run_close(&run);
    reserve(&run, 5000, 5000);
    run_close(&run);
    signal(SIGXFSZ, SIG_IGN);
    limit_file(0);
    reserve(&run, 10, 5100); /* no room to take them */
    run_close(&run);
    limit_file(RLIM_INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_store_comes_back_as_it_was, setup),
        cmocka_unit_test_setup(a_file_of_the_first_version_is_read, setup),
        cmocka_unit_test_setup(changes_and_deletions_follow, setup),
        cmocka_unit_test_setup(a_stream_that_is_dropped_is_gone, setup),
        cmocka_unit_test_setup(a_stream_is_cut_at_one_moment, setup),
        cmocka_unit_test_setup(half_a_transaction_is_none, setup),
        cmocka_unit_test_setup(the_log_is_bounded, setup),
        cmocka_unit_test_setup(what_is_dropped_goes_in_parts, setup),
        cmocka_unit_test_setup(half_a_stream_is_not_whole, setup),
        cmocka_unit_test_setup(a_stream_between_two_states_is_not_whole, setup),
        cmocka_unit_test_setup(a_full_disk_is_waited_for_in_between, setup),
        cmocka_unit_test_setup(what_is_still_read_stays, setup),
        cmocka_unit_test_setup(numbers_are_never_given_twice, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
