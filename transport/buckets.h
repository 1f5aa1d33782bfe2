#ifndef TI_TRANSPORT_BUCKETS_H
#define TI_TRANSPORT_BUCKETS_H

/*
 * A bucket is the key hashes that have their leading bits in common; it is numbered by these. In the bodies
 * of have and repair buckets ascend, and each is told by the number of buckets skipped since the one before.
 */

#include "transport/bytes.h"

#define BUCKET_BITS_MAX 24

static inline uint64_t bucket_of(uint64_t hash, unsigned bits)
{
    return bits ? hash >> (64 - bits) : 0;
}

static inline uint64_t bucket_first_hash(uint64_t bucket, unsigned bits)
{
    return bits ? bucket << (64 - bits) : 0;
}

static inline uint64_t bucket_last_hash(uint64_t bucket, unsigned bits)
{
    return bucket_first_hash(bucket, bits) | (bits ? UINT64_MAX >> bits : UINT64_MAX);
}

/* Part of the digest of an object that stands for it in sums and entries. */
#define BUCKET_ENTRY_LEN 4

/* next: the least that may come now, kept from one bucket to the other; 0 at first. */
static inline int bucket_append(struct buf *body, uint64_t *next, uint64_t bucket) /* 0, BUF_E_LIMIT */
{
    int r = bytes_append_varint(body, bucket - *next);
    *next = bucket + 1;
    return r;
}

/* False where it is cut off, or there is no such bucket. */
static inline bool bucket_read(struct reader *reader, uint64_t *next, unsigned bits, uint64_t *bucket)
{
    uint64_t skipped;
    if (!reader_varint(reader, &skipped))
        return false;
    *bucket = *next + skipped;
    *next = *bucket + 1;
    return *bucket <= bucket_of(UINT64_MAX, bits);
}

#endif
