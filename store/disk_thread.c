#include "store/disk_thread.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/mem.h"
#include "store/disk_aside.h"

#define ROWS_BYTES ((size_t)128 << 10) /* of what is read, at a time */
#define ROWS_AHEAD 8

struct jobs {
    struct disk_job *first, **last;
    size_t count;
};

struct disk_thread {
    struct loop *loop;
    void (*on_job)(void *arg, struct disk_job *job);
    void *arg;
    uv_async_t async;
    pthread_t thread;
    struct disk_file *file;
    /* Under the mutex: */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct jobs down, up;
    bool stopping;
    /* The thread's own: */
    bool begun;       /* a transaction, */
    int r;            /* and how it goes */
    struct error err; /* the same */
    struct disk_job *rows;
    uint64_t *dropped;                    /* streams whose objects still go, */
    size_t dropped_count, dropped_before; /* and how many of them when the transaction began */
};

/* ---- between the threads ---- */

static void push(struct jobs *jobs, struct disk_job *job)
{
    job->next = NULL;
    if (!jobs->first)
        jobs->last = &jobs->first;
    *jobs->last = job;
    jobs->last = &job->next;
    jobs->count++;
}

static struct disk_job *shift(struct jobs *jobs)
{
    struct disk_job *job = jobs->first;
    if (job) {
        jobs->first = job->next;
        jobs->count--;
    }
    return job;
}

static void drop_all(struct jobs *jobs)
{
    while (jobs->first)
        disk_job_destroy(shift(jobs));
}

/* Up. What is read waits until the loop has made use of what was read before. */
static void hand_up(struct disk_thread *thread, struct disk_job *job)
{
    pthread_mutex_lock(&thread->mutex);
    while (job->kind == DISK_JOB_ROWS && thread->up.count >= ROWS_AHEAD && !thread->stopping)
        pthread_cond_wait(&thread->changed, &thread->mutex);
    push(&thread->up, job);
    pthread_cond_broadcast(&thread->changed);
    uv_async_send(&thread->async);
    pthread_mutex_unlock(&thread->mutex);
}

/* NULL: the end, or where it does not wait, nothing is to be done. */
static struct disk_job *next_job(struct disk_thread *thread, bool wait)
{
    pthread_mutex_lock(&thread->mutex);
    while (wait && !thread->down.first && !thread->stopping)
        pthread_cond_wait(&thread->changed, &thread->mutex);
    struct disk_job *job = thread->stopping ? NULL : shift(&thread->down);
    pthread_mutex_unlock(&thread->mutex);
    return job;
}

static bool is_stopping(struct disk_thread *thread)
{
    pthread_mutex_lock(&thread->mutex);
    bool stopping = thread->stopping;
    pthread_mutex_unlock(&thread->mutex);
    return stopping;
}

/* ---- what was dropped ---- */

static void note_dropped(struct disk_thread *thread, uint64_t id)
{
    thread->dropped = mem_realloc(thread->dropped, (thread->dropped_count + 1) * sizeof(*thread->dropped));
    thread->dropped[thread->dropped_count++] = id;
}

static bool may_purge(const struct disk_thread *thread)
{
    return thread->dropped_count && !thread->begun && thread->file;
}

/* Some of it, between transactions. Where that fails the next run goes on with it. */
static void purge(struct disk_thread *thread)
{
    struct error err = {0};
    bool more;
    if (may_purge(thread) &&
        (disk_file_purge(thread->file, thread->dropped[thread->dropped_count - 1], &more, &err) != 0 ||
         !more))
        thread->dropped_count--;
}

/* ---- writing ---- */

