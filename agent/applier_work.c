/*
 * What is done about one key on the target: look at both sides, and make one request, or none.
 *
 *      LOOK ──not there, or ours──▶ APPLY ──▶ done
 *                                     ├──conflict, ours──▶ FORCE
 *                                     └──no namespace──▶ NAMESPACE ──▶ APPLY
 *      DELETE ──▶ done
 *
 * LOOK is made only where our own watch shows nothing: an object that is there without our label must not be
 * taken over.
 */
#include "agent/applier_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kube/url.h"

#define SLOW_US (60 * LOOP_SECOND) /* at least so long between tries of what will hardly change by itself */
#define CONFLICT_US (300 * LOOP_SECOND)
#define CATCH_UP_US LOOP_SECOND /* for the target's watch to show what we have just done */
#define FORCED_MAX 3            /* by force, in a window of: */
#define FORCED_WINDOW_US (600 * LOOP_SECOND)

static const char frozen_by_going_back[] =
    "its source went back, as if restored from a backup: not touched until that is adopted";

static void step_begin(struct work *work, enum work_step step);

/* Names of the key, free of JSON's escapes. */
struct names {
    char *namespace_; /* "" for cluster scope */
    char *name;
};

static void names_deinit(struct names *names)
{
    free(names->namespace_);
    free(names->name);
}

static struct names names_of(const struct work *work)
{
    const char *slash = strchr(work->key, '/');
    const char *name = slash ? slash + 1 : work->key;
    struct slice space = {work->key, slash ? (size_t)(slash - work->key) : 0};
    return (struct names){json_text(space), json_text((struct slice){name, strlen(name)})};
}

/* Looking */

static struct object *observed(const struct work *work)
{
    return store_get(work->applier->target, work->key);
}

static struct object *source_object(const struct applier *a, struct slice key)
{
    cleanup_free char *text = key.data ? mem_dup(key.data, key.len) : NULL;
    return text ? store_get(a->source, text) : NULL;
}

/* Does the source object lead to this key? */
static bool leads_here(const struct work *work, const struct object *source)
{
    char key[OBJECT_KEY_MAX];
    const struct manifest_rules *rules = &work->applier->rules;
    return source && manifest_wanted(rules, source) && manifest_target(rules, source, key) == 0 &&
           strcmp(key, work->key) == 0;
}

/* The source object names a namespace that can be none: until that is put right, what it led to before stays.
 */
static bool leads_nowhere(const struct work *work, const struct object *source)
{
    char key[OBJECT_KEY_MAX];
    const struct manifest_rules *rules = &work->applier->rules;
    return source && manifest_wanted(rules, source) && manifest_target(rules, source, key) != 0;
}

static struct object *wanted(const struct work *work, struct manifest_owner owner)
{
    const struct applier *a = work->applier;
    struct object *source = work->source ? store_get(a->source, work->source) : NULL;
    if (leads_here(work, source))
        return source;
    source = source_object(a, owner.source);
    return leads_here(work, source) ? source : NULL;
}

static bool of_other_store(const struct work *work, struct manifest_owner owner)
{
    return owner.store.data && !slice_equal(owner.store, work->applier->store_id);
}

static bool namespace_allowed(const struct work *work)
{
    char **namespaces = work->applier->namespaces;
    const char *slash = strchr(work->key, '/');
    if (!namespaces || !slash)
        return true;
    struct slice space = {work->key, (size_t)(slash - work->key)};
    for (; *namespaces; namespaces++)
        if (slice_equal(space, *namespaces))
            return true;
    return false;
}

/* Failing */

static void fail(struct work *work, enum applier_condition condition, const struct status *status,
                 int64_t at_least_us)
{
    int64_t delay = backoff_next(&work->retry, work->applier->loop);
    int64_t asked = status->retry_after_ms * LOOP_MS;
    delay = delay > asked ? delay : asked;
    work->applier->stats.failed++;
    buf_deinit(&work->manifest);
    work_wait(work, delay > at_least_us ? delay : at_least_us);
    work_condition(work, condition, status->text);
}

