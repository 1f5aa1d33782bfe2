#include "apiserver/managed.h"

#include <string.h>

#include "apiserver/fields.h"
#include "apiserver/server_internal.h"
#include "apiserver/validation.h"
#include "base/mem.h"

static cJSON *entries_of(cJSON *tree)
{
    return tree_make_list(tree_make(tree, "metadata"), "managedFields");
}

static cJSON *find_entry(const cJSON *entries, const char *manager, const char *operation,
                         const char *subresource)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry,
                       entries) if (!strcmp(tree_text(entry, "manager"), manager) &&
                                    !strcmp(tree_text(entry, "operation"), operation) &&
                                    !strcmp(tree_text(entry, "subresource"), subresource)) return entry;
    return NULL;
}

static cJSON *add_entry(const struct write *write, cJSON *entries, const char *operation)
{
    char text[320], now[24];
    cJSON *entry = cJSON_CreateObject();
    tree_set_text(entry, "manager", write->manager);
    tree_set_text(entry, "operation", operation);
    tree_set_text(entry, "apiVersion", resource_api_version(&write->collection->resource, text));
    tree_set_text(entry, "time", apiserver_time(write->server, now));
    tree_set_text(entry, "fieldsType", "FieldsV1");
    tree_set(entry, "fieldsV1", cJSON_CreateObject());
    if (write->subresource[0])
        tree_set_text(entry, "subresource", write->subresource);
    cJSON_AddItemToArray(entries, entry);
    return entry;
}

static cJSON *set_in(cJSON *entry)
{
    return tree_make(entry, "fieldsV1");
}

/* Entries that own nothing are no owners. */
static void drop_empty(cJSON *metadata, cJSON *entries)
{
    for (cJSON *entry = entries->child, *next; entry; entry = next) {
        next = entry->next;
        if (fields_empty(tree_at(entry, "fieldsV1")))
            cJSON_Delete(cJSON_DetachItemViaPointer(entries, entry));
    }
    if (!entries->child)
        tree_remove(metadata, "managedFields");
}

static void take_from_others(cJSON *entries, const cJSON *mine, const cJSON *set)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry, entries) if (entry != mine) fields_subtract(set_in(entry), set);
}

/* A write changes status or the rest, never both: what the server made of the other part is nobody's. */
static void keep_own_part(const struct write *write, cJSON *set)
{
    bool status = !strcmp(write->subresource, "status");
    if (!(write->collection->resource.flags & RESOURCE_STATUS))
        return;
    for (cJSON *item = set->child, *next; item; item = next) {
        next = item->next;
        if (!strcmp(item->string, "f:status") != status)
            cJSON_Delete(cJSON_DetachItemViaPointer(set, item));
    }
}

void managed_record(const struct write *write, const cJSON *old, cJSON *tree)
{
    cJSON *metadata = tree_at(tree, "metadata"), *entry;
    bool managed = cJSON_GetArraySize(tree_at(metadata, "managedFields")) > 0;
    if (!write->manager[0] && !managed)
        return;
    cleanup_tree cJSON *changed = fields_changed(tree, old);
    keep_own_part(write, changed);
    cJSON *entries = entries_of(tree);
    cJSON *mine = find_entry(entries, write->manager, "Update", write->subresource);
    if (!fields_empty(changed) && write->manager[0]) {
        if (!mine)
            mine = add_entry(write, entries, "Update");
        char now[24];
        tree_set_text(mine, "time", apiserver_time(write->server, now));
        fields_unite(set_in(mine), changed);
    }
    take_from_others(entries, mine, changed);
    cJSON_ArrayForEach(entry, entries) fields_prune(set_in(entry), tree);
    drop_empty(metadata, entries);
}

static int conflict(const struct write *write, const cJSON *entry, const char *path)
{
    char cause[600];
    struct status *status = write->status;
    const char *owner = tree_text(entry, "manager");
    snprintf(cause, sizeof(cause), "conflict with \"%s\"%s", owner,
             !strcmp(tree_text(entry, "operation"), "Update") ? " using " : "");
    if (!strcmp(tree_text(entry, "operation"), "Update"))
        strncat(cause, tree_text(entry, "apiVersion"), sizeof(cause) - strlen(cause) - 1);
    status_set(status, 409, "Conflict", "Apply failed with 1 conflict: %s: %s", cause, path);
    status_cause(status, "FieldManagerConflict", cause, path);
    return 409;
}

