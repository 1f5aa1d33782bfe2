/* A fleet's API: the objects of several clusters, of all of them together and of each by itself. */

#include "tests/unit/apiserver/fleet_fixture.h"

#include <inttypes.h>

#include "apiserver/served.h"

static int setup(void **state)
{
    fleet_setup(state);
    struct fixture *f = *state;
    f->pods = serve(f, "", "v1", "pods", "Pod", RESOURCE_NAMESPACED);
    return 0;
}

static char *print(const char *metadata)
{
    return mem_printf("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{%s},\"spec\":{}}", metadata);
}

static void commit(struct fixture *f, const char *cluster, const char *name, int version, bool deleted)
{
    cleanup_free char *metadata = mem_printf("\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"%s-%s\","
                                             "\"resourceVersion\":\"%d\",\"labels\":{\"app\":\"%s\"}",
                                             name, cluster, name, version, name);
    cleanup_free char *json = print(metadata);
    commit_json(f->pods, cluster, json, deleted);
}

static void put(struct fixture *f, const char *cluster, const char *name, int version)
{
    commit(f, cluster, name, version, false);
}

static size_t count(const struct fixture *f, const char *text)
{
    size_t n = 0;
    for (const char *at = f->body.data; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

/* ---- lists ---- */

static void the_root_has_all_and_says_whose(void **state)
{
    struct fixture *f = *state;
    put(f, "b", "web", 7);
    put(f, "a", "web", 9);
    assert_int_equal(get(f, "/api/v1/pods"), 200);
    assert_int_equal(count(f, "\"uid\""), 2);
    const char *first = strstr(f->body.data, "\"uid\":\"a-web\""),
               *second = strstr(f->body.data, "\"uid\":\"b-web\"");
    assert_true(first && second && first < second);
    assert_has(f, "\"resourceVersion\":\"1002\",\"labels\":{\"app\":\"web\"}");
    assert_has(
        f, "\"cluster.transport-informer/name\":\"a\",\"cluster.transport-informer/resource-version\":\"9\"");
    assert_has(f, "\"metadata\":{\"resourceVersion\":\"1002\"}");
}

static void a_cluster_has_its_own(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "b", "web", 1);
    put(f, "b", "db", 1);
    assert_int_equal(get(f, "/clusters/b/api/v1/namespaces/default/pods"), 200);
    assert_int_equal(count(f, "\"uid\":\"b-"), 2);
    assert_int_equal(count(f, "\"uid\""), 2);
    assert_int_equal(get(f, "/clusters/b/api/v1/namespaces/default/pods/db"), 200);
    assert_int_equal(get(f, "/clusters/a/api/v1/namespaces/default/pods/db"), 404);
}

static void what_is_not_there_is_not_served(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    collection_partition(serve(f, "", "v1", "services", "Service", RESOURCE_NAMESPACED), "b");
    assert_int_equal(get(f, "/clusters/c/api/v1/pods"), 404);
    assert_has(f, "cluster \\\"c\\\" has not been heard here");
    assert_int_equal(get(f, "/clusters/a/api/v1/services"), 404);
    assert_int_equal(get(f, "/clusters/a/api/v1"), 200);
    assert_int_equal(count(f, "\"name\":\"services\""), 0);
    assert_has(f, "\"verbs\":[\"get\",\"list\",\"watch\"]");
    assert_int_equal(get(f, "/api/v1"), 200);
    assert_int_equal(count(f, "\"name\":\"services\""), 1);
}

static void tables_have_a_column_for_it(void **state)
{
    struct fixture *f = *state;
    static const char table[] = "application/json;as=Table;v=v1;g=meta.k8s.io";
    put(f, "a", "web", 1);
    assert_int_equal(call(f, "GET", "/api/v1/pods", table), 200);
    assert_has(f, "\"columnDefinitions\":[{\"name\":\"Cluster\"");
    assert_has(f, "{\"cells\":[\"a\",\"web\",");
    assert_int_equal(call(f, "GET", "/clusters/a/api/v1/pods", table), 200);
    assert_has(f, "\"columnDefinitions\":[{\"name\":\"Name\"");
}

/* The continue token of the answer at hand. */
static char *token_of(const struct fixture *f)
{
    const char *at = strstr(f->body.data, "\"continue\":\"");
    if (!at)
        return NULL;
    at += strlen("\"continue\":\"");
    return mem_dup(at, strcspn(at, "\""));
}

static void pages_go_through_all_clusters_at_one_revision(void **state)
{
    struct fixture *f = *state;
    size_t seen = 0;
    char *token = NULL;
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "p%d", i);
        put(f, "a", name, 1);
        put(f, "b", name, 1);
        put(f, "c", name, 1);
    }
    do {
        cleanup_free char *path =
            mem_printf("/api/v1/pods?limit=2%s%s", token ? "&continue=" : "", token ? token : "");
        free(token);
        assert_int_equal(get(f, path), 200);
        assert_has(f, "\"resourceVersion\":\"1015\"");
        seen += count(f, "\"uid\"");
        assert_int_equal(count(f, "\"resource-version\":\"2\""), 0);
        token = token_of(f);
        put(f, "b", "p3", 2); /* in front of the reader, and behind it */
        commit(f, "c", "p4", 2, true);
        put(f, "c", "p4", 2);
    } while (token);
    assert_int_equal(seen, 15);
}

