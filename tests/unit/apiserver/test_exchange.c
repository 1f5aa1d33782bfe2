/* An answer is printed where its reader wants it, and gives the same bytes to readers of any size. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/server_internal.h"
#include "base/mem.h"

#define PODS 100
#define POD_BYTES 3000
#define ROOM ((size_t)32 << 10)
#define LARGE ((size_t)100 << 10)

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct collection *pods;
};

static void put(struct fixture *f, const char *name, size_t filling)
{
    struct object *object = NULL;
    cleanup_free char *text = mem_zalloc(filling + 1);
    memset(text, 'x', filling);
    cleanup_free char *json = mem_printf(
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\","
        "\"uid\":\"%s\",\"resourceVersion\":\"1\"},\"spec\":{\"text\":\"%s\"}}",
        name, name, text);
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    storage_commit(collection_partition(f->pods, "a"), object, false);
    object_unref(object);
}

static void put_all(struct fixture *f)
{
    char name[16];
    for (int i = 0; i < PODS; i++) {
        snprintf(name, sizeof(name), "pod-%02d", i);
        put(f, name, POD_BYTES);
    }
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct resource row = {
        .kind = "Pod", .list_kind = "PodList", .flags = RESOURCE_NAMESPACED | RESOURCE_READ_ONLY};
    gvr_set(&row.gvr, "", "v1", "pods");
    f->loop = loop_create_simulated(1);
    f->server = apiserver_create(&(
        struct apiserver_options){.loop = f->loop, .fleet = true, .revision = 1000, .history_events = 1000});
    f->pods = storage_add(apiserver_storage(f->server), &row);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static struct exchange *ask(struct fixture *f, const char *path, const char *accept)
{
    struct rest_request request = {.method = "GET", .path = path, .accept = accept};
    struct exchange *exchange = exchange_open(f->server, &request, NULL, NULL, NULL, NULL);
    assert_int_equal(exchange_status(exchange), 200);
    return exchange;
}

/* All that is there now, in pieces of at most that size. */
static struct buf drain(struct fixture *f, struct exchange *exchange, size_t size)
{
    cleanup_free char *piece = mem_zalloc(size);
    struct buf all = BUF_INIT(SIZE_MAX / 4);
    ssize_t n;
    while ((n = exchange_read(exchange, piece, size)) > 0 || timer_active(&exchange->again)) {
        if (n > 0)
            buf_append(&all, piece, (size_t)n);
        else
            loop_step(f->loop);
    }
    return all;
}

/* Full but for one item, and nothing is kept. */
static void assert_printed_in_place(struct fixture *f, const char *path, const char *accept)
{
    struct exchange *exchange = ask(f, path, accept);
    cleanup_free char *piece = mem_zalloc(ROOM);
    int full = 0;
    for (ssize_t n; (n = exchange_read(exchange, piece, ROOM)) > 0;) {
        assert_null(exchange->out.data);
        full += (size_t)n > ROOM - POD_BYTES - 1024;
    }
    assert_in_range(full, PODS * POD_BYTES / ROOM, PODS);
    exchange_close(exchange);
}

static void what_fits_is_printed_where_its_reader_wants_it(void **state)
{
    struct fixture *f = *state;
    put_all(f);
    assert_printed_in_place(f, "/api/v1/pods", NULL);
    assert_printed_in_place(f, "/api/v1/pods?limit=99", NULL);
    assert_printed_in_place(f, "/api/v1/pods?includeObject=Object",
                            "application/json;as=Table;v=v1;g=meta.k8s.io");
    assert_printed_in_place(f, "/api/v1/pods?watch=1", NULL);
    assert_printed_in_place(f, "/api/v1/pods?watch=1&resourceVersion=1000", NULL);
}

static void what_has_no_room_is_kept_alone_and_read_in_pieces(void **state)
{
    struct fixture *f = *state;
    char piece[4096];
    put(f, "large", LARGE);
    put(f, "small", 10);
    struct exchange *exchange = ask(f, "/api/v1/pods?watch=1", NULL);
    assert_int_equal(exchange_read(exchange, piece, sizeof(piece)), sizeof(piece));
    assert_in_range(exchange->out.len, LARGE, LARGE + 1024);
    assert_null(strstr(exchange->out.data, "small"));
    while (exchange->out.len)
        assert_in_range(exchange_read(exchange, piece, sizeof(piece)), 1, sizeof(piece));
    assert_null(exchange->out.data);
    assert_in_range(exchange_read(exchange, piece, sizeof(piece)), 1, 1024);
    assert_non_null(strstr(piece, "small"));
    assert_int_equal(exchange_read(exchange, piece, sizeof(piece)), EXCHANGE_WAIT);
    exchange_close(exchange);
}

