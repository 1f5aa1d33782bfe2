/*
 * A sequence is a length of literals, an offset and a length of a match. Each of the three is told by a code
 * and extra bits (section 3.1.1.3.2.1), and codes by an FSE (4.1): a reader's state stands for one code, and
 * with bits that follow leads to its next state. Bits are read backwards, so they are written from the last
 * sequence to the first, and a writer has to know, for the state that comes next and the code in front of it,
 * in which state a reader was: that is the table here.
 */
#include "transport/zstd_frame.h"

#include <endian.h>
#include <string.h>

#include "base/mem.h"

#define STATES_MAX 64
#define CODES_MAX 53
#define BYTES_MAX ((size_t)1 << 16) /* of content: half of what a block may have */
#define LITERALS_MAX 4095           /* whose number is two bytes */
#define HEAD_MAX 20                 /* bytes before the bits */
#define MATCH_BYTES_MAX 10          /* three codes, and 16 extra bits for each at most */
#define MATCH_MIN 3
#define REPEATS 3

struct fse {
    int log;                               /* of the number of states */
    uint8_t bits[STATES_MAX];              /* that a reader reads behind a state */
    uint8_t first[STATES_MAX];             /* what it adds to them for its next state */
    uint8_t before[CODES_MAX][STATES_MAX]; /* the state for a code from which this one is reached */
};

struct zstd_writer {
    struct fse literals, lengths, offsets;
};

/* ---- codes ---- */

/* A length's code is the last one that begins no later. Up to `direct`, lengths are their own codes. */
struct lengths {
    uint32_t direct, count;
    uint32_t first[24];
    uint8_t bits[24];
};

