/*
 *     discovery ──▶ wants ──(known)──▶ feeds
 *        ▲            │ ╰──(all known or absent)──▶ publisher_complete()
 *        └─(missing)──┘  now and then
 */
#include "provider/provider.h"

#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "kube/discovery.h"
#include "provider/absence.h"
#include "provider/feed.h"
#include "store/selector.h"

#define EVERYTHING "*"
#define RETRY_MIN_US LOOP_SECOND
#define RETRY_MAX_US (30 * LOOP_SECOND)
#define REFRESH_NAMED_US (15 * LOOP_SECOND)    /* while something is missing that was asked for by name */
#define REFRESH_DEFAULT_US (120 * LOOP_SECOND) /* while a default is missing */
#define REFRESH_US (600 * LOOP_SECOND)         /* in any case: what is there may be called otherwise */
#define DEFINED_US (2 * LOOP_SECOND)           /* behind a definition that has changed, and once more: */
#define SETTLED_US (75 * LOOP_SECOND)          /* an API server may take a minute to tell of it */
#define PATIENCE_US (30 * LOOP_SECOND)         /* with groups that do not answer, before others go on */
#define CHECK_US LOOP_SECOND
#define REASON_LIMIT ((size_t)4096)
#define OUTAGE_US (3 * LOOP_SECOND) /* for others to notice it, too */

static const struct gvr definitions_gvr = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"};

/* One spelling. */
struct want {
    const char *spelling; /* borrowed from the options */
    bool named;           /* by the user */
    struct feed *feed;    /* the provider's; NULL while it is missing, and for "*" */
    bool absent;          /* the API server was asked, and has no such thing */
    char *said;           /* what was logged about it last */
};

struct provider {
    struct loop *loop;
    struct rest *rest;
    struct publisher *publisher;
    struct log *log;
    struct attic *attic;
    const struct selection_options *selection;
    struct discovery *discovery;
    struct want *wants;
    size_t want_count;
    struct feed **feeds;
    size_t feed_count;
    struct absence *absence;
    struct feed *definitions; /* among the feeds; NULL: they are not shared */
    struct store_observer definitions_observer;
    bool defined;  /* one has changed since discovery was asked last, */
    bool settling; /* or before that, for the first time since it had been asked */
    struct timer refresh, check, outage;
    size_t away; /* feeds that were unavailable, as logged last */
    struct backoff backoff;
    int64_t started_us;
    char *reason; /* of discovery's failure, as logged last */
    bool discovered, complete;
};

/* Feeds */

static struct feed *feed_find(const struct provider *provider, const struct gvr *gvr)
{
    for (size_t i = 0; i < provider->feed_count; i++)
        if (gvr_equal(feed_gvr(provider->feeds[i]), gvr))
            return provider->feeds[i];
    return NULL;
}

static void refresh_in(struct provider *provider, int64_t delay_us)
{
    timer_start(&provider->refresh,
                delay_us + (int64_t)loop_random_below(provider->loop, (uint64_t)delay_us / 4));
}

/* Not later than that. */
static void refresh_within(struct provider *provider, int64_t delay_us)
{
    if (!timer_active(&provider->refresh) ||
        provider->refresh.due_us > loop_now_us(provider->loop) + delay_us * 5 / 4)
        refresh_in(provider, delay_us);
}

static void on_feed_changed(void *arg, struct feed *feed)
{
    struct provider *provider = arg;
    if (feed_state(feed) == REFLECTOR_GONE)
        refresh_within(provider, REFRESH_NAMED_US);
    if (!timer_active(&provider->outage))
        timer_start(&provider->outage, OUTAGE_US);
}

/* An API server that is away is away for all resources: that is one line, not one for each. */
static void on_outage(void *arg)
{
    struct provider *provider = arg;
    const char *reason = "";
    size_t away = 0;
    for (size_t i = 0; i < provider->feed_count; i++) {
        if (feed_state(provider->feeds[i]) != REFLECTOR_UNAVAILABLE)
            continue;
        away++;
        reason = feed_reason(provider->feeds[i]);
    }
    size_t before = provider->away;
    provider->away = away;
    if (away ? away <= before : before == 0) /* those that were away come back one by one */
        return;
    if (away)
        log_warn(provider->log, "provider", "%zu of %zu resources cannot be had: %s; trying again", away,
                 provider->feed_count, reason);
    else
        log_info(provider->log, "provider", "all resources can be had again");
}

