#include "kube/reflector.h"

#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "kube/collection.h"
#include "kube/gone_check.h"
#include "kube/pager.h"
#include "kube/resource_version.h"
#include "kube/version_check.h"
#include "kube/watch.h"

#define OBJECT_LIMIT (16u << 20)
#define BACKOFF_MIN_US (800 * LOOP_MS)
#define BACKOFF_MAX_US (30 * LOOP_SECOND)
#define BACKOFF_RESET_US (120 * LOOP_SECOND)
#define RETRY_AFTER_MAX_US (300 * LOOP_SECOND)
#define SLOW_US                                                                                              \
    (60 * LOOP_SECOND) /* still forbidden, gone: no faster than this, no slower than twice this              \
                        */
#define CONFIRM_US (10 * LOOP_SECOND) /* between the two checks for "gone" */
#define SILENCE_US (30 * LOOP_SECOND) /* a streamed list that says nothing for so long was not understood */
#define SHORT_WATCH_US LOOP_SECOND    /* a watch that ends within it, without an event, is a failure */
#define INTERNAL_ERRORS_MAX 5         /* 500s in a row before the watch gives way to a sync */
#define SYNC_AGAIN_US (10 * LOOP_SECOND) /* syncs that follow closer than this wait for the backoff */
#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

enum phase {
    PHASE_IDLE,
    PHASE_WAITING,
    PHASE_STREAMING,
    PHASE_LISTING,
    PHASE_WATCHING,
    PHASE_CONFIRMING,
    PHASE_CHECKING
};

struct reflector {
    struct loop *loop;
    struct rest *rest;
    struct log *log;
    const struct object_rules *rules;
    const struct reflector_ops *ops;
    void *arg;
    struct collection collection;
    char name[GVR_TEXT_MAX];
    bool no_watch_list;

    enum phase phase;
    struct pager pager;
    struct watch watch;
    struct gone_check gone_check;
    struct version_check version_check;
    struct timer timer;                  /* the end of a wait; the silence of a stream */
    void (*resume)(struct reflector *r); /* what the wait is for */
    struct backoff backoff;

    char *version;       /* the last resourceVersion seen; NULL before the first sync */
    bool version_lost;   /* the server has it no longer, or not yet: sync without */
    bool stream_refused; /* the server streams no lists */
    bool list_next;      /* a streamed list broke: page the next one */
    bool gathering;      /* between replace_begin and its end */
    int failures;        /* watches and syncs in a row that came to nothing */
    int internal_errors; /* of the watch, in a row */
    int absences;        /* checks in a row that found the resource absent */
    bool progress;       /* an event or a bookmark since the last sync */
    int64_t synced_us;   /* when the last sync was committed; 0: never */

    enum reflector_state state;
    char *reason;
    bool outages_told;
    struct reflector_stats stats;
};

static void reflector_sync(struct reflector *r);
static void reflector_list(struct reflector *r);
static void reflector_watch(struct reflector *r);
static void reflector_check(struct reflector *r);

const char *reflector_state_text(enum reflector_state state)
{
    static const char *const texts[] = {"starting", "synced", "forbidden", "gone", "unavailable"};
    return texts[state];
}

/* State, and waiting */

static void set_state(struct reflector *r, enum reflector_state state, const char *reason)
{
    if (r->state == state && r->reason && strcmp(r->reason, reason) == 0)
        return;
    r->state = state;
    free(r->reason);
    r->reason = mem_strdup(reason);
    cleanup_free char *told = mem_strdup(reason);
    if (state == REFLECTOR_SYNCED || state == REFLECTOR_STARTING)
        log_debug(r->log, "reflector", "%s: %s", r->name, reflector_state_text(state));
    else
        log_write(r->log,
                  state == REFLECTOR_UNAVAILABLE && r->outages_told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
                  "reflector", "%s: %s: %s", r->name, reflector_state_text(state), told);
    r->ops->state(r->arg, state, told);
}

static void set_version(struct reflector *r, const char *version, size_t len)
{
    if (len == 0)
        return;
    free(r->version);
    r->version = mem_dup(version, len);
}

static void wait_then(struct reflector *r, int64_t delay_us, void (*resume)(struct reflector *r))
{
    if (r->phase == PHASE_IDLE) /* stopped by the owner while it was told */
        return;
    r->phase = PHASE_WAITING;
    r->resume = resume;
    timer_start(&r->timer, delay_us);
}

