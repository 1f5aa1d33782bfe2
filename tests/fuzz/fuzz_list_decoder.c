/* fuzz: ti_kube */

/*
 * The list decoder: any bytes, in any chunks, give the same items as in one piece, and never more than the
 * limit is kept. The first byte of the input is the length of the chunks.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/object.h"
#include "kube/list_decoder.h"

#define LIMIT 512

struct result {
    int code;
    size_t count;
    uint64_t hash;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool on_item(void *arg, struct slice json)
{
    struct result *result = arg;
    result->count++;
    result->hash = result->hash * 31 + key_hash(json.data, json.len);
    return true;
}

static struct result decode(const char *data, size_t len, size_t chunk)
{
    struct result result = {0};
    struct list_decoder decoder;
    list_decoder_init(&decoder, LIMIT, on_item, &result);
    for (size_t at = 0; at < len && result.code == 0; at += chunk) {
        result.code = list_decoder_feed(&decoder, data + at, len - at < chunk ? len - at : chunk);
        assert(decoder.held.len <= LIMIT);
    }
    if (result.code == 0)
        result.code = list_decoder_finish(&decoder);
    list_decoder_deinit(&decoder);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    const char *text = (const char *)data + 1;
    struct result whole = decode(text, len - 1, len);
    struct result parts = decode(text, len - 1, (size_t)data[0] + 1);
    assert(whole.code == parts.code && whole.count == parts.count && whole.hash == parts.hash);
    return 0;
}
