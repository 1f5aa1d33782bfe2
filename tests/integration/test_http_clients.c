/* Clients that keep an API server waiting are cut off, those beyond the limit are told so, and nobody else
 * notices. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "apiserver/http.h"
#include "base/mem.h"

#define WATCHES 1000
#define CHANGES 35
#define OBJECTS 400
#define VALUE_BYTES 12000
#define PATIENCE_US (100 * LOOP_MS)
#define LONG_US (2 * LOOP_SECOND) /* more than a round over all watches */
#define HEAD(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n"
#define GET(path) HEAD(path) "\r\n"
#define GET_ONCE(path) HEAD(path) "Connection: close\r\n\r\n"
#define MAPS "/api/v1/namespaces/default/configmaps"

struct peer {
    int fd;
    bool ended;
    size_t bytes, events;
    char head[256]; /* of what it has read */
};

struct fixture {
    struct loop *loop;
    struct apiserver *server;
    struct seats seats;
    struct listener *listener;
    struct error err;
};

static struct fixture *serve(unsigned seats, int64_t patience_us)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create();
    f->server = apiserver_create(&(struct apiserver_options){.loop = f->loop, .history_events = 1000});
    struct listener_options options = {.host = "127.0.0.1", .patience_us = patience_us};
    seats_init(&f->seats, seats);
    if (seats)
        options.seats = &f->seats;
    assert_int_equal(listener_create(f->server, &options, &f->listener, &f->err), 0);
    return f;
}

static void stop(struct fixture *f)
{
    listener_destroy(f->listener);
    loop_step(f->loop);
    apiserver_destroy(f->server);
    loop_destroy(f->loop);
    free(f);
}

static void put(struct fixture *f, int number)
{
    static const struct gvr gvr = {"", "v1", "configmaps"};
    char json[VALUE_BYTES + 200];
    int len =
        snprintf(json, sizeof(json),
                 "{\"metadata\":{\"name\":\"m%d\",\"namespace\":\"default\"},\"data\":{\"v\":\"%0*d\"}}",
                 number, VALUE_BYTES, number);
    assert_int_equal(apiserver_create_object(f->server, &gvr, json, (size_t)len, NULL, NULL), 0);
}

/* ---- the other side ---- */

static struct peer peer_connect(const struct fixture *f, int receive_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(listener_port(f->listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct peer peer = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(peer.fd >= 0);
    if (receive_bytes)
        setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    assert_int_equal(connect(peer.fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return peer;
}

static struct peer peer_ask(const struct fixture *f, const char *request)
{
    struct peer peer = peer_connect(f, 0);
    assert_int_equal(send(peer.fd, request, strlen(request), 0), strlen(request));
    return peer;
}

static size_t count(const char *text, size_t len, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), word, strlen(word))); at++)
        n++;
    return n;
}

static void peer_keep(struct peer *peer, const char *text, size_t len)
{
    size_t head = strlen(peer->head), room = sizeof(peer->head) - 1 - head;
    memcpy(peer->head + head, text, len < room ? len : room);
    peer->bytes += len;
    peer->events += count(text, len, "\"type\":\"ADDED\"");
}