/* Watches tell it sooner where connections break. */
void provider_silent(struct provider *provider, bool silent)
{
    if (silent)
        log_warn(provider->log, "provider", "the API server says nothing: what is known of it may be old");
    else
        log_info(provider->log, "provider", "the API server answers again");
    for (size_t i = 0; i < provider->feed_count; i++)
        feed_doubt(provider->feeds[i], silent);
}

/* A definition that came, went or changed: discovery says what that means. */
static void on_defined(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct provider *provider = arg;
    (void)old, (void)new_, (void)unseen;
    if (!provider->defined)
        refresh_within(provider, DEFINED_US);
    provider->defined = true;
}

static void definitions_follow(struct provider *provider, struct feed *feed)
{
    provider->definitions = feed;
    provider->definitions_observer = (struct store_observer){.changed = on_defined, .arg = provider};
    store_observe(feed_store(feed), &provider->definitions_observer);
}

static struct feed *feed_make(struct provider *provider, const struct api_resource *resource)
{
    struct feed_config config = {
        .loop = provider->loop,
        .rest = provider->rest,
        .publisher = provider->publisher,
        .log = provider->log,
        .attic = provider->attic,
        .gvr = resource->gvr,
        .kind = resource->kind,
        .api_version = resource->api_version,
        .namespaced = resource->namespaced,
        .names = resource->names,
        .namespace_ = provider->selection->namespace_,
        .selector = provider->selection->selector,
        .drop_fields = &provider->selection->drop_fields,
        .always = provider->selection->always,
    };
    struct feed *feed = feed_create(&config, on_feed_changed, provider);
    if (!feed) {
        log_error(provider->log, "provider", "%s: its name is too long for a topic; not mirrored",
                  resource->gvr.resource);
        return NULL;
    }
    provider->feeds = mem_realloc(provider->feeds, (provider->feed_count + 1) * sizeof(struct feed *));
    provider->feeds[provider->feed_count++] = feed;
    if (gvr_equal(&resource->gvr, &definitions_gvr))
        definitions_follow(provider, feed);
    feed_start(feed);
    return feed;
}

/* One that was gone and is offered again does not wait for its own next try. */
static struct feed *feed_ensure(struct provider *provider, const struct api_resource *resource)
{
    struct feed *feed = feed_find(provider, &resource->gvr);
    if (!feed)
        return feed_make(provider, resource);
    feed_describe(feed, resource);
    if (feed_state(feed) == REFLECTOR_GONE)
        feed_start(feed);
    return feed;
}

/* Wants */

static bool is_missing(const struct want *want)
{
    return !want->feed || feed_state(want->feed) == REFLECTOR_GONE;
}

static void say_missing(struct provider *provider, struct want *want, const char *text)
{
    if (want->said && strcmp(want->said, text) == 0)
        return;
    free(want->said);
    want->said = mem_strdup(text);
    if (want->named)
        log_warn(provider->log, "provider", "%s; looking for it again now and then", text);
    else
        log_info(provider->log, "provider", "%s", text);
}

static void add_each(void *arg, const struct api_resource *resource)
{
    feed_ensure(arg, resource);
}

static void resolve(struct provider *provider, struct want *want)
{
    const struct api_table *table = discovery_table(provider->discovery);
    struct api_resource resource;
    struct error err = {0};
    int r = api_table_resolve(table, want->spelling, &resource, &err);
    bool usable = r == 0 && (resource.verbs & API_VERB_LIST) && (resource.verbs & API_VERB_WATCH);
    if (r == 0 && !usable)
        error_set(&err, EX_UNAVAILABLE, "%s cannot be listed and watched", want->spelling);
    want->absent = r != API_E_UNSURE && !usable;
    if (usable)
        want->feed = feed_ensure(provider, &resource);
    else
        say_missing(provider, want, err.text);
}

static void resolve_missing(struct provider *provider)
{
    for (size_t i = 0; i < provider->want_count; i++) {
        struct want *want = &provider->wants[i];
        if (strcmp(want->spelling, EVERYTHING) == 0)
            api_table_each(discovery_table(provider->discovery), add_each, provider);
        else if (is_missing(want))
            resolve(provider, want);
    }
}

