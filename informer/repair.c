#include "informer/repair.h"

#include <string.h>

#include "base/mem.h"
#include "informer/changes.h"
#include "transport/buckets.h"

#define DIGESTS_MAX 4096             /* messages: what is kept of each is little, but for ever */
#define WALK_MAX 65536               /* objects of ours in the range of one message */
#define TELL_MAX ((size_t)1 << 20)   /* bytes, in all */
#define TELL_PART ((size_t)64 << 10) /* bytes from which on a part is enough */
#define TELL_BUCKET_MAX 12288        /* objects: a part stays below what signals may be long */
#define TELL_BUCKET_HEAD 6           /* bytes at most in front of the entries, in all likelihood */
#define ITEMS_MAX 65536              /* of one answer */
#define BITS_UNKNOWN (BUCKET_BITS_MAX + 1)

struct differing {
    uint64_t bucket;
    size_t entries;
    uint64_t sequence; /* once answered */
};

struct repair {
    const struct store *have;
    struct repair_target target;
    unsigned bits;
    size_t compared;        /* messages */
    struct differing *list; /* buckets ascend */
    size_t count, cap;
    size_t told, answered; /* so many of them */
    bool told_all;
    size_t bytes; /* to be told in all, about */
};

struct repair *repair_create(const struct store *have, struct repair_target target)
{
    struct repair *repair = mem_zalloc(sizeof(*repair));
    repair->have = have;
    repair->target = target;
    repair->bits = BITS_UNKNOWN;
    return repair;
}

void repair_destroy(struct repair *repair)
{
    if (!repair)
        return;
    free(repair->list);
    free(repair);
}

/* ---- digests ---- */

static void differing_add(struct repair *repair, uint64_t bucket, size_t entries)
{
    if (repair->count == repair->cap) {
        repair->cap = repair->cap ? repair->cap * 2 : 16;
        repair->list = mem_realloc(repair->list, repair->cap * sizeof(*repair->list));
    }
    repair->list[repair->count++] = (struct differing){.bucket = bucket, .entries = entries};
    repair->bytes += TELL_BUCKET_HEAD + entries * BUCKET_ENTRY_LEN;
}

static bool are_buckets(const struct repair *repair, const struct message *digests)
{
    uint64_t first = bucket_of(digests->first, repair->bits);
    uint64_t last = bucket_of(digests->last_hash, repair->bits);
    return digests->first == bucket_first_hash(first, repair->bits) &&
           digests->last_hash == bucket_last_hash(last, repair->bits) &&
           digests->body.len == (last - first + 1) * BUCKET_ENTRY_LEN;
}

/* Adds up ours, as the provider does its own; returns the object behind the bucket. */
static struct object *sum_bucket(const struct repair *repair, struct object *object, uint64_t last_hash,
                                 uint32_t *sum, size_t *entries)
{
    for (*sum = 0, *entries = 0; object && object_key_hash(object) <= last_hash; (*entries)++) {
        *sum += (uint32_t)object_digest(object).low;
        object = store_after(repair->have, object);
    }
    return object;
}

int repair_compare(struct repair *repair, const struct message *digests)
{
    if (digests->bits > BUCKET_BITS_MAX || ++repair->compared > DIGESTS_MAX)
        return REPAIR_E_MALFORMED;
    if (repair->bits == BITS_UNKNOWN)
        repair->bits = (unsigned)digests->bits;
    if (digests->bits != repair->bits || !are_buckets(repair, digests))
        return REPAIR_E_MALFORMED;
    const uint8_t *theirs = (const uint8_t *)digests->body.data, *end = theirs + digests->body.len;
    uint64_t bucket = bucket_of(digests->first, repair->bits);
    struct object *object = store_seek(repair->have, digests->first);
    size_t walked = 0, entries;
    for (; theirs < end; theirs += BUCKET_ENTRY_LEN, bucket++) {
        uint32_t sum;
        object = sum_bucket(repair, object, bucket_last_hash(bucket, repair->bits), &sum, &entries);
        walked += entries;
        if (sum != (uint32_t)bytes_get_le(theirs, BUCKET_ENTRY_LEN))
            differing_add(repair, bucket, entries);
        if (walked > WALK_MAX || repair->bytes > TELL_MAX || entries > TELL_BUCKET_MAX)
            return REPAIR_E_UNLIKE;
    }
    return 0;
}

/* ---- telling ---- */