static void wait_backoff(struct reflector *r, const struct status *status,
                         void (*resume)(struct reflector *r))
{
    int64_t delay = backoff_next(&r->backoff, r->loop);
    int64_t asked = status ? status->retry_after_ms * LOOP_MS : 0;
    if (asked > RETRY_AFTER_MAX_US)
        asked = RETRY_AFTER_MAX_US;
    wait_then(r, asked > delay ? asked : delay, resume);
}

static int64_t slow_delay(struct reflector *r)
{
    return SLOW_US + (int64_t)loop_random_below(r->loop, SLOW_US);
}

/* An API server that has just started forbids everything until it has loaded its rules. So the first tries
 * are as quick as after any failure, and only what stays forbidden is asked for slowly. */
static int64_t forbidden_delay(struct reflector *r)
{
    int64_t delay = backoff_next(&r->backoff, r->loop);
    return delay < BACKOFF_MAX_US ? delay : slow_delay(r);
}

/* Something failed that may pass: the owner hears of it once trying again has failed too. */
static void failed_once_more(struct reflector *r, const struct status *status, bool tell_now)
{
    if (++r->failures > 1 || tell_now)
        set_state(r, REFLECTOR_UNAVAILABLE, status->text);
}

/* Gathering a whole state */

static void gather_begin(struct reflector *r)
{
    r->gathering = true;
    r->ops->replace_begin(r->arg);
}

static void gather_abort(struct reflector *r)
{
    if (!r->gathering)
        return;
    r->gathering = false;
    r->ops->replace_abort(r->arg);
}

static void gather_commit(struct reflector *r, const char *version, size_t len)
{
    cleanup_free char *copy = mem_dup(version, len);
    r->gathering = false;
    r->version_lost = r->list_next = r->progress = false;
    r->failures = r->absences = r->internal_errors = 0;
    r->synced_us = loop_now_us(r->loop);
    set_version(r, copy, len);
    r->ops->replace_commit(r->arg, copy);
    if (r->phase != PHASE_IDLE)
        set_state(r, REFLECTOR_SYNCED, "");
}

static const char *sync_version(const struct reflector *r)
{
    return r->version && !r->version_lost ? r->version : "";
}

/* The server cannot serve the version that we asked for: go on without one, unless that was so already. */
static bool drop_version(struct reflector *r, const struct status *status)
{
    bool lost = status->outcome == OUTCOME_EXPIRED || status->outcome == OUTCOME_TOO_LARGE;
    if (!lost || !sync_version(r)[0])
        return false;
    r->version_lost = true;
    return true;
}

/* Objects */

static void object_refused(struct reflector *r, struct slice json, int why)
{
    size_t count = ++r->stats.refused;
    if ((count & (count - 1)) == 0) /* the 1st, 2nd, 4th … */
        log_warn(r->log, "reflector", "%s: object passed over (%zu so far), %s: %.*s", r->name, count,
                 why == OBJECT_E_SYNTAX ? "it is not JSON" : "it has no name",
                 (int)(json.len < 120 ? json.len : 120), json.data);
}

static bool kind_fits(const struct reflector *r, struct slice object)
{
    if (r->rules && r->rules->kind && !slice_equal(json_member(object, "kind"), r->rules->kind))
        return false;
    return !r->rules || !r->rules->api_version ||
           slice_equal(json_member(object, "apiVersion"), r->rules->api_version);
}

/* The scan that makes the object is the only one, unless members stand behind it in its line. */
static int object_make(struct reflector *r, struct slice json, struct slice line, struct object **object)
{
    struct watch_event event;
    int refused = object_create(json.data, json.len, r->rules, object);
    if (refused == OBJECT_E_SYNTAX && line.len && watch_event_split(line, &event) == 0)
        refused = object_create(event.object.data, event.object.len, r->rules, object);
    return refused;
}

static void object_event(struct reflector *r, enum event_type type, struct slice json, struct slice line)
{
    struct object *object;
    int refused = object_make(r, json, line, &object);
    if (refused != 0) {
        object_refused(r, json, refused);
        return;
    }
    r->stats.events++;
    if (r->gathering) {
        r->ops->replace_item(r->arg, type, object);
    } else {
        struct slice version = object_resource_version(object);
        set_version(r, version.data, version.len);
        r->progress = true;
        r->ops->event(r->arg, type, object);
    }
    object_unref(object);
}

/* The list */

static void on_list_item(void *arg, struct slice json)
{
    object_event(arg, EVENT_ADDED, json, (struct slice){0});
}