static void fail_by_outcome(struct work *work, const struct status *status)
{
    switch (status->outcome) {
    case OUTCOME_FORBIDDEN:
        fail(work, APPLIER_FORBIDDEN, status, SLOW_US);
        break;
    case OUTCOME_INVALID:
    case OUTCOME_NOT_FOUND:
        fail(work, APPLIER_INVALID, status, SLOW_US);
        break;
    case OUTCOME_CONFLICT:
        fail(work, APPLIER_CONFLICT, status, CONFLICT_US);
        break;
    default:
        fail(work, APPLIER_RETRYING, status, 0);
        break;
    }
}

static void conflict(struct work *work, const char *reason)
{
    work_wait(work, CONFLICT_US);
    work_condition(work, APPLIER_CONFLICT, reason);
}

/* Steps */

static void step_over(struct work *work)
{
    work->call = NULL;
    work->phase = WORK_IDLE;
    work->applier->stats.in_flight--;
    applier_pump_soon(work->applier);
}

/* All is well, for what we know; what changed meanwhile may be no more than our own doing, on its way back.
 */
static void settle(struct work *work)
{
    bool again = work->again, urgent = work->urgent;
    work->again = work->urgent = false;
    if (again && urgent)
        work_enqueue(work, true);
    else if (again)
        work_wait(work, CATCH_UP_US);
}

static void applied(struct work *work, struct slice answer)
{
    struct applier *a = work->applier;
    work->known = true;
    work->applied = work->sending;
    work->fingerprint = manifest_fingerprint(answer, (struct slice){work->manifest.data, work->manifest.len});
    work->deleted_uid = 0;
    buf_deinit(&work->manifest);
    backoff_reset(&work->retry);
    work->fought &= work->step == STEP_FORCE;
    a->stats.applied++;
    a->stats.repaired += work->repairing;
    settle(work);
    work_condition(work, APPLIER_APPLIED, "");
}

/* What we have marked as of a store before it went back, this one or another, is ours where that is adopted:
 * the mark is a field of another kind of change. */
static bool may_take(const struct work *work, struct manifest_owner owner)
{
    const struct applier *a = work->applier;
    return !of_other_store(work, owner) || (a->adopt && generation_has_mark(owner.store));
}

/* Drift of an object of ours shows as a conflict, too: whoever changed the field owns it now. But one who
 * changes it again and again means it: from then on it is a conflict, until something else changes. */
static bool may_force(struct work *work)
{
    struct object *object = observed(work);
    int64_t now = loop_now_us(work->applier->loop);
    if (!object || work->fought || !may_take(work, manifest_owner(object_bytes(object))))
        return false;
    if (work->forced == 0 || now - work->forced_us > FORCED_WINDOW_US) {
        work->forced = 0;
        work->forced_us = now;
    }
    work->fought = ++work->forced > FORCED_MAX;
    return !work->fought;
}

static void apply_refused(struct work *work, const struct status *status)
{
    if (status->outcome == OUTCOME_CONFLICT && work->step == STEP_APPLY && may_force(work)) {
        step_begin(work, STEP_FORCE);
    } else if (status->outcome == OUTCOME_NOT_FOUND && !work->namespace_tried && strchr(work->key, '/')) {
        work->namespace_tried = true;
        step_begin(work, STEP_NAMESPACE);
    } else {
        fail_by_outcome(work, status);
    }
}

/* What stands there without our watch having shown it. */
static void looked(struct work *work, struct slice answer)
{
    struct manifest_owner owner = manifest_owner(answer);
    if (owner.managed && owner.source.data && !of_other_store(work, owner)) {
        step_begin(work, STEP_APPLY);
        return;
    }
    buf_deinit(&work->manifest);
    conflict(work, owner.managed
                       ? "it is there already, and belongs to another source"
                       : "it is there already, and is not ours: delete it, or rename the one at the source");
}