static const struct lengths literal_lengths = {
    .direct = 16,
    .count = 20,
    .first = {16,  18,  20,  22,   24,   28,   32,   40,    48,    64,
              128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536},
    .bits = {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static const struct lengths match_lengths = {
    .direct = 32,
    .count = 21,
    .first = {32,  34,  36,  38,   40,   44,   48,   56,    64,    80,   96,
              128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536},
    .bits = {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

struct code {
    uint32_t code, bits, extra;
};

static struct code length_code(const struct lengths *lengths, uint32_t length)
{
    uint32_t i = lengths->count - 1;
    if (length < lengths->direct)
        return (struct code){.code = length};
    while (lengths->first[i] > length)
        i--;
    return (struct code){lengths->direct + i, lengths->bits[i], length - lengths->first[i]};
}

static struct code offset_code(uint32_t value)
{
    uint32_t log = 31 - (uint32_t)__builtin_clz(value);
    return (struct code){log, log, value - (UINT32_C(1) << log)};
}

/* The value that stands for an offset: 1 to 3 are the last ones, and where no literals are in front of it the
 * one before last is the first of them, and the third is the last one less one. */
static uint32_t offset_value(uint32_t last[REPEATS], const struct zstd_match *match)
{
    uint32_t offset = match->offset, at = 0, none = match->literals == 0, value = offset + REPEATS;
    while (at < REPEATS && last[at] != offset)
        at++;
    if (at >= none && at < REPEATS)
        value = at + 1 - none;
    else if (none && offset + 1 == last[0])
        value = REPEATS;
    if (value == 1 && !none)
        return value;
    if (at != 1)
        last[2] = last[1];
    last[1] = last[0];
    last[0] = offset;
    return value;
}

/* ---- tables ---- */

/* 4.1.1: which state stands for which code. -1 is a code less likely than one state. */
static void spread(const int8_t *weights, int count, int size, uint8_t *codes)
{
    int high = size, at = 0;
    for (int code = 0; code < count; code++)
        if (weights[code] < 0)
            codes[--high] = (uint8_t)code;
    for (int code = 0; code < count; code++)
        for (int i = 0; i < weights[code]; i++) {
            codes[at] = (uint8_t)code;
            do
                at = (at + size / 2 + size / 8 + 3) & (size - 1);
            while (at >= high);
        }
}

static void fse_init(struct fse *fse, int log, const int8_t *weights, int count)
{
    int size = 1 << log, share[CODES_MAX];
    uint8_t codes[STATES_MAX];
    fse->log = log;
    spread(weights, count, size, codes);
    for (int code = 0; code < count; code++)
        share[code] = weights[code] < 0 ? 1 : weights[code];
    for (int state = 0; state < size; state++) {
        int part = share[codes[state]]++, bits = log - (31 - __builtin_clz((unsigned)part));
        int first = (part << bits) - size;
        fse->bits[state] = (uint8_t)bits;
        fse->first[state] = (uint8_t)first;
        memset(&fse->before[codes[state]][first], state, (size_t)1 << bits);
    }
}

/* 3.1.1.3.2.2 */
struct zstd_writer *zstd_writer_create(void)
{
    static const int8_t literals[] = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                                      2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
    static const int8_t lengths[] = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
    static const int8_t offsets[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
    struct zstd_writer *writer = mem_alloc(sizeof(*writer));
    fse_init(&writer->literals, 6, literals, array_size(literals));
    fse_init(&writer->lengths, 6, lengths, array_size(lengths));
    fse_init(&writer->offsets, 5, offsets, array_size(offsets));
    return writer;
}

void zstd_writer_destroy(struct zstd_writer *writer)
{
    free(writer);
}

/* ---- bits ---- */

struct bits {
    uint8_t *at;
    uint64_t held;
    uint32_t count;
};

/* 7 at most are left over, and up to 57 may follow. */
static void bits_flush(struct bits *bits)
{
    uint64_t held = htole64(bits->held);
    memcpy(bits->at, &held, sizeof(held));
    bits->at += bits->count / 8;
    bits->held >>= bits->count & ~7U;
    bits->count &= 7;
}

static void bits_put(struct bits *bits, uint32_t value, uint32_t count)
{
    bits->held |= (uint64_t)value << bits->count;
    bits->count += count;
}

/* Goes from the state behind to that for this code. Of the last sequence any will do. */
static uint32_t step(struct bits *bits, const struct fse *fse, bool last, uint32_t behind, uint32_t code)
{
    uint32_t state = fse->before[code][behind];
    if (!last)
        bits_put(bits, behind - fse->first[state], fse->bits[state]);
    return state;
}

struct sequence {
    struct code literals, length, offset;
};

/* 3.1.1.3.2.1.2, read from its end */
static void put_sequences(struct bits *bits, const struct zstd_writer *writer,
                          const struct sequence *sequences, size_t count)
{
    uint32_t literals = 0, length = 0, offset = 0;
    for (size_t i = count; i-- > 0;) {
        const struct sequence *at = &sequences[i];
        bool last = i + 1 == count; /* nothing is behind it */
        offset = step(bits, &writer->offsets, last, offset, at->offset.code);
        length = step(bits, &writer->lengths, last, length, at->length.code);
        literals = step(bits, &writer->literals, last, literals, at->literals.code);
        bits_flush(bits);
        bits_put(bits, at->literals.extra, at->literals.bits);
        bits_put(bits, at->length.extra, at->length.bits);
        bits_put(bits, at->offset.extra, at->offset.bits);
        bits_flush(bits);
    }
    bits_put(bits, length, (uint32_t)writer->lengths.log);
    bits_put(bits, offset, (uint32_t)writer->offsets.log);
    bits_put(bits, literals, (uint32_t)writer->literals.log);
    bits_put(bits, 1, 1); /* where the bits end */
    bits->count += 7;
    bits_flush(bits);
}

/* ---- the frame ---- */

/* Gives how many bytes are literals; false where they are too many, or the matches are. */
static bool sequences_of(struct slice bytes, const struct zstd_match *matches, size_t count,
                         struct sequence *sequences, size_t *literals)
{
    uint32_t last[REPEATS] = {1, 4, 8};
    size_t matched = 0;
    if (count == 0 || count > ZSTD_MATCHES_MAX || bytes.len > BYTES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        sequences[i] = (struct sequence){.literals = length_code(&literal_lengths, matches[i].literals),
                                         .length = length_code(&match_lengths, matches[i].len - MATCH_MIN),
                                         .offset = offset_code(offset_value(last, &matches[i]))};
        matched += matches[i].len;
    }
    *literals = bytes.len - matched;
    return *literals <= LITERALS_MAX;
}

static uint8_t *put_le(uint8_t *at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

/* 3.1.1.1: one segment, of so many bytes */
static uint8_t *put_head(uint8_t *at, size_t len)
{
    at = put_le(at, 0xFD2FB528, 4);
    if (len < 256)
        return put_le(put_le(at, 0x20, 1), len, 1);
    if (len < 65536 + 256)
        return put_le(put_le(at, 0x60, 1), len - 256, 2);
    return put_le(put_le(at, 0xA0, 1), len, 4);
}

/* 3.1.1.3.1: raw */
static uint8_t *put_literals(uint8_t *at, struct slice bytes, const struct zstd_match *matches, size_t count,
                             size_t literals)
{
    size_t from = 0;
    at = literals < 32 ? put_le(at, literals << 3, 1) : put_le(at, literals << 4 | 1 << 2, 2);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, bytes.data + from, matches[i].literals);
        at += matches[i].literals;
        from += matches[i].literals + matches[i].len;
    }
    memcpy(at, bytes.data + from, bytes.len - from);
    return at + (bytes.len - from);
}

bool zstd_frame_append(struct zstd_writer *writer, struct buf *out, struct slice bytes,
                       const struct zstd_match *matches, size_t count)
{
    struct sequence sequences[ZSTD_MATCHES_MAX];
    size_t literals;
    if (!sequences_of(bytes, matches, count, sequences, &literals) ||
        buf_reserve(out, HEAD_MAX + literals + count * MATCH_BYTES_MAX + sizeof(uint64_t)) != 0)
        return false;
    uint8_t *start = (uint8_t *)out->data + out->len, *block = put_head(start, bytes.len);
    uint8_t *at = put_literals(block + 3, bytes, matches, count, literals);
    at = put_le(at, count, 1);
    at = put_le(at, 0, 1); /* predefined, all three */
    struct bits bits = {.at = at};
    put_sequences(&bits, writer, sequences, count);
    size_t len = (size_t)(bits.at - block) - 3;
    if ((size_t)(bits.at - start) >= bytes.len)
        return false;
    put_le(block, len << 3 | 2 << 1 | 1, 3); /* compressed, and the last */
    out->len += (size_t)(bits.at - start);
    return true;
}
