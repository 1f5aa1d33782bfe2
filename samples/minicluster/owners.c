#include "samples/minicluster/owners.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/mem.h"

struct owner {
    char *uid;
    struct owned *owned;
    UT_hash_handle hh;
};

static struct owner *find(const struct owners *owners, const char *uid, size_t len)
{
    struct owner *owner;
    HASH_FIND(hh, owners->by_uid, uid, len, owner);
    return owner;
}

static void drop(struct owners *owners, struct owner *owner, struct owned *owned)
{
    DL_DELETE(owner->owned, owned);
    free(owned->key);
    free(owned);
    if (owner->owned)
        return;
    HASH_DEL(owners->by_uid, owner);
    free(owner->uid);
    free(owner);
}

void owners_deinit(struct owners *owners)
{
    while (owners->by_uid)
        drop(owners, owners->by_uid, owners->by_uid->owned);
}

void owners_each(const struct object *object,
                 void (*found)(void *arg, struct slice uid, struct slice reference), void *arg)
{
    struct slice metadata = json_member(object_bytes(object), "metadata");
    struct slice references = json_member(metadata, "ownerReferences"), reference;
    struct json_cursor cursor = {0};
    while (references.len && json_next_element(references, &cursor, &reference))
        found(arg, json_member(reference, "uid"), reference);
}

struct note {
    struct owners *owners;
    struct collection *collection;
    const char *key;
};

static void add(void *arg, struct slice uid, struct slice reference)
{
    struct note *note = arg;
    (void)reference;
    if (!uid.len)
        return;
    struct owner *owner = find(note->owners, uid.data, uid.len);
    if (!owner) {
        owner = mem_zalloc(sizeof(*owner));
        owner->uid = mem_dup(uid.data, uid.len);
        HASH_ADD_KEYPTR(hh, note->owners->by_uid, owner->uid, uid.len, owner);
    }
    struct owned *owned = mem_zalloc(sizeof(*owned));
    owned->collection = note->collection;
    owned->key = mem_strdup(note->key);
    DL_APPEND(owner->owned, owned);
}

static void take(void *arg, struct slice uid, struct slice reference)
{
    struct note *note = arg;
    (void)reference;
    struct owner *owner = uid.len ? find(note->owners, uid.data, uid.len) : NULL;
    struct owned *owned = NULL;
    if (owner)
        DL_FOREACH(owner->owned, owned)
    if (owned->collection == note->collection && !strcmp(owned->key, note->key))
        break;
    if (owned)
        drop(note->owners, owner, owned);
}

static struct slice references_of(const struct object *object)
{
    return json_member(json_member(object_bytes(object), "metadata"), "ownerReferences");
}

void owners_note(struct owners *owners, struct collection *collection, const struct event *event)
{
    struct note note = {owners, collection, object_key(event->object)};
    if (event->type == EVENT_MODIFIED) {
        struct slice before = references_of(event->old), after = references_of(event->object);
        if (before.len == after.len && (!before.len || !memcmp(before.data, after.data, before.len)))
            return;
    }
    if (event->old)
        owners_each(event->old, take, &note);
    if (event->type != EVENT_DELETED)
        owners_each(event->object, add, &note);
}

const struct owned *owners_find(const struct owners *owners, const char *uid)
{
    const struct owner *owner = find(owners, uid, strlen(uid));
    return owner ? owner->owned : NULL;
}