static int check_conflicts(const struct write *write, const cJSON *entries, const cJSON *mine,
                           const cJSON *set, const cJSON *config, const cJSON *live)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, entries)
    {
        cleanup_with(buf_deinit) struct buf path = BUF_INIT(4096);
        if (entry != mine && fields_conflict(set, tree_at(entry, "fieldsV1"), config, live, &path))
            return conflict(write, entry, path.data);
    }
    return 0;
}

/* Forced: those that want another value lose the field. */
static void take_conflicting(cJSON *entries, const cJSON *mine, const cJSON *set, const cJSON *tree,
                             const cJSON *live)
{
    cleanup_tree cJSON *changed = fields_changed(tree, live);
    cleanup_tree cJSON *kept = cJSON_Duplicate(changed, true);
    fields_subtract(kept, set);
    fields_subtract(changed, kept);
    take_from_others(entries, mine, changed);
}

/* What was applied before, is not now, and belongs to nobody else. */
static void remove_abandoned(cJSON *tree, const cJSON *entries, const cJSON *mine, const cJSON *set)
{
    cleanup_tree cJSON *gone = cJSON_Duplicate(tree_at(mine, "fieldsV1"), true);
    const cJSON *entry;
    fields_subtract(gone, set);
    cJSON_ArrayForEach(entry, entries) if (entry != mine) fields_subtract(gone, tree_at(entry, "fieldsV1"));
    fields_remove(tree, gone);
}

static void set_owner(const struct write *write, cJSON *entries, cJSON *mine, const cJSON *set)
{
    char now[24];
    if (mine && tree_equal(tree_at(mine, "fieldsV1"), set))
        return;
    if (!mine)
        mine = add_entry(write, entries, "Apply");
    tree_set_text(mine, "time", apiserver_time(write->server, now));
    tree_set(mine, "fieldsV1", cJSON_Duplicate(set, true));
}

static int apply_to(struct write *write, struct object *current, const cJSON *config, bool force)
{
    cleanup_tree cJSON *live = write_tree_of(current);
    cleanup_tree cJSON *tree = write_tree_of(current);
    cleanup_tree cJSON *set = fields_of(config);
    cJSON *metadata = tree_at(tree, "metadata"), *entries = entries_of(tree);
    cJSON *mine = find_entry(entries, write->manager, "Apply", write->subresource);
    int r = force ? 0 : check_conflicts(write, entries, mine, set, config, live);
    if (r != 0)
        return r;
    remove_abandoned(tree, entries, mine, set);
    fields_merge(tree, config);
    if (force)
        take_conflicting(entries, mine, set, tree, live);
    set_owner(write, entries, mine, set);
    drop_empty(metadata, entries);
    write->manager = ""; /* the owners are settled: the update must not settle them anew */
    write->owners_settled = true;
    return write_update(write, tree);
}

static int no_manager(struct status *status)
{
    struct resource resource = {.gvr = {.group = "meta.k8s.io", .resource = "patchoptions"},
                                .kind = "PatchOptions"};
    return status_invalid(status, &resource, "", "FieldValueRequired", "fieldManager",
                          "Required value: is required for apply patch");
}

static int no_longer_there(const struct write *write, const char *uid)
{
    cleanup_free char *why =
        mem_printf("uid mismatch: the provided object specified uid %.60s, and no existing object was found",
                   uid);
    return status_conflict(write->status, &write->collection->resource, write->name, why);
}

int managed_apply(struct write *write, const cJSON *config, bool force)
{
    struct object *current = write_current(write);
    if (!write->manager[0])
        return no_manager(write->status);
    if (tree_at(config, "metadata.managedFields"))
        return status_set(write->status, 400, "BadRequest", "metadata.managedFields must be nil");
    if (cJSON_IsNull(tree_at(config, "metadata")))
        return status_set(write->status, 400, "BadRequest", "metadata must not be null");
    int r = validate_shape(write, config);
    if (r != 0)
        return r;
    if (current)
        return apply_to(write, current, config, force);
    if (write->subresource[0])
        return status_not_found(write->status, &write->collection->resource, write->name);
    if (tree_text(config, "metadata.uid")[0])
        return no_longer_there(write, tree_text(config, "metadata.uid"));
    cleanup_tree cJSON *tree = cJSON_Duplicate(config, true);
    cleanup_tree cJSON *set = fields_of(config);
    set_owner(write, entries_of(tree), NULL, set);
    write->owners_settled = true;
    return write_create(write, tree);
}
