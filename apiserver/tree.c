#include "apiserver/tree.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define WHOLE_MAX 9007199254740992.0 /* up to which all whole numbers are exact */
#define FEW 12                       /* members that are compared each with each other */

void tree_deletep(cJSON **tree)
{
    cJSON_Delete(*tree);
}

/* The next number in the text from `at` on, outside of strings. NULL at the end. */
static const char *next_number(const char *at, const char *end)
{
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted && *at == '\\')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == '-' || isdigit((unsigned char)*at)))
            return at;
    }
    return NULL;
}

static size_t number_length(const char *at, const char *end)
{
    const char *from = at;
    while (at < end && (isdigit((unsigned char)*at) || strchr("+-.eE", *at)))
        at++;
    return (size_t)(at - from);
}

/* A number of up to nine digits and nothing else is printed as it was read. */
static bool spelled_plainly(const char *text, size_t len)
{
    if (len > 9 || (len == 2 && text[0] == '-' && text[1] == '0'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)text[i]) && !(i == 0 && text[i] == '-'))
            return false;
    return true;
}

/* Goes through tree and text side by side: both have the numbers in the same order. */
static const char *keep_spelling(cJSON *node, const char *at, const char *end)
{
    for (cJSON *child = node->child; child; child = child->next)
        at = keep_spelling(child, at, end);
    if (!cJSON_IsNumber(node))
        return at;
    at = next_number(at, end);
    if (!at)
        return end;
    size_t len = number_length(at, end);
    if (!spelled_plainly(at, len)) {
        node->type = (node->type & ~0xff) | cJSON_Raw;
        node->valuestring = mem_dup(at, len);
    }
    return at + len;
}

/* A backslash that is escaped itself does not begin an escape. */
static bool has_nul(const char *json, size_t len)
{
    const char *at = json, *end = json + len;
    if (memchr(json, '\0', len))
        return true;
    for (; (at = memmem(at, (size_t)(end - at), "\\u0000", 6)); at += 6) {
        size_t backslashes = 1;
        while (at - backslashes >= json && at[-(ptrdiff_t)backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 1)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *one = a, *const *other = b;
    return strcmp((*one)->string, (*other)->string);
}

static size_t count_from(const cJSON *member)
{
    size_t count = 0;
    for (; member; member = member->next)
        count++;
    return count;
}

/* That member and those behind it, by their names; yours to free. (What a Go client sends is in order.) */
static const cJSON **sorted_from(const cJSON *member, size_t count)
{
    const cJSON **members = mem_alloc((count + 1) * sizeof(*members));
    bool sorted = true;
    for (size_t i = 0; member; member = member->next, i++) {
        members[i] = member;
        sorted = sorted && (i == 0 || by_name(&members[i - 1], &members[i]) <= 0);
    }
    if (!sorted)
        qsort(members, count, sizeof(*members), by_name);
    return members;
}

static bool has_twin(const cJSON *object)
{
    for (const cJSON *child = object->child; child; child = child->next)
        for (const cJSON *other = child->next; other; other = other->next)
            if (!strcmp(child->string, other->string))
                return true;
    return false;
}

/* An object with a member twice is two objects, each to be read by somebody. */
static bool is_ambiguous(const cJSON *node)
{
    size_t count = 0;
    bool found = false;
    for (const cJSON *child = node->child; child && !found; child = child->next, count++)
        found = is_ambiguous(child);
    if (found || count < 2 || !cJSON_IsObject(node))
        return found;
    if (count <= FEW)
        return has_twin(node);
    cleanup_free const cJSON **members = sorted_from(node->child, count);
    for (size_t i = 1; i < count && !found; i++)
        found = by_name(&members[i - 1], &members[i]) == 0;
    return found;
}

cJSON *tree_parse(const char *json, size_t len)
{
    if (!json || has_nul(json, len) || !utf8_valid(json, len))
        return NULL;
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(json, len, &end, 0);
    while (tree && end < json + len && isspace((unsigned char)*end))
        end++;
    if (tree && (end != json + len || is_ambiguous(tree))) {
        cJSON_Delete(tree);
        return NULL;
    }
    if (tree)
        keep_spelling(tree, json, json + len);
    return tree;
}

int tree_print(const cJSON *tree, struct buf *out)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (!text)
        abort();
    int r = buf_append_str(out, text);
    cJSON_free(text);
    return r;
}

/* From the first on that are not at the same place in both. */
static bool rest_equal(const cJSON *a, const cJSON *b)
{
    size_t count = count_from(a);
    if (count != count_from(b))
        return false;
    cleanup_free const cJSON **mine = sorted_from(a, count), **theirs = sorted_from(b, count);
    for (size_t i = 0; i < count; i++)
        if (by_name(&mine[i], &theirs[i]) != 0 || !tree_equal(mine[i], theirs[i]))
            return false;
    return true;
}

static bool children_equal(const cJSON *a, const cJSON *b, bool named)
{
    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
        if (named && strcmp(a->string, b->string) != 0)
            return rest_equal(a, b);
        if (!tree_equal(a, b))
            return false;
    }
    return a == b;
}

