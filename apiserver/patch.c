/* Merge patch and JSON patch. */

#include "apiserver/patch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* As a real server's. */
#define OPERATIONS_MAX 10000
#define COPIED_MAX ((size_t)3 << 20)

void patch_merge(cJSON *target, const cJSON *patch)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        cJSON *there = cJSON_GetObjectItemCaseSensitive(target, item->string);
        if (cJSON_IsNull(item)) {
            tree_remove(target, item->string);
        } else if (!cJSON_IsObject(item)) {
            tree_set(target, item->string, cJSON_Duplicate(item, true));
        } else {
            if (!cJSON_IsObject(there))
                tree_set(target, item->string, cJSON_CreateObject());
            patch_merge(cJSON_GetObjectItemCaseSensitive(target, item->string), item);
        }
    }
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

static cJSON *child_of(const cJSON *node, const char *token)
{
    if (cJSON_IsObject(node))
        return cJSON_GetObjectItemCaseSensitive(node, token);
    int index = cJSON_IsArray(node) ? index_of(node, token, false) : -1;
    return index < 0 ? NULL : cJSON_GetArrayItem(node, index);
}

/* Where a pointer leads: its parent, and the last token (yours to free), NULL for the whole document. */
static cJSON *walk(cJSON *root, const char *pointer, char **last)
{
    *last = NULL;
    while (*pointer == '/') {
        cleanup_free char *token = take_token(&pointer);
        if (!*pointer) {
            *last = mem_steal(token);
            return root;
        }
        root = child_of(root, token);
        if (!root)
            return NULL;
    }
    return *pointer ? NULL : root;
}

static cJSON *find(cJSON *root, const char *pointer)
{
    char *last;
    cJSON *parent = walk(root, pointer, &last);
    cJSON *found = last ? child_of(parent, last) : parent;
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

/* Takes the value. Of an object, what is not there is replaced, too, as in a real server. */
static int put(cJSON **root, const char *pointer, cJSON *value, bool replace)
{
    cleanup_free char *last = NULL;
    bool fits = pointer_depth(pointer) + height_of(value) <= JSON_DEPTH_MAX;
    cJSON *parent = fits ? walk(*root, pointer, &last) : NULL;
    int index = parent && last && cJSON_IsArray(parent) ? index_of(parent, last, !replace) : -1;
    if (parent && !last) {
        cJSON_Delete(*root);
        *root = value;
    } else if (cJSON_IsObject(parent)) {
        tree_set(parent, last, value);
    } else if (index >= 0 && replace) {
        cJSON_ReplaceItemInArray(parent, index, value);
    } else if (index >= 0) {
        insert(parent, index, value);
    } else {
        cJSON_Delete(value);
        return 1;
    }
    return 0;
}

static int take_out(cJSON *root, const char *pointer)
{
    cleanup_free char *last = NULL;
    cJSON *parent = walk(root, pointer, &last);
    cJSON *item = last && parent ? child_of(parent, last) : NULL;
    if (!item)
        return 1;
    cJSON_Delete(cJSON_DetachItemViaPointer(parent, item));
    return 0;
}

static int move(cJSON **target, const cJSON *source, const char *from, const char *path)
{
    cJSON *moved = cJSON_Duplicate(source, true);
    take_out(*target, from);
    return put(target, path, moved, false);
}

/* copied: bytes so far, by all operations. */
static int copy(cJSON **target, const cJSON *source, const char *path, size_t *copied)
{
    *copied += weight_of(source);
    return *copied > COPIED_MAX ? 1 : put(target, path, cJSON_Duplicate(source, true), false);
}

static int apply_operation(cJSON **target, const cJSON *operation, size_t *copied)
{
    const char *op = tree_text(operation, "op"), *path = tree_text(operation, "path"),
               *from = tree_text(operation, "from");
    const cJSON *value = tree_at(operation, "value");
    const cJSON *source = !strcmp(op, "move") || !strcmp(op, "copy") ? find(*target, from) : value;
    if (!strcmp(op, "remove"))
        return take_out(*target, path);
    if (!source)
        return 1;
    if (!strcmp(op, "test"))
        return tree_equal(find(*target, path), value) ? 0 : 1;
    if (!strcmp(op, "add") || !strcmp(op, "replace"))
        return put(target, path, cJSON_Duplicate(value, true), !strcmp(op, "replace"));
    if (!strcmp(op, "copy"))
        return copy(target, source, path, copied);
    return strcmp(op, "move") ? 1 : move(target, source, from, path);
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
    size_t copied = 0;
    if (!cJSON_IsArray(patch))
        return status_set(status, 400, "BadRequest",
                          "error decoding patch: a JSON patch is an array of operations");
    if (cJSON_GetArraySize(patch) > OPERATIONS_MAX)
        return status_set(status, 413, "RequestEntityTooLarge",
                          "The allowed maximum operations in a JSON patch is %d, got %d", OPERATIONS_MAX,
                          cJSON_GetArraySize(patch));
    cJSON_ArrayForEach(operation, patch)
    {
        if (apply_operation(target, operation, &copied) == 0)
            continue;
        return rejected(status);
    }
    return cJSON_IsObject(*target) ? 0 : rejected(status);
}
