#include "apiserver/fields.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/members.h"
#include "apiserver/patch.h"
#include "base/mem.h"

/* "k:{"name":"a"}", the name of an element in a set; yours to free. */
static char *element_name(const cJSON *element, const char *const *keys)
{
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    cJSON *id = cJSON_CreateObject();
    for (; *keys; keys++) {
        const cJSON *value = tree_at(element, *keys);
        if (value)
            tree_set(id, *keys, cJSON_Duplicate(value, true));
        else if (!strcmp(*keys, "protocol"))
            tree_set_text(id, *keys, "TCP");
    }
    buf_append_str(&out, "k:");
    tree_print(id, &out);
    cJSON_Delete(id);
    return buf_steal(&out);
}

/* Is the value taken apart, or one field? */
static const char *const *keys_of(const cJSON *value)
{
    return cJSON_IsArray(value) && value->string ? list_keys(value->string, value) : NULL;
}

/* Objects that are one value, by the name that they have as a member: selectors and references, of which a
 * part makes no sense. */
static bool is_atomic(const cJSON *value)
{
    static const char *const names[] = {"selector",          "nodeSelector", "labelSelector",   "podSelector",
                                        "namespaceSelector", "secretKeyRef", "configMapKeyRef", "fieldRef",
                                        "resourceFieldRef",  "secretRef",    "roleRef",         "claimRef"};
    for (size_t i = 0; value->string && i < array_size(names); i++)
        if (!strcmp(value->string, names[i]))
            return true;
    return false;
}

static cJSON *set_of(const cJSON *value, const cJSON *old);

static cJSON *list_set(const cJSON *list, const cJSON *old, const char *const *keys)
{
    cJSON *set = cJSON_CreateObject();
    cleanup_members struct members named;
    const cJSON *element;
    members_init(&named, set);
    cJSON_ArrayForEach(element, list)
    {
        cleanup_free char *name = element_name(element, keys);
        cJSON *before = cJSON_IsArray(old) ? list_match(old, element, keys) : NULL;
        cJSON *fields = set_of(element, before);
        if (fields && !before)
            tree_set(fields, ".", cJSON_CreateObject());
        if (fields)
            members_set(&named, name, fields);
    }
    return set;
}

/* NULL where nothing differs from old. Without old everything is in the set. */
static cJSON *set_of(const cJSON *value, const cJSON *old)
{
    const char *const *keys = keys_of(value);
    cJSON *set;
    if (old && tree_equal(value, old))
        return NULL;
    if (keys)
        return list_set(value, old, keys);
    set = cJSON_CreateObject();
    if (!cJSON_IsObject(value) || is_atomic(value))
        return set;
    cleanup_members struct members before;
    members_init(&before, old);
    for (const cJSON *item = value->child; item; item = item->next) {
        cJSON *fields = set_of(item, members_find(&before, item->string));
        cleanup_free char *name = mem_printf("f:%s", item->string);
        if (fields)
            cJSON_AddItemToObject(set, name, fields); /* there is none of that name yet */
    }
    return set;
}

/* What only the server sets, or what says which object it is, belongs to nobody. */
static void drop_identity(cJSON *set)
{
    static const char *const metadata[] = {"f:name",
                                           "f:namespace",
                                           "f:uid",
                                           "f:resourceVersion",
                                           "f:generation",
                                           "f:creationTimestamp",
                                           "f:selfLink",
                                           "f:deletionTimestamp",
                                           "f:managedFields",
                                           "f:generateName",
                                           "f:deletionGracePeriodSeconds"};
    cJSON *of = cJSON_GetObjectItemCaseSensitive(set, "f:metadata");
    tree_remove(set, "f:kind");
    tree_remove(set, "f:apiVersion");
    if (!of)
        return;
    for (size_t i = 0; i < array_size(metadata); i++)
        tree_remove(of, metadata[i]);
    if (!of->child)
        tree_remove(set, "f:metadata");
}

cJSON *fields_of(const cJSON *tree)
{
    cJSON *set = set_of(tree, NULL);
    drop_identity(set);
    return set;
}

cJSON *fields_changed(const cJSON *tree, const cJSON *old)
{
    cJSON *set = set_of(tree, old);
    if (!set)
        return cJSON_CreateObject();
    drop_identity(set);
    return set;
}

bool fields_empty(const cJSON *set)
{
    return !set || !set->child;
}

void fields_subtract(cJSON *set, const cJSON *other)
{
    cleanup_members struct members members;
    members_init(&members, set);
    for (const cJSON *item = tree_first(other); item; item = item->next) {
        cJSON *mine = members_find(&members, item->string);
        if (!mine)
            continue;
        if (mine->child && item->child)
            fields_subtract(mine, item);
        if (!mine->child || !item->child)
            members_remove(&members, mine);
    }
}

