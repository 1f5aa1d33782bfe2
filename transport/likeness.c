#include "transport/likeness.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ALONG_MIN 5  /* bytes that are the same, for both to go along again */
#define AGAIN_MIN 4  /* new bytes, for those of the place before to be cheaper */
#define OTHER_MAX 64 /* bytes that are other ones */
#define RESUME 8     /* bytes by which is found where to go on */
#define NEAR 32      /* bytes that one of the two may have more, at first */
#define FAR 512      /* and where that does not help */

struct walk {
    struct slice base, bytes;
    size_t in_base, in_bytes; /* how far we are */
    size_t literals;          /* bytes in front of in_bytes that nothing matched yet */
    size_t last;              /* where they differed before, in bytes; SIZE_MAX: nowhere */
    struct zstd_match *matches;
    size_t count;
};

static uint64_t eight(const char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof(x));
    return le64toh(x);
}

static size_t common(const char *a, const char *b, size_t max)
{
    size_t n = 0;
    for (; n + 8 <= max; n += 8) {
        uint64_t differ = eight(a + n) ^ eight(b + n);
        if (differ)
            return n + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (n < max && a[n] == b[n])
        n++;
    return n;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t base_left(const struct walk *walk)
{
    return walk->base.len - walk->in_base;
}

static size_t bytes_left(const struct walk *walk)
{
    return walk->bytes.len - walk->in_bytes;
}

static const char *base_at(const struct walk *walk)
{
    return walk->base.data + walk->in_base;
}

static const char *bytes_at(const struct walk *walk)
{
    return walk->bytes.data + walk->in_bytes;
}

static void match(struct walk *walk, size_t offset, size_t len)
{
    walk->matches[walk->count++] = (struct zstd_match){
        .literals = (uint32_t)walk->literals, .len = (uint32_t)len, .offset = (uint32_t)offset};
    walk->literals = 0;
    walk->in_bytes += len;
}

/* As far as both go along. A few bytes are not worth a match. */
static void go_along(struct walk *walk)
{
    size_t len = common(base_at(walk), bytes_at(walk), least(base_left(walk), bytes_left(walk)));
    size_t offset = walk->in_bytes + walk->base.len - walk->in_base;
    walk->in_base += len;
    if (len >= ALONG_MIN) {
        match(walk, offset, len);
    } else {
        walk->in_bytes += len;
        walk->literals += len;
    }
}

/* How many bytes of each to leave behind until both go along again. */
struct gap {
    size_t base, bytes;
};

static bool is_none(struct gap gap)
{
    return gap.base == 0 && gap.bytes == 0;
}

/* As many bytes, but other ones: how many? 0 where that is not it. */
static size_t other_bytes(const struct walk *walk)
{
    size_t most = least(least(base_left(walk), bytes_left(walk)), OTHER_MAX);
    for (size_t n = 1; n + ALONG_MIN <= most; n++)
        if (memcmp(base_at(walk) + n, bytes_at(walk) + n, ALONG_MIN) == 0)
            return n;
    return 0;
}

/* Behind as many other bytes as need be, one of the two has more than the other; by `far` at most. */
static struct gap more_or_less(const struct walk *walk, size_t far)
{
    size_t most = least(least(base_left(walk), bytes_left(walk)), OTHER_MAX);
    for (size_t n = 0; n + RESUME <= most; n++) {
        const char *base = base_at(walk) + n, *bytes = bytes_at(walk) + n;
        const char *more = memmem(bytes, least(bytes_left(walk) - n, far), base, RESUME);
        if (more)
            return (struct gap){n, (size_t)(more - bytes_at(walk))};
        const char *less = memmem(base, least(base_left(walk) - n, far), bytes, RESUME);
        if (less)
            return (struct gap){(size_t)(less - base_at(walk)), n};
    }
    return (struct gap){0};
}

static struct gap gap_find(const struct walk *walk)
{
    size_t n = other_bytes(walk);
    if (n)
        return (struct gap){n, n};
    struct gap gap = more_or_less(walk, NEAR);
    if (is_none(gap))
        gap = more_or_less(walk, FAR);
    if (is_none(gap) && bytes_left(walk) <= OTHER_MAX)
        gap = (struct gap){base_left(walk), bytes_left(walk)};
    return gap;
}

/* What is new may be what was new in the place before. */
static bool again(struct walk *walk, struct gap gap)
{
    if (walk->last == SIZE_MAX || walk->literals || gap.bytes < AGAIN_MIN)
        return false;
    size_t len = common(walk->bytes.data + walk->last, bytes_at(walk), bytes_left(walk));
    if (len < gap.bytes || gap.base + len - gap.bytes > base_left(walk))
        return false;
    walk->in_base += gap.base + len - gap.bytes;
    size_t here = walk->in_bytes;
    match(walk, here - walk->last, len);
    walk->last = here;
    return true;
}

static void leave(struct walk *walk, struct gap gap)
{
    walk->last = walk->in_bytes;
    walk->in_base += gap.base;
    walk->in_bytes += gap.bytes;
    walk->literals += gap.bytes;
}

size_t likeness_find(struct slice base, struct slice bytes, struct zstd_match matches[ZSTD_MATCHES_MAX])
{
    struct walk walk = {.base = base, .bytes = bytes, .last = SIZE_MAX, .matches = matches};
    go_along(&walk);
    while (bytes_left(&walk)) {
        struct gap gap = gap_find(&walk);
        if (is_none(gap) || walk.count + 3 > ZSTD_MATCHES_MAX)
            return 0;
        if (!again(&walk, gap))
            leave(&walk, gap);
        go_along(&walk);
    }
    return walk.count;
}