static void describe_each(struct provider *provider)
{
    struct api_resource resource;
    for (size_t i = 0; i < provider->feed_count; i++)
        if (api_table_get(discovery_table(provider->discovery), feed_gvr(provider->feeds[i]), &resource) == 0)
            feed_describe(provider->feeds[i], &resource);
}

/* Whatever is defined is heard of, without asking. */
static bool is_told(const struct provider *provider)
{
    return provider->definitions && feed_awake(provider->definitions) &&
           feed_state(provider->definitions) == REFLECTOR_SYNCED;
}

static int64_t refresh_delay(const struct provider *provider)
{
    int64_t delay = REFRESH_US;
    for (size_t i = 0; i < provider->want_count; i++) {
        const struct want *want = &provider->wants[i];
        if (strcmp(want->spelling, EVERYTHING) == 0 ? is_told(provider) : !is_missing(want))
            continue;
        if (want->named)
            return REFRESH_NAMED_US;
        delay = REFRESH_DEFAULT_US;
    }
    return delay;
}

/* A want that has no feed is settled when it is known that there is nothing to feed. */
static bool wants_settled(const struct provider *provider, bool patient)
{
    for (size_t i = 0; i < provider->want_count; i++) {
        const struct want *want = &provider->wants[i];
        if (!want->feed && !want->absent && strcmp(want->spelling, EVERYTHING) != 0 && patient)
            return false;
    }
    return true;
}

static void check_complete(struct provider *provider)
{
    bool patient = loop_now_us(provider->loop) - provider->started_us < PATIENCE_US;
    if (provider->complete || !provider->discovered || !wants_settled(provider, patient))
        return;
    provider->complete = true;
    timer_stop(&provider->check);
    log_info(provider->log, "provider", "%zu %s shared", provider->feed_count,
             provider->feed_count == 1 ? "resource is" : "resources are");
    publisher_complete(provider->publisher);
}

static void on_check(void *arg)
{
    struct provider *provider = arg;
    timer_start(&provider->check, CHECK_US);
    check_complete(provider);
}

/* Discovery */

static void refresh_later(struct provider *provider)
{
    int64_t delay = refresh_delay(provider);
    bool again = provider->settling && delay > SETTLED_US;
    discovery_clear(provider->discovery);
    provider->settling = false;
    if (!provider->defined)
        refresh_in(provider, again ? SETTLED_US : delay);
}

static void on_discovered(void *arg, const struct status *status)
{
    struct provider *provider = arg;
    if (status->outcome != OUTCOME_OK) {
        if (!provider->reason || strcmp(provider->reason, status->text) != 0)
            log_warn(provider->log, "provider", "discovery: %s; trying again", status->text);
        free(provider->reason);
        provider->reason = mem_strdup(status->text);
        timer_start(&provider->refresh, backoff_next(&provider->backoff, provider->loop));
        return;
    }
    free(provider->reason);
    provider->reason = NULL;
    provider->discovered = true;
    resolve_missing(provider);
    describe_each(provider);
    refresh_later(provider);
    check_complete(provider);
}

static void on_refresh(void *arg)
{
    struct provider *provider = arg;
    provider->settling = provider->defined;
    provider->defined = false;
    discovery_refresh(provider->discovery);
}

/* What is not there */

/* Only what every spelling has been looked up for can be said to be none of them. */
static bool is_shared(void *arg, const struct gvr *gvr)
{
    const struct provider *provider = arg;
    for (size_t i = 0; i < provider->want_count; i++)
        if (strcmp(provider->wants[i].spelling, EVERYTHING) == 0)
            return true;
    return feed_find(provider, gvr) || !provider->discovered || !wants_settled(provider, true);
}

int provider_absent(struct provider *provider, const char *audience, const struct gvr *gvr)
{
    const struct feed *feed = feed_find(provider, gvr);
    if (strcmp(audience, TOPICS_ALL) != 0 || !provider->complete)
        return 0;
    if (feed)
        return feed_state(feed) == REFLECTOR_GONE ? END_GONE : 0;
    return absence_ask(provider->absence, gvr);
}

/* Life */

static void wants_make(struct provider *provider)
{
    const struct option_list *named = &provider->selection->resources;
    size_t count = 0;
    while (!named->count && default_resources[count])
        count++;
    count += named->count;
    provider->wants = mem_zalloc(count * sizeof(*provider->wants));
    provider->want_count = count;
    for (size_t i = 0; i < count; i++) {
        provider->wants[i].named = named->count > 0;
        provider->wants[i].spelling = named->count ? named->items[i] : default_resources[i];
    }
}

