#include "tests/bench/bench.h"

#include <string.h>

#include "base/mem.h"
#include "kube/watch_decoder.h"
#include "store/store.h"

#define PIECE ((size_t)16384) /* what libcurl hands over at most */
#define LINE_MAX_BYTES ((size_t)1 << 20)
#define STEP 7919 /* from one changed pod to the next: neighbours in time are none in memory */

struct feed {
    struct loop *loop;
    struct store *store;
    struct object_rules rules;
    struct watch_decoder decoder;
    struct pods *pods;
    size_t count, next;
    bool stamped;
    uint32_t *versions;
    char piece[PIECE];
    size_t used;
};

static bool on_event(void *arg, const struct watch_event *event)
{
    struct feed *feed = arg;
    struct object *object;
    if (object_create(event->object.data, event->object.len, &feed->rules, &object) != 0)
        abort();
    store_put(feed->store, object);
    object_unref(object);
    return true;
}

static const struct object *known(void *store, const char *key)
{
    return store_get(store, key);
}

struct feed *feed_create(struct loop *loop, struct store *store, size_t pods)
{
    struct feed *feed = mem_zalloc(sizeof(*feed));
    feed->loop = loop;
    feed->store = store;
    feed->count = pods;
    feed->stamped = true;
    feed->versions = mem_zalloc(sizeof(*feed->versions) * (pods + 1));
    feed->pods = pods_create(false);
    feed->rules = (struct object_rules){.kind = mem_strdup("Pod"),
                                        .api_version = mem_strdup("v1"),
                                        .shelf = store_shelf(store),
                                        .known = known,
                                        .known_arg = store};
    object_rules_cut(&feed->rules, "metadata.managedFields");
    watch_decoder_init(&feed->decoder, LINE_MAX_BYTES, on_event, feed);
    return feed;
}

void feed_destroy(struct feed *feed)
{
    watch_decoder_deinit(&feed->decoder);
    object_rules_deinit(&feed->rules);
    pods_destroy(feed->pods);
    free(feed->versions);
    free(feed);
}

void feed_managed(struct feed *feed, bool managed)
{
    pods_destroy(feed->pods);
    feed->pods = pods_create(managed);
}

void feed_stamped(struct feed *feed, bool stamped)
{
    feed->stamped = stamped;
}

static void piece_flush(struct feed *feed, bool dry)
{
    if (!dry && watch_decoder_feed(&feed->decoder, feed->piece, feed->used) != 0)
        abort();
    feed->used = 0;
}

static void bytes_add(struct feed *feed, struct slice bytes, bool dry)
{
    while (bytes.len) {
        size_t n = PIECE - feed->used < bytes.len ? PIECE - feed->used : bytes.len;
        memcpy(feed->piece + feed->used, bytes.data, n);
        feed->used += n;
        bytes.data += n;
        bytes.len -= n;
        if (feed->used == PIECE)
            piece_flush(feed, dry);
    }
}

static void pod_add(struct feed *feed, size_t number, int64_t stamp_us, bool dry)
{
    bytes_add(feed, pods_line(feed->pods, number, feed->versions[number]++, stamp_us), dry);
}

void feed_fill(struct feed *feed)
{
    for (size_t i = 0; i < feed->count; i++)
        pod_add(feed, i, 0, false);
    piece_flush(feed, false);
}

void feed_change(struct feed *feed, size_t span, size_t count, bool dry)
{
    while (count--) {
        pod_add(feed, feed->next % span, feed->stamped ? loop_now_us(feed->loop) : 0, dry);
        feed->next = (feed->next + STEP) % span;
    }
    piece_flush(feed, dry);
}
