#include "apiserver/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/admission.h"
#include "apiserver/crd.h"
#include "apiserver/defaults.h"
#include "apiserver/managed.h"
#include "apiserver/members.h"
#include "apiserver/server_internal.h"
#include "apiserver/shape.h"
#include "base/mem.h"

static const char *const top_order[] = {"kind", "apiVersion", "metadata", NULL};
static const char *const metadata_order[] = {"name",
                                             "generateName",
                                             "namespace",
                                             "uid",
                                             "resourceVersion",
                                             "generation",
                                             "creationTimestamp",
                                             "deletionTimestamp",
                                             "deletionGracePeriodSeconds",
                                             "labels",
                                             "annotations",
                                             "ownerReferences",
                                             "finalizers",
                                             "managedFields",
                                             NULL};

static const char *object_key_of(const struct write *write, const char *name, char out[OBJECT_KEY_MAX])
{
    if (resource_namespaced(&write->collection->resource))
        snprintf(out, OBJECT_KEY_MAX, "%s/%s", write->namespace_ ? write->namespace_ : "", name);
    else
        snprintf(out, OBJECT_KEY_MAX, "%s", name);
    return out;
}

struct object *write_current(const struct write *write)
{
    char key[OBJECT_KEY_MAX];
    return object_set_get(&write->collection->own->objects, object_key_of(write, write->name, key));
}

cJSON *write_tree_of(const struct object *object)
{
    struct slice bytes = object_bytes(object);
    cJSON *tree = tree_parse(bytes.data, bytes.len);
    return tree ? tree : cJSON_CreateObject();
}

/* The tree as bytes under that revision. NULL where it is no storable object. */
static struct object *seal(cJSON *tree, uint64_t revision)
{
    char text[24];
    struct object *object = NULL;
    cleanup_with(buf_deinit) struct buf out = BUF_INIT(SIZE_MAX / 4);
    cJSON *metadata = tree_at(tree, "metadata");
    snprintf(text, sizeof(text), "%" PRIu64, revision);
    tree_set_text(metadata, "resourceVersion", text);
    tree_order(metadata, metadata_order);
    tree_order(tree, top_order);
    tree_print(tree, &out);
    return object_create(out.data, out.len, NULL, &object) == 0 ? object : NULL;
}

struct object *object_at_revision(const struct object *object, uint64_t revision)
{
    struct object *out = NULL;
    struct slice bytes = object_bytes(object), old = object_resource_version(object);
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    buf_append(&text, bytes.data, (size_t)(old.data - bytes.data));
    buf_appendf(&text, "%" PRIu64, revision);
    buf_append(&text, old.data + old.len, (size_t)(bytes.data + bytes.len - old.data - old.len));
    if (object_create(text.data, text.len, NULL, &out) != 0)
        abort(); /* what was an object is one under any number */
    return out;
}

/* Same but for the revision? */
static bool same_content(const struct object *a, const struct object *b)
{
    struct slice x = object_bytes(a), y = object_bytes(b);
    struct slice rx = object_resource_version(a), ry = object_resource_version(b);
    size_t head = (size_t)(rx.data - x.data), tail = x.len - head - rx.len;
    return head == (size_t)(ry.data - y.data) && tail == y.len - head - ry.len &&
           !memcmp(x.data, y.data, head) && !memcmp(rx.data + rx.len, ry.data + ry.len, tail);
}

static int commit(struct write *write, struct object *object, int code)
{
    write->result = object;
    write->code = code;
    if (write->dry_run)
        return 0;
    storage_commit(write->collection->own, object, false);
    crd_changed(write->server, write->collection, object, false);
    return 0;
}

static int too_strange(struct write *write)
{
    return status_set(write->status, 400, "BadRequest",
                      "the object cannot be stored: its name or nesting is out of bounds");
}

static void set_uid(struct apiserver *server, cJSON *metadata)
{
    char uid[40];
    uint64_t a = loop_random(server->loop), b = loop_random(server->loop);
    snprintf(uid, sizeof(uid), "%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, ((unsigned)(b >> 48) & 0x3fff) | 0x8000,
             b & 0xffffffffffff);
    tree_set_text(metadata, "uid", uid);
}

static void first_metadata(struct write *write, cJSON *metadata)
{
    char now[24];
    tree_remove(metadata, "deletionTimestamp");
    tree_remove(metadata, "deletionGracePeriodSeconds");
    tree_remove(metadata, "generation");
    tree_remove(metadata, "selfLink");
    set_uid(write->server, metadata);
    tree_set_text(metadata, "creationTimestamp", apiserver_time(write->server, now));
    if (write->collection->resource.flags & RESOURCE_GENERATION)
        tree_set_number(metadata, "generation", 1);
}

