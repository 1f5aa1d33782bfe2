#ifndef TI_TESTS_FAKE_REST_H
#define TI_TESTS_FAKE_REST_H

/*
 * An API server played by the test, on the simulated loop: the code under test makes requests, fake_next()
 * gives them to the test one by one in the order in which they were made, and the test answers when and how
 * it likes. Include after cmocka.h.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "kube/rest.h"

struct rest_call {
    struct rest_call *next;
    char *method, *path, *content_type, *body; /* content_type NULL, body "" where absent */
    int64_t timeout_ms, idle_timeout_ms;
    int64_t at_us; /* when it was made */
    const struct rest_callbacks *callbacks;
    void *arg;
    bool taken; /* by fake_next() */
    bool open;  /* neither done nor cancelled */
};

struct fake_rest {
    struct rest rest;
    struct loop *loop;
    struct rest_call *calls; /* all there were, oldest first */
    size_t open, open_max;
};

static struct rest_call *fake_start(struct rest *rest, const struct rest_request *request,
                                    const struct rest_callbacks *callbacks, void *arg)
{
    struct fake_rest *fake = (struct fake_rest *)rest;
    struct rest_call *call = mem_zalloc(sizeof(*call));
    call->method = mem_strdup(request->method);
    call->path = mem_strdup(request->path);
    call->content_type = mem_strdup(request->content_type);
    call->body = mem_dup(request->body ? request->body : "", request->body_len);
    call->timeout_ms = request->timeout_ms;
    call->idle_timeout_ms = request->idle_timeout_ms;
    call->at_us = loop_now_us(fake->loop);
    call->callbacks = callbacks;
    call->arg = arg;
    call->open = true;
    struct rest_call **link = &fake->calls;
    while (*link)
        link = &(*link)->next;
    *link = call;
    fake->open_max = ++fake->open > fake->open_max ? fake->open : fake->open_max;
    return call;
}

static struct fake_rest *fake_of_call; /* the tests of one program run one after the other */

static void fake_cancel(struct rest_call *call)
{
    assert_true(call->open);
    call->open = false;
    fake_of_call->open--;
}

static inline void fake_init(struct fake_rest *fake, struct loop *loop)
{
    static const struct rest_ops ops = {fake_start, fake_cancel};
    *fake = (struct fake_rest){.rest = {&ops}, .loop = loop};
    fake_of_call = fake;
}

static inline void fake_deinit(struct fake_rest *fake)
{
    for (struct rest_call *call = fake->calls, *next; call; call = next) {
        next = call->next;
        assert_false(call->open); /* whoever made it must have ended it */
        free(call->method);
        free(call->path);
        free(call->content_type);
        free(call->body);
        free(call);
    }
}

static inline struct rest_call *fake_waiting(struct fake_rest *fake)
{
    for (struct rest_call *call = fake->calls; call; call = call->next)
        if (!call->taken)
            return call;
    return NULL;
}

/* The next request, running the loop until there is one. */
static inline struct rest_call *fake_next(struct fake_rest *fake)
{
    int64_t start = loop_now_us(fake->loop);
    while (!fake_waiting(fake) && loop_now_us(fake->loop) - start < 3600 * LOOP_SECOND &&
           loop_step(fake->loop))
        ;
    struct rest_call *call = fake_waiting(fake);
    if (!call)
        fail_msg("no request came");
    call->taken = true;
    return call;
}

static void fake_time_up(void *arg)
{
    *(bool *)arg = true;
}

/* Lets time pass. */
static inline void fake_run(struct fake_rest *fake, int64_t us)
{
    bool up = false;
    struct timer timer;
    timer_init(&timer, fake->loop, fake_time_up, &up);
    timer_start(&timer, us);
    while (!up)
        loop_step(fake->loop);
}

/* Lets time pass, in which no request may come. */
static inline void fake_quiet(struct fake_rest *fake, int64_t us)
{
    fake_run(fake, us);
    if (fake_waiting(fake))
        fail_msg("a request came: %s", fake_waiting(fake)->path);
}

static inline void fake_headers(struct rest_call *call, int status, int64_t retry_after_ms)
{
    assert_true(call->open);
    call->callbacks->headers(call->arg, status, retry_after_ms);
}

static inline void fake_bytes(struct rest_call *call, const char *data, size_t len)
{
    assert_true(call->open);
    call->callbacks->body(call->arg, data, len);
}

static inline void fake_body(struct rest_call *call, const char *text)
{
    fake_bytes(call, text, strlen(text));
}

static inline void fake_done(struct rest_call *call, enum rest_result result, const char *reason)
{
    assert_true(call->open);
    call->open = false;
    fake_of_call->open--;
    call->callbacks->done(call->arg, result, reason);
}

static inline void fake_answer(struct rest_call *call, int status, const char *body)
{
    fake_headers(call, status, -1);
    if (call->open)
        fake_body(call, body);
    if (call->open)
        fake_done(call, REST_OK, "");
}

/* A Status object. */
static inline void fake_refuse(struct rest_call *call, int status, const char *reason, const char *message)
{
    char *body = mem_printf("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
                            "\"Failure\",\"message\":\"%s\","
                            "\"reason\":\"%s\",\"code\":%d}",
                            message, reason, status);
    fake_answer(call, status, body);
    free(body);
}

/* The value of a query parameter, as it stands in the path; NULL where it is absent. Freed by the caller. */
static inline char *fake_query(const struct rest_call *call, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strpbrk(call->path, "?&"); at; at = strpbrk(at + 1, "?&"))
        if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=')
            return mem_dup(at + 2 + len, strcspn(at + 2 + len, "&"));
    return NULL;
}

/* value NULL: the parameter must be absent. */
static inline void fake_expect_query(const struct rest_call *call, const char *name, const char *value)
{
    char *found = fake_query(call, name);
    bool same = found && value ? strcmp(found, value) == 0 : !found && !value;
    if (!same)
        fail_msg("%s: %s is %s, not %s", call->path, name, found ? found : "absent",
                 value ? value : "absent");
    free(found);
}

static inline void fake_expect_path(const struct rest_call *call, const char *path)
{
    size_t len = strcspn(call->path, "?");
    if (len != strlen(path) || strncmp(call->path, path, len) != 0)
        fail_msg("%s, not %s", call->path, path);
}

#endif
