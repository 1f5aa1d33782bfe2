/* fuzz: ti_transport */
/*
 * Whatever arrives as a payload. The first byte chooses: a message (with its check put right, so that what is
 * behind it is reached, or as it is), or a run of parts for the assembler. A binary message that decodes and
 * is not compressed has one spelling: encoded again it is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "transport/envelope.h"
#include "transport/split.h"

#define BODY_LIMIT ((size_t)1 << 16)
#define PREFIX_LEN 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_check(uint8_t *payload, size_t len)
{
    uint64_t seed = 0;
    if (len < PREFIX_LEN)
        return;
    for (int i = 4; i >= 0; i--)
        seed = seed << 8 | payload[i];
    uint64_t check = XXH3_64bits_withSeed(payload + PREFIX_LEN, len - PREFIX_LEN, seed);
    for (int i = 0; i < 4; i++)
        payload[5 + i] = (uint8_t)(check >> (8 * i));
}

static void walk_items(const struct message *message)
{
    struct item item;
    char key[OBJECT_KEY_MAX];
    size_t cursor = 0, before = 0;
    while (message_next_item(message, &cursor, &item)) {
        if (cursor <= before || cursor > message->body.len)
            abort();
        before = cursor;
        if (item.type == EVENT_DELETED && item_key(&item, key) == 0 && strlen(key) >= OBJECT_KEY_MAX)
            abort();
    }
}

static void check_again(const struct message *message, const uint8_t *payload, size_t len)
{
    if (message->plain || payload[3] & 1 || message->body.len >= 256)
        return;
    struct codec *codec = codec_create(ENCODING_ZSTD, BODY_LIMIT);
    struct slice again = codec_encode(codec, message);
    if (again.len != len || memcmp(again.data, payload, len) != 0)
        abort();
    codec_destroy(codec);
}

static void run_message(uint8_t *payload, size_t len)
{
    struct message message;
    struct codec *codec = codec_create(ENCODING_ZSTD, BODY_LIMIT);
    if (codec_decode(codec, payload, len, &message) == 0) {
        if (message.body.len > BODY_LIMIT)
            abort();
        walk_items(&message);
        check_again(&message, payload, len);
    }
    codec_destroy(codec);
}

/* Each part: a byte that chooses the topic, two of length, and as many zero bytes as it says behind it. */
static void run_parts(const uint8_t *data, size_t size)
{
    static const char *const topics[] = {"a", "b", "c", "d"};
    struct assembler *assembler = assembler_create(8000, 20000);
    volatile size_t seen = 0;
    while (size >= 5) {
        size_t len = data[1], more = (size_t)data[2] | (size_t)(data[3] & 15) << 8;
        if (len > size - 4)
            len = size - 4;
        cleanup_free char *payload = mem_zalloc(len + more + 1);
        memcpy(payload, data + 4, len);
        struct slice whole;
        const char *topic = topics[data[0] & 3];
        int r = assembler_add(assembler, data[0] & 2 ? "one" : "other", topic,
                              (struct slice){payload, len + more}, &whole);
        if (r == 0 && memchr(whole.data, 'x', whole.len))
            seen++; /* all of it was read */
        data += 4 + len;
        size -= 4 + len;
    }
    assembler_destroy(assembler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 2) {
        run_parts(data + 1, size - 1);
        return 0;
    }
    cleanup_free uint8_t *payload = mem_dup(data + 1, size - 1);
    if (data[0] & 1)
        put_check(payload, size - 1);
    run_message(payload, size - 1);
    return 0;
}
