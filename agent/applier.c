/*
 * The inputs and the queue; what is done about one key is in applier_work.c.
 */
#include "agent/applier_internal.h"

#include <stdio.h>
#include <string.h>

#include <utlist.h>

#include "base/mem.h"
#include "kube/resource_version.h"

#define IN_FLIGHT_MAX 8
#define RUNS_PER_TURN 64 /* works looked at in one turn of the loop */
#define RETRY_MIN_US LOOP_SECOND
#define RETRY_MAX_US (300 * LOOP_SECOND)
#define REPAIR_MIN_US LOOP_SECOND
#define REPAIR_MAX_US (300 * LOOP_SECOND)
#define BACKOFF_RESET_US (600 * LOOP_SECOND)

const char *applier_condition_text(enum applier_condition condition)
{
    static const char *const texts[] = {"pending", "applied",   "pruned",  "conflict",
                                        "frozen",  "forbidden", "invalid", "retrying"};
    return texts[condition];
}

/* Works */

static void on_work_timer(void *arg)
{
    struct work *work = arg;
    work->phase = WORK_IDLE;
    work_enqueue(work, false);
}

static struct work *work_get(struct applier *a, const char *key)
{
    struct work *work;
    HASH_FIND_STR(a->works, key, work);
    if (work)
        return work;
    work = mem_zalloc(sizeof(*work));
    work->applier = a;
    work->era = a->era;
    work->key = mem_strdup(key);
    work->manifest = (struct buf)BUF_INIT(32u << 20);
    timer_init(&work->timer, a->loop, on_work_timer, work);
    backoff_init(&work->retry, RETRY_MIN_US, RETRY_MAX_US, BACKOFF_RESET_US, 0.5);
    backoff_init(&work->repair, REPAIR_MIN_US, REPAIR_MAX_US, BACKOFF_RESET_US, 0.5);
    HASH_ADD_KEYPTR(hh, a->works, work->key, strlen(work->key), work);
    a->stats.works[work->condition]++;
    return work;
}

void work_forget(struct work *work)
{
    struct applier *a = work->applier;
    HASH_DEL(a->works, work);
    if (work->phase == WORK_QUEUED)
        DL_DELETE(a->queue, work);
    if (work->phase == WORK_BUSY)
        a->stats.in_flight--;
    a->stats.works[work->condition]--;
    timer_stop(&work->timer);
    apply_cancel(work->call);
    buf_deinit(&work->manifest);
    free(work->key);
    free(work->source);
    free(work->reason);
    free(work);
}

void work_condition(struct work *work, enum applier_condition condition, const char *reason)
{
    struct applier *a = work->applier;
    if (work->condition == condition && work->reason && strcmp(work->reason, reason) == 0)
        return;
    bool bad = condition > APPLIER_PRUNED;
    log_write(a->log, bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "applier", "%s %s: %s%s%s", a->gvr.resource,
              work->key, applier_condition_text(condition), reason[0] ? ": " : "", reason);
    a->stats.works[work->condition]--;
    a->stats.works[condition]++;
    work->condition = condition;
    free(work->reason);
    work->reason = mem_strdup(reason);
    if (a->ops->condition)
        a->ops->condition(a->arg, work->key, condition, work->reason);
}

void applier_pump_soon(struct applier *a)
{
    if (!timer_active(&a->pump))
        timer_start(&a->pump, 0);
}

void work_enqueue(struct work *work, bool urgent)
{
    if (work->phase == WORK_BUSY) {
        work->again = true;
        work->urgent |= urgent;
        return;
    }
    if (work->phase == WORK_QUEUED || (work->phase == WORK_WAITING && !urgent))
        return;
    timer_stop(&work->timer);
    work->phase = WORK_QUEUED;
    DL_APPEND(work->applier->queue, work);
    applier_pump_soon(work->applier);
}

void work_wait(struct work *work, int64_t delay_us)
{
    work->phase = WORK_WAITING;
    timer_start(&work->timer, delay_us);
}

static void on_pump(void *arg)
{
    struct applier *a = arg;
    for (int runs = 0; a->queue && a->stats.in_flight < IN_FLIGHT_MAX; runs++) {
        if (runs == RUNS_PER_TURN) {
            applier_pump_soon(a);
            return;
        }
        struct work *work = a->queue;
        DL_DELETE(a->queue, work);
        work->phase = WORK_IDLE;
        work_run(work);
    }
}

