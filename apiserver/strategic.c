/*
 * Strategic merge patch: a merge patch that knows which lists are maps in disguise. A real server reads that
 * out of its types; here it is a table of field names, which for the built-in kinds are unambiguous but for
 * "ports".
 *
 * Directives: $patch (replace, delete, merge), $retainKeys, $deleteFromPrimitiveList/x, $setElementOrder/x
 * (where the patch has that list, too).
 */

#include "apiserver/patch.h"

#include <string.h>

#include "apiserver/members.h"
#include "base/mem.h"

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
    const char *field;
    const char *const *keys;
} associative[] = {
    {"containers", KEYS("name")},
    {"initContainers", KEYS("name")},
    {"ephemeralContainers", KEYS("name")},
    {"volumes", KEYS("name")},
    {"env", KEYS("name")},
    {"volumeMounts", KEYS("mountPath")},
    {"volumeDevices", KEYS("devicePath")},
    {"imagePullSecrets", KEYS("name")},
    {"secrets", KEYS("name")},
    {"hostAliases", KEYS("ip")},
    {"topologySpreadConstraints", KEYS("topologyKey", "whenUnsatisfiable")},
    {"conditions", KEYS("type")},
    {"ownerReferences", KEYS("uid")},
    {"addresses", KEYS("type")},
    {"podIPs", KEYS("ip")},
    {"resourceClaims", KEYS("name")},
    {"schedulingGates", KEYS("name")},
};

static const char *const container_ports[] = {"containerPort", "protocol", NULL};
static const char *const service_ports[] = {"port", "protocol", NULL};

const char *const *list_keys(const char *field, const cJSON *list)
{
    if (!list || !cJSON_IsObject(list->child))
        return NULL;
    if (!strcmp(field, "ports"))
        return tree_at(list->child, "containerPort") ? container_ports
               : tree_at(list->child, "port")        ? service_ports
                                                     : NULL;
    for (size_t i = 0; i < array_size(associative); i++)
        if (!strcmp(field, associative[i].field))
            return associative[i].keys;
    return NULL;
}

static bool same_keys(const cJSON *a, const cJSON *b, const char *const *keys)
{
    for (; *keys; keys++) {
        const cJSON *x = tree_at(a, *keys), *y = tree_at(b, *keys);
        /* The protocol of a port is TCP where it is left out. */
        bool absent = !x || !y;
        if (absent && strcmp(*keys, "protocol"))
            return false;
        if (absent ? (x || y) && strcmp(x ? tree_text(a, *keys) : tree_text(b, *keys), "TCP")
                   : !tree_equal(x, y))
            return false;
    }
    return true;
}

cJSON *list_match(const cJSON *list, const cJSON *like, const char *const *keys)
{
    cJSON *item;
    cJSON_ArrayForEach(item, list) if (same_keys(item, like, keys)) return item;
    return NULL;
}

static bool is_directive(const char *name)
{
    return name[0] == '$' &&
           (!strcmp(name, "$patch") || !strcmp(name, "$retainKeys") ||
            !strncmp(name, "$setElementOrder/", 17) || !strncmp(name, "$deleteFromPrimitiveList/", 25));
}

static const char *directive(const cJSON *patch)
{
    return tree_text(patch, "$patch");
}

static void merge_object(cJSON *target, const cJSON *patch);

/* What is new is merged into nothing, so that its directives do not get stored. */
static cJSON *fresh(const cJSON *patch)
{
    if (!cJSON_IsObject(patch))
        return cJSON_Duplicate(patch, true);
    cJSON *made = cJSON_CreateObject();
    merge_object(made, patch);
    return made;
}

static void merge_element(cJSON *list, const cJSON *element, const char *const *keys)
{
    cJSON *there = list_match(list, element, keys);
    const char *what = directive(element);
    if (!strcmp(what, "delete")) {
        if (there)
            cJSON_Delete(cJSON_DetachItemViaPointer(list, there));
    } else if (!there) {
        cJSON_AddItemToArray(list, fresh(element));
    } else if (!strcmp(what, "replace")) {
        cJSON *made = fresh(element);
        cJSON_ReplaceItemViaPointer(list, there, made);
    } else {
        merge_object(there, element);
    }
}

static cJSON *fresh_list(const cJSON *patch)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *element;
    cJSON_ArrayForEach(element, patch) if (!directive(element)[0]) cJSON_AddItemToArray(list, fresh(element));
    return list;
}

static bool list_replaced(const cJSON *patch)
{
    const cJSON *element;
    cJSON_ArrayForEach(element, patch) if (!strcmp(directive(element), "replace") &&
                                           cJSON_GetArraySize(element) == 1) return true;
    return false;
}

/* finalizers are a set of words: a patch adds. */
static void merge_words(cJSON *list, const cJSON *patch)
{
    const cJSON *word;
    cJSON_ArrayForEach(word, patch)
    {
        bool there = false;
        for (const cJSON *item = list->child; item && !there; item = item->next)
            there = tree_equal(item, word);
        if (!there)
            cJSON_AddItemToArray(list, cJSON_Duplicate(word, true));
    }
}