static void drop(struct fixture *f, const char *cluster)
{
    struct partition *partition = collection_find(f->pods, cluster);
    while (partition_empty(partition, 1))
        ;
    partition_drop(partition);
}

/* The pages of a list, whose first one is at hand; all of them are about what was there then. */
static void goes_on_with(struct fixture *f, const char *path, size_t more)
{
    size_t seen = 0;
    for (char *token = token_of(f); token; token = token_of(f)) {
        cleanup_free char *next = mem_printf("%s?limit=1&continue=%s", path, token);
        free(token);
        assert_int_equal(get(f, next), 200);
        assert_has(f, "\"resourceVersion\":\"1004\"");
        assert_int_equal(count(f, "\"uid\":\"b-new\""), 0);
        seen += count(f, "\"uid\"");
    }
    assert_int_equal(seen, more);
}

static void pages_have_clusters_that_went_meanwhile(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "b", "db", 1);
    put(f, "b", "web", 1);
    put(f, "c", "web", 1);
    assert_int_equal(get(f, "/api/v1/pods?limit=1"), 200);
    drop(f, "c");
    drop(f, "b");
    goes_on_with(f, "/api/v1/pods", 3);
    put(f, "b", "new", 1); /* another one of that name */
    assert_int_equal(get(f, "/api/v1/pods?limit=1&resourceVersion=1004&resourceVersionMatch=Exact"), 200);
    assert_has(f, "\"remainingItemCount\":3");
    goes_on_with(f, "/api/v1/pods", 3);
    assert_int_equal(get(f, "/clusters/b/api/v1/pods?limit=1&resourceVersion=1004"), 200);
    assert_has(f, "\"uid\":\"b-db\"");
    goes_on_with(f, "/clusters/b/api/v1/pods", 1);
}

static void a_field_selects_clusters(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "b", "web", 1);
    put(f, "c", "web", 1);
    assert_int_equal(get(f, "/api/v1/pods?fieldSelector=cluster%3Db"), 200);
    assert_int_equal(count(f, "\"uid\""), 1);
    assert_int_equal(get(f, "/api/v1/pods?fieldSelector=cluster!%3Db,metadata.name%3Dweb"), 200);
    assert_int_equal(count(f, "\"uid\""), 2);
    assert_int_equal(get(f, "/api/v1/pods?fieldSelector=cluster%3Dnone&limit=1"), 200);
    assert_int_equal(count(f, "\"uid\""), 0);
}

