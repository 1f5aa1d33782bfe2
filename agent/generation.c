/*
 * Has the source gone back? What the target carries says so durably: each object has the resourceVersion that
 * it had at the source when it was applied. A source that is complete only up to an older one than any of
 * them, or than it told itself before, was restored from a backup: what it lacks now it may have had since,
 * and what it has now may be what it was long ago.
 *
 * A source that is older, and yet no older than all that was applied, takes nothing wrongly away: what is
 * here it had by then, and lacks it since.
 */
#include "agent/applier_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "kube/resource_version.h"

static uint64_t generation_of(const struct applier *a, struct slice object)
{
    uint64_t generation = 0;
    struct manifest_owner owner = manifest_owner(object);
    if (!owner.managed || !slice_equal(owner.store, a->store_id) || !owner.generation.data)
        return 0;
    cleanup_free char *text = mem_dup(owner.generation.data, owner.generation.len);
    return resource_version_parse(text, &generation) ? generation : 0;
}

static uint64_t highest_on_target(const struct applier *a)
{
    uint64_t highest = 0;
    for (struct object *object = store_seek(a->target, 0); object; object = store_after(a->target, object)) {
        uint64_t generation = generation_of(a, object_bytes(object));
        highest = generation > highest ? generation : highest;
    }
    return highest;
}

static void went_back(struct applier *a)
{
    log_error(
        a->log, "applier",
        "the source of %s went back: it tells resourceVersion %" PRIu64 ", and was at %" PRIu64
        " before, as if restored from a backup; what was applied from it is frozen until that is adopted "
        "(--adopt)",
        a->gvr.resource, a->version, a->highest);
    a->lost = a->highest;
    a->era++;
}

bool generation_may_be_behind(const struct applier *a, const char *resource_version)
{
    uint64_t version;
    if (!resource_version_parse(resource_version, &version))
        return false;
    return !mirror_synced(a->mirror) || version < a->highest ||
           (!a->looked && version < highest_on_target(a));
}

/* It has said so much, whether or not it has told up to where it is complete: a restored one that is behind
 * it, and not behind what was told before, went back all the same. */
void generation_said(struct applier *a, const struct object *source)
{
    uint64_t version;
    struct slice text = object_resource_version(source);
    cleanup_free char *copy = mem_dup(text.data, text.len);
    if (!a->numbered || !resource_version_parse(copy, &version))
        return;
    a->highest = version > a->highest ? version : a->highest;
    a->version = version > a->version ? version : a->version;
}

/* The target may show it late: an object of a state that the source has not reached went before it. */
bool generation_is_ahead(struct applier *a, const struct object *object)
{
    uint64_t generation = generation_of(a, object_bytes(object));
    if (!a->numbered || generation <= a->version)
        return false;
    if (!a->lost) {
        a->highest = generation;
        went_back(a);
        a->highest = a->version;
        applier_look(a);
    }
    return true;
}

void generation_look(struct applier *a)
{
    if (!a->numbered)
        return;
    uint64_t carried = a->looked ? 0 : highest_on_target(a);
    a->looked = true;
    if (carried > a->highest)
        a->highest = carried;
    if (a->version < a->highest)
        went_back(a);
    a->highest = a->version;
}

void generation_reset(struct applier *a)
{
    a->highest = a->lost = 0;
    a->looked = false;
}

/* The uid in it is a precondition. */
void generation_mark(const struct applier *a, const struct object *object, struct buf *out)
{
    buf_clear(out);
    buf_appendf(out,
                "{\"metadata\":{\"uid\":\"%.*s\",\"annotations\":{\"" MANIFEST_STORE "\":\"%s" MANIFEST_BEFORE
                "%" PRIu64 "\"}}}",
                SLICE_ARGS(object_uid(object)), a->store_id, a->lost);
}

bool generation_has_mark(struct slice store)
{
    return store.data && memmem(store.data, store.len, MANIFEST_BEFORE, strlen(MANIFEST_BEFORE));
}

bool generation_is_mark(const struct applier *a, struct slice store)
{
    size_t len = strlen(a->store_id), before = strlen(MANIFEST_BEFORE);
    return store.len > len + before && memcmp(store.data, a->store_id, len) == 0 &&
           memcmp(store.data + len, MANIFEST_BEFORE, before) == 0;
}