/* The source */

static void source_wants(struct applier *a, const struct object *object)
{
    char key[OBJECT_KEY_MAX];
    if (manifest_target(&a->rules, object, key) != 0) {
        log_warn(a->log, "applier",
                 "%s %s: its label " MANIFEST_TARGET_NAMESPACE " names no namespace: passed over",
                 a->gvr.resource, object_key(object));
        return;
    }
    struct work *work = work_get(a, key);
    free(work->source);
    work->source = mem_strdup(object_key(object));
    backoff_reset(&work->retry);
    work_enqueue(work, true);
}

static void source_wants_no_more(struct applier *a, const struct object *object, bool deleted)
{
    char key[OBJECT_KEY_MAX];
    if (manifest_target(&a->rules, object, key) != 0)
        return;
    struct work *work = work_get(a, key);
    if (!work->source)
        work->source = mem_strdup(object_key(object));
    work->tombstone |= deleted;
    work_enqueue(work, true);
}

/* A deletion that nobody saw is that of a store which is being filled anew, or emptied: synced() will tell.
 * Where the same key comes back at once, it is another object by that name, and the store is as whole as
 * before. */
static void source_is_whole(struct applier *a, const struct object *old, const struct object *new_,
                            bool unseen)
{
    cleanup_free char *before = mem_steal(a->unseen);
    if (!old && before && strcmp(before, object_key(new_)) == 0)
        a->source_synced = true;
    if (new_ || !unseen || !a->source_synced)
        return;
    a->source_synced = false;
    a->unseen = mem_strdup(object_key(old));
}

static void on_source_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct applier *a = arg;
    source_is_whole(a, old, new_, unseen);
    if (!a->following) /* on its way to another state, of which nothing is known yet */
        a->version_told = false;
    bool was = old && manifest_wanted(&a->rules, old), is = new_ && manifest_wanted(&a->rules, new_);
    if (was && is && manifest_same(&a->rules, old, new_))
        return; /* status, most of the time */
    if (was)
        source_wants_no_more(a, old, !new_ && !unseen);
    if (is)
        source_wants(a, new_);
}

/* Everything is to be looked at: what the source has, and whatever there is a work for, which is what the
 * target has, and what went from either side while nothing could be said about it. */
void applier_look(struct applier *a)
{
    for (struct object *object = store_seek(a->source, 0); object; object = store_after(a->source, object))
        if (manifest_wanted(&a->rules, object))
            source_wants(a, object);
    for (struct work *work = a->works; work; work = work->hh.next)
        work_enqueue(work, false);
}

void applier_source_attach(struct applier *a, struct store *source)
{
    applier_source_detach(a);
    a->source = source;
    a->source_observer = (struct store_observer){.changed = on_source_changed, .arg = a};
    store_observe(source, &a->source_observer);
}

void applier_source_synced(struct applier *a, const char *store_id)
{
    if (!manifest_store_id_valid(store_id)) {
        log_error(a->log, "applier",
                  "the source of %s has no identity that lasts: no workloads are taken from it",
                  a->gvr.resource);
        return;
    }
    if (!a->store_id || strcmp(a->store_id, store_id) != 0)
        generation_reset(a);
    free(a->store_id);
    a->store_id = mem_strdup(store_id);
    a->source_synced = a->following = true;
    a->version_told = false;
}

static void version_take(struct applier *a, const char *resource_version)
{
    bool first = !a->version_told;
    uint64_t version;
    bool numbered = resource_version_parse(resource_version, &version);
    a->version_told = true;
    if (!first && a->numbered && (!numbered || version < a->version))
        return; /* no state goes back in itself: a word that came late */
    a->numbered = numbered;
    a->version = numbered ? version : 0;
    if (first && !numbered)
        log_warn(a->log, "applier",
                 "the source's resourceVersion \"%s\" is no number: whether it went back cannot be told, and "
                 "nothing is deleted for being absent",
                 resource_version);
}

void applier_source_version(struct applier *a, const char *resource_version, bool exact)
{
    bool was_told = a->version_told;
    if (!a->source || !a->store_id || (!exact && generation_may_be_behind(a, resource_version)))
        return;
    version_take(a, resource_version);
    if (!mirror_synced(a->mirror))
        return;
    unsigned era = a->era;
    generation_look(a);
    if (!was_told || era != a->era)
        applier_look(a);
}

