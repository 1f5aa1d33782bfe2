#include "transport/split.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"
#include "transport/envelope.h"

#define PART_MAGIC 'P'
#define PART_VERSION PROTOCOL_VERSION
#define PART_HEADER 22
#define PART_MIN 1024 /* bytes in every part but the last: bounds the number of parts */

struct part {
    uint64_t id;
    uint32_t whole_len, part_len, index;
    struct slice bytes;
};

/* One who sends parts, while something of it is unfinished. */
struct sender {
    size_t total;              /* bytes of all that is unfinished */
    struct unfinished *by_age; /* oldest first */
    UT_hash_handle hh;
    char name[];
};

/* A payload that lacks parts. */
struct unfinished {
    struct sender *sender;
    char *topic;
    uint64_t id;
    uint32_t whole_len, part_len, parts, missing;
    uint8_t *have; /* a bit a part */
    char *data;
    UT_hash_handle hh;
    struct unfinished *prev, *next; /* the sender's */
};

struct assembler {
    size_t payload_limit, total_limit, total;
    struct unfinished *by_topic;
    struct sender *senders;
    char *finished; /* what was handed out last */
    uint64_t given_up;
};

static void put_le(char *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (char)(value >> (8 * i));
}

static uint64_t get_le(const char *in, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)(uint8_t)in[i] << (8 * i);
    return value;
}

static int publish_part(struct transport *transport, const char *topic, struct slice payload,
                        struct part *part, char *scratch)
{
    size_t at = (size_t)part->index * part->part_len;
    size_t len = payload.len - at < part->part_len ? payload.len - at : part->part_len;
    scratch[0] = PART_MAGIC;
    scratch[1] = PART_VERSION;
    put_le(scratch + 2, part->id, 8);
    put_le(scratch + 10, payload.len, 4);
    put_le(scratch + 14, part->part_len, 4);
    put_le(scratch + 18, part->index, 4);
    memcpy(scratch + PART_HEADER, payload.data + at, len);
    return transport_publish(transport, topic, scratch, PART_HEADER + len, 1, false);
}

int split_publish(struct transport *transport, const char *topic, struct slice payload, uint64_t id)
{
    size_t max = transport_max_payload(transport);
    if (payload.len <= max)
        return transport_publish(transport, topic, payload.data, payload.len, 1, false);
    if (max < PART_HEADER + PART_MIN || payload.len > UINT32_MAX)
        return TRANSPORT_E_TOO_BIG;

    struct part part = {.id = id, .part_len = (uint32_t)(max - PART_HEADER)};
    cleanup_free char *scratch = mem_alloc(max);
    int r = 0;
    for (; r == 0 && (size_t)part.index * part.part_len < payload.len; part.index++)
        r = publish_part(transport, topic, payload, &part, scratch);
    return part.index > 1 ? 0 : r;
}

struct assembler *assembler_create(size_t payload_limit, size_t total_limit)
{
    struct assembler *assembler = mem_zalloc(sizeof(*assembler));
    assembler->payload_limit = payload_limit;
    assembler->total_limit = total_limit;
    return assembler;
}

static struct sender *sender_get(struct assembler *assembler, const char *name)
{
    struct sender *sender;
    size_t len = strlen(name);
    HASH_FIND(hh, assembler->senders, name, len, sender);
    if (sender)
        return sender;
    sender = mem_zalloc(sizeof(*sender) + len + 1);
    memcpy(sender->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, assembler->senders, sender->name, len, sender);
    return sender;
}

static void unfinished_free(struct assembler *assembler, struct unfinished *unfinished)
{
    struct sender *sender = unfinished->sender;
    HASH_DEL(assembler->by_topic, unfinished);
    /* It is in the list, so that is not empty. */
    DL_DELETE(sender->by_age, unfinished); /* NOLINT(clang-analyzer-core.NullDereference) */
    sender->total -= unfinished->whole_len;
    assembler->total -= unfinished->whole_len;
    if (!sender->by_age) {
        HASH_DEL(assembler->senders, sender);
        free(sender);
    }
    free(unfinished->topic);
    free(unfinished->have);
    free(unfinished->data);
    free(unfinished);
}

static void give_up(struct assembler *assembler, struct unfinished *unfinished)
{
    assembler->given_up++;
    unfinished_free(assembler, unfinished);
}

void assembler_destroy(struct assembler *assembler)
{
    if (!assembler)
        return;
    while (assembler->senders)
        unfinished_free(assembler, assembler->senders->by_age);
    free(assembler->finished);
    free(assembler);
}