/* ---- single objects ---- */

static void a_name_of_several_is_nobodys(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "b", "web", 1);
    put(f, "b", "db", 1);
    assert_int_equal(get(f, "/api/v1/namespaces/default/pods/web"), 409);
    assert_has(f, "in several clusters (a, b)");
    assert_int_equal(get(f, "/api/v1/namespaces/default/pods/db"), 200);
    assert_int_equal(get(f, "/api/v1/namespaces/default/pods/no"), 404);
    assert_int_equal(get(f, "/clusters/b/api/v1/namespaces/default/pods/web"), 200);
    for (char name[] = "c"; name[0] <= 'l'; name[0]++)
        put(f, name, "web", 1);
    assert_int_equal(get(f, "/api/v1/namespaces/default/pods/web"), 409);
    assert_has(f, "in several clusters (a, b, c, d, e, f, g, h, i, j, ...)");
}

static void nothing_is_written(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    assert_int_equal(call(f, "DELETE", "/api/v1/namespaces/default/pods/web", NULL), 405);
    assert_int_equal(call(f, "DELETE", "/clusters/a/api/v1/namespaces/default/pods", NULL), 405);
    assert_int_equal(call(f, "POST", "/clusters/a/api/v1/namespaces/default/pods", NULL), 405);
    assert_int_equal(call(f, "PUT", "/clusters/a/api/v1/namespaces/default/pods/web", NULL), 405);
    assert_int_equal(call(f, "PATCH", "/clusters/a/api/v1/namespaces/default/pods/web", NULL), 405);
    assert_int_equal(get(f, "/clusters/a/api/v1/namespaces/default/pods/web"), 200);
}

/* ---- watches ---- */

static struct exchange *watch(struct fixture *f, const char *path)
{
    struct rest_request request = {.method = "GET", .path = path};
    return exchange_open(f->server, &request, NULL, NULL, NULL, NULL);
}

/* What it has to say now, in f->body. Returns how many events. */
static size_t told(struct fixture *f, struct exchange *exchange)
{
    char piece[4096];
    ssize_t n;
    buf_clear(&f->body);
    buf_append(&f->body, "", 0);
    while ((n = exchange_read(exchange, piece, sizeof(piece))) > 0)
        buf_append(&f->body, piece, (size_t)n);
    return f->body.len ? count(f, "{\"type\":") : 0;
}

/* The second page of a list whose collection has changed so often since. */
static struct exchange *second_page(struct fixture *f, int changes)
{
    apiserver_storage(f->server)->history_events = 1000;
    for (int i = 0; i < 4; i++)
        put(f, "a", (char[]){'p', (char)('0' + i), '\0'}, 1);
    assert_int_equal(get(f, "/api/v1/pods?limit=2"), 200);
    cleanup_free char *token = token_of(f);
    for (int i = 0; i < changes; i++)
        commit(f, "a", i % 2 ? "p3" : "p4", i + 2, i % 4 == 2);
    cleanup_free char *path = mem_printf("/api/v1/pods?limit=2&continue=%s", token);
    return watch(f, path);
}

static void a_page_is_wound_back_in_slices(void **state)
{
    struct fixture *f = *state;
    struct exchange *page = second_page(f, 900);
    for (int i = 0; i < 3; i++)
        assert_int_equal(exchange_read(page, (char[8]){0}, 8), EXCHANGE_WAIT);
    put(f, "a", "p2", 7); /* meanwhile, which is later than the page, too */
    told(f, page);
    assert_int_equal(count(f, "\"uid\""), 2);
    assert_has(f, "\"cluster.transport-informer/resource-version\":\"1\"");
    assert_int_equal(count(f, "resource-version\":\"1\""), 2);
    assert_has(f, "\"uid\":\"a-p2\"");
    assert_has(f, "\"uid\":\"a-p3\"");
    assert_has(f, "\"metadata\":{\"resourceVersion\":\"1004\"}");
    exchange_close(page);
}

