#ifndef TI_TESTS_INTEGRATION_TRANSPORT_WATCHER_H
#define TI_TESTS_INTEGRATION_TRANSPORT_WATCHER_H

/* One MQTT transport on a real loop, and what it was told. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/log.h"
#include "base/loop.h"
#include "transport/mqtt.h"

struct watcher {
    struct loop *loop;
    struct transport *transport;
    struct log log;
    char *log_text; /* all that was logged */
    size_t log_len;
    int connected, disconnected;
    char reason[700]; /* the latest */
    size_t messages, bytes;
    size_t out_of_order; /* messages that begin with a number that is not the one before plus one */
    long last;
};

/* Options without log and pauses get those of a test. */
struct watcher *watcher_create(const struct mqtt_options *options);
void watcher_start(struct watcher *watcher);
/* Turns the loop until the condition holds; fails the test after a while. */
void watcher_wait(struct watcher *watcher, bool (*condition)(struct watcher *watcher, size_t n), size_t n);
void watcher_destroy(struct watcher *watcher);

bool watcher_connected(struct watcher *watcher, size_t n); /* conditions: so many times */
bool watcher_disconnected(struct watcher *watcher, size_t n);
bool watcher_heard(struct watcher *watcher, size_t n);
bool watcher_logged(struct watcher *watcher, size_t n); /* bytes */
bool watcher_idle(struct watcher *watcher, size_t n);   /* nothing in flight */

/* The attempt fails with a reason of one line that contains the text, or, where it is not NULL, the other
 * one. */
void assert_refused(const struct mqtt_options *options, const char *text);
void assert_refused_by_either(const struct mqtt_options *options, const char *text, const char *other);

#endif