static void assert_same_for_all(struct fixture *f, const char *path, const char *accept)
{
    static const size_t sizes[] = {1, 100, 4096, ROOM, LARGE * 10};
    struct buf first = {0};
    for (size_t i = 0; i < array_size(sizes); i++) {
        struct exchange *exchange = ask(f, path, accept);
        cleanup_with(buf_deinit) struct buf all = drain(f, exchange, sizes[i]);
        exchange_close(exchange);
        assert_non_null(strstr(all.data, "pod-99"));
        if (i)
            assert_string_equal(all.data, first.data);
        else
            first = (struct buf){.data = buf_steal(&all)};
    }
    free(first.data);
}

static void readers_of_any_size_get_the_same(void **state)
{
    struct fixture *f = *state;
    put_all(f);
    put(f, "pod-50", LARGE);
    put(f, "pod-51", ROOM - 800);
    assert_same_for_all(f, "/api/v1/pods", NULL);
    assert_same_for_all(f, "/api/v1/pods?includeObject=Object",
                        "application/json;as=Table;v=v1;g=meta.k8s.io");
    assert_same_for_all(f, "/api/v1/pods?watch=1&allowWatchBookmarks=true", NULL);
    assert_same_for_all(f, "/api/v1/pods?watch=1&resourceVersion=1000", NULL);
}

static void note(void *arg)
{
    ++*(int *)arg;
}

static void a_watch_that_has_told_all_is_quiet_until_it_is_woken(void **state)
{
    struct fixture *f = *state;
    struct rest_request request = {.method = "GET", .path = "/api/v1/pods?watch=1&timeoutSeconds=60"};
    char piece[ROOM];
    int readable = 0;
    put_all(f);
    struct exchange *exchange = exchange_open(f->server, &request, NULL, NULL, note, &readable);
    assert_false(exchange_quiet(exchange));
    assert_in_range(exchange_read(exchange, piece, sizeof(piece)), 1, sizeof(piece));
    assert_false(exchange_quiet(exchange));
    while (exchange_read(exchange, piece, sizeof(piece)) > 0)
        ;
    assert_true(exchange_quiet(exchange));
    put(f, "another", 10);
    while (!readable)
        loop_step(f->loop);
    assert_false(exchange_quiet(exchange));
    assert_in_range(exchange_read(exchange, piece, sizeof(piece)), 1, 1024);
    assert_true(exchange_quiet(exchange));
    while (exchange_quiet(exchange))
        loop_step(f->loop); /* to its end */
    assert_int_equal(exchange_read(exchange, piece, sizeof(piece)), EXCHANGE_END);
    assert_false(exchange_quiet(exchange));
    exchange_close(exchange);
}

static void a_watch_whose_resource_goes_with_its_last_event_is_not_quiet(void **state)
{
    struct fixture *f = *state;
    char piece[ROOM];
    struct exchange *exchange = ask(f, "/api/v1/pods?watch=1", NULL);
    assert_int_equal(exchange_read(exchange, piece, sizeof(piece)), EXCHANGE_WAIT);
    put(f, "last", 10);
    collection_retire(f->pods);
    assert_in_range(exchange_read(exchange, piece, sizeof(piece)), 1, 1024);
    assert_false(exchange_quiet(exchange));
    assert_int_equal(exchange_read(exchange, piece, sizeof(piece)), EXCHANGE_END);
    exchange_close(exchange);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_fits_is_printed_where_its_reader_wants_it),
        TEST(what_has_no_room_is_kept_alone_and_read_in_pieces),
        TEST(a_watch_that_has_told_all_is_quiet_until_it_is_woken),
        TEST(a_watch_whose_resource_goes_with_its_last_event_is_not_quiet),
        TEST(readers_of_any_size_get_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