static void a_page_whose_past_is_forgotten_is_cut(void **state)
{
    struct fixture *f = *state;
    struct exchange *page = second_page(f, 900);
    assert_int_equal(exchange_read(page, (char[8]){0}, 8), EXCHANGE_WAIT);
    storage_compact(apiserver_storage(f->server), BEGIN + 500);
    assert_int_equal(exchange_read(page, (char[8]){0}, 8), EXCHANGE_BROKEN);
    exchange_close(page);
}

static void watches_follow_one_or_all(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    struct exchange *all = watch(f, "/api/v1/pods?watch=1&resourceVersion=1001");
    struct exchange *one = watch(f, "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001");
    struct exchange *chosen = watch(f, "/api/v1/pods?watch=1&fieldSelector=cluster%3Db");
    assert_int_equal(told(f, chosen), 0);
    put(f, "b", "web", 5);
    put(f, "a", "web", 2);
    assert_int_equal(told(f, all), 2);
    assert_has(f, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"");
    assert_has(f, "\"resourceVersion\":\"1002\"");
    assert_int_equal(told(f, one), 1);
    assert_has(f, "{\"type\":\"MODIFIED\"");
    assert_int_equal(told(f, chosen), 1);
    assert_has(f, "\"cluster.transport-informer/name\":\"b\"");
    commit(f, "b", "web", 5, true);
    assert_int_equal(told(f, all), 1);
    assert_has(f, "{\"type\":\"DELETED\"");
    assert_has(f, "\"resourceVersion\":\"1004\"");
    assert_int_equal(told(f, one), 0);
    exchange_close(all);
    exchange_close(one);
    exchange_close(chosen);
}

static void a_cluster_that_goes_and_returns(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "b", "web", 1);
    struct exchange *all = watch(f, "/api/v1/pods?watch=1&resourceVersion=1002");
    struct exchange *one = watch(f, "/clusters/b/api/v1/pods?watch=1&resourceVersion=1002");
    struct partition *partition = collection_find(f->pods, "b");
    put(f, "b", "web-2", 1);
    assert_true(partition_empty(partition, 1));
    assert_int_equal(get(f, "/clusters/b/api/v1/pods"), 200);
    assert_int_equal(count(f, "\"uid\""), 1);
    assert_false(partition_empty(partition, 1));
    partition_drop(partition);
    assert_int_equal(get(f, "/clusters/b/api/v1/pods"), 404);
    put(f, "b", "db", 1);
    assert_int_equal(told(f, all), 4);
    assert_int_equal(count(f, "{\"type\":\"DELETED\""), 2);
    assert_int_equal(count(f, "{\"type\":\"ADDED\""), 2);
    assert_int_equal(told(f, one), 4);
    assert_int_equal(exchange_read(one, (char[8]){0}, 8), EXCHANGE_END); /* that was another cluster */
    exchange_close(all);
    exchange_close(one);
}

static void who_was_away_is_told_what_went_with_a_cluster(void **state)
{
    struct fixture *f = *state;
    put(f, "b", "web", 1);
    put(f, "b", "db", 1);
    drop(f, "b");
    put(f, "b", "db", 1);
    struct exchange *one = watch(f, "/clusters/b/api/v1/pods?watch=1&resourceVersion=1002");
    assert_int_equal(told(f, one), 3);
    assert_int_equal(count(f, "{\"type\":\"DELETED\""), 2);
    assert_int_equal(count(f, "{\"type\":\"ADDED\""), 1);
    exchange_close(one);
}

static void who_cannot_be_told_what_went_with_a_cluster_is_told_so(void **state)
{
    struct fixture *f = *state;
    put(f, "b", "web", 1);
    drop(f, "b");
    put(f, "b", "db", 1);
    struct exchange *one = watch(f, "/clusters/b/api/v1/pods?watch=1&resourceVersion=1001");
    for (int i = 0; i < 99; i++) /* the history has 100 */
        put(f, "a", "web", i);
    assert_int_equal(told(f, one), 1);
    assert_has(f, "\"code\":410");
    exchange_close(one);
}

