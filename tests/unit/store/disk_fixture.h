#ifndef TI_TESTS_UNIT_STORE_DISK_FIXTURE_H
#define TI_TESTS_UNIT_STORE_DISK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

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

static inline struct kept *kept_of(struct run *run, const char *cluster)
{
    for (size_t i = 0; i < run->count; i++)
        if (strcmp(run->kept[i].record.cluster, cluster) == 0)
            return &run->kept[i];
    return NULL;
}

static inline struct kept *keep(struct run *run, uint64_t id, const struct record *record)
{
    struct kept *kept = &run->kept[run->count++];
    kept->record = *record;
    kept->store = store_create();
    kept->stream = disk_stream_create(run->disk, id, kept->store, kept);
    return kept;
}

static inline void on_stream(void *arg, uint64_t id, const struct record *record)
{
    keep(arg, id, record);
}

static inline void on_loaded(void *arg)
{
    struct run *run = arg;
    run->loaded = true;
}

static inline void on_describe(void *arg, void *stream_arg, struct record *record)
{
    const struct kept *kept = stream_arg;
    (void)arg;
    *record = kept->record;
}

static const struct disk_ops ops = {.stream = on_stream, .loaded = on_loaded, .describe = on_describe};

static inline void run_open(struct run *run)
{
    struct error err = {0};
    *run = (struct run){.loop = loop_create()};
    assert_int_equal(disk_open(run->loop, NULL, path, &ops, run, &run->disk, &err), 0);
}

static inline void load(struct run *run)
{
    struct error err = {0};
    assert_int_equal(disk_load(run->disk, &err), 0);
    while (!run->loaded)
        loop_step(run->loop);
}

static inline void run_start(struct run *run)
{
    run_open(run);
    load(run);
}

/* Takes a hundred numbers, and is given those from `expected` on. */
static inline void reserve(struct run *run, uint64_t least, uint64_t expected)
{
    struct error err = {0};
    uint64_t first;
    run_open(run);
    assert_int_equal(disk_reserve(run->disk, least, 100, &first, &err), 0);
    assert_int_equal(first, expected);
    assert_int_equal(err.code, 0);
}

/* As a process that is killed: what is not on the disk is lost. */
static inline void run_end(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        store_destroy(run->kept[i].store);
    loop_destroy(run->loop);
}

static inline void run_close(struct run *run)
{
    disk_close(run->disk);
    run_end(run);
}

static inline struct kept *add(struct run *run, const char *cluster)
{
    struct record record = {.gvr = {"", "v1", "pods"}, .kind = "Pod", .namespaced = true, .whole = true};
    snprintf(record.cluster, sizeof(record.cluster), "%s", cluster);
    return keep(run, 0, &record);
}

static inline void put(struct kept *kept, const char *name, int version)
{
    cleanup_free char *json = mem_printf(
        "{\"metadata\":{\"name\":\"%s\",\"uid\":\"u\",\"resourceVersion\":\"%d\"},\"data\":\"%1000s\"}", name,
        version, "");
    struct object *object = NULL;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    store_put(kept->store, object);
    object_unref(object);
}

static inline void await_durable(struct run *run)
{
    while (disk_stats(run->disk).durable < disk_stats(run->disk).changes)
        loop_step(run->loop);
}

static inline void fill(struct kept *kept, int objects, int version)
{
    for (int i = 0; i < objects; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        put(kept, name, version);
    }
}

static inline int check(void)
{
    struct error err = {0};
    FILE *nowhere = fopen("/dev/null", "w");
    int r = disk_check(path, nowhere, &err);
    fclose(nowhere);
    return r;
}

static inline void sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* offset: of one of struct disk_stats. */
static inline void step_until(struct run *run, size_t offset, uint64_t least)
{
    struct disk_stats stats = disk_stats(run->disk);
    while (*(const uint64_t *)((const char *)&stats + offset) < least) {
        loop_step(run->loop);
        stats = disk_stats(run->disk);
    }
}

static inline off_t file_size(const char *file)
{
    struct stat status;
    return stat(file, &status) == 0 ? status.st_size : 0;
}

static inline void assert_versions(const char *version)
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

static inline void limit_file(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static inline int setup(void **state)
{
    static const char *const endings[] = {"-wal", "-shm", "-lock"};
    (void)state;
    unlink(path);
    for (size_t i = 0; i < array_size(endings); i++) {
        cleanup_free char *beside = mem_printf("%s%s", path, endings[i]);
        unlink(beside);
    }
    return 0;
}

static inline int group_setup(void **state)
{
    (void)state;
    path = mkdtemp(directory) ? mem_printf("%s/fleet.db", directory) : NULL;
    return path ? 0 : -1;
}

static inline int group_teardown(void **state)
{
    setup(state);
    free(path);
    return rmdir(directory);
}

#endif