static void on_list_restart(void *arg)
{
    struct reflector *r = arg;
    gather_abort(r);
    if (r->phase != PHASE_IDLE)
        gather_begin(r);
}

/* What a refusal of the sync leads to, whether it was a list or the stream's own word. */
static void sync_failed(struct reflector *r, const struct status *status)
{
    switch (status->outcome) {
    case OUTCOME_FORBIDDEN:
        set_state(r, REFLECTOR_FORBIDDEN, status->text);
        wait_then(r, forbidden_delay(r), reflector_sync);
        break;
    case OUTCOME_NOT_FOUND:
        r->phase = PHASE_CONFIRMING;
        gone_check_start(&r->gone_check);
        break;
    default:
        failed_once_more(r, status, true);
        wait_backoff(r, status, reflector_sync);
        break;
    }
}

static void on_list_done(void *arg, const struct status *status, const char *version)
{
    struct reflector *r = arg;
    if (status->outcome == OUTCOME_OK) {
        gather_commit(r, version, strlen(version));
        if (r->phase != PHASE_IDLE)
            reflector_watch(r);
        return;
    }
    gather_abort(r);
    if (r->phase == PHASE_IDLE)
        return;
    if (drop_version(r, status))
        reflector_list(r);
    else
        sync_failed(r, status);
}

static void reflector_list(struct reflector *r)
{
    r->phase = PHASE_LISTING;
    r->stats.lists++;
    gather_begin(r);
    if (r->phase != PHASE_IDLE)
        pager_start(&r->pager, sync_version(r));
}

/* The streamed list */

static void reflector_stream(struct reflector *r)
{
    r->phase = PHASE_STREAMING;
    r->stats.streams++;
    gather_begin(r);
    if (r->phase == PHASE_IDLE)
        return;
    watch_start(&r->watch, sync_version(r), true);
    timer_start(&r->timer, SILENCE_US);
}

static void reflector_sync(struct reflector *r)
{
    if (r->phase == PHASE_IDLE) /* stopped by the owner while it was told */
        return;
    if (r->no_watch_list || r->stream_refused || r->list_next)
        reflector_list(r);
    else
        reflector_stream(r);
}

/* No end of the initial events, and no byte for long: a server that knows nothing of WatchList sends events
 * only. */
static void stream_silence(struct reflector *r)
{
    int64_t since = r->watch.last_byte_us > r->watch.started_us ? r->watch.last_byte_us : r->watch.started_us;
    int64_t left = since + SILENCE_US - loop_now_us(r->loop);
    if (left > 0) {
        timer_start(&r->timer, left);
        return;
    }
    log_info(r->log, "reflector", "%s: the API server does not stream lists: asking for pages", r->name);
    if (r->watch.last_byte_us > r->watch.started_us)
        r->stream_refused = true;
    else
        r->list_next = true; /* not even accepted: perhaps it is only slow */
    watch_cancel(&r->watch);
    gather_abort(r);
    if (r->phase != PHASE_IDLE)
        reflector_list(r);
}

static void stream_failed(struct reflector *r, const struct status *status)
{
    timer_stop(&r->timer);
    gather_abort(r);
    if (r->phase == PHASE_IDLE)
        return;
    if (drop_version(r, status)) {
        reflector_stream(r);
        return;
    }
    switch (status->outcome) {
    case OUTCOME_LOST:
        r->list_next = true;
        sync_failed(r, status);
        break;
    case OUTCOME_TOO_MANY:
    case OUTCOME_REFUSED:
        sync_failed(r, status);
        break;
    case OUTCOME_INVALID:
        log_debug(r->log, "reflector", "%s: no streamed list (%s): asking for pages", r->name, status->text);
        r->stream_refused = true;
        reflector_list(r);
        break;
    default: /* the list will say it again, or do better */
        reflector_list(r);
        break;
    }
}

/* The watch */

static bool is_behind(const struct reflector *r, struct slice version)
{
    uint64_t told, seen;
    cleanup_free char *text = mem_dup(version.data, version.len);
    return resource_version_parse(text, &told) && resource_version_parse(r->version, &seen) && told < seen;
}

