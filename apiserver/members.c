#include "apiserver/members.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

#define FEW 16      /* members that are looked through each time */
#define PATIENCE 64 /* members that are looked at before there is a table */
#define LEAST_SLOTS 64

/* Free: hash and member are 0. Left: the member is NULL, and others may stand behind it. */
struct members_slot {
    uint64_t hash;
    cJSON *member;
};

/* Another one in each table, so that nobody can send names that collide. */
static uint64_t hash_of(const struct members *members, const char *name)
{
    uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), (uint64_t)(uintptr_t)members->slots);
    return hash ? hash : 1;
}

static struct members_slot *slot_of(const struct members *members, uint64_t hash, const char *name)
{
    struct members_slot *slot;
    for (size_t i = hash;; i++) {
        slot = &members->slots[i & members->mask];
        if (!slot->hash || (slot->member && slot->hash == hash && !strcmp(slot->member->string, name)))
            return slot;
    }
}

static void enter(struct members *members, cJSON *member)
{
    uint64_t hash = hash_of(members, member->string);
    struct members_slot *slot = slot_of(members, hash, member->string);
    members->used += !slot->hash;
    *slot = (struct members_slot){hash, member};
}

/* A table of what there is, at most half full. */
static void build(struct members *members)
{
    size_t count = 0, slots = LEAST_SLOTS;
    for (const cJSON *member = members->object->child; member; member = member->next)
        count++;
    members->steps = 0;
    if (count <= FEW && !members->slots)
        return;
    while (slots < 4 * count)
        slots *= 2;
    free(members->slots);
    members->slots = mem_zalloc(slots * sizeof(*members->slots));
    members->mask = slots - 1;
    members->used = 0;
    for (cJSON *member = members->object->child; member; member = member->next)
        enter(members, member);
}

void members_init(struct members *members, const cJSON *object)
{
    *members = (struct members){.object = (cJSON *)object, .beside = tree_first(object)};
}

void members_deinit(struct members *members)
{
    free(members->slots);
    members->slots = NULL;
}

static cJSON *look_through(struct members *members, const char *name)
{
    cJSON *member = members->object->child;
    for (; member && strcmp(member->string, name) != 0; member = member->next)
        members->steps++;
    return member;
}

static cJSON *look_up(struct members *members, const char *name)
{
    if (!members->slots && members->steps > PATIENCE)
        build(members);
    if (!members->slots)
        return look_through(members, name);
    return slot_of(members, hash_of(members, name), name)->member;
}

cJSON *members_find(struct members *members, const char *name)
{
    cJSON *found = members->beside;
    if (!cJSON_IsObject(members->object))
        return NULL;
    if (!found || strcmp(found->string, name) != 0)
        found = look_up(members, name);
    members->beside = found ? found->next : members->beside;
    return found;
}

/* By that name, and in the table. */
static void add(struct members *members, const char *name, cJSON *value)
{
    cJSON_AddItemToObject(members->object, name, value);
    if (!members->slots)
        return;
    if (2 * members->used > members->mask)
        build(members);
    else
        enter(members, value);
}

static void replace(struct members *members, cJSON *member, cJSON *value)
{
    struct members_slot *slot =
        members->slots ? slot_of(members, hash_of(members, member->string), member->string) : NULL;
    free(value->string);
    value->string = member->string;
    value->type &= ~cJSON_StringIsConst;
    member->string = NULL;
    cJSON_ReplaceItemViaPointer(members->object, member, value);
    if (slot)
        slot->member = value;
}

cJSON *members_set(struct members *members, const char *name, cJSON *value)
{
    cJSON *there = members_find(members, name);
    if (!cJSON_IsObject(members->object)) {
        cJSON_Delete(value);
        return NULL;
    }
    if (there)
        replace(members, there, value);
    else
        add(members, name, value);
    return value;
}

void members_remove(struct members *members, cJSON *member)
{
    if (!member)
        return;
    if (members->beside == member)
        members->beside = member->next;
    if (members->slots)
        slot_of(members, hash_of(members, member->string), member->string)->member = NULL;
    cJSON_Delete(cJSON_DetachItemViaPointer(members->object, member));
}
