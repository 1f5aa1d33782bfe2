#include "store/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define APPLICATION 0x7469686b /* what file(1) and we know it by */
#define SCHEMA 2
#define LOG_KEPT "67108864" /* bytes of the write-ahead log that stay behind a long transaction */

enum statement { PUT_STREAM, DROP_STREAM, FORGET_STREAM, PURGE, PUT, DELETE, SET, GET, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [PUT_STREAM] = "INSERT OR REPLACE INTO stream VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [DROP_STREAM] = "UPDATE stream SET cluster='' WHERE id=?",
    [FORGET_STREAM] = "DELETE FROM stream WHERE id=?",
    [PURGE] = "DELETE FROM object WHERE id IN (SELECT id FROM object WHERE stream=? LIMIT 1024)",
    [PUT] = ("INSERT INTO object(stream,key,high,low,bytes) VALUES(?,?,?,?,?) ON CONFLICT(stream,key) DO "
             "UPDATE SET high=excluded.high,low=excluded.low,bytes=excluded.bytes"),
    [DELETE] = "DELETE FROM object WHERE stream=? AND key=?",
    [SET] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
    [GET] = "SELECT value FROM meta WHERE name=?",
};

static const char schema[] =
    "BEGIN;"
    "CREATE TABLE meta(name TEXT PRIMARY KEY,value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE stream(id INTEGER PRIMARY KEY,cluster TEXT NOT NULL,uid TEXT NOT NULL,"
    "version TEXT NOT NULL,audience TEXT NOT NULL,api_group TEXT NOT NULL,api_version TEXT NOT NULL,"
    "resource TEXT NOT NULL,kind TEXT NOT NULL,namespaced INTEGER NOT NULL,whole INTEGER NOT NULL,"
    "current INTEGER NOT NULL,heard_s INTEGER NOT NULL,epoch INTEGER NOT NULL,sequence INTEGER NOT NULL,"
    "objects INTEGER NOT NULL,high INTEGER NOT NULL,low INTEGER NOT NULL,"
    "names TEXT NOT NULL,since_s INTEGER NOT NULL);"
    "CREATE TABLE object(id INTEGER PRIMARY KEY,stream INTEGER NOT NULL,key TEXT NOT NULL,"
    "high INTEGER NOT NULL,low INTEGER NOT NULL,bytes TEXT NOT NULL);"
    "CREATE UNIQUE INDEX object_key ON object(stream,key);"
    "PRAGMA application_id=1953065067;" /* APPLICATION */
    "PRAGMA user_version=2;"            /* SCHEMA */
    "COMMIT";

/* What the first version did not keep is not known: "" and 0. */
static const char upgrade[] = "BEGIN;"
                              "ALTER TABLE stream ADD COLUMN names TEXT NOT NULL DEFAULT '';"
                              "ALTER TABLE stream ADD COLUMN since_s INTEGER NOT NULL DEFAULT 0;"
                              "PRAGMA user_version=2;"
                              "COMMIT";

static const char *const numbers[] = {[DISK_REVISION] = "revision", [DISK_WRITTEN] = "written"};

struct disk_file {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENTS];
};

/* ---- what goes wrong ---- */

static int fail(const struct disk_file *file, struct error *err)
{
    const char *path = file->path, *why = sqlite3_errmsg(file->db);
    switch (sqlite3_errcode(file->db) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, EX_TEMPFAIL,
                         "%s: another process has it open: stop that one, or give each hub a --store of its "
                         "own",
                         path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* of our own SQL: it is not the schema that it should be */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return error_set(err, EX_DATAERR, "%s: damaged, or no store at all (%s)", path, why);
    case SQLITE_FULL:
        return error_set(err, EX_IOERR, "%s: the disk is full: make room there", path);
    case SQLITE_CANTOPEN:
        return error_set(err, EX_CANTCREAT, "%s: cannot be opened (%s)", path,
                         strerror(sqlite3_system_errno(file->db)));
    case SQLITE_READONLY:
        return error_set(err, EX_CANTCREAT,
                         "%s: cannot be written: give its owner the right to, and to its "
                         "directory",
                         path);
    default:
        return error_set(err, EX_IOERR, "%s: %s (%s)", path, why, strerror(sqlite3_system_errno(file->db)));
    }
}

