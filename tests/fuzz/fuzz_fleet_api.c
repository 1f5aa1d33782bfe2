/* fuzz: ti_apiserver */

/*
 * The API of a fleet in process: clusters whose objects come, change and go, while several requests are open
 * and read as slowly as it pleases. Whatever is asked, an answer is UTF-8 and JSON, a watch lines of it; and
 * who follows the root from its beginning has, in the end, what is there.
 *
 * An input is lines. The first character says what to do:
 *
 *     +CN   -CN     cluster C ('a'…'d') has the object N ('a'…'h') anew, or no more
 *     xC    s       cluster C is dropped; the cluster 'a' falls silent, or is heard again
 *     c     t       the history is forgotten up to now; a timer fires
 *     rS    qS      request S ('0'…'3') is read a piece, or closed
 *     METHOD PATH[<tab>ACCEPT[<tab>BODY]]    the next request is opened
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver/exchange.h"
#include "apiserver/served.h"
#include "base/mem.h"
#include "base/utf8.h"

#define SLOTS 4
#define CLUSTERS 4
#define NAMES 8
#define FOLLOW "/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=1000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct slot {
    struct exchange *exchange;
    struct buf text; /* all that was read */
    bool ended;
};

struct fleet {
    struct loop *loop;
    struct apiserver *server;
    struct collection *pods;
    struct slot slots[SLOTS], follower;
    size_t next, changes;
    bool has[CLUSTERS][NAMES]; /* as the follower has been told */
};

/* ---- what is checked ---- */

static bool is_json(const char *text, size_t len)
{
    const char *end = text + len, *at = json_skip_value(text, end, 0);
    return at && json_skip_space(at, end) == end;
}

static void check_lines(const struct slot *slot)
{
    const char *at = slot->text.data, *end = at + slot->text.len;
    for (const char *line; at < end && (line = memchr(at, '\n', (size_t)(end - at))); at = line + 1)
        assert(is_json(at, (size_t)(line - at)));
    assert(!slot->ended || at == end);
}

static void check_text(const struct slot *slot)
{
    if (!slot->text.len)
        return;
    if (exchange_streams(slot->exchange))
        check_lines(slot);
    else if (slot->ended && slot->text.data[0] == '{')
        assert(is_json(slot->text.data, slot->text.len));
    assert(!slot->ended || utf8_valid(slot->text.data, slot->text.len));
}

static void follow_event(struct fleet *fleet, struct slice event)
{
    struct slice type = json_member(event, "type"), object = json_member(event, "object");
    if (slice_equal(type, "BOOKMARK"))
        return;
    struct slice metadata = json_member(object, "metadata");
    struct slice cluster =
        json_member(json_member(metadata, "annotations"), "cluster.transport-informer/name");
    struct slice name = json_member(metadata, "name");
    assert(cluster.len == 1 && name.len == 1);
    bool *has = &fleet->has[cluster.data[0] - 'a'][name.data[0] - 'a'];
    assert(*has == !slice_equal(type, "ADDED"));
    *has = !slice_equal(type, "DELETED");
}

/* What the follower was told since the last time. */
static void follow(struct fleet *fleet)
{
    const char *at = fleet->follower.text.data, *end = at ? at + fleet->follower.text.len : at;
    for (const char *line; at < end && (line = memchr(at, '\n', (size_t)(end - at))); at = line + 1)
        follow_event(fleet, (struct slice){at, (size_t)(line - at)});
    buf_clear(&fleet->follower.text);
}

static void compare(const struct fleet *fleet)
{
    char cluster[] = "?", key[] = "n/?";
    for (int c = 0; c < CLUSTERS; c++) {
        cluster[0] = (char)('a' + c);
        const struct partition *partition = collection_find(fleet->pods, cluster);
        for (int n = 0; n < NAMES; n++) {
            key[2] = (char)('a' + n);
            assert(fleet->has[c][n] == (partition && object_set_get(&partition->objects, key)));
        }
    }
}

/* ---- requests ---- */

static void slot_open(struct fleet *fleet, struct slot *slot, const struct rest_request *request)
{
    slot->text = (struct buf)BUF_INIT(SIZE_MAX / 4);
    slot->exchange = exchange_open(fleet->server, request, NULL, NULL, NULL, NULL);
    assert(exchange_status(slot->exchange) >= 200 && exchange_status(slot->exchange) < 600);
    const char *warning = exchange_warning(slot->exchange);
    for (; warning && *warning; warning++)
        assert(*warning >= ' ' && *warning < 0x7f && *warning != '"');
}

static void slot_read(struct slot *slot, size_t size)
{
    char piece[4096];
    ssize_t n = slot->exchange && !slot->ended ? exchange_read(slot->exchange, piece, size) : 0;
    if (n > 0)
        buf_append(&slot->text, piece, (size_t)n);
    else if (n < 0)
        slot->ended = true;
}

/* To its end, or as far as it goes by itself. */
static void slot_drain(struct fleet *fleet, struct slot *slot)
{
    for (size_t before = SIZE_MAX; slot->exchange && !slot->ended;) {
        before = slot->text.len;
        slot_read(slot, 4096);
        if (slot->text.len == before && !slot->ended &&
            (exchange_streams(slot->exchange) || !loop_step(fleet->loop)))
            break;
    }
}