static void deleted(struct work *work)
{
    work->applier->stats.deleted++;
    struct object *object = observed(work);
    struct slice uid = object ? object_uid(object) : (struct slice){0};
    work->deleted_uid = uid.data ? key_hash(uid.data, uid.len) : 0;
    work->known = false;
    settle(work);
    work_condition(work, APPLIER_PRUNED, "");
    if (!object)
        work_enqueue(work, false); /* to be forgotten */
}

/* Our watch will show it. */
static void marked(struct work *work)
{
    work->known = work->again = work->urgent = false;
    buf_deinit(&work->manifest);
    work_condition(work, APPLIER_FROZEN, frozen_by_going_back);
}

static void step_ok(struct work *work, struct slice answer)
{
    switch (work->step) {
    case STEP_LOOK:
        looked(work, answer);
        break;
    case STEP_NAMESPACE:
        step_begin(work, STEP_APPLY);
        break;
    case STEP_APPLY:
    case STEP_FORCE:
        applied(work, answer);
        break;
    case STEP_DELETE:
        deleted(work);
        break;
    case STEP_MARK:
        marked(work);
        break;
    }
}

static void step_refused(struct work *work, const struct status *status)
{
    if (work->step == STEP_LOOK && status->outcome == OUTCOME_NOT_FOUND)
        step_begin(work, STEP_APPLY);
    else if (work->step == STEP_APPLY || work->step == STEP_FORCE)
        apply_refused(work, status);
    else if (work->step == STEP_DELETE && status->outcome == OUTCOME_NOT_FOUND)
        deleted(work);
    else if (work->step == STEP_DELETE && status->outcome == OUTCOME_CONFLICT)
        fail(work, APPLIER_RETRYING, status, 0); /* another uid by now: our watch will show it */
    else
        fail_by_outcome(work, status);
}

static void on_step_done(void *arg, const struct status *status, struct slice answer)
{
    struct work *work = arg;
    step_over(work);
    if (status->outcome == OUTCOME_OK)
        step_ok(work, answer);
    else
        step_refused(work, status);
    /* What changed during a request that failed is looked at with the next try, or at once where the source
     * changed. */
    if (work->phase == WORK_WAITING && work->urgent) {
        work->again = work->urgent = false;
        work_enqueue(work, true);
    }
}

static void step_begin(struct work *work, enum work_step step)
{
    static const struct apply_ops ops = {on_step_done};
    struct applier *a = work->applier;
    __attribute__((cleanup(names_deinit))) struct names names = names_of(work);
    if (!names.name || !names.namespace_) {
        work_condition(work, APPLIER_INVALID, "its name is no text");
        return;
    }
    const struct apply_target target = {.gvr = a->gvr, .namespace_ = names.namespace_, .name = names.name};
    struct slice manifest = {work->manifest.data, work->manifest.len};
    work->phase = WORK_BUSY;
    work->step = step;
    a->stats.in_flight++;
    if (step == STEP_LOOK)
        work->call = apply_get(a->rest, &target, &ops, work);
    else if (step == STEP_NAMESPACE)
        work->call = apply_namespace(a->rest, names.namespace_, &ops, work);
    else if (step == STEP_MARK)
        work->call = apply_merge(a->rest, &target, manifest, &ops, work);
    else if (step == STEP_DELETE)
        work->call = apply_delete(a->rest, &target, object_uid(observed(work)), &ops, work);
    else
        work->call = apply_patch(a->rest, &target, manifest, step == STEP_FORCE, &ops, work);
}

/* Deciding */

static uint64_t manifest_hash(const struct work *work)
{
    return key_hash(work->manifest.data, work->manifest.len);
}

/* What the source says has not changed since the last apply; its status may have. */
static bool same_manifest(const struct work *work)
{
    return work->known && work->applied == manifest_hash(work);
}

/* And the target is as we left it. */
static bool as_applied(const struct work *work, const struct object *object)
{
    struct slice manifest = {work->manifest.data, work->manifest.len};
    return object && same_manifest(work) &&
           manifest_fingerprint(object_bytes(object), manifest) == work->fingerprint;
}

