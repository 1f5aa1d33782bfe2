#include "provider/feed.h"

#include <string.h>

#include "base/mem.h"
#include "provider/interest.h"
#include "provider/mirror.h"

#define LABELS_LIMIT 1024
#define PATIENCE_US (30 * LOOP_SECOND) /* for a first list, before others go on without it */
#define SLICE_DELETIONS 256            /* in one turn of the loop */

struct feed {
    struct loop *loop;
    struct rest *rest;           /* borrowed */
    struct publisher *publisher; /* borrowed */
    struct log *log;
    struct gvr gvr;
    char name[GVR_TEXT_MAX];
    char *namespace_, *selector;
    bool namespaced, always;
    struct names names;
    struct object_rules rules;
    struct store *store;
    struct mirror *mirror;
    struct publisher_stream *stream; /* the publisher's; NULL while gone */
    struct interest interest;
    struct timer emptying;
    struct timer patience; /* active: what cannot be had yet may still come */
    enum reflector_state state;
    char *reason;
    bool awake;   /* the mirror runs */
    bool doubted; /* since it was synced last */
    bool synced;  /* once since it woke */
    void (*changed)(void *arg, struct feed *feed);
    void *arg;
};

/* What the publisher asks */

static int64_t age_us(void *arg)
{
    struct feed *feed = arg;
    int64_t last_us = reflector_last_byte_us(mirror_reflector(feed->mirror));
    return last_us ? loop_now_us(feed->loop) - last_us : -1;
}

static const char *version(void *arg)
{
    return mirror_version(((struct feed *)arg)->mirror);
}

static int64_t lease_us(void *arg)
{
    return interest_left_us(&((struct feed *)arg)->interest);
}

static void on_wanted(void *arg, const char *informer, int64_t lease)
{
    interest_want(&((struct feed *)arg)->interest, informer, lease);
}

static bool stream_ensure(struct feed *feed)
{
    static const struct publisher_stream_ops leased = {age_us, version, lease_us, on_wanted};
    static const struct publisher_stream_ops always = {.age_us = age_us, .version = version};
    if (feed->stream)
        return true;
    feed->stream = publisher_add(feed->publisher, TOPICS_ALL, &feed->gvr, feed->rules.kind, feed->namespaced,
                                 feed->store);
    if (!feed->stream)
        return false;
    publisher_stream_attend(feed->stream, feed->always ? &always : &leased, feed);
    publisher_stream_names(feed->stream, &feed->names);
    return true;
}

/* ---- state ---- */

static enum stream_state stream_state_of(const struct feed *feed)
{
    if (!feed->awake)
        return STREAM_UNWANTED;
    switch (feed->state) {
    case REFLECTOR_SYNCED:
        return feed->doubted ? STREAM_UNAVAILABLE : STREAM_ACTIVE;
    case REFLECTOR_FORBIDDEN:
        return STREAM_FORBIDDEN;
    case REFLECTOR_UNAVAILABLE:
        return timer_active(&feed->patience) ? STREAM_STARTING : STREAM_UNAVAILABLE;
    default:
        return STREAM_STARTING;
    }
}

static void tell_state(struct feed *feed)
{
    if (feed->stream)
        publisher_stream_state(feed->stream, stream_state_of(feed));
}

static void on_patience(void *arg)
{
    tell_state(arg);
}