/* What is there. */
static void peer_read(struct peer *peer)
{
    static char text[1 << 20];
    ssize_t n;
    while ((n = recv(peer->fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
        peer_keep(peer, text, (size_t)n);
    peer->ended = n == 0 || errno != EAGAIN;
}

static bool counted(const struct fixture *f, const char *word)
{
    cleanup_with(buf_deinit) struct buf line = BUF_INIT(4096);
    listener_counters(f->listener, "", &(struct counters){.line = &line});
    return line.data && strstr(line.data, word);
}

static void await(struct fixture *f, const char *word)
{
    while (!counted(f, word))
        loop_step(f->loop);
}

static void await_end(struct fixture *f, struct peer *peer)
{
    for (peer_read(peer); !peer->ended; peer_read(peer))
        loop_step(f->loop);
    close(peer->fd);
}

/* ---- what is shown ---- */

static void who_does_not_send_a_whole_request_is_cut_off(void **state)
{
    static const char *const begun[] = {"", "GET /api HT", "GET /api HTTP/1.1\r\nHost: x\r\n",
                                        "POST " MAPS " HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"};
    struct peer peers[array_size(begun)];
    struct fixture *f = serve(0, PATIENCE_US);
    (void)state;
    for (size_t i = 0; i < array_size(begun); i++)
        peers[i] = peer_ask(f, begun[i]);
    await(f, "slow_senders=4");
    for (size_t i = 0; i < array_size(begun); i++) {
        await_end(f, &peers[i]);
        assert_int_equal(peers[i].bytes, 0);
    }
    stop(f);
}

static void who_sends_byte_by_byte_is_cut_off(void **state)
{
    static const char head[] = "POST " MAPS " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{";
    struct fixture *f = serve(0, PATIENCE_US);
    struct peer in_head = peer_ask(f, "GET /api?"), in_body = peer_ask(f, head);
    (void)state;
    while (!counted(f, "slow_senders=2")) {
        send(in_head.fd, "x", 1, MSG_NOSIGNAL);
        send(in_body.fd, " ", 1, MSG_NOSIGNAL);
        loop_step(f->loop);
    }
    close(in_head.fd);
    close(in_body.fd);
    stop(f);
}

static void who_asks_for_nothing_more_is_cut_off(void **state)
{
    struct fixture *f = serve(0, PATIENCE_US);
    struct peer peer = peer_ask(f, GET("/livez"));
    (void)state;
    await(f, "idle=1");
    await_end(f, &peer);
    assert_non_null(strstr(peer.head, " 200 OK"));
    stop(f);
}

/* Its end comes together with the last of what it sent, so that the library does not see it. */
static void who_has_died_is_found_out(void **state)
{
    struct fixture *f = serve(0, PATIENCE_US);
    struct peer half = peer_ask(f, "GET /api HT"), watch = peer_ask(f, GET(MAPS "?watch=1"));
    (void)state;
    close(half.fd);
    await(f, "open=1");
    close(watch.fd);
    while (counted(f, "open="))
        loop_step(f->loop);
    assert_false(counted(f, "slow_"));
    stop(f);
}

static void who_does_not_read_is_cut_off_and_others_read_on(void **state)
{
    struct fixture *f = serve(0, PATIENCE_US);
    (void)state;
    for (int i = 0; i < OBJECTS; i++)
        put(f, i);
    struct peer slow = peer_connect(f, 4096), fast = peer_ask(f, GET_ONCE(MAPS));
    send(slow.fd, GET(MAPS), strlen(GET(MAPS)), 0);
    await_end(f, &fast);
    assert_true(fast.bytes > OBJECTS * VALUE_BYTES);
    await(f, "slow_readers=1");
    await_end(f, &slow);
    assert_true(slow.bytes < fast.bytes / 2);
    stop(f);
}

static void watches_open(struct fixture *f, struct peer *peers, int count)
{
    static const char watch[] = GET(MAPS "?watch=1&resourceVersion=4");
    char accepted[32];
    for (int i = 0; i < count; i++) {
        peers[i] = peer_connect(f, i == 0 ? 4096 : 0);
        send(peers[i].fd, watch, strlen(watch), 0);
        if (i % 100 == 99) { /* what a listening socket can hold */
            snprintf(accepted, sizeof(accepted), "accepted=%d", i + 1);
            await(f, accepted);
        }
    }
}

static void a_watch_that_does_not_read_holds_up_no_other(void **state)
{
    static struct peer peers[WATCHES];
    struct fixture *f = serve(2 * WATCHES, LONG_US);
    (void)state;
    watches_open(f, peers, WATCHES);
    for (int i = 0; i < CHANGES; i++)
        put(f, i);
    for (int behind = WATCHES - 1; behind;) {
        loop_step(f->loop);
        behind = 0;
        for (int i = 1; i < WATCHES; i++) {
            peer_read(&peers[i]);
            assert_false(peers[i].ended);
            behind += peers[i].events < CHANGES;
        }
    }
    await(f, "slow_readers=1");
    await_end(f, &peers[0]);
    assert_true(peers[0].events < CHANGES);
    for (int i = 1; i < WATCHES; i++)
        close(peers[i].fd);
    stop(f);
}

static int served(struct peer *peers, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        peer_read(&peers[i]);
        assert_false(peers[i].ended);
        n += peers[i].events > 0;
    }
    return n;
}

static void one_change_for_all_watches_keeps_nobody_waiting(void **state)
{
    static struct peer peers[WATCHES];
    struct fixture *f = serve(2 * WATCHES, LONG_US);
    (void)state;
    watches_open(f, peers, WATCHES);
    put(f, 0);
    int before = 0, now = 0, most = 0;
    struct peer other = {.fd = -1};
    for (; now < WATCHES; before = now) {
        loop_step(f->loop);
        now = served(peers, WATCHES);
        most = now - before > most ? now - before : most;
        if (now && other.fd < 0)
            other = peer_ask(f, GET_ONCE(MAPS));
        if (now < WATCHES && other.fd >= 0 && !other.ended)
            peer_read(&other);
    }
    assert_true(other.ended); /* before the last of the watches was served */
    assert_non_null(strstr(other.head, " 200 OK"));
    assert_in_range(most, 1, WATCHES / 4);
    close(other.fd);
    for (int i = 0; i < WATCHES; i++)
        close(peers[i].fd);
    while (counted(f, "open="))
        loop_step(f->loop);
    assert_true(counted(f, "died=1000"));
    stop(f);
}

/* It takes a place that others need to be told that there is none. */
static void who_is_too_many_and_says_nothing_is_cut_off_soon(void **state)
{
    struct fixture *f = serve(2, LONG_US);
    struct peer silent = peer_ask(f, "GET /api HT"), watch = peer_ask(f, GET(MAPS "?watch=1"));
    (void)state;
    await(f, "accepted=2");
    struct peer many = peer_ask(f, "GET /api HT");
    await(f, "slow_senders=1");
    await_end(f, &many);
    peer_read(&silent);
    assert_false(silent.ended);
    close(silent.fd);
    close(watch.fd);
    stop(f);
}

static void more_than_the_limit_are_told_so(void **state)
{
    struct fixture *f = serve(2, LONG_US);
    struct peer first = peer_ask(f, GET(MAPS "?watch=1")), second = peer_ask(f, GET(MAPS "?watch=1"));
    (void)state;
    await(f, "accepted=2");
    struct peer third = peer_ask(f, GET("/api"));
    await_end(f, &third);
    assert_non_null(strstr(third.head, "HTTP/1.1 429 "));
    assert_non_null(strstr(third.head, "Retry-After: 1\r\n"));
    assert_true(counted(f, "refused=1"));
    close(first.fd);
    await(f, "open=1");
    struct peer fourth = peer_ask(f, GET_ONCE("/api"));
    await_end(f, &fourth);
    assert_non_null(strstr(fourth.head, "HTTP/1.1 200 "));
    close(second.fd);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_send_a_whole_request_is_cut_off),
        cmocka_unit_test(who_sends_byte_by_byte_is_cut_off),
        cmocka_unit_test(who_asks_for_nothing_more_is_cut_off),
        cmocka_unit_test(who_has_died_is_found_out),
        cmocka_unit_test(who_does_not_read_is_cut_off_and_others_read_on),
        cmocka_unit_test(a_watch_that_does_not_read_holds_up_no_other),
        cmocka_unit_test(one_change_for_all_watches_keeps_nobody_waiting),
        cmocka_unit_test(more_than_the_limit_are_told_so),
        cmocka_unit_test(who_is_too_many_and_says_nothing_is_cut_off_soon),
    };
    return cmocka_run_group_tests_name("http_clients", tests, NULL, NULL);
}