/* Repairs follow each other at a falling rate. True where this one has to wait. */
static bool repair_waits(struct work *work)
{
    struct loop *loop = work->applier->loop;
    int64_t now = loop_now_us(loop);
    if (now < work->repair_from_us) {
        work_wait(work, work->repair_from_us - now);
        return true;
    }
    work->repair_from_us = now + backoff_next(&work->repair, loop);
    return false;
}

static void apply_wanted(struct work *work, struct object *source)
{
    struct applier *a = work->applier;
    struct object *object = observed(work);
    work->tombstone = work->again = work->urgent = work->namespace_tried = false;
    generation_said(a, source);
    if (!namespace_allowed(work)) {
        work_condition(work, APPLIER_FORBIDDEN, "its namespace is none of those that we may write to");
        return;
    }
    if (manifest_build(source, work->key, a->store_id, false, &work->manifest) != 0) {
        work_condition(work, APPLIER_INVALID, "it is longer than 32 MiB");
        return;
    }
    bool same = same_manifest(work);
    if (as_applied(work, object)) {
        buf_deinit(&work->manifest);
        work_condition(work, APPLIER_APPLIED, "");
        return;
    }
    work->repairing = same;
    if (same && repair_waits(work)) {
        buf_deinit(&work->manifest);
        return;
    }
    if (!same || !object) {
        work->forced = 0;
        work->fought = false;
    }
    work->sending = manifest_hash(work);
    manifest_build(source, work->key, a->store_id, true, &work->manifest);
    step_begin(work, object ? STEP_APPLY : STEP_LOOK);
}

/* On the target, and nothing at the source leads to it. */
static void prune(struct work *work, struct object *object, struct manifest_owner owner)
{
    struct applier *a = work->applier;
    work->again = work->urgent = false;
    if (!owner.managed || !owner.source.data || !owner.store.data) {
        work_condition(work, APPLIER_CONFLICT,
                       "it has our label, but does not say where it came from: left alone");
        return;
    }
    struct object *source = source_object(a, owner.source);
    if (leads_nowhere(work, source))
        return;
    if (!slice_equal(owner.target, work->key)) {
        work_condition(work, APPLIER_CONFLICT,
                       "it is a copy of one of ours: left alone; take our label off it");
        return;
    }
    bool said_so = work->tombstone || source;
    struct slice uid = object_uid(object);
    bool lacks_it = a->source_synced && a->numbered;
    if ((!said_so && !lacks_it) || !uid.data || work->deleted_uid == key_hash(uid.data, uid.len))
        return;
    step_begin(work, STEP_DELETE);
}

/* The source went back since it was applied. True where the mark that says so is still to be made. */
static bool mark(struct work *work, const struct object *object, struct manifest_owner owner)
{
    struct applier *a = work->applier;
    bool ours = object && owner.managed && slice_equal(owner.store, a->store_id);
    if (ours && (generation_is_ahead(a, object) || work->era != a->era)) {
        work->again = work->urgent = false;
        generation_mark(a, object, &work->manifest);
        step_begin(work, STEP_MARK);
        return true;
    }
    work->era = a->era;
    return false;
}

void work_run(struct work *work)
{
    struct applier *a = work->applier;
    if (!a->source || !a->version_told || !mirror_synced(a->mirror))
        return; /* everything is looked at once they are there */

    struct object *object = observed(work);
    struct manifest_owner owner = object ? manifest_owner(object_bytes(object)) : (struct manifest_owner){0};
    struct object *source = wanted(work, owner);
    if (mark(work, object, owner))
        return;
    if (!source && !object)
        work_forget(work);
    else if (object && of_other_store(work, owner) && !(a->adopt && source))
        work_condition(work, APPLIER_FROZEN,
                       generation_is_mark(a, owner.store) ? frozen_by_going_back
                                                          : "it came from another store than the one that we "
                                                            "follow: not touched until that is adopted");
    else if (source)
        apply_wanted(work, source);
    else
        prune(work, object, owner);
}
