#ifndef TI_TESTS_KUBE_HTTP_FIXTURE_H
#define TI_TESTS_KUBE_HTTP_FIXTURE_H

/* What the tests of the HTTP client share: server.py as a child, a client for it, and one call with what came
 * of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/http.h"

struct fixture {
    char dir[64]; /* certificates, tokens, plugins */
    int pid, in, out;
    cJSON *ports;
    struct loop *loop;
    struct http *http; /* of the test that runs */
};

/* A call, and what its callbacks have seen. */
struct seen {
    struct loop *loop;
    struct rest *rest;
    struct rest_call *call;
    int status, headers_count, done_count;
    int64_t retry_after_ms;
    struct buf body;
    size_t chunks;
    enum rest_result result;
    char reason[1024];
    const char *cancel_in; /* "headers", "body", "done": where the call cancels itself */
    bool over;             /* done or cancelled */
};

int fixture_start(void **state); /* group setup and teardown */
int fixture_stop(void **state);
int client_stop(void **state); /* teardown of each test */

int port(const struct fixture *fixture, const char *name);
void put_file(const struct fixture *fixture, const char *name, const char *text, int mode);

/* A client from what is particular about cluster and user, in YAML's flow style; %DIR% stands for
 * fixture->dir. */
void client_start(struct fixture *fixture, const char *server, const char *cluster, const char *user);
void client_start_plain(struct fixture *fixture);

void call_start(struct fixture *fixture, struct seen *seen, const struct rest_request *request);
void call_wait(struct seen *seen);
void seen_deinit(struct seen *seen);

/* GET path, to its end. */
void get(struct fixture *fixture, const char *path, struct seen *seen);
/* The same, and it must be a 200 with that body. */
void expect_body(struct fixture *fixture, const char *path, const char *body);
/* The same, and it must end so, with a reason that says this. */
void expect_failure(struct fixture *fixture, const char *path, enum rest_result result, const char *reason);
int counter(struct fixture *fixture, const char *name);

#endif