static int admit_create(struct write *write, cJSON *tree)
{
    int r = admit_shape(write, tree);
    if (r == 0)
        r = shape_prune(write, tree);
    if (r == 0)
        r = admit_namespace(write, tree);
    if (r == 0)
        r = admit_name(write, tree);
    if (r == 0)
        r = admit_namespace_open(write, tree);
    if (r == 0)
        r = crd_admit_object(write, tree);
    if (r == 0 && tree_text(tree, "metadata.resourceVersion")[0])
        r = status_set(write->status, 500, "", "resourceVersion should not be set on objects to be created");
    return r;
}

int write_create(struct write *write, cJSON *tree)
{
    int r = admit_create(write, tree);
    if (r != 0)
        return r;
    const struct resource *resource = &write->collection->resource;
    cJSON *metadata = tree_at(tree, "metadata");
    write->name = tree_text(metadata, "name");
    if (write_current(write))
        return status_exists(write->status, resource, write->name);
    first_metadata(write, metadata);
    defaults_apply(write->server, resource, tree);
    defaults_first_status(resource, tree);
    r = shape_admit(write, tree);
    if (r == 0)
        r = admit_content(write, tree, NULL);
    if (r == 0)
        r = crd_admit(write, tree);
    if (r != 0)
        return r;
    if (!write->owners_settled)
        managed_record(write, NULL, tree);
    struct object *object = seal(tree, write->server->storage.revision + 1);
    return object ? commit(write, object, 201) : too_strange(write);
}

/* What the server alone decides is taken from the object that is there. */
static void carry(cJSON *tree, const cJSON *old, const char *name)
{
    const cJSON *value = tree_at(old, name);
    if (value)
        tree_set(tree, name, cJSON_Duplicate(value, true));
    else
        tree_remove(tree, name);
}

static void carry_metadata(cJSON *tree, const cJSON *old)
{
    static const char *const names[] = {"uid",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds",
                                        "generation",
                                        "namespace",
                                        "name",
                                        "generateName"};
    cJSON *metadata = tree_make(tree, "metadata");
    for (size_t i = 0; i < array_size(names); i++)
        carry(metadata, tree_at(old, "metadata"), names[i]);
    tree_remove(metadata, "selfLink");
    if (!tree_at(metadata, "managedFields"))
        carry(metadata, tree_at(old, "metadata"), "managedFields");
}

/* A write to a subresource changes its part and nothing else. */
static void keep_to_part(const struct write *write, cJSON *tree, const cJSON *old)
{
    bool status = !strcmp(write->subresource, "status");
    bool finalize = !strcmp(write->subresource, "finalize");
    if (!status && !finalize) {
        if (write->collection->resource.flags & RESOURCE_STATUS)
            carry(tree, old, "status");
        return;
    }
    cJSON *member, *next;
    for (member = tree->child; member; member = next) {
        next = member->next;
        if (strcmp(member->string, status ? "status" : "spec"))
            cJSON_Delete(cJSON_DetachItemViaPointer(tree, member));
    }
    cleanup_members struct members there;
    members_init(&there, tree);
    cJSON_ArrayForEach(member, old) if (strcmp(member->string, status ? "status" : "spec") &&
                                        !members_find(&there, member->string))
        members_set(&there, member->string, cJSON_Duplicate(member, true));
}

static void bump_generation(const struct write *write, cJSON *tree, const cJSON *old)
{
    if (!(write->collection->resource.flags & RESOURCE_GENERATION) || write->subresource[0] ||
        tree_equal(tree_at(tree, "spec"), tree_at(old, "spec")))
        return;
    tree_set_number(tree_at(tree, "metadata"), "generation", tree_number(old, "metadata.generation", 1) + 1);
}

/* A real server looks at that twice, and says so. */
static int other_uid(const struct write *write, const char *uid)
{
    for (int i = 0; i < 2; i++)
        status_invalid(write->status, &write->collection->resource, write->name, "FieldValueInvalid",
                       "metadata.uid", "Invalid value: \"%.100s\": field is immutable", uid);
    return write->status->code;
}

