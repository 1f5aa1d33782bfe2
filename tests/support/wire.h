#ifndef TI_TESTS_WIRE_H
#define TI_TESTS_WIRE_H

/*
 * The protocol's wire in a test: a loopback broker under virtual time, and taps on it. A tap hears every
 * message, puts parts together, decodes, and keeps what it heard; it also says whatever the test wants said,
 * in the name of whomever. Times are µs.
 */

#include "base/loop.h"
#include "transport/envelope.h"
#include "transport/loopback.h"
#include "transport/topics.h"

struct wire {
    struct loop *loop;
    struct loopback_broker *broker;
    struct topics topics; /* "s" and "p" */
};

void wire_init(struct wire *wire, uint64_t seed);
void wire_deinit(struct wire *wire);
void wire_run(struct wire *wire, int64_t us);

struct heard {
    char *topic;
    struct message message; /* body owned */
    char *body;
    struct heard *prev, *next;
};

struct tap;

struct tap *tap_create(struct wire *wire);
void tap_destroy(struct tap *tap);

/* In the order heard. kind 0: any; topic NULL: any; after NULL: from the first on. */
const struct heard *tap_next(const struct tap *tap, const struct heard *after, enum message_kind kind,
                             const char *topic);
const struct heard *tap_last(const struct tap *tap, enum message_kind kind, const char *topic);
size_t tap_count(const struct tap *tap, enum message_kind kind, const char *topic);
size_t tap_undecodable(const struct tap *tap);
void tap_clear(struct tap *tap);

void tap_say(struct tap *tap, const char *topic, const struct message *message);
void tap_say_bytes(struct tap *tap, const char *topic, const void *payload, size_t len, bool retain);

#endif