static void slot_close(struct slot *slot)
{
    if (slot->exchange)
        check_text(slot);
    exchange_close(slot->exchange);
    buf_deinit(&slot->text);
    *slot = (struct slot){0};
}

static void request(struct fleet *fleet, char *line)
{
    struct slot *slot = &fleet->slots[fleet->next++ % SLOTS];
    char *accept = line, *method = strsep(&accept, "\t"), *body = accept;
    if (body)
        accept = strsep(&body, "\t");
    char *path = method;
    method = strsep(&path, " ");
    struct rest_request rest = {.method = method,
                                .path = path ? path : "/",
                                .accept = accept,
                                .content_type = "application/json",
                                .body = body,
                                .body_len = body ? strlen(body) : 0};
    slot_close(slot);
    slot_open(fleet, slot, &rest);
}

/* ---- what happens ---- */

static void commit(struct fleet *fleet, char cluster, char name, bool deleted)
{
    const char text[] = {cluster, '\0'};
    struct partition *partition = collection_partition(fleet->pods, text);
    struct object *object = NULL;
    char json[320], key[] = {'n', '/', name, '\0'};
    if (deleted && !object_set_get(&partition->objects, key))
        return;
    int len = snprintf(
        json, sizeof(json),
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%c\",\"namespace\":\"n\",\"uid\":"
        "\"%c%c\",\"resourceVersion\":\"%zu\",\"labels\":{\"app\":\"%c\"}},\"spec\":{\"nodeName\":\"%s\"}}",
        name, cluster, name, ++fleet->changes, name, fleet->changes % 3 ? "node" : "");
    int r = object_create(json, (size_t)len, NULL, &object);
    assert(r == 0);
    storage_commit(partition, object, deleted);
    object_unref(object);
}

static void drop(struct fleet *fleet, const char *cluster)
{
    struct partition *partition = collection_find(fleet->pods, cluster);
    if (!partition)
        return;
    while (partition_empty(partition, 2))
        ;
    partition_drop(partition);
}

static void silence(struct fleet *fleet)
{
    struct partition *partition = collection_partition(fleet->pods, "a");
    snprintf(partition->stale, sizeof(partition->stale), "%s",
             partition->stale[0] ? "" : "2026-01-01T00:00:00Z");
}

static bool in(char c, char from, size_t count)
{
    return c >= from && (size_t)(c - from) < count;
}

static void act(struct fleet *fleet, char *line, size_t len)
{
    bool of_cluster = len >= 2 && in(line[1], 'a', CLUSTERS), of_slot = len >= 2 && in(line[1], '0', SLOTS);
    bool of_object = of_cluster && len >= 3 && in(line[2], 'a', NAMES);
    if ((line[0] == '+' || line[0] == '-') && of_object)
        commit(fleet, line[1], line[2], line[0] == '-');
    else if (line[0] == 'x' && of_cluster)
        drop(fleet, (const char[]){line[1], '\0'});
    else if (line[0] == 's')
        silence(fleet);
    else if (line[0] == 'c')
        storage_compact(apiserver_storage(fleet->server), apiserver_revision(fleet->server));
    else if (line[0] == 't')
        loop_step(fleet->loop);
    else if (line[0] == 'r' && of_slot)
        slot_read(&fleet->slots[line[1] - '0'], 1 + len * 16 % 4096);
    else if (line[0] == 'q' && of_slot)
        slot_close(&fleet->slots[line[1] - '0']);
    else
        request(fleet, line);
}

static void serve(struct fleet *fleet)
{
    struct resource pods = {
        .kind = "Pod", .list_kind = "PodList", .flags = RESOURCE_NAMESPACED | RESOURCE_READ_ONLY};
    struct apiserver_options options = {
        .loop = fleet->loop, .fleet = true, .revision = 1000, .history_events = 64};
    fleet->server = apiserver_create(&options);
    gvr_set(&pods.gvr, "", "v1", "pods");
    fleet->pods = storage_add(apiserver_storage(fleet->server), &pods);
    slot_open(fleet, &fleet->follower, &(struct rest_request){.method = "GET", .path = FOLLOW});
}

/* The follower is in time: it never loses anything, unless what it is to read next is forgotten on purpose.
 */
static void step(struct fleet *fleet, char *line, size_t len)
{
    act(fleet, line, len);
    slot_drain(fleet, &fleet->follower);
    if (!fleet->follower.ended)
        follow(fleet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fleet fleet = {.loop = loop_create_simulated(1)};
    serve(&fleet);
    const char *at = (const char *)data, *end = at + len;
    for (int i = 0; i < 64 && at < end; i++) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((line ? line : end) - at);
        cleanup_free char *copy = mem_dup(at, n);
        step(&fleet, copy, n);
        at = line ? line + 1 : end;
    }
    if (!fleet.follower.ended)
        compare(&fleet);
    for (int i = 0; i < SLOTS; i++) {
        slot_drain(&fleet, &fleet.slots[i]);
        slot_close(&fleet.slots[i]);
    }
    slot_close(&fleet.follower);
    apiserver_destroy(fleet.server);
    loop_destroy(fleet.loop);
    return 0;
}