/* (cJSON's own compares the members of a with those of b, and then those of b with those of a, at each
 * level.) */
bool tree_equal(const cJSON *a, const cJSON *b)
{
    if (!a || !b)
        return a == b;
    if ((a->type & 0xff) != (b->type & 0xff))
        return false;
    switch (a->type & 0xff) {
    case cJSON_Number:
        return a->valuedouble == b->valuedouble;
    case cJSON_String:
    case cJSON_Raw:
        return !strcmp(a->valuestring, b->valuestring);
    case cJSON_Array:
    case cJSON_Object:
        return children_equal(a, b, cJSON_IsObject(a));
    default:
        return true;
    }
}

static cJSON *member(const cJSON *object, const char *name, size_t len)
{
    if (!cJSON_IsObject(object))
        return NULL;
    for (cJSON *child = object->child; child; child = child->next)
        if ((!len || child->string[0] == name[0]) && !strncmp(child->string, name, len) &&
            !child->string[len])
            return child;
    return NULL;
}

/* Of the first name in a path. */
static size_t step_len(const char *path)
{
    return (size_t)(strchrnul(path, '.') - path);
}

cJSON *tree_at(const cJSON *tree, const char *path)
{
    const cJSON *node = tree;
    while (node && *path) {
        size_t len = step_len(path);
        node = member(node, path, len);
        path += len + (path[len] == '.');
    }
    return (cJSON *)node;
}

const char *tree_text(const cJSON *tree, const char *path)
{
    const cJSON *node = tree_at(tree, path);
    return cJSON_IsString(node) ? node->valuestring : "";
}

cJSON *tree_first(const cJSON *object)
{
    return cJSON_IsObject(object) ? object->child : NULL;
}

double tree_number(const cJSON *tree, const char *path, double otherwise)
{
    const cJSON *node = tree_at(tree, path);
    double number = cJSON_IsRaw(node)      ? strtod(node->valuestring, NULL)
                    : cJSON_IsNumber(node) ? node->valuedouble
                                           : otherwise;
    return number > WHOLE_MAX ? WHOLE_MAX : number < -WHOLE_MAX ? -WHOLE_MAX : number;
}

int tree_count(const cJSON *tree, const char *path, int otherwise)
{
    double number = tree_number(tree, path, otherwise);
    return number > 0 ? number < TREE_COUNT_MAX ? (int)number : TREE_COUNT_MAX : 0;
}

cJSON *tree_make(cJSON *tree, const char *path)
{
    while (*path) {
        size_t len = step_len(path);
        cleanup_free char *name = mem_dup(path, len);
        cJSON *child = member(tree, name, len);
        if (!cJSON_IsObject(child)) {
            child = cJSON_CreateObject();
            tree_set(tree, name, child);
        }
        tree = child;
        path += len + (path[len] == '.');
    }
    return tree;
}

void tree_set(cJSON *object, const char *name, cJSON *value)
{
    if (!cJSON_IsObject(object))
        cJSON_Delete(value);
    else if (member(object, name, strlen(name)))
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, value);
    else
        cJSON_AddItemToObject(object, name, value);
}

void tree_set_text(cJSON *object, const char *name, const char *text)
{
    tree_set(object, name, cJSON_CreateString(text));
}

void tree_set_number(cJSON *object, const char *name, double number)
{
    tree_set(object, name, cJSON_CreateNumber(number));
}

void tree_default(cJSON *object, const char *name, cJSON *value)
{
    const cJSON *there = member(object, name, strlen(name));
    if (there && !cJSON_IsNull(there))
        cJSON_Delete(value);
    else
        tree_set(object, name, value);
}

void tree_remove(cJSON *object, const char *name)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
}

void tree_add(cJSON *list, cJSON *item)
{
    if (cJSON_IsArray(list))
        cJSON_AddItemToArray(list, item);
    else
        cJSON_Delete(item);
}

cJSON *tree_make_list(cJSON *object, const char *name)
{
    cJSON *list = member(object, name, strlen(name));
    if (cJSON_IsArray(list))
        return list;
    tree_set(object, name, cJSON_CreateArray());
    return member(object, name, strlen(name));
}

static void move(cJSON *from, cJSON *item, cJSON *to)
{
    if (item)
        cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, item));
}

void tree_order(cJSON *object, const char *const *names)
{
    cJSON *ordered = cJSON_CreateObject();
    for (; *names; names++)
        move(object, member(object, *names, strlen(*names)), ordered);
    while (object->child)
        move(object, object->child, ordered);
    object->child = ordered->child;
    ordered->child = NULL;
    cJSON_Delete(ordered);
}
