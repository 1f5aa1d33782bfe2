#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/disk.h"
#include "store/disk_check.h"

/* One run of a program that keeps some stores: "alpha" pods, "beta" pods, … */
#define STREAMS 8
#define LARGE 10000 /* objects: more than are written in one transaction with others */

struct kept {
    struct store *store;
    struct disk_stream *stream;
    struct record record;
};

struct run {
    struct loop *loop;
    struct disk *disk;
    struct kept kept[STREAMS];
    size_t count;
    bool loaded;
};

static char directory[] = "/tmp/ti-disk-XXXXXX";
static char *path;

static struct kept *kept_of(struct run *run, const char *cluster)
{
    for (size_t i = 0; i < run->count; i++)
        if (strcmp(run->kept[i].record.cluster, cluster) == 0)
            return &run->kept[i];
    return NULL;
}

static struct kept *keep(struct run *run, uint64_t id, const struct record *record)
{
    struct kept *kept = &run->kept[run->count++];
    kept->record = *record;
    kept->store = store_create();
    kept->stream = disk_stream_create(run->disk, id, kept->store, kept);
    return kept;
}

static void on_stream(void *arg, uint64_t id, const struct record *record)
{
    keep(arg, id, record);
}

static void on_loaded(void *arg)
{
    struct run *run = arg;
    run->loaded = true;
}

static void on_describe(void *arg, void *stream_arg, struct record *record)
{
    const struct kept *kept = stream_arg;
    (void)arg;
    *record = kept->record;
}

static const struct disk_ops ops = {.stream = on_stream, .loaded = on_loaded, .describe = on_describe};

static void run_open(struct run *run)
{
    struct error err = {0};
    *run = (struct run){.loop = loop_create()};
    assert_int_equal(disk_open(run->loop, NULL, path, &ops, run, &run->disk, &err), 0);
}

static void load(struct run *run)
{
    struct error err = {0};
    assert_int_equal(disk_load(run->disk, &err), 0);
    while (!run->loaded)
        loop_step(run->loop);
}

static void run_start(struct run *run)
{
    run_open(run);
    load(run);
}

/* Takes a hundred numbers, and is given those from `expected` on. */
static void reserve(struct run *run, uint64_t least, uint64_t expected)
{
    struct error err = {0};
    uint64_t first;
    run_open(run);
    assert_int_equal(disk_reserve(run->disk, least, 100, &first, &err), 0);
    assert_int_equal(first, expected);
    assert_int_equal(err.code, 0);
}

/* As a process that is killed: what is not on the disk is lost. */
static void run_end(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        store_destroy(run->kept[i].store);
    loop_destroy(run->loop);
}

static void run_close(struct run *run)
{
    disk_close(run->disk);
    run_end(run);
}

static struct kept *add(struct run *run, const char *cluster)
{
    struct record record = {.gvr = {"", "v1", "pods"}, .kind = "Pod", .namespaced = true, .whole = true};
    snprintf(record.cluster, sizeof(record.cluster), "%s", cluster);
    return keep(run, 0, &record);
}

static void put(struct kept *kept, const char *name, int version)
{
    cleanup_free char *json = mem_printf(
        "{\"metadata\":{\"name\":\"%s\",\"uid\":\"u\",\"resourceVersion\":\"%d\"},\"data\":\"%1000s\"}", name,
        version, "");
    struct object *object = NULL;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    store_put(kept->store, object);
    object_unref(object);
}

static void await_durable(struct run *run)
{
    while (disk_stats(run->disk).durable < disk_stats(run->disk).changes)
        loop_step(run->loop);
}

static void fill(struct kept *kept, int objects, int version)
{
    for (int i = 0; i < objects; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        put(kept, name, version);
    }
}

static int check(void)
{
    struct error err = {0};
    FILE *nowhere = fopen("/dev/null", "w");
    int r = disk_check(path, nowhere, &err);
    fclose(nowhere);
    return r;
}

static void sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

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
    alpha->record.names = (struct names){.singular = "pod", .short_names = "po pd", .categories = "all"};
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

/* offset: of one of struct disk_stats. */
static void step_until(struct run *run, size_t offset, uint64_t least)
{
    struct disk_stats stats = disk_stats(run->disk);
    while (*(const uint64_t *)((const char *)&stats + offset) < least) {
        loop_step(run->loop);
        stats = disk_stats(run->disk);
    }
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

static void assert_versions(const char *version)
{
    struct run run;
    run_start(&run);
    struct store *store = kept_of(&run, "alpha")->store;
    assert_int_equal(disk_stats(run.disk).misread, 0);
    assert_int_equal(store_count(store), LARGE);
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        assert_true(slice_equal(object_resource_version(object), version));
    run_close(&run);
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

static void limit_file(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

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

/* ---- what goes wrong ---- */

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
    int fd = open(file, O_WRONLY);
    assert_int_equal(pwrite(fd, zeroes, (size_t)len, from), len);
    close(fd);
}

static off_t file_size(const char *file)
{
    struct stat status;
    return stat(file, &status) == 0 ? status.st_size : 0;
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

/* ---- */

static int setup(void **state)
{
    (void)state;
    unlink(path);
    for (int i = 0; i < 2; i++) {
        cleanup_free char *beside = mem_printf("%s%s", path, i ? "-wal" : "-shm");
        unlink(beside);
    }
    return 0;
}

static int group_setup(void **state)
{
    (void)state;
    path = mkdtemp(directory) ? mem_printf("%s/fleet.db", directory) : NULL;
    return path ? 0 : -1;
}

static int group_teardown(void **state)
{
    setup(state);
    free(path);
    return rmdir(directory);
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
        cmocka_unit_test_setup(what_is_still_read_stays, setup),
        cmocka_unit_test_setup(numbers_are_never_given_twice, setup),
        cmocka_unit_test_setup(an_object_that_is_not_what_was_written_is_left_out, setup),
        cmocka_unit_test_setup(an_object_that_is_missing_is_noticed, setup),
        cmocka_unit_test_setup(what_is_none_of_ours_is_left_alone, setup),
        cmocka_unit_test_setup(a_file_that_cannot_be_read_is_put_aside, setup),
        cmocka_unit_test_setup(the_streams_beside_a_damaged_page_live, setup),
        cmocka_unit_test_setup(a_file_damaged_meanwhile_is_replaced, setup),
        cmocka_unit_test_setup(a_file_is_replaced_before_the_end, setup),
        cmocka_unit_test_setup(a_full_disk_is_waited_for, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