static int run(struct disk_file *file, const char *sql, struct error *err)
{
    return sqlite3_exec(file->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(file, err);
}

/* ---- opening ---- */

static int on_number(void *arg, int count, char **values, char **names)
{
    (void)names;
    if (count == 1 && values[0])
        *(int64_t *)arg = strtoll(values[0], NULL, 10);
    return 0;
}

static int ask(struct disk_file *file, const char *sql, int64_t *value, struct error *err)
{
    *value = 0;
    return sqlite3_exec(file->db, sql, on_number, value, NULL) == SQLITE_OK ? 0 : fail(file, err);
}

/* An empty file is a new one. */
static int check_schema(struct disk_file *file, bool *empty, int64_t *version, struct error *err)
{
    int64_t application, tables;
    int r = ask(file, "PRAGMA application_id", &application, err);
    if (r == 0)
        r = ask(file, "PRAGMA user_version", version, err);
    if (r == 0)
        r = ask(file, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (r != 0)
        return r;
    *empty = !application && !*version && !tables;
    if (!*empty && application != APPLICATION)
        return error_set(err, EX_CONFIG, "%s: is a database of something else: give another --store",
                         file->path);
    if (*version > SCHEMA)
        return error_set(err, EX_CONFIG,
                         "%s: written by a later version of this program (schema %lld, this one knows up to "
                         "%d): run that one, or give another --store",
                         file->path, (long long)*version, SCHEMA);
    return 0;
}

static int prepare(struct disk_file *file, struct error *err)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(file->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &file->statements[i],
                               NULL) != SQLITE_OK)
            return fail(file, err);
    return 0;
}

/* There may be secrets in it: a new one, and what SQLite puts beside it, is for this user alone. */
static int find_file(const struct disk_file *file, enum disk_mode mode, struct error *err)
{
    int fd = open(file->path, mode == DISK_MAKE ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, mode == DISK_MAKE ? EX_CANTCREAT : EX_NOINPUT, "%s: %s", file->path,
                         strerror(errno));
    close(fd);
    return 0;
}