/* resourceVersion and uid, where the writer says which it saw. */
static int check_preconditions(const struct write *write, const cJSON *tree, const struct object *current)
{
    const struct resource *resource = &write->collection->resource;
    const char *version = tree_text(tree, "metadata.resourceVersion"), *uid = tree_text(tree, "metadata.uid");
    if (version[strspn(version, "0123456789")])
        return status_set(write->status, 500, "", "strconv.ParseUint: parsing \"%.60s\": invalid syntax",
                          version);
    if (write->patch && !slice_equal(object_uid(current), uid))
        return other_uid(write, uid);
    if (uid[0] && !slice_equal(object_uid(current), uid)) {
        bool custom = resource->flags & RESOURCE_CUSTOM;
        cleanup_free char *why =
            mem_printf("StorageError: invalid object, Code: 4, Key: /registry/%s%s%s/%s, ResourceVersion: "
                       "0, AdditionalErrorMsg: Precondition failed: UID in precondition: %.40s, UID in "
                       "object meta: %.*s",
                       custom ? resource->gvr.group : "", custom ? "/" : "", resource->gvr.resource,
                       object_key(current), uid, SLICE_ARGS(object_uid(current)));
        return status_conflict(write->status, resource, write->name, why);
    }
    if (version[0] && strcmp(version, "0") && !slice_equal(object_resource_version(current), version))
        return status_conflict(
            write->status, resource, write->name,
            "the object has been modified; please apply your changes to the latest version and try "
            "again");
    return 0;
}

/* The last finalizer of an object that is marked as deleted is gone: so is the object. */
static bool is_finished(const struct write *write, const cJSON *tree)
{
    const cJSON *spec_finalizers = tree_at(tree, "spec.finalizers");
    if (!tree_text(tree, "metadata.deletionTimestamp")[0] ||
        cJSON_GetArraySize(tree_at(tree, "metadata.finalizers")) > 0)
        return false;
    if (!strcmp(write->collection->resource.kind, "Namespace"))
        return cJSON_GetArraySize(spec_finalizers) == 0;
    return tree_number(tree, "metadata.deletionGracePeriodSeconds", 0) == 0;
}

static int store_update(struct write *write, cJSON *tree, struct object *current)
{
    struct object *object = seal(tree, write->server->storage.revision + 1);
    if (!object)
        return too_strange(write);
    if (same_content(object, current)) {
        object_unref(object);
        write->result = object_ref(current);
        write->code = 200;
        return 0;
    }
    if (write->dry_run || !is_finished(write, tree))
        return commit(write, object, 200);
    object_unref(write_remove(write->server, write->collection, current));
    write->result = object;
    write->code = 200;
    return 0;
}

static int prepare_update(struct write *write, cJSON *tree, const cJSON *old)
{
    const struct resource *resource = &write->collection->resource;
    keep_to_part(write, tree, old);
    carry_metadata(tree, old);
    if (!write->subresource[0])
        defaults_apply(write->server, resource, tree);
    int r = shape_admit(write, tree);
    bump_generation(write, tree, old);
    if (r == 0)
        r = admit_content(write, tree, old);
    if (r == 0)
        r = crd_admit(write, tree);
    if (r == 0 && !write->owners_settled)
        managed_record(write, old, tree);
    return r;
}

int write_update(struct write *write, cJSON *tree)
{
    int r = admit_shape(write, tree);
    if (r == 0)
        r = shape_prune(write, tree);
    if (r == 0)
        r = admit_namespace(write, tree);
    if (r == 0)
        r = admit_name(write, tree);
    if (r != 0)
        return r;
    struct object *current = write_current(write);
    if (!current)
        return status_not_found(write->status, &write->collection->resource, write->name);
    r = check_preconditions(write, tree, current);
    if (r != 0)
        return r;
    cleanup_tree cJSON *old = write_tree_of(current);
    r = prepare_update(write, tree, old);
    return r ? r : store_update(write, tree, current);
}

struct object *write_remove(struct apiserver *server, struct collection *collection, struct object *object)
{
    struct object *last = object_at_revision(object, server->storage.revision + 1);
    storage_commit(collection->own, last, true);
    crd_changed(server, collection, last, true);
    return last;
}

/* One precondition of a deletion: what it is called, what was asked for, what is there. */
static int check_precondition(const struct write *write, const char *what, const char *wanted,
                              struct slice have, const char *happened)
{
    struct resource named = write->collection->resource;
    if (!wanted[0] || slice_equal(have, wanted))
        return 0;
    cleanup_free char *why =
        mem_printf("the %s in the precondition (%.40s) does not match the %s in record (%.*s). The object "
                   "might have been %s",
                   what, wanted, what, SLICE_ARGS(have), happened);
    /* Here, as in a real server, it is the kind that is named. */
    snprintf(named.gvr.resource, sizeof(named.gvr.resource), "%s", named.kind);
    return status_conflict(write->status, &named, write->name, why);
}