static void bookmark_event(struct reflector *r, struct slice object)
{
    struct object_meta meta;
    if (object_scan(object.data, object.len, &meta) != 0 || meta.resource_version.len == 0) {
        object_refused(r, object, OBJECT_E_SHAPE);
        return;
    }
    if (r->phase == PHASE_WATCHING && is_behind(r, meta.resource_version)) {
        watch_cancel(&r->watch); /* a replica of the server that lags, or one that went back */
        wait_backoff(r, NULL, reflector_check);
    } else if (r->phase == PHASE_WATCHING) {
        set_version(r, meta.resource_version.data, meta.resource_version.len);
        r->progress = true;
        cleanup_free char *version = mem_strdup(r->version);
        r->ops->bookmark(r->arg, version);
    } else if (slice_equal(json_member(meta.annotations, INITIAL_EVENTS_END), "true")) {
        timer_stop(&r->timer);
        r->phase = PHASE_WATCHING;
        r->stats.watches++;
        gather_commit(r, meta.resource_version.data, meta.resource_version.len);
    }
}

static void on_watch_event(void *arg, const struct watch_event *event)
{
    struct reflector *r = arg;
    if (event->type == EVENT_BOOKMARK)
        bookmark_event(r, event->object);
    else if (kind_fits(r, event->object))
        object_event(r, event->type, event->object, event->line);
    else
        r->stats.ignored++;
}

static void on_watch_established(void *arg)
{
    struct reflector *r = arg;
    if (r->phase != PHASE_WATCHING)
        return;
    r->failures = 0;
    set_state(r, REFLECTOR_SYNCED, "");
}

/* The watch cannot go on from where it was. */
static void watch_void(struct reflector *r, const struct status *status)
{
    if (status->outcome == OUTCOME_EXPIRED && !r->progress)
        r->version_lost = true; /* a list not older than this version has led here before */
    if (loop_now_us(r->loop) - r->synced_us > SYNC_AGAIN_US)
        reflector_sync(r);
    else
        wait_backoff(r, status, reflector_sync);
}

static void watch_internal_error(struct reflector *r, const struct status *status)
{
    if (++r->internal_errors <= INTERNAL_ERRORS_MAX) {
        wait_backoff(r, status, reflector_watch);
        return;
    }
    r->internal_errors = 0;
    watch_void(r, status);
}

/* Ended in order. One that ends at once, again and again, must not turn into a storm. */
static void watch_ended(struct reflector *r)
{
    bool brief = r->watch.events == 0 && loop_now_us(r->loop) - r->watch.started_us < SHORT_WATCH_US;
    if (brief)
        wait_backoff(r, NULL, reflector_watch);
    else
        reflector_watch(r);
}

static void watch_failed(struct reflector *r, const struct status *status)
{
    switch (status->outcome) {
    case OUTCOME_OK:
        watch_ended(r);
        break;
    case OUTCOME_TOO_MANY:
        failed_once_more(r, status, false);
        wait_backoff(r, status, reflector_watch);
        break;
    case OUTCOME_REFUSED:
    case OUTCOME_LOST:
        failed_once_more(r, status, false);
        wait_backoff(r, status, reflector_check);
        break;
    case OUTCOME_INTERNAL:
        failed_once_more(r, status, false);
        watch_internal_error(r, status);
        break;
    case OUTCOME_FORBIDDEN:
        set_state(r, REFLECTOR_FORBIDDEN, status->text);
        wait_then(r, forbidden_delay(r), reflector_watch);
        break;
    case OUTCOME_NOT_FOUND:
        sync_failed(r, status);
        break;
    case OUTCOME_UNAUTHORIZED: /* credentials rotate */
        failed_once_more(r, status, true);
        wait_backoff(r, status, reflector_watch);
        break;
    default:
        log_info(r->log, "reflector", "%s: the watch cannot go on from %s, listing again: %s", r->name,
                 r->version, status->text);
        watch_void(r, status);
        break;
    }
}

static void on_watch_done(void *arg, const struct status *status)
{
    struct reflector *r = arg;
    r->stats.ignored += r->watch.decoder.ignored;
    r->watch.decoder.ignored = 0;
    if (r->phase == PHASE_STREAMING)
        stream_failed(r, status);
    else
        watch_failed(r, status);
}

/* The connection broke, or the server is not where we are: it may have been restored from a backup. Then the
 * watch must not go on from a version that is still to come. */
static void on_version_checked(void *arg, const struct status *status, const char *version)
{
    struct reflector *r = arg;
    uint64_t now, seen;
    if (status->outcome != OUTCOME_OK) {
        watch_failed(r, status);
    } else if (resource_version_parse(version, &now) && resource_version_parse(r->version, &seen) &&
               now < seen) {
        log_warn(r->log, "reflector", "%s: the API server went back from %s to %s: listing again", r->name,
                 r->version, version);
        r->version_lost = true;
        reflector_sync(r);
    } else {
        reflector_watch(r);
    }
}

