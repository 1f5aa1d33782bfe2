#include "tests/sim/record.h"

#include <string.h>
#include <uthash.h>

#include "base/mem.h"

struct state {
    bool present;
    struct digest digest;
};

struct entry {
    UT_hash_handle hh;
    struct state *states; /* the first is number 1 */
    size_t count, cap;
    char key[];
};

struct record {
    struct entry *entries;
    struct store *now;
};

struct record *record_create(void)
{
    struct record *record = mem_zalloc(sizeof(*record));
    record->now = store_create();
    return record;
}

void record_destroy(struct record *record)
{
    if (!record)
        return;
    struct entry *entry, *next;
    HASH_ITER (hh, record->entries, entry, next) {
        HASH_DEL(record->entries, entry);
        free(entry->states);
        free(entry);
    }
    store_destroy(record->now);
    free(record);
}

static struct entry *entry_find(const struct record *record, const char *key)
{
    struct entry *entry;
    HASH_FIND_STR(record->entries, key, entry);
    return entry;
}

static struct entry *entry_get(struct record *record, const char *key)
{
    struct entry *entry = entry_find(record, key);
    if (entry)
        return entry;
    size_t len = strlen(key);
    entry = mem_zalloc(sizeof(*entry) + len + 1);
    memcpy(entry->key, key, len);
    HASH_ADD_KEYPTR(hh, record->entries, entry->key, len, entry);
    return entry;
}

static void entry_add(struct entry *entry, const struct object *object)
{
    if (entry->count == entry->cap) {
        entry->cap = entry->cap ? entry->cap * 2 : 8;
        entry->states = mem_realloc(entry->states, entry->cap * sizeof(*entry->states));
    }
    struct state *state = &entry->states[entry->count++];
    *state = (struct state){.present = object != NULL};
    if (object)
        state->digest = object_digest(object);
}

static bool same_uid(const struct object *a, const struct object *b)
{
    struct slice uid = object_uid(a), other = object_uid(b);
    return uid.len == other.len && memcmp(uid.data, other.data, uid.len) == 0;
}

void record_put(struct record *record, struct object *object)
{
    struct object *before = store_get(record->now, object_key(object));
    if (before && object_equal(before, object))
        return;
    struct entry *entry = entry_get(record, object_key(object));
    if (before && !same_uid(before, object))
        entry_add(entry, NULL);
    entry_add(entry, object);
    store_put(record->now, object);
}

void record_delete(struct record *record, const char *key)
{
    if (!store_get(record->now, key))
        return;
    entry_add(entry_get(record, key), NULL);
    store_delete(record->now, key, false);
}

struct store *record_now(const struct record *record)
{
    return record->now;
}

static bool state_is(const struct state *state, const struct object *object)
{
    if (!object || !state->present)
        return !object && !state->present;
    return digest_equal(state->digest, object_digest(object));
}

size_t record_find(const struct record *record, const char *key, const struct object *object, size_t after)
{
    const struct entry *entry = entry_find(record, key);
    for (size_t i = after; entry && i < entry->count; i++)
        if (state_is(&entry->states[i], object))
            return i + 1;
    return 0;
}

bool record_knows(const struct record *record, const char *key, const struct object *object)
{
    return !object || record_find(record, key, object, 0) > 0;
}
