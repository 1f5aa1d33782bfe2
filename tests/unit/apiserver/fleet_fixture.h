#ifndef TI_TESTS_UNIT_APISERVER_FLEET_FIXTURE_H
#define TI_TESTS_UNIT_APISERVER_FLEET_FIXTURE_H

/* A fleet's API without clusters, what is asked of it, and the answer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "apiserver/exchange.h"
#include "apiserver/view.h"
#include "base/mem.h"

#define BEGIN UINT64_C(1000)

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct buf body;         /* of the last answer, NUL-terminated */
    struct collection *pods; /* where a test has some */
};

static inline int fleet_setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    f->server = apiserver_create(&(
        struct apiserver_options){.loop = f->loop, .fleet = true, .revision = BEGIN, .history_events = 100});
    f->body = (struct buf)BUF_INIT(1 << 22);
    *state = f;
    return 0;
}

static inline int fleet_teardown(void **state)
{
    struct fixture *f = *state;
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    buf_deinit(&f->body);
    free(f);
    return 0;
}

static inline struct collection *serve(struct fixture *f, const char *group, const char *version,
                                       const char *resource, const char *kind, unsigned flags)
{
    struct resource row = {.flags = flags | RESOURCE_READ_ONLY};
    gvr_set(&row.gvr, group, version, resource);
    snprintf(row.kind, sizeof(row.kind), "%s", kind);
    snprintf(row.list_kind, sizeof(row.list_kind), "%sList", kind);
    return storage_add(apiserver_storage(f->server), &row);
}

static inline void commit_json(struct collection *collection, const char *cluster, const char *json,
                               bool deleted)
{
    struct object *object = NULL;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    storage_commit(collection_partition(collection, cluster), object, deleted);
    object_unref(object);
}

static inline int call(struct fixture *f, const char *method, const char *path, const char *accept)
{
    struct rest_request request = {.method = method, .path = path, .accept = accept};
    buf_clear(&f->body);
    int status = apiserver_call(f->server, &request, &f->body);
    buf_append(&f->body, "", 0);
    return status;
}

static inline int get(struct fixture *f, const char *path)
{
    return call(f, "GET", path, NULL);
}

static inline bool has(const struct fixture *f, const char *text)
{
    return strstr(f->body.data, text);
}

#define assert_has(f, text)                                                                                  \
    do {                                                                                                     \
        if (!has(f, text))                                                                                   \
            fail_msg("no %s in %s", text, (f)->body.data);                                                   \
    } while (0)

#endif
