#include "kube/watch.h"

#include "kube/url.h"

#define TIMEOUT_MIN_S 300
#define TIMEOUT_GRACE_S 30

static void watch_clear(struct watch *watch)
{
    watch_decoder_deinit(&watch->decoder);
}

/* Our own end of it, for a reason found in the stream. */
static void watch_break(struct watch *watch, const struct status *status)
{
    call_cancel(&watch->call);
    watch_clear(watch);
    watch->cancelled = true;
    watch->ops->done(watch->arg, status);
}

static void decoder_failed(struct watch *watch, int code)
{
    struct status status;
    if (code == WATCH_E_STOPPED)
        status = watch->error;
    else
        status_malformed(&status, "the API server's watch of %s is of no use: %s",
                         watch->collection->gvr.resource,
                         code == WATCH_E_TOO_LONG ? "an event is longer than the limit for one object"
                                                  : "a line of it is no event");
    watch_break(watch, &status);
}

static bool on_event(void *arg, const struct watch_event *event)
{
    struct watch *watch = arg;
    watch->events++;
    if (event->type == EVENT_ERROR) {
        status_from_object(&watch->error, event->object.data, event->object.len);
        return false;
    }
    watch->ops->event(watch->arg, event);
    return !watch->cancelled;
}

static void on_accepted(void *arg)
{
    struct watch *watch = arg;
    watch->last_byte_us = loop_now_us(watch->loop);
    watch->ops->established(watch->arg);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct watch *watch = arg;
    watch->last_byte_us = loop_now_us(watch->loop);
    watch->feeding = true;
    int r = watch_decoder_feed(&watch->decoder, data, len);
    watch->feeding = false;
    if (watch->cancelled)
        watch_clear(watch);
    else if (r != 0)
        decoder_failed(watch, r);
}

/* The stream has ended as HTTP; what is left of a line may still be an event. */
static void stream_ended(struct watch *watch, const struct status *status)
{
    watch->feeding = true;
    int r = watch_decoder_finish(&watch->decoder);
    watch->feeding = false;
    if (watch->cancelled) {
        watch_clear(watch);
    } else if (r == WATCH_E_TRUNCATED) {
        struct status lost;
        status_from_answer(&lost, REST_BROKEN, "the watch ended inside an event", 0, -1, NULL, 0);
        watch_break(watch, &lost);
    } else if (r != 0) {
        decoder_failed(watch, r);
    } else {
        watch_break(watch, status);
    }
}

static void on_done(void *arg, const struct status *status)
{
    struct watch *watch = arg;
    if (status->outcome == OUTCOME_OK)
        stream_ended(watch, status);
    else
        watch_break(watch, status);
}

void watch_init(struct watch *watch, struct loop *loop, struct rest *rest,
                const struct collection *collection, const struct watch_ops *ops, void *arg)
{
    static const struct call_ops call_ops = {.accepted = on_accepted, .body = on_body, .done = on_done};
    *watch =
        (struct watch){.collection = collection, .ops = ops, .arg = arg, .loop = loop, .cancelled = true};
    call_init(&watch->call, rest, &call_ops, watch);
    watch_decoder_init(&watch->decoder, collection->object_limit, on_event, watch);
}

static void watch_url(struct watch *watch, struct buf *url, const char *resource_version, bool initial_events,
                      int64_t timeout_s)
{
    collection_url(watch->collection, url);
    url_query(url, "watch", "true");
    if (initial_events) {
        url_query(url, "sendInitialEvents", "true");
        url_query(url, "resourceVersionMatch", "NotOlderThan");
    }
    url_query(url, "allowWatchBookmarks", "true");
    url_query_number(url, "timeoutSeconds", timeout_s);
    if (resource_version && resource_version[0])
        url_query(url, "resourceVersion", resource_version);
}

void watch_start(struct watch *watch, const char *resource_version, bool initial_events)
{
    int64_t timeout_s = TIMEOUT_MIN_S + (int64_t)loop_random_below(watch->loop, TIMEOUT_MIN_S + 1);
    struct buf url = BUF_INIT(URL_LIMIT);
    watch_url(watch, &url, resource_version, initial_events, timeout_s);
    watch->cancelled = false;
    watch->events = 0;
    watch->started_us = loop_now_us(watch->loop);
    struct rest_request request = {.method = "GET",
                                   .path = url.data,
                                   .timeout_ms = (timeout_s + 2 * TIMEOUT_GRACE_S) * 1000,
                                   .idle_timeout_ms = (timeout_s + TIMEOUT_GRACE_S) * 1000};
    call_start(&watch->call, &request);
    buf_deinit(&url);
}

void watch_cancel(struct watch *watch)
{
    call_cancel(&watch->call);
    watch->cancelled = true;
    if (!watch->feeding)
        watch_clear(watch);
}