static int apply(struct disk_thread *thread, const struct disk_op *op)
{
    switch (op->kind) {
    case DISK_OP_STREAM:
        return disk_file_put_stream(thread->file, op->row.stream, &op->record, &thread->err);
    case DISK_OP_DROP:
        note_dropped(thread, op->row.stream);
        return disk_file_drop_stream(thread->file, op->row.stream, &thread->err);
    case DISK_OP_PUT:
        return disk_file_put(thread->file, &op->row, &thread->err);
    case DISK_OP_DELETE:
        return disk_file_delete(thread->file, op->row.stream, op->row.key, &thread->err);
    default:
        return disk_file_set_number(thread->file, op->number, op->value, &thread->err);
    }
}

static void end_transaction(struct disk_thread *thread, struct disk_job *job)
{
    if (thread->r == 0)
        thread->r = disk_file_commit(thread->file, &thread->err);
    if (thread->r != 0) {
        disk_file_rollback(thread->file);
        thread->dropped_count = thread->dropped_before;
    }
    job->r = thread->r;
    job->err = thread->err;
    thread->begun = false;
}

/* Of a transaction that has failed the rest is left undone. */
static void do_write(struct disk_thread *thread, struct disk_job *job)
{
    struct disk_op op;
    size_t cursor = 0;
    if (!thread->begun) {
        thread->begun = true;
        thread->dropped_before = thread->dropped_count;
        thread->err = (struct error){0};
        thread->r = disk_file_begin(thread->file, &thread->err);
    }
    while (thread->r == 0 && disk_job_next(job, &cursor, &op))
        thread->r = apply(thread, &op);
    if (job->last)
        end_transaction(thread, job);
    hand_up(thread, job);
}

/* ---- reading ---- */

static void rows_up(struct disk_thread *thread, size_t least)
{
    if (!thread->rows || thread->rows->ops.len < least)
        return;
    hand_up(thread, thread->rows);
    thread->rows = NULL;
}

static struct disk_job *rows(struct disk_thread *thread)
{
    if (!thread->rows)
        thread->rows = disk_job_create(DISK_JOB_ROWS);
    return thread->rows;
}

static int on_stream(void *arg, uint64_t id, const struct record *record)
{
    struct disk_thread *thread = arg;
    disk_job_stream(rows(thread), id, record);
    rows_up(thread, ROWS_BYTES);
    return is_stopping(thread) ? EX_IOERR : 0;
}

static int on_object(void *arg, const struct disk_row *row)
{
    struct disk_thread *thread = arg;
    disk_job_put(rows(thread), row);
    rows_up(thread, ROWS_BYTES);
    return is_stopping(thread) ? EX_IOERR : 0;
}

/* What can be had of one stream. Some of it may have been read before. */
static int on_salvaged(void *arg, uint64_t id, const struct record *record)
{
    struct disk_thread *thread = arg;
    struct error err = {0};
    (void)record;
    disk_file_each_object_of(thread->file, id, on_object, thread, &err);
    return is_stopping(thread) ? EX_IOERR : 0;
}

/* Objects are read in the order in which they stand there, which is quick, as long as nothing is damaged. */
static void do_read(struct disk_thread *thread, struct disk_job *job)
{
    int64_t written_s;
    struct error err = {0};
    job->r = disk_file_get_number(thread->file, DISK_WRITTEN, &written_s, &job->err);
    disk_job_number(rows(thread), DISK_WRITTEN, written_s);
    int r = disk_file_each_stream(thread->file, on_stream, thread, &err);
    if (r == 0)
        r = disk_file_each_object(thread->file, on_object, thread, &err);
    if (job->r == 0 && r != 0) {
        job->r = r;
        job->err = err;
    }
    if (r != 0 && !is_stopping(thread))
        disk_file_each_stream(thread->file, on_salvaged, thread, &err);
    rows_up(thread, 0);
    hand_up(thread, job);
}

/* ---- a new file ---- */

