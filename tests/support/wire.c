#include "tests/support/wire.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <utlist.h>

#include "base/mem.h"
#include "transport/split.h"

void wire_init(struct wire *wire, uint64_t seed)
{
    wire->loop = loop_create_simulated(seed);
    wire->broker = loopback_broker_create(wire->loop);
    assert_int_equal(topics_init(&wire->topics, "s", "p", NULL), 0);
}

void wire_deinit(struct wire *wire)
{
    loopback_broker_destroy(wire->broker);
    loop_destroy(wire->loop);
}

static void on_until(void *arg)
{
    *(bool *)arg = true;
}

void wire_run(struct wire *wire, int64_t us)
{
    bool done = false;
    struct timer until;
    timer_init(&until, wire->loop, on_until, &done);
    timer_start(&until, us);
    while (!done)
        loop_step(wire->loop);
}

struct tap {
    struct wire *wire;
    struct transport *transport;
    struct codec *codec, *writer;
    struct assembler *assembler;
    struct heard *heard;
    size_t undecodable;
};

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    struct tap *tap = arg;
    struct slice whole;
    struct message message;
    int r = assembler_add(tap->assembler, topic, topic, (struct slice){payload, len}, &whole);
    if (r == ASSEMBLER_E_MORE)
        return;
    if (r != 0 || codec_decode(tap->codec, whole.data, whole.len, &message) != 0) {
        tap->undecodable++;
        return;
    }
    struct heard *heard = mem_zalloc(sizeof(*heard));
    heard->topic = mem_strdup(topic);
    heard->message = message;
    heard->body = mem_dup(message.body.data, message.body.len);
    heard->message.body.data = heard->body;
    DL_APPEND(tap->heard, heard);
}

struct tap *tap_create(struct wire *wire)
{
    static const struct transport_callbacks callbacks = {.message = on_message};
    struct loopback_options options = {.name = "tap", .max_payload = 1 << 20};
    struct tap *tap = mem_zalloc(sizeof(*tap));
    tap->wire = wire;
    tap->transport = loopback_create(wire->broker, &options);
    tap->codec = codec_create(ENCODING_ZSTD, 1 << 24);
    tap->writer = codec_create(ENCODING_ZSTD, 1 << 24);
    tap->assembler = assembler_create(1 << 24, 1 << 25);
    transport_subscribe(tap->transport, "#", 1);
    transport_start(tap->transport, &callbacks, tap);
    wire_run(wire, LOOP_SECOND);
    return tap;
}

void tap_clear(struct tap *tap)
{
    while (tap->heard) {
        struct heard *heard = tap->heard;
        DL_DELETE(tap->heard, heard);
        free(heard->topic);
        free(heard->body);
        free(heard);
    }
}

void tap_destroy(struct tap *tap)
{
    tap_clear(tap);
    transport_destroy(tap->transport);
    codec_destroy(tap->codec);
    codec_destroy(tap->writer);
    assembler_destroy(tap->assembler);
    free(tap);
}

static bool is_such(const struct heard *heard, enum message_kind kind, const char *topic)
{
    return (!kind || heard->message.kind == kind) && (!topic || strcmp(heard->topic, topic) == 0);
}

const struct heard *tap_next(const struct tap *tap, const struct heard *after, enum message_kind kind,
                             const char *topic)
{
    const struct heard *heard = after ? after->next : tap->heard;
    while (heard && !is_such(heard, kind, topic))
        heard = heard->next;
    return heard;
}

const struct heard *tap_last(const struct tap *tap, enum message_kind kind, const char *topic)
{
    const struct heard *first = tap->heard,
                       *heard = first ? first->prev : NULL; /* the list is a ring backwards */
    while (heard && !is_such(heard, kind, topic))
        heard = heard == first ? NULL : heard->prev;
    return heard;
}

size_t tap_count(const struct tap *tap, enum message_kind kind, const char *topic)
{
    size_t count = 0;
    for (const struct heard *heard = NULL; (heard = tap_next(tap, heard, kind, topic));)
        count++;
    return count;
}

size_t tap_undecodable(const struct tap *tap)
{
    return tap->undecodable;
}

void tap_say_bytes(struct tap *tap, const char *topic, const void *payload, size_t len, bool retain)
{
    assert_int_equal(transport_publish(tap->transport, topic, payload, len, 1, retain), 0);
}

void tap_say(struct tap *tap, const char *topic, const struct message *message)
{
    struct slice payload = codec_encode(tap->writer, message);
    tap_say_bytes(tap, topic, payload.data, payload.len, message->kind == MESSAGE_PRESENCE);
}
