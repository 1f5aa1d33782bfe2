/*
 * The content is whole texts one after the other, nothing is selected: Kubernetes objects of one kind are so
 * much alike that a search for common parts (ZDICT_trainFromBuffer) is no better, takes 30 ms and 8 MB, and
 * would need a thread. Only the codes' statistics are worked out (ZDICT_finalizeDictionary).
 *
 * A frame has neither its size nor the dictionary's id in it: who packed knows both.
 */
#include "base/dictionary.h"

#include <stdio.h>
#include <string.h>
#include <zdict.h>
#include <zstd.h>

#include "base/mem.h"

#define LEVEL 1
#define HEADER_ROOM 1024 /* of a dictionary, before its content */
#define SAMPLES_MAX 64   /* for statistics */

struct packer {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    char *scratch;
    size_t scratch_len;
};

struct dictionary {
    ZSTD_CDict *pack;
    ZSTD_DDict *unpack;
    size_t len;
    char data[];
};

struct packer *packer_create(void)
{
    return mem_zalloc(sizeof(struct packer));
}

void packer_rest(struct packer *packer)
{
    ZSTD_freeCCtx(packer->pack);
    ZSTD_freeDCtx(packer->unpack);
    free(packer->scratch);
    *packer = (struct packer){0};
}

void packer_destroy(struct packer *packer)
{
    if (packer)
        packer_rest(packer);
    free(packer);
}

/* ---- dictionaries ---- */

/* The whole of what fits, the end of the texts rather than their beginning. */
static size_t put_content(char *out, size_t room, const struct slice *samples, size_t count)
{
    size_t left = room;
    while (count && left) {
        const struct slice *sample = &samples[--count];
        size_t len = sample->len < left ? sample->len : left;
        left -= len;
        memcpy(out + left, sample->data + sample->len - len, len);
    }
    memmove(out, out + left, room - left);
    return room - left;
}

/* The last of the samples, gathered as ZDICT takes them. Returns how many they are. */
static unsigned put_samples(char **out, size_t *sizes, const struct slice *samples, size_t count)
{
    size_t first = count > SAMPLES_MAX ? count - SAMPLES_MAX : 0, total = 0;
    for (size_t i = first; i < count; i++)
        total += sizes[i - first] = samples[i].len;
    char *at = *out = mem_alloc(total);
    for (size_t i = first; i < count; i++) {
        memcpy(at, samples[i].data, samples[i].len);
        at += samples[i].len;
    }
    return (unsigned)(count - first);
}

struct dictionary *dictionary_create(const struct slice *samples, size_t count, size_t size_max)
{
    size_t room = size_max > 2 * HEADER_ROOM ? size_max - HEADER_ROOM : HEADER_ROOM, sizes[SAMPLES_MAX];
    cleanup_free char *content = mem_alloc(room), *gathered = NULL;
    size_t content_len = put_content(content, room, samples, count);
    unsigned sample_count = put_samples(&gathered, sizes, samples, count);
    size_t cap = content_len + HEADER_ROOM;
    struct dictionary *dictionary = mem_zalloc(sizeof(*dictionary) + cap);
    size_t len = ZDICT_finalizeDictionary(dictionary->data, cap, content, content_len, gathered, sizes,
                                          sample_count, (ZDICT_params_t){.compressionLevel = LEVEL});
    if (ZDICT_isError(len)) { /* too little for statistics: plain content does without */
        memcpy(dictionary->data, content, content_len);
        len = content_len;
    }
    dictionary->len = len;
    return mem_realloc(dictionary, sizeof(*dictionary) + len);
}

void dictionary_rest(struct dictionary *dictionary)
{
    ZSTD_freeCDict(dictionary->pack);
    ZSTD_freeDDict(dictionary->unpack);
    dictionary->pack = NULL;
    dictionary->unpack = NULL;
}

void dictionary_destroy(struct dictionary *dictionary)
{
    if (dictionary)
        dictionary_rest(dictionary);
    free(dictionary);
}

size_t dictionary_memory(const struct dictionary *dictionary)
{
    return sizeof(*dictionary) + dictionary->len;
}

/* ---- packing ---- */

static void *check(void *made)
{
    if (!made) {
        fputs("zstd: out of memory\n", stderr);
        abort();
    }
    return made;
}

static void begin_packing(struct packer *packer, struct dictionary *dictionary, size_t most)
{
    if (!packer->pack) {
        packer->pack = check(ZSTD_createCCtx());
        ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_contentSizeFlag, 0);
        ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_dictIDFlag, 0);
    }
    if (!dictionary->pack)
        dictionary->pack = check(ZSTD_createCDict(dictionary->data, dictionary->len, LEVEL));
    ZSTD_CCtx_refCDict(packer->pack, dictionary->pack);
    if (packer->scratch_len < most) {
        free(packer->scratch);
        packer->scratch = mem_alloc(most);
        packer->scratch_len = most;
    }
}

size_t packer_pack(struct packer *packer, struct dictionary *dictionary, const void *data, size_t len,
                   size_t most, const void **out)
{
    begin_packing(packer, dictionary, most);
    size_t packed = ZSTD_compress2(packer->pack, packer->scratch, most, data, len);
    *out = packer->scratch;
    return ZSTD_isError(packed) ? 0 : packed;
}

void packer_unpack(struct packer *packer, struct dictionary *dictionary, const void *packed, size_t len,
                   void *out, size_t full)
{
    if (!packer->unpack)
        packer->unpack = check(ZSTD_createDCtx());
    if (!dictionary->unpack)
        dictionary->unpack = check(ZSTD_createDDict(dictionary->data, dictionary->len));
    size_t n = ZSTD_decompress_usingDDict(packer->unpack, out, full, packed, len, dictionary->unpack);
    if (n != full) {
        fputs("an object that was packed does not unpack: memory is damaged\n", stderr);
        abort();
    }
}