static void on_readable(void *arg)
{
    ++*(int *)arg;
}

static struct exchange *heard_watch(struct fixture *f, const char *path, int *heard)
{
    struct rest_request request = {.method = "GET", .path = path};
    struct exchange *exchange = exchange_open(f->server, &request, NULL, NULL, on_readable, heard);
    assert_int_equal(told(f, exchange), 0);
    return exchange;
}

/* All who wait are told. */
static void turns(struct fixture *f)
{
    while (timer_active(&apiserver_storage(f->server)->herald.timer))
        loop_step(f->loop);
}

static void a_reader_hears_of_nothing_that_is_not_for_him(void **state)
{
    static const char *const paths[] = {
        "/api/v1/pods?watch=1&resourceVersion=1001&fieldSelector=metadata.name%3Ddb",
        "/api/v1/pods?watch=1&resourceVersion=1001&labelSelector=app%3Ddb",
        "/api/v1/namespaces/other/pods?watch=1&resourceVersion=1001",
        "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001",
        "/api/v1/pods?watch=1&resourceVersion=1001&fieldSelector=cluster%3Da",
    };
    struct fixture *f = *state;
    struct exchange *watches[array_size(paths)];
    int heard = 0;
    put(f, "a", "web", 1);
    for (size_t i = 0; i < array_size(paths); i++)
        watches[i] = heard_watch(f, paths[i], &heard);
    put(f, "b", "web", 1);
    put(f, "b", "web", 2);
    turns(f);
    assert_int_equal(heard, 0);
    put(f, "a", "db", 1);
    assert_int_equal(heard, 0); /* later */
    turns(f);
    assert_int_equal(heard, 4);
    for (size_t i = 0; i < array_size(paths); i++) {
        assert_int_equal(told(f, watches[i]), i == 2 ? 0 : 1);
        exchange_close(watches[i]);
    }
}

static void what_others_change_makes_no_watch_too_old(void **state)
{
    struct fixture *f = *state;
    int heard = 0;
    put(f, "a", "web", 1);
    struct exchange *slow = watch(f, "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001");
    struct exchange *waits =
        heard_watch(f, "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001&allowWatchBookmarks=1", &heard);
    for (int i = 0; i < 300; i++) /* the history has 100 */
        put(f, "b", "web", i);
    turns(f);
    assert_int_equal(heard, 0);
    while (!heard)
        loop_step(f->loop);
    assert_int_equal(told(f, waits), 1);
    assert_has(f, "{\"type\":\"BOOKMARK\"");
    assert_has(f, "\"resourceVersion\":\"1301\"");
    for (int i = 0; i < 300; i++)
        put(f, "b", "web", i);
    put(f, "a", "web", 2);
    turns(f);
    assert_int_equal(heard, 2);
    assert_int_equal(told(f, waits), 1);
    assert_has(f, "{\"type\":\"MODIFIED\"");
    assert_int_equal(told(f, slow), 1);
    assert_has(f, "{\"type\":\"MODIFIED\"");
    for (int i = 0; i < 102; i++)
        put(f, "a", "web", i);
    put(f, "b", "web", 1);
    assert_int_equal(told(f, slow), 1);
    assert_has(f, "\"code\":410");
    exchange_close(waits);
    exchange_close(slow);
}

/* Who waits for one cluster does not look at what has become of the others meanwhile. */
static void what_others_change_is_not_gone_through(void **state)
{
    struct fixture *f = *state;
    int heard = 0;
    apiserver_storage(f->server)->history_events = 5000;
    put(f, "a", "web", 1);
    struct exchange *one =
        heard_watch(f, "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001&allowWatchBookmarks=1", &heard);
    for (int i = 0; i < 1000; i++)
        put(f, "b", "web", i);
    while (!heard)
        loop_step(f->loop);
    assert_int_equal(told(f, one), 1);
    assert_has(f, "\"resourceVersion\":\"2001\"");
    for (int i = 0; i < 1000; i++)
        put(f, "b", "web", i);
    put(f, "a", "web", 2);
    turns(f);
    assert_int_equal(heard, 2);
    assert_int_equal(told(f, one), 1);
    assert_has(f, "{\"type\":\"MODIFIED\"");
    exchange_close(one);
}