static void tell_bucket(const struct repair *repair, const struct differing *differing, struct buf *body,
                        uint64_t *next)
{
    struct object *object = store_seek(repair->have, bucket_first_hash(differing->bucket, repair->bits));
    bucket_append(body, next, differing->bucket);
    bytes_append_varint(body, differing->entries);
    for (size_t i = 0; i < differing->entries; i++) {
        bytes_append_le(body, (uint32_t)object_digest(object).low, BUCKET_ENTRY_LEN);
        object = store_after(repair->have, object);
    }
}

bool repair_tell(struct repair *repair, struct buf *body, bool *last)
{
    uint64_t next = 0;
    if (repair->told_all || repair->answered < repair->told)
        return false;
    while (repair->told < repair->count && body->len < TELL_PART)
        tell_bucket(repair, &repair->list[repair->told++], body, &next);
    *last = repair->told_all = repair->told == repair->count;
    return true;
}

/* ---- answers ---- */

/* Which of ours does not stay. */
static void take_bits(struct repair *repair, const struct differing *differing, const uint8_t *right)
{
    struct object *object = store_seek(repair->have, bucket_first_hash(differing->bucket, repair->bits));
    for (size_t i = 0; i < differing->entries; i++) {
        if (!(right[i / 8] & 1 << i % 8))
            store_put(repair->target.gone, object);
        object = store_after(repair->have, object);
    }
}

/* Buckets are answered in the order in which they were told. */
static int take_bucket(struct repair *repair, struct reader *reader, uint64_t *next, uint64_t to)
{
    uint64_t bucket, entries;
    const uint8_t *right;
    if (repair->answered == repair->told) /* there may be no list at all */
        return REPAIR_E_MALFORMED;
    struct differing *differing = &repair->list[repair->answered];
    if (!bucket_read(reader, next, repair->bits, &bucket) || bucket != differing->bucket ||
        !reader_varint(reader, &entries) || entries != differing->entries ||
        !reader_skip(reader, (size_t)(entries + 7) / 8, &right))
        return REPAIR_E_MALFORMED;
    take_bits(repair, differing, right);
    differing->sequence = to;
    repair->answered++;
    return 0;
}

static const struct differing *differing_find(const struct differing *list, size_t count, uint64_t bucket)
{
    while (count) {
        size_t middle = count / 2;
        if (list[middle].bucket == bucket)
            return &list[middle];
        if (list[middle].bucket < bucket) {
            list += middle + 1;
            count -= middle + 1;
        } else {
            count = middle;
        }
    }
    return NULL;
}

/* Of a bucket of this answer, and not in the place of one of ours that stays. */
static bool may_come(const struct repair *repair, size_t from, const struct object *object)
{
    uint64_t bucket = bucket_of(object_key_hash(object), repair->bits);
    return differing_find(repair->list + from, repair->answered - from, bucket) &&
           (!store_get_like(repair->have, object) || store_get_like(repair->target.gone, object));
}

static int take_items(struct repair *repair, const struct message *items, size_t from)
{
    struct item item;
    size_t cursor = 0, count = 0;
    while (message_next_item(items, &cursor, &item)) {
        cleanup_with(object_unrefp) struct object *object =
            item.type == EVENT_DELETED ? NULL : item_object(&item, repair->have);
        if (!object || ++count > ITEMS_MAX || !may_come(repair, from, object))
            return REPAIR_E_MALFORMED;
        store_put(repair->target.come, object);
        gathered_answered(repair->target.gathered, object, items->to);
    }
    return cursor == items->body.len ? 0 : REPAIR_E_MALFORMED;
}

int repair_take(struct repair *repair, const struct message *answer)
{
    const uint8_t *start = (const uint8_t *)answer->body.data;
    struct reader reader = {start, start + answer->body.len};
    struct message items = *answer;
    size_t from = repair->answered;
    uint64_t count, next = 0;
    if (!repair->told_all && repair->told == 0)
        return REPAIR_E_MALFORMED;
    if (!reader_varint(&reader, &count) || (count == 0 && repair->count))
        return REPAIR_E_MALFORMED; /* it could go on like that for ever */
    for (uint64_t i = 0; i < count; i++)
        if (take_bucket(repair, &reader, &next, answer->to) != 0)
            return REPAIR_E_MALFORMED;
    items.body = (struct slice){(const char *)reader.at, (size_t)(reader.end - reader.at)};
    return take_items(repair, &items, from);
}

bool repair_done(const struct repair *repair)
{
    return repair->told_all && repair->answered == repair->count;
}

bool repair_sequence(const struct repair *repair, uint64_t key_hash, uint64_t *sequence)
{
    const struct differing *found =
        differing_find(repair->list, repair->count, bucket_of(key_hash, repair->bits));
    if (found)
        *sequence = found->sequence;
    return found != NULL;
}
