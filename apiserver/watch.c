/*
 * GET with watch=true. A watch is a position in the history of its collection and holds nothing else, so its
 * reader may be as slow as it likes; once the history has moved past its position the stream ends with an
 * error event that says so, the 410 that any other attempt from there would get.
 *
 * Once all was told, it waits for what is next (audience.h), and is looked at again when there is something:
 * its reader hears of that only where it is for him. While it waits it has told all that there was, whatever
 * its position says.
 *
 * Where a selector is given, an object that comes to match appears as ADDED and one that ceases to as
 * DELETED, with its last matching state at the revision of the change.
 */

#include <inttypes.h>
#include <string.h>

#include "apiserver/freshness.h"
#include "apiserver/options.h"
#include "apiserver/print.h"
#include "apiserver/server_internal.h"
#include "apiserver/write.h"
#include "base/mem.h"

#define LAST_BOOKMARK_US (2 * LOOP_SECOND) /* before a watch ends */

struct watch {
    struct exchange *exchange;
    struct collection *collection;
    struct waiter waiter;
    struct list_options options;
    struct printer printer;
    int64_t deadline_us;
    uint64_t position;      /* revision of the last event told, or passed over */
    struct partition *only; /* NULL: all; held */
    struct view initial;
    struct view_reader reader; /* of that */
    bool starts;               /* with the initial events */
    bool ends_initial;         /* the bookmark that ends the initial events is still to come */
    bool bookmark_due, timed_out;
    struct timer timeout, bookmark;
};

static void watch_timed_out(void *arg)
{
    struct watch *watch = arg;
    watch->timed_out = true;
    exchange_wake(watch->exchange);
}

/* Every now and then, and for the last time as long before the end as a real server has it. */
static void await_bookmark(struct watch *watch)
{
    struct apiserver *server = watch->exchange->server;
    int64_t left_us = watch->deadline_us - LAST_BOOKMARK_US - loop_now_us(server->loop);
    if (left_us > 0)
        timer_start(&watch->bookmark, left_us < server->bookmark_us ? left_us : server->bookmark_us);
}

static void bookmark_fired(void *arg)
{
    struct watch *watch = arg;
    watch->bookmark_due = true;
    await_bookmark(watch);
    exchange_wake(watch->exchange);
}

static void watch_destroy(struct watch *watch)
{
    timer_stop(&watch->timeout);
    timer_stop(&watch->bookmark);
    audience_leave(&watch->waiter);
    list_options_deinit(&watch->options);
    view_deinit(&watch->initial);
    print_deinit(&watch->printer);
    if (watch->only)
        partition_release(watch->only);
    free(watch);
}

static void watch_close(struct exchange *exchange)
{
    watch_destroy(exchange->state);
}

/* False: it was the last one. */
static bool fill_initial_items(struct watch *watch)
{
    struct item item;
    for (int i = 0; i < SLICE_OBJECTS; i++) {
        struct view_reader next = watch->reader;
        if (!view_next(&next, &item))
            return false;
        bool selected = list_options_select(&watch->options, &item);
        if (selected && !exchange_fits(watch->exchange, print_size(&item)))
            return true;
        watch->reader = next;
        if (selected)
            print_event(&watch->printer, EVENT_ADDED, &item, &watch->exchange->out);
    }
    return true;
}

static void fill_initial(struct watch *watch, struct buf *out)
{
    watch->starts = fill_initial_items(watch);
    if (!watch->starts)
        view_deinit(&watch->initial);
    if (!watch->starts && watch->ends_initial) {
        print_bookmark(&watch->printer, watch->position, true, out);
        watch->ends_initial = false;
    }
}

/* Who comes back after a cluster of that name has gone and another one has come is told of both. */
static bool is_about(const struct watch *watch, const struct partition *partition)
{
    return !watch->only || watch->only == partition || !strcmp(watch->only->name, partition->name);
}

/* What a change is to those who see only what they chose. */
struct change {
    bool is, was; /* chosen: as it is now, as it was */
};

static struct change change_of(const struct watch *watch, const struct event *event)
{
    struct item now = {event->partition, event->object, event->revision};
    struct item last = {event->partition, event->old, event->revision};
    if (!is_about(watch, event->partition))
        return (struct change){0};
    return (struct change){
        .is = event->type != EVENT_DELETED && list_options_select(&watch->options, &now),
        .was = event->old && list_options_select(&watch->options, &last),
    };
}