/* Between the call and the turn in which it is told, a watch is read: it must not take itself for up to date.
 */
static void what_is_read_before_it_is_told_is_whole(void **state)
{
    struct fixture *f = *state;
    int heard = 0;
    put(f, "a", "web", 1);
    struct exchange *one = heard_watch(f, "/clusters/a/api/v1/pods?watch=1&resourceVersion=1001", &heard);
    put(f, "a", "web", 2);
    assert_int_equal(told(f, one), 1);
    put(f, "a", "web", 3);
    assert_int_equal(told(f, one), 1);
    turns(f);
    put(f, "a", "web", 4);
    turns(f);
    assert_int_equal(told(f, one), 1);
    assert_has(f, "resource-version\":\"4\"");
    exchange_close(one);
}

/* Seen by what has changed in between: those who are told at once are told the same, and others anew. */
static void an_event_is_printed_once_for_all_who_are_told(void **state)
{
    static const char path[] = "/api/v1/pods?watch=1&resourceVersion=1001";
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    put(f, "a", "web", 2);
    struct exchange *first = watch(f, path), *second = watch(f, path), *late = watch(f, path);
    assert_int_equal(told(f, first), 1);
    strcpy(collection_find(f->pods, "a")->stale, "2026-01-01T00:00:00Z");
    assert_int_equal(told(f, second), 1);
    assert_int_equal(count(f, "stale-since"), 0);
    int64_t until_us = loop_now_us(f->loop) + 2 * LOOP_SECOND;
    while (loop_now_us(f->loop) < until_us && loop_step(f->loop))
        ;
    assert_int_equal(told(f, late), 1);
    assert_int_equal(count(f, "stale-since"), 1);
    exchange_close(first);
    exchange_close(second);
    exchange_close(late);
}

static void versions_of_others_are_expired(void **state)
{
    static const char *const versions[] = {"999", "5000"};
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    for (size_t i = 0; i < array_size(versions); i++) {
        cleanup_free char *list =
            mem_printf("/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=%s", versions[i]);
        assert_int_equal(get(f, list), 410);
        cleanup_free char *path = mem_printf("/api/v1/pods?watch=1&resourceVersion=%s", versions[i]);
        struct exchange *exchange = watch(f, path);
        assert_int_equal(told(f, exchange), 1);
        assert_has(f, "\"code\":410");
        exchange_close(exchange);
    }
    struct exchange *future = watch(f, "/api/v1/pods?watch=1&resourceVersion=5000&sendInitialEvents=true&"
                                       "resourceVersionMatch=NotOlderThan");
    assert_int_equal(told(f, future), 1);
    assert_has(f, "\"code\":410");
    exchange_close(future);
    assert_int_equal(get(f, "/api/v1/pods?resourceVersionMatch=NotOlderThan&resourceVersion=1001"), 200);
}

/* ---- freshness ---- */

static const char *warning_of(struct fixture *f, const char *path, struct buf *out)
{
    struct rest_request request = {.method = "GET", .path = path};
    struct exchange *exchange = exchange_open(f->server, &request, NULL, NULL, NULL, NULL);
    const char *warning = exchange_warning(exchange);
    buf_clear(out);
    buf_append_str(out, warning ? warning : "");
    exchange_close(exchange);
    return out->data;
}