/* Where it was among those; -1 for what is new. */
static int place_of(const cJSON *const *places, int was, const cJSON *item)
{
    for (int i = 0; i < was; i++)
        if (places[i] == item)
            return i;
    return -1;
}

/* Merged lists are in the order that kubectl finds in a real server: what the patch names is in the patch's
 * order, what it does not stays in its own, and of two that both were there the first stays first; what is
 * new goes before. `list` begins with what was there, `was` of them. */
static void order_list(cJSON *list, int was, const cJSON *order, const char *const *keys)
{
    cJSON *named = cJSON_CreateArray(), *item, *others = cJSON_CreateArray();
    const cJSON *element;
    int count = cJSON_GetArraySize(list);
    const cJSON **places = mem_alloc((size_t)(count + 1) * sizeof(*places));
    for (int i = 0; i < count; i++)
        places[i] = cJSON_GetArrayItem(list, i);
    cJSON_ArrayForEach(element, order) if ((item = list_match(list, element, keys)))
        cJSON_AddItemToArray(named, cJSON_DetachItemViaPointer(list, item));
    while ((item = cJSON_DetachItemFromArray(list, 0)))
        cJSON_AddItemToArray(others, item);
    while (named->child || others->child) {
        int left = place_of(places, was, others->child), right = place_of(places, was, named->child);
        bool other = !named->child || (others->child && left >= 0 && right >= 0 && left < right);
        cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(other ? others : named, 0));
    }
    free(places);
    cJSON_Delete(named);
    cJSON_Delete(others);
}

/* Merges elements by their keys. patch: the object that the list is in. */
static void merge_elements(cJSON *there, const cJSON *list, const char *const *keys, const cJSON *patch)
{
    cleanup_free char *directive_name = mem_printf("$setElementOrder/%s", list->string);
    const cJSON *stated = cJSON_GetObjectItemCaseSensitive(patch, directive_name), *element;
    int added = 0;
    cJSON_ArrayForEach(element, list)
    {
        int before = cJSON_GetArraySize(there);
        merge_element(there, element, keys);
        added += cJSON_GetArraySize(there) > before;
    }
    order_list(there, cJSON_GetArraySize(there) - added, stated ? stated : list, keys);
}

static void merge_list(struct members *target, const cJSON *patch, const cJSON *within)
{
    const char *field = patch->string;
    cJSON *there = members_find(target, field);
    const char *const *keys = list_keys(field, patch);
    if (!cJSON_IsArray(there) || list_replaced(patch)) {
        members_set(target, field, fresh_list(patch));
    } else if (!strcmp(field, "finalizers")) {
        merge_words(there, patch);
    } else if (keys) {
        merge_elements(there, patch, keys, within);
    } else {
        members_set(target, field, fresh_list(patch));
    }
}

static void delete_words(struct members *target, const cJSON *patch)
{
    cJSON *list = members_find(target, strchr(patch->string, '/') + 1);
    const cJSON *word;
    cJSON_ArrayForEach(word, patch)
    {
        for (cJSON *item = list ? list->child : NULL, *next; item; item = next) {
            next = item->next;
            if (tree_equal(item, word))
                cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
        }
    }
}

/* Only the members named stay. */
static void retain(cJSON *target, const cJSON *keys)
{
    cleanup_tree cJSON *wanted = cJSON_CreateObject();
    cleanup_members struct members names;
    const cJSON *key;
    members_init(&names, wanted);
    cJSON_ArrayForEach(key, keys) if (cJSON_IsString(key))
        members_set(&names, key->valuestring, cJSON_CreateTrue());
    for (cJSON *member = target->child, *next; member; member = next) {
        next = member->next;
        if (!members_find(&names, member->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(target, member));
    }
}

/* patch: the object that item is in. */
static void merge_member(struct members *target, const cJSON *item, const cJSON *patch)
{
    cJSON *there = members_find(target, item->string);
    if (!strncmp(item->string, "$deleteFromPrimitiveList/", 25))
        delete_words(target, item);
    else if (is_directive(item->string))
        return;
    else if (cJSON_IsNull(item))
        members_remove(target, there);
    else if (cJSON_IsArray(item))
        merge_list(target, item, patch);
    else if (!cJSON_IsObject(item) || !cJSON_IsObject(there))
        members_set(target, item->string, fresh(item));
    else
        merge_object(there, item);
}

static void merge_object(cJSON *target, const cJSON *patch)
{
    const cJSON *item;
    const char *what = directive(patch);
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(patch, "$retainKeys");
    if (!strcmp(what, "replace") || !strcmp(what, "delete"))
        while (target->child)
            cJSON_Delete(cJSON_DetachItemViaPointer(target, target->child));
    if (!strcmp(what, "delete"))
        return;
    if (keys)
        retain(target, keys);
    cleanup_members struct members members;
    members_init(&members, target);
    cJSON_ArrayForEach(item, patch) merge_member(&members, item, patch);
}

int patch_strategic(cJSON *target, const cJSON *patch, struct status *status)
{
    if (!cJSON_IsObject(patch))
        return status_set(status, 400, "BadRequest", "a strategic merge patch is an object");
    merge_object(target, patch);
    return 0;
}