static int renew(struct disk_thread *thread, struct disk_job *job)
{
    struct disk_op op;
    size_t cursor = 0;
    cleanup_free char *path = mem_strdup(disk_file_path(thread->file));
    disk_file_close(thread->file);
    thread->file = NULL;
    int r = disk_set_aside(path, (int64_t)time(NULL), &job->aside, &job->err);
    if (r == 0)
        r = disk_file_open(path, DISK_MAKE, &thread->file, &job->err);
    while (r == 0 && disk_job_next(job, &cursor, &op))
        r = disk_file_set_number(thread->file, op.number, op.value, &job->err);
    return r;
}

static void do_renew(struct disk_thread *thread, struct disk_job *job)
{
    job->r = renew(thread, job);
    hand_up(thread, job);
}

static void do_job(struct disk_thread *thread, struct disk_job *job)
{
    if (job->kind == DISK_JOB_WRITE)
        do_write(thread, job);
    else if (job->kind == DISK_JOB_READ)
        do_read(thread, job);
    else
        do_renew(thread, job);
}

static void *thread_main(void *arg)
{
    struct disk_thread *thread = arg;
    while (!is_stopping(thread)) {
        struct disk_job *job = next_job(thread, !may_purge(thread));
        if (job)
            do_job(thread, job);
        purge(thread);
    }
    disk_file_rollback(thread->file);
    disk_file_close(thread->file);
    return NULL;
}

/* ---- the loop's side ---- */

static struct disk_job *take(struct disk_thread *thread, bool wait, bool *more)
{
    pthread_mutex_lock(&thread->mutex);
    while (wait && !thread->up.first)
        pthread_cond_wait(&thread->changed, &thread->mutex);
    struct disk_job *job = shift(&thread->up);
    *more = thread->up.first;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    return job;
}

static void on_async(uv_async_t *async)
{
    struct disk_thread *thread = async->data;
    bool more;
    struct disk_job *job = take(thread, false, &more);
    if (more)
        uv_async_send(async);
    if (job)
        thread->on_job(thread->arg, job);
}

void disk_thread_send(struct disk_thread *thread, struct disk_job *job)
{
    pthread_mutex_lock(&thread->mutex);
    push(&thread->down, job);
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
}

struct disk_job *disk_thread_await(struct disk_thread *thread)
{
    bool more;
    return take(thread, true, &more);
}

/* Signals are the loop thread's. */
static int spawn(struct disk_thread *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&thread->thread, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void on_closed(uv_handle_t *handle)
{
    struct disk_thread *thread = handle->data;
    struct loop *loop = thread->loop;
    pthread_mutex_destroy(&thread->mutex);
    pthread_cond_destroy(&thread->changed);
    free(thread);
    loop_release(loop);
}

static void close_async(struct disk_thread *thread)
{
    loop_hold(thread->loop);
    uv_close((uv_handle_t *)&thread->async, on_closed);
}

int disk_thread_create(struct loop *loop, struct disk_file *file,
                       void (*on_job)(void *arg, struct disk_job *), void *arg, struct disk_thread **out,
                       struct error *err)
{
    struct disk_thread *thread = mem_zalloc(sizeof(*thread));
    *thread = (struct disk_thread){.loop = loop, .file = file, .on_job = on_job, .arg = arg};
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, NULL);
    int r = -uv_async_init(loop_uv(loop), &thread->async, on_async);
    thread->async.data = thread;
    if (r != 0) {
        free(thread);
        return error_set(err, EX_OSERR, "no way to hear of a thread: %s", strerror(r));
    }
    r = spawn(thread);
    if (r != 0) {
        close_async(thread);
        return error_set(err, EX_OSERR, "no thread for the store: %s", strerror(r));
    }
    *out = thread;
    return 0;
}

void disk_thread_destroy(struct disk_thread *thread)
{
    if (!thread)
        return;
    pthread_mutex_lock(&thread->mutex);
    thread->stopping = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    pthread_join(thread->thread, NULL);
    drop_all(&thread->down);
    drop_all(&thread->up);
    disk_job_destroy(thread->rows);
    free(thread->dropped);
    close_async(thread);
}