static void source_unsynced(struct applier *a)
{
    a->source_synced = a->following = false;
    free(mem_steal(a->unseen));
}

void applier_source_stale(struct applier *a)
{
    source_unsynced(a);
}

void applier_source_detach(struct applier *a)
{
    if (!a->source)
        return;
    store_unobserve(a->source, &a->source_observer);
    a->source = NULL;
    source_unsynced(a);
    a->version_told = false;
}

/* The target */

static void on_target_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct applier *a = arg;
    (void)unseen;
    work_enqueue(work_get(a, object_key(new_ ? new_ : old)), !new_);
}

static void on_target_synced(void *arg, const char *resource_version)
{
    struct applier *a = arg;
    (void)resource_version;
    if (!a->source || !a->store_id || !a->version_told)
        return;
    generation_look(a);
    applier_look(a);
}

static void on_target_state(void *arg, enum reflector_state state, const char *reason)
{
    struct applier *a = arg;
    if (state == REFLECTOR_FORBIDDEN || state == REFLECTOR_GONE)
        log_error(a->log, "applier", "cannot watch what it applies: %s", reason);
}

/* Life */

static void target_create(struct applier *a, const struct applier_config *config)
{
    static const struct mirror_ops mirror_ops = {.synced = on_target_synced, .state = on_target_state};
    a->target_rules.kind = mem_strdup(config->kind);
    a->target_rules.api_version = config->gvr.group[0]
                                      ? mem_printf("%s/%s", config->gvr.group, config->gvr.version)
                                      : mem_strdup(config->gvr.version);
    object_rules_cut(&a->target_rules, "metadata.managedFields");
    object_rules_cut(&a->target_rules, "status");
    struct shelf *shelf = attic_shelf(config->attic, &config->gvr);
    a->target = store_create_on(shelf);
    a->target_rules.shelf = shelf;
    shelf_unref(shelf); /* the store has it */
    a->target_observer = (struct store_observer){.changed = on_target_changed, .arg = a};
    store_observe(a->target, &a->target_observer);
    const struct reflector_config reflector = {
        .loop = a->loop,
        .rest = a->rest,
        .log = a->log,
        .rules = &a->target_rules,
        .gvr = config->gvr,
        .label_selector = MANIFEST_SELECTOR,
    };
    a->mirror = mirror_create(&reflector, a->target, &mirror_ops, a);
}

static char **texts_copy(const char *const *texts)
{
    if (!texts)
        return NULL;
    size_t count = 0;
    while (texts[count])
        count++;
    char **copy = mem_zalloc((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_strdup(texts[i]);
    return copy;
}

static void texts_free(char **texts)
{
    for (char **text = texts; text && *text; text++)
        free(*text);
    free(texts);
}

struct applier *applier_create(const struct applier_config *config, const struct applier_ops *ops, void *arg)
{
    struct applier *a = mem_zalloc(sizeof(*a));
    a->loop = config->loop;
    a->rest = config->rest;
    a->log = config->log;
    a->ops = ops;
    a->arg = arg;
    a->gvr = config->gvr;
    a->adopt = config->adopt;
    a->source_namespace = mem_strdup(config->source_namespace);
    a->default_namespace = mem_strdup(config->default_namespace ? config->default_namespace : "default");
    a->namespaces = texts_copy(config->namespaces);
    a->rules = (struct manifest_rules){.source_namespace = a->source_namespace,
                                       .all = config->all,
                                       .default_namespace = a->default_namespace};
    timer_init(&a->pump, a->loop, on_pump, a);
    target_create(a, config);
    return a;
}

void applier_start(struct applier *a)
{
    mirror_start(a->mirror);
}

void applier_destroy(struct applier *a)
{
    if (!a)
        return;
    applier_source_detach(a);
    timer_stop(&a->pump);
    mirror_destroy(a->mirror);
    store_destroy(a->target);
    object_rules_deinit(&a->target_rules);
    struct work *work, *next;
    HASH_ITER (hh, a->works, work, next) {
        work_forget(work);
    }
    texts_free(a->namespaces);
    free(a->source_namespace);
    free(a->default_namespace);
    free(a->store_id);
    free(a);
}

const struct applier_stats *applier_stats(const struct applier *a)
{
    return &a->stats;
}

enum reflector_state applier_target_state(const struct applier *a)
{
    return mirror_state(a->mirror);
}

struct store *applier_inventory(const struct applier *a)
{
    return a->target;
}