static int set_up(struct disk_file *file, enum disk_mode mode, struct error *err)
{
    bool empty = false;
    int64_t version = 0;
    int r = find_file(file, mode, err);
    if (r != 0)
        return r;
    int flags = mode == DISK_MAKE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(file->path, &file->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return fail(file, err);
    if (mode == DISK_MAKE)
        r = run(file, "PRAGMA locking_mode=EXCLUSIVE", err);
    if (r == 0)
        r = check_schema(file, &empty, &version, err);
    if (r == 0 && mode == DISK_MAKE)
        r = run(file, "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA journal_size_limit=" LOG_KEPT,
                err);
    if (r == 0 && empty)
        r = mode == DISK_MAKE
                ? run(file, schema, err)
                : error_set(err, EX_DATAERR, "%s: is empty: no hub has kept anything there", file->path);
    else if (r == 0 && version < SCHEMA && mode == DISK_MAKE)
        r = run(file, upgrade, err);
    return r == 0 && mode == DISK_MAKE ? prepare(file, err) : r;
}

int disk_file_open(const char *path, enum disk_mode mode, struct disk_file **out, struct error *err)
{
    struct disk_file *file = mem_zalloc(sizeof(*file));
    file->path = mem_strdup(path);
    *out = NULL;
    int r = set_up(file, mode, err);
    if (r != 0)
        disk_file_close(file);
    else
        *out = file;
    return r;
}

void disk_file_close(struct disk_file *file)
{
    if (!file)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(file->statements[i]);
    sqlite3_close(file->db);
    free(file->path);
    free(file);
}

const char *disk_file_path(const struct disk_file *file)
{
    return file->path;
}

/* ---- changes ---- */

int disk_file_begin(struct disk_file *file, struct error *err)
{
    return run(file, "BEGIN IMMEDIATE", err);
}

int disk_file_commit(struct disk_file *file, struct error *err)
{
    return run(file, "COMMIT", err);
}

void disk_file_rollback(struct disk_file *file)
{
    if (file && !sqlite3_get_autocommit(file->db))
        sqlite3_exec(file->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Binds what is given, in the format's order: i an int64_t, t a text, s a slice of text. */
static void bind(sqlite3_stmt *statement, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (int i = 1; format[i - 1]; i++) {
        if (format[i - 1] == 'i') {
            sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
        } else if (format[i - 1] == 't') {
            sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else {
            const struct slice *text = va_arg(args, const struct slice *);
            sqlite3_bind_text64(statement, i, text->data, text->len, SQLITE_STATIC, SQLITE_UTF8);
        }
    }
    va_end(args);
}

static int step(struct disk_file *file, enum statement which, struct error *err)
{
    int rc = sqlite3_step(file->statements[which]);
    int r = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : fail(file, err);
    sqlite3_reset(file->statements[which]);
    return r;
}

int disk_file_put_stream(struct disk_file *file, uint64_t id, const struct record *record, struct error *err)
{
    cleanup_free char *names = names_pack(&record->names);
    bind(file->statements[PUT_STREAM], "ittttttttiiiiiiiiiti", (int64_t)id, record->cluster, record->uid,
         record->version, record->audience, record->gvr.group, record->gvr.version, record->gvr.resource,
         record->kind, (int64_t)record->namespaced, (int64_t)record->whole, (int64_t)record->current,
         record->heard_s, (int64_t)record->epoch, (int64_t)record->sequence, (int64_t)record->count,
         (int64_t)record->root.high, (int64_t)record->root.low, names ? names : "", record->since_s);
    return step(file, PUT_STREAM, err);
}

int disk_file_drop_stream(struct disk_file *file, uint64_t id, struct error *err)
{
    bind(file->statements[DROP_STREAM], "i", (int64_t)id);
    return step(file, DROP_STREAM, err);
}

int disk_file_purge(struct disk_file *file, uint64_t id, bool *more, struct error *err)
{
    bind(file->statements[PURGE], "i", (int64_t)id);
    int r = step(file, PURGE, err);
    *more = r == 0 && sqlite3_changes(file->db) > 0;
    if (r != 0 || *more)
        return r;
    bind(file->statements[FORGET_STREAM], "i", (int64_t)id);
    return step(file, FORGET_STREAM, err);
}

int disk_file_put(struct disk_file *file, const struct disk_row *row, struct error *err)
{
    bind(file->statements[PUT], "itiis", (int64_t)row->stream, row->key, (int64_t)row->digest.high,
         (int64_t)row->digest.low, &row->bytes);
    return step(file, PUT, err);
}

int disk_file_delete(struct disk_file *file, uint64_t stream, const char *key, struct error *err)
{
    bind(file->statements[DELETE], "it", (int64_t)stream, key);
    return step(file, DELETE, err);
}

int disk_file_set_number(struct disk_file *file, enum disk_number number, int64_t value, struct error *err)
{
    bind(file->statements[SET], "ti", numbers[number], value);
    return step(file, SET, err);
}

/* ---- reading ---- */

int disk_file_get_number(struct disk_file *file, enum disk_number number, int64_t *value, struct error *err)
{
    sqlite3_stmt *get = file->statements[GET];
    bind(get, "t", numbers[number]);
    int rc = sqlite3_step(get);
    *value = rc == SQLITE_ROW ? sqlite3_column_int64(get, 0) : 0;
    int r = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : fail(file, err);
    sqlite3_reset(get);
    return r;
}

static void take_text(sqlite3_stmt *row, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static struct digest take_digest(sqlite3_stmt *row, int column)
{
    return (struct digest){.high = (uint64_t)sqlite3_column_int64(row, column),
                           .low = (uint64_t)sqlite3_column_int64(row, column + 1)};
}

static void take_record(sqlite3_stmt *row, struct record *record)
{
    const char *names = (const char *)sqlite3_column_text(row, 18); /* NULL in a file of the first version */
    *record = (struct record){
        .namespaced = sqlite3_column_int(row, 9),
        .whole = sqlite3_column_int(row, 10),
        .current = sqlite3_column_int(row, 11),
        .heard_s = sqlite3_column_int64(row, 12),
        .epoch = (uint64_t)sqlite3_column_int64(row, 13),
        .sequence = (uint64_t)sqlite3_column_int64(row, 14),
        .count = (uint64_t)sqlite3_column_int64(row, 15),
        .root = take_digest(row, 16),
        .since_s = sqlite3_column_int64(row, 19),
    };
    take_text(row, 1, record->cluster, sizeof(record->cluster));
    take_text(row, 2, record->uid, sizeof(record->uid));
    take_text(row, 3, record->version, sizeof(record->version));
    take_text(row, 4, record->audience, sizeof(record->audience));
    take_text(row, 5, record->gvr.group, sizeof(record->gvr.group));
    take_text(row, 6, record->gvr.version, sizeof(record->gvr.version));
    take_text(row, 7, record->gvr.resource, sizeof(record->gvr.resource));
    take_text(row, 8, record->kind, sizeof(record->kind));
    names_unpack(names, &record->names);
}

struct walk {
    int (*row)(const struct walk *walk, sqlite3_stmt *row);
    int (*each_stream)(void *arg, uint64_t id, const struct record *record);
    int (*each_object)(void *arg, const struct disk_row *row);
    void (*each_fault)(void *arg, const char *text);
    void *arg;
    uint64_t stream; /* the one parameter; 0: none */
};

static int walk(struct disk_file *file, const char *sql, const struct walk *walk, struct error *err)
{
    sqlite3_stmt *rows;
    int rc = SQLITE_DONE, r = 0;
    if (sqlite3_prepare_v2(file->db, sql, -1, &rows, NULL) != SQLITE_OK)
        return fail(file, err);
    if (walk->stream)
        bind(rows, "i", (int64_t)walk->stream);
    while (r == 0 && (rc = sqlite3_step(rows)) == SQLITE_ROW)
        r = walk->row(walk, rows);
    if (r == 0 && rc != SQLITE_DONE)
        r = fail(file, err);
    sqlite3_finalize(rows);
    return r;
}

static int stream_row(const struct walk *walk, sqlite3_stmt *row)
{
    struct record record;
    take_record(row, &record);
    return walk->each_stream(walk->arg, (uint64_t)sqlite3_column_int64(row, 0), &record);
}

int disk_file_each_stream(struct disk_file *file,
                          int (*each)(void *arg, uint64_t id, const struct record *record), void *arg,
                          struct error *err)
{
    struct walk streams = {.row = stream_row, .each_stream = each, .arg = arg};
    return walk(file, "SELECT * FROM stream ORDER BY id", &streams, err);
}

static int object_row(const struct walk *walk, sqlite3_stmt *row)
{
    const char *key = (const char *)sqlite3_column_text(row, 1),
               *bytes = (const char *)sqlite3_column_text(row, 4);
    struct disk_row object = {
        .stream = (uint64_t)sqlite3_column_int64(row, 0),
        .key = key ? key : "",
        .digest = take_digest(row, 2),
        .bytes = {bytes ? bytes : "", bytes ? (size_t)sqlite3_column_bytes(row, 4) : 0},
    };
    return walk->each_object(walk->arg, &object);
}

int disk_file_each_object(struct disk_file *file, int (*each)(void *arg, const struct disk_row *row),
                          void *arg, struct error *err)
{
    struct walk objects = {.row = object_row, .each_object = each, .arg = arg};
    return walk(file, "SELECT stream,key,high,low,bytes FROM object ORDER BY id", &objects, err);
}

int disk_file_each_object_of(struct disk_file *file, uint64_t stream,
                             int (*each)(void *arg, const struct disk_row *row), void *arg, struct error *err)
{
    struct walk objects = {.row = object_row, .each_object = each, .arg = arg, .stream = stream};
    return walk(file, "SELECT stream,key,high,low,bytes FROM object WHERE stream=?", &objects, err);
}

static int fault_row(const struct walk *walk, sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    if (text && strcmp(text, "ok") != 0)
        walk->each_fault(walk->arg, text);
    return 0;
}

int disk_file_each_fault(struct disk_file *file, void (*each)(void *arg, const char *text), void *arg,
                         struct error *err)
{
    struct walk faults = {.row = fault_row, .each_fault = each, .arg = arg};
    return walk(file, "PRAGMA integrity_check", &faults, err);
}
