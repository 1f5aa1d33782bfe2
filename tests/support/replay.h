#ifndef TI_TESTS_REPLAY_H
#define TI_TESTS_REPLAY_H

/* Does to a store what deltas say, one after the other, and holds each promise of a root. */

#include "tests/support/messages.h"
#include "tests/support/wire.h"

struct replayed {
    size_t items, patched;
    size_t longest;     /* items of one delta */
    size_t most;        /* bytes of the objects of one delta */
    size_t last_single; /* bytes of the body of the last delta of one item */
};

static inline size_t replay_object(struct codec *codec, struct store *store, struct item *item)
{
    struct object *object = NULL;
    if (item->patch.data) {
        struct object *base = store_seek(store, item->key_hash);
        assert_true(base && patch_fits(item->base, base));
        assert_int_equal(codec_unpatch(codec, item->patch, base, &item->object), 0);
    }
    assert_int_equal(object_create(item->object.data, item->object.len, NULL, &object), 0);
    size_t size = object_size(object);
    store_put(store, object);
    object_unref(object);
    return size;
}

static inline void replay_delta(struct codec *codec, struct store *store, const struct message *delta,
                                struct replayed *done)
{
    struct item item;
    size_t cursor = 0, items = 0, bytes = 0;
    for (; message_next_item(delta, &cursor, &item); items++) {
        char key[OBJECT_KEY_MAX];
        if (item.type == EVENT_DELETED) {
            assert_int_equal(item_key(&item, key), 0);
            store_delete(store, key, false);
            continue;
        }
        done->patched += item.patch.data != NULL;
        bytes += replay_object(codec, store, &item);
    }
    assert_int_equal(items, delta->items);
    assert_true(digest_equal(store_root(store), delta->root));
    done->items += items;
    done->longest = items > done->longest ? items : done->longest;
    done->most = bytes > done->most ? bytes : done->most;
    done->last_single = items == 1 ? delta->body.len : done->last_single;
}

/* All deltas that were heard on a topic. */
static inline struct replayed replay(struct tap *tap, const char *topic, struct store *store)
{
    const struct heard *heard = NULL;
    struct replayed done = {0};
    struct codec *codec = codec_create(ENCODING_ZSTD, 32 << 20);
    while ((heard = tap_next(tap, heard, MESSAGE_DELTA, topic)))
        replay_delta(codec, store, &heard->message, &done);
    codec_destroy(codec);
    return done;
}

#endif