static int check_delete(const struct write *write, const cJSON *options, const struct object *current)
{
    int r = check_precondition(write, "UID", tree_text(options, "preconditions.uid"), object_uid(current),
                               "deleted and then recreated");
    if (r == 0)
        r = check_precondition(write, "ResourceVersion", tree_text(options, "preconditions.resourceVersion"),
                               object_resource_version(current), "modified");
    return r;
}

/* How long the object stays, marked as deleted: 0 unless somebody is there to end it. */
static long grace_of(const struct write *write, const struct object *current, long grace_s)
{
    struct slice spec = json_member(object_bytes(current), "spec");
    if (!write->server->graceful || strcmp(write->collection->resource.kind, "Pod") ||
        !json_member(spec, "nodeName").len || grace_s == 0)
        return 0;
    struct slice stated = json_member(spec, "terminationGracePeriodSeconds");
    return grace_s > 0 ? grace_s : stated.data ? strtol(stated.data, NULL, 10) : 30;
}

static void add_finalizer(cJSON *metadata, const char *name)
{
    cJSON *finalizers = tree_make_list(metadata, "finalizers"), *item;
    cJSON_ArrayForEach(item, finalizers) if (cJSON_IsString(item) && !strcmp(item->valuestring, name)) return;
    cJSON_AddItemToArray(finalizers, cJSON_CreateString(name));
}

/* What has to be waited for before the object goes, as finalizers. */
static void add_propagation(const struct write *write, cJSON *metadata, const char *policy)
{
    if (!write->server->graceful)
        return;
    if (!strcmp(policy, "Foreground"))
        add_finalizer(metadata, "foregroundDeletion");
    if (!strcmp(policy, "Orphan"))
        add_finalizer(metadata, "orphan");
}

static void mark_deleted(const struct write *write, cJSON *tree, long grace_s)
{
    char now[24];
    cJSON *metadata = tree_at(tree, "metadata");
    tree_default(metadata, "deletionTimestamp", cJSON_CreateString(apiserver_time(write->server, now)));
    tree_set_number(metadata, "deletionGracePeriodSeconds", (double)grace_s);
    if (tree_at(metadata, "generation"))
        tree_set_number(metadata, "generation", tree_number(metadata, "generation", 1) + 1);
    if (!strcmp(write->collection->resource.kind, "Namespace"))
        tree_set_text(tree_make(tree, "status"), "phase", "Terminating");
}

/* A pod that goes at once is told with the marks of one that went. */
static struct object *marked(const struct write *write, const struct object *object)
{
    cleanup_tree cJSON *tree = write_tree_of(object);
    mark_deleted(write, tree, 0);
    return seal(tree, strtoull(object_resource_version(object).data, NULL, 10));
}

static int delete_now(struct write *write, struct object *current)
{
    bool pod = !strcmp(write->collection->resource.kind, "Pod");
    struct object *told = pod ? marked(write, current) : object_ref(current);
    if (!write->dry_run)
        object_unref(write_remove(write->server, write->collection, current));
    write->code = 200;
    write->result = told;
    return 0;
}

static int store_marked(struct write *write, cJSON *tree)
{
    struct object *object = seal(tree, write->server->storage.revision + 1);
    return object ? commit(write, object, 200) : too_strange(write);
}

int write_delete(struct write *write, const cJSON *options, long grace_s)
{
    struct object *current = write_current(write);
    if (!current)
        return status_not_found(write->status, &write->collection->resource, write->name);
    int r = admit_delete(write);
    if (r == 0)
        r = check_delete(write, options, current);
    if (r != 0)
        return r;

    cleanup_tree cJSON *tree = write_tree_of(current);
    cJSON *metadata = tree_at(tree, "metadata");
    long grace = grace_of(write, current, grace_s);
    if (crd_mark_deleted(write, tree))
        return store_marked(write, tree);
    add_propagation(write, metadata, tree_text(options, "propagationPolicy"));
    bool waits = grace > 0 || cJSON_GetArraySize(tree_at(metadata, "finalizers")) > 0 ||
                 (!strcmp(write->collection->resource.kind, "Namespace") &&
                  cJSON_GetArraySize(tree_at(tree, "spec.finalizers")) > 0);
    if (!waits)
        return delete_now(write, current);
    if (tree_at(metadata, "deletionTimestamp") &&
        (double)grace >= tree_number(metadata, "deletionGracePeriodSeconds", 0)) {
        write->result = object_ref(current);
        write->code = 200;
        return 0;
    }
    mark_deleted(write, tree, grace);
    return store_marked(write, tree);
}
