/*
 * A run ends when the process has exited and both pipes are at their end (a plugin may close either first),
 * or at its timeout. Its memory lives until libuv has closed the three handles, which is after done() or
 * cancel.
 */
#include "kube/exec_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"

#define STDOUT_LIMIT ((size_t)1 << 20)
#define STDERR_LIMIT ((size_t)4096)

struct exec_pipe {
    uv_pipe_t uv;
    struct buf text;
    bool ended, overflow;
};

struct exec_run {
    struct loop *loop;
    const struct kubeconfig_exec *exec;
    exec_run_done *done;
    void *arg;
    int64_t timeout_ms;
    struct timer timer;
    uv_process_t process;
    struct exec_pipe out, err;
    int spawn_result;
    bool exited, over;
    int64_t exit_status;
    int exit_signal;
    int open_handles;
};

static void on_closed(uv_handle_t *handle)
{
    struct exec_run *run = handle->data;
    if (--run->open_handles > 0)
        return;
    buf_deinit(&run->out.text);
    buf_deinit(&run->err.text);
    free(run);
}

/* libuv forgets a process whose handle is closed, so it is reaped here; after SIGKILL that takes no time to
 * speak of. */
static void run_kill(struct exec_run *run)
{
    kill(-run->process.pid, SIGKILL);
    while (waitpid(run->process.pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void run_close(struct exec_run *run)
{
    run->over = true;
    timer_stop(&run->timer);
    if (run->spawn_result == 0 && !run->exited)
        run_kill(run);
    uv_close((uv_handle_t *)&run->process, on_closed);
    uv_close((uv_handle_t *)&run->out.uv, on_closed);
    uv_close((uv_handle_t *)&run->err.uv, on_closed);
}

/* The last line that the plugin wrote on stderr, which is where programs put their reason; "" if none. */
static const char *last_words(struct exec_run *run)
{
    char *text = run->err.text.data;
    if (!text)
        return "";
    size_t len = strlen(text);
    while (len && (unsigned char)text[len - 1] <= ' ')
        text[--len] = '\0';
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return line;
}

/* One line of what is a whole paragraph in many kubeconfigs. */
static void append_hint(const struct exec_run *run, struct error *err)
{
    const char *hint = run->exec->install_hint;
    size_t used = strlen(err->text);
    if (!hint)
        return;
    snprintf(err->text + used, sizeof(err->text) - used, "; %s", hint);
    for (char *c = err->text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

static void explain_spawn(struct exec_run *run, struct error *err)
{
    const char *command = run->exec->argv[0];
    error_set(err, EX_CONFIG, "exec plugin %.200s cannot be started: %s", command,
              uv_strerror(run->spawn_result));
    append_hint(run, err);
}

static void explain_exit(struct exec_run *run, struct error *err)
{
    const char *command = run->exec->argv[0], *words = last_words(run);
    if (run->exit_signal)
        error_set(err, EX_CONFIG, "exec plugin %.200s was ended by signal %d%s%.250s", command,
                  run->exit_signal, words[0] ? ": " : "", words);
    else
        error_set(err, EX_CONFIG, "exec plugin %.200s failed with exit code %d%s%.250s", command,
                  (int)run->exit_status, words[0] ? ": " : "", words);
    append_hint(run, err);
}

static void run_finish(struct exec_run *run)
{
    struct exec_credential credential = {0};
    struct error err = {0};
    if (run->spawn_result != 0)
        explain_spawn(run, &err);
    else if (!run->exited)
        error_set(&err, EX_CONFIG, "exec plugin %.200s gave no answer within %d s and was ended",
                  run->exec->argv[0], (int)(run->timeout_ms / 1000));
    else if (run->exit_status != 0 || run->exit_signal != 0)
        explain_exit(run, &err);
    else if (run->out.overflow)
        error_set(&err, EX_CONFIG, "exec plugin %.200s printed more than 1 MiB", run->exec->argv[0]);
    else if (exec_credential_parse(run->out.text.data ? run->out.text.data : "", run->out.text.len,
                                   run->exec->api_version, &credential, &err) != 0)
        error_prefix(&err, "exec plugin %.200s", run->exec->argv[0]);

    exec_run_done *done = run->done;
    void *arg = run->arg;
    run_close(run);
    done(arg, err.code ? NULL : &credential, err.text);
    exec_credential_deinit(&credential);
}

static void check_end(struct exec_run *run)
{
    if (!run->over && run->exited && run->out.ended && run->err.ended)
        run_finish(run);
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal_number)
{
    struct exec_run *run = process->data;
    run->exited = true;
    run->exit_status = status;
    run->exit_signal = signal_number;
    check_end(run);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)handle;
    (void)suggested;
    out->base = mem_alloc(4096);
    out->len = 4096;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
    struct exec_pipe *pipe = container_of((uv_pipe_t *)stream, struct exec_pipe, uv);
    struct exec_run *run = stream->data;
    if (n > 0 && buf_append(&pipe->text, chunk->base, (size_t)n) != 0)
        pipe->overflow = true;
    free(chunk->base);
    if (n >= 0)
        return;
    uv_read_stop(stream);
    pipe->ended = true;
    check_end(run);
}

static void on_timer(void *arg)
{
    run_finish(arg);
}

static bool overrides(const struct kubeconfig_exec *exec, const char *variable)
{
    size_t len = strcspn(variable, "=") + 1;
    if (strncmp(variable, "KUBERNETES_EXEC_INFO=", 21) == 0)
        return true;
    for (char **own = exec->env; own && *own; own++)
        if (strncmp(*own, variable, len) == 0)
            return true;
    return false;
}

/* Ours, less what the kubeconfig sets, with that and the request. The array is yours, the texts are borrowed.
 */
static char **make_environment(const struct kubeconfig_exec *exec, char *info)
{
    size_t count = 2;
    for (char **e = environ; e && *e; e++)
        count++;
    for (char **e = exec->env; e && *e; e++)
        count++;

    char **all = mem_alloc(count * sizeof(*all)), **at = all;
    for (char **e = environ; e && *e; e++)
        if (!overrides(exec, *e))
            *at++ = *e;
    for (char **e = exec->env; e && *e; e++)
        *at++ = *e;
    *at++ = info;
    *at = NULL;
    return all;
}

static int run_spawn(struct exec_run *run)
{
    cleanup_free char *request = exec_credential_request(run->exec);
    cleanup_free char *info = mem_printf("KUBERNETES_EXEC_INFO=%s", request);
    cleanup_free char **env = make_environment(run->exec, info);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->out.uv},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->err.uv},
    };
    uv_process_options_t options = {
        .file = run->exec->argv[0],
        .args = run->exec->argv,
        .env = env,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
        .exit_cb = on_exit_status,
    };
    return uv_spawn(loop_uv(run->loop), &run->process, &options);
}

static void pipe_init(struct exec_run *run, struct exec_pipe *pipe, size_t limit)
{
    buf_init(&pipe->text, limit);
    uv_pipe_init(loop_uv(run->loop), &pipe->uv, 0);
    pipe->uv.data = run;
}

struct exec_run *exec_run_start(struct loop *loop, const struct kubeconfig_exec *exec, int64_t timeout_ms,
                                exec_run_done *done, void *arg)
{
    struct exec_run *run = mem_zalloc(sizeof(*run));
    run->loop = loop;
    run->exec = exec;
    run->timeout_ms = timeout_ms;
    run->done = done;
    run->arg = arg;
    run->open_handles = 3;
    timer_init(&run->timer, loop, on_timer, run);
    pipe_init(run, &run->out, STDOUT_LIMIT);
    pipe_init(run, &run->err, STDERR_LIMIT);
    run->spawn_result = run_spawn(run);
    run->process.data = run;
    if (run->spawn_result == 0) {
        uv_read_start((uv_stream_t *)&run->out.uv, on_alloc, on_read);
        uv_read_start((uv_stream_t *)&run->err.uv, on_alloc, on_read);
    }
    timer_start(&run->timer, run->spawn_result == 0 ? timeout_ms * LOOP_MS : 0);
    return run;
}

void exec_run_cancel(struct exec_run *run)
{
    if (run)
        run_close(run);
}
