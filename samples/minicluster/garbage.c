/*
 * Garbage collection: what belongs to nobody that lives goes, also where its owner has never been; one of
 * several owners that is gone is taken out of the references. An object that waits for its dependents
 * (finalizer foregroundDeletion) has those deleted that block it, and their dependents before them, and then
 * goes; one that leaves orphans (finalizer orphan) has itself taken out of their references.
 *
 * Keys say what has happened, and to whom:
 *
 *     gone UID                               an owner
 *     going UID GROUP VERSION RESOURCE KEY   one that waits; "-" is the core group
 *     lost GROUP VERSION RESOURCE KEY        an object, of which an owner was not found
 */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "samples/minicluster/controller.h"

struct dependent {
    struct collection *collection;
    char *key;
};

/* ---- owners ---- */

static bool is_waiting(const struct object *object)
{
    struct slice metadata = json_member(object_bytes(object), "metadata"), finalizer;
    struct slice finalizers = json_member(metadata, "finalizers");
    struct json_cursor cursor = {0};
    while (json_member(metadata, "deletionTimestamp").data && finalizers.len &&
           json_next_element(finalizers, &cursor, &finalizer))
        if (slice_equal(json_unquote(finalizer), "foregroundDeletion"))
            return true;
    return false;
}

/* What cannot be looked for is taken to live: a kind that is not served, or one in a namespace that has
 * something outside. */
static bool lives(const struct collection *dependents, struct slice namespace_, struct slice reference)
{
    struct slice version = json_member(reference, "apiVersion"), name = json_member(reference, "name");
    struct slice kind = json_member(reference, "kind"), uid = json_member(reference, "uid");
    const char *slash = version.len ? memchr(version.data, '/', version.len) : NULL;
    cleanup_free char *group = mem_dup(version.data, slash ? (size_t)(slash - version.data) : 0);
    cleanup_free char *kind_text = mem_dup(kind.data, kind.len);
    char key[OBJECT_KEY_MAX];
    const struct collection *owners = storage_find_kind(dependents->storage, group, kind_text);
    bool inside = owners && resource_namespaced(&owners->resource);
    if (!owners || (inside && !namespace_.len))
        return true;
    snprintf(key, sizeof(key), "%.*s%s%.*s", inside ? (int)namespace_.len : 0,
             namespace_.data ? namespace_.data : "", inside ? "/" : "", SLICE_ARGS(name));
    const struct object *owner = object_set_get(&owners->own->objects, key);
    struct slice has = owner ? object_uid(owner) : (struct slice){0};
    return owner && has.len == uid.len && !memcmp(has.data, uid.data, uid.len) && !is_waiting(owner);
}

struct census {
    const struct dependent *dependent;
    struct slice namespace_;
    size_t living, lost;
};

static void count_owner(void *arg, struct slice uid, struct slice reference)
{
    struct census *census = arg;
    (void)uid;
    if (lives(census->dependent->collection, census->namespace_, reference))
        census->living++;
    else
        census->lost++;
}

static struct census count_owners(const struct dependent *dependent, const struct object *object)
{
    struct census census = {.dependent = dependent, .namespace_ = object_namespace(object)};
    owners_each(object, count_owner, &census);
    return census;
}

/* ---- what happens ---- */

static bool has_finalizers(const struct object *object)
{
    struct slice metadata = json_member(object_bytes(object), "metadata");
    return json_member(metadata, "deletionTimestamp").data && json_member(metadata, "finalizers").data;
}

static void garbage_changed(struct controller *controller, struct collection *collection,
                            const struct event *event)
{
    struct slice uid = object_uid(event->object);
    const struct gvr *gvr = &collection->resource.gvr;
    const char *group = gvr->group[0] ? gvr->group : "-", *key = object_key(event->object);
    struct dependent dependent = {collection, (char *)key};
    cleanup_free char *what = NULL;
    if (event->type == EVENT_DELETED)
        what = mem_printf("gone %.*s", SLICE_ARGS(uid));
    else if (has_finalizers(event->object))
        what = mem_printf("going %.*s %s %s %s %s", SLICE_ARGS(uid), group, gvr->version, gvr->resource, key);
    else if (count_owners(&dependent, event->object).lost)
        what = mem_printf("lost %s %s %s %s", group, gvr->version, gvr->resource, key);
    if (what && uid.len)
        queue_add(&controller->queue, what, 0);
}

/* Those that name it as an owner. */
static struct dependent *copy_dependents(struct cluster *cluster, const char *uid, size_t *count)
{
    struct dependent *list = NULL;
    for (const struct owned *owned = owners_find(cluster_owners(cluster), uid); owned; owned = owned->next) {
        list = mem_realloc(list, (*count + 1) * sizeof(*list));
        list[(*count)++] = (struct dependent){owned->collection, mem_strdup(owned->key)};
    }
    return list;
}

static struct object *peek(const struct dependent *dependent)
{
    return object_set_get(&dependent->collection->own->objects, dependent->key);
}

/* Takes those references away of which drops() says so. */
static void drop_references(struct cluster *cluster, const struct dependent *dependent,
                            bool (*drops)(const struct dependent *dependent, struct slice namespace_,
                                          const cJSON *reference, const char *uid),
                            const char *uid)
{
    const struct gvr *gvr = &dependent->collection->resource.gvr;
    cleanup_tree cJSON *tree = cluster_read(cluster, gvr, dependent->key);
    cJSON *references = tree_at(tree, "metadata.ownerReferences");
    const char *in = tree_text(tree, "metadata.namespace");
    for (cJSON *item = references ? references->child : NULL, *next; item; item = next) {
        next = item->next;
        if (drops(dependent, (struct slice){in, strlen(in)}, item, uid))
            cJSON_Delete(cJSON_DetachItemViaPointer(references, item));
    }
    if (references && !references->child)
        tree_remove(tree_at(tree, "metadata"), "ownerReferences");
    if (tree)
        cluster_write(cluster, gvr, tree);
}

