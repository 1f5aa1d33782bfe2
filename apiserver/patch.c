/* Merge patch and JSON patch. */

#include "apiserver/patch.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/members.h"
#include "base/mem.h"

/* As a real server's. */
#define OPERATIONS_MAX 10000
#define COPIED_MAX ((size_t)3 << 20)

void patch_merge(cJSON *target, const cJSON *patch)
{
    cleanup_members struct members members;
    members_init(&members, target);
    for (const cJSON *item = tree_first(patch); item; item = item->next) {
        cJSON *there = members_find(&members, item->string);
        if (cJSON_IsNull(item))
            members_remove(&members, there);
        else if (!cJSON_IsObject(item))
            members_set(&members, item->string, cJSON_Duplicate(item, true));
        else
            patch_merge(cJSON_IsObject(there) ? there
                                              : members_set(&members, item->string, cJSON_CreateObject()),
                        item);
    }
}

/* ---- JSON patch ---- */

/* What is patched. Of the objects that its pointers led through last, the members are found by a table: most
 * patches change one object over and over. */
struct document {
    cJSON *root;
    struct members known[4]; /* of no object: free */
    unsigned next;
    size_t copied; /* bytes, by all operations */
};

static struct members *members_of(struct document *document, cJSON *object)
{
    for (size_t i = 0; i < array_size(document->known); i++)
        if (document->known[i].object == object)
            return &document->known[i];
    struct members *members = &document->known[document->next++ % array_size(document->known)];
    members_deinit(members);
    members_init(members, object);
    return members;
}

/* That goes, and all that is in it. */
static void forget(struct document *document, const cJSON *node)
{
    for (const cJSON *child = node->child; child; child = child->next)
        forget(document, child);
    for (size_t i = 0; cJSON_IsObject(node) && i < array_size(document->known); i++)
        if (document->known[i].object == node) {
            members_deinit(&document->known[i]);
            document->known[i].object = NULL;
        }
}

static void document_deinit(struct document *document)
{
    for (size_t i = 0; i < array_size(document->known); i++)
        members_deinit(&document->known[i]);
}

/* One reference token of a JSON pointer, unescaped; yours to free. */
static char *take_token(const char **pointer)
{
    size_t len = strcspn(++*pointer, "/");
    char *token = mem_dup(*pointer, len), *out = token;
    for (const char *at = token; *at; at++) {
        bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');
        *out++ = escaped ? (at[1] == '1' ? '/' : '~') : *at;
        at += escaped;
    }
    *out = '\0';
    *pointer += len;
    return token;
}