/* The objects of what is gone, or not wanted, go without haste. */
static void on_emptying(void *arg)
{
    struct feed *feed = arg;
    if (store_delete_some(feed->store, SLICE_DELETIONS, true) == SLICE_DELETIONS)
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

static void on_synced(void *arg, const char *resource_version)
{
    struct feed *feed = arg;
    (void)resource_version;
    timer_stop(&feed->emptying);
    timer_stop(&feed->patience);
    feed->synced = true;
    if (stream_ensure(feed))
        publisher_stream_ready(feed->stream);
}

static void on_state(void *arg, enum reflector_state state, const char *reason)
{
    struct feed *feed = arg;
    bool is_news = feed->state != REFLECTOR_STARTING && feed->state != REFLECTOR_UNAVAILABLE;
    feed->state = state;
    feed->doubted = feed->doubted && state != REFLECTOR_SYNCED;
    free(feed->reason);
    feed->reason = mem_strdup(reason);
    if (state == REFLECTOR_SYNCED) /* other states are logged by the reflector, outages by the provider */
        log_write(feed->log, is_news ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "feed", "%s: synced, %zu objects",
                  feed->name, store_count(feed->store));
    if (state == REFLECTOR_GONE)
        on_gone(feed);
    tell_state(feed);
    if (feed->changed)
        feed->changed(feed->arg, feed);
}

/* ---- interest ---- */

static void feed_wake(struct feed *feed)
{
    log_info(feed->log, "feed", "%s: %s", feed->name, feed->always ? "listing" : "wanted: listing");
    timer_stop(&feed->emptying); /* the list takes over what is still there */
    feed->awake = true;
    feed->state = REFLECTOR_STARTING;
    timer_start(&feed->patience, PATIENCE_US);
    tell_state(feed);
    mirror_start(feed->mirror);
}

static void feed_rest(struct feed *feed)
{
    log_info(feed->log, "feed", "%s: nobody wants it any more: not watched", feed->name);
    mirror_stop(feed->mirror);
    timer_stop(&feed->patience);
    feed->awake = feed->synced = false;
    if (feed->state != REFLECTOR_GONE)
        feed->state = REFLECTOR_STARTING;
    if (feed->stream)
        publisher_stream_unready(feed->stream);
    tell_state(feed);
    timer_start(&feed->emptying, 0);
}

static void on_interest(void *arg, bool wanted)
{
    struct feed *feed = arg;
    if (wanted)
        feed_wake(feed);
    else
        feed_rest(feed);
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

static struct mirror *mirror_of(struct feed *feed)
{
    static const struct mirror_ops ops = {.synced = on_synced, .state = on_state};
    struct reflector_config config = {
        .loop = feed->loop,
        .rest = feed->rest,
        .log = feed->log,
        .rules = &feed->rules,
        .gvr = feed->gvr,
        .namespace_ = feed->namespaced ? feed->namespace_ : NULL,
        .label_selector = feed->selector,
        .outages_told = true,
    };
    return mirror_create(&config, feed->store, &ops, feed);
}

static const struct object *known(void *store, const char *key)
{
    return store_get(store, key);
}

struct feed *feed_create(const struct feed_config *config, void (*changed)(void *arg, struct feed *feed),
                         void *arg)
{
    struct feed *feed = mem_zalloc(sizeof(*feed));
    feed->loop = config->loop;
    feed->rest = config->rest;
    feed->publisher = config->publisher;
    feed->log = config->log;
    feed->gvr = config->gvr;
    gvr_text(&feed->gvr, feed->name);
    feed->namespaced = config->namespaced;
    feed->names = config->names;
    feed->always = config->always;
    feed->namespace_ = mem_strdup(config->namespace_);
    feed->selector = mem_strdup(config->selector);
    feed->reason = mem_strdup("");
    feed->changed = changed;
    feed->arg = arg;
    struct shelf *shelf = attic_shelf(config->attic, &feed->gvr);
    feed->store = store_create_on(shelf);
    feed->rules.shelf = shelf;
    feed->rules.known = known;
    feed->rules.known_arg = feed->store;
    shelf_unref(shelf); /* the store has it */
    timer_init(&feed->emptying, feed->loop, on_emptying, feed);
    timer_init(&feed->patience, feed->loop, on_patience, feed);
    interest_init(&feed->interest, feed->loop, on_interest, feed);
    bool right = rules_set(&feed->rules, config);
    feed->mirror = mirror_of(feed);
    if (right && stream_ensure(feed)) {
        tell_state(feed);
        return feed;
    }
    feed_destroy(feed);
    return NULL;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    timer_stop(&feed->emptying);
    timer_stop(&feed->patience);
    interest_deinit(&feed->interest);
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
    bool was_gone = feed->state == REFLECTOR_GONE;
    if (feed->awake && !was_gone)
        return;
    if (feed->awake)
        mirror_stop(feed->mirror);
    feed->state = REFLECTOR_STARTING;
    stream_ensure(feed);
    if (feed->always || feed->interest.wanted)
        feed_wake(feed);
    else
        tell_state(feed);
}

/* Under the same name there is something else: what there was has ended, seen or not. */
static void begin_anew(struct feed *feed, const struct api_resource *resource)
{
    log_info(feed->log, "feed", "%s: is of the kind %s now, and %s", feed->name, resource->kind,
             resource->namespaced ? "in namespaces" : "in none");
    mirror_destroy(feed->mirror);
    on_gone(feed);
    free(feed->rules.kind);
    feed->rules.kind = mem_strdup(resource->kind);
    feed->namespaced = resource->namespaced;
    feed->mirror = mirror_of(feed);
    feed->awake = feed->synced = false;
    feed_start(feed);
}

void feed_describe(struct feed *feed, const struct api_resource *resource)
{
    bool same = names_equal(&feed->names, &resource->names);
    feed->names = resource->names;
    if (strcmp(feed->rules.kind, resource->kind) != 0 || feed->namespaced != resource->namespaced)
        begin_anew(feed, resource);
    else if (!same && feed->stream)
        publisher_stream_names(feed->stream, &feed->names);
}

void feed_doubt(struct feed *feed, bool doubted)
{
    feed->doubted = doubted;
    tell_state(feed);
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

bool feed_awake(const struct feed *feed)
{
    return feed->awake;
}

void feed_metrics(const struct feed *feed, const char *cluster, struct metrics *out)
{
    struct buf labels = BUF_INIT(LABELS_LIMIT);
    topics_labels(cluster, TOPICS_ALL, &feed->gvr, &labels);
    reflector_metrics(mirror_reflector(feed->mirror), labels.data, out);
    buf_deinit(&labels);
}
