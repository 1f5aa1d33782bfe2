#include "store/object_table.h"

#include <string.h>

#include "base/mem.h"

#define BITS_MIN 3
#define TAIL 4        /* slots behind those that hashes name, to begin with */
#define FETCH_SLOTS 8 /* dropping references goes through memory: what comes next is fetched so far ahead */

static size_t home(const struct object_table *table, uint64_t hash)
{
    return (size_t)(hash >> (64 - table->bits));
}

static bool is_before(const struct object_slot *slot, uint64_t hash, const char *key)
{
    return slot->hash < hash || (slot->hash == hash && strcmp(object_key(slot->object), key) < 0);
}

static void slots_alloc(struct object_table *table, unsigned bits)
{
    table->bits = bits;
    table->room = ((size_t)1 << bits) + TAIL;
    table->slots = mem_zalloc(table->room * sizeof(*table->slots));
}

/* The last run has come to the end: more room behind it. */
static void slots_extend(struct object_table *table)
{
    size_t more = table->room / 8 + TAIL;
    table->slots = mem_realloc(table->slots, (table->room + more) * sizeof(*table->slots));
    memset(table->slots + table->room, 0, more * sizeof(*table->slots));
    table->room += more;
}

void object_table_init(struct object_table *table)
{
    *table = (struct object_table){0};
    slots_alloc(table, BITS_MIN);
}

void object_table_deinit(struct object_table *table)
{
    for (size_t i = 0; i < table->room; i++) {
        if (i + FETCH_SLOTS < table->room)
            __builtin_prefetch(table->slots[i + FETCH_SLOTS].object, 1);
        object_unref(table->slots[i].object);
    }
    free(table->slots);
}

/* In order, so each goes to its home or behind the one before it. */
static void rehash(struct object_table *table, unsigned bits)
{
    struct object_slot *old = table->slots;
    size_t old_room = table->room, next = 0;
    slots_alloc(table, bits);
    for (size_t i = 0; i < old_room; i++) {
        if (!old[i].object)
            continue;
        if (next < home(table, old[i].hash))
            next = home(table, old[i].hash);
        if (next + 1 >= table->room)
            slots_extend(table);
        table->slots[next++] = old[i];
    }
    free(old);
}

/* Where it is, or belongs; the first slot of its run that is empty or not before it. */
static size_t place(const struct object_table *table, uint64_t hash, const char *key)
{
    size_t at = home(table, hash);
    while (table->slots[at].object && is_before(&table->slots[at], hash, key))
        at++;
    return at;
}

struct object_slot *object_table_find(const struct object_table *table, uint64_t hash, const char *key)
{
    struct object_slot *slot = &table->slots[place(table, hash, key)];
    return slot->object && slot->hash == hash && strcmp(object_key(slot->object), key) == 0 ? slot : NULL;
}

void object_table_insert(struct object_table *table, struct object *object)
{
    uint64_t hash = object_key_hash(object);
    if (++table->count > ((size_t)3 << table->bits) / 4)
        rehash(table, table->bits + 1);
    size_t at = place(table, hash, object_key(object)), end = at;
    while (table->slots[end].object)
        end++;
    if (end + 1 == table->room)
        slots_extend(table);
    memmove(&table->slots[at + 1], &table->slots[at], (end - at) * sizeof(*table->slots));
    table->slots[at] = (struct object_slot){.hash = hash, .object = object_ref(object)};
}

/* What stands behind it because of it moves up. */
struct object *object_table_remove(struct object_table *table, struct object_slot *slot)
{
    struct object *object = slot->object;
    size_t at = (size_t)(slot - table->slots), end = at + 1;
    while (table->slots[end].object && home(table, table->slots[end].hash) < end)
        end++;
    memmove(&table->slots[at], &table->slots[at + 1], (end - 1 - at) * sizeof(*table->slots));
    table->slots[end - 1] = (struct object_slot){0};
    if (--table->count < ((size_t)1 << table->bits) / 8 && table->bits > BITS_MIN)
        rehash(table, table->bits - 1);
    return object;
}

static struct object *first_at(const struct object_table *table, size_t at)
{
    while (at < table->room && !table->slots[at].object)
        at++;
    return at < table->room ? table->slots[at].object : NULL;
}

struct object *object_table_from(const struct object_table *table, uint64_t hash, const char *key)
{
    return first_at(table, place(table, hash, key));
}

struct object *object_table_after(const struct object_table *table, uint64_t hash, const char *key)
{
    size_t at = place(table, hash, key);
    const struct object_slot *slot = &table->slots[at];
    bool is_it = slot->object && slot->hash == hash && strcmp(object_key(slot->object), key) == 0;
    return first_at(table, at + is_it);
}
