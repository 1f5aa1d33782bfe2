/*
 * The dictionaries of a shelf, and packing with them. There are a few numbered places for dictionaries; a
 * packed object names the one that it needs, and one that no object needs any more goes, unless it is the
 * current one.
 */
#include <string.h>

#include "base/attic_internal.h"
#include "base/mem.h"

#define DICTIONARY_BYTES (64 << 10)
#define DICTIONARY_FROM (32 << 10)
#define SEARCH_MAX 2048   /* hot objects looked at for samples */
#define JUDGES 32         /* samples that a new dictionary is tried on */
#define CHALLENGE_FIRST 8 /* after so many times what the first was made from */
#define CHALLENGE_MAX (UINT64_C(256) << 20)
#define PAYS_FROM(len) ((len) - (len) / 8)

struct samples {
    struct slice texts[SAMPLES_MAX];
    size_t count, bytes;
};

static struct slice text_of(const struct body *body)
{
    return (struct slice){(const char *)&body->layout, sizeof(body->layout) + body->object->text_len};
}

static size_t dictionary_bytes(const struct shelf *shelf)
{
    int64_t bytes = shelf->attic->options.dictionary_bytes;
    return bytes ? (size_t)bytes : DICTIONARY_BYTES;
}

static size_t dictionary_from(const struct shelf *shelf)
{
    int64_t bytes = shelf->attic->options.dictionary_from;
    return bytes ? (size_t)bytes : DICTIONARY_FROM;
}

/* Spread over a list of `count` bodies of which any may be this shelf's. */
static void gather(const struct shelf *shelf, const struct body *list, size_t count, struct samples *samples)
{
    size_t stride = (count < SEARCH_MAX ? count : SEARCH_MAX) / SAMPLES_MAX + 1, seen = 0;
    size_t most = 8 * dictionary_bytes(shelf);
    const struct body *body;
    samples->count = samples->bytes = 0;
    DL_FOREACH(list, body)
    {
        if (seen++ == SEARCH_MAX || samples->count == SAMPLES_MAX || samples->bytes > most)
            break;
        if (body->shelf != shelf || seen % stride != 0)
            continue;
        samples->texts[samples->count++] = text_of(body);
        samples->bytes += text_of(body).len;
    }
}

static struct dictionary *dictionary_of(const struct shelf *shelf, const struct samples *samples)
{
    size_t half = samples->bytes / 2, most = dictionary_bytes(shelf);
    return dictionary_create(samples->texts, samples->count, half < most ? half : most);
}

bool shelf_has_dictionary(const struct shelf *shelf)
{
    return shelf->volumes[shelf->current].dictionary != NULL;
}

bool shelf_can_start(const struct shelf *shelf)
{
    return !shelf_has_dictionary(shelf) && shelf->waiting_bytes >= dictionary_from(shelf);
}

void shelf_start(struct shelf *shelf)
{
    struct samples samples;
    struct body *body, *next;
    gather(shelf, shelf->waiting, shelf->waiting_count, &samples);
    shelf->volumes[shelf->current].dictionary = dictionary_of(shelf, &samples);
    shelf->challenge_at = shelf->packed_in + CHALLENGE_FIRST * samples.bytes;
    DL_FOREACH_SAFE(shelf->waiting, body, next)
    {
        DL_DELETE(shelf->waiting, body);
        attic_heat(shelf->attic, body);
    }
    shelf->waiting_count = shelf->waiting_bytes = 0;
}

/* ---- a better one ---- */

static int free_place(const struct shelf *shelf)
{
    for (int i = 0; i < DICTIONARIES_MAX; i++)
        if (!shelf->volumes[i].dictionary)
            return i;
    return -1;
}

bool shelf_must_try(const struct shelf *shelf)
{
    return shelf->packed_in >= shelf->challenge_at && free_place(shelf) >= 0;
}

static size_t packed_by(const struct shelf *shelf, struct dictionary *dictionary,
                        const struct samples *samples)
{
    size_t total = 0, stride = samples->count / JUDGES + 1;
    const void *out;
    for (size_t i = 0; i < samples->count; i += stride) {
        size_t len = samples->texts[i].len;
        size_t packed = packer_pack(shelf->attic->packer, dictionary, samples->texts[i].data, len, len, &out);
        total += packed ? packed : len;
    }
    return total;
}

void shelf_try(struct shelf *shelf)
{
    struct samples samples;
    uint64_t wait = shelf->packed_in < CHALLENGE_MAX ? shelf->packed_in : CHALLENGE_MAX;
    shelf->challenge_at = shelf->packed_in + wait;
    gather(shelf, shelf->attic->hot, shelf->attic->hot_count, &samples);
    if (samples.bytes < dictionary_from(shelf))
        return;
    struct volume *current = &shelf->volumes[shelf->current];
    struct dictionary *fresh = dictionary_of(shelf, &samples);
    if (packed_by(shelf, fresh, &samples) * 10 >= packed_by(shelf, current->dictionary, &samples) * 9) {
        dictionary_destroy(fresh);
        return;
    }
    if (current->objects == 0) {
        dictionary_destroy(current->dictionary);
        current->dictionary = NULL;
    }
    shelf->current = (uint8_t)free_place(shelf);
    shelf->volumes[shelf->current].dictionary = fresh;
}

void shelf_rest(struct shelf *shelf)
{
    for (int i = 0; i < DICTIONARIES_MAX; i++)
        if (shelf->volumes[i].dictionary)
            dictionary_rest(shelf->volumes[i].dictionary);
}

/* ---- packing ---- */

static size_t packed_size(size_t len)
{
    return offsetof(struct packed, data) + len;
}

bool shelf_pack(struct body *body)
{
    struct shelf *shelf = body->shelf;
    struct attic *attic = shelf->attic;
    struct slice text = text_of(body);
    const void *data;
    size_t len = packer_pack(attic->packer, shelf->volumes[shelf->current].dictionary, text.data, text.len,
                             PAYS_FROM(text.len), &data);
    shelf->packed_in += text.len;
    if (len == 0)
        return false;
    struct packed *packed = pool_alloc(attic->pool, packed_size(len));
    packed->shelf = shelf;
    packed->len = (uint32_t)len;
    packed->dictionary = shelf->current;
    memcpy(packed->data, data, len);
    body->packed = packed;
    shelf->volumes[shelf->current].objects++;
    shelf->packed++;
    shelf->packed_bytes += pool_piece(packed_size(len));
    attic->packs++;
    return true;
}

void shelf_drop_packed(struct attic *attic, struct packed *packed)
{
    if (!packed)
        return;
    struct shelf *shelf = packed->shelf;
    struct volume *volume = &shelf->volumes[packed->dictionary];
    size_t size = packed_size(packed->len);
    shelf->packed--;
    shelf->packed_bytes -= pool_piece(size);
    if (--volume->objects == 0 && packed->dictionary != shelf->current) {
        dictionary_destroy(volume->dictionary);
        volume->dictionary = NULL;
    }
    pool_free(attic->pool, packed, size);
}