static bool is_of(const struct dependent *dependent, struct slice namespace_, const cJSON *reference,
                  const char *uid)
{
    (void)dependent;
    (void)namespace_;
    return !strcmp(tree_text(reference, "uid"), uid);
}

static bool is_lost(const struct dependent *dependent, struct slice namespace_, const cJSON *reference,
                    const char *uid)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    (void)uid;
    tree_print(reference, &text);
    return !lives(dependent->collection, namespace_, (struct slice){text.data, text.len});
}

/* Has it to go, or to be told that an owner is gone? */
static void consider(struct cluster *cluster, const struct dependent *dependent)
{
    const struct object *object = peek(dependent);
    if (!object)
        return;
    struct census census = count_owners(dependent, object);
    if (census.lost && census.living)
        drop_references(cluster, dependent, is_lost, NULL);
    else if (census.lost)
        cluster_delete(cluster, dependent->collection, dependent->key);
}

static bool has_finalizer(const cJSON *tree, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, tree_at(tree, "metadata.finalizers"))
    {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, name))
            return true;
    }
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

struct search {
    const char *uid;
    bool blocks;
};

static void look_for_block(void *arg, struct slice uid, struct slice reference)
{
    struct search *search = arg;
    search->blocks |=
        slice_equal(uid, search->uid) && slice_equal(json_member(reference, "blockOwnerDeletion"), "true");
}

/* True where the owner has to wait for it. */
static bool clear_away(struct cluster *cluster, const struct dependent *dependent, const char *uid)
{
    const struct object *object = peek(dependent);
    struct search search = {.uid = uid};
    if (object)
        owners_each(object, look_for_block, &search);
    if (!search.blocks)
        return false;
    if (count_owners(dependent, object).living) {
        drop_references(cluster, dependent, is_of, uid);
        return false;
    }
    struct slice own = object_uid(object);
    cleanup_free char *own_uid = mem_dup(own.data, own.len);
    if (json_member(json_member(object_bytes(object), "metadata"), "deletionTimestamp").data)
        return true;
    if (owners_find(cluster_owners(cluster), own_uid))
        cluster_delete_foreground(cluster, &dependent->collection->resource.gvr, dependent->key);
    else
        cluster_delete(cluster, dependent->collection, dependent->key);
    return true;
}

static bool parse_place(const char *text, struct gvr *gvr, char key[OBJECT_KEY_MAX])
{
    char group[256], version[64], resource[64];
    return sscanf(text, "%255s %63s %63s %1023s", group, version, resource, key) == 4 &&
           gvr_set(gvr, !strcmp(group, "-") ? "" : group, version, resource) == 0;
}

/* The owner is there still and waits. */
static void settle(struct controller *controller, const char *what, const char *uid, const char *place,
                   const struct dependent *dependents, size_t count)
{
    struct gvr gvr;
    char key[OBJECT_KEY_MAX];
    cleanup_tree cJSON *owner =
        parse_place(place, &gvr, key) ? cluster_read(controller->cluster, &gvr, key) : NULL;
    if (!owner || strcmp(tree_text(owner, "metadata.uid"), uid))
        return;
    bool leaves = has_finalizer(owner, "orphan"), waits = has_finalizer(owner, "foregroundDeletion");
    size_t blocking = 0;
    for (size_t i = 0; i < count; i++) {
        if (leaves)
            drop_references(controller->cluster, &dependents[i], is_of, uid);
        else if (waits)
            blocking += clear_away(controller->cluster, &dependents[i], uid);
    }
    if (leaves)
        remove_finalizer(controller->cluster, &gvr, owner, "orphan");
    else if (waits && !blocking)
        remove_finalizer(controller->cluster, &gvr, owner, "foregroundDeletion");
    else if (waits)
        queue_add(&controller->queue, what, 100 * LOOP_MS);
}

static void consider_lost(struct controller *controller, const char *place)
{
    struct gvr gvr;
    char key[OBJECT_KEY_MAX];
    struct collection *collection = parse_place(place, &gvr, key)
                                        ? apiserver_collection(cluster_server(controller->cluster), &gvr)
                                        : NULL;
    if (collection)
        consider(controller->cluster, &(struct dependent){collection, key});
}

static void garbage_reconcile(struct controller *controller, const char *what)
{
    size_t count = 0;
    const char *rest = strchr(what, ' ') + 1, *space = strchr(rest, ' ');
    if (!strncmp(what, "lost ", 5)) {
        consider_lost(controller, rest);
        return;
    }
    cleanup_free char *uid = mem_dup(rest, strcspn(rest, " "));
    struct dependent *dependents = copy_dependents(controller->cluster, uid, &count);
    if (space)
        settle(controller, what, uid, space + 1, dependents, count);
    for (size_t i = 0; i < count; i++) {
        if (!space)
            consider(controller->cluster, &dependents[i]);
        free(dependents[i].key);
    }
    free(dependents);
}

const struct controller_ops garbage_controller = {garbage_changed, garbage_reconcile};