void fields_unite(cJSON *set, const cJSON *other)
{
    cleanup_members struct members members;
    members_init(&members, set);
    for (const cJSON *item = tree_first(other); item; item = item->next) {
        cJSON *mine = members_find(&members, item->string);
        if (mine)
            fields_unite(mine, item);
        else
            members_set(&members, item->string, cJSON_Duplicate(item, true));
    }
}

/* The value that a member of a set names: of an object, or in a list. members: of that object or list. */
static cJSON *value_of(struct members *members, const char *name)
{
    const cJSON *tree = members->object;
    if (!strncmp(name, "f:", 2))
        return members_find(members, name + 2);
    if (strncmp(name, "k:", 2) || !cJSON_IsArray(tree))
        return NULL;
    cleanup_tree cJSON *id = tree_parse(name + 2, strlen(name + 2));
    const char *keys[8];
    size_t n = 0;
    for (const cJSON *key = tree_first(id); key && n < 7; key = key->next)
        keys[n++] = key->string;
    keys[n] = NULL;
    return n ? list_match(tree, id, keys) : NULL;
}

static void remove_value(struct members *members, cJSON *value)
{
    if (cJSON_IsObject(members->object))
        members_remove(members, value);
    else
        cJSON_Delete(cJSON_DetachItemViaPointer(members->object, value));
}

void fields_remove(cJSON *tree, const cJSON *set)
{
    cleanup_members struct members members;
    members_init(&members, tree);
    for (const cJSON *item = tree_first(set); item; item = item->next) {
        cJSON *value = value_of(&members, item->string);
        if (!value)
            continue;
        bool whole = !item->child || cJSON_GetObjectItemCaseSensitive(item, ".");
        if (!whole)
            fields_remove(value, item);
        if (whole || (!value->child && (cJSON_IsObject(value) || cJSON_IsArray(value))))
            remove_value(&members, value);
    }
}

void fields_prune(cJSON *set, const cJSON *tree)
{
    cleanup_members struct members members;
    members_init(&members, tree);
    for (cJSON *item = tree_first(set), *next; item; item = next) {
        const cJSON *value = value_of(&members, item->string);
        next = item->next;
        if (!strcmp(item->string, "."))
            continue;
        bool leaf = !item->child;
        if (value && !leaf)
            fields_prune(item, value);
        if (!value || (!leaf && !item->child))
            cJSON_Delete(cJSON_DetachItemViaPointer(set, item));
    }
}

/* ".spec" or "[name=\"nginx\"]", as a real server words it. */
static void append_path(struct buf *path, const char *name)
{
    if (name[0] == 'f') {
        buf_appendf(path, ".%s", name + 2);
        return;
    }
    cleanup_tree cJSON *id = tree_parse(name + 2, strlen(name + 2));
    for (const cJSON *key = tree_first(id); key; key = key->next) {
        buf_appendf(path, "%s%s=", key == id->child ? "[" : ",", key->string);
        tree_print(key, path);
    }
    buf_append_char(path, ']');
}

bool fields_conflict(const cJSON *set, const cJSON *other, const cJSON *a, const cJSON *b, struct buf *path)
{
    cleanup_members struct members others, of_a, of_b;
    members_init(&others, other);
    members_init(&of_a, a);
    members_init(&of_b, b);
    for (const cJSON *item = tree_first(set); item; item = item->next) {
        const cJSON *theirs = members_find(&others, item->string);
        const cJSON *x = value_of(&of_a, item->string), *y = value_of(&of_b, item->string);
        size_t len = path->len;
        if (!theirs || !x || !strcmp(item->string, "."))
            continue;
        append_path(path, item->string);
        if (item->child && theirs->child ? y && fields_conflict(item, theirs, x, y, path) : !tree_equal(x, y))
            return true;
        buf_truncate(path, len);
    }
    return false;
}

static void merge_lists(cJSON *list, const cJSON *config, const char *const *keys)
{
    const cJSON *element;
    cJSON_ArrayForEach(element, config)
    {
        cJSON *there = list_match(list, element, keys);
        if (there)
            fields_merge(there, element);
        else
            cJSON_AddItemToArray(list, cJSON_Duplicate(element, true));
    }
}

void fields_merge(cJSON *tree, const cJSON *config)
{
    cleanup_members struct members members;
    members_init(&members, tree);
    for (const cJSON *item = tree_first(config); item; item = item->next) {
        cJSON *there = members_find(&members, item->string);
        const char *const *keys = keys_of(item);
        if (cJSON_IsObject(item) && cJSON_IsObject(there) && !is_atomic(item))
            fields_merge(there, item);
        else if (keys && cJSON_IsArray(there))
            merge_lists(there, item, keys);
        else
            members_set(&members, item->string, cJSON_Duplicate(item, true));
    }
}
