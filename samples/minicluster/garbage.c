/*
 * Garbage collection: what belongs to an object that is gone goes too. An object that waits for its
 * dependents (finalizer foregroundDeletion) has them deleted and then goes; one that leaves orphans
 * (finalizer orphan) has itself taken out of their owner references.
 */

#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"

/* Keys are uids of owners that are gone or going; those that go carry where they are: "uid
 * group/version/resource key". */
static void garbage_changed(struct controller *controller, struct collection *collection,
                            const struct event *event)
{
    struct slice metadata = json_member(object_bytes(event->object), "metadata");
    struct slice uid = object_uid(event->object);
    bool going = json_member(metadata, "deletionTimestamp").data && json_member(metadata, "finalizers").data;
    if ((event->type != EVENT_DELETED && !going) || !uid.len)
        return;
    const struct gvr *gvr = &collection->resource.gvr;
    cleanup_free char *key =
        event->type == EVENT_DELETED
            ? mem_dup(uid.data, uid.len)
            : mem_printf("%.*s %s %s %s %s", SLICE_ARGS(uid), gvr->group[0] ? gvr->group : "-", gvr->version,
                         gvr->resource, object_key(event->object));
    queue_add(&controller->queue, key, 0);
}

struct dependent {
    struct collection *collection;
    char *key;
};

static struct dependent *copy_dependents(struct cluster *cluster, const char *uid, size_t *count)
{
    struct dependent *list = NULL;
    for (const struct owned *owned = owners_find(cluster_owners(cluster), uid); owned; owned = owned->next) {
        list = mem_realloc(list, (*count + 1) * sizeof(*list));
        list[(*count)++] = (struct dependent){owned->collection, mem_strdup(owned->key)};
    }
    return list;
}

static bool owner_lives(struct cluster *cluster, const struct collection *dependents, const cJSON *reference,
                        const char *namespace_)
{
    const char *version = tree_text(reference, "apiVersion"), *slash = strchr(version, '/');
    cleanup_free char *group = slash ? mem_dup(version, (size_t)(slash - version)) : mem_strdup("");
    struct collection *owners = storage_find_kind(dependents->storage, group, tree_text(reference, "kind"));
    const char *name = tree_text(reference, "name");
    (void)cluster;
    if (!owners)
        return false;
    cleanup_free char *key =
        resource_namespaced(&owners->resource) ? mem_printf("%s/%s", namespace_, name) : mem_strdup(name);
    struct object *owner = object_set_get(&owners->own->objects, key);
    return owner && slice_equal(object_uid(owner), tree_text(reference, "uid"));
}

/* Another owner that lives keeps it. */
static bool is_garbage(struct cluster *cluster, const struct dependent *dependent)
{
    cleanup_tree cJSON *tree = cluster_read(cluster, &dependent->collection->resource.gvr, dependent->key);
    const cJSON *reference;
    if (!tree)
        return false;
    cJSON_ArrayForEach(
        reference,
        tree_at(tree,
                "metadata.ownerReferences")) if (owner_lives(cluster, dependent->collection, reference,
                                                             tree_text(tree,
                                                                       "metadata.namespace"))) return false;
    return true;
}

static void orphan(struct cluster *cluster, const struct dependent *dependent, const char *uid)
{
    const struct gvr *gvr = &dependent->collection->resource.gvr;
    cleanup_tree cJSON *tree = cluster_read(cluster, gvr, dependent->key);
    cJSON *references = tree_at(tree, "metadata.ownerReferences");
    for (cJSON *item = references ? references->child : NULL, *next; item; item = next) {
        next = item->next;
        if (!strcmp(tree_text(item, "uid"), uid))
            cJSON_Delete(cJSON_DetachItemViaPointer(references, item));
    }
    if (references && !references->child)
        tree_remove(tree_at(tree, "metadata"), "ownerReferences");
    if (tree)
        cluster_write(cluster, gvr, tree);
}

static bool has_finalizer(const cJSON *tree, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, tree_at(tree, "metadata.finalizers")) if (cJSON_IsString(item) &&
                                                                       !strcmp(item->valuestring,
                                                                               name)) return true;
    return false;
}

static void remove_finalizer(struct cluster *cluster, const struct gvr *gvr, cJSON *tree, const char *name)
{
    cJSON *finalizers = tree_at(tree, "metadata.finalizers"), *item;
    cJSON_ArrayForEach(item, finalizers)
    {
        if (!cJSON_IsString(item) || strcmp(item->valuestring, name))
            continue;
        cJSON_Delete(cJSON_DetachItemViaPointer(finalizers, item));
        break;
    }
    cluster_write(cluster, gvr, tree);
}

/* The owner is there still and waits. */
static void settle_owner(struct controller *controller, const char *queue_key, struct dependent *dependents,
                         size_t count)
{
    struct gvr gvr;
    char uid[64], group[256], version[64], resource[64], key[OBJECT_KEY_MAX];
    if (sscanf(queue_key, "%63s %255s %63s %63s %1023s", uid, group, version, resource, key) != 5 ||
        gvr_set(&gvr, !strcmp(group, "-") ? "" : group, version, resource) != 0)
        return;
    cleanup_tree cJSON *owner = cluster_read(controller->cluster, &gvr, key);
    if (!owner || strcmp(tree_text(owner, "metadata.uid"), uid))
        return;
    bool leaves = has_finalizer(owner, "orphan"), waits = has_finalizer(owner, "foregroundDeletion");
    for (size_t i = 0; i < count; i++) {
        if (leaves)
            orphan(controller->cluster, &dependents[i], uid);
        else if (waits)
            cluster_delete(controller->cluster, dependents[i].collection, dependents[i].key);
    }
    if (leaves)
        remove_finalizer(controller->cluster, &gvr, owner, "orphan");
    else if (waits && count == 0)
        remove_finalizer(controller->cluster, &gvr, owner, "foregroundDeletion");
    else if (waits)
        queue_add(&controller->queue, queue_key, 100 * LOOP_MS);
}

static void garbage_reconcile(struct controller *controller, const char *key)
{
    size_t count = 0;
    cleanup_free char *uid = mem_dup(key, strcspn(key, " "));
    struct dependent *dependents = copy_dependents(controller->cluster, uid, &count);
    if (strchr(key, ' '))
        settle_owner(controller, key, dependents, count);
    for (size_t i = 0; i < count; i++) {
        if (!strchr(key, ' ') && is_garbage(controller->cluster, &dependents[i]))
            cluster_delete(controller->cluster, dependents[i].collection, dependents[i].key);
        free(dependents[i].key);
    }
    free(dependents);
}

const struct controller_ops garbage_controller = {garbage_changed, garbage_reconcile};