static bool part_parse(struct slice payload, struct part *part)
{
    if (payload.len <= PART_HEADER || payload.data[1] != PART_VERSION)
        return false;
    part->id = get_le(payload.data + 2, 8);
    part->whole_len = (uint32_t)get_le(payload.data + 10, 4);
    part->part_len = (uint32_t)get_le(payload.data + 14, 4);
    part->index = (uint32_t)get_le(payload.data + 18, 4);
    part->bytes = (struct slice){payload.data + PART_HEADER, payload.len - PART_HEADER};
    uint64_t at = (uint64_t)part->index * part->part_len;
    if (part->part_len < PART_MIN || part->whole_len <= part->part_len || at >= part->whole_len)
        return false;
    uint64_t left = part->whole_len - at;
    return part->bytes.len == (left < part->part_len ? left : part->part_len);
}

/* Whoever has most gives its oldest: nobody can put out what others have begun while it has more than they.
 */
static void make_room(struct assembler *assembler, size_t len)
{
    while (assembler->senders && assembler->total + len > assembler->total_limit) {
        struct sender *most = assembler->senders;
        for (struct sender *sender = most; sender; sender = sender->hh.next)
            if (sender->total > most->total)
                most = sender;
        give_up(assembler, most->by_age);
    }
}

static struct unfinished *unfinished_start(struct assembler *assembler, const char *sender, const char *topic,
                                           const struct part *part)
{
    make_room(assembler, part->whole_len);
    struct unfinished *unfinished = mem_zalloc(sizeof(*unfinished));
    unfinished->sender = sender_get(assembler, sender);
    unfinished->topic = mem_strdup(topic);
    unfinished->id = part->id;
    unfinished->whole_len = part->whole_len;
    unfinished->part_len = part->part_len;
    unfinished->parts = unfinished->missing = (part->whole_len + part->part_len - 1) / part->part_len;
    unfinished->have = mem_zalloc(unfinished->parts / 8 + 1);
    unfinished->data = mem_alloc(part->whole_len);
    assembler->total += part->whole_len;
    unfinished->sender->total += part->whole_len;
    HASH_ADD_KEYPTR(hh, assembler->by_topic, unfinished->topic, strlen(unfinished->topic), unfinished);
    DL_APPEND(unfinished->sender->by_age, unfinished);
    return unfinished;
}

static struct unfinished *unfinished_for(struct assembler *assembler, const char *sender, const char *topic,
                                         const struct part *part)
{
    struct unfinished *unfinished;
    HASH_FIND_STR(assembler->by_topic, topic, unfinished);
    if (unfinished && unfinished->id == part->id)
        return unfinished;
    if (unfinished)
        give_up(assembler, unfinished);
    return unfinished_start(assembler, sender, topic, part);
}

static void part_take(struct unfinished *unfinished, const struct part *part)
{
    uint8_t bit = (uint8_t)(1 << part->index % 8);
    if (unfinished->have[part->index / 8] & bit)
        return;
    unfinished->have[part->index / 8] |= bit;
    memcpy(unfinished->data + (size_t)part->index * part->part_len, part->bytes.data, part->bytes.len);
    unfinished->missing--;
}

int assembler_add(struct assembler *assembler, const char *sender, const char *topic, struct slice payload,
                  struct slice *whole)
{
    struct part part;
    *whole = payload;
    if (payload.len == 0 || payload.data[0] != PART_MAGIC)
        return 0;
    if (!part_parse(payload, &part))
        return ASSEMBLER_E_MALFORMED;
    if (part.whole_len > assembler->payload_limit || part.whole_len > assembler->total_limit)
        return ASSEMBLER_E_LIMIT;

    struct unfinished *unfinished = unfinished_for(assembler, sender, topic, &part);
    if (unfinished->whole_len != part.whole_len || unfinished->part_len != part.part_len)
        return ASSEMBLER_E_MALFORMED;
    part_take(unfinished, &part);
    if (unfinished->missing)
        return ASSEMBLER_E_MORE;

    free(assembler->finished);
    assembler->finished = mem_steal(unfinished->data);
    *whole = (struct slice){assembler->finished, unfinished->whole_len};
    unfinished_free(assembler, unfinished);
    return 0;
}

uint64_t assembler_given_up(const struct assembler *assembler)
{
    return assembler->given_up;
}

size_t assembler_total(const struct assembler *assembler)
{
    return assembler->total;
}
