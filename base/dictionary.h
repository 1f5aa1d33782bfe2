#ifndef TI_BASE_DICTIONARY_H
#define TI_BASE_DICTIONARY_H

/*
 * Packing by zstd: a dictionary is text that many others look like, and a packer is what does the work. Of a
 * packer and of a dictionary only what cannot be made again is held all the time; their tables (some 70 KB
 * to pack, 96 KB to unpack, and about as much per dictionary) are made when they are needed, which takes some
 * tens of µs, and may be put away at any time.
 *
 * Not for input of others: what is unpacked here was packed here, and damage is a fault that ends the
 * process.
 */

#include <stddef.h>

#include "base/json.h"

struct packer;

struct packer *packer_create(void);
void packer_destroy(struct packer *packer); /* NULL is fine */
void packer_rest(struct packer *packer);    /* puts its tables away */

struct dictionary;

/* From some texts that are like those to come, the most typical last: they are its content, as far as the
 * size allows, and their symbols are what its codes are good for. O(content + samples), 0.5 ms for 64 KB. */
struct dictionary *dictionary_create(const struct slice *samples, size_t count, size_t size_max);
void dictionary_destroy(struct dictionary *dictionary);        /* NULL is fine */
void dictionary_rest(struct dictionary *dictionary);           /* puts its tables away */
size_t dictionary_memory(const struct dictionary *dictionary); /* without tables */

/* *out is borrowed from the packer until its next use. Gives its length, or 0 where it would be longer than
 * `most`. */
size_t packer_pack(struct packer *packer, struct dictionary *dictionary, const void *data, size_t len,
                   size_t most, const void **out);

/* len and dictionary are those of packing; exactly `full` bytes come out. */
void packer_unpack(struct packer *packer, struct dictionary *dictionary, const void *packed, size_t len,
                   void *out, size_t full);

#endif
