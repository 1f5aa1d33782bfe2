#include "apiserver/object_set.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void object_set_deinit(struct object_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        object_unref(set->items[i]);
    free(set->items);
    *set = (struct object_set){0};
}

size_t object_set_find(const struct object_set *set, const char *key, bool *found)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(object_key(set->items[middle]), key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

struct object *object_set_get(const struct object_set *set, const char *key)
{
    bool found;
    size_t at = object_set_find(set, key, &found);
    return found ? set->items[at] : NULL;
}

static void grow(struct object_set *set, size_t need)
{
    if (need <= set->cap)
        return;
    size_t cap = set->cap < 16 ? 16 : set->cap * 2;
    set->cap = cap < need ? need : cap;
    set->items = mem_realloc(set->items, set->cap * sizeof(*set->items));
}

void object_set_put(struct object_set *set, struct object *object)
{
    bool found;
    size_t at = object_set_find(set, object_key(object), &found);
    object_ref(object);
    if (found) {
        object_unref(set->items[at]);
        set->items[at] = object;
        return;
    }
    grow(set, set->count + 1);
    memmove(set->items + at + 1, set->items + at, (set->count - at) * sizeof(*set->items));
    set->items[at] = object;
    set->count++;
}

void object_set_remove(struct object_set *set, const char *key)
{
    bool found;
    size_t at = object_set_find(set, key, &found);
    if (!found)
        return;
    object_unref(set->items[at]);
    set->count--;
    memmove(set->items + at, set->items + at + 1, (set->count - at) * sizeof(*set->items));
}

void object_set_range(const struct object_set *set, const char *namespace_, size_t *from, size_t *to)
{
    *from = 0;
    *to = set->count;
    if (!namespace_)
        return;
    /* '0' is the character after '/': no key of another namespace lies between. */
    bool found;
    char border[OBJECT_KEY_MAX];
    snprintf(border, sizeof(border), "%s/", namespace_);
    *from = object_set_find(set, border, &found);
    snprintf(border, sizeof(border), "%s0", namespace_);
    *to = object_set_find(set, border, &found);
}

void object_set_copy(struct object_set *out, const struct object_set *set, const char *namespace_)
{
    size_t from, to;
    object_set_range(set, namespace_, &from, &to);
    grow(out, to - from);
    for (size_t i = from; i < to; i++)
        out->items[out->count++] = object_ref(set->items[i]);
}
