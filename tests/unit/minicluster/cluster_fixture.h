#ifndef TI_TESTS_UNIT_MINICLUSTER_CLUSTER_FIXTURE_H
#define TI_TESTS_UNIT_MINICLUSTER_CLUSTER_FIXTURE_H

/* A cluster of three nodes under virtual time, the requests that tests make of it, and what they look at. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/rest.h"
#include "samples/minicluster/cluster.h"
#include "samples/minicluster/controller.h"

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"

struct fixture {
    struct loop *loop;
    struct cluster *cluster;
    bool filled;
};

static inline void fire(void *arg)
{
    *(bool *)arg = true;
}

static inline void create(struct fixture *f, unsigned pods, unsigned churn)
{
    *f = (struct fixture){.loop = loop_create_simulated(11)};
    struct cluster_options options = {
        .loop = f->loop, .nodes = 3, .pods = pods, .churn = churn, .filled = fire, .arg = &f->filled};
    f->cluster = cluster_create(&options);
}

static inline void start(struct fixture *f, unsigned pods, unsigned churn)
{
    create(f, pods, churn);
    while (!f->filled)
        loop_step(f->loop);
}

static inline void stop(struct fixture *f)
{
    cluster_destroy(f->cluster);
    loop_destroy(f->loop);
}

static inline void pass(struct fixture *f, int64_t seconds)
{
    struct timer timer;
    bool over = false;
    timer_init(&timer, f->loop, fire, &over);
    timer_start(&timer, seconds * LOOP_SECOND);
    while (!over)
        loop_step(f->loop);
}

static inline int call(struct fixture *f, const char *method, const char *path, const char *body)
{
    struct buf answer = BUF_INIT(1 << 20);
    struct rest_request request = {.method = method,
                                   .path = path,
                                   .content_type = strcmp(method, "PATCH") ? "application/json"
                                                                           : "application/merge-patch+json",
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0};
    int status = apiserver_call(cluster_server(f->cluster), &request, &answer);
    buf_deinit(&answer);
    return status;
}

static inline void deploy(struct fixture *f)
{
    assert_int_equal(call(f, "POST", DEPLOYMENTS,
                          "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":3,\"selector\":{"
                          "\"matchLabels\":{\"app\":\"w\"}},"
                          "\"template\":{\"metadata\":{\"labels\":{\"app\":\"w\"}},\"spec\":{\"containers\":["
                          "{\"name\":\"main\","
                          "\"image\":\"a:1\"}]}}}}"),
                     201);
}

static inline const struct object_set *objects_of(struct fixture *f, const struct gvr *gvr)
{
    return &apiserver_collection(cluster_server(f->cluster), gvr)->own->objects;
}

static inline size_t count(struct fixture *f, const struct gvr *gvr, const char *namespace_)
{
    const struct object_set *objects = objects_of(f, gvr);
    struct object_place from, to;
    object_set_range(objects, namespace_, &from, &to);
    return object_set_rank(objects, to) - object_set_rank(objects, from);
}

/* Those objects whose text has that in it. */
static inline size_t count_with(struct fixture *f, const struct gvr *gvr, const char *part)
{
    struct object_place place = {0};
    const struct object_entry *entry;
    size_t n = 0;
    while ((entry = object_set_next(objects_of(f, gvr), &place))) {
        struct slice bytes = object_bytes(entry->object);
        n += memmem(bytes.data, bytes.len, part, strlen(part)) != NULL;
    }
    return n;
}

static inline size_t count_running(struct fixture *f, const char *image)
{
    struct object_place place = {0};
    const struct object_entry *pod;
    size_t n = 0;
    while ((pod = object_set_next(objects_of(f, &gvr_pods), &place))) {
        struct slice bytes = object_bytes(pod->object);
        cleanup_free char *text = mem_dup(bytes.data, bytes.len);
        n += strstr(text, "\"phase\":\"Running\"") && strstr(text, image);
    }
    return n;
}

static inline void post_pod(struct fixture *f, const char *name, const char *policy, const char *annotations)
{
    cleanup_free char *body =
        mem_printf("{\"metadata\":{\"name\":\"%s\",\"annotations\":{%s}},\"spec\":{\"restartPolicy\":\"%s\","
                   "\"containers\":[{\"name\":\"main\",\"image\":\"a\"}]}}",
                   name, annotations, policy);
    assert_int_equal(call(f, "POST", "/api/v1/namespaces/default/pods", body), 201);
}

#endif
