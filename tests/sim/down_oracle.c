/* What agents may write, and what there has to be in the end (down.h). */
#include "tests/sim/down_internal.h"

#include <stdlib.h>

#include "agent/manifest.h"

static const struct gvr deployments = {"apps", "v1", "deployments"};

static bool was_said(const struct down *down, int region, int name, uint64_t token)
{
    for (size_t i = down->said_count[region][name]; i-- > 0;)
        if (down->said[region][name][i] == token)
            return true;
    return false;
}

static struct source *source_by_uid(struct down *down, struct slice uid)
{
    for (int i = 0; i < down->source_count; i++)
        if (slice_equal(uid, down->sources[i].uid))
            return &down->sources[i];
    return NULL;
}

/* ---- what an agent writes ---- */

/* An object that carries our label; where it came from. */
static bool of_ours(const struct object *object, struct manifest_owner *owner, int *region, int *name)
{
    *owner = manifest_owner(object_bytes(object));
    return owner->managed && owner->source.data && workload_key(owner->source, region, name);
}

static void judge_applied(struct region *region, const struct object *object, int of, int name)
{
    struct down *down = region->down;
    uint64_t token = workload_token(object);
    if (of != region->index || !was_said(down, of, name, token))
        world_fail(&down->world, "strange", "%s: an agent applied %s with %llu, which no source has said",
                   region->name, object_key(object), (unsigned long long)token);
    if (token < region->last[name] && !down->broken)
        world_fail(&down->world, "backwards", "%s: an agent applied %s with %llu, after %llu", region->name,
                   object_key(object), (unsigned long long)token, (unsigned long long)region->last[name]);
    region->last[name] = token;
}

static void judge_deleted(struct region *region, const struct object *object,
                          const struct manifest_owner *owner, int of, int name)
{
    struct down *down = region->down;
    const struct source *source = source_by_uid(down, owner->store);
    uint64_t carried = strtoull(owner->generation.data ? owner->generation.data : "0", NULL, 10);
    world_cover(&down->world, COVER_DOWN_DELETED);
    if (!source)
        world_fail(&down->world, "deletion", "%s: an agent deleted %s of the store %.*s", region->name,
                   object_key(object), SLICE_ARGS(owner->store));
    else if (source->absent[of][name] <= carried)
        world_fail(&down->world, "deletion",
                   "%s: an agent deleted %s, which its source had at %llu and gave up at %llu at last",
                   region->name, object_key(object), (unsigned long long)carried,
                   (unsigned long long)source->absent[of][name]);
}

void down_judge(struct region *region, const struct event *event)
{
    struct manifest_owner owner;
    int of, name;
    struct slice bytes = object_bytes(event->object);
    region->writes++;
    region->down->world.result.told++;
    world_trace(&region->down->world, bytes.data, bytes.len);
    if (event->type == EVENT_DELETED) {
        if (of_ours(event->old, &owner, &of, &name))
            judge_deleted(region, event->old, &owner, of, name);
    } else if (of_ours(event->object, &owner, &of, &name)) {
        judge_applied(region, event->object, of, name);
    }
}

/* ---- in the end ---- */

/* What is on the cluster for that key is what the source says; or it is of a source that is over, and is left
 * as it is until somebody adopts it. */
static bool key_right(struct down *down, const struct region *region, int name, FILE *out)
{
    char theirs[64], ours[64];
    struct source *source = source_of(down);
    struct manifest_owner owner = {0};
    int of, which;
    snprintf(theirs, sizeof(theirs), "cluster%d/web-%d", region->index + 1, name);
    snprintf(ours, sizeof(ours), "default/web-%d", name);
    struct object *wanted = apiserver_get_object(source->server, &deployments, theirs);
    struct object *there = apiserver_get_object(region->server, &deployments, ours);
    bool managed = there && of_ours(there, &owner, &of, &which);
    bool frozen = managed && !slice_equal(owner.store, source->uid);
    if (frozen && down->broken && !(wanted && workload_selected(wanted) && region->options.adopt))
        return true;
    if (!wanted || !workload_selected(wanted))
        return !there || world_say(out, "%s has %s, which is not wanted", region->name, ours);
    if (!there)
        return world_say(out, "%s lacks %s", region->name, ours);
    if (!managed || frozen || workload_token(there) != workload_token(wanted))
        return world_say(out, "%s: %s has %llu of %.*s, not %llu of %s", region->name, ours,
                         (unsigned long long)workload_token(there), SLICE_ARGS(owner.store),
                         (unsigned long long)workload_token(wanted), source->uid);
    return true;
}

/* The agent says of as many workloads that they are frozen as are of another source, or of one that went
 * back. */
static bool frozen_told(struct down *down, const struct region *region, FILE *out)
{
    size_t frozen = 0;
    for (int name = 0; name < NAMES; name++) {
        char key[64];
        struct manifest_owner owner;
        int of, which;
        snprintf(key, sizeof(key), "default/web-%d", name);
        const struct object *there = apiserver_get_object(region->server, &deployments, key);
        frozen +=
            there && of_ours(there, &owner, &of, &which) && !slice_equal(owner.store, source_of(down)->uid);
    }
    if (frozen)
        world_cover(&down->world, COVER_DOWN_FROZEN);
    size_t told = region->downlink ? downlink_workloads(region->downlink)->works[APPLIER_FROZEN] : 0;
    return told == frozen || world_say(out, "%s: %zu workloads are of another source, and its agent says %zu",
                                       region->name, frozen, told);
}

bool down_is_right(struct down *down, FILE *out)
{
    for (int i = 0; i < down->region_count; i++) {
        for (int name = 0; name < NAMES; name++)
            if (!key_right(down, &down->regions[i], name, out))
                return false;
        if (!frozen_told(down, &down->regions[i], out))
            return false;
    }
    return true;
}