int provider_check(const struct selection_options *selection, struct error *err)
{
    struct selector selector;
    struct object_rules rules = {0};
    int r = 0;
    if (selection->selector && selector_parse_labels(&selector, selection->selector, err) != 0) {
        error_prefix(err, "--selector");
        return err->code = EX_USAGE;
    }
    if (selection->selector)
        selector_deinit(&selector);
    for (size_t i = 0; r == 0 && i < selection->drop_fields.count; i++)
        if (object_rules_cut(&rules, selection->drop_fields.items[i]) != 0)
            r = error_set(err, EX_USAGE,
                          "--drop-field %s: not a field; write .status.images, or "
                          ".metadata.annotations['example.com/name']",
                          selection->drop_fields.items[i]);
    object_rules_deinit(&rules);
    return r;
}

struct provider *provider_create(const struct provider_config *config)
{
    struct provider *provider = mem_zalloc(sizeof(*provider));
    provider->loop = config->loop;
    provider->rest = config->rest;
    provider->publisher = config->publisher;
    provider->log = config->log;
    provider->attic = config->attic;
    provider->selection = config->selection;
    provider->started_us = loop_now_us(provider->loop);
    wants_make(provider);
    publisher_audience(provider->publisher, TOPICS_ALL);
    backoff_init(&provider->backoff, RETRY_MIN_US, RETRY_MAX_US, RETRY_MAX_US, 0.5);
    provider->discovery = discovery_create(provider->rest, on_discovered, provider);
    provider->absence = absence_create(provider->loop, provider->rest, is_shared, provider);
    timer_init(&provider->refresh, provider->loop, on_refresh, provider);
    timer_init(&provider->check, provider->loop, on_check, provider);
    timer_init(&provider->outage, provider->loop, on_outage, provider);
    timer_start(&provider->refresh, 0);
    timer_start(&provider->check, CHECK_US);
    return provider;
}

void provider_destroy(struct provider *provider)
{
    if (!provider)
        return;
    timer_stop(&provider->refresh);
    timer_stop(&provider->check);
    timer_stop(&provider->outage);
    if (provider->definitions)
        store_unobserve(feed_store(provider->definitions), &provider->definitions_observer);
    discovery_destroy(provider->discovery);
    absence_destroy(provider->absence);
    for (size_t i = 0; i < provider->feed_count; i++)
        feed_destroy(provider->feeds[i]);
    for (size_t i = 0; i < provider->want_count; i++)
        free(provider->wants[i].said);
    free(provider->feeds);
    free(provider->wants);
    free(provider->reason);
    free(provider);
}

size_t provider_feeds(const struct provider *provider)
{
    return provider->feed_count;
}

void provider_metrics(const struct provider *provider, const char *cluster, struct metrics *out)
{
    for (size_t i = 0; i < provider->feed_count; i++)
        feed_metrics(provider->feeds[i], cluster, out);
}

/* Not listed yet, or not to be had just now; the first one's name and reason are told. */
static size_t count_wanting(const struct provider *provider, struct buf *first)
{
    size_t count = 0;
    char name[GVR_TEXT_MAX];
    for (size_t i = 0; i < provider->feed_count; i++) {
        const struct feed *feed = provider->feeds[i];
        enum reflector_state state = feed_state(feed);
        if (!feed_awake(feed) || (state != REFLECTOR_STARTING && state != REFLECTOR_UNAVAILABLE))
            continue;
        if (count++ == 0)
            buf_appendf(first, "%s: %s", gvr_text(feed_gvr(feed), name),
                        *feed_reason(feed) ? feed_reason(feed) : "not listed yet");
    }
    return count;
}

void provider_ready(const struct provider *provider, struct checks *out)
{
    struct buf first = BUF_INIT(REASON_LIMIT), reason = BUF_INIT(REASON_LIMIT);
    size_t wanting = count_wanting(provider, &first);
    if (wanting)
        buf_appendf(&reason, "%zu wanting, such as %s", wanting, first.data);
    checks_add(out, "discovery",
               provider->complete ? NULL
               : provider->reason ? provider->reason
                                  : "not known yet what there is");
    checks_add(out, "resources", reason.data);
    buf_deinit(&first);
    buf_deinit(&reason);
}