static void print_change(struct watch *watch, const struct event *event, struct buf *out)
{
    struct change change = change_of(watch, event);
    struct item now = {event->partition, event->object, event->revision};
    struct item last = {event->partition, event->old, event->revision};
    if (change.is)
        print_shared_event(&watch->printer, change.was ? EVENT_MODIFIED : EVENT_ADDED, &now, out);
    else if (change.was)
        print_shared_event(&watch->printer, EVENT_DELETED, &last, out);
}

/* Before the cluster that is watched came, what counts was another one's of its name. */
static bool is_forgotten(const struct watch *watch)
{
    bool own = watch->only && watch->position >= watch->only->begun;
    return watch->position < (own ? watch->only->lost : watch->collection->lost);
}

static const struct event *next_event(const struct watch *watch)
{
    return collection_event_after(watch->collection, watch->position);
}

/* The next one that its replica has seen. */
static const struct event *next_seen(const struct watch *watch)
{
    const struct event *event = next_event(watch);
    return event && event->revision <= exchange_horizon(watch->exchange) ? event : NULL;
}

static bool has_room(const struct watch *watch, const struct event *event)
{
    struct item item = {event->partition, event->object, event->revision};
    return exchange_fits(watch->exchange, print_size(&item));
}

/* Everything up to the horizon, slice by slice. False where the history has been forgotten under the watch.
 */
static bool fill_events(struct watch *watch, struct buf *out)
{
    for (int i = 0;; i++) {
        if (is_forgotten(watch)) {
            watch->exchange->server->stats.outpaced++;
            return false;
        }
        const struct event *event = next_seen(watch);
        if (!event || !has_room(watch, event))
            return true;
        if (i == SLICE_OBJECTS) {
            exchange_later(watch->exchange);
            return true;
        }
        watch->position = event->revision;
        print_change(watch, event, out);
    }
}

/* Everything was told: the position may be that of all collections. */
static void fill_bookmark(struct watch *watch, struct buf *out)
{
    uint64_t horizon = exchange_horizon(watch->exchange);
    if (!watch->bookmark_due || next_seen(watch))
        return;
    watch->bookmark_due = false;
    if (horizon > watch->position)
        watch->position = horizon;
    print_bookmark(&watch->printer, watch->position, false, out);
}

/* As a real server tells of it, in the midst of an answer that began well. */
static void print_error(const struct status *status, struct buf *out)
{
    buf_append_str(out, "{\"type\":\"ERROR\",\"object\":");
    status_print(status, out);
    buf_truncate(out, out->len - 1);
    buf_append_str(out, "}\n");
}

static void print_expired(const struct collection *collection, uint64_t version, struct buf *out)
{
    struct status status;
    uint64_t oldest =
        collection->dropped > collection->cache_from ? collection->dropped : collection->cache_from;
    status_set(&status, 410, "Expired", "too old resource version: %" PRIu64 " (%" PRIu64 ")", version,
               oldest);
    print_error(&status, out);
}

/* What it watches is no more: the resource, or the cluster's part in it. */
static bool is_over(const struct watch *watch)
{
    return !watch->collection->served || (watch->only && watch->only->dropped);
}

/* ---- waiting ---- */

/* Before that revision nothing has happened to what is watched, while it waited. */
static void pass(struct watch *watch, uint64_t since)
{
    uint64_t horizon = exchange_horizon(watch->exchange), quiet = since <= horizon ? since - 1 : horizon;
    if (since && watch->position < quiet)
        watch->position = quiet;
}

/* Looks at what is next, and passes over what is not for this watch. True where its reader is to look at the
 * rest. */
static bool look(struct watch *watch)
{
    uint64_t horizon = exchange_horizon(watch->exchange);
    for (int i = 0; i < SLICE_OBJECTS; i++) {
        const struct event *event = next_event(watch);
        if (!event)
            return is_over(watch);
        struct change change = change_of(watch, event);
        if (event->revision > horizon || change.is || change.was || is_forgotten(watch))
            return true;
        watch->position = event->revision;
    }
    return true;
}

static void watch_wait(struct watch *watch)
{
    audience_join(watch->only ? &watch->only->audience : &watch->collection->audience, &watch->waiter);
}

static void watch_told(void *arg, uint64_t since)
{
    struct watch *watch = arg;
    pass(watch, since);
    if (look(watch))
        exchange_wake(watch->exchange);
    else
        watch_wait(watch);
}