static void what_is_stale_says_so(void **state)
{
    struct fixture *f = *state;
    cleanup_with(buf_deinit) struct buf warning = BUF_INIT(4096);
    put(f, "a", "web", 1);
    put(f, "b", "web", 1);
    assert_string_equal(warning_of(f, "/api/v1/pods", &warning), "");
    strcpy(collection_find(f->pods, "b")->stale, "2026-01-01T00:00:00Z");
    collection_partition(f->pods, "c");
    strcpy(collection_find(f->pods, "c")->stale, PARTITION_NOT_WHOLE);
    assert_string_equal(warning_of(f, "/api/v1/pods", &warning),
                        "not up to date: b (last heard 2026-01-01T00:00:00Z), c (not whole yet)");
    assert_string_equal(warning_of(f, "/clusters/a/api/v1/pods", &warning), "");
    assert_string_equal(warning_of(f, "/api/v1/pods?fieldSelector=cluster%3Db", &warning),
                        "not up to date: b (last heard 2026-01-01T00:00:00Z)");
    assert_string_equal(warning_of(f, "/clusters/b/api/v1/namespaces/default/pods/web", &warning),
                        "not up to date: b (last heard 2026-01-01T00:00:00Z)");
    assert_int_equal(get(f, "/api/v1/pods"), 200);
    assert_int_equal(count(f, "\"cluster.transport-informer/stale-since\":\"2026-01-01T00:00:00Z\""), 1);
}

static void what_is_not_mirrored_is_named(void **state)
{
    struct fixture *f = *state;
    cleanup_with(buf_deinit) struct buf warning = BUF_INIT(4096);
    put(f, "a", "web", 1);
    strcpy(collection_partition(f->pods, "b")->stale, PARTITION_NOT_MIRRORED);
    assert_string_equal(warning_of(f, "/api/v1/pods", &warning),
                        "pods are not mirrored (see --resource of a provider): b");
    assert_string_equal(warning_of(f, "/clusters/a/api/v1/pods", &warning), "");
    strcpy(collection_find(f->pods, "a")->stale, PARTITION_NOT_WHOLE);
    assert_string_equal(
        warning_of(f, "/api/v1/pods", &warning),
        "not up to date: a (not whole yet); pods are not mirrored (see --resource of a provider): b");
}

static void what_only_the_cluster_has_is_asked_of_it(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "web", 1);
    assert_int_equal(get(f, "/api/v1/namespaces/default/pods/web/log"), 501);
    assert_int_equal(count(f, "pods/log: what the clusters have is mirrored here, without a way"), 1);
}

/* kubectl shows no status of what it discovers. */
static void a_cluster_that_is_unknown_is_warned_of(void **state)
{
    struct fixture *f = *state;
    cleanup_with(buf_deinit) struct buf warning = BUF_INIT(4096);
    put(f, "a", "web", 1);
    assert_string_equal(warning_of(f, "/clusters/a/api", &warning), "");
    assert_string_equal(warning_of(f, "/clusters/x/api", &warning),
                        "no cluster of that name has been heard here: see kubectl get clusters");
}

static void many_that_are_stale_are_counted(void **state)
{
    struct fixture *f = *state;
    cleanup_with(buf_deinit) struct buf warning = BUF_INIT(4096);
    for (char name[] = "a"; name[0] <= 'f'; name[0]++)
        strcpy(collection_partition(f->pods, name)->stale, PARTITION_NOT_WHOLE);
    assert_string_equal(warning_of(f, "/api/v1/pods", &warning),
                        "not up to date: a (not whole yet), b (not whole yet), c (not whole yet) and 3 more");
}

static void who_serves_another_version_is_named(void **state)
{
    struct fixture *f = *state;
    cleanup_with(buf_deinit) struct buf warning = BUF_INIT(4096);
    put(f, "a", "web", 1);
    collection_partition(serve(f, "", "v2", "pods", "Pod", RESOURCE_NAMESPACED), "b");
    assert_string_equal(warning_of(f, "/api/v1/pods", &warning),
                        "not in here, since it is another version that they serve: b");
    assert_string_equal(warning_of(f, "/clusters/a/api/v1/pods", &warning), "");
}