static void reflector_check(struct reflector *r)
{
    r->phase = PHASE_CHECKING;
    version_check_start(&r->version_check);
}

static void reflector_watch(struct reflector *r)
{
    r->phase = PHASE_WATCHING;
    r->stats.watches++;
    watch_start(&r->watch, r->version, false);
}

/* A 404 */

static void on_gone_checked(void *arg, enum gone gone, const char *reason)
{
    struct reflector *r = arg;
    r->version_lost = true;
    r->absences = gone == GONE_ABSENT ? r->absences + 1 : 0;
    if (r->absences == 1) {
        set_state(r, REFLECTOR_UNAVAILABLE,
                  "the API server answers 404; finding out whether the resource is gone");
        wait_then(r, CONFIRM_US, reflector_sync);
    } else if (r->absences > 1) {
        set_state(r, REFLECTOR_GONE, reason);
        wait_then(r, slow_delay(r), reflector_sync);
    } else {
        set_state(r, REFLECTOR_UNAVAILABLE, reason);
        wait_backoff(r, NULL, reflector_sync);
    }
}

static void on_timer(void *arg)
{
    struct reflector *r = arg;
    if (r->phase == PHASE_STREAMING)
        stream_silence(r);
    else if (r->phase == PHASE_WAITING)
        r->resume(r);
}

/* Life */

static void collection_from(struct collection *collection, const struct reflector_config *config)
{
    *collection = (struct collection){
        .gvr = config->gvr,
        .namespace_ = mem_strdup(config->namespace_),
        .label_selector = mem_strdup(config->label_selector),
        .field_selector = mem_strdup(config->field_selector),
        .object_limit = config->object_limit ? config->object_limit : OBJECT_LIMIT,
    };
}

struct reflector *reflector_create(const struct reflector_config *config, const struct reflector_ops *ops,
                                   void *arg)
{
    static const struct pager_ops pager_ops = {on_list_item, on_list_restart, on_list_done};
    static const struct watch_ops watch_ops = {on_watch_established, on_watch_event, on_watch_done};
    struct reflector *r = mem_zalloc(sizeof(*r));
    r->loop = config->loop;
    r->rest = config->rest;
    r->log = config->log;
    r->outages_told = config->outages_told;
    r->rules = config->rules;
    r->no_watch_list = config->no_watch_list;
    r->ops = ops;
    r->arg = arg;
    gvr_text(&config->gvr, r->name);
    collection_from(&r->collection, config);
    pager_init(&r->pager, r->rest, &r->collection, &pager_ops, r);
    watch_init(&r->watch, r->loop, r->rest, &r->collection, &watch_ops, r);
    gone_check_init(&r->gone_check, r->rest, &config->gvr, on_gone_checked, r);
    version_check_init(&r->version_check, r->rest, &r->collection, on_version_checked, r);
    timer_init(&r->timer, r->loop, on_timer, r);
    backoff_init(&r->backoff, BACKOFF_MIN_US, BACKOFF_MAX_US, BACKOFF_RESET_US, 1.0);
    return r;
}

void reflector_start(struct reflector *r)
{
    if (r->phase != PHASE_IDLE)
        return;
    free(mem_steal(r->version));
    free(mem_steal(r->reason));
    r->version_lost = r->stream_refused = r->list_next = false;
    r->failures = r->internal_errors = r->absences = 0;
    r->synced_us = 0;
    backoff_reset(&r->backoff);
    r->phase = PHASE_WAITING;
    set_state(r, REFLECTOR_STARTING, "");
    wait_then(r, 0, reflector_sync);
}

void reflector_stop(struct reflector *r)
{
    r->phase = PHASE_IDLE;
    timer_stop(&r->timer);
    pager_cancel(&r->pager);
    watch_cancel(&r->watch);
    gone_check_cancel(&r->gone_check);
    version_check_cancel(&r->version_check);
    gather_abort(r);
}

void reflector_destroy(struct reflector *r)
{
    if (!r)
        return;
    reflector_stop(r);
    collection_deinit(&r->collection);
    free(r->version);
    free(r->reason);
    free(r);
}

enum reflector_state reflector_state(const struct reflector *r)
{
    return r->state;
}

const struct reflector_stats *reflector_stats(const struct reflector *r)
{
    return &r->stats;
}

const char *reflector_resource_version(const struct reflector *r)
{
    return r->version ? r->version : "";
}

int64_t reflector_last_byte_us(const struct reflector *r)
{
    return r->watch.last_byte_us;
}