static bool watch_fill(struct exchange *exchange)
{
    struct watch *watch = exchange->state;
    struct buf *out = &exchange->out;
    pass(watch, waiter_called_since(&watch->waiter));
    if (watch->starts)
        fill_initial(watch, out);
    if (watch->starts && !out->len)
        exchange_later(exchange);
    if (watch->starts)
        return true;
    if (!fill_events(watch, out)) {
        print_expired(watch->collection, watch->position, out);
        return false;
    }
    if (is_over(watch) && out->len == 0)
        return false;
    fill_bookmark(watch, out);
    if (!next_event(watch))
        watch_wait(watch);
    exchange->quiet = !next_event(watch) && !is_over(watch);
    return !watch->timed_out || next_seen(watch);
}

static const struct exchange_source watch_source = {.fill = watch_fill, .close = watch_close};

/* It was told why. */
static void end(struct exchange *exchange)
{
    watch_destroy(exchange->state);
    exchange->source = NULL;
    exchange_wake(exchange);
}

void server_expire_watch(struct exchange *exchange)
{
    const struct watch *watch = exchange->state;
    if (!exchange->source)
        return;
    print_expired(watch->collection, watch->position, &exchange->out);
    end(exchange);
}

void exchange_end_watch(struct exchange *exchange, const struct status *status)
{
    if (exchange->source != &watch_source)
        return;
    print_error(status, &exchange->out);
    end(exchange);
}

/* Without a version, with 0, or with sendInitialEvents, the stream starts with what is there. */
static void start_position(struct watch *watch)
{
    const struct list_options *options = &watch->options;
    struct exchange *exchange = watch->exchange;
    bool whole = options->has_initial_events ? options->initial_events : options->version == 0;
    uint64_t seen = options->has_version ? exchange_horizon(exchange) : exchange->server->storage.revision;
    watch->position = options->version;
    if (whole || options->version == 0)
        watch->position = seen;
    if (!whole)
        return;
    watch->starts = true;
    watch->ends_initial = options->bookmarks;
    if (view_take(watch->collection, watch->only, seen, &watch->initial) != 0)
        view_take(watch->collection, watch->only, watch->position = exchange->server->storage.revision,
                  &watch->initial);
    watch->reader = view_read(&watch->initial, options->namespace_);
}

static void start_timers(struct watch *watch)
{
    struct loop *loop = watch->exchange->server->loop;
    uint64_t seconds =
        watch->options.timeout_s ? watch->options.timeout_s : 1800 + loop_random_below(loop, 1800);
    timer_init(&watch->timeout, loop, watch_timed_out, watch);
    timer_init(&watch->bookmark, loop, bookmark_fired, watch);
    watch->deadline_us = loop_now_us(loop) + (int64_t)seconds * LOOP_SECOND;
    timer_start(&watch->timeout, (int64_t)seconds * LOOP_SECOND);
    if (watch->options.bookmarks)
        await_bookmark(watch);
}

/* 0; 410, which is told in the stream; or another HTTP code with status set. A fleet's revisions begin anew
 * with each process: one from its future is another one's. With initial events "not older than" is a promise.
 */
static int check_version(const struct watch *watch, struct status *status)
{
    const struct collection *collection = watch->collection;
    const struct list_options *options = &watch->options;
    const struct storage *storage = collection->storage;
    if (storage->fleet && options->version > storage->revision)
        return 410;
    if (options->initial_events)
        return options->version > exchange_horizon(watch->exchange)
                   ? server_too_large(watch->exchange, options->version, status)
                   : 0;
    return options->version &&
                   (options->version < collection->dropped || options->version < collection->cache_from)
               ? 410
               : 0;
}

void server_answer_watch(struct exchange *exchange, struct collection *collection)
{
    struct status status = {0};
    struct watch *watch = mem_zalloc(sizeof(*watch));
    watch->exchange = exchange;
    watch->collection = collection;
    print_init(&watch->printer, exchange, &collection->resource);
    watch->only = server_partition(exchange, collection);
    if (watch->only)
        watch->only->holders++;
    int r = list_options_parse(&watch->options, exchange, &collection->resource, &status);
    if (r == 0)
        r = check_version(watch, &status);
    if (r != 0) {
        if (r == 410)
            print_expired(collection, watch->options.version, &exchange->out);
        else
            exchange_fail(exchange, &status);
        watch_destroy(watch);
        return;
    }
    freshness_warn(exchange, collection, watch->only);
    start_position(watch);
    start_timers(watch);
    watch->waiter = (struct waiter){.told = watch_told, .arg = watch};
    exchange->source = &watch_source;
    exchange->state = watch;
    exchange->watch = true;
}