/* ---- bytes ---- */

static void serves(struct fixture *f, const char *metadata, const char *expected)
{
    struct object *object = NULL;
    cleanup_free char *json = print(metadata);
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    struct item item = {collection_partition(f->pods, "a"), object, 42};
    buf_clear(&f->body);
    served_append(&item, object_bytes(object), &f->body);
    assert_has(f, expected);
    assert_int_equal(f->body.data[f->body.len - 1], '}');
    object_unref(object);
}

static void whatever_stands_in_metadata(void **state)
{
    struct fixture *f = *state;
    serves(
        f, "\"name\":\"x\",\"resourceVersion\":\"7\"",
        "\"metadata\":{\"annotations\":{\"cluster.transport-informer/name\":\"a\","
        "\"cluster.transport-informer/resource-version\":\"7\"},\"name\":\"x\",\"resourceVersion\":\"42\"}");
    serves(
        f, "\"resourceVersion\":\"7\",\"annotations\":{},\"name\":\"x\"",
        "\"metadata\":{\"resourceVersion\":\"42\",\"annotations\":{\"cluster.transport-informer/name\":\"a\","
        "\"cluster.transport-informer/resource-version\":\"7\"},\"name\":\"x\"}");
    serves(
        f, "\"annotations\": {\"b\":\"c\" } ,\"name\":\"x\",\"resourceVersion\":\"7\"",
        "\"metadata\":{\"annotations\": {\"b\":\"c\" ,\"cluster.transport-informer/name\":\"a\","
        "\"cluster.transport-informer/resource-version\":\"7\"} ,\"name\":\"x\",\"resourceVersion\":\"42\"}");
    serves(
        f, "\"annotations\":null,\"name\":\"x\",\"resourceVersion\":\"7\"",
        "\"metadata\":{\"annotations\":{\"cluster.transport-informer/name\":\"a\","
        "\"cluster.transport-informer/resource-version\":\"7\"},\"name\":\"x\",\"resourceVersion\":\"42\"}");
    serves(f, "\"name\":\"x\"",
           "\"resourceVersion\":\"42\",\"annotations\":{\"cluster.transport-informer/name\":\"a\","
           "\"cluster.transport-informer/resource-version\":\"\"},\"name\":\"x\"}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fleet_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_root_has_all_and_says_whose),
        TEST(a_cluster_has_its_own),
        TEST(what_is_not_there_is_not_served),
        TEST(tables_have_a_column_for_it),
        TEST(pages_go_through_all_clusters_at_one_revision),
        TEST(pages_have_clusters_that_went_meanwhile),
        TEST(a_field_selects_clusters),
        TEST(a_name_of_several_is_nobodys),
        TEST(nothing_is_written),
        TEST(a_page_is_wound_back_in_slices),
        TEST(a_page_whose_past_is_forgotten_is_cut),
        TEST(watches_follow_one_or_all),
        TEST(a_cluster_that_goes_and_returns),
        TEST(who_was_away_is_told_what_went_with_a_cluster),
        TEST(who_cannot_be_told_what_went_with_a_cluster_is_told_so),
        TEST(a_reader_hears_of_nothing_that_is_not_for_him),
        TEST(what_others_change_makes_no_watch_too_old),
        TEST(what_others_change_is_not_gone_through),
        TEST(what_is_read_before_it_is_told_is_whole),
        TEST(an_event_is_printed_once_for_all_who_are_told),
        TEST(versions_of_others_are_expired),
        TEST(what_is_stale_says_so),
        TEST(what_is_not_mirrored_is_named),
        TEST(what_only_the_cluster_has_is_asked_of_it),
        TEST(a_cluster_that_is_unknown_is_warned_of),
        TEST(many_that_are_stale_are_counted),
        TEST(who_serves_another_version_is_named),
        TEST(whatever_stands_in_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
