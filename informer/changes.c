#include "informer/changes.h"

#include <string.h>

#include "base/mem.h"

struct object *item_object(const struct item *item, const struct store *have)
{
    struct object *object = NULL;
    struct object_rules rules = {.shelf = store_shelf(have)};
    if (!item->object.data || object_create(item->object.data, item->object.len, &rules, &object) != 0)
        return NULL;
    struct object *ours = store_get_like(have, object);
    if (ours && object_equal(ours, object)) {
        object_unref(object);
        return object_ref(ours);
    }
    return object;
}

struct object *patch_base(const struct item *item, const struct store *have)
{
    struct object *object = store_seek(have, item->key_hash);
    while (object && object_key_hash(object) == item->key_hash && !patch_fits(item->base, object))
        object = store_after(have, object);
    return object && object_key_hash(object) == item->key_hash ? object : NULL;
}

static bool has_room(size_t *room, size_t before, size_t after)
{
    size_t more = after > before ? after - before : 0;
    if (more > *room)
        return false;
    *room -= more;
    return true;
}

static const struct object *known_base(void *arg, const char *key)
{
    return strcmp(object_key(arg), key) == 0 ? arg : NULL;
}

struct object *patched_object(struct codec *codec, const struct item *item, const struct object *base,
                              size_t *room)
{
    struct slice bytes;
    struct object *object = NULL;
    struct object_rules rules = {
        .shelf = object_shelf(base), .known = known_base, .known_arg = (struct object *)base};
    if (codec_unpatch(codec, item->patch, base, &bytes) != 0 ||
        !has_room(room, object_size(base), bytes.len) ||
        object_create(bytes.data, bytes.len, &rules, &object) != 0)
        return NULL;
    if (strcmp(object_key(object), object_key(base)) == 0)
        return object;
    object_unref(object);
    return NULL;
}

static int patch_decode(struct change *change, struct codec *codec, const struct item *item,
                        const struct store *have, size_t *room)
{
    struct object *base = patch_base(item, have);
    if (!base)
        return CHANGES_E_BASE;
    change->object = patched_object(codec, item, base, room);
    return change->object ? 0 : CHANGES_E_MALFORMED;
}

static int change_decode(struct change *change, struct codec *codec, const struct item *item,
                         const struct store *have, size_t *room)
{
    *change = (struct change){0};
    if (item->patch.data)
        return patch_decode(change, codec, item, have, room);
    if (item->type != EVENT_DELETED) {
        change->object = item_object(item, have);
        return change->object ? 0 : CHANGES_E_MALFORMED;
    }
    char key[OBJECT_KEY_MAX];
    if (item_key(item, key) != 0)
        return CHANGES_E_MALFORMED;
    change->key = mem_strdup(key);
    return 0;
}

static struct change *changes_slot(struct changes *changes)
{
    if (changes->count == changes->cap) {
        changes->cap = changes->cap ? changes->cap * 2 : 16;
        changes->list = mem_realloc(changes->list, changes->cap * sizeof(*changes->list));
    }
    return &changes->list[changes->count];
}

int changes_decode(struct changes *changes, struct codec *codec, const struct message *delta,
                   const struct store *have)
{
    struct item item;
    size_t cursor = 0, room = DELTA_ROOM;
    int r = delta->items > DELTA_ITEMS_MAX ? CHANGES_E_MALFORMED : 0;
    *changes = (struct changes){0};
    while (r == 0 && message_next_item(delta, &cursor, &item)) {
        r = change_decode(changes_slot(changes), codec, &item, have, &room);
        changes->count += r == 0;
        changes->patched += r == 0 && item.patch.data;
    }
    if (r == 0 && (cursor != delta->body.len || changes->count != delta->items))
        r = CHANGES_E_MALFORMED;
    if (r != 0)
        changes_deinit(changes);
    return r;
}

void changes_deinit(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->list[i].key);
        object_unref(changes->list[i].object);
    }
    free(changes->list);
    *changes = (struct changes){0};
}

static const char *change_key(const struct change *change)
{
    return change->object ? object_key(change->object) : change->key;
}

struct digest changes_root(const struct changes *changes, const struct store *store)
{
    struct digest root = store_root(store);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        struct object *old = store_get(store, change_key(change));
        if (old)
            digest_sub(&root, object_digest(old));
        if (change->object)
            digest_add(&root, object_digest(change->object));
    }
    return root;
}

void changes_apply(const struct changes *changes, struct store *store, uint64_t last_hash)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        const char *key = change_key(change);
        if (last_hash != UINT64_MAX && key_hash(key, strlen(key)) > last_hash)
            continue;
        if (change->object)
            store_put(store, change->object);
        else
            store_delete(store, key, false);
    }
}