/* -1 for what is no index of that array. "-" and the size are the end, where that is allowed. */
static int index_of(const cJSON *array, const char *token, bool end_allowed)
{
    char *end;
    int size = cJSON_GetArraySize(array);
    if (end_allowed && !strcmp(token, "-"))
        return size;
    /* Never NULL for an array, which NULL is not: NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    long index = strtol(token, &end, 10);
    if (*end || end == token || token[0] == '-' || index < 0 || index >= size + end_allowed)
        return -1;
    return (int)index;
}

static cJSON *child_of(struct document *document, cJSON *node, const char *token)
{
    if (cJSON_IsObject(node))
        return members_find(members_of(document, node), token);
    int index = cJSON_IsArray(node) ? index_of(node, token, false) : -1;
    return index < 0 ? NULL : cJSON_GetArrayItem(node, index);
}

/* Where a pointer leads: its parent, and the last token (yours to free), NULL for the whole document. */
static cJSON *walk(struct document *document, const char *pointer, char **last)
{
    cJSON *node = document->root;
    *last = NULL;
    while (*pointer == '/') {
        cleanup_free char *token = take_token(&pointer);
        if (!*pointer) {
            *last = mem_steal(token);
            return node;
        }
        node = child_of(document, node, token);
        if (!node)
            return NULL;
    }
    return *pointer ? NULL : node;
}

static cJSON *find(struct document *document, const char *pointer)
{
    char *last;
    cJSON *parent = walk(document, pointer, &last);
    cJSON *found = last ? child_of(document, parent, last) : parent;
    free(last);
    return found;
}

/* (cJSON_InsertItemInArray of Debian 12 refuses every new item but at the front.) */
static void insert(cJSON *array, int index, cJSON *value)
{
    cJSON *behind = cJSON_GetArrayItem(array, index);
    if (!behind) {
        cJSON_AddItemToArray(array, value);
        return;
    }
    value->next = behind;
    value->prev = behind->prev;
    *(behind == array->child ? &array->child : &behind->prev->next) = value;
    behind->prev = value;
}

/* ---- bounds: a patch of a few bytes could make more of what is there than anybody can hold ---- */

static size_t pointer_depth(const char *pointer)
{
    size_t depth = 0;
    for (; *pointer; pointer++)
        depth += *pointer == '/';
    return depth;
}

static size_t height_of(const cJSON *node)
{
    size_t highest = 0;
    for (const cJSON *child = node->child; child; child = child->next) {
        size_t height = height_of(child);
        highest = height > highest ? height : highest;
    }
    return highest + 1;
}

static size_t weight_of(const cJSON *node)
{
    size_t weight =
        4 + (node->string ? strlen(node->string) : 0) + (node->valuestring ? strlen(node->valuestring) : 0);
    for (const cJSON *child = node->child; child; child = child->next)
        weight += weight_of(child);
    return weight;
}

static void replace_root(struct document *document, cJSON *value)
{
    forget(document, document->root);
    cJSON_Delete(document->root);
    document->root = value;
}

static void put_member(struct document *document, cJSON *object, const char *name, cJSON *value)
{
    struct members *members = members_of(document, object);
    const cJSON *there = members_find(members, name);
    if (there)
        forget(document, there);
    members_set(members, name, value);
}

static void put_element(struct document *document, cJSON *array, int index, cJSON *value, bool replace)
{
    if (!replace) {
        insert(array, index, value);
        return;
    }
    forget(document, cJSON_GetArrayItem(array, index));
    cJSON_ReplaceItemInArray(array, index, value);
}

/* Takes the value. Of an object, what is not there is replaced, too, as in a real server. */
static int put(struct document *document, const char *pointer, cJSON *value, bool replace)
{
    cleanup_free char *last = NULL;
    bool fits = pointer_depth(pointer) + height_of(value) <= JSON_DEPTH_MAX;
    cJSON *parent = fits ? walk(document, pointer, &last) : NULL;
    int index = parent && last && cJSON_IsArray(parent) ? index_of(parent, last, !replace) : -1;
    if (parent && !last) {
        replace_root(document, value);
    } else if (cJSON_IsObject(parent)) {
        put_member(document, parent, last, value);
    } else if (index >= 0) {
        put_element(document, parent, index, value, replace);
    } else {
        cJSON_Delete(value);
        return 1;
    }
    return 0;
}

static int take_out(struct document *document, const char *pointer)
{
    cleanup_free char *last = NULL;
    cJSON *parent = walk(document, pointer, &last);
    cJSON *item = last && parent ? child_of(document, parent, last) : NULL;
    if (!item)
        return 1;
    forget(document, item);
    if (cJSON_IsObject(parent))
        members_remove(members_of(document, parent), item);
    else
        cJSON_Delete(cJSON_DetachItemViaPointer(parent, item));
    return 0;
}

static int move(struct document *document, const cJSON *source, const char *from, const char *path)
{
    cJSON *moved = cJSON_Duplicate(source, true);
    take_out(document, from);
    return put(document, path, moved, false);
}

static int copy(struct document *document, const cJSON *source, const char *path)
{
    document->copied += weight_of(source);
    return document->copied > COPIED_MAX ? 1 : put(document, path, cJSON_Duplicate(source, true), false);
}

static int apply_operation(struct document *document, const cJSON *operation)
{
    const char *op = tree_text(operation, "op"), *path = tree_text(operation, "path"),
               *from = tree_text(operation, "from");
    const cJSON *value = tree_at(operation, "value");
    const cJSON *source = !strcmp(op, "move") || !strcmp(op, "copy") ? find(document, from) : value;
    if (!strcmp(op, "remove"))
        return take_out(document, path);
    if (!source)
        return 1;
    if (!strcmp(op, "test"))
        return tree_equal(find(document, path), value) ? 0 : 1;
    if (!strcmp(op, "add") || !strcmp(op, "replace"))
        return put(document, path, cJSON_Duplicate(value, true), !strcmp(op, "replace"));
    if (!strcmp(op, "copy"))
        return copy(document, source, path);
    return strcmp(op, "move") ? 1 : move(document, source, from, path);
}

static int rejected(struct status *status)
{
    status_set(status, 422, "Invalid", "the server rejected our request due to an error in our request");
    status->generic = true;
    return status->code;
}

int patch_json(cJSON **target, const cJSON *patch, struct status *status)
{
    const cJSON *operation;
    int r = 0;
    if (!cJSON_IsArray(patch))
        return status_set(status, 400, "BadRequest",
                          "error decoding patch: a JSON patch is an array of operations");
    if (cJSON_GetArraySize(patch) > OPERATIONS_MAX)
        return status_set(status, 413, "RequestEntityTooLarge",
                          "The allowed maximum operations in a JSON patch is %d, got %d", OPERATIONS_MAX,
                          cJSON_GetArraySize(patch));
    struct document document = {.root = *target};
    cJSON_ArrayForEach(operation, patch) r = r ? r : apply_operation(&document, operation);
    document_deinit(&document);
    *target = document.root;
    return r == 0 && cJSON_IsObject(*target) ? 0 : rejected(status);
}
