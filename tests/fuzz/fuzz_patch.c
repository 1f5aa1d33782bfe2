/* fuzz: ti_transport */
/*
 * Two versions of an object, or a patch that is none. The first byte chooses, the next two are the length of
 * the first text. Whatever the two versions are, what unpacks is the newer one; whatever is unpacked, it
 * stays within its bound.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "transport/envelope.h"

#define BODY_LIMIT ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A byte of input becomes one that may stand in a JSON string; the run of it may be long. */
static struct object *object_of(const uint8_t *data, size_t len, bool long_runs)
{
    struct object *object = NULL;
    struct buf text = BUF_INIT(BODY_LIMIT);
    buf_append_str(&text, "{\"metadata\":{\"name\":\"a\"},\"data\":\"");
    for (size_t i = 0; i < len; i++)
        for (int n = long_runs && data[i] >= 240 ? 1000 : 1; n > 0; n--)
            buf_append_char(&text, (char)(0x23 + data[i] % 57));
    buf_append_str(&text, "\"}");
    if (object_create(text.data, text.len, NULL, &object) != 0 && text.len < BODY_LIMIT - 2)
        abort();
    buf_deinit(&text);
    return object;
}

static void check_versions(struct object *base, struct object *next)
{
    struct codec *codec = codec_create(ENCODING_ZSTD, BODY_LIMIT);
    struct buf body = BUF_INIT(BODY_LIMIT);
    if (base && next && codec_put_patch(codec, &body, base, next) == 0) {
        struct message delta = {.kind = MESSAGE_DELTA, .body = {body.data, body.len}};
        struct item item;
        struct slice bytes;
        size_t cursor = 0;
        if (!message_next_item(&delta, &cursor, &item) || cursor != body.len ||
            !patch_fits(item.base, base) || codec_unpatch(codec, item.patch, base, &bytes) != 0)
            abort();
        struct slice want = object_bytes(next);
        if (bytes.len != want.len || memcmp(bytes.data, want.data, want.len) != 0 || body.len > want.len + 4)
            abort();
    }
    buf_deinit(&body);
    codec_destroy(codec);
}

static void run_versions(const uint8_t *data, size_t first, size_t size, bool long_runs)
{
    cleanup_with(object_unrefp) struct object *base = object_of(data, first, long_runs),
                                              *next = object_of(data + first, size - first, long_runs);
    check_versions(base, next);
}

/* Each edit: where (two bytes), how many bytes go there, how many come, and those. */
static void run_edits(const uint8_t *data, size_t first, size_t size, bool long_runs)
{
    struct buf text = BUF_INIT(BODY_LIMIT);
    buf_reserve(&text, first + 1);
    buf_append(&text, data, first);
    for (size_t at = first; size - at >= 4 && text.len < 8192;) {
        size_t where = ((size_t)data[at] | (size_t)data[at + 1] << 8) % (text.len + 1);
        size_t gone = data[at + 2], come = data[at + 3];
        at += 4;
        gone = gone < text.len - where ? gone : text.len - where;
        come = come < size - at ? come : size - at;
        cleanup_free char *rest = mem_dup(text.data + where + gone, text.len - where - gone);
        size_t rest_len = text.len - where - gone;
        buf_truncate(&text, where);
        buf_append(&text, data + at, come);
        buf_append(&text, rest, rest_len);
        at += come;
    }
    cleanup_with(object_unrefp) struct object *base = object_of(data, first, long_runs),
                                              *next = object_of((uint8_t *)text.data, text.len, long_runs);
    check_versions(base, next);
    buf_deinit(&text);
}

static void run_patch(const uint8_t *data, size_t first, size_t size)
{
    struct codec *codec = codec_create(ENCODING_ZSTD, BODY_LIMIT);
    cleanup_with(object_unrefp) struct object *base = object_of(data, first, false);
    cleanup_free char *patch = mem_dup(data + first, size - first);
    struct slice bytes;
    if (base && codec_unpatch(codec, (struct slice){patch, size - first}, base, &bytes) == 0 &&
        bytes.len > BODY_LIMIT)
        abort();
    codec_destroy(codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    uint8_t what = data[0];
    size_t first = (size_t)data[1] | (size_t)data[2] << 8;
    data += 3, size -= 3;
    if (first > size)
        first = size;
    if (what & 1)
        run_patch(data, first, size);
    else if (what & 4)
        run_edits(data, first, size, what & 2);
    else
        run_versions(data, first, size, what & 2);
    return 0;
}
