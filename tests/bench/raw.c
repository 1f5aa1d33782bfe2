/*
 * What the broker alone does: messages of one size at QoS 1 from one connection to another, with as many on
 * their way as the publisher has. Both ends are in one process, over the same transport as everything else.
 */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

#define WINDOW 64
#define QUEUED_MAX 500 /* sent and not received: the broker drops what passes 1,000 */

struct raw {
    struct loop *loop;
    struct transport *from, *to;
    bool from_ready, to_ready;
    char *payload;
    size_t bytes, left, received, messages;
    int64_t start_us;
};

static void raw_pump(struct raw *raw)
{
    if (!raw->from_ready || !raw->to_ready)
        return;
    if (!raw->start_us)
        raw->start_us = loop_now_us(raw->loop);
    while (raw->left && raw->messages - raw->left - raw->received < QUEUED_MAX &&
           transport_in_flight_count(raw->from) < WINDOW &&
           transport_publish(raw->from, "bench/raw", raw->payload, raw->bytes, 1, false) == 0)
        raw->left--;
}

static void on_from_connected(void *arg)
{
    struct raw *raw = arg;
    raw->from_ready = true;
    raw_pump(raw);
}

static void on_to_connected(void *arg)
{
    struct raw *raw = arg;
    raw->to_ready = true;
    raw_pump(raw);
}

static void on_disconnected(void *arg, const char *reason)
{
    (void)arg;
    fprintf(stderr, "raw: %s\n", reason);
    exit(1);
}

static void on_drained(void *arg)
{
    raw_pump(arg);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)topic;
    (void)payload;
    (void)retained;
    struct raw *raw = arg;
    raw->received += len == raw->bytes;
    if (raw->received == raw->messages)
        loop_stop(raw->loop);
    else
        raw_pump(raw);
}

static void on_nothing(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)arg;
    (void)topic;
    (void)payload;
    (void)len;
    (void)retained;
}

int bench_raw(const struct bench_options *options, size_t bytes, size_t messages)
{
    static const struct transport_callbacks from = {on_from_connected, on_disconnected, on_nothing,
                                                    on_drained};
    static const struct transport_callbacks to = {on_to_connected, on_disconnected, on_message, on_drained};
    struct raw raw = {.loop = loop_create(), .bytes = bytes, .left = messages, .messages = messages};
    raw.payload = mem_zalloc(bytes);
    raw.from = bench_transport(raw.loop, options, "from");
    raw.to = bench_transport(raw.loop, options, "to");
    transport_subscribe(raw.to, "bench/raw", 1);
    transport_start(raw.from, &from, &raw);
    transport_start(raw.to, &to, &raw);
    loop_run(raw.loop);
    double seconds = (double)(loop_now_us(raw.loop) - raw.start_us) / 1e6;
    printf("raw {\"bytes\":%zu,\"messages\":%zu,\"seconds\":%.4f,\"rate\":%.0f}\n", bytes, messages, seconds,
           (double)messages / seconds);
    transport_destroy(raw.from);
    transport_destroy(raw.to);
    free(raw.payload);
    loop_destroy(raw.loop);
    return 0;
}
