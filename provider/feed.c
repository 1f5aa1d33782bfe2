#include "provider/feed.h"

#include <string.h>

#include "base/mem.h"
#include "provider/mirror.h"

#define PATIENCE_US (30 * LOOP_SECOND) /* for what is unavailable, before others go on without it */
#define SLICE_DELETIONS 256            /* in one turn of the loop */

struct feed {
    struct loop *loop;
    struct publisher *publisher; /* borrowed */
    struct log *log;
    struct gvr gvr;
    char name[GVR_TEXT_MAX];
    char *namespace_, *selector;
    bool namespaced;
    struct object_rules rules;
    struct store *store;
    struct mirror *mirror;
    struct publisher_stream *stream; /* the publisher's; NULL while gone */
    struct timer emptying;
    int64_t started_us;
    enum reflector_state state;
    char *reason;
    bool synced; /* once */
    void (*changed)(void *arg, struct feed *feed);
    void *arg;
};

static int64_t age_us(void *arg)
{
    struct feed *feed = arg;
    int64_t last_us = reflector_last_byte_us(mirror_reflector(feed->mirror));
    return last_us ? loop_now_us(feed->loop) - last_us : -1;
}

static bool stream_ensure(struct feed *feed)
{
    if (feed->stream)
        return true;
    feed->stream = publisher_add(feed->publisher, TOPICS_ALL, &feed->gvr, feed->rules.kind, feed->namespaced,
                                 feed->store);
    if (feed->stream)
        publisher_stream_age(feed->stream, age_us, feed);
    return feed->stream != NULL;
}

/* The objects of a resource that is gone go without haste: nobody is told of them any more. */
static void on_emptying(void *arg)
{
    struct feed *feed = arg;
    if (store_delete_some(feed->store, SLICE_DELETIONS, true) < SLICE_DELETIONS)
        stream_ensure(feed);
    else
        timer_start(&feed->emptying, 0);
}

static void on_gone(struct feed *feed)
{
    if (feed->stream)
        publisher_stream_end(feed->stream, END_GONE);
    feed->stream = NULL;
    timer_start(&feed->emptying, 0);
}

/* What the mirror says */

static void on_synced(void *arg, const char *version)
{
    struct feed *feed = arg;
    (void)version;
    timer_stop(&feed->emptying);
    feed->synced = true;
    if (stream_ensure(feed))
        publisher_stream_ready(feed->stream);
}

static enum stream_state stream_state_of(enum reflector_state state)
{
    if (state == REFLECTOR_SYNCED)
        return STREAM_ACTIVE;
    return state == REFLECTOR_FORBIDDEN ? STREAM_FORBIDDEN : STREAM_UNAVAILABLE;
}

static void on_state(void *arg, enum reflector_state state, const char *reason)
{
    struct feed *feed = arg;
    bool was_starting = feed->state == REFLECTOR_STARTING;
    feed->state = state;
    free(feed->reason);
    feed->reason = mem_strdup(reason);
    if (state == REFLECTOR_SYNCED) /* other states are logged by the reflector */
        log_write(feed->log, was_starting ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "feed",
                  "%s: synced, %zu objects", feed->name, store_count(feed->store));
    if (state == REFLECTOR_GONE)
        on_gone(feed);
    else if (feed->stream && state != REFLECTOR_STARTING)
        publisher_stream_state(feed->stream, stream_state_of(state));
    if (feed->changed)
        feed->changed(feed->arg, feed);
}

/* Life */

static bool rules_set(struct object_rules *rules, const struct feed_config *config)
{
    bool right = object_rules_cut(rules, "metadata.managedFields") == 0;
    rules->kind = mem_strdup(config->kind);
    rules->api_version = mem_strdup(config->api_version);
    for (size_t i = 0; config->drop_fields && i < config->drop_fields->count; i++)
        right = object_rules_cut(rules, config->drop_fields->items[i]) == 0 && right;
    return right;
}

static struct mirror *mirror_of(struct feed *feed, struct rest *rest)
{
    static const struct mirror_ops ops = {.synced = on_synced, .state = on_state};
    struct reflector_config config = {
        .loop = feed->loop,
        .rest = rest,
        .log = feed->log,
        .rules = &feed->rules,
        .gvr = feed->gvr,
        .namespace_ = feed->namespace_,
        .label_selector = feed->selector,
    };
    return mirror_create(&config, feed->store, &ops, feed);
}

struct feed *feed_create(const struct feed_config *config, void (*changed)(void *arg, struct feed *feed),
                         void *arg)
{
    struct feed *feed = mem_zalloc(sizeof(*feed));
    feed->loop = config->loop;
    feed->publisher = config->publisher;
    feed->log = config->log;
    feed->gvr = config->gvr;
    gvr_text(&feed->gvr, feed->name);
    feed->namespaced = config->namespaced;
    feed->namespace_ = config->namespaced ? mem_strdup(config->namespace_) : NULL;
    feed->selector = mem_strdup(config->selector);
    feed->reason = mem_strdup("");
    feed->changed = changed;
    feed->arg = arg;
    feed->store = store_create();
    timer_init(&feed->emptying, feed->loop, on_emptying, feed);
    bool right = rules_set(&feed->rules, config);
    feed->mirror = mirror_of(feed, config->rest);
    if (right && stream_ensure(feed))
        return feed;
    feed_destroy(feed);
    return NULL;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    timer_stop(&feed->emptying);
    mirror_destroy(feed->mirror);
    store_destroy(feed->store);
    object_rules_deinit(&feed->rules);
    free(feed->namespace_);
    free(feed->selector);
    free(feed->reason);
    free(feed);
}

void feed_start(struct feed *feed)
{
    feed->started_us = loop_now_us(feed->loop);
    mirror_start(feed->mirror);
}

void feed_stop(struct feed *feed)
{
    mirror_stop(feed->mirror);
}

/* Access */

const struct gvr *feed_gvr(const struct feed *feed)
{
    return &feed->gvr;
}

struct store *feed_store(struct feed *feed)
{
    return feed->store;
}

enum reflector_state feed_state(const struct feed *feed)
{
    return feed->state;
}

const char *feed_reason(const struct feed *feed)
{
    return feed->reason;
}

bool feed_settled(const struct feed *feed)
{
    bool patient = feed->started_us && loop_now_us(feed->loop) - feed->started_us < PATIENCE_US;
    return feed->synced || feed->state == REFLECTOR_FORBIDDEN || feed->state == REFLECTOR_GONE ||
           (feed->state == REFLECTOR_UNAVAILABLE && !patient);
}
