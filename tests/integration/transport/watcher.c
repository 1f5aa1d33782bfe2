#include "tests/integration/transport/watcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WAIT_US (20 * LOOP_SECOND)

static void on_connected(void *arg)
{
    ((struct watcher *)arg)->connected++;
}

static void on_disconnected(void *arg, const char *reason)
{
    struct watcher *watcher = arg;
    watcher->disconnected++;
    snprintf(watcher->reason, sizeof(watcher->reason), "%s", reason);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    struct watcher *watcher = arg;
    (void)topic;
    (void)retained;
    long number = strtol(payload, NULL, 10); /* a NUL stands behind every payload */
    watcher->out_of_order += watcher->messages > 0 && number != watcher->last + 1;
    watcher->last = number;
    watcher->messages++;
    watcher->bytes += len;
}

struct watcher *watcher_create(const struct mqtt_options *options)
{
    struct watcher *watcher = mem_zalloc(sizeof(*watcher));
    watcher->loop = loop_create();
    watcher->log =
        (struct log){.out = open_memstream(&watcher->log_text, &watcher->log_len), .level = LOG_LEVEL_WARN};
    struct mqtt_options mine = *options;
    mine.client_id = mine.client_id ? mine.client_id : "watcher";
    mine.log = &watcher->log;
    mine.reconnect_min_us = mine.reconnect_min_us ? mine.reconnect_min_us : 10 * LOOP_MS;
    mine.reconnect_max_us = mine.reconnect_max_us ? mine.reconnect_max_us : 100 * LOOP_MS;
    struct error err = {0};
    assert_int_equal(mqtt_create(watcher->loop, &mine, &watcher->transport, &err), 0);
    return watcher;
}

void watcher_start(struct watcher *watcher)
{
    static const struct transport_callbacks callbacks = {
        .connected = on_connected, .disconnected = on_disconnected, .message = on_message};
    transport_start(watcher->transport, &callbacks, watcher);
}

static void on_late(void *arg)
{
    *(bool *)arg = true;
}

void watcher_wait(struct watcher *watcher, bool (*condition)(struct watcher *watcher, size_t n), size_t n)
{
    bool late = false;
    struct timer deadline;
    timer_init(&deadline, watcher->loop, on_late, &late);
    timer_start(&deadline, WAIT_US);
    while (!late && !condition(watcher, n))
        loop_step(watcher->loop);
    timer_stop(&deadline);
    if (late)
        print_message("waited in vain: connected %d, disconnected %d (%s), messages %zu\n",
                      watcher->connected, watcher->disconnected, watcher->reason, watcher->messages);
    assert_false(late);
}

void watcher_destroy(struct watcher *watcher)
{
    transport_destroy(watcher->transport);
    loop_destroy(watcher->loop);
    fclose(watcher->log.out);
    free(watcher->log_text);
    free(watcher);
}

bool watcher_connected(struct watcher *watcher, size_t n)
{
    return (size_t)watcher->connected >= n;
}

bool watcher_disconnected(struct watcher *watcher, size_t n)
{
    return (size_t)watcher->disconnected >= n;
}

bool watcher_heard(struct watcher *watcher, size_t n)
{
    return watcher->messages >= n;
}

bool watcher_logged(struct watcher *watcher, size_t n)
{
    fflush(watcher->log.out);
    return watcher->log_len >= n;
}

bool watcher_idle(struct watcher *watcher, size_t n)
{
    return transport_in_flight(watcher->transport) <= n;
}

void assert_refused_by_either(const struct mqtt_options *options, const char *text, const char *other)
{
    struct watcher *watcher = watcher_create(options);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_disconnected, 1);
    bool found = strstr(watcher->reason, text) || (other && strstr(watcher->reason, other));
    if (!found)
        print_message("the reason was: %s\n", watcher->reason);
    assert_true(found);
    assert_null(strchr(watcher->reason, '\n'));
    assert_non_null(strstr(watcher->reason, options->broker));
    assert_int_equal(watcher->connected, 0);
    watcher_destroy(watcher);
}

void assert_refused(const struct mqtt_options *options, const char *text)
{
    assert_refused_by_either(options, text, NULL);
}
